"""What every encoder of walks does: crops in, as they come; embeddings out, when asked."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from gait_reid.core.gallery.decision_config import Calibration
from gait_reid.core.types import Embedding, Modality, PersonCrop


class Encoder(Protocol):
    """Keeps bounded state per track, so that a new frame costs one frame.

    Attributes:
        model_id: Name and content hash; changes with every change of the values it gives.
        model_ids: All ids that its embeddings may carry, ``model_id`` among them.
        modality: Sensors that it can use.
        enrolls: Sensors whose walks a gallery may keep.
        compares: Sensors whose walks are looked for in a gallery.
        parts: Rows of an embedding.
        dim: Columns of an embedding.
        max_frames: Frames that its window holds at most.
        calibration: Thresholds that were measured for its distances.
        description: The encoder and what it runs on, in words.
    """

    model_id: str
    model_ids: frozenset[str]
    modality: Modality
    enrolls: Modality
    compares: Modality
    parts: int
    dim: int
    max_frames: int
    calibration: Calibration
    description: str

    def update(self, crops: Sequence[PersonCrop]) -> None:
        """Take the crops of one instant; crops of one track must come in order of time."""

    def embed(self, track_ids: Sequence[int]) -> dict[int, Embedding]:
        """Return the walks of these tracks; tracks with too few usable frames are absent."""

    def counts(self) -> dict[str, int]:
        """Return how many frames were left out or weakened, by reason."""

    def forget(self, track_ids: Collection[int]) -> None:
        """Drop the state of these tracks."""

    def retain(self, track_ids: Collection[int]) -> None:
        """Drop the state of all other tracks."""

    def reset(self) -> None:
        """Drop the state of all tracks."""
