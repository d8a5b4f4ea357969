"""A replay sees the same people as the chain itself, and says clearly what it could not read."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import pytest

from gait_reid.adapters import matches as matches_adapter
from gait_reid.adapters import tracks as tracks_adapter
from gait_reid.adapters.bags import BagReader, BagWriter
from gait_reid.cli.json_lines import result_to_json
from gait_reid.cli.settings import load_config
from gait_reid.core.gallery.location import open_gallery
from gait_reid.core.pipeline import Pipeline
from gait_reid.testing import walk_recording


@pytest.fixture(scope="module")
def gallery(tmp_path_factory) -> list[str]:
    """Options of a gallery of this module."""
    folder = tmp_path_factory.mktemp("gallery")
    return ["--gallery", str(folder / "gallery.sqlite"), "--key-file", str(folder / "gallery.key")]


@pytest.fixture
def enrolled(gait_reid, lidar_bag, site_params, gallery) -> list[str]:
    """Ada's first walk is in the gallery."""
    if not Path(gallery[1]).exists():
        done = gait_reid(
            "enroll", lidar_bag, "--params", site_params, "--window", "0:7", "--track", 1,
            "--person", "ada", "--name", "Ada", "--consent", *gallery,
        )  # fmt: skip
        assert done.exit_code == 0, done.output
    return gallery


def comparable(line: dict) -> dict:
    """Leave out what differs from run to run: the random sequence id and the clock."""
    kept = {key: value for key, value in line.items() if key != "sequence_id"}
    kept["matches"] = [{**match, "latency_ms": 0} for match in line["matches"]]
    return kept


