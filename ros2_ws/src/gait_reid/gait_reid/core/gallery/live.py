"""Embeddings of people who are walking now, kept for a few seconds so that they can be enrolled."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from gait_reid.core.gallery.errors import GalleryError
from gait_reid.core.types import Embedding


class NoLiveTrackError(GalleryError):
    """No embedding of the track is at hand."""


class ForeignModelError(GalleryError):
    """An embedding was made by another model than the running one."""


@dataclass(frozen=True)
class _Entry:
    embedding: Embedding
    heard_s: float


class LiveEmbeddings:
    """Remembers the newest embedding of each live track of each site, and the running models.

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
        embeddings: Mapping[int, Embedding],
    ) -> None:
        """Take what the encoder of one site has made, by track id."""
        now_s = self._steady_clock()
        self._models[origin] = frozenset(model_ids)
        for track_id, embedding in embeddings.items():
            # Re-inserted, so that the newest come last.
            self._entries.pop((sequence_id, track_id), None)
            self._entries[sequence_id, track_id] = _Entry(embedding, now_s)
        self.purge()

    def get(self, track_id: int, sequence_id: str = "") -> Embedding:
        """Return the newest embedding of a live track.

        Args:
            track_id: The track.
            sequence_id: Its sequence; empty: the newest one that has this track.

        Raises:
            NoLiveTrackError: Names the tracks that could be enrolled.
        """
        self.purge()
        for (sequence, track), entry in reversed(self._entries.items()):
            if track == track_id and sequence_id in ("", sequence):
                return entry.embedding
        tracks = sorted({track for _, track in self._entries})
        known = f"tracks with one are {tracks}" if tracks else "no track has one"
        raise NoLiveTrackError(
            f"track {track_id} has no embedding of the last {self._max_age_s:g} s, {known}; "
            "let the person walk across the view for a second or two"
        )

    def check_model(self, model_id: str) -> None:
        """Refuse an embedding that no running encoder could be compared with.

        Raises:
            ForeignModelError: Names both models.
        """
        running = self.running_models()
        if model_id not in running:
            raise ForeignModelError(
                f"the embedding is of model '{model_id}', running is "
                f"{', '.join(sorted(running))}; enrol the person again with that model"
            )

    def purge(self) -> None:
        """Drop what is too old."""
        oldest_s = self._steady_clock() - self._max_age_s
        self._entries = {k: e for k, e in self._entries.items() if e.heard_s >= oldest_s}

    def clear(self) -> None:
        """Drop all embeddings."""
        self._entries.clear()
