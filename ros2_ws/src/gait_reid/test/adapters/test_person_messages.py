from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

pytest.importorskip("gait_reid_msgs.msg")

from rclpy.serialization import deserialize_message, serialize_message

from gait_reid.adapters import crops, gallery, matches, tracks
from gait_reid.core.types import (
    Candidate,
    CropQuality,
    Decision,
    Embedding,
    GalleryRecord,
    Match,
    Modality,
    PersonCrop,
    Reason,
    Tracks,
    TrackState,
)

STAMP_NS = 1_700_000_000_123_456_789
RNG = np.random.default_rng(3)
POSITIONS = RNG.normal(size=(3, 3))


def over_the_wire(message: Any) -> Any:
    return deserialize_message(serialize_message(message), type(message))


def assert_same(left: Any, right: Any) -> None:
    for field in dataclasses.fields(left):
        a, b = getattr(left, field.name), getattr(right, field.name)
        if dataclasses.is_dataclass(a):
            assert_same(a, b)
        elif isinstance(a, np.ndarray):
            np.testing.assert_allclose(a, b, rtol=1e-6, err_msg=field.name)
        elif isinstance(a, float):
            assert a == pytest.approx(b, rel=1e-6), field.name
        else:
            assert a == b, field.name


def some_tracks() -> Tracks:
    covariance = np.zeros((3, 4, 4))
    covariance[:, :2, :2] = [[0.04, 0.01], [0.01, 0.05]]
    covariance[:, 2:, 2:] = [[0.4, 0.1], [0.1, 0.5]]
    return Tracks(
        STAMP_NS,
        "site",
        np.array([1, 2, 2**40], np.int64),
        POSITIONS,
        np.array([[1.2, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, 0.0]]),
        covariance,
        np.array([[0.5, 0.6, 1.8], [np.nan] * 3, [0.4, 0.5, 1.7]]),
        np.array([[10.0, 20.0, 30.0, 80.0], [np.nan] * 4, [600.0, 0.0, 40.0, 90.0]]),
        np.array([TrackState.CONFIRMED, TrackState.LOST, TrackState.TENTATIVE], np.uint8),
        np.array([Modality.CAMERA | Modality.LIDAR, 0, Modality.CAMERA], np.uint8),
        np.full(3, -1, np.int32),
        np.array([STAMP_NS - 9, STAMP_NS - 8, STAMP_NS], np.int64),
        np.array([STAMP_NS, STAMP_NS - 5, STAMP_NS], np.int64),
        np.array([7, 3, 1], np.int32),
        np.array([0.9, 0.5, 0.25]),
    )


def test_tracks_round_trip() -> None:
    message = over_the_wire(tracks.to_message(some_tracks(), "camera_optical"))
    assert_same(some_tracks(), tracks.from_message(message))
    assert [track.camera_frame_id for track in message.tracks] == [
        "camera_optical",
        "",
        "camera_optical",
    ]
    walking_right = message.tracks[1].pose.pose.orientation
    assert walking_right.z == pytest.approx(-np.sqrt(0.5))


def test_no_tracks_is_a_message_too() -> None:
    back = tracks.from_message(tracks.to_message(Tracks.empty(STAMP_NS, "site")))
    assert_same(back, Tracks.empty(STAMP_NS, "site"))


def test_box_that_reaches_out_of_the_picture_is_cut_at_its_border() -> None:
    one = some_tracks()
    roi = one.roi.copy()
    roi[0] = [-12.0, -5.0, 30.0, 80.0]
    message = tracks.to_message(dataclasses.replace(one, roi=roi))
    assert message.tracks[0].roi.x_offset == 0
    assert (message.tracks[0].roi.width, message.tracks[0].roi.height) == (18, 75)


