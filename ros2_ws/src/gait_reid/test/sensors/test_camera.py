from __future__ import annotations

import threading
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from gait_reid.sensors.base import SourceError
from gait_reid.sensors.camera import CameraSource
from gait_reid.sensors.capture import CameraConfig, has_gstreamer, kind_of
from gait_reid.sensors.runner import RunnerConfig, SourceRunner
from gait_reid_common.testing import wait_until


def picture(number: int, size: tuple[int, int] = (48, 64)) -> np.ndarray:
    return np.full((*size, 3), 10 * number + 5, np.uint8)


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "walk.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 20.0, (64, 48))
    for number in range(12):
        writer.write(picture(number))
    writer.release()
    return path


def read_all(source: CameraSource) -> list:
    frames = []
    while not source.ended:
        frame = source.read(0.1)
        if frame is not None:
            frames.append(frame)
    return frames


class FakeDevice:
    """A camera that can be unplugged, behind the part of cv2.VideoCapture that is used."""

    def __init__(self) -> None:
        self.plugged = True
        self.number = 0
        self.opened = 0
        self.allowed = threading.Semaphore(0)

    def __call__(self, config: CameraConfig) -> FakeDevice:
        self.opened += 1
        return self

    def isOpened(self) -> bool:  # noqa: N802
        return self.plugged

    def read(self):
        self.allowed.acquire(timeout=0.5)
        self.number += 1
        return (True, picture(self.number % 20)) if self.plugged else (False, None)

    def get(self, prop: int) -> float:
        return 0.0

    def set(self, prop: int, value: float) -> bool:
        return True

    def release(self) -> None:
        pass


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("0", "device"),
        ("/dev/video2", "device"),
        ("rtsp://user@host/stream", "stream"),
        ("v4l2src ! videoconvert ! appsink", "pipeline"),
        ("walk.mp4", "file"),
        (".", "folder"),
    ],
)
def test_the_kind_follows_from_the_string(source, kind):
    assert kind_of(source) == kind


def test_a_video_plays_to_the_end_in_order_at_its_own_rate(video):
    source = CameraSource(CameraConfig(source=str(video), frame_id="cam"))
    source.open()
    frames = read_all(source)
    assert len(frames) == 12
    assert [f.stamp_ns - 10**9 for f in frames] == [i * 50_000_000 for i in range(12)]
    levels = [float(f.image.mean()) for f in frames]
    assert levels == sorted(levels)
    assert frames[0].frame_id == "cam"
    assert source.ended
    assert not source.live
    assert source.read(0.0) is None
    source.close()
    source.close()


def test_opening_again_begins_again(video):
    clock = iter([5 * 10**9, 9 * 10**9])
    source = CameraSource(CameraConfig(source=str(video)), start_clock=lambda: next(clock))
    for start_ns in (5 * 10**9, 9 * 10**9):
        source.open()
        assert read_all(source)[0].stamp_ns == start_ns


def test_a_folder_is_read_in_order_of_names(tmp_path):
    for number in (3, 1, 2):
        cv2.imwrite(str(tmp_path / f"{number:03}.png"), picture(number))
    (tmp_path / "notes.txt").write_text("no picture", encoding="utf-8")
    source = CameraSource(CameraConfig(source=str(tmp_path), rate_hz=4.0))
    source.open()
    frames = read_all(source)
    assert [int(f.image[0, 0, 0]) for f in frames] == [15, 25, 35]
    assert [f.stamp_ns for f in frames] == [10**9, 1_250_000_000, 1_500_000_000]


def test_what_is_missing_or_broken_is_named(tmp_path):
    def play(source: str) -> None:
        made = CameraSource(CameraConfig(source=source))
        made.open()
        read_all(made)

    def message(source: str) -> str:
        with pytest.raises(SourceError) as caught:
            play(source)
        return str(caught.value)

    assert "nowhere.mp4" in message(str(tmp_path / "nowhere.mp4"))
    assert "holds no" in message(str(tmp_path))
    fake = tmp_path / "fake.mp4"
    fake.write_bytes(b"not a video at all" * 100)
    assert "decode" in message(str(fake))
    (tmp_path / "broken.png").write_bytes(b"\x89PNG nothing")
    assert "broken.png" in message(str(tmp_path))
    assert "plugged in" in message("/dev/video77")
    assert "v4l/by-id" in message("/dev/null")
    with pytest.raises(ValueError, match="source is empty"):
        CameraConfig(source=" ")


