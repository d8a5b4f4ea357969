"""Recordings survive the round trip, and damage costs no more than what is behind it."""

from __future__ import annotations

import array
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mcap.writer import CompressionType
from mcap.writer import Writer as McapWriter

from gait_reid.adapters.bags import BagDamagedError, BagError, BagReader, BagWriter, messages, types
from gait_reid_common.testing import shared_data

STRING = "std_msgs/msg/String"
IMAGE = "sensor_msgs/msg/Image"


def message(text: str):
    return types.message_types().types[STRING](data=text)


def image(stamp_ns: int):
    known = types.message_types().types
    stamp = known["builtin_interfaces/msg/Time"](*divmod(stamp_ns, 10**9))
    header = known["std_msgs/msg/Header"](stamp, "camera")
    pixels = np.arange(4 * 6 * 3, dtype=np.uint8)
    return known[IMAGE](header, 4, 6, "bgr8", 0, 18, pixels)


def write_bag(path: Path, storage: str, count: int = 20) -> Path:
    with BagWriter(path, storage) as bag:
        for number in range(count):
            bag.write("/words", STRING, 1000 * number, message(f"word {number}"))
            bag.write("/picture", IMAGE, 1000 * number + 1, image(5_000_000_007 + number))
    return path


def words(reader: BagReader) -> list[str]:
    return [reader.decode(m).data for m in reader.messages(["/words"])]


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_messages_come_back_in_order_with_their_values(tmp_path, storage):
    with BagReader(write_bag(tmp_path / "bag", storage)) as reader:
        assert {name: (t.type_name, t.count) for name, t in reader.topics.items()} == {
            "/words": (STRING, 20),
            "/picture": (IMAGE, 20),
        }
        assert reader.span_ns == (0, 19_001)
        stamps = [m.log_ns for m in reader.messages()]
        assert stamps == sorted(stamps)
        assert len(stamps) == 40
        assert words(reader) == [f"word {number}" for number in range(20)]
        picture = reader.decode(next(reader.messages(["/picture"])))
    assert (picture.header.stamp.sec, picture.header.stamp.nanosec) == (5, 7)
    assert (picture.height, picture.width, picture.encoding) == (4, 6, "bgr8")
    np.testing.assert_array_equal(picture.data, np.arange(72))


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_a_single_file_and_a_folder_without_metadata_are_read_too(tmp_path, storage):
    folder = write_bag(tmp_path / "bag", storage)
    (folder / "metadata.yaml").unlink()
    (file,) = folder.iterdir()
    for path in (folder, file):
        with BagReader(path) as reader:
            assert len(words(reader)) == 20


def test_split_recordings_are_read_in_the_order_of_their_numbers(tmp_path):
    folder = tmp_path / "split"
    folder.mkdir()
    for number in (2, 10, 1):
        part = write_bag(tmp_path / f"part{number}", "mcap", count=1)
        with BagReader(part) as reader:
            assert len(words(reader)) == 1
        next(part.glob("*.mcap")).rename(folder / f"split_{number}.mcap")
    with BagReader(folder) as reader:
        assert [p.path.name for p in reader._files] == [
            "split_1.mcap",
            "split_2.mcap",
            "split_10.mcap",
        ]
        assert reader.topics["/words"].count == 3


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_messages_of_this_suite_need_no_ros(tmp_path, storage):
    store = types.message_types()
    known = store.types
    stamp = known["builtin_interfaces/msg/Time"](3, 4)
    candidate = known["gait_reid_msgs/msg/IdentityCandidate"]("p1", "Ada", 0.25, 0.75)
    match = known["gait_reid_msgs/msg/IdentityMatch"](
        track_id=7, decision=2, reason=0, candidates=[candidate], margin=0.5, stamp=stamp,
        window_start=stamp, window_end=stamp, num_frames=30, modality=3, gallery_version=9,
        model_id="m", latency_ms=1.5,
    )  # fmt: skip
    header = known["std_msgs/msg/Header"](stamp, "map")
    array = known["gait_reid_msgs/msg/IdentityMatchArray"](header, "s", [match])
    with BagWriter(tmp_path / "bag", storage) as bag:
        bag.write("/matches", "gait_reid_msgs/msg/IdentityMatchArray", 5, array)
    with BagReader(tmp_path / "bag") as reader:
        (back,) = [reader.decode(m) for m in reader.messages()]
    assert back.matches[0].track_id == 7
    assert back.matches[0].candidates[0].display_name == "Ada"


def test_types_that_nobody_knows_are_learned_from_the_mcap(tmp_path):
    path = tmp_path / "foreign.mcap"
    with path.open("wb") as file:
        writer = McapWriter(file)
        writer.start(profile="ros2")
        schema = writer.register_schema("acme_msgs/msg/Reading", "ros2msg", b"int32 value\n")
        channel = writer.register_channel("/reading", "cdr", schema)
        writer.add_message(channel, 1, b"\x00\x01\x00\x00\x2a\x00\x00\x00", 1)
        writer.finish()
    with BagReader(path) as reader:
        assert reader.decode(next(reader.messages())).value == 42


