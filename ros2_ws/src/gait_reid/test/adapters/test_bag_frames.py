"""Topics find their sensors, and messages become frames."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from gait_reid.adapters import image, pointcloud
from gait_reid.adapters.bags import BagError, BagReader, BagWriter, messages
from gait_reid.adapters.bags.frames import BagFrames
from gait_reid.adapters.bags.storage import TopicInfo
from gait_reid.adapters.bags.topics import (
    CAMERA_INFO,
    COMPRESSED_IMAGE,
    IMAGE,
    POINT_CLOUD,
    VELODYNE_SCAN,
    SensorTopics,
    select_site_topics,
    select_topics,
)
from gait_reid.core.types import CameraFrame, CameraIntrinsics, PointCloud
from gait_reid_common.testing import shared_data

messages.provide_message_modules()


def topics(**kinds: str) -> dict[str, TopicInfo]:
    return {
        "/" + name.replace("__", "/"): TopicInfo("/" + name.replace("__", "/"), kind, 5)
        for name, kind in kinds.items()
    }


def test_the_only_topic_of_a_type_is_taken():
    found = select_topics(
        topics(
            front__points=POINT_CLOUD,
            ti_radar__points=POINT_CLOUD,
            eye__image_raw=IMAGE,
            eye__camera_info=CAMERA_INFO,
            overlay=IMAGE,
        )
    )
    assert found == SensorTopics(
        "/front/points", "/eye/image_raw", "/eye/camera_info", "/ti_radar/points"
    )
    assert found.sensors == ("lidar", "camera", "radar")


def test_of_several_topics_the_usual_name_wins():
    found = select_topics(topics(site__lidar__points=POINT_CLOUD, other__points=POINT_CLOUD))
    assert found.lidar == "/site/lidar/points"


def test_decoded_clouds_and_raw_pictures_are_preferred():
    found = select_topics(
        topics(packets=VELODYNE_SCAN, points=POINT_CLOUD, jpeg=COMPRESSED_IMAGE, raw=IMAGE)
    )
    assert (found.lidar, found.camera) == ("/points", "/raw")


def test_an_ambiguous_choice_names_the_choices_and_the_option():
    with pytest.raises(BagError, match=r"/a/points, /b/points.*--lidar-topic"):
        select_topics(topics(a__points=POINT_CLOUD, b__points=POINT_CLOUD))


def test_a_wish_is_checked():
    known = topics(a__points=POINT_CLOUD, b__points=POINT_CLOUD, c__image=IMAGE)
    assert select_topics(known, SensorTopics(lidar="/b/points")).lidar == "/b/points"
    assert select_topics(known, SensorTopics(lidar="b/points")).lidar == "/b/points"
    assert select_topics(known, SensorTopics(lidar="none")).sensors == ("camera",)
    with pytest.raises(BagError, match=r"no topic /d.*choose one of: /a/points, /b/points"):
        select_topics(known, SensorTopics(lidar="/d"))
    with pytest.raises(BagError, match=r"/c/image.*not what a lidar sends"):
        select_topics(known, SensorTopics(lidar="/c/image"))


def test_a_radar_is_a_site_of_its_own():
    room = topics(room__radar__points=POINT_CLOUD, tf="tf2_msgs/msg/TFMessage")
    both = topics(room__radar__points=POINT_CLOUD, hall__lidar__points=POINT_CLOUD, eye=IMAGE)
    assert select_site_topics(room).sensors == ("radar",)
    assert select_site_topics(both).sensors == ("lidar", "camera")
    wished = select_site_topics(both, SensorTopics(radar="/room/radar/points"))
    assert (wished.sensors, wished.radar) == (("radar",), "/room/radar/points")
    with pytest.raises(BagError, match="has no cloud and no picture"):
        select_site_topics(room, SensorTopics(radar="none"))


def test_a_recording_without_sensors_says_what_it_has():
    with pytest.raises(BagError, match=r"/tf \(tf2_msgs/msg/TFMessage\)"):
        select_topics(topics(tf="tf2_msgs/msg/TFMessage"))


INTRINSICS = CameraIntrinsics.from_field_of_view(8, 6, 1.0)


def picture(stamp_ns: int) -> CameraFrame:
    pixels = np.full((6, 8, 3), stamp_ns % 200, np.uint8)
    return CameraFrame(stamp_ns, "camera_optical", pixels)


def test_clouds_and_pictures_come_with_stamps_frames_and_calibration(tmp_path):
    cloud = PointCloud(7, "lidar", np.eye(3, dtype=np.float32), np.ones(3, np.float32))
    with BagWriter(tmp_path / "bag") as bag:
        bag.write("/camera/image_raw", IMAGE, 1, image.to_message(picture(50)))
        bag.write("/camera/camera_info", CAMERA_INFO, 2, image.camera_info(INTRINSICS))
        bag.write("/lidar/points", POINT_CLOUD, 3, pointcloud.to_message(cloud))
    with BagReader(tmp_path / "bag") as reader:
        frames = list(BagFrames(reader, select_topics(reader.topics)))
    assert [sensor for sensor, _ in frames] == ["camera", "lidar"]
    camera, lidar = frames[0][1], frames[1][1]
    assert (camera.stamp_ns, camera.frame_id) == (50, "camera_optical")
    assert camera.intrinsics.fx == pytest.approx(INTRINSICS.fx)
    np.testing.assert_array_equal(camera.image, picture(50).image)
    assert (lidar.stamp_ns, lidar.frame_id) == (7, "lidar")
    np.testing.assert_array_equal(lidar.xyz, np.eye(3))


def test_compressed_pictures_are_decoded(tmp_path):
    _, encoded = cv2.imencode(".png", picture(90).image)
    message = messages.message_class(COMPRESSED_IMAGE)(format="png", data=encoded.ravel())
    message.header.stamp.nanosec = 90
    with BagWriter(tmp_path / "bag") as bag:
        bag.write("/camera/image_raw/compressed", COMPRESSED_IMAGE, 1, message)
    with BagReader(tmp_path / "bag") as reader:
        ((_, frame),) = BagFrames(reader, select_topics(reader.topics))
    assert frame.stamp_ns == 90
    np.testing.assert_array_equal(frame.image, picture(90).image)


def test_what_cannot_be_used_is_counted_with_its_reason_and_the_rest_goes_on(tmp_path):
    odd = image.to_message(picture(1))
    odd.encoding = "nv61"
    with BagWriter(tmp_path / "bag") as bag:
        bag.write("/image", IMAGE, 1, odd)
        bag.write_raw("/image", IMAGE, 2, b"\x00\x01\x00\x00\xff")
        bag.write("/image", IMAGE, 3, image.to_message(picture(3)))
    with BagReader(tmp_path / "bag") as reader:
        source = BagFrames(reader, select_topics(reader.topics))
        assert [frame.stamp_ns for _, frame in source] == [3]
    reasons = [reason for (_, reason), count in source.dropped.items() if count == 1]
    assert len(reasons) == 2
    assert "nv61" in reasons[0]


def test_velodyne_packets_of_a_ros2_recording_become_clouds():
    pytest.importorskip("velodyne_decoder")
    root = shared_data("lidar/velodyne/vlp16_rosbag2")
    with BagReader(next(path for path in root.iterdir() if path.is_dir())) as reader:
        frames = list(BagFrames(reader, select_topics(reader.topics)))
    assert [sensor for sensor, _ in frames] == ["lidar"] * 4
    # The recording's own decoded cloud of the last scan has 14,831 points.
    assert all(14_500 < len(frame) < 15_000 for _, frame in frames)
    period_s = np.diff([frame.stamp_ns for _, frame in frames]) / 1e9
    np.testing.assert_allclose(period_s, 0.1, atol=0.002)
    assert np.linalg.norm(frames[0][1].xyz, axis=1).max() < 130.0
