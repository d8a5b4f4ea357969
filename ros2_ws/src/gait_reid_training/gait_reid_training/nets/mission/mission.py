"""Mission: a camera's walk and a radar's, compared after they have exchanged features.

Liu et al., "Mission: mmWave Radar Person Identification with RGB Cameras", SenSys 2024. The
embedding of a walk depends on the walk that it is compared with: pictures lend points detail and
points lend pictures depth, which makes sense only if both are of one person. `MissionConfig.paper`
and `MissionConfig.released` are the two readings. What is ours: the GRU's output is added to a
map's cells; unimodal embeddings are learned along for a shortlist, and what pairs learn is added to
them, and to the poses of single walks; pairs do not change the branches; triplets are made of all
right and several wrong pairs of a batch; and the branches are told view, speed and range.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from gait_reid_training.batch import CrossModalBatch, RadarWalkBatch, WalkBatch
from gait_reid_training.nets.mission.cached import (
    ModalityCache,
    fused_frames_of_radar,
    fused_frames_of_vision,
    grouped,
)
from gait_reid_training.nets.mission.config import MissionConfig
from gait_reid_training.nets.mission.cross_modal import (
    CrossModalNetwork,
    CrossModalOutput,
    PairEmbeddings,
)
from gait_reid_training.nets.mission.heads import MetricHead, PoseHead
from gait_reid_training.nets.mission.nonlocal_ import NonLocalBlock
from gait_reid_training.nets.mission.pooling import AttentionPooling
from gait_reid_training.nets.mission.radar import RadarBranch, RadarFeatures
from gait_reid_training.nets.mission.vision import VisionBranch


@dataclass(frozen=True)
class VisionFeatures:
    """Tokens of B walks before a camera.

    Attributes:
        tokens: (B, T, P, d).
        mask: (B, T) bool, frames that were seen.
    """

    tokens: Tensor
    mask: Tensor


class Mission(CrossModalNetwork):
    """The network, whole (`forward`), and in the parts that matching calls one by one.

    Matching makes `vision_cache` and `radar_cache` of each walk once and then `pair_cached` for
    every pair; `pair` is the same written out.

    Args:
        config: Settings.
    """

    def __init__(self, config: MissionConfig) -> None:
        super().__init__()
        self.config = config
        self.dim = config.dim
        self.compares_pairs = config.exchange
        self.identity_loss = config.loss
        self.vision = VisionBranch(config)
        self.radar = RadarBranch(config)
        if config.exchange:
            self.point_pool = AttentionPooling(config.dim)
            self.vision_block, self.radar_block = (
                NonLocalBlock(
                    config.dim, config.inner, config.exchange_dropout, not config.residual
                )
                for _ in range(2)
            )
            self.vision_metric = MetricHead(config.dim)
            self.radar_metric = MetricHead(config.dim)
            gain = nn.Parameter(torch.full((2,), config.residual))
            self.residual_gain = gain if config.residual else None
        self.vision_alone = MetricHead(config.dim, project=True)
        self.radar_alone = MetricHead(config.dim, project=True)
        self.point_pool_alone = AttentionPooling(config.dim)
        if config.pose:
            if config.exchange:
                self.pose = PoseHead(config.dim, config.joints, adds=config.residual > 0.0)
            self.vision_pose = PoseHead(config.dim, config.joints)
            self.radar_pose = PoseHead(config.dim, config.joints)

    def vision_features(self, walks: WalkBatch) -> VisionFeatures:
        """Return what cameras' walks show."""
        mask = walks.frame_mask & walks.has_camera
        return VisionFeatures(self.vision(walks, mask), mask)

    def radar_features(self, walks: RadarWalkBatch) -> RadarFeatures:
        """Return what radars' walks show."""
        features: RadarFeatures = self.radar(walks)
        return features

    def vision_embedding(self, walks: WalkBatch) -> Tensor:
        """Return embeddings (B, dim) that know of the pictures alone."""
        return self.unimodal_vision(self.vision_features(walks))

    def radar_embedding(self, walks: RadarWalkBatch) -> Tensor:
        """Return embeddings (B, dim) that know of the points alone."""
        return self.unimodal_radar(self.radar_features(walks))

    def unimodal_vision(self, features: VisionFeatures) -> Tensor:
        """Return embeddings (B, dim) for a shortlist."""
        alone: Tensor = self.vision_alone(features.tokens.mean(dim=2), features.mask)
        return alone

    def unimodal_radar(self, features: RadarFeatures) -> Tensor:
        """Return embeddings (B, dim) for a shortlist."""
        frames = self.point_pool_alone(features.points, features.mask)
        alone: Tensor = self.radar_alone(frames, features.mask.any(dim=2))
        return alone

    def exchange(self, vision: VisionFeatures, radar: RadarFeatures) -> tuple[Tensor, Tensor]:
        """Return the tokens (B, T, P, d) and the points (B, T, N, d) of pairs, fused.

        Without exchange (noFU) they are what came in.
        """
        if not self.config.exchange:
            return vision.tokens, radar.points
        cells = vision.mask[..., None].expand(-1, -1, vision.tokens.shape[2])
        own = (self._joined(vision.tokens), self._joined(cells))
        other = (self._joined(radar.points), self._joined(radar.mask))
        seen, heard = self.vision_block(*own, *other), self.radar_block(*other, *own)
        return seen.reshape(vision.tokens.shape), heard.reshape(radar.points.shape)

    def _joined(self, tokens: Tensor) -> Tensor:
        """Return the tokens (B, T, K, ...) of one frame, or of a walk, as one set."""
        return tokens.flatten(0, 1) if self.config.scope == "frame" else tokens.flatten(1, 2)

    def _fused(self, vision: VisionFeatures, radar: RadarFeatures) -> tuple[Tensor, Tensor]:
        """Return the frames (B, T, d) of pairs' walks, each knowing of the other."""
        seen, heard = self.exchange(vision, radar)
        return seen.mean(dim=2), self.point_pool(heard, radar.mask)

    def pair(self, vision: VisionFeatures, radar: RadarFeatures) -> PairEmbeddings:
        """Return the embeddings of pairs, row by row, written out.

        Raises:
            ValueError: Without exchange, when there are only unimodal embeddings.
        """
        if not self.config.exchange:
            raise ValueError("without exchange of features (noFU) no pairs are compared")
        return self._pair(vision, radar, self.unimodal_vision(vision), self.unimodal_radar(radar))

    def _pair(
        self, vision: VisionFeatures, radar: RadarFeatures, seen_alone: Tensor, heard_alone: Tensor
    ) -> PairEmbeddings:
        return self._embedded(
            *self._fused(vision, radar),
            vision.mask,
            radar.mask.any(dim=2),
            self._bases(seen_alone, heard_alone),
        )

    def _bases(self, vision: Tensor, radar: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """Return what the embeddings of pairs start from, of unimodal embeddings."""
        if self.residual_gain is None:
            return None, None
        return self.residual_gain[0] * vision, self.residual_gain[1] * radar

    def _embedded(
        self,
        vision: Tensor,
        radar: Tensor,
        vision_mask: Tensor,
        radar_mask: Tensor,
        bases: tuple[Tensor | None, Tensor | None] = (None, None),
    ) -> PairEmbeddings:
        return PairEmbeddings(
            self.vision_metric(vision, vision_mask, bases[0]),
            self.radar_metric(radar, radar_mask, bases[1]),
        )

    def vision_cache(self, features: VisionFeatures) -> ModalityCache:
        """Return what cameras' walks contribute to any pair, outside training."""
        shape = features.tokens.shape
        cells = features.mask[..., None].expand(-1, -1, shape[2])
        cache = self._cache(features.tokens, cells, self.vision_block, self.radar_block)
        static = cache.static.mean(dim=2)
        if self.residual_gain is not None:
            # Frames are pooled with weights of sum 1 that a common summand does not change.
            static = static + self.residual_gain[0] * self.unimodal_vision(features)[:, None]
        return replace(cache, static=static)

    def radar_cache(self, features: RadarFeatures) -> ModalityCache:
        """Return what radars' walks contribute to any pair, outside training."""
        cache = self._cache(features.points, features.mask, self.radar_block, self.vision_block)
        if self.residual_gain is None:
            return cache
        base = self.residual_gain[1] * self.unimodal_radar(features)
        return replace(cache, static=cache.static + base[:, None, None])

    def _cache(
        self, tokens: Tensor, mask: Tensor, own: NonLocalBlock, other: NonLocalBlock
    ) -> ModalityCache:
        shape = mask.shape
        joined, joined_mask = self._joined(tokens), self._joined(mask)
        query, static = own.own_terms(joined, joined_mask)
        key, value = other.other_terms(joined, joined_mask)
        query, key, value, static = (one.reshape(*shape, -1) for one in (query, key, value, static))
        return ModalityCache(query, key, value, static, mask)

    def pair_cached(self, vision: ModalityCache, radar: ModalityCache) -> PairEmbeddings:
        """Return the embeddings of pairs from caches; equal to `pair` outside training.

        Args:
            vision: Caches of B walks, or of one.
            radar: Caches of B walks, or of one.
        """
        fused = self.pair_grouped(*grouped(vision, radar))
        return PairEmbeddings(fused.vision.flatten(0, 1), fused.radar.flatten(0, 1))

    def pair_grouped(self, vision: ModalityCache, radar: ModalityCache) -> PairEmbeddings:
        """Return the embeddings (G, M, d) of pairs: M walks of cameras with each of G of radars.

        Args:
            vision: Caches (G, M, T, P, ...).
            radar: Caches (G, T, N, ...).
        """
        whole_walk = self.config.scope == "sequence"
        walks = vision.mask.shape[1]
        return self._embedded(
            fused_frames_of_vision(vision, radar, self.vision_block.mutual_map(), whole_walk),
            fused_frames_of_radar(
                vision, radar, self.radar_block.mutual_map(), self.point_pool.score, whole_walk
            ),
            vision.mask[..., 0],
            radar.mask.any(dim=2)[:, None].expand(-1, walks, -1),
        )

    def forward(self, batch: CrossModalBatch) -> CrossModalOutput:
        """Return right and wrong pairs, unimodal embeddings, poses and root of a batch."""
        return self.output(self.vision_features(batch.vision), self.radar_features(batch.radar))

    def output(self, vision: VisionFeatures, radar: RadarFeatures) -> CrossModalOutput:
        """Return what `forward` does, of walks whose features are known."""
        alone = (self.unimodal_vision(vision), self.unimodal_radar(radar))
        poses = self._poses_alone(vision, radar)
        pairs: tuple[PairEmbeddings, ...] = ()
        if self.config.exchange:
            known = alone
            if self.config.detached:
                # Pairs are learnt by heart before the branches are done.
                vision = replace(vision, tokens=vision.tokens.detach())
                radar = replace(radar, points=radar.points.detach())
                known = (alone[0].detach(), alone[1].detach())
            fused = self._fused(vision, radar)
            masks = vision.mask, radar.mask.any(dim=2)
            right = self._embedded(*fused, *masks, self._bases(*known))
            pairs = (right, *self._wrong_pairs(vision, radar, *known))
            if self.config.pose:
                seen, heard = (
                    (self._pose_fused(one, own[0]), *own) for one, own in zip(fused, poses)
                )
                poses = (seen, heard)
        root = radar.root if self.config.pose else None
        return CrossModalOutput(*alone, pairs, *poses, root)

    def _poses_alone(
        self, vision: VisionFeatures, radar: RadarFeatures
    ) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """Return poses (B, T, J, 3) before the camera and before the radar, by one walk each.

        Without poses (noAT) there are none.
        """
        if not self.config.pose:
            return (), ()
        heard = self.point_pool_alone(radar.points, radar.mask)
        return (self.vision_pose(vision.tokens.mean(dim=2)),), (self.radar_pose(heard),)

    def _pose_fused(self, fused: Tensor, alone: Tensor) -> Tensor:
        """Return poses by what both modalities say."""
        pose: Tensor = self.pose(fused)
        return pose + alone.detach() if self.config.residual else pose

    def _wrong_pairs(
        self, vision: VisionFeatures, radar: RadarFeatures, seen_alone: Tensor, heard_alone: Tensor
    ) -> tuple[PairEmbeddings, ...]:
        pairs = []
        for shift in range(1, min(self.config.wrong_pairs, len(vision.mask) - 1) + 1):
            wrong = VisionFeatures(vision.tokens.roll(shift, 0), vision.mask.roll(shift, 0))
            found = self._pair(wrong, radar, seen_alone.roll(shift, 0), heard_alone)
            pairs.append(PairEmbeddings(found.vision, found.radar, shift))
        return tuple(pairs)
