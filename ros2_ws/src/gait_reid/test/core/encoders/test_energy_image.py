from __future__ import annotations

import dataclasses

import cv2
import numpy as np
import pytest

from gait_reid.core.encoders.energy_image import EnergyImageConfig, EnergyImageEncoder
from gait_reid.core.types import CropQuality, Embedding, Modality, PersonCrop
from gait_reid_common.testing import shared_data

RATE_HZ = 30.0
GOOD = CropQuality(range_m=8.0, pixel_height=160.0, num_points=0)
# Bone ends of the skeletons of CMU's motion capture, and the half thickness drawn, metres.
BONES = (
    *((f"{s}{a}", f"{s}{b}", r) for s in "lr" for a, b, r in (
        ("hipjoint", "femur", 0.085), ("femur", "tibia", 0.06), ("tibia", "foot", 0.045),
        ("foot", "toes", 0.04), ("clavicle", "humerus", 0.06), ("humerus", "radius", 0.045),
        ("radius", "wrist", 0.04), ("wrist", "hand", 0.04),
    )),
    ("root", "lhipjoint", 0.1), ("root", "rhipjoint", 0.1), ("root", "lowerback", 0.13),
    ("lowerback", "upperback", 0.13), ("upperback", "thorax", 0.14), ("thorax", "lclavicle", 0.08),
    ("thorax", "rclavicle", 0.08), ("thorax", "lowerneck", 0.1), ("lowerneck", "upperneck", 0.06),
    ("upperneck", "head", 0.1),
)  # fmt: skip


def stick_figure(
    time_s: float, stride: float = 1.0, arms: float = 1.0, right: bool = False
) -> np.ndarray:
    """Draw a figure that walks to the left: (160, 120) uint8."""
    canvas, phase = np.zeros((160, 120), np.uint8), 2 * np.pi * time_s
    hip, neck = (60, 82), (58, 32)
    cv2.line(canvas, hip, neck, 255, 22)
    cv2.circle(canvas, (57, 14), 12, 255, -1)
    for side in (0.0, np.pi):
        swing = np.sin(phase + side)
        knee = (int(60 - 14 * stride * swing - 4), 116)
        foot = (int(60 - 26 * stride * swing), int(150 - 8 * max(0.0, np.cos(phase + side))))
        cv2.line(canvas, hip, knee, 255, 12)
        cv2.line(canvas, knee, foot, 255, 9)
        cv2.line(canvas, foot, (foot[0] - 9, foot[1] + 4), 255, 7)
        cv2.line(canvas, (59, 40), (int(59 + 20 * arms * swing), 84), 255, 7)
    return canvas[:, ::-1].copy() if right else canvas


def crop(
    index: int, silhouette: np.ndarray | None, track_id: int = 1, x: float = 0.0, **quality: float
) -> PersonCrop:
    height = float(len(silhouette)) if silhouette is not None else 160.0
    return PersonCrop(
        track_id,
        10**9 + round(index * 1e9 / RATE_HZ),
        "site",
        Modality.CAMERA,
        np.zeros(3),
        np.zeros(3),
        np.array([x, 0.0, 60.0, height]),
        silhouette=silhouette,
        quality=dataclasses.replace(GOOD, **quality),
    )


def walk(
    encoder: EnergyImageEncoder, frames: range, right: bool = False, track_id: int = 1, **style
) -> Embedding:
    for i in frames:
        x = (6.0 if right else -6.0) * i
        figure = stick_figure(i / RATE_HZ, right=right, **style)
        encoder.update([crop(i, figure, track_id, x)])
    return encoder.embed([track_id])[track_id]


def distance(first: Embedding, second: Embedding) -> float:
    """Return the mean over parts of the Euclidean distance."""
    return float(np.linalg.norm(first.values - second.values, axis=1).mean())


def test_the_energy_image_is_the_mean_of_the_silhouettes():
    encoder = EnergyImageEncoder(EnergyImageConfig(facing="as_seen"))
    walk(encoder, range(40))
    image = encoder.energy_image(1)
    assert image.shape == (64, 44)
    assert image[20, 22] == pytest.approx(1.0)  # the trunk is always there
    assert 0.05 < image[55, 12:32].mean() < 0.7  # the legs come and go
    assert image[30, 0] == 0.0


def test_embeddings_are_unit_vectors_with_an_honest_window():
    encoder = EnergyImageEncoder()
    embedding = walk(encoder, range(50))
    assert embedding.values.shape == (encoder.parts, encoder.dim) == (8, 704)
    np.testing.assert_allclose(np.linalg.norm(embedding.values, axis=1), 1.0, atol=1e-5)
    assert embedding.values.dtype == np.float32
    assert embedding.num_frames == 50
    assert embedding.window_start_ns == 10**9
    assert embedding.window_end_ns == 10**9 + round(49e9 / RATE_HZ)
    assert embedding.modality == Modality.CAMERA


