"""A demonstration's ears: topics of a site in, enrolments out."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from gait_reid.cli.console import CommandError
from gait_reid.cli.video import StampedVideo
from gait_reid.core.types import Match, Tracks, UInt8

if TYPE_CHECKING:
    from rclpy.node import Node

    from gait_reid_common.qos import Qos

_VIDEO_WIDTH = 960


@dataclass(frozen=True)
class Walk:
    """The newest embedding of a track.

    Attributes:
        track_id: The track.
        num_frames: Frames that it was made from.
        start_ns: Stamp of the first of them.
        end_ns: Stamp of the last of them.
    """

    track_id: int
    num_frames: int
    start_ns: int
    end_ns: int


@dataclass(frozen=True)
class Enrolment:
    """What is asked of the gallery.

    Attributes:
        walk: The walk to enrol.
        person_id: As whom.
        display_name: Name shown to people.
    """

    walk: Walk
    person_id: str
    display_name: str


class SiteListener(ABC):
    """Listens to the results of a site, writes the overlay, and enrols whom it is told to.

    Args:
        node: Node of the demonstration.
        video: Takes the pictures of the overlay.
    """

    def __init__(self, node: Node, video: StampedVideo) -> None:
        from rclpy.executors import SingleThreadedExecutor

        from gait_reid.nodes import topics
        from gait_reid_common.qos import SENSOR_IN
        from gait_reid_msgs.srv import Enroll

        self.node = node
        self._video = video
        self._pending: tuple[Enrolment, Any] | None = None
        self._executor = SingleThreadedExecutor(context=node.context)
        self._executor.add_node(node)
        for topic, callback in (
            (topics.TRACKS, self._on_tracks),
            (topics.MATCHES, self._on_matches),
            (topics.EMBEDDINGS, self._on_embeddings),
        ):
            self.subscribe(topic, callback, topic.requested)
        # Pictures are large: the newest is enough, and results must not wait behind them.
        self.subscribe(topics.OVERLAY, self._on_overlay, SENSOR_IN)
        self._topics = topics
        self._enroll = node.create_client(Enroll, "/gallery/enroll")

    # What a demonstration does with what it hears

    @abstractmethod
    def see_tracks(self, tracks: Tracks) -> None:
        """Take the tracks of an instant."""

    @abstractmethod
    def see_match(self, match: Match) -> None:
        """Take an answer."""

    @abstractmethod
    def see_walk(self, walk: Walk) -> None:
        """Take note of the newest embedding of a track."""

    @abstractmethod
    def due(self) -> Enrolment | None:
        """Return what to enrol now, or None."""

    @abstractmethod
    def enrolled(self, enrolment: Enrolment, person_id: str) -> None:
        """Take note of an enrolment that the gallery has made."""

    @abstractmethod
    def refused(self, enrolment: Enrolment, message: str) -> None:
        """Take note of an enrolment that the gallery has refused."""

    def decorate(self, stamp_ns: int, picture: UInt8) -> UInt8:
        """Return a picture of the overlay as it goes into the video."""
        return picture

    # Running

    def spin(self, timeout_s: float) -> None:
        """Take what has come within a time, and enrol what is due."""
        end_s = time.monotonic() + timeout_s
        while (left_s := end_s - time.monotonic()) > 0.0:
            self._executor.spin_once(timeout_sec=left_s)
        self._enroll_when_due()

    def wait_until_ready(
        self, check: Callable[[], None], timeout_s: float, further: Sequence[str] = ()
    ) -> None:
        """Wait for the nodes.

        Args:
            check: Raises where a process has died.
            timeout_s: Time to wait.
            further: Topics of other sites that must be published as well.

        Raises:
            CommandError: They did not come in time, or one of them died.
        """
        topics = self._topics
        wanted = [topics.TRACKS.name, topics.MATCHES.name, topics.OVERLAY.name, topics.GALLERY.name]
        wanted += further
        missing, end_s = wanted, time.monotonic() + timeout_s
        while time.monotonic() < end_s:
            check()
            self._executor.spin_once(timeout_sec=0.1)
            missing = [name for name in wanted if not self.node.count_publishers(name)]
            if not missing and self._enroll.service_is_ready() and self._listens():
                return
        raise CommandError(
            f"the nodes did not start within {timeout_s:g} s; nobody publishes {', '.join(missing)}"
        )

    def subscribe(self, topic: Any, callback: Callable[[Any], None], qos: Qos) -> None:
        """Listen to a topic."""
        self.node.create_subscription(topic.type, topic.name, callback, qos.profile())

    def _listens(self) -> bool:
        names = (self._topics.CAMERA_IMAGE.name, self._topics.LIDAR_POINTS.name)
        return any(self.node.count_subscribers(name) for name in names)

    def _on_tracks(self, message: Any) -> None:
        from gait_reid.adapters import tracks

        self.see_tracks(tracks.from_message(message))

    def _on_matches(self, message: Any) -> None:
        from gait_reid.adapters import matches

        for match in matches.from_message(message):
            self.see_match(match)

    def _on_embeddings(self, message: Any) -> None:
        from gait_reid_common.stamps import to_ns

        walks: dict[int, Walk] = {}
        for item in message.embeddings:
            one = item.embedding
            start_ns, end_ns = to_ns(one.window_start), to_ns(one.window_end)
            walk = Walk(item.track_id, one.num_frames, start_ns, end_ns)
            # Where several models make walks of a track, all are enrolled together.
            known = walks.get(item.track_id)
            if known is None or end_ns - start_ns > known.end_ns - known.start_ns:
                walks[item.track_id] = walk
        for walk in walks.values():
            self.see_walk(walk)

    def _on_overlay(self, message: Any) -> None:
        from gait_reid.adapters import image
        from gait_reid_common.stamps import to_ns

        picture = image.bgr_of(message)
        scale = min(1.0, _VIDEO_WIDTH / picture.shape[1])
        size = (2 * round(picture.shape[1] * scale / 2), 2 * round(picture.shape[0] * scale / 2))
        reduced = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        stamp_ns = to_ns(message.header.stamp)
        self._video.add(stamp_ns, self.decorate(stamp_ns, np.asarray(reduced, np.uint8)))

    def _enroll_when_due(self) -> None:
        if self._pending is not None:
            self._take_answer(*self._pending)
            return
        enrolment = self.due()
        if enrolment is None:
            return
        request = self._enroll.srv_type.Request(
            source=self._enroll.srv_type.Request.SOURCE_TRACK,
            track_id=enrolment.walk.track_id,
            person_id=enrolment.person_id,
            display_name=enrolment.display_name,
            consent=True,
            origin="demonstration",
        )
        self._pending = (enrolment, self._enroll.call_async(request))

    def _take_answer(self, enrolment: Enrolment, future: Any) -> None:
        if not future.done():
            return
        self._pending = None
        answer = future.result()
        if answer.success:
            self.enrolled(enrolment, answer.person_id)
        else:
            self.refused(enrolment, answer.message)
