"""What networks between camera and radar have in common."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from gait_reid_training.batch import CrossModalBatch, RadarWalkBatch, WalkBatch


@dataclass(frozen=True)
class PairEmbeddings:
    """Embeddings of B pairs of a camera's walk and a radar's, each knowing of the other.

    Attributes:
        vision: (B, d), of unit length.
        radar: (B, d), of unit length.
        shift: Row i holds the camera's walk of person (i - shift) modulo B and the radar's of
            person i; 0 for right pairs.
    """

    vision: Tensor
    radar: Tensor
    shift: int = 0


@dataclass(frozen=True)
class CrossModalOutput:
    """What a network says of B people in training.

    Attributes:
        vision: (B, d), of the camera's walks alone, of unit length; None from networks that
            estimate poses only.
        radar: (B, d), of the radar's walks alone.
        pairs: Right pairs first, then wrong ones; empty for networks that compare no pairs.
        vision_poses: Estimates (B, T, J, 3) of the bodies before the camera, metres.
        radar_poses: Estimates (B, T, J, 3) of the bodies before the radar, metres.
        root: Estimate (B, T, 2) of the pelvis before the radar, metres.
    """

    vision: Tensor | None
    radar: Tensor | None
    pairs: tuple[PairEmbeddings, ...] = ()
    vision_poses: tuple[Tensor, ...] = ()
    radar_poses: tuple[Tensor, ...] = ()
    root: Tensor | None = None


class CrossModalNetwork(nn.Module):
    """A network that compares walks of cameras and radars.

    Attributes:
        dim: Width of an embedding; 0 for networks that estimate poses only.
        compares_pairs: Whether the embedding of a walk depends on the one it is compared with.
        identity_loss: ``triplet``, or ``contrastive`` (noTL).
    """

    dim: int
    compares_pairs: bool = False
    identity_loss: str = "triplet"

    def vision_embedding(self, walks: WalkBatch) -> Tensor:
        """Return the embeddings (B, dim) of cameras' walks, of unit length."""
        raise NotImplementedError

    def radar_embedding(self, walks: RadarWalkBatch) -> Tensor:
        """Return the embeddings (B, dim) of radars' walks, of unit length."""
        raise NotImplementedError

    def forward(self, batch: CrossModalBatch) -> CrossModalOutput:
        """Return what the losses take."""
        return CrossModalOutput(
            self.vision_embedding(batch.vision), self.radar_embedding(batch.radar)
        )


def masked_frame_mean(frames: Tensor, mask: Tensor) -> Tensor:
    """Return the mean (B, d) of the frames (B, T, d) that a mask (B, T) admits, zeros if none."""
    weight = mask.to(frames.dtype)[..., None]
    return (frames * weight).sum(dim=1) / weight.sum(dim=1).clamp(min=1.0)
