from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from gait_reid.core.crops import CropConfig, cut_crops
from gait_reid.core.geometry import Pose
from gait_reid.core.types import (
    CameraFrame,
    CameraIntrinsics,
    Detections,
    Modality,
    PointCloud,
    SensorFrames,
    Tracks,
    TrackState,
)

LIDAR_POSE = Pose.from_xyz_rpy(0.0, 0.0, 2.0, 0.0, 0.0, 0.5)
HEIGHT, WIDTH = 400, 600


def tracks(rows: list[int], state: TrackState = TrackState.CONFIRMED) -> Tracks:
    n = len(rows)
    return Tracks(
        9, "site", np.arange(10, 10 + n), np.zeros((n, 3)), np.ones((n, 3)), np.zeros((n, 4, 4)),
        np.zeros((n, 3)), np.zeros((n, 4)), np.full(n, state, np.uint8), np.zeros(n, np.uint8),
        np.array(rows, np.int32), np.zeros(n, np.int64), np.zeros(n, np.int64),
        np.ones(n, np.int32), np.ones(n),
    )  # fmt: skip


def detections(roi: list[list[float]], ranges: list[float], **more) -> Detections:
    n = len(roi)
    return Detections(
        9, "site", np.array([[r, 0.0, 0.0] for r in ranges]), np.tile(np.eye(2), (n, 1, 1)),
        np.full((n, 3), np.nan), np.array(roi, float).reshape(n, 4), np.ones(n),
        np.ones(n, np.uint8), **more,
    )  # fmt: skip


def picture() -> CameraFrame:
    image = np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
    return CameraFrame(9, "camera", image)