@pytest.mark.parametrize("parts", ["camera", "lidar", "both", "none"])
def test_crops_round_trip(parts: str) -> None:
    picture = parts in ("camera", "both")
    cloud = parts in ("lidar", "both")
    crop = PersonCrop(
        track_id=2**33,
        stamp_ns=STAMP_NS,
        frame_id="site",
        modality=Modality.CAMERA if picture else Modality.NONE,
        position=np.array([4.0, 1.0, 0.0]),
        velocity=np.array([1.0, 0.1, 0.0]),
        roi=np.array([-3.0, 4.0, 12.0, 30.0]) if picture else np.full(4, np.nan),
        image=RNG.integers(0, 255, (30, 12, 3), np.uint8) if picture else None,
        silhouette=RNG.integers(0, 255, (30, 12), np.uint8) if picture else None,
        points=RNG.normal(size=(20, 3)).astype(np.float32) if cloud else None,
        intensity=RNG.random(20).astype(np.float32) if cloud else None,
        viewpoint=np.array([0.0, 0.0, 1.5]),
        quality=CropQuality(4.1, 30.0, 12.5, 0.4, 0.1, 20, 0.2, 985.5),
    )
    message = crops.to_message([crop], STAMP_NS, "site", "sequence", [1, 2**33])
    message = over_the_wire(message)
    assert list(message.active_track_ids) == [1, 2**33]
    assert message.sequence_id == "sequence"
    (back,) = crops.from_message(message)
    assert_same(crop, back)


def test_damaged_crop_names_its_track() -> None:
    crop = PersonCrop(
        9,
        STAMP_NS,
        "site",
        Modality.CAMERA,
        np.zeros(3),
        np.zeros(3),
        np.zeros(4),
        image=np.zeros((4, 4, 3), np.uint8),
    )
    message = crops.to_message([crop], STAMP_NS, "site", "", [9])
    message.crops[0].image.encoding = "hologram"
    with pytest.raises(ValueError, match="crop of track 9: image encoding 'hologram'"):
        crops.from_message(message)


def test_matches_round_trip() -> None:
    match = Match(
        track_id=4,
        stamp_ns=STAMP_NS,
        decision=Decision.CONFIRMED,
        candidates=(Candidate("p-1", "Anna", 0.25, 0.97), Candidate("p-2", "", 0.75, 0.01)),
        margin=float("inf"),
        window_start_ns=STAMP_NS - 10**9,
        window_end_ns=STAMP_NS,
        num_frames=31,
        modality=Modality.CAMERA | Modality.LIDAR,
        gallery_version=12,
        model_id="energy_image:abc",
        latency_ms=12.5,
    )
    unknown = dataclasses.replace(
        match, decision=Decision.UNKNOWN, candidates=(), margin=0.5, reason=Reason.NOT_WALKING
    )
    message = over_the_wire(matches.to_message([match, unknown], STAMP_NS, "site", "s"))
    back = matches.from_message(message)
    assert back[0].person_id == "p-1"
    for left, right in zip((match, unknown), back):
        for a, b in zip(left.candidates, right.candidates):
            assert_same(a, b)
        stripped = {"candidates": ()}
        assert_same(dataclasses.replace(left, **stripped), dataclasses.replace(right, **stripped))


def some_record(**changes: Any) -> GalleryRecord:
    values = RNG.normal(size=(16, 32)).astype(np.float32)
    embedding = Embedding(values, "model:1", Modality.LIDAR, 5, STAMP_NS, 30)
    record = GalleryRecord("r-1", "p-1", "Anna", embedding, STAMP_NS, None, True, "hall")
    return dataclasses.replace(record, **changes)


@pytest.mark.parametrize("expires_ns", [None, STAMP_NS + 10])
def test_gallery_round_trip(expires_ns: int | None) -> None:
    record = some_record(expires_ns=expires_ns)
    message = over_the_wire(gallery.to_message([record], 5, STAMP_NS))
    assert (message.version, list(message.model_ids)) == (5, ["model:1"])
    assert_same(record, gallery.from_message(message)[0])


def test_tokens_are_carried_bit_by_bit_and_checked() -> None:
    tokens = RNG.normal(size=(10, 7)).astype(np.float16)
    walk = dataclasses.replace(some_record().embedding, tokens=tokens)
    message = over_the_wire(gallery.embedding_to_message(walk))
    back = gallery.embedding_from_message(message).tokens
    assert back is not None
    assert (back.dtype, back.tobytes()) == (np.float16, tokens.tobytes())
    message.token_frames = 9
    with pytest.raises(ValueError, match="140 bytes of tokens for 9 frames"):
        gallery.embedding_from_message(message)


def test_embedding_of_the_wrong_size_is_refused() -> None:
    message = gallery.embedding_to_message(some_record().embedding)
    message.dim = 7
    with pytest.raises(ValueError, match="512 values, expected parts x dim = 16 x 7"):
        gallery.embedding_from_message(message)
