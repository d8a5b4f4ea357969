"""The second half of the chain: crops in, identity matches out.

The re-identification node and the offline replay both run this, so they give the same identities.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gait_reid.core.encoders.mission import MissionEncoder
from gait_reid.core.gallery.decision import Decider
from gait_reid.core.gallery.search import GallerySearch
from gait_reid.core.gallery.two_stage import TwoStageSearch
from gait_reid.core.reidentification_config import ReidentificationConfig, make_encoder
from gait_reid.core.types import (
    Decision,
    Embedding,
    GalleryRecord,
    Match,
    Modality,
    PersonCrop,
    Reason,
)
from gait_reid_common.parameters import ParameterError

_REMEMBERED = 32  # embeddings of a track that an enrolment may have been made from
_STANDS_NS = 1_000_000_000  # without a crop of a walker, where only walkers are cropped


class Reidentification:
    """Says who the tracks of one site are, given a gallery.

    Attributes:
        encoder: Makes what is looked for.
        enrollers: Further encoders; they make records for other sites.
        gallery_version: Version of the gallery that is searched.
        nobody: Why nobody at all can be found; NONE where somebody can.
    """

    def __init__(self, config: ReidentificationConfig | None = None) -> None:
        self.config = config or ReidentificationConfig()
        self.encoder = make_encoder(self.config.encoder, self.config)
        further = dict.fromkeys(self.config.enroll_encoders)
        further.pop(self.config.encoder, None)
        self.enrollers = tuple(make_encoder(name, self.config) for name in further)
        self._decider = Decider(self.config.decision, self.encoder.calibration)
        least = self._decider.config.min_frames
        if least > self.encoder.max_frames:
            raise ParameterError(
                "reidentification.decision.min_frames", least,
                f"at most the window of the encoder, {self.encoder.max_frames} frames",
            )  # fmt: skip
        self._search = self._make_search()
        self.gallery_version = 0
        self.nobody = Reason.NO_RECORDS
        self._records = 0
        self._sequence_id = ""
        self._answered_ns: dict[int, int] = {}
        self._walked_ns: dict[int, int] = {}
        self._embeddings: dict[int, deque[Embedding]] = {}
        self._further: dict[int, dict[str, Embedding]] = {}
        self._further_ns: dict[int, int] = {}
        self._enrolled: set[str] = set()

    @property
    def _states(self) -> tuple[dict[int, Any], ...]:
        """What is known of tracks, by track id."""
        return (
            self._answered_ns, self._walked_ns, self._embeddings, self._further, self._further_ns
        )  # fmt: skip

    def _make_search(self) -> GallerySearch | TwoStageSearch:
        if isinstance(self.encoder, MissionEncoder) and self.encoder.compares_pairs:
            return TwoStageSearch(self.encoder.compare, self.config.shortlist)
        return GallerySearch()

    @property
    def model_ids(self) -> frozenset[str]:
        """Models of the records that are made here or looked for here."""
        further = (one.model_ids for one in self.enrollers)
        return self.encoder.model_ids.union(*further)

    def set_gallery(self, records: Sequence[GalleryRecord], version: int) -> None:
        """Search these records from now on; answers about forgotten people are withdrawn.

        A track whose own walk was enrolled starts anew: frames that made a record say nothing about
        whether the person is recognised.

        Raises:
            ValueError: A record contradicts its model.
        """
        usable = [
            one
            for one in records
            if one.embedding.model_id in self.encoder.model_ids
            and one.embedding.modality & self.encoder.enrolls
        ]
        self._search.replace(usable)
        added = [r.embedding for r in usable if r.record_id not in self._enrolled]
        self._restart({track for track in self._embeddings if self._made_any(track, added)})
        self._enrolled = {record.record_id for record in usable}
        self._decider.set_people({record.person_id for record in usable})
        self.gallery_version, self._records = version, len(records)
        if usable:
            self.nobody = Reason.NONE
        else:
            self.nobody = Reason.OTHER_MODEL if records else Reason.NO_RECORDS

    def gallery_counts(self) -> dict[str, str]:
        """Return the gallery's version, its walks, and those that can be found here, in words."""
        return {
            "version": str(self.gallery_version),
            "walks": str(self._records),
            "walks of this model": str(len(self._enrolled)),
        }

    def reset(self) -> None:
        """Forget all tracks; the gallery stays."""
        for one in (self.encoder, *self.enrollers):
            one.reset()
        self._decider.reset()
        for state in self._states:
            state.clear()

    def embedding(self, track_id: int) -> Embedding | None:
        """Return the newest embedding of a living track, or None while it has too few frames."""
        known = self._embeddings.get(track_id)
        return known[-1] if known else None

    def walks(self, track_id: int) -> tuple[Embedding, ...]:
        """Return the newest walk of a living track for each model that makes records."""
        own = self.embedding(track_id)
        further = tuple(self._further.get(track_id, {}).values())
        if own is None or not own.modality & self.encoder.enrolls:
            return further
        return (own, *further)

    def process(
        self,
        stamp_ns: int,
        crops: Sequence[PersonCrop],
        active_track_ids: Sequence[int],
        sequence_id: str,
    ) -> list[Match]:
        """Take the crops of one instant and answer about every track that is due.

        A track without enough usable frames is UNKNOWN with ``num_frames`` 0. Where only walkers
        are cropped, so is one that lives and does not walk.

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
        for one in (self.encoder, *self.enrollers):
            one.update(crops)
        due = [crop.track_id for crop in crops if self._is_due(crop.track_id, stamp_ns)]
        embeddings = self.encoder.embed(due) if due else {}
        for track_id, embedding in embeddings.items():
            self._remember(track_id, embedding)
        self._embed_further(stamp_ns, due)
        self._answered_ns.update(dict.fromkeys(due, stamp_ns))
        new = [track_id for track_id in due if track_id not in self._embeddings]
        return [
            *self._answers(stamp_ns, embeddings),
            *(self._no_answer(one, stamp_ns, Reason.TOO_SHORT) for one in new),
            *self._standing(stamp_ns, crops, active_track_ids),
        ]

    def _remember(self, track_id: int, embedding: Embedding) -> None:
        known = self._embeddings.setdefault(track_id, deque(maxlen=_REMEMBERED))
        if known:  # tokens are many bytes, and only the newest are of use
            known[-1] = replace(known[-1], tokens=None)
        known.append(embedding)

    def _embed_further(self, stamp_ns: int, track_ids: Iterable[int]) -> None:
        """Let the further encoders make walks of tracks, less often than there are answers."""
        stride_ns = 1e9 * self.config.enroll_stride_s
        due = [
            one
            for one in track_ids
            if one not in self._further_ns or stamp_ns - self._further_ns[one] >= stride_ns
        ]
        for encoder in self.enrollers:
            for track_id, embedding in encoder.embed(due).items():
                if embedding.modality & encoder.enrolls:
                    self._further.setdefault(track_id, {})[embedding.model_id] = embedding
                    self._further_ns[track_id] = stamp_ns

    def _answers(self, stamp_ns: int, embeddings: dict[int, Embedding]) -> list[Match]:
        """Return answers about walks; those of sensors that are not compared find nobody."""
        compared = {
            track: one for track, one in embeddings.items() if one.modality & self.encoder.compares
        }
        found = self._search.query(list(compared.values()), self.config.top_k)
        sightings = [
            (track, one, candidates)
            for (track, one), candidates in zip(compared.items(), found)
        ]  # fmt: skip
        matches = self._decider.update(stamp_ns, sightings, self.gallery_version)
        return [
            *(replace(match, reason=self._reason(match)) for match in matches),
            *(
                self._no_answer(track, stamp_ns, Reason.NOT_COMPARED, one)
                for track, one in embeddings.items()
                if track not in compared
            ),
        ]

    def _reason(self, match: Match) -> Reason:
        if match.decision is not Decision.UNKNOWN:
            return Reason.NONE
        if not match.candidates:
            return self.nobody
        short = match.num_frames < self._decider.config.min_frames
        return Reason.TOO_SHORT if short else Reason.STRANGER

    def _standing(
        self, stamp_ns: int, crops: Sequence[PersonCrop], active_track_ids: Iterable[int]
    ) -> list[Match]:
        """Return answers about tracks that do not walk, where only walkers are cropped."""
        if self.encoder.compares is not Modality.RADAR:
            return []
        self._walked_ns.update((crop.track_id, stamp_ns) for crop in crops)
        standing = []
        for track_id in active_track_ids:
            walked_ns = self._walked_ns.setdefault(track_id, stamp_ns)
            answered_ns = self._answered_ns.get(track_id, walked_ns)
            if stamp_ns - max(walked_ns, answered_ns) >= _STANDS_NS:
                self._answered_ns[track_id] = stamp_ns
                standing.append(self._no_answer(track_id, stamp_ns, Reason.NOT_WALKING))
        return standing

    def _no_answer(
        self, track_id: int, stamp_ns: int, reason: Reason, walk: Embedding | None = None
    ) -> Match:
        """Return an answer that nobody was looked for."""
        return Match(
            track_id=track_id,
            stamp_ns=stamp_ns,
            decision=Decision.UNKNOWN,
            candidates=(),
            margin=math.inf,
            window_start_ns=walk.window_start_ns if walk else stamp_ns,
            window_end_ns=walk.window_end_ns if walk else stamp_ns,
            num_frames=walk.num_frames if walk else 0,
            modality=walk.modality if walk else Modality.NONE,
            gallery_version=self.gallery_version,
            model_id=self.encoder.model_id,
            reason=reason,
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
            self._further.pop(track_id, None)

    def _forget(self, active: set[int]) -> None:
        for state in self._states:
            for track_id in [track_id for track_id in state if track_id not in active]:
                del state[track_id]
        for one in (self.encoder, *self.enrollers):
            one.retain(active)
        self._decider.retain(active)
