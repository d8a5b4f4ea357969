from __future__ import annotations

import cv2
import numpy as np
import pytest

from gait_reid.core.motion import MotionConfig, MotionDetector
from gait_reid.core.motion_pieces import PieceSplitter

PERIOD_NS = 33_000_000


def wall(seed: int = 0, size: tuple[int, int] = (360, 640)) -> np.ndarray:
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(60, 190, (size[0] // 12, size[1] // 12, 3)).astype(np.float32)
    return cv2.resize(coarse, size[::-1], interpolation=cv2.INTER_CUBIC).clip(0, 255)


NOISE = np.random.default_rng(5).normal(0.0, 2.0, (7, 360, 640, 3)).astype(np.float32)


def noisy(picture: np.ndarray, number: int) -> np.ndarray:
    noise = NOISE[number % len(NOISE), : picture.shape[0], : picture.shape[1]]
    return (picture + noise).clip(0, 255).astype(np.uint8)


def run(pictures: list[np.ndarray], config: MotionConfig | None = None):
    detector = MotionDetector(config)
    return [detector.detect(p, 10**9 + i * PERIOD_NS) for i, p in enumerate(pictures)]


def with_body(picture: np.ndarray, x: int) -> np.ndarray:
    drawn = picture.copy()
    drawn[120:300, x : x + 60] = (20, 20, 220)
    return drawn


def test_a_moving_body_is_foreground_and_the_wall_is_not():
    base = wall()
    motion = run([noisy(with_body(base, 5 * i) if i > 15 else base, i) for i in range(60)])[-1]
    truth = np.zeros((180, 320), bool)
    truth[60:150, 147:177] = True
    mask = motion.mask > 0
    assert motion.scale == 0.5
    assert (mask & truth).sum() / (mask | truth).sum() > 0.85
    assert motion.change[truth].max() > 50


def test_a_change_of_light_is_not_motion():
    base = wall()
    slope = np.linspace(0.75, 1.15, base.shape[1])[None, :, None]
    darker = [noisy(base if i < 30 else base * slope, i) for i in range(40)]
    moving = [np.mean(m.mask > 0) for m in run(darker)[30:]]
    ignorant = MotionConfig(compensate_light=False)
    assert max(moving) < 0.05
    assert np.mean([np.mean(m.mask > 0) for m in run(darker, ignorant)[30:32]]) > 2 * max(moving)


def test_a_swaying_camera_is_registered():
    base = wall()
    pixels = [round(5 * np.sin(i / 4.0)) for i in range(60)]
    results = run([noisy(np.roll(base, pixels[i], 1), i) for i in range(60)])
    assert np.mean([np.mean(m.mask > 0) for m in results[20:]]) < 0.03
    errors = [abs(m.shake[0] - p / 2) for m, p in zip(results, pixels)]
    assert np.median(errors) < 0.4


def test_motion_after_the_start_waits_for_the_background():
    results = run([noisy(wall(), i) for i in range(20)], MotionConfig(warm_up_s=0.3))
    assert [m.warm for m in results].index(True) == 10


def test_another_scene_starts_anew():
    first, second = wall(0), wall(1)
    results = run([noisy(first if i < 30 else second, i) for i in range(60)])
    assert not all(m.warm for m in results[30:45])
    assert results[-1].warm
    assert np.mean(results[-1].mask > 0) < 0.02


def test_size_change_and_backward_jump_start_anew():
    detector = MotionDetector()
    for i in range(20):
        detector.detect(noisy(wall(), i), i * PERIOD_NS)
    assert not detector.detect(noisy(wall(), 1), 0).warm
    small = detector.detect(noisy(wall(size=(240, 320)), 1), PERIOD_NS)
    assert small.mask.shape == (240, 320)


@pytest.mark.parametrize("period_ns", [50_000_000, 125_000_000])
def test_standing_still_takes_seconds_not_pictures_to_disappear(period_ns: int):
    base, detector = wall(size=(180, 320)), MotionDetector()
    body, known_s = base.copy(), 3.0
    body[60:150, 100:130] = (20, 20, 220)
    number = 0
    while number * period_ns < known_s * 1e9:
        detector.detect(noisy(base, number), number * period_ns)
        number += 1
    seen = []
    while number * period_ns < (known_s + 12.0) * 1e9:
        seen.append(np.mean(detector.detect(noisy(body, number), number * period_ns).mask > 0))
        number += 1
    whole = 90 * 30 / (180 * 320)
    assert seen[round(1.0e9 / period_ns)] > 0.8 * whole
    assert seen[-1] < 0.2 * whole


def test_pieces_are_sorted_and_far_ones_apart():
    mask = np.zeros((100, 200), np.uint8)
    mask[10:60, 20:40] = 255
    mask[20:50, 120:135] = 255
    mask[62:66, 22:38] = 255  # a few rows below the first: the same person's feet
    pieces = PieceSplitter().split(mask, 0.03)
    assert len(pieces.roi) == 2
    assert pieces.area[0] > pieces.area[1]
    assert pieces.roi[0] == pytest.approx([20, 10, 20, 56], abs=1)
    assert len(set(pieces.group)) == 2
    assert len(PieceSplitter().split(np.zeros((50, 50), np.uint8), 0.0).roi) == 0
