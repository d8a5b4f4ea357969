"""Where the results of a replay go."""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

from gait_reid.adapters.bags import BagWriter, provide_message_modules
from gait_reid.cli.json_lines import result_to_json
from gait_reid.cli.video import StampedVideo
from gait_reid.core.overlay import draw_overlay
from gait_reid.core.pipeline import PipelineResult
from gait_reid.core.types import Match

TRACKS_TYPE = "gait_reid_msgs/msg/PersonTrackArray"
MATCHES_TYPE = "gait_reid_msgs/msg/IdentityMatchArray"


class Sink(Protocol):
    """Takes results in order of time."""

    def write(self, result: PipelineResult) -> None:
        """Take one instant."""

    def close(self) -> None:
        """Finish the file."""


class JsonLines:
    """One JSON line per instant; ``-`` is standard output."""

    def __init__(self, path: Path) -> None:
        self._is_own = str(path) != "-"
        self._file = path.open("w", encoding="utf-8") if self._is_own else sys.stdout

    def write(self, result: PipelineResult) -> None:
        """Append a line."""
        self._file.write(json.dumps(result_to_json(result), ensure_ascii=False) + "\n")

    def close(self) -> None:
        """Close the file."""
        if self._is_own:
            self._file.close()


class ResultBag:
    """A rosbag2 (mcap) with the topics ``tracks`` and ``matches``, as the nodes publish them."""

    def __init__(self, path: Path) -> None:
        provide_message_modules()
        self._bag = BagWriter(path, "mcap")

    def write(self, result: PipelineResult) -> None:
        """Append the tracks and, when there are answers, the matches of an instant."""
        from gait_reid.adapters import matches, tracks

        percept, stamp_ns = result.percept, result.stamp_ns
        camera = percept.frames.camera
        message = tracks.to_message(percept.tracks, camera.frame_id if camera else "")
        self._bag.write("/tracks", TRACKS_TYPE, stamp_ns, message)
        if result.matches:
            frame_id = percept.tracks.frame_id
            answers = matches.to_message(result.matches, stamp_ns, frame_id, percept.sequence_id)
            self._bag.write("/matches", MATCHES_TYPE, stamp_ns, answers)

    def close(self) -> None:
        """Write the index."""
        self._bag.close()


class OverlayVideo:
    """An MP4 of the pictures with boxes and names; instants without a picture are left out."""

    def __init__(self, path: Path) -> None:
        self._video = StampedVideo(path)
        self._answers: dict[int, Match] = {}
        self._sequence_id = ""

    def write(self, result: PipelineResult) -> None:
        """Draw and append a picture."""
        percept = result.percept
        if percept.sequence_id != self._sequence_id:
            self._answers, self._sequence_id = {}, percept.sequence_id
        self._answers.update({match.track_id: match for match in result.matches})
        if percept.frames.camera is not None:
            drawn = draw_overlay(percept.frames.camera.image, percept.tracks, self._answers)
            self._video.add(result.stamp_ns, drawn)

    def close(self) -> None:
        """Finish the video."""
        self._video.close()


class Sinks:
    """Several sinks as one; all are closed whatever happens."""

    def __init__(self) -> None:
        self._all: list[Sink] = []
        self._stack = ExitStack()

    def add(self, sink: Sink) -> None:
        """Write to this one as well."""
        self._all.append(sink)
        self._stack.callback(sink.close)

    def write(self, result: PipelineResult) -> None:
        """Give a result to every sink."""
        for sink in self._all:
            sink.write(result)

    def close(self) -> None:
        """Close every sink, also when one of them fails."""
        self._stack.close()
