"""What is played over DDS and recorded again is the same, byte by byte."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from gait_reid.adapters.bags import BagReader, BagWriter, TopicInfo, types
from gait_reid.cli.console import CommandError
from gait_reid.cli.play import choose_topics
from gait_reid.testing import walk_recording
from gait_reid_common.testing import domain_id

CLOUD, TRACKS = "sensor_msgs/msg/PointCloud2", "gait_reid_msgs/msg/PersonTrackArray"


def start(*arguments: object, environment: dict[str, str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "gait_reid.cli.main", *(str(a) for a in arguments)]
    return subprocess.Popen(
        command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def test_a_bag_survives_playing_and_recording_with_its_time_and_loops(tmp_path):
    pytest.importorskip("rclpy")
    source = walk_recording.write(tmp_path / "source", ["lidar"], duration_s=1.0)
    with domain_id() as number:
        environment = {
            **os.environ,
            "ROS_DOMAIN_ID": str(number),
            "PYTHONPATH": os.pathsep.join(p for p in sys.path if p),
        }
        recorder = start("record", tmp_path / "copy", environment=environment)
        player = start(
            "play", source, "--rate", 4, "--loop", 2, "--wait", 60, environment=environment
        )
        try:
            said, _ = player.communicate(timeout=90)
            recorder.send_signal(signal.SIGINT)
            heard, _ = recorder.communicate(timeout=30)
        finally:
            for process in (player, recorder):
                process.kill()
                process.wait()
    assert player.returncode == 0, said
    assert "played 20 messages in 2 round(s)" in said
    assert recorder.returncode == 0, heard
    with BagReader(source) as before, BagReader(tmp_path / "copy") as after:
        sent = [message.data for message in before.messages()]
        received = [message.data for message in after.messages(["/lidar/points"])]
        times = [after.decode(message).clock for message in after.messages(["/clock"])]
    assert received == sent + sent
    stamps_ns = [time.sec * 10**9 + time.nanosec for time in times]
    jumps = [b < a for a, b in zip(stamps_ns, stamps_ns[1:])]
    assert jumps.count(True) == 1
    assert min(stamps_ns) == walk_recording.START_NS + 2_000_000


KNOWN = {
    "/lidar/points": TopicInfo("/lidar/points", CLOUD, 5),
    "/overlay": TopicInfo("/overlay", "sensor_msgs/msg/Image", 5),
    "/tracks": TopicInfo("/tracks", TRACKS, 5),
}


def test_results_of_an_earlier_run_are_not_played_beside_new_ones():
    assert choose_topics(KNOWN, [], False, "bag") == {"/lidar/points": CLOUD}
    assert len(choose_topics(KNOWN, [], True, "bag")) == 3
    assert choose_topics(KNOWN, ["/tracks"], False, "bag") == {"/tracks": TRACKS}
    with pytest.raises(CommandError, match=r"no topic /x.*it has /lidar/points"):
        choose_topics(KNOWN, ["/x"], False, "bag")
    with pytest.raises(CommandError, match="--all"):
        choose_topics({"/tracks": KNOWN["/tracks"]}, [], False, "bag")


def test_a_damaged_bag_is_played_up_to_the_damage_and_reported(tmp_path, gait_reid, monkeypatch):
    pytest.importorskip("rclpy")
    with BagWriter(tmp_path / "bag") as bag:
        for number in range(50):
            text = types.message_types().types["std_msgs/msg/String"](data=f"word {number}")
            bag.write("/words", "std_msgs/msg/String", number, text)
    whole = next((tmp_path / "bag").glob("*.mcap")).read_bytes()
    cut = tmp_path / "cut.mcap"
    cut.write_bytes(whole[: whole.index(b"word 30")])
    with domain_id() as number:
        monkeypatch.setenv("ROS_DOMAIN_ID", str(number))
        done = gait_reid("play", cut, "--wait", "0", "--clock-hz", "0")
    assert done.exit_code == 1
    assert "30 messages were readable" in done.stderr
