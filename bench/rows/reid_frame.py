"""One new frame of everybody in view through the gait energy image."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence

import numpy as np

from bench.harness import Benchmark, Case, Contender, Sample, UnavailableError
from gait_reid.core.encoders.energy_image import EnergyImageEncoder
from gait_reid.core.geometry import Pose, optical_pose
from gait_reid.core.types import CropQuality, Float64, Modality, PersonCrop, UInt8
from gait_reid.testing import walk_recording as recording
from gait_reid.testing.walkers import figure, picture

NUM_TRACKS, WINDOW, NUM_NEW = 10, 30, 10


def _crops() -> list[list[PersonCrop]]:
    """Return the crops of each frame: one walker, seen as if by ten tracks."""
    walk = recording.TIMETABLE[0]
    body = recording.PEOPLE[walk.person]
    pose = optical_pose(Pose(translation=np.array([0.0, 0.0, recording.CAMERA_HEIGHT_M])))
    empty = np.zeros((recording.INTRINSICS.height, recording.INTRINSICS.width, 3), np.uint8)
    frames = []
    for number in range(WINDOW + NUM_NEW):
        time_s = 1.0 + number / 15.0
        drawn = picture(
            [(body, figure(body, walk, time_s))], empty, recording.INTRINSICS, pose,
            recording.START_NS + round(1e9 * time_s), "camera",
        )  # fmt: skip
        mask: UInt8 = np.where(drawn.image.max(axis=2) > 30, 255, 0).astype(np.uint8)
        crop = _crop(drawn.image, mask, drawn.stamp_ns)
        frames.append([dataclasses.replace(crop, track_id=track) for track in range(NUM_TRACKS)])
    return frames


def _crop(image: UInt8, mask: UInt8, stamp_ns: int) -> PersonCrop:
    rows, columns = np.nonzero(mask)
    top, left, bottom, right = rows.min(), columns.min(), rows.max() + 1, columns.max() + 1
    roi: Float64 = np.array([left, top, right - left, bottom - top], np.float64)
    inside = (slice(top, bottom), slice(left, right))
    return PersonCrop(
        0, stamp_ns, "site", Modality.CAMERA, np.array([6.0, 0.0, 0.0]), np.array([0.0, -1.0, 0.0]),
        roi, np.ascontiguousarray(image[inside]), np.ascontiguousarray(mask[inside]),
        quality=CropQuality(range_m=6.0, pixel_height=float(bottom - top)),
    )  # fmt: skip


def _incremental(frames: Sequence[Sequence[PersonCrop]]) -> Callable[[], float]:
    def work() -> float:
        encoder = EnergyImageEncoder()
        for crops in frames[:WINDOW]:
            encoder.update(crops)
        start = time.perf_counter()
        for crops in frames[WINDOW:]:
            encoder.update(crops)
            _check(encoder)
        return time.perf_counter() - start

    return work


def _from_scratch(frames: Sequence[Sequence[PersonCrop]]) -> Callable[[], float]:
    def work() -> float:
        start = time.perf_counter()
        for newest in range(WINDOW, WINDOW + NUM_NEW):
            encoder = EnergyImageEncoder()
            for crops in frames[newest - WINDOW + 1 : newest + 1]:
                encoder.update(crops)
            _check(encoder)
        return time.perf_counter() - start

    return work


def _check(encoder: EnergyImageEncoder) -> None:
    found = encoder.embed(range(NUM_TRACKS))
    if len(found) != NUM_TRACKS:
        raise UnavailableError(f"{len(found)} of {NUM_TRACKS} tracks have an embedding")


def build() -> Case:
    """Draw the walker once."""
    frames = _crops()

    def contender(name: str, work: Callable[[], float]) -> Contender:
        def measure() -> Sample:
            return {"time_ms": 1e3 * work() / NUM_NEW}

        return Contender(name, measure)

    return Case(
        f"{NUM_TRACKS} tracks, a new frame each and an embedding of a window; time per frame",
        contender("state per track, one new frame", _incremental(frames)),
        (contender(f"the same encoder on all {WINDOW} frames again", _from_scratch(frames)),),
    )


BENCHMARK = Benchmark("reid_frame", "Re-identification per frame", build)
