from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy")

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.lifecycle import TransitionCallbackReturn as Return
from rclpy.node import Node
from rclpy.parameter import Parameter
from sensor_msgs.msg import CameraInfo, Image

from gait_reid.adapters.image import bgr_of
from gait_reid.nodes.camera_node import CameraNode
from gait_reid_common.stamps import to_ns
from gait_reid_common.testing import ros_context, spin_until

MakeNode = Callable[..., Any]
CALIBRATION = """
image_width: {width}
image_height: 48
distortion_model: plumb_bob
camera_matrix: {{data: [50, 0, 32, 0, 51, 24, 0, 0, 1]}}
distortion_coefficients: {{data: [-0.1, 0, 0, 0, 0]}}
"""


class FakeDevice:
    def __init__(self) -> None:
        self.plugged = threading.Event()
        self.plugged.set()

    def __call__(self, config: Any) -> FakeDevice:
        return self

    def isOpened(self) -> bool:  # noqa: N802
        return self.plugged.is_set()

    def read(self) -> tuple[bool, Any]:
        threading.Event().wait(0.02)  # the pace of the device
        return self.plugged.is_set(), np.full((48, 64, 3), 77, np.uint8)

    def get(self, prop: int) -> float:
        return 0.0

    def set(self, prop: int, value: float) -> bool:
        return True

    def release(self) -> None:
        pass


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "walk.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 20.0, (64, 48))
    for number in range(10):
        writer.write(np.full((48, 64, 3), 10 + 20 * number, np.uint8))
    writer.release()
    return path


@pytest.fixture
def context() -> Iterator[Any]:
    with ros_context() as made:
        yield made


@pytest.fixture
def make(context: Any) -> Iterator[MakeNode]:
    nodes: list[Any] = []

    def make_node(device: FakeDevice | None = None, **overrides: Any) -> Any:
        values = {"autostart": False, **overrides}
        parameters = [Parameter(k.replace("__", "."), value=v) for k, v in values.items()]
        kind = type("Camera", (CameraNode,), {"open_capture": device} if device else {})
        nodes.append(kind(context=context, parameter_overrides=parameters))
        return nodes[-1]

    yield make_node
    for node in nodes:
        node.destroy_node()


class Listener(Node):
    def __init__(self, context: Any) -> None:
        super().__init__("listener", context=context)
        self.images: list[Image] = []
        self.infos: list[CameraInfo] = []
        self.statuses: dict[str, list[tuple[int, str]]] = {}
        self.create_subscription(CameraInfo, "camera/camera_info", self.infos.append, 50)
        self.create_subscription(DiagnosticArray, "/diagnostics", self._diagnostics, 10)

    def listen(self) -> None:
        self.create_subscription(Image, "camera/image_raw", self.images.append, 50)

    def _diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            level = status.level[0] if isinstance(status.level, bytes) else status.level
            self.statuses.setdefault(status.name, []).append((level, status.message))

    def said(self, level: int, words: str) -> bool:
        return any(
            seen == level and words in text
            for all_ in self.statuses.values()
            for seen, text in all_
        )


@pytest.fixture
def listener(context: Any) -> Iterator[Listener]:
    node = Listener(context)
    yield node
    node.destroy_node()


def activate(node: Any) -> None:
    assert node.trigger_configure() is Return.SUCCESS
    assert node.trigger_activate() is Return.SUCCESS


def test_a_video_waits_for_a_subscriber_and_plays_to_the_end(make, listener, video, tmp_path):
    calibration = tmp_path / "camera.yaml"
    calibration.write_text(CALIBRATION.format(width=64), encoding="utf-8")
    node = make(
        camera__source=str(video), camera__calibration=str(calibration), camera__frame_id="cam"
    )
    activate(node)
    assert spin_until(lambda: listener.said(0, "waits for a subscriber"), 10.0, node, listener)
    listener.listen()
    assert spin_until(lambda: len(listener.images) == 10, 20.0, node, listener)
    stamps = [to_ns(message.header.stamp) for message in listener.images]
    assert np.diff(stamps).tolist() == [50_000_000] * 9
    assert abs(stamps[0] - node.now_ns()) < 60 * 10**9
    levels = [int(bgr_of(message).mean()) for message in listener.images]
    assert levels == pytest.approx([10 + 20 * i for i in range(10)], abs=3)
    assert [to_ns(info.header.stamp) for info in listener.infos] == stamps
    assert listener.infos[0].k[0] == 50.0
    assert listener.infos[0].d[0] == pytest.approx(-0.1)
    assert {m.header.frame_id for m in [*listener.images, *listener.infos]} == {"cam"}
    assert spin_until(lambda: listener.said(0, "played to the end"), 10.0, node, listener)
    counts = node.counters.snapshot()
    assert (counts.received, counts.published, counts.pending) == (10, 10, 0)