def test_a_velodyne_recording_of_ros2_is_read(tmp_path):
    folder = next(shared_data("lidar/velodyne/vlp16_rosbag2").iterdir())
    with BagReader(folder if folder.is_dir() else folder.parent) as reader:
        scans = [reader.decode(m) for m in reader.messages(["/velodyne_packets"])]
    assert [len(scan.packets) for scan in scans] == [151, 151, 151, 150]
    assert all(len(packet.data) == 1206 for packet in scans[0].packets)


# Damage


def chunked_mcap(path: Path, compression: CompressionType, count: int = 30) -> Path:
    """Write an mcap with several chunks and check sums, as ``ros2 bag record`` does."""
    with path.open("wb") as file:
        writer = McapWriter(file, chunk_size=256, compression=compression)
        writer.start(profile="ros2")
        schema = writer.register_schema(STRING, "ros2msg", b"string data\n")
        channel = writer.register_channel("/words", "cdr", schema)
        for number in range(count):
            data = types.message_types().serialize_cdr(message(f"word {number}"), STRING)
            writer.add_message(channel, number, bytes(data), number)
        writer.finish()
    return path


def read_until_damage(path: Path) -> tuple[list[str], BagError | None]:
    """Return what was readable and the error; any other exception is the test's failure."""
    found: list[str] = []
    try:
        with BagReader(path) as reader:
            for raw in reader.messages(["/words"]):
                found.append(reader.decode(raw).data)
    except BagError as error:
        return found, error
    return found, None


COMPRESSIONS = [CompressionType.NONE, CompressionType.ZSTD, CompressionType.LZ4]


@pytest.fixture(scope="module")
def whole_mcaps(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    return {c: chunked_mcap(folder / f"{c.name}.mcap", c) for c in COMPRESSIONS}


@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(compression=st.sampled_from(COMPRESSIONS), fraction=st.floats(0, 1, exclude_max=True))
def test_an_mcap_cut_anywhere_gives_what_is_before_the_cut(
    tmp_path, whole_mcaps, compression, fraction
):
    whole = whole_mcaps[compression].read_bytes()
    path = tmp_path / "cut.mcap"
    path.write_bytes(whole[: int(fraction * len(whole))])
    found, error = read_until_damage(path)
    assert found == [f"word {number}" for number in range(len(found))]
    assert error is not None
    assert str(path) in str(error)
    assert error.fix


@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    compression=st.sampled_from(COMPRESSIONS),
    fraction=st.floats(0, 1, exclude_max=True),
    flip=st.integers(1, 255),
)
def test_a_broken_byte_never_raises_anything_but_a_bag_error(
    tmp_path, whole_mcaps, compression, fraction, flip
):
    broken = bytearray(whole_mcaps[compression].read_bytes())
    broken[int(fraction * len(broken))] ^= flip
    path = tmp_path / "broken.mcap"
    path.write_bytes(broken)
    found, error = read_until_damage(path)
    assert len(found) == 30 or error is not None


def test_a_cut_chunk_gives_its_first_messages(tmp_path):
    with BagWriter(tmp_path / "bag", "mcap") as bag:
        for number in range(100):
            bag.write("/words", STRING, number, message(f"word {number}"))
    whole = next((tmp_path / "bag").glob("*.mcap")).read_bytes()
    cut = tmp_path / "cut.mcap"
    cut.write_bytes(whole[: whole.index(b"word 60")])
    found, error = read_until_damage(cut)
    assert found == [f"word {number}" for number in range(60)]
    assert isinstance(error, BagDamagedError)
    assert error.num_readable == 60
    assert "60 messages were readable" in str(error)
    assert "mcap recover" in error.fix


def test_a_wrong_check_sum_stops_before_the_damaged_chunk(tmp_path, whole_mcaps):
    whole = bytearray(whole_mcaps[CompressionType.NONE].read_bytes())
    whole[whole.index(b"word 17")] ^= 1
    path = tmp_path / "flipped.mcap"
    path.write_bytes(whole)
    found, error = read_until_damage(path)
    assert 0 < len(found) <= 17
    assert found == [f"word {number}" for number in range(len(found))]
    assert "crc" in str(error).lower()


@pytest.fixture(scope="module")
def large_database(tmp_path_factory):
    path = tmp_path_factory.mktemp("database") / "bag"
    return next(write_bag(path, "sqlite3", count=600).glob("*.db3"))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(fraction=st.floats(0, 1, exclude_max=True))
def test_a_database_cut_anywhere_gives_what_is_before_the_cut(tmp_path, large_database, fraction):
    path = tmp_path / "cut.db3"
    whole = large_database.read_bytes()
    path.write_bytes(whole[: int(fraction * len(whole))])
    found, error = read_until_damage(path)
    assert found == [f"word {number}" for number in range(len(found))]
    assert str(path) in str(error)


def test_half_a_database_gives_a_good_part_of_its_messages(tmp_path, large_database):
    path = tmp_path / "half.db3"
    whole = large_database.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    found, error = read_until_damage(path)
    assert len(found) > 200
    assert isinstance(error, BagDamagedError)
    assert ".recover" in error.fix


