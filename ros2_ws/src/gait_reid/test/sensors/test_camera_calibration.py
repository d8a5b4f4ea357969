from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from gait_reid.sensors.base import SourceError
from gait_reid.sensors.calibration import load_calibration

GOOD = {
    "image_width": 640,
    "image_height": 480,
    "camera_name": "front",
    "camera_matrix": {"rows": 3, "cols": 3, "data": [520.5, 0, 318.0, 0, 521.0, 242.0, 0, 0, 1]},
    "distortion_model": "plumb_bob",
    "distortion_coefficients": {"rows": 1, "cols": 5, "data": [-0.3, 0.1, 0.001, -0.002, 0.0]},
    "rectification_matrix": {"rows": 3, "cols": 3, "data": [1, 0, 0, 0, 1, 0, 0, 0, 1]},
    "projection_matrix": {"rows": 3, "cols": 4, "data": [9.0] * 12},
}


def write(path: Path, content: object) -> Path:
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def test_the_file_of_camera_calibration_is_read(tmp_path):
    camera = load_calibration(write(tmp_path / "front.yaml", GOOD))
    assert (camera.width, camera.height) == (640, 480)
    assert (camera.fx, camera.fy, camera.cx, camera.cy) == (520.5, 521.0, 318.0, 242.0)
    assert camera.distortion.tolist() == [-0.3, 0.1, 0.001, -0.002, 0.0]


def test_no_distortion_is_none(tmp_path):
    flat = GOOD | {"distortion_coefficients": {"data": [0.0] * 5}}
    assert load_calibration(write(tmp_path / "flat.yaml", flat)).distortion.size == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image_width": 0}, "'image_width'.*0.*positive"),
        ({"image_width": None}, "'image_width'"),
        ({"camera_matrix": {"data": [1, 2, 3]}}, "'camera_matrix'.*9 numbers"),
        ({"camera_matrix": {"data": ["a"] * 9}}, "'camera_matrix'.*numbers"),
        ({"camera_matrix": {"data": [0, 0, 3, 0, 5, 2, 0, 0, 1]}}, "fx > 0"),
        ({"camera_matrix": {"data": [500, 0, 900, 0, 500, 240, 0, 0, 1]}}, "another size"),
        ({"camera_matrix": 7}, "'camera_matrix'"),
        ({"distortion_model": "fisheye"}, "'fisheye'.*plumb_bob"),
        ({"distortion_coefficients": {"data": [0.1, 0.2]}}, "4 or 5 numbers"),
        ({"distortion_coefficients": {"data": [float("nan")] * 5}}, "finite"),
    ],
)
def test_what_cannot_be_right_is_named(tmp_path, change, message):
    path = write(tmp_path / "wrong.yaml", GOOD | change)
    with pytest.raises(SourceError, match=message) as caught:
        load_calibration(path)
    assert "wrong.yaml" in str(caught.value)


def test_missing_broken_and_foreign_files_are_named(tmp_path):
    with pytest.raises(SourceError, match=r"nowhere\.yaml.*cannot be read"):
        load_calibration(tmp_path / "nowhere.yaml")
    broken = tmp_path / "broken.yaml"
    broken.write_text("a: [1, 2", encoding="utf-8")
    with pytest.raises(SourceError, match="not YAML"):
        load_calibration(broken)
    with pytest.raises(SourceError, match="no mapping"):
        load_calibration(write(tmp_path / "list.yaml", [1, 2]))
