from __future__ import annotations

from dataclasses import fields, replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gait_reid.core.network_input import FrameInputs, NetworkInputConfig, prepare
from gait_reid.core.network_picture import GREY, frame_picture, person_box
from gait_reid.core.types import CropQuality, Modality, PersonCrop
from gait_reid_common.parameters import ParameterError

CONFIG = NetworkInputConfig(num_points=32)


def a_crop(
    points: np.ndarray | None = None,
    image: np.ndarray | None = None,
    silhouette: np.ndarray | None = None,
    position: tuple[float, float] = (12.0, 3.0),
    heading: float = 0.7,
    speed: float = 1.3,
) -> PersonCrop:
    height = 0.0 if image is None else float(image.shape[0])
    roi = np.full(4, np.nan) if image is None else np.array([50.0, 60.0, image.shape[1], height])
    return PersonCrop(
        1,
        0,
        "site",
        Modality.CAMERA | Modality.LIDAR,
        np.array([*position, 0.4]),
        speed * np.array([np.cos(heading), np.sin(heading), 0.0]),
        roi,
        image,
        silhouette,
        None if points is None else points.astype(np.float32),
        None if points is None else np.full(len(points), 51.0, np.float32),
        np.array([0.0, 0.0, 2.0]),
        CropQuality(12.4, height, truncation=0.25, occlusion=0.5),
    )


def cloud(count: int, seed: int = 0) -> np.ndarray:
    """Points of a person in the frame of the walk."""
    rng = np.random.default_rng(seed)
    return rng.uniform((-0.3, -0.25, 0.25), (0.3, 0.25, 1.8), (count, 3))


def in_the_site(points: np.ndarray, crop: PersonCrop) -> np.ndarray:
    heading = np.arctan2(crop.velocity[1], crop.velocity[0])
    turn = np.array([[np.cos(heading), -np.sin(heading)], [np.sin(heading), np.cos(heading)]])
    return np.column_stack([points[:, :2] @ turn.T, points[:, 2]]) + crop.position


def walking(points: np.ndarray, **changes: float) -> PersonCrop:
    crop = a_crop(**changes)
    xyz = in_the_site(points, crop).astype(np.float32)
    return replace(crop, points=xyz, intensity=np.full(len(points), 51.0, np.float32))


