from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gait_reid.core.preprocess import depth_image, normalise_silhouette, project_points


def body(height: int, width: int, x: int, y: int, size: tuple[int, int] = (300, 200)) -> np.ndarray:
    mask = np.zeros(size, np.uint8)
    mask[y : y + height, x : x + width] = 255
    return mask


@pytest.mark.parametrize(("height", "width"), [(40, 12), (128, 40), (256, 80)])
def test_size_and_place_do_not_matter(height, width):
    first = normalise_silhouette(body(height, width, 10, 5))
    second = normalise_silhouette(body(height, width, 100, 30))
    assert np.abs(first - second).mean() < 0.03
    assert first.shape == (64, 44)
    assert first.sum() / first.size == pytest.approx(width * 64 / height / 44, rel=0.06)
    columns = np.flatnonzero(first.any(axis=0))
    assert (columns[0] + columns[-1]) / 2 == pytest.approx(21.5, abs=1)


def test_the_centre_is_that_of_the_mass_not_of_the_box():
    mask = body(200, 40, 100, 40)
    mask[140:150, 40:100] = 255  # an arm held out
    columns = normalise_silhouette(mask, (64, 64)).sum(axis=0)
    heavy = np.flatnonzero(columns > 0.9 * columns.max())
    assert heavy.mean() == pytest.approx(31.5, abs=2)


def test_what_is_too_wide_is_cut_on_both_sides():
    assert normalise_silhouette(body(100, 190, 5, 5)).min(axis=0).tolist() == [1.0] * 44


def test_nothing_gives_nothing():
    assert normalise_silhouette(np.zeros((100, 50), np.uint8)) is None
    assert normalise_silhouette(body(5, 5, 3, 3)) is None


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 90), st.integers(1, 90), st.integers(0, 2**32 - 1))
def test_any_mask_gives_an_image_or_nothing(height, width, seed):
    mask = np.random.default_rng(seed).integers(0, 2, (height, width), np.uint8) * np.uint8(255)
    image = normalise_silhouette(mask)
    assert image is None or (image.shape == (64, 44) and 0.0 <= image.min() <= image.max() <= 1.0)


def standing_points(distance: float, rng: np.random.Generator) -> np.ndarray:
    """Return points on the near side of a cylinder with a head, in lines of a scan."""
    heights = np.repeat(np.arange(0.05, 1.75, 0.08), 9)
    angle = np.tile(np.linspace(-1.2, 1.2, 9), len(heights) // 9)
    radius = np.where(heights > 1.5, 0.1, 0.22)
    x = distance - radius * np.cos(angle) + rng.normal(0, 0.01, len(angle))
    return np.column_stack([x, radius * np.sin(angle), heights])


def test_the_depth_image_does_not_depend_on_the_range_or_the_bearing():
    rng = np.random.default_rng(0)
    near = standing_points(6.0, rng)
    turned = np.column_stack([-near[:, 1], near[:, 0], near[:, 2]]) * (1, 2, 1) - (0, 6, 0)
    viewpoint = np.array([0.0, 0.0, 2.0])
    first = depth_image(near, viewpoint, np.array([6.0, 0.0, 0.0]))
    far = depth_image(near + (14, 0, 0), viewpoint, np.array([20.0, 0.0, 0.0]))
    np.testing.assert_allclose(first, far, atol=1e-5)
    aside = depth_image(turned, viewpoint, np.array([0.0, 6.0, 0.0]))
    assert ((first > 0) == (aside > 0)).mean() > 0.95
    assert first.shape == (64, 44)
    rows = np.flatnonzero(first.any(axis=1))
    assert rows[0] <= 3
    assert rows[-1] >= 60
    assert 0.15 < (first > 0).mean() < 0.5
    # The lines of the scan have grown together.
    assert (first[8:56, 22] > 0).all()


def test_nearer_points_are_brighter():
    points = standing_points(6.0, np.random.default_rng(0))
    points[points[:, 2] > 1.0, 0] -= 0.3
    image = depth_image(points, np.zeros(3), np.array([6.0, 0.0, 0.0]))
    assert image[10:20][image[10:20] > 0].mean() > image[45:60][image[45:60] > 0].mean() + 0.1


def test_right_is_right_as_the_sensor_sees_it():
    seen, depth = project_points(
        np.array([[5.0, -1.0, 0.5]]), np.zeros(3), np.array([5.0, 0.0, 0.0])
    )
    assert seen.tolist() == [[1.0, 0.5]]
    assert depth.tolist() == [0.0]


def test_too_few_or_flat_points_give_nothing():
    position = np.array([6.0, 0.0, 0.0])
    assert depth_image(np.zeros((3, 3)), np.zeros(3), position) is None
    flat = np.tile([6.0, 0.0, 0.1], (50, 1))
    assert depth_image(flat, np.zeros(3), position) is None