def lines_of(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def decisions(lines: list[dict]) -> dict[int, set[str]]:
    """Return every confirmed person by track."""
    found: dict[int, set[str]] = {}
    for line in lines:
        for match in line["matches"]:
            confirmed = found.setdefault(match["track_id"], set())
            if match["person_id"]:
                confirmed.add(match["person_id"])
    return found


def test_the_enrolled_person_is_recognised_the_second_time_and_the_other_is_not(
    gait_reid, lidar_bag, site_params, enrolled, tmp_path
):
    done = gait_reid(
        "replay", lidar_bag, "--params", site_params, "--json", tmp_path / "out.jsonl",
        "--output", tmp_path / "results", *enrolled,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    lines = lines_of(tmp_path / "out.jsonl")
    assert len(lines) == 145
    assert decisions(lines) == {1: {"ada"}, 2: set(), 3: {"ada"}, 4: set()}
    assert "Ada (ada)" in done.stdout
    check_same_as_chain(lines, site_params, enrolled)
    check_same_as_bag(lines, tmp_path / "results")


def check_same_as_chain(lines: list[dict], params: Path, gallery: list[str]) -> None:
    """Run the frames through the chain without any file and compare every instant."""
    pipeline = Pipeline(load_config(params, ("lidar",)))
    with open_gallery(gallery[1], gallery[3]) as store:
        pipeline.set_gallery(store.records(), store.version)
    direct = []
    for _, frame in walk_recording.frames(["lidar"]):
        direct += [result_to_json(result) for result in pipeline.add_lidar(frame)]
    direct += [result_to_json(result) for result in pipeline.flush()]
    direct = json.loads(json.dumps(direct))
    assert [comparable(line) for line in lines] == [comparable(line) for line in direct]


def check_same_as_bag(lines: list[dict], folder: Path) -> None:
    """Read the written topics with the adapters of the nodes and compare."""
    with BagReader(folder) as bag:
        tracks = [tracks_adapter.from_message(bag.decode(m)) for m in bag.messages(["/tracks"])]
        answers = [
            (match.track_id, match.stamp_ns, match.decision.name.lower())
            for m in bag.messages(["/matches"])
            for match in matches_adapter.from_message(bag.decode(m))
        ]
    assert [t.stamp_ns for t in tracks] == [line["stamp_ns"] for line in lines]
    assert [t.track_id.tolist() for t in tracks] == [
        [track["track_id"] for track in line["tracks"]] for line in lines
    ]
    assert answers == [
        (match["track_id"], match["stamp_ns"], match["decision"])
        for line in lines
        for match in line["matches"]
    ]


def test_a_truncated_bag_is_processed_up_to_the_damage(
    gait_reid, lidar_bag, site_params, enrolled, tmp_path
):
    whole = next(lidar_bag.glob("*.mcap")).read_bytes()
    cut = tmp_path / "cut.mcap"
    cut.write_bytes(whole[: len(whole) // 2])
    done = gait_reid(
        "replay", cut, "--params", site_params, "--json", tmp_path / "cut.jsonl", *enrolled
    )
    assert done.exit_code == 1
    assert str(cut) in done.stderr
    assert "messages were readable" in done.stderr
    assert "mcap recover" in done.stderr
    lines = lines_of(tmp_path / "cut.jsonl")
    assert 60 <= len(lines) <= 85
    assert decisions(lines)[1] == {"ada"}
    stamps = [frame.stamp_ns for _, frame in walk_recording.frames(["lidar"], 0.2)]
    assert [line["stamp_ns"] for line in lines[:2]] == stamps


def test_a_window_is_replayed_alone(gait_reid, lidar_bag, site_params, tmp_path):
    out = tmp_path / "out.jsonl"
    done = gait_reid("replay", lidar_bag, "--params", site_params, "--json", out, "--window", "1:2")
    assert done.exit_code == 0, done.output
    seconds = [(line["stamp_ns"] - walk_recording.START_NS) / 1e9 for line in lines_of(out)]
    assert seconds == pytest.approx([1.0 + 0.1 * number for number in range(10)])


def test_pictures_are_tracked_and_drawn(gait_reid, short_bag, site_params, tmp_path):
    out, overlay = tmp_path / "out.jsonl", tmp_path / "overlay.mp4"
    done = gait_reid(
        "replay", short_bag, "--params", site_params, "--json", out, "--overlay", overlay,
        "--lidar-topic", "none",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    lines = lines_of(out)
    assert len(lines) == 30
    assert [track["state"] for track in lines[-1]["tracks"]] == ["confirmed"]
    capture = cv2.VideoCapture(str(overlay))
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == pytest.approx(30, abs=1)
    assert capture.get(cv2.CAP_PROP_FPS) == pytest.approx(15.0, abs=0.1)


def test_a_video_file_is_tracked(gait_reid, site_params, tmp_path):
    path, out = tmp_path / "walk.mp4", tmp_path / "out.jsonl"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 15.0, (320, 180))
    for _, frame in walk_recording.frames(["camera"], 2.0):
        writer.write(frame.image)
    writer.release()
    done = gait_reid("replay", path, "--params", site_params, "--json", out)
    assert done.exit_code == 0, done.output
    lines = lines_of(out)
    assert len(lines) == 30
    assert [track["state"] for track in lines[-1]["tracks"]] == ["confirmed"]


# What users get wrong


def test_enrolling_names_the_choices_when_several_people_walk(
    gait_reid, lidar_bag, site_params, gallery
):
    done = gait_reid("enroll", lidar_bag, "--params", site_params, "--window", "0:7", *gallery)
    assert done.exit_code == 1
    assert "track 1" in done.stderr
    assert "track 2" in done.stderr
    assert "--track" in done.stderr


def test_enrolling_without_consent_is_refused(gait_reid, lidar_bag, site_params, tmp_path):
    done = gait_reid(
        "enroll", lidar_bag, "--params", site_params, "--window", "0:4", "--track", 1,
        "--gallery", tmp_path / "g.sqlite", "--key-file", tmp_path / "g.key",
    )  # fmt: skip
    assert done.exit_code == 1
    assert "consent" in done.stderr


def test_nobody_to_enrol_is_said(gait_reid, lidar_bag, site_params, gallery):
    done = gait_reid("enroll", lidar_bag, "--params", site_params, "--window", "0:0.5", *gallery)
    assert done.exit_code == 1
    assert "nobody walked long enough" in done.stderr
    assert gait_reid("enroll").exit_code == 1


def test_ambiguous_topics_name_the_choices(gait_reid, short_bag, tmp_path):
    with BagReader(short_bag) as source, BagWriter(tmp_path / "two") as bag:
        for message in source.messages(["/lidar/points"]):
            for topic in ("/front", "/rear"):
                bag.write_raw(topic, message.type_name, message.log_ns, message.data)
    done = gait_reid("replay", tmp_path / "two")
    assert done.exit_code == 1
    assert "/front, /rear" in done.stderr
    assert "--lidar-topic" in done.stderr
    assert gait_reid("replay", tmp_path / "two", "--lidar-topic", "/rear").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["{tmp}/none.mcap"], ["none.mcap", "does not exist"]),
        (["{bag}", "--window", "2:1"], ["2:1", "START:END"]),
        (["{bag}", "--overlay", "{tmp}/overlay.avi"], ["overlay.avi", ".mp4"]),
        (["{bag}", "--lidar-topic", "/nope"], ["/nope", "/lidar/points"]),
        (["{bag}", "--params", "{tmp}/wrong.yaml"], ["perception.tracker.min_hits", "0"]),
        (["{bag}", "--params", "{tmp}/odd.yaml"], ["odd.yaml"]),
        (["{bag}", "--gallery", "{tmp}/none.sqlite"], ["none.sqlite"]),
        (["{tmp}/noise.pcap"], ["noise.pcap"]),
    ],
)
def test_errors_name_the_thing_the_value_and_the_fix(
    gait_reid, short_bag, tmp_path, arguments, words
):
    (tmp_path / "wrong.yaml").write_text(
        "tracker:\n  ros__parameters:\n    perception: {tracker: {min_hits: 0}}\n"
    )
    (tmp_path / "odd.yaml").write_text("- a\n- b\n")
    (tmp_path / "noise.pcap").write_bytes(b"\x00" * 100)
    filled = [text.format(tmp=tmp_path, bag=short_bag) for text in arguments]
    done = gait_reid("replay", *filled)
    assert done.exit_code == 1
    assert done.stderr.startswith("error: ")
    assert all(word in done.stderr for word in words), done.stderr