def test_one_walk_is_near_itself_and_far_from_another_style():
    encoder = EnergyImageEncoder()
    first = walk(encoder, range(60))
    again = walk(encoder, range(13, 75), track_id=2)
    other = walk(encoder, range(60), track_id=3, stride=0.6, arms=0.2)
    assert distance(first, again) < 0.1
    assert distance(first, other) > 4 * distance(first, again)


def test_too_few_frames_or_too_short_a_time_give_nothing():
    encoder = EnergyImageEncoder(EnergyImageConfig(min_frames=20, min_duration_s=1.0))
    for i in range(25):
        encoder.update([crop(i, stick_figure(i / RATE_HZ), x=-6.0 * i)])
    assert encoder.embed([1, 99]) == {}
    for i in range(25, 32):
        encoder.update([crop(i, stick_figure(i / RATE_HZ), x=-6.0 * i)])
    assert list(encoder.embed([1, 99])) == [1]


def test_state_is_bounded_and_the_window_slides():
    encoder = EnergyImageEncoder(EnergyImageConfig(max_frames=40))
    slow = walk(encoder, range(40), stride=0.7)
    embedding = walk(encoder, range(40, 200))
    fresh = walk(EnergyImageEncoder(EnergyImageConfig(max_frames=40)), range(160, 200))
    assert embedding.num_frames == 40
    np.testing.assert_allclose(embedding.values, fresh.values, atol=1e-6)
    assert distance(slow, embedding) > 0.1


@pytest.mark.parametrize(
    ("reason", "quality"),
    [
        ("too small", {"pixel_height": 30.0}),
        ("cut by the picture's edge", {"truncation": 0.4}),
        ("hidden by others", {"occlusion": 0.6}),
    ],
)
def test_poor_crops_are_left_out_and_counted(reason, quality):
    encoder = EnergyImageEncoder()
    clean = walk(EnergyImageEncoder(), range(60))
    for i in range(60):
        figure = stick_figure(i / RATE_HZ)
        if i % 4 == 0:
            figure[100:] = 0
            encoder.update([crop(i, figure, x=-6.0 * i, **quality)])
        else:
            encoder.update([crop(i, figure, x=-6.0 * i)])
    assert encoder.rejected == {reason: 15}
    assert distance(encoder.embed([1])[1], clean) < 0.1


def test_half_bodies_that_no_figure_betrays_are_left_out():
    encoder = EnergyImageEncoder()
    clean = walk(EnergyImageEncoder(), range(70))
    for i in range(70):
        figure = stick_figure(i / RATE_HZ)
        if 30 <= i < 40:
            figure[:95] = 0  # a wall hides all but the legs
        encoder.update([crop(i, figure, x=-6.0 * i)])
    assert encoder.rejected["unlike the walk so far"] + encoder.rejected["silhouette is broken"] > 7
    assert distance(encoder.embed([1])[1], clean) < 0.15


def test_another_body_on_the_same_track_starts_anew():
    encoder = EnergyImageEncoder(EnergyImageConfig(min_likeness=0.85))
    walk(encoder, range(40))
    for i in range(40, 100):
        upside_down = stick_figure(i / RATE_HZ)[::-1].copy()
        encoder.update([crop(i, upside_down, x=-6.0 * i)])
    assert encoder.embed([1])[1].window_start_ns > 10**9 + round(40e9 / RATE_HZ)


def test_both_directions_compare_when_mirrored():
    left = walk(EnergyImageEncoder(), range(60))
    right = walk(EnergyImageEncoder(), range(60), right=True)
    assert distance(left, right) < 0.15
    seen = EnergyImageConfig(facing="as_seen")
    left = walk(EnergyImageEncoder(seen), range(60))
    right = walk(EnergyImageEncoder(seen), range(60), right=True)
    assert distance(left, right) > 0.4


def test_a_turn_starts_a_new_walk():
    encoder = EnergyImageEncoder()
    for i in range(100):
        back = i >= 50
        x = -6.0 * i if not back else -6.0 * (100 - i)
        encoder.update([crop(i, stick_figure(i / RATE_HZ, right=back), x=x)])
    embedding = encoder.embed([1])[1]
    assert embedding.window_start_ns > 10**9 + round(50e9 / RATE_HZ)
    assert distance(embedding, walk(EnergyImageEncoder(), range(50))) < 0.2


