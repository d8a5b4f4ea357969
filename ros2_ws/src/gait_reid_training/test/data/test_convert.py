from __future__ import annotations

import json
import re

import cv2
import numpy as np
import pytest
from fake_sets import (
    FRAMES,
    clouds,
    dump,
    freegait_tree,
    pictures,
    sustech_tree,
    sustech_walk,
    write_partition,
)
from small_sets import write_set
from typer.testing import CliRunner

from gait_reid.core.network_input import NetworkInputConfig
from gait_reid.core.types import Modality
from gait_reid_sim.core.dataset.shard import Shard
from gait_reid_training.cli.dataset import app
from gait_reid_training.data.cache import open_cache
from gait_reid_training.data.convert import convert
from gait_reid_training.data.index import DatasetError
from gait_reid_training.data.inspect import inspect
from gait_reid_training.data.opengait import UnsafePickleError
from gait_reid_training.data.preparations import FramePreparation


@pytest.fixture
def sustech(tmp_path):
    source = sustech_tree(tmp_path / "source")
    lists = write_partition(tmp_path / "p.json", TRAIN_SET=["0000", "0001"], TEST_SET=["0002"])
    return source, lists


def test_sustech1k_becomes_tracklets(sustech, tmp_path):
    source, lists = sustech
    done = convert(source, "sustech1k", tmp_path / "out", lists, validation=1)
    assert done.people == {"train": 1, "validation": 1, "test": 1}
    assert (done.walks, done.refused) == (6, ())
    shard = Shard(tmp_path / "out" / "test" / "0002")
    first, second = shard.tracklets
    assert (first["name"], first["condition"], first["light"]) == ("00-nm-000", "00-nm", "day")
    assert (second["view_deg"], second["light"]) == (45.0, "night")
    assert first["range_m"] == pytest.approx(12.1, abs=0.15)
    walk = shard.tracklet(0)
    assert len(walk) == FRAMES
    crop = walk.crops[3]
    assert crop.modality == Modality.CAMERA | Modality.LIDAR
    # The square pictures are 90 x 180 pixels of the camera.
    assert crop.image.shape == (64, 32, 3)
    assert crop.image[30, 16].tolist() == [10, 30, 200]
    np.testing.assert_allclose(crop.roi, [0, 0, 90, 180])
    # Both layouts of channels give the same picture.
    np.testing.assert_array_equal(crop.image, shard.tracklet(1).crops[3].image)
    np.testing.assert_allclose(crop.velocity, [0.0, 1.3, 0.0], atol=0.25)
    heights = np.concatenate([one.points[:, 2] - one.position[2] for one in walk.crops])
    np.testing.assert_allclose([heights.min(), heights.max()], [0.0, 1.7], atol=0.1)


def test_what_was_converted_is_kept_when_it_is_run_again(sustech, tmp_path):
    source, lists = sustech
    sustech_walk(source / "0001" / "02-bg" / "000", s13=pictures(0, 4))
    first = convert(source, "sustech1k", tmp_path / "out", lists)
    file = tmp_path / "out" / "test" / "0002" / "images.npy"
    written = file.stat().st_mtime_ns
    second = convert(source, "sustech1k", tmp_path / "out", lists)
    assert first == second
    assert file.stat().st_mtime_ns == written
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["simulated"] is False
    assert manifest["refused"] == list(first.refused)
    with pytest.raises(DatasetError, match="another source"):
        convert(freegait_tree(tmp_path / "free", False), "freegait", tmp_path / "out")


def test_converted_walks_are_prepared_like_all_others(sustech, tmp_path):
    source, lists = sustech
    convert(source, "sustech1k", tmp_path / "out", lists)
    cache = open_cache(tmp_path / "out", FramePreparation(NetworkInputConfig()))
    assert cache.frames.has_camera.all()
    assert cache.frames.has_lidar.all()
    # The person's red reaches from top to bottom.
    assert (cache.frames.rgb[:, 0, [1, 62], 16] > 150).all()


