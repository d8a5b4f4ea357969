"""Shows what the suite knows: markers for RViz, and pictures with boxes and names."""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sensor_msgs.msg import Image

from gait_reid.adapters import image as image_adapter
from gait_reid.adapters import markers as markers_adapter
from gait_reid.adapters import matches as matches_adapter
from gait_reid.adapters import tracks as tracks_adapter
from gait_reid.core.overlay import draw_overlay
from gait_reid.core.types import Match, Tracks
from gait_reid.nodes.topics import CAMERA_IMAGE, MARKERS, MATCHES, OVERLAY, TRACKS
from gait_reid_common.inputs import Input, Received
from gait_reid_common.lifecycle import ManagedNode, run_node
from gait_reid_common.parameters import param, validate
from gait_reid_msgs.msg import IdentityMatchArray, PersonTrackArray


@dataclass(frozen=True)
class VisualizerParameters:
    """Parameters of the visualizer node."""

    max_age_s: float = param(
        2.0, "Tracks older than this when their turn comes are dropped, 0: never", "s", 0.0, 60.0
    )
    match_tolerance_s: float = param(
        0.06, "Largest time between tracks and the picture they are drawn into", "s", 0.0, 10.0
    )
    pictures_kept: int = param(
        12, "Pictures that wait for their tracks; bounds the memory", "frames", 1, 300
    )

    def __post_init__(self) -> None:
        validate(self)


class VisualizerNode(ManagedNode[VisualizerParameters]):
    """Joins tracks, identities and pictures."""

    node_name = "visualizer"
    parameter_type = VisualizerParameters
    publishes = (MARKERS, OVERLAY)
    subscribes = (TRACKS, MATCHES, CAMERA_IMAGE)

    def do_configure(self, parameters: VisualizerParameters) -> None:
        """Prepare the buffers."""
        self._lock = threading.Lock()
        self._pictures: deque[tuple[Input[Any], Received[Image]]] = deque()
        self._matches: dict[int, Match] = {}
        self._shown: Collection[int] = ()
        self._markers_out = self.publisher(MARKERS)
        self._overlay_out = self.publisher(OVERLAY)
        self.subscribe(MATCHES, self._on_matches)
        self.subscribe(CAMERA_IMAGE, self._on_image)
        self.process(
            TRACKS,
            self._show,
            max_age_s=parameters.max_age_s,
            wanted=(self._markers_out, self._overlay_out),
            on_time_jump=self._reset,
        )

    def do_deactivate(self) -> None:
        """Forget pictures and answers."""
        self._reset()

    # In the executor's thread

    def _on_matches(self, source: Input[Any], received: Received[IdentityMatchArray]) -> None:
        matches = matches_adapter.from_message(received.message)
        with self._lock:
            self._matches.update((match.track_id, match) for match in matches)
        source.counters.publish()

    def _on_image(self, source: Input[Any], received: Received[Image]) -> None:
        if not self.wanted(self._overlay_out):
            source.counters.drop("nobody_subscribes")
            return
        with self._lock:
            self._pictures.append((source, received))
            self._drop_pictures(len(self._pictures) - self.parameters.pictures_kept)

    # In the worker's thread

    def _show(self, received: Received[PersonTrackArray]) -> None:
        tracks = tracks_adapter.from_message(received.message)
        alive = set(tracks.track_id.tolist())
        with self._lock:
            self._matches = {key: m for key, m in self._matches.items() if key in alive}
            matches = dict(self._matches)
        if self.wanted(self._markers_out):
            self._markers_out.publish(markers_adapter.to_message(tracks, matches, self._shown))
            self._shown = alive
        if self.wanted(self._overlay_out):
            self._draw(tracks, matches)

    def _draw(self, tracks: Tracks, matches: dict[int, Match]) -> None:
        picture = self._take_picture(tracks.stamp_ns)
        if picture is None:
            return
        source, received = picture
        try:
            frame = image_adapter.from_message(received.message)
        except ValueError as error:
            self.report_error(f"no overlay: {error}")
            source.counters.drop("decode_error")
            return
        drawn = draw_overlay(frame.image, tracks, matches)
        message = image_adapter.image_message(drawn, frame.stamp_ns, frame.frame_id)
        self._overlay_out.publish(message)
        source.counters.publish()

    def _take_picture(self, stamp_ns: int) -> tuple[Input[Any], Received[Image]] | None:
        """Return the picture of an instant; older ones are dropped."""
        tolerance_ns = self.parameters.match_tolerance_s * 1e9
        with self._lock:
            distances = [abs(received.stamp_ns - stamp_ns) for _, received in self._pictures]
            if not distances or min(distances) > tolerance_ns:
                return None
            self._drop_pictures(distances.index(min(distances)))
            return self._pictures.popleft()

    def _drop_pictures(self, number: int) -> None:
        for _ in range(number):
            source, _received = self._pictures.popleft()
            source.counters.drop("no_tracks")

    def _reset(self) -> None:
        with self._lock:
            self._matches.clear()
            self._drop_pictures(len(self._pictures))


def main() -> int:
    """Run the node."""
    return run_node(VisualizerNode)


if __name__ == "__main__":
    sys.exit(main())
