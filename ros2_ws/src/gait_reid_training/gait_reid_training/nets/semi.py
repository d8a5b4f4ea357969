"""Sources of the semantic tokens that align the modalities: one token per part of the body."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from gait_reid_training.nets.emgaitnet_config import NO_TOWERS, EMGaitNetConfig
from gait_reid_training.nets.mining import SemanticMining
from gait_reid_training.nets.towers_file import load_mining

TOKENS = 5
"""Head, arms, torso, legs, feet."""
TOWER_WIDTH = {"small": 128, "vit_b_16": 512, "vit_b_16_quickgelu": 512}
LESSON = 4
"""A student is shown its teacher's tokens of every so manieth picture."""


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
        return cast(Tensor, self.project(self.vectors)).expand(frames.shape[0], -1, -1)


class ClipSemantics(SemanticSource):
    """Tokens of each picture by semantic mining, as the paper has it.

    Args:
        mining: Frozen towers and an inversion network that goes on learning.
        dim: Width of the tokens.
        known: Whether the towers have weights already; otherwise a checkpoint has to bring them.
    """

    takes = "rgb"

    def __init__(self, mining: SemanticMining, dim: int, known: bool = True) -> None:
        super().__init__(dim)
        self.mining = mining
        self.project = nn.Linear(mining.towers.width, dim)
        self.known: Tensor
        self.register_buffer("known", torch.tensor(known))

    def forward(self, rgb: Tensor) -> Tensor:
        """Return (M, 5, dim) of pictures (M, 3, H, W) uint8.

        Raises:
            ValueError: In training, when the towers have no weights.
        """
        if self.training and not bool(self.known):
            raise ValueError(
                "semantics 'clip' cannot be trained with towers that know nothing: set towers_file "
                "to the weights of a ViT-B/16 of open_clip, or towers to 'small'"
            )
        return cast(Tensor, self.project(self.mining(rgb)))


class StudentSemantics(SemanticSource):
    """Tokens guessed from the picture's map, so that no tower is needed at run time.

    t^ = MLP(GAP(map)), taught by the cosine to the tokens of semantic mining.

    Args:
        width: Width of the teacher's tokens.
        dim: Width of map and tokens.
        teacher: Loads what teaches, once training begins; None leaves the tokens to the other
            losses.
    """

    takes = "map"

    def __init__(
        self, width: int, dim: int, teacher: Callable[[], SemanticMining] | None = None
    ) -> None:
        super().__init__(dim)
        self.mlp = nn.Sequential(
            nn.LayerNorm(dim),
            nn.Linear(dim, 2 * dim),
            nn.GELU(),
            nn.Linear(2 * dim, TOKENS * width),
        )
        self.project = nn.Linear(width, dim)
        self._teacher = teacher
        # In a list, so that neither checkpoints nor exported graphs hold it.
        self._loaded: list[SemanticMining] = []

    def forward(self, image: Tensor) -> Tensor:
        """Return (M, 5, dim) of maps (M, P, dim)."""
        return cast(Tensor, self.project(functional.normalize(self._guess(image), dim=-1)))

    def _guess(self, image: Tensor) -> Tensor:
        return cast(Tensor, self.mlp(image.mean(dim=1))).unflatten(1, (TOKENS, -1))

    def losses(self, rgb: Tensor, image: Tensor, has_camera: Tensor) -> dict[str, Tensor]:
        """Return ``student_loss``: 1 - cosine, averaged over every `LESSON`-th picture."""
        rows = has_camera.nonzero()[:, 0]
        rows = rows[int(torch.randint(LESSON, ())) :: LESSON]
        if self._teacher is None or not len(rows):
            return {}
        if not self._loaded:
            self._loaded.append(self._teacher().requires_grad_(False).eval().to(rgb.device))
        teacher = self._loaded[0]
        with torch.no_grad():
            truth = teacher(rgb[rows])
        cosine = functional.cosine_similarity(self._guess(image[rows]), truth, dim=-1)
        return {"student_loss": (1.0 - cosine).mean()}


def make_semantics(config: EMGaitNetConfig) -> SemanticSource | None:
    """Return the source that a configuration asks for; None without semantic tokens.

    Raises:
        FileNotFoundError: No such file of towers.
        ValueError: A file that does not hold such towers.
    """
    if config.semantics == "none":
        return None
    layout, file = config.towers, config.towers_file
    if config.semantics == "clip":
        mined = load_mining(layout, file)
        return ClipSemantics(mined.mining, config.dim, mined.known)
    width = TOWER_WIDTH[layout]
    without = file == NO_TOWERS or not (file or layout == "small")
    if config.semantics == "static":
        vectors = _orthonormal(width) if without else load_mining(layout, file).static
        return StaticSemantics(vectors, config.dim)
    teacher = None if without else (lambda: load_mining(layout, file).mining)
    return StudentSemantics(width, config.dim, teacher)


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