@pytest.mark.parametrize(
    ("streams", "reason"),
    [
        ({"s08": clouds(0, 5)}, r"unequal length \(points 5, pictures 6"),
        ({"s13": None}, "no synchronised Camera-RGB_raw .*--allow-missing"),
        ({"s08": None}, "no synchronised LiDAR-PCDs"),
        ({"s13": np.zeros((FRAMES, 64, 64), np.uint8)}, r"pictures of shape \(6, 64, 64\)"),
        ({"s13": np.zeros((FRAMES, 3, 64, 3), np.uint8)}, r"pictures of shape \(6, 3, 64, 3\)"),
        ({"s13": np.zeros((FRAMES, 64, 64, 3))}, "are float64, expected uint8"),
        ({"s08": [np.zeros((9, 2))] * FRAMES}, r"points of shape \(9, 2\)"),
        ({"s12": np.zeros((FRAMES, 2))}, "sizes that are not positive"),
        ({"s15": np.zeros((FRAMES, 2, 64, 64), np.uint8)}, "silhouettes of shape"),
        ({"s08": [], "s13": np.zeros((0, 64, 64, 3), np.uint8), "s12": np.zeros((0, 2)),
          "s15": np.zeros((0, 64, 64), np.uint8)}, "no frames"),
    ],
)  # fmt: skip
def test_walks_that_do_not_fit_are_refused_by_name_and_nothing_else_is_lost(
    sustech, tmp_path, streams, reason
):
    source, lists = sustech
    sustech_walk(source / "0000" / "03-cl" / "090", **streams)
    done = convert(source, "sustech1k", tmp_path / "out", lists)
    assert done.walks == 6
    (line,) = done.refused
    assert "03-cl/090" in line
    assert re.search(reason, line), line


def test_missing_sensors_are_taken_when_asked_for(sustech, tmp_path):
    source, lists = sustech
    for number, left_out in enumerate(({"s13": None, "s15": None, "s12": None}, {"s08": None})):
        sustech_walk(source / "0000" / "03-cl" / f"{45 * number:03d}", **left_out)
    done = convert(source, "sustech1k", tmp_path / "out", lists, allow_missing=True)
    assert (done.walks, done.refused) == (8, ())
    found = inspect(tmp_path / "out")
    assert found.missing_walks == {
        "images": 1, "silhouettes": 1, "points": 1, "radar": 8, "joints": 8,
    }  # fmt: skip
    assert found.empty_frames["points"] == FRAMES


def test_unknown_folders_and_strangers_are_named(sustech, tmp_path):
    source, lists = sustech
    sustech_walk(source / "0000" / "zz" / "000")
    sustech_walk(source / "0000" / "00-nm" / "north")
    sustech_walk(source / "0777" / "00-nm" / "000")
    dump(source / "0000" / "00-nm" / "270" / "00-270-LiDAR-PCDs.pkl", clouds())
    refused = "\n".join(convert(source, "sustech1k", tmp_path / "out", lists).refused)
    for part in ("kind 'zz'", "view 'north'", "identity '0777' is in no list", "no synchronised"):
        assert part in refused


class Evil:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return exec, (f"open({str(self.path)!r}, 'w')",)


def test_a_pickle_that_asks_for_code_ends_the_conversion(sustech, tmp_path):
    source, lists = sustech
    sustech_walk(source / "0001" / "02-bg" / "000", s08=Evil(tmp_path / "executed"))
    with pytest.raises(UnsafePickleError, match=r"02-bg/000/08-sync.*builtins\.exec"):
        convert(source, "sustech1k", tmp_path / "out", lists)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("nested", [False, True])