def a_person(rows: int, columns: int, box: tuple[int, int, int, int]) -> tuple:
    """A picture with noise around a red person with a black head, and the silhouette."""
    rng = np.random.default_rng(3)
    image = rng.integers(100, 140, (rows, columns, 3)).astype(np.uint8)
    x, y, width, height = box
    image[y : y + height, x : x + width] = (0, 0, 200)
    image[y : y + height // 8, x : x + width] = 0
    mask = np.zeros((rows, columns), np.uint8)
    mask[y : y + height, x : x + width] = 255
    return image, mask


def test_points_are_in_the_frame_of_the_walk_wherever_somebody_walks():
    points = cloud(30)
    for heading, position in ((0.0, (10.0, 0.0)), (2.5, (-4.0, 9.0)), (-1.0, (20.0, -20.0))):
        out = prepare([walking(points, heading=heading, position=position)], CONFIG)
        got = out.points[0][out.point_mask[0]]
        wanted = points[np.argsort(points[:, 2])]
        np.testing.assert_allclose(got[:, :3], wanted, atol=1e-5)
        np.testing.assert_allclose(got[:, 3], 0.2, atol=1e-6)


@pytest.mark.parametrize(
    ("heading", "sine", "cosine"), [(np.pi, 0, 1), (0.0, 0, -1), (-np.pi / 2, 1, 0)]
)
def test_the_view_is_the_angle_from_the_line_of_sight_to_the_walk(heading, sine, cosine):
    # The sensor is 10 m behind: pi is towards it.
    out = prepare([a_crop(heading=heading, position=(10.0, 0.0))], CONFIG)
    np.testing.assert_allclose(out.state[0], [sine, cosine, 1.3, 1.0], atol=1e-6)


def test_who_stands_faces_the_sensor():
    slow = a_crop(cloud(20) + (12.0, 3.0, 0.4), speed=0.1, heading=2.0)
    out = prepare([slow], CONFIG)
    np.testing.assert_allclose(out.state[0, :2], [0.0, 1.0], atol=1e-6)
    to_sensor = -slow.position[:2] / np.linalg.norm(slow.position[:2])
    along = (slow.points[:, :2] - slow.position[:2]) @ to_sensor
    got = out.points[0][out.point_mask[0]]
    np.testing.assert_allclose(np.sort(got[:, 0]), np.sort(along), atol=1e-5)


def test_neither_the_order_of_points_nor_chance_changes_what_is_chosen():
    points = cloud(300)
    first = prepare([walking(points)], CONFIG)
    shuffled = prepare([walking(np.random.default_rng(1).permutation(points))], CONFIG)
    np.testing.assert_array_equal(first.points, shuffled.points)
    assert first.point_mask.all()
    # As dense over the height as all of them.
    heights = np.quantile(first.points[0, :, 2], [0.25, 0.5, 0.75])
    np.testing.assert_allclose(heights, np.quantile(points[:, 2], [0.25, 0.5, 0.75]), atol=0.04)


def test_points_of_the_ground_and_of_others_are_left_out():
    points = cloud(20)
    clutter = [(0, 0, 0.1), (0, 0, 2.6), (1.2, 0, 1.0), (np.nan, 0, 1.0)]
    out = prepare([walking(np.vstack([points, clutter]))], CONFIG)
    assert out.point_mask.sum() == 20
    assert out.quality[0, 4] == pytest.approx(np.log2(21) / 8, abs=1e-6)
    assert not prepare([walking(points[:3])], CONFIG).has_lidar[0]


def test_a_margin_around_the_person_does_not_matter_where_a_silhouette_is():
    tight = a_person(100, 36, (0, 0, 36, 100))
    wide = a_person(112, 60, (10, 5, 36, 100))
    frames = prepare([a_crop(None, *tight), a_crop(None, *wide)], CONFIG)
    assert np.abs(frames.rgb[0].astype(int) - frames.rgb[1]).max() == 0
    assert frames.quality[:, 0] * 128 == pytest.approx([100, 100])
    assert frames.rgb[0, :, 40, 16].tolist() == [200, 0, 0]
    assert frames.rgb[0, :, 40, 0].tolist() == [GREY] * 3


def test_people_before_another_camera_are_as_high_as_before_the_training_s():
    crop = a_crop(None, *a_person(100, 36, (0, 0, 36, 100)))
    wide = replace(crop, quality=replace(crop.quality, focal_px=500.0))
    for config, heights in ((CONFIG, [100, 100]), (replace(CONFIG, focal_px=1500.0), [100, 300])):
        assert prepare([crop, wide], config).quality[:, 0] * 128 == pytest.approx(heights)


def test_half_a_silhouette_does_not_blow_the_trunk_up():
    image, mask = a_person(100, 50, (5, 0, 40, 100))
    mask[60:] = 0
    assert person_box(image, mask) == (0, 0, 50, 100)
    assert person_box(image, None) == (0, 0, 50, 100)


def test_wide_boxes_are_cut_at_the_sides_and_keep_their_shape():
    image, _ = a_person(100, 90, (25, 0, 40, 100))
    framed, body = frame_picture(image, (0, 0, 90, 100), (64, 32))
    assert framed.shape == body.shape == (64, 32, 3)
    red = (framed[40, :, 2] > 150).sum()
    assert red == pytest.approx(40 * 0.64, abs=1.5)


def test_sharpness_and_brightness_are_those_of_the_picture_without_its_border():
    image, mask = a_person(200, 80, (0, 0, 80, 200))
    blurred = cv2.GaussianBlur(image, (0, 0), 6)
    out = prepare([a_crop(None, image, mask), a_crop(None, blurred, mask)], CONFIG)
    assert out.quality[0, 1] > out.quality[1, 1] + 0.1
    flat = np.full((100, 30, 3), 200, np.uint8)
    even = prepare([a_crop(None, flat)], CONFIG)
    assert even.quality[0, :3] == pytest.approx([100 / 128, 0.0, 200 / 255], abs=1e-4)


def test_people_do_not_mix_in_a_batch():
    image, mask = a_person(90, 40, (2, 0, 36, 90))
    crops = [
        walking(cloud(200, 1)),
        a_crop(None, image, mask),
        walking(cloud(3, 2)),
        replace(walking(cloud(40, 3), heading=2.0), image=image, silhouette=mask,
                roi=np.array([0.0, 0.0, 40.0, 90.0])),
        a_crop(),
    ]  # fmt: skip
    together = prepare(crops, CONFIG)
    for row, crop in enumerate(crops):
        alone = prepare([crop], CONFIG)
        for one in fields(FrameInputs):
            np.testing.assert_array_equal(
                getattr(together, one.name)[row], getattr(alone, one.name)[0]
            )
    assert together.has_camera.tolist() == [False, True, False, True, False]
    assert together.has_lidar.tolist() == [True, False, False, True, False]
    np.testing.assert_allclose(together.quality[:, 3], 0.75)
    np.testing.assert_allclose(together.quality[:, 5], 0.5)


def test_what_is_not_seen_is_zero():
    out = prepare([a_crop()], CONFIG)
    for name in ("rgb", "silhouette", "depth", "points", "point_mask"):
        assert not getattr(out, name).any()
    assert len(prepare([], CONFIG)) == 0


def test_a_network_that_takes_less_gets_less():
    image, mask = a_person(90, 40, (2, 0, 36, 90))
    crop = replace(walking(cloud(100)), image=image, silhouette=mask, roi=np.ones(4))
    bare = prepare([crop], replace(CONFIG, with_depth=False, with_silhouette=False))
    full = prepare([crop], CONFIG)
    assert full.depth.any()
    assert full.silhouette.any()
    assert not bare.depth.any()
    assert not bare.silhouette.any()
    np.testing.assert_array_equal(bare.rgb, full.rgb)


def test_sizes_are_two_numbers():
    with pytest.raises(ParameterError, match="image_size"):
        NetworkInputConfig(image_size=(64,))


@settings(max_examples=50, deadline=None)
@given(
    st.integers(0, 80), st.integers(1, 300), st.integers(1, 200), st.booleans(),
    st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_any_crop_gives_finite_inputs(count, height, width, masked, seed):
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (height, width, 3)).astype(np.uint8)
    mask = (rng.random((height, width)) < rng.random()).astype(np.uint8) * np.uint8(255)
    points = rng.normal(0, 3, (count, 3)) + (12, 3, 0)
    out = prepare([a_crop(points, image, mask if masked else None)], CONFIG)
    assert np.isfinite(out.points).all()
    assert np.isfinite(out.state).all()
    assert np.isfinite(out.quality).all()
    assert not out.points[~out.point_mask].any()