def test_damage_in_one_file_does_not_cost_the_others(tmp_path):
    folder = write_bag(tmp_path / "bag", "mcap", count=5)
    metadata = folder / "metadata.yaml"
    metadata.unlink()
    chunked_mcap(folder / "zz_1.mcap", CompressionType.NONE)
    (folder / "aa_0.mcap").write_bytes(b"nothing of this is mcap")
    found, error = read_until_damage(folder)
    assert len(found) == 35
    assert isinstance(error, BagDamagedError)
    assert "aa_0.mcap" in str(error)


@pytest.mark.parametrize("name", ["nothing.mcap", "nothing.db3", "bag.txt"])
def test_a_file_that_is_no_recording_is_named(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"hello")
    with pytest.raises(BagError, match=name):
        BagReader(path)


def test_missing_and_empty_folders_are_named(tmp_path):
    with pytest.raises(BagError, match="does not exist"):
        BagReader(tmp_path / "none")
    with pytest.raises(BagError, match=r"no \.mcap or \.db3"):
        BagReader(tmp_path)


def test_a_message_that_is_not_of_its_type_is_named_by_topic(tmp_path):
    with BagWriter(tmp_path / "bag") as bag:
        bag.write_raw("/words", STRING, 1, b"\x00\x01\x00\x00\xff\xff\xff\x7f")
    with BagReader(tmp_path / "bag") as reader, pytest.raises(BagError, match="/words"):
        reader.decode(next(reader.messages()))


def test_a_database_of_something_else_is_refused(tmp_path):
    path = tmp_path / "other.db3"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE customers (id INTEGER)")
    connection.commit()
    connection.close()
    with pytest.raises(BagError, match="rosbag2"):
        BagReader(path)


def test_an_existing_folder_is_not_overwritten(tmp_path):
    with pytest.raises(BagError, match="does not exist yet"):
        BagWriter(tmp_path)


# Messages without ROS


WITHOUT_ROS = """
import sys
import numpy as np
from gait_reid.adapters.bags import BagReader, BagWriter, provide_message_modules
missing = provide_message_modules()
from gait_reid.adapters import matches, pointcloud, tracks
from gait_reid.core.types import Candidate, Decision, Match, Modality, PointCloud, Tracks

cloud = PointCloud(7_000_000_009, "lidar", np.arange(12, dtype=np.float32).reshape(4, 3))
match = Match(3, 5, Decision.CONFIRMED, (Candidate("p", "Ada", 0.5, 0.875),), 0.125, 1, 5, 9,
              Modality.LIDAR, 2, "model", 1.5)
with BagWriter(sys.argv[1]) as bag:
    bag.write("/cloud", "sensor_msgs/msg/PointCloud2", 1, pointcloud.to_message(cloud))
    bag.write("/matches", "gait_reid_msgs/msg/IdentityMatchArray", 2,
              matches.to_message([match], 5, "site", "s"))
    bag.write("/tracks", "gait_reid_msgs/msg/PersonTrackArray", 3,
              tracks.to_message(Tracks.empty(4, "site")))
with BagReader(sys.argv[1]) as bag:
    first, second, third = [bag.decode(m) for m in bag.messages()]
back = pointcloud.from_message(first)
assert (back.stamp_ns, back.frame_id) == (7_000_000_009, "lidar")
np.testing.assert_array_equal(back.xyz, cloud.xyz)
assert matches.from_message(second) == [match]
assert len(tracks.from_message(third)) == 0
print(" ".join(missing))
"""


def test_the_adapters_write_recordings_where_no_ros_is_installed(tmp_path):
    """A child without the ROS packages: the stand-ins must carry the adapters' messages."""
    blocker = (
        "import sys, importlib.abc\n"
        "class Block(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] in BLOCKED: raise ModuleNotFoundError(name)\n"
        f"BLOCKED = {{*{messages.PACKAGES!r}, 'rclpy'}}\n"
        "real = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda n, *a: None if n in BLOCKED else real(n, *a)\n"
        "sys.meta_path.insert(0, Block())\n"
    )
    script = tmp_path / "script.py"
    script.write_text("import importlib.util\n" + blocker + WITHOUT_ROS)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path / "bag")],
        env=environment, text=True, capture_output=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == list(messages.PACKAGES)


def test_messages_of_any_library_are_written(tmp_path):
    plain = messages.message_class(IMAGE)(height=1, width=2, encoding="mono8", step=2)
    plain.data = array.array("B", [3, 4])
    plain.header.frame_id = "camera"
    with BagWriter(tmp_path / "bag") as bag:
        bag.write("/picture", IMAGE, 1, plain)
    with BagReader(tmp_path / "bag") as reader:
        back = reader.decode(next(reader.messages()))
    assert (back.header.frame_id, back.width, list(back.data)) == ("camera", 2, [3, 4])


def test_a_message_with_a_wrong_field_is_refused_by_name():
    with pytest.raises(TypeError, match="colour"):
        messages.message_class(IMAGE)(colour=1)