def test_model_id_changes_with_every_value_that_matters():
    base = EnergyImageEncoder()
    assert base.model_id == EnergyImageEncoder().model_id
    assert base.model_id.startswith("energy_image-camera-")
    assert EnergyImageEncoder(EnergyImageConfig(source="camera")).model_id == base.model_id
    others = {
        EnergyImageEncoder(EnergyImageConfig(**change)).model_id
        for change in ({"source": "lidar"}, {"parts": 4}, {"power": 1.0}, {"facing": "as_seen"})
    }
    assert len(others | {base.model_id}) == 5
    assert len(base.model_ids) == 2


def test_forget_retain_and_reset():
    encoder = EnergyImageEncoder()
    for track_id in (1, 2, 3):
        walk(encoder, range(40), track_id=track_id)
    encoder.forget([1])
    assert set(encoder.embed([1, 2, 3])) == {2, 3}
    encoder.retain([3])
    assert set(encoder.embed([1, 2, 3])) == {3}
    encoder.reset()
    assert encoder.embed([1, 2, 3]) == {}


def lidar_crop(index: int, stride: float, track_id: int = 1) -> PersonCrop:
    """Return points of a figure 8 m away that walks across the line of sight."""
    figure = stick_figure(index / RATE_HZ, stride)
    y, x = np.nonzero(figure[::5, ::3])
    points = np.column_stack(
        [np.full(len(x), 8.0), (60 - 3 * x) / 92.0, (160 - 5 * y) / 92.0]
    ).astype(np.float32)
    return PersonCrop(
        track_id,
        10**9 + round(index * 1e9 / RATE_HZ),
        "site",
        Modality.LIDAR,
        np.array([8.0, 0.0, 0.0]),
        np.array([0.0, 1.2, 0.0]),
        np.full(4, np.nan),
        points=points,
        quality=CropQuality(range_m=8.0, num_points=len(points)),
    )


def test_lidar_alone_makes_a_walk_of_its_own_model():
    encoder = EnergyImageEncoder()
    for i in range(60):
        encoder.update([lidar_crop(i, 1.0), lidar_crop(i, 0.5, 2)])
        encoder.update([lidar_crop(i + 7, 1.0, 3)])
    found = encoder.embed([1, 2, 3])
    assert {e.modality for e in found.values()} == {Modality.LIDAR}
    assert found[1].model_id != encoder.model_id
    assert found[1].model_id in encoder.model_ids
    assert distance(found[1], found[3]) < 0.5 * distance(found[1], found[2])


def test_wrong_parameters_name_the_field():
    with pytest.raises(ValueError, match="parts"):
        EnergyImageConfig(parts=3)
    with pytest.raises(ValueError, match="min_frames is 50"):
        EnergyImageConfig(min_frames=50, max_frames=40)


def captured_walk(path) -> Embedding:
    """Return the embedding of a motion-captured walk drawn from the side."""
    with np.load(path) as data:
        names = [str(name) for name in data["names"]]
        positions = data["pos"][:: round(float(data["fps"]) / RATE_HZ)]
    index = {name: row for row, name in enumerate(names)}
    encoder, scale = EnergyImageEncoder(), 80.0
    for i, frame in enumerate(positions):
        canvas, root = np.zeros((176, 160), np.uint8), frame[index["root"]]
        ends = np.column_stack([(frame[:, 2] - root[2] + 1.0), 2.0 - frame[:, 1]]) * scale
        for start, end, radius in BONES:
            a, b = (tuple(int(v) for v in ends[index[n]] * 8) for n in (start, end))
            cv2.line(canvas, a, b, 255, round(2 * radius * scale), shift=3)
        encoder.update([crop(i, canvas, x=float(root[2]) * scale)])
    return encoder.embed([1])[1]


def test_captured_walks_of_one_person_are_nearer_than_those_of_others():
    files = sorted(shared_data("mocap").glob("*.npz"))
    subject = np.array([path.stem.split("_")[0] for path in files])
    walks = [captured_walk(path) for path in files]
    apart = np.array([[distance(a, b) for b in walks] for a in walks])
    np.fill_diagonal(apart, np.inf)
    repeated = np.flatnonzero([(subject == s).sum() > 1 for s in subject])
    nearest = subject[apart[repeated].argmin(axis=1)] == subject[repeated]
    same = (subject[:, None] == subject) & np.isfinite(apart)
    other = subject[:, None] != subject
    assert nearest.mean() > 0.8
    assert np.median(apart[same]) < 0.5 * np.median(apart[other])