@pytest.mark.skipif(has_gstreamer(), reason="this OpenCV has GStreamer")
def test_a_pipeline_without_gstreamer_says_what_to_install():
    source = CameraSource(CameraConfig(source="videotestsrc ! appsink"))
    with pytest.raises(SourceError, match="python3-opencv"):
        source.open()


def test_the_calibration_must_fit_the_pictures(tmp_path, video):
    path = tmp_path / "camera.yaml"

    def calibrate(width: int, height: int) -> None:
        content = {
            "image_width": width,
            "image_height": height,
            "distortion_model": "plumb_bob",
            "camera_matrix": {"data": [50, 0, width / 2, 0, 50, height / 2, 0, 0, 1]},
            "distortion_coefficients": {"data": [0.0] * 5},
        }
        path.write_text(yaml.safe_dump(content), encoding="utf-8")

    source = CameraSource(CameraConfig(source=str(video), calibration=str(path)))
    calibrate(64, 48)
    source.open()
    assert source.read(0.1).intrinsics.fx == 50.0
    calibrate(1280, 720)
    source.open()
    with pytest.raises(SourceError, match=r"1280x720.*are 64x48"):
        source.read(0.1)


def test_of_a_live_camera_the_newest_picture_wins():
    device = FakeDevice()
    source = CameraSource(CameraConfig(source="0", latency_s=0.5), device)
    source.open()
    assert source.live
    for _ in range(5):
        device.allowed.release()
    assert wait_until(lambda: source.overwritten == 4, 5.0)
    frame = source.read(1.0)
    assert int(frame.image[0, 0, 0]) == 55
    source.close()
    assert source.overwritten == 4


def test_an_unplugged_camera_is_reported_and_comes_back():
    device, frames, changes = FakeDevice(), [], []
    source = CameraSource(CameraConfig(source="0"), device)
    runner = SourceRunner(
        source, frames.append, changes.append, RunnerConfig(retry_min_s=0.01, retry_max_s=0.05)
    )
    runner.start()
    device.allowed.release()
    assert wait_until(lambda: len(frames) == 1, 5.0)
    device.plugged = False
    device.allowed.release()
    assert wait_until(lambda: runner.error is not None, 5.0)
    assert "plugged in" in str(runner.error)
    attempts = device.opened
    assert wait_until(lambda: device.opened > attempts + 2, 5.0)
    device.plugged = True
    device.allowed.release()
    device.allowed.release()
    assert wait_until(lambda: runner.error is None, 5.0)
    assert [type(change) for change in changes] == [SourceError, type(None)]
    runner.stop()
    assert [f.stamp_ns for f in frames] == sorted(f.stamp_ns for f in frames)


def test_a_file_that_ends_or_fails_ends_the_runner(video, tmp_path):
    frames: list = []
    config = RunnerConfig(speed=0.0)
    runner = SourceRunner(
        CameraSource(CameraConfig(source=str(video))), frames.append, print, config
    )
    runner.start()
    assert wait_until(lambda: runner.ended, 5.0)
    assert runner.delivered == len(frames) == 12
    runner.stop()
    missing = CameraSource(CameraConfig(source=str(tmp_path / "gone.mp4")))
    runner = SourceRunner(missing, frames.append, lambda _: None, config)
    runner.start()
    assert wait_until(lambda: runner.ended, 5.0)
    assert "gone.mp4" in str(runner.error)
    runner.stop()


def test_a_looped_file_begins_again(video):
    stamps: list[int] = []
    source = CameraSource(CameraConfig(source=str(video)))
    runner = SourceRunner(
        source, lambda f: stamps.append(f.stamp_ns), print, RunnerConfig(speed=0.0, loop=True)
    )
    runner.start()
    assert wait_until(lambda: len(stamps) > 30, 5.0)
    runner.stop()
    assert stamps[12] == stamps[0]
    assert stamps[:12] == sorted(stamps[:12])
