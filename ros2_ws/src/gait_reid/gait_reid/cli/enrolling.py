"""Choosing the walk to enrol from a recording."""

from __future__ import annotations

from dataclasses import dataclass, field

from gait_reid.cli.console import CommandError
from gait_reid.core.pipeline import Pipeline, PipelineResult
from gait_reid.core.types import Embedding

_CLEAR_LEAD = 2.0


@dataclass
class Walks:
    """Collects the embeddings of every track of a replay.

    Attributes:
        pipeline: The chain that the recording runs through.
        embeddings: By track id, in order of time; windows of one track and model do not overlap.
    """

    pipeline: Pipeline
    embeddings: dict[int, list[Embedding]] = field(default_factory=dict)

    def write(self, result: PipelineResult) -> None:
        """Look at the tracks that were answered about."""
        for match in result.matches:
            for walk in self.pipeline.reidentification.walks(match.track_id):
                self._keep(self.embeddings.setdefault(match.track_id, []), walk)

    @staticmethod
    def _keep(kept: list[Embedding], embedding: Embedding) -> None:
        """Let the newest window grow; a window that only slides counts when it is all new."""
        own = [row for row, one in enumerate(kept) if one.model_id == embedding.model_id]
        if not own or embedding.window_start_ns > kept[own[-1]].window_end_ns:
            kept.append(embedding)
        elif embedding.window_start_ns == kept[own[-1]].window_start_ns:
            kept[own[-1]] = embedding

    def close(self) -> None:
        """Nothing to finish."""

    def choose(self, track_id: int | None) -> list[Embedding]:
        """Return the walk of a track, or of the only person who walks clearly longest.

        Raises:
            CommandError: The track has no walk, nobody has, or several people walk as long.
        """
        frames = {
            track: sum(embedding.num_frames for embedding in found)
            for track, found in self.embeddings.items()
        }
        listed = ", ".join(f"track {track} ({count} frames)" for track, count in frames.items())
        if track_id is not None:
            if track_id not in frames:
                raise CommandError(
                    f"track {track_id}: has no walk that can be enrolled; choose one of: "
                    f"{listed or 'none, nobody walked long enough'}"
                )
            return self.embeddings[track_id]
        if not frames:
            raise CommandError(
                "nobody walked long enough to be enrolled; the person must be seen walking for "
                "a second or two, from head to foot"
            )
        ranked = sorted(frames, key=lambda track: -frames[track])
        if len(ranked) > 1 and frames[ranked[0]] < _CLEAR_LEAD * frames[ranked[1]]:
            raise CommandError(
                f"several people walk: {listed}; choose one with --track, or a part of the "
                "recording with --window"
            )
        return self.embeddings[ranked[0]]
