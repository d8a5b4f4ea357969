"""The demonstration's ears: topics of the suite in, an enrolment out."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from gait_reid.cli.console import ERR, CommandError
from gait_reid.cli.video import StampedVideo
from gait_reid.cli.watching import Watch

if TYPE_CHECKING:
    from rclpy.node import Node

    from gait_reid_common.qos import Qos

PERSON = "walker"
_VIDEO_WIDTH = 960


class DemoNode:
    """Listens to the results of a site, and enrols the walker when its time has come.

    Attributes:
        watch: What was seen.
    """

    def __init__(self, node: Node, watch: Watch, video: StampedVideo) -> None:
        from rclpy.executors import SingleThreadedExecutor

        from gait_reid.nodes import topics
        from gait_reid_common.qos import SENSOR_IN
        from gait_reid_msgs.srv import Enroll

        self.watch = watch
        self._node = node
        self._video = video
        self._pending: Any = None
        self._refused = 0
        self._executor = SingleThreadedExecutor(context=node.context)
        self._executor.add_node(node)
        for topic, callback in (
            (topics.TRACKS, self._on_tracks),
            (topics.MATCHES, self._on_matches),
            (topics.EMBEDDINGS, self._on_embeddings),
        ):
            self._subscribe(topic, callback, topic.requested)
        # Pictures are large: the newest is enough, and results must not wait behind them.
        self._subscribe(topics.OVERLAY, self._on_overlay, SENSOR_IN)
        self._topics = topics
        self._enroll = node.create_client(Enroll, "/gallery/enroll")

    def spin(self, timeout_s: float) -> None:
        """Take what has come within a time, and enrol when it is due."""
        end_s = time.monotonic() + timeout_s
        while (left_s := end_s - time.monotonic()) > 0.0:
            self._executor.spin_once(timeout_sec=left_s)
        self._enroll_when_due()

    def wait_until_ready(self, check: Callable[[], None], timeout_s: float) -> None:
        """Wait for the nodes.

        Raises:
            CommandError: They did not come in time, or one of them died.
        """
        topics = self._topics
        wanted = [topics.TRACKS.name, topics.MATCHES.name, topics.OVERLAY.name, topics.GALLERY.name]
        end_s = time.monotonic() + timeout_s
        while time.monotonic() < end_s:
            check()
            self._executor.spin_once(timeout_sec=0.1)
            missing = [name for name in wanted if not self._node.count_publishers(name)]
            if not missing and self._enroll.service_is_ready() and self._listens():
                return
        raise CommandError(f"the nodes did not start within {timeout_s:g} s")

    def _listens(self) -> bool:
        names = (self._topics.CAMERA_IMAGE.name, self._topics.LIDAR_POINTS.name)
        return any(self._node.count_subscribers(name) for name in names)

    def _subscribe(self, topic: Any, callback: Callable[[Any], None], qos: Qos) -> None:
        self._node.create_subscription(topic.type, topic.name, callback, qos.profile())

    def _on_tracks(self, message: Any) -> None:
        from gait_reid.adapters import tracks

        self.watch.see_tracks(tracks.from_message(message))

    def _on_matches(self, message: Any) -> None:
        from gait_reid.adapters import matches

        for match in matches.from_message(message):
            self.watch.see_match(match)

    def _on_embeddings(self, message: Any) -> None:
        for item in message.embeddings:
            self.watch.see_walk(item.track_id, item.embedding.num_frames)

    def _on_overlay(self, message: Any) -> None:
        from gait_reid.adapters import image
        from gait_reid_common.stamps import to_ns

        picture = image.bgr_of(message)
        scale = min(1.0, _VIDEO_WIDTH / picture.shape[1])
        size = (2 * round(picture.shape[1] * scale / 2), 2 * round(picture.shape[0] * scale / 2))
        reduced = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        self._video.add(to_ns(message.header.stamp), np.asarray(reduced, np.uint8))

    def _enroll_when_due(self) -> None:
        if self._pending is not None:
            self._take_answer()
            return
        track = self.watch.track_to_enroll()
        if track is None:
            return
        request = self._enroll.srv_type.Request(
            source=self._enroll.srv_type.Request.SOURCE_TRACK,
            track_id=track,
            person_id=PERSON,
            display_name=PERSON,
            consent=True,
            origin="demonstration",
        )
        self._pending = (track, self._enroll.call_async(request))

    def _take_answer(self) -> None:
        track, future = self._pending
        if not future.done():
            return
        self._pending = None
        answer = future.result()
        if answer.success:
            self.watch.note_enrolled(track, answer.person_id)
        elif not self._refused:
            self._refused += 1
            ERR.print(f"not enrolled yet: {answer.message}", markup=False)
