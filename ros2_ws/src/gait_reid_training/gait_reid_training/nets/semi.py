"""Sources of the semantic tokens that align the modalities: one token per part of the body."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from gait_reid_training.nets.emgaitnet_config import EMGaitNetConfig

TOKENS = 5
"""Head, arms, torso, legs, feet."""
TOWER_WIDTH = {"small": 128, "vit_b_16": 512}


class SemanticSource(nn.Module):
    """Makes semantic tokens.

    Attributes:
        takes: What tokens are made of: ``map``, ``rgb``, or ``none`` where all frames have the
            same.
        null: (5, dim), what stands for the tokens of a picture that is not there.
    """

    takes: str

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.null = nn.Parameter(0.02 * torch.randn(TOKENS, dim))

    def losses(self, rgb: Tensor, image: Tensor, has_camera: Tensor) -> dict[str, Tensor]:
        """Return auxiliary losses of frames; their names end with ``_loss``."""
        return {}


class StaticSemantics(SemanticSource):
    """The same tokens for everybody: five fixed vectors, one per part, and a learned map.

    Args:
        vectors: (5, width), embeddings of class-level prompts ("a photo of the head of a person").
        dim: Width of the tokens.
    """

    takes = "none"

    def __init__(self, vectors: Tensor, dim: int) -> None:
        super().__init__(dim)
        self.null.requires_grad_(False)
        self.vectors: Tensor
        self.register_buffer("vectors", vectors.clone())
        self.project = nn.Linear(vectors.shape[1], dim)

    def forward(self, frames: Tensor) -> Tensor:
        """Return (M, 5, dim) for anything of M rows."""
        return cast(Tensor, self.project(self.vectors)).expand(len(frames), -1, -1)


class StudentSemantics(SemanticSource):
    """Tokens guessed from the picture's map, so that no tower is needed at run time.

    t^ = MLP(GAP(map)).

    Args:
        width: Width of the teacher's tokens.
        dim: Width of map and tokens.
    """

    takes = "map"

    def __init__(self, width: int, dim: int) -> None:
        super().__init__(dim)
        self.mlp = nn.Sequential(
            nn.LayerNorm(dim),
            nn.Linear(dim, 2 * dim),
            nn.GELU(),
            nn.Linear(2 * dim, TOKENS * width),
        )
        self.project = nn.Linear(width, dim)

    def forward(self, image: Tensor) -> Tensor:
        """Return (M, 5, dim) of maps (M, P, dim)."""
        return cast(Tensor, self.project(self._guess(image)))

    def _guess(self, image: Tensor) -> Tensor:
        return cast(Tensor, self.mlp(image.mean(dim=1))).unflatten(1, (TOKENS, -1))


def make_semantics(config: EMGaitNetConfig) -> SemanticSource | None:
    """Return the source that a configuration asks for; None without semantic tokens."""
    width = TOWER_WIDTH[config.towers]
    if config.semantics == "none":
        return None
    if config.semantics == "static":
        return StaticSemantics(_orthonormal(width), config.dim)
    if config.semantics == "student":
        return StudentSemantics(width, config.dim)
    raise NotImplementedError(config.semantics)


def _orthonormal(width: int) -> Tensor:
    """Return five directions (5, width) at right angles: parts that no text tells apart better."""
    generator = torch.Generator().manual_seed(0)
    return torch.linalg.qr(torch.randn(width, TOKENS, generator=generator))[0].T.contiguous()


def key_frames(quality: Tensor, has_camera: Tensor) -> Tensor:
    """Return (B,) rows, of B x T frames, of the best picture of each walk.

    Pixel height x sharpness x what is inside the picture x what is not occluded decide.

    Args:
        quality: (B, T, 6), as in `WalkBatch`.
        has_camera: (B, T) bool.
    """
    score = quality[..., 0] * quality[..., 1] * quality[..., 3] * quality[..., 5]
    best = torch.where(has_camera, score, -1.0).argmax(dim=1)
    return best + torch.arange(len(best), device=best.device) * quality.shape[1]
