"""The empty scene at full resolution, and edges against it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from gait_reid.core.background import BackgroundPicture, sharpened
from gait_reid.core.motion import Motion

HEIGHT, WIDTH, SCALE = 240, 320, 0.125


def scene(seed: int = 0) -> np.ndarray:
    """Return a wall with a coarse pattern."""
    rng = np.random.default_rng(seed)
    small = rng.integers(90, 130, (HEIGHT // 20, WIDTH // 20, 3), np.uint8)
    return cv2.resize(small, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)


def body(x: int) -> np.ndarray:
    """Return the mask of a person 160 pixels high whose middle is at a column."""
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.circle(mask, (x, 55), 14, 255, -1)
    cv2.ellipse(mask, (x, 105), (24, 44), 0, 0, 360, 255, -1)
    for side in (-12, 12):
        cv2.line(mask, (x + side // 2, 140), (x + side, 195), 255, 11)
    return mask


def picture(mask: np.ndarray, seed: int, colour: int = 30, noise: float = 2.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    image = np.where(mask[..., None] > 0, np.uint8(colour), scene())
    blurred = cv2.GaussianBlur(image, (0, 0), 0.8).astype(np.float32)
    return np.clip(blurred + noise * rng.standard_normal(image.shape), 0, 255).astype(np.uint8)


def motion(mask: np.ndarray, shake: tuple[float, float] = (0.0, 0.0), warm: bool = True) -> Motion:
    size = (round(WIDTH * SCALE), round(HEIGHT * SCALE))
    small = cv2.threshold(cv2.resize(mask, size), 20, 255, cv2.THRESH_BINARY)[1]
    still = np.zeros_like(small)
    return Motion(small, still, cv2.cvtColor(small, cv2.COLOR_GRAY2BGR), SCALE, np.array(shake),
                  warm)  # fmt: skip


def overlap(one: np.ndarray, two: np.ndarray) -> float:
    return float(((one > 0) & (two > 0)).sum() / ((one > 0) | (two > 0)).sum())


def rough_of(mask: np.ndarray) -> np.ndarray:
    large = cv2.resize(motion(mask).mask, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)
    return cv2.threshold(large, 127, 255, cv2.THRESH_BINARY)[1]


@pytest.mark.parametrize("colour", [30, 190])
def test_edges_are_those_of_the_picture(colour: int) -> None:
    mask = body(150)
    rough = rough_of(mask)
    fine = sharpened(rough, picture(mask, 1, colour), picture(0 * mask, 2), 12)
    assert overlap(rough, mask) < 0.87
    assert overlap(fine, mask) > 0.95


def test_a_change_of_light_is_not_the_person() -> None:
    mask = body(150)
    brighter = cv2.add(picture(0 * mask, 2), (25.0, 25.0, 25.0, 0.0))
    assert overlap(sharpened(rough_of(mask), picture(mask, 1), brighter, 12), mask) > 0.93


def test_a_person_of_the_wall_s_colour_keeps_the_rough_silhouette() -> None:
    mask = body(150)
    rough = rough_of(mask)
    empty = picture(0 * mask, 2)
    np.testing.assert_array_equal(sharpened(rough, empty, picture(0 * mask, 3), 12), rough)


def test_what_moves_never_enters_the_scene() -> None:
    background = BackgroundPicture()
    nobody = np.zeros((HEIGHT, WIDTH), np.uint8)
    background.update(picture(nobody, 0), motion(nobody))
    for step in range(40):
        mask = body(40 + 6 * step)
        found = background.update(picture(mask, step), motion(mask))
    assert found is not None
    assert np.abs(found.astype(int) - scene()).mean() < 3.0
    assert np.abs(found.astype(int) - scene()).max() < 25


def test_what_was_put_down_becomes_scene_when_it_has_stopped_moving() -> None:
    background = BackgroundPicture()
    box, nobody = np.zeros((HEIGHT, WIDTH), np.uint8), np.zeros((HEIGHT, WIDTH), np.uint8)
    box[100:160, 100:140] = 255
    background.update(picture(nobody, 0), motion(nobody))
    for step in range(16):
        moving = background.update(picture(box, step), motion(box))
    assert moving is not None
    assert moving[130, 120].mean() > 80
    for step in range(8 * 12):
        still = background.update(picture(box, step), motion(nobody))
    assert still is not None
    assert still[130, 120].mean() < 40


def test_a_camera_that_has_moved_has_no_scene_until_it_is_back() -> None:
    background = BackgroundPicture()
    nobody = np.zeros((HEIGHT, WIDTH), np.uint8)
    assert background.update(picture(nobody, 0), motion(nobody, (1.0, 0.2), warm=False)) is None
    assert background.update(picture(nobody, 1), motion(nobody, (1.1, 0.2))) is not None
    assert background.update(picture(nobody, 2), motion(nobody, (2.0, 0.2))) is None
    assert background.update(picture(nobody, 3), motion(nobody, (1.0, 0.1))) is not None
    assert background.update(picture(nobody, 4)[:200], motion(nobody[:200])) is None