def test_picture_and_silhouette_belong_to_the_box():
    foreground = np.zeros((HEIGHT // 2, WIDTH // 2), np.uint8)
    foreground[52:98, 105:115] = 255
    people = detections([[200, 100, 40, 100]], [8.0], foreground=foreground, foreground_scale=0.5)
    frame = picture()
    (crop,) = cut_crops(tracks([0]), people, SensorFrames(9, frame), LIDAR_POSE)
    assert crop.track_id == 10
    assert crop.modality == Modality.CAMERA
    np.testing.assert_array_equal(crop.image, frame.image[100:200, 200:240])
    y, x = np.nonzero(crop.silhouette)
    assert [x.min(), x.max(), y.min(), y.max()] == pytest.approx([10, 29, 4, 95], abs=2)
    assert set(np.unique(crop.silhouette)) == {0, 255}
    assert crop.quality.pixel_height == 100
    assert crop.quality.range_m == pytest.approx(8.0)
    assert crop.quality.brightness == pytest.approx(0.5, abs=0.02)
    assert crop.quality.truncation == crop.quality.occlusion == 0.0
    assert crop.points is None


def test_the_empty_scene_makes_edges_as_fine_as_the_picture():
    scene = np.full((HEIGHT, WIDTH, 3), 120, np.uint8)
    image = scene.copy()
    image[105:197, 211:229] = 20
    foreground = np.zeros((HEIGHT // 8, WIDTH // 8), np.uint8)
    foreground[13:25, 26:29] = 255
    people = detections([[200, 100, 40, 100]], [8.0], foreground=foreground, foreground_scale=0.125)
    frames = SensorFrames(9, CameraFrame(9, "camera", image))
    found = [
        cut_crops(tracks([0]), one, frames, LIDAR_POSE)[0].silhouette
        for one in (people, dataclasses.replace(people, scene=scene))
    ]
    body = np.zeros((100, 40), bool)
    body[5:97, 11:29] = True
    wrong = [np.count_nonzero((one > 0) != body) for one in found]
    assert wrong[1] < 0.05 * body.sum() < 0.15 * body.sum() < wrong[0]


def test_a_calibrated_camera_tells_its_focal_length():
    camera = CameraIntrinsics(WIDTH, HEIGHT, 500.0, 510.0, 320.0, 240.0)
    people = detections([[200, 100, 40, 100]], [8.0])
    frames = (picture(), dataclasses.replace(picture(), intrinsics=camera))
    crops = [cut_crops(tracks([0]), people, SensorFrames(9, one), LIDAR_POSE)[0] for one in frames]
    assert [crop.quality.focal_px for crop in crops] == [0.0, 510.0]


def test_large_people_are_reduced_and_the_crop_owns_its_pixels():
    frame = picture()
    people = detections([[10, 0, 100, 400]], [3.0])
    (crop,) = cut_crops(
        tracks([0]), people, SensorFrames(9, frame), LIDAR_POSE, CropConfig(max_image_height=128)
    )
    assert crop.image.shape == (128, 32, 3)
    assert crop.silhouette is None
    small = cut_crops(
        tracks([0]), detections([[10, 0, 20, 60]], [3.0]), SensorFrames(9, frame), LIDAR_POSE
    )
    assert not np.shares_memory(small[0].image, frame.image)


def test_the_nearer_person_hides_the_farther_one_and_takes_the_pixels():
    foreground = np.full((HEIGHT, WIDTH), 255, np.uint8)
    people = detections(
        [[100, 100, 60, 150], [140, 100, 60, 150]], [5.0, 9.0], foreground=foreground
    )
    near, far = cut_crops(tracks([0, 1]), people, SensorFrames(9, picture()), LIDAR_POSE)
    assert near.quality.occlusion == 0.0
    assert far.quality.occlusion == pytest.approx(20 / 60)
    assert near.silhouette[75, 10] == far.silhouette[75, 50] == 255
    assert near.silhouette[75, 58] == far.silhouette[75, 2] == 0


def test_holes_and_noise_are_cleaned():
    foreground = np.zeros((HEIGHT, WIDTH), np.uint8)
    foreground[110:290, 120:180] = 255
    foreground[200:206, 140:146] = 0
    foreground[105, 102] = 255
    people = detections([[100, 100, 100, 200]], [5.0], foreground=foreground)
    (crop,) = cut_crops(tracks([0]), people, SensorFrames(9, picture()), LIDAR_POSE)
    assert crop.silhouette[102, 43] == 255
    assert crop.silhouette[:8].max() == 0


def test_points_of_each_person_come_in_the_fixed_frame():
    rng = np.random.default_rng(1)
    xyz = rng.uniform(-5, 5, (1000, 3)).astype(np.float32)
    labels = rng.integers(-1, 3, 1000).astype(np.int32)
    cloud = PointCloud(9, "lidar", xyz, np.arange(1000, dtype=np.float32))
    people = detections([[np.nan] * 4] * 3, [4.0, 5.0, 6.0], point_labels=labels)
    crops = cut_crops(tracks([2, 0]), people, SensorFrames(9, lidar=cloud), LIDAR_POSE)
    for crop, row in zip(crops, (2, 0)):
        mine = np.sort(np.flatnonzero(labels == row))
        np.testing.assert_array_equal(np.sort(crop.intensity), mine)
        expected = LIDAR_POSE.apply(xyz[crop.intensity.astype(int)])
        np.testing.assert_allclose(crop.points, expected, atol=1e-5)
        assert crop.points.dtype == np.float32
        assert crop.quality.num_points == len(mine)
        assert crop.modality == Modality.LIDAR
        assert crop.viewpoint.tolist() == [0.0, 0.0, 2.0]
        assert np.isnan(crop.roi).all()


def test_who_is_cut_off_at_the_edge_is_known():
    people = detections([[0, 100, 20, 200], [300, 260, 90, 140], [300, 100, 70, 200]], [5, 5, 5])
    crops = cut_crops(tracks([0, 1, 2]), people, SensorFrames(9, picture()), LIDAR_POSE)
    left, bottom, whole = (crop.quality.truncation for crop in crops)
    assert left == pytest.approx(0.75)
    assert bottom > 0.3
    assert whole == 0.0


def test_sharp_is_more_than_blurred():
    import cv2

    sharp = picture()
    blurred = CameraFrame(9, "camera", cv2.GaussianBlur(sharp.image, (0, 0), 3))
    figures = [
        cut_crops(
            tracks([0]), detections([[50, 50, 60, 128]], [5.0]), SensorFrames(9, f), LIDAR_POSE
        )[0].quality.sharpness
        for f in (sharp, blurred)
    ]
    assert figures[0] > 20 * figures[1]


def test_no_crop_of_tentative_coasting_small_or_pointless_people():
    frame = SensorFrames(9, picture())
    people = detections([[50, 50, 60, 128]], [5.0])
    assert cut_crops(tracks([0], TrackState.TENTATIVE), people, frame, LIDAR_POSE) == []
    assert cut_crops(tracks([-1]), people, frame, LIDAR_POSE) == []
    assert cut_crops(tracks([]), people, frame, LIDAR_POSE) == []
    tiny = detections([[50, 50, 8, 20]], [50.0])
    assert cut_crops(tracks([0]), tiny, frame, LIDAR_POSE) == []
    few = detections([[np.nan] * 4], [5.0], point_labels=np.array([0, 0, -1], np.int32))
    cloud = PointCloud(9, "lidar", np.zeros((3, 3), np.float32))
    assert cut_crops(tracks([0]), few, SensorFrames(9, lidar=cloud), LIDAR_POSE) == []
