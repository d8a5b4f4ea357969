"""The second half of the chain: crops in, identity matches out.

The re-identification node and the offline replay both run this, so they give the same identities.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from gait_reid.core.encoders.base import Encoder
from gait_reid.core.encoders.emgaitnet import EMGaitNetConfig, EMGaitNetEncoder
from gait_reid.core.encoders.energy_image import EnergyImageConfig, EnergyImageEncoder
from gait_reid.core.gallery.decision import Decider, DecisionConfig
from gait_reid.core.gallery.search import GallerySearch
from gait_reid.core.types import (
    Decision,
    Embedding,
    GalleryRecord,
    Match,
    Modality,
    PersonCrop,
)
from gait_reid_common.parameters import ParameterError, param, validate

DEFAULT_ENCODER = "energy_image"
_REMEMBERED = 32  # embeddings of a track that an enrolment may have been made from


@dataclass(frozen=True)
class ReidentificationConfig:
    """Parameters of encoding, search and decision."""

    encoder: str = param(
        DEFAULT_ENCODER,
        "Encoder of walks",
        choices=("emgaitnet", "energy_image"),
        read_only=True,
    )
    stride_s: float = param(
        0.2, "Least time between two answers about one track", "s", minimum=0.0, maximum=60.0
    )
    top_k: int = param(5, "Candidates in an answer", minimum=1, maximum=100)
    emgaitnet: EMGaitNetConfig = field(default_factory=EMGaitNetConfig)
    energy_image: EnergyImageConfig = field(default_factory=EnergyImageConfig)
    decision: DecisionConfig = field(default_factory=DecisionConfig)

    def __post_init__(self) -> None:
        validate(self)


def make_encoder(config: ReidentificationConfig) -> Encoder:
    """Return the encoder that a configuration names.

    Raises:
        ModelError: Its model is missing, damaged, or does not fit this suite.
        BackendError: Its model cannot be run.
    """
    if config.encoder == "emgaitnet":
        return EMGaitNetEncoder(config.emgaitnet)
    return EnergyImageEncoder(config.energy_image)


class Reidentification:
    """Says who the tracks of one site are, given a gallery."""

    def __init__(self, config: ReidentificationConfig | None = None) -> None:
        self.config = config or ReidentificationConfig()
        self.encoder = make_encoder(self.config)
        self._decider = Decider(self.config.decision, self.encoder.calibration)
        least = self._decider.config.min_frames
        if least > self.encoder.max_frames:
            raise ParameterError(
                "reidentification.decision.min_frames", least,
                f"at most the window of the encoder, {self.encoder.max_frames} frames",
            )  # fmt: skip
        self._search = GallerySearch()
        self.gallery_version = 0
        self._sequence_id = ""
        self._answered_ns: dict[int, int] = {}
        self._embeddings: dict[int, deque[Embedding]] = {}
        self._enrolled: set[str] = set()

    def set_gallery(self, records: Sequence[GalleryRecord], version: int) -> None:
        """Search these records from now on; answers about forgotten people are withdrawn.

        A track whose own walk was enrolled starts anew: frames that made a record say nothing about
        whether the person is recognised.
        """
        usable = [r for r in records if r.embedding.model_id in self.encoder.model_ids]
        added = [r.embedding for r in usable if r.record_id not in self._enrolled]
        self._restart({track for track in self._embeddings if self._made_any(track, added)})
        self._enrolled = {record.record_id for record in usable}
        self._search.replace(usable)
        self._decider.set_people({record.person_id for record in usable})
        self.gallery_version = version

    def reset(self) -> None:
        """Forget all tracks; the gallery stays."""
        self.encoder.reset()
        self._decider.reset()
        self._answered_ns.clear()
        self._embeddings.clear()

    def embedding(self, track_id: int) -> Embedding | None:
        """Return the newest embedding of a living track, or None while it has too few frames."""
        known = self._embeddings.get(track_id)
        return known[-1] if known else None

    def process(
        self,
        stamp_ns: int,
        crops: Sequence[PersonCrop],
        active_track_ids: Sequence[int],
        sequence_id: str,
    ) -> list[Match]:
        """Take the crops of one instant and answer about every track that is due.

        A track without enough usable frames is UNKNOWN with ``num_frames`` 0.

        Args:
            stamp_ns: Acquisition time of the instant.
            crops: Crops of the instant, at most one per track.
            active_track_ids: Every track that is alive; state of others is dropped.
            sequence_id: Of the tracker; a new one resets everything but the gallery.
        """
        if sequence_id != self._sequence_id:
            self.reset()
            self._sequence_id = sequence_id
        self._forget(set(active_track_ids))
        self.encoder.update(crops)
        due = [crop.track_id for crop in crops if self._is_due(crop.track_id, stamp_ns)]
        embeddings = self.encoder.embed(due) if due else {}
        for track_id, embedding in embeddings.items():
            self._embeddings.setdefault(track_id, deque(maxlen=_REMEMBERED)).append(embedding)
        self._answered_ns.update(dict.fromkeys(due, stamp_ns))
        candidates = self._search.query(list(embeddings.values()), self.config.top_k)
        answers = [
            (track_id, embedding, found)
            for (track_id, embedding), found in zip(embeddings.items(), candidates)
        ]
        new = [track_id for track_id in due if track_id not in self._embeddings]
        return [
            *self._decider.update(stamp_ns, answers, self.gallery_version),
            *(self._too_early(track_id, stamp_ns) for track_id in new),
        ]

    def _too_early(self, track_id: int, stamp_ns: int) -> Match:
        """Return the answer about a track that never had enough usable frames."""
        return Match(
            track_id=track_id,
            stamp_ns=stamp_ns,
            decision=Decision.UNKNOWN,
            candidates=(),
            margin=math.inf,
            window_start_ns=stamp_ns,
            window_end_ns=stamp_ns,
            num_frames=0,
            modality=Modality.NONE,
            gallery_version=self.gallery_version,
            model_id=self.encoder.model_id,
        )

    def _is_due(self, track_id: int, stamp_ns: int) -> bool:
        answered_ns = self._answered_ns.get(track_id)
        # A tenth of tolerance, so that a stride of two frame periods is not stretched by jitter.
        return answered_ns is None or stamp_ns - answered_ns >= 0.9e9 * self.config.stride_s

    def _made_any(self, track_id: int, enrolled: Iterable[Embedding]) -> bool:
        return any(
            one.window_end_ns == known.window_end_ns
            and one.model_id == known.model_id
            and np.allclose(one.values, known.values, atol=1e-3)
            for one in enrolled
            for known in self._embeddings[track_id]
        )

    def _restart(self, track_ids: set[int]) -> None:
        self.encoder.forget(track_ids)
        self._decider.forget(track_ids)
        for track_id in track_ids:
            del self._embeddings[track_id]

    def _forget(self, active: set[int]) -> None:
        for track_id in [track_id for track_id in self._answered_ns if track_id not in active]:
            del self._answered_ns[track_id]
            self._embeddings.pop(track_id, None)
        self.encoder.retain(active)
        self._decider.retain(active)