def test_an_uncalibrated_camera_says_so(make, listener, video):
    node = make(camera__source=str(video), run__speed=0.0)
    listener.listen()
    activate(node)
    assert spin_until(lambda: len(listener.infos) >= 1, 10.0, node, listener)
    assert (listener.infos[0].width, listener.infos[0].k[0]) == (64, 0.0)


def test_an_unplugged_camera_is_an_error_until_it_comes_back(make, listener):
    device = FakeDevice()
    node = make(device, camera__source="0", run__retry_min_s=0.02, run__retry_max_s=0.1)
    listener.listen()
    activate(node)
    assert spin_until(lambda: len(listener.images) > 3, 10.0, node, listener)
    device.plugged.clear()
    assert spin_until(lambda: listener.said(2, "plugged in"), 10.0, node, listener)
    device.plugged.set()
    before = len(listener.images)
    assert spin_until(lambda: len(listener.images) > before + 3, 10.0, node, listener)
    listener.statuses.clear()
    assert spin_until(lambda: listener.said(0, "delivers"), 10.0, node, listener)
    assert node.state == "active"


def test_a_camera_that_is_not_there_yet_is_waited_for(make, listener):
    device = FakeDevice()
    device.plugged.clear()
    node = make(device, camera__source="0", run__retry_min_s=0.02, run__retry_max_s=0.1)
    listener.listen()
    activate(node)
    device.plugged.set()
    assert spin_until(lambda: len(listener.images) > 2, 10.0, node, listener)


def test_a_deactivated_camera_is_silent_and_can_be_started_again(make, listener):
    node = make(FakeDevice(), camera__source="0")
    listener.listen()
    activate(node)
    assert spin_until(lambda: len(listener.images) > 2, 10.0, node, listener)
    assert node.trigger_deactivate() is Return.SUCCESS
    read = node.counters.snapshot().received
    listener.images.clear()
    assert node.trigger_activate() is Return.SUCCESS
    assert spin_until(lambda: len(listener.images) > 2, 10.0, node, listener)
    assert node.counters.snapshot().received > read
    assert node.trigger_deactivate() is Return.SUCCESS
    assert node.trigger_cleanup() is Return.SUCCESS


def test_nobody_subscribes_no_work(make, listener):
    node = make(FakeDevice(), camera__source="0")
    activate(node)
    assert spin_until(lambda: node.counters.snapshot().received > 3, 10.0, node, listener)
    counts = node.counters.snapshot()
    assert counts.published == 0
    assert set(counts.drops) == {"nobody_subscribes"}


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"camera__source": "nowhere.mp4"}, "nowhere.mp4"),
        ({"camera__source": ""}, "source is empty"),
        ({"camera__latency_s": -1.0}, "camera.latency_s"),
        ({"camera__calibration": "nowhere.yaml"}, "nowhere.yaml"),
    ],
)
def test_what_is_wrong_is_named_when_it_is_configured(make, video, overrides, words, capfd):
    node = make(**({"camera__source": str(video)} | overrides))
    assert node.trigger_configure() is not Return.SUCCESS
    assert node.state == "unconfigured"
    assert words in capfd.readouterr().err


def test_a_calibration_of_another_size_is_an_error(make, listener, video, tmp_path):
    calibration = tmp_path / "camera.yaml"
    calibration.write_text(CALIBRATION.format(width=1280), encoding="utf-8")
    node = make(camera__source=str(video), camera__calibration=str(calibration))
    listener.listen()
    activate(node)
    assert spin_until(lambda: listener.said(2, "pictures of"), 10.0, node, listener)
    assert not listener.images
