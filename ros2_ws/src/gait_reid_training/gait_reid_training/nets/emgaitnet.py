"""EMGaitNet: picture and point cloud of a walking person, aligned by semantic tokens and fused.

After "Walking Further: Semantic-aware Multimodal Gait Recognition Under Long-Range Conditions"
(AAAI 2026), of which no code is public: what the paper leaves open is decided here and named in
the documentation. What is ours: parts of silhouettes beside the fused ones, quality gates, null
tokens for a sensor that sees nothing, the code of view, speed and range, summaries and losses of
single sensors, and smaller widths.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from gait_reid_training.batch import WalkBatch, WalkNetwork, WalkOutput
from gait_reid_training.nets.attention import MASKED, masked_mean
from gait_reid_training.nets.branches import BranchSupervision, CloudSummary, WalkSummary
from gait_reid_training.nets.emgaitnet_config import EMGaitNetConfig
from gait_reid_training.nets.gate import ModalityGate, mixed
from gait_reid_training.nets.heads import BNNeck, HorizontalPyramidPooling, SeparateFC
from gait_reid_training.nets.outline import OutlineBranch
from gait_reid_training.nets.pointgnn import PointGNN
from gait_reid_training.nets.present import where_present
from gait_reid_training.nets.resnet9 import ResNet9, normalised_pixels
from gait_reid_training.nets.scaf import SymmetricCrossAttentionFusion
from gait_reid_training.nets.semi import SemanticSource, key_frames, make_semantics
from gait_reid_training.nets.sga import SemanticGuidedAlignment
from gait_reid_training.nets.temporal import SpatioTemporal, TemporalMax

STATE_SIZE = 4


def _outline_branch(config: EMGaitNetConfig) -> OutlineBranch:
    size = (config.image_size[0], config.image_size[1])
    return OutlineBranch(
        config.outline_channels, config.strides, size, config.columns, config.dim, config.parts,
        config.embedding_dim,
    )  # fmt: skip


class EMGaitNet(WalkNetwork):
    """The network, whole (`forward`) and in the parts that a run time calls one by one.

    Symbols: M frames, B walks, T frames of a walk, N points, P cells of the picture's map, S = 5
    semantic tokens, d = ``config.dim``.

    Args:
        config: Widths and switches.
    """

    def __init__(self, config: EMGaitNetConfig) -> None:
        super().__init__()
        self.config = config
        self.outline = _outline_branch(config) if config.outline_channels else None
        self.uses = frozenset({"camera", "lidar", *(["silhouette"] if self.outline else [])})
        self.parts, self.dim = config.parts * (2 if self.outline else 1), config.embedding_dim
        dim, cells = config.dim, config.rows * config.columns
        self.resnet = ResNet9(3, config.channels, config.strides)
        self.map_project = nn.Linear(config.channels[-1], dim)
        self.map_position = nn.Parameter(0.02 * torch.randn(cells, dim))
        self.pointgnn = PointGNN(config.point_widths, dim, config.k)
        self.semantic_source: SemanticSource | None = make_semantics(config)
        self.gate = ModalityGate(dim, cells, learned=config.gate)
        self.state_code = nn.Sequential(
            nn.Linear(STATE_SIZE, dim), nn.GELU(), nn.Linear(dim, 2 * dim)
        )
        self.sga = SemanticGuidedAlignment(dim, config.heads, config.ffn) if config.sga else None
        self.scaf = SymmetricCrossAttentionFusion(dim, config.heads, config.ffn, config.scaf_layers)
        self.temporal: nn.Module = (
            SpatioTemporal(dim, config.heads, config.ffn)
            if config.temporal == "st"
            else TemporalMax(dim, config.ffn)
        )
        self.hpp = HorizontalPyramidPooling(config.parts, config.pooling)
        self.head = SeparateFC(config.parts, dim, config.embedding_dim)
        self.neck = (
            BNNeck(self.parts, config.embedding_dim, config.num_classes)
            if config.num_classes
            else None
        )
        if not config.state_code:
            self.state_code = nn.Sequential()
        self.summary = CloudSummary(dim) if config.summary or config.branches else None
        self.walk_summary = (
            WalkSummary(dim, config.parts, config.embedding_dim) if config.summary else None
        )
        self.branches = (
            BranchSupervision(dim, config.parts, config.num_classes)
            if config.branches and config.num_classes
            else None
        )

    @property
    def semantic_input(self) -> str:
        """What `semantics` takes: ``map``, ``rgb``, or ``none`` where `frame` needs no tokens."""
        return "none" if self.semantic_source is None else self.semantic_source.takes

    def camera(self, rgb: Tensor) -> Tensor:
        """Return the map of pictures: (M, 3, H, W) uint8 to (M, P, d), row by row."""
        features = self.resnet(normalised_pixels(rgb))
        group = features.shape[3] // self.config.columns
        if group > 1:
            features = functional.avg_pool2d(features, (1, group))
        return cast(Tensor, self.map_project(features.flatten(2).transpose(1, 2)))

    def cloud(self, points: Tensor, mask: Tensor) -> Tensor:
        """Return the features of points: (M, N, 4) and a mask (M, N) to (M, N, d)."""
        return cast(Tensor, self.pointgnn(points, mask))

    def semantics(self, source: Tensor) -> Tensor:
        """Return the semantic tokens (M, 5, d) of what `semantic_input` names.

        Raises:
            ValueError: When the network has no such tokens.
        """
        if self.semantic_source is None or self.semantic_source.takes == "none":
            raise ValueError(f"semantics {self.config.semantics!r} are not made of a frame")
        return cast(Tensor, self.semantic_source(source))

    def frame(
        self,
        image: Tensor,
        cloud: Tensor,
        point_mask: Tensor,
        semantics: Tensor | None,
        state: Tensor,
        quality: Tensor,
        has_camera: Tensor,
        has_lidar: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Align and fuse what both sensors saw at one moment.

        Args:
            image: (M, P, d), of `camera`.
            cloud: (M, N, d), of `cloud`.
            point_mask: (M, N) bool.
            semantics: (M, 5, d), of `semantics`; None where `semantic_input` is ``none``.
            state: (M, 4), as in `WalkBatch`.
            quality: (M, 6), as in `WalkBatch`.
            has_camera: (M,) bool.
            has_lidar: (M,) bool.

        Returns:
            The map (M, P, d), the mean of the points (M, d), and the weights of camera and LiDAR
            (M, 2) in [0, 1].
        """
        has_lidar = has_lidar & point_mask.any(dim=1)
        present = torch.stack([has_camera, has_lidar], dim=1)
        pooled = torch.stack([image.mean(dim=1), masked_mean(cloud, point_mask)], dim=1)
        gates = self.gate(pooled, quality, present)
        raw, seen = cloud, point_mask & has_lidar[:, None]
        image = mixed(gates[:, 0], image, self.gate.null_map) + self.map_position
        cloud = mixed(gates[:, 1], cloud, self.gate.null_point)
        mask = point_mask | ~has_lidar[:, None]
        if self.config.state_code:
            code = self.state_code(state)[:, None]
            image, cloud = (
                image + code[..., : self.config.dim],
                cloud + code[..., self.config.dim :],
            )
        if self.sga is not None:
            tokens = self._tokens(semantics, gates[:, 0])
            image, cloud = self.sga(image, cloud, tokens)
        image, cloud = self.scaf(image, cloud, mask)
        vector = masked_mean(cloud, mask)
        if self.walk_summary is not None and self.summary is not None:
            vector = vector + gates[:, 1:] * self.summary(raw, seen)
        return image, vector, gates

    def _tokens(self, semantics: Tensor | None, gate: Tensor) -> Tensor:
        """Return the tokens to align by; those that come of a picture are worth what it is."""
        assert self.semantic_source is not None
        if self.semantic_source.takes == "none":
            return self.semantic_source(gate)
        assert semantics is not None
        return mixed(gate, semantics, self.semantic_source.null)

    def sequence(self, pooled: Tensor, cloud: Tensor, mask: Tensor) -> Tensor:
        """Return the embedding of walks (B, parts, embedding_dim), the outlines' parts last.

        Args:
            pooled: (B, P, d), maximum of `frame`'s maps over the frames; with outlines (B, 2 P, d),
                the maximum of theirs below.
            cloud: (B, T, d), `frame`'s points.
            mask: (B, T) bool, False on frames that pad a short walk.
        """
        cells = self.config.rows * self.config.columns
        fused = self.temporal(pooled[:, :cells], cloud, mask)
        embedding = cast(Tensor, self.head(self.hpp.pool_tokens(fused)))
        if self.walk_summary is not None:
            embedding = embedding + self.walk_summary(cloud, mask)
        if self.outline is None:
            return embedding
        outlines = self.outline.embed(pooled[:, cells:], embedding)
        return torch.cat([embedding, outlines], dim=1)

    def forward(self, batch: WalkBatch) -> WalkOutput:
        """Return embeddings, and in training logits and auxiliary losses, of whole walks."""
        walks, frames = batch.frame_mask.shape
        flat = {
            name: getattr(batch, name).flatten(0, 1)
            for name in ("rgb", "points", "point_mask", "state", "quality")
        }
        seen = batch.frame_mask & (batch.has_camera | batch.has_lidar)
        has_camera = (batch.has_camera & seen).flatten()
        has_lidar = (batch.has_lidar & seen).flatten() & flat["point_mask"].any(dim=1)
        config = self.config
        shape = (config.rows * config.columns, config.dim)
        image = where_present(has_camera, self.camera, shape, flat["rgb"])
        shape = (flat["points"].shape[1], config.dim)
        cloud = where_present(has_lidar, self.cloud, shape, flat["points"], flat["point_mask"])
        tokens, extras = self._semantics_of(batch, has_camera, flat["rgb"], image)
        fused, points, _ = self.frame(
            image, cloud, flat["point_mask"], tokens, flat["state"], flat["quality"],
            has_camera, has_lidar,
        )  # fmt: skip
        fused = fused.unflatten(0, (walks, frames))
        pooled = torch.where(seen[..., None, None], fused, MASKED).amax(dim=1)
        pooled = pooled * seen.any(dim=1)[:, None, None].to(pooled.dtype)
        if self.outline is not None:
            # Training leaves pictures out, for they cost much; their silhouettes stay.
            outlines = self.outline.frames(batch.silhouette, batch.frame_mask, pooled.shape[1])
            pooled = torch.cat([pooled, outlines], dim=1)
        embedding = self.sequence(pooled, points.unflatten(0, (walks, frames)), seen)
        if not self.training:
            return WalkOutput(embedding)
        if self.branches is not None and self.summary is not None:
            alone = self.summary(cloud, flat["point_mask"] & has_lidar[:, None])
            extras["branches"] = self.branches(
                image.unflatten(0, (walks, frames)), alone.unflatten(0, (walks, frames)),
                has_camera.view(walks, frames), has_lidar.view(walks, frames),
            )  # fmt: skip
        return WalkOutput(embedding, None if self.neck is None else self.neck(embedding), extras)

    def _semantics_of(
        self, batch: WalkBatch, has_camera: Tensor, rgb: Tensor, image: Tensor
    ) -> tuple[Tensor | None, dict[str, Tensor]]:
        """Return the tokens of every frame, and the student's loss while it has a teacher."""
        source = self.semantic_source
        if source is None or source.takes == "none":
            return None, {}
        given = image if source.takes == "map" else rgb
        shape = (source.null.shape[0], self.config.dim)
        if not self.config.key_frame:
            tokens = where_present(has_camera, self.semantics, shape, given)
        else:
            walks, frames = batch.frame_mask.shape
            best = key_frames(batch.quality, has_camera.view(walks, frames))
            tokens = where_present(has_camera[best], self.semantics, shape, given[best])
            tokens = tokens.repeat_interleave(frames, dim=0)
        return tokens, source.losses(rgb, image, has_camera) if self.training else {}
