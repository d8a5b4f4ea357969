"""Embeddings of people who are walking now, kept for a few seconds so that they can be enrolled."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from gait_reid.core.gallery.errors import GalleryError
from gait_reid.core.types import Embedding, Modality


class NoLiveTrackError(GalleryError):
    """No embedding of the track is at hand."""


class ForeignModelError(GalleryError):
    """An embedding was made by another model than the running one."""


@dataclass(frozen=True)
class _Entry:
    embeddings: tuple[Embedding, ...]
    heard_s: float


class LiveEmbeddings:
    """Remembers the newest embeddings of each live track of each site, and the running models.

    Args:
        max_age_s: Time after which an embedding is dropped, because the person may be gone.
        steady_clock: Seconds that only grow.
    """

    def __init__(
        self, max_age_s: float, steady_clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._max_age_s = max_age_s
        self._steady_clock = steady_clock
        self._entries: dict[tuple[str, int], _Entry] = {}
        self._models: dict[str, frozenset[str]] = {}

    def running_models(self) -> frozenset[str]:
        """Return the models of all encoders that have announced theirs.

        Raises:
            ForeignModelError: None has.
        """
        running: frozenset[str] = frozenset().union(*self._models.values())
        if not running:
            raise ForeignModelError(
                "no re-identification node has announced its model; start it and try again"
            )
        return running

    def update(
        self,
        origin: str,
        sequence_id: str,
        model_ids: Collection[str],
        embeddings: Mapping[int, Sequence[Embedding]],
    ) -> None:
        """Take what the encoders of one site have made, by track id, one of each model."""
        now_s = self._steady_clock()
        self._models[origin] = frozenset(model_ids)
        for track_id, some in embeddings.items():
            # Re-inserted, so that the newest come last.
            self._entries.pop((sequence_id, track_id), None)
            self._entries[sequence_id, track_id] = _Entry(tuple(some), now_s)
        self.purge()

    def get(self, track_id: int, sequence_id: str = "") -> tuple[Embedding, ...]:
        """Return the newest embeddings of a live track, one of each model.

        Args:
            track_id: The track.
            sequence_id: Its sequence; empty: the newest one that has this track.

        Raises:
            NoLiveTrackError: Names the tracks that could be enrolled.
        """
        self.purge()
        for (sequence, track), entry in reversed(self._entries.items()):
            if track == track_id and sequence_id in ("", sequence):
                return entry.embeddings
        tracks = sorted({track for _, track in self._entries})
        known = f"tracks with one are {tracks}" if tracks else "no track has one"
        raise NoLiveTrackError(
            f"track {track_id} has no embedding of the last {self._max_age_s:g} s, {known}; "
            "let the person walk across the view for a second or two"
        )

    def check(self, embedding: Embedding) -> None:
        """Refuse an embedding that no running encoder could be compared with.

        Raises:
            ForeignModelError: Names both models, or the sensor whose walks are queries alone.
        """
        if embedding.modality & Modality.RADAR:
            raise ForeignModelError(
                "the embedding is of a walk before a radar, which is looked for and never "
                "enrolled; enrol the person before a camera"
            )
        running = self.running_models()
        if embedding.model_id not in running:
            raise ForeignModelError(
                f"the embedding is of model '{embedding.model_id}', running is "
                f"{', '.join(sorted(running))}; enrol the person again with that model"
            )

    def purge(self) -> None:
        """Drop what is too old."""
        oldest_s = self._steady_clock() - self._max_age_s
        self._entries = {k: e for k, e in self._entries.items() if e.heard_s >= oldest_s}

    def clear(self) -> None:
        """Drop all embeddings."""
        self._entries.clear()