def test_freegait_becomes_tracklets_in_either_layout(tmp_path, nested):
    source = freegait_tree(tmp_path / "source", nested)
    lists = write_partition(
        tmp_path / "p.json", TRAIN_SET=["00001"], TEST_SET=["00002"],
        PROBE_SET=["00002-dev1-seq-1"], GALLERY_SET=["00002-dev1-seq-0"],
    )  # fmt: skip
    done = convert(source, "freegait", tmp_path / "out", lists)
    assert done.walks == 4
    shard = Shard(tmp_path / "out" / "test" / "00002")
    assert [row["condition"] for row in shard.tracklets] == ["gallery", "probe"]
    crop = shard.tracklet(0).crops[0]
    assert crop.image is None
    assert crop.silhouette.shape == (64, 64)
    frames = open_cache(tmp_path / "out", FramePreparation(NetworkInputConfig())).frames
    assert frames.has_camera.all()
    assert (frames.rgb[:, :, 32, 16] == 255).all()
    assert frames.silhouette.any(axis=(1, 2, 3)).all()


def test_lrgait_is_read_as_assumed_and_says_so(tmp_path):
    for kind in ("D-10", "N-50"):
        sustech_walk(tmp_path / "source" / "007" / kind / "090")
    result = CliRunner().invoke(
        app, ["convert", str(tmp_path / "source"), "-f", "lrgait", "-o", str(tmp_path / "out")]
    )
    assert result.exit_code == 0, result.output
    assert "not public" in result.output.replace("\n", " ")
    rows = Shard(tmp_path / "out" / "test" / "007").tracklets
    assert [(r["condition"], r["range_m"], r["light"]) for r in rows] == [
        ("gallery", 10.0, "day"), ("N-50", 50.0, "night"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("lists", "reason"),
    [("{", "is not JSON"), ('{"TRAIN_SET": []}', "TEST_SET"),
     ('{"TRAIN_SET": ["0000"], "TEST_SET": ["0000"]}', "'0000' is in TRAIN_SET and in")],
)  # fmt: skip
def test_partitions_that_make_no_sense_are_refused(sustech, tmp_path, lists, reason):
    path = tmp_path / "bad.json"
    path.write_text(lists)
    with pytest.raises(DatasetError, match=reason):
        convert(sustech[0], "sustech1k", tmp_path / "out", path)


def test_what_holds_no_walks_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match="holds no walks of FreeGait"):
        convert(tmp_path / "empty", "freegait", tmp_path / "out")
    with pytest.raises(DatasetError, match="'gait3d' is unknown, known are sustech1k"):
        convert(tmp_path / "empty", "gait3d", tmp_path / "out")


def test_the_command_line_names_what_it_refused_and_ends_with_1(sustech, tmp_path):
    source, lists = sustech
    sustech_walk(source / "0000" / "03-cl" / "090", s13=None)
    out = tmp_path / "out"
    arguments = ["convert", str(source), "-f", "sustech1k", "-o", str(out), "-p", str(lists)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 1
    text = result.output.replace("\n", " ")
    assert "6 walks of 2 train, 0 validation, 1 test" in text
    assert "no synchronised Camera-RGB_raw" in text
    result = CliRunner().invoke(app, ["convert", str(source), "-f", "nothing", "-o", str(out)])
    assert result.exit_code == 2


def test_inspect_counts_and_draws(tmp_path):
    root = write_set(tmp_path / "set", {"train": ("ann", "bob"), "test": ("cid",)})
    found = inspect(root)
    assert (found.walks, found.frames, found.lengths) == (9, 45, (5, 5, 5))
    near = next(g for g in found.groups if (g.split, g.condition) == ("train", "near"))
    assert (near.range_m, near.people, near.walks, near.frames) == (10, 2, 2, 10)
    result = CliRunner().invoke(app, ["inspect", str(root), "--sheets", str(tmp_path / "s")])
    assert result.exit_code == 0, result.output
    assert "radar: missing in 45 of 45 frames, in all of 9 walks" in result.output
    sheet = cv2.imread(str(tmp_path / "s" / "contact_sheet_train.png"))
    assert sheet.shape[0] == 2 * (14 + 128 + 2)
    assert sheet.std() > 10
    result = CliRunner().invoke(app, ["inspect", str(tmp_path / "s")])
    assert result.exit_code == 2
    assert "holds no walks" in result.output
