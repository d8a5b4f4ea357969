"""Who people are: embeddings, gallery records, matches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gait_reid.core.types.base import (
    Decision,
    Float16,
    Float32,
    Modality,
    Reason,
    check_shape,
)

MAX_TOKEN_BYTES = 1 << 20
"""Most that the tokens of a walk may take."""


@dataclass(frozen=True)
class Embedding:
    """A walk as a vector.

    Attributes:
        values: (parts, dim) float32; each part has unit length, so that distances are comparable.
        model_id: Name and content hash of the encoder; different ids are never compared.
        modality: Sensors that the embedding was made from.
        window_start_ns: Stamp of the first frame used.
        window_end_ns: Stamp of the last frame used.
        num_frames: Number of frames used.
        tokens: (frames, numbers) float16, what each frame of the walk brings into a comparison with
            another walk, laid out by the encoder; None where walks are compared by ``values``.
    """

    values: Float32
    model_id: str
    modality: Modality
    window_start_ns: int = 0
    window_end_ns: int = 0
    num_frames: int = 0
    tokens: Float16 | None = None

    def __post_init__(self) -> None:
        check_shape("Embedding.values", self.values, (None, None))
        if not self.model_id:
            raise ValueError(
                "Embedding.model_id is empty, expected the id of the encoder that made it"
            )
        if not np.isfinite(self.values).all():
            raise ValueError(f"Embedding of model {self.model_id} holds NaN or infinity")
        if self.tokens is not None:
            self._check_tokens(self.tokens)

    def _check_tokens(self, tokens: Float16) -> None:
        check_shape("Embedding.tokens", tokens, (None, None))
        if tokens.dtype != np.float16 or not 0 < tokens.nbytes <= MAX_TOKEN_BYTES:
            raise ValueError(
                f"Embedding.tokens of model {self.model_id} are {tokens.nbytes} bytes of "
                f"{tokens.dtype}, allowed: 2 to {MAX_TOKEN_BYTES} bytes of float16"
            )
        if not np.isfinite(tokens).all():
            raise ValueError(f"Embedding.tokens of model {self.model_id} hold NaN or infinity")


@dataclass(frozen=True)
class GalleryRecord:
    """One enrolled walk of one person.

    Attributes:
        record_id: Unique id of the record.
        person_id: Permanent id of the person (REP-155), never a name.
        display_name: Name shown to people; may be empty.
        embedding: The walk.
        created_ns: Time of enrolment, Unix nanoseconds.
        expires_ns: Time after which the record is deleted, or None.
        consent: Whether the person agreed to be enrolled.
        source: Where the walk came from, for example a site or a file name.
    """

    record_id: str
    person_id: str
    display_name: str
    embedding: Embedding
    created_ns: int
    expires_ns: int | None = None
    consent: bool = False
    source: str = ""

    def __post_init__(self) -> None:
        for name in ("record_id", "person_id"):
            if not getattr(self, name):
                raise ValueError(f"GalleryRecord.{name} is empty")


@dataclass(frozen=True)
class Candidate:
    """One identity that a track may have.

    Attributes:
        person_id: Permanent id.
        display_name: Name shown to people; may be empty.
        distance: Distance between the track's embedding and the person's nearest record.
        probability: Calibrated probability in [0, 1] that the track is this person.
    """

    person_id: str
    display_name: str
    distance: float
    probability: float


@dataclass(frozen=True)
class Match:
    """Who a track is, as far as is known.

    Attributes:
        track_id: Track that the answer is about.
        stamp_ns: Stamp of the last frame used.
        decision: UNKNOWN, CANDIDATE or CONFIRMED.
        candidates: Ranked, nearest first; may be empty.
        margin: Distance of the runner-up minus distance of the first; infinity without a runner-up.
        window_start_ns: Stamp of the first frame used.
        window_end_ns: Stamp of the last frame used.
        num_frames: Number of frames used.
        modality: Sensors used.
        gallery_version: Version of the gallery that was searched.
        model_id: Encoder that made the embedding.
        latency_ms: Time from the last frame's stamp to this answer (`pipeline_latency_ms`).
        reason: Why nobody is named.
    """

    track_id: int
    stamp_ns: int
    decision: Decision
    candidates: tuple[Candidate, ...]
    margin: float
    window_start_ns: int
    window_end_ns: int
    num_frames: int
    modality: Modality
    gallery_version: int
    model_id: str
    latency_ms: float = 0.0
    reason: Reason = Reason.NONE

    @property
    def best(self) -> Candidate | None:
        """The nearest candidate, or None."""
        return self.candidates[0] if self.candidates else None

    @property
    def person_id(self) -> str:
        """The confirmed person, or an empty string."""
        return (
            self.candidates[0].person_id
            if self.decision is Decision.CONFIRMED and self.candidates
            else ""
        )
