from __future__ import annotations

import sys

import numpy as np
import pytest

from gait_reid.core.geometry import Pose, optical_pose
from gait_reid.core.people_onnx import (
    OnnxPeopleConfig,
    OnnxPeopleDetector,
    PeopleModelError,
    decode_rt_detr,
    decode_yolox,
)
from gait_reid.core.types import CameraFrame, Modality

POSE = optical_pose(Pose.from_xyz_rpy(0, 0, 1.5, 0, 0, 0))
SIZE = 64  # of the network's input: 8 x 8 + 4 x 4 + 2 x 2 anchors
ANCHORS = 84


def save(path, outputs: dict[str, np.ndarray], inputs: dict[str, tuple[int, list]] | None = None):
    """Write a network that looks at its picture and answers constants."""
    onnx = pytest.importorskip("onnx")
    helper, kinds = onnx.helper, onnx.TensorProto
    declared = {"images": (kinds.FLOAT, [1, 3, SIZE, SIZE])} | (inputs or {})
    nodes = [
        helper.make_node("ReduceMax", ["images"], ["peak"], keepdims=0),
        helper.make_node("Mul", ["peak", "zero"], ["nothing"]),
    ]
    constants = [onnx.numpy_helper.from_array(np.float32(0.0).reshape(()), "zero")]
    for name, value in outputs.items():
        constants.append(onnx.numpy_helper.from_array(value, f"{name}_value"))
        kind = "nothing"
        if value.dtype != np.float32:
            nodes.append(helper.make_node("Cast", ["nothing"], [f"{name}_zero"], to=kinds.INT64))
            kind = f"{name}_zero"
        nodes.append(helper.make_node("Add", [f"{name}_value", kind], [name]))
    graph = helper.make_graph(
        nodes,
        "people",
        [helper.make_tensor_value_info(n, k, s) for n, (k, s) in declared.items()],
        [
            helper.make_tensor_value_info(
                n, kinds.FLOAT if v.dtype == np.float32 else kinds.INT64, v.shape
            )
            for n, v in outputs.items()
        ],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9
    onnx.save(model, str(path))
    return str(path)


def yolox_output() -> np.ndarray:
    """Anchor 9 is a person at (16, 20), 8 x 24; anchor 10 nearly the same; anchor 30 a car."""
    output = np.zeros((1, ANCHORS, 7), np.float32)
    output[0, 9] = [1.0, 1.5, np.log(1.0), np.log(3.0), 0.9, 0.9, 0.0]
    output[0, 10] = [0.1, 1.5, np.log(1.0), np.log(3.0), 0.8, 0.9, 0.0]
    output[0, 30] = [0.5, 0.5, 0.0, 0.0, 0.9, 0.0, 0.9]
    return output


@pytest.fixture
def frame() -> CameraFrame:
    return CameraFrame(5, "camera", np.full((360, 640, 3), 90, np.uint8))


def test_yolox_boxes_come_back_in_pixels_of_the_picture(tmp_path, frame):
    pytest.importorskip("onnxruntime")
    model = save(tmp_path / "yolox.onnx", {"output": yolox_output()})
    detector = OnnxPeopleDetector(OnnxPeopleConfig(model=model, layout="yolox"))
    found = detector.detect(frame, POSE)
    # 640 x 360 is letterboxed into 64 x 64 by a tenth.
    assert found.roi.tolist() == [[pytest.approx(v, abs=1e-3) for v in (120, 80, 80, 240)]]
    assert found.score == pytest.approx([0.81], abs=1e-5)
    assert found.modality.tolist() == [Modality.CAMERA]
    assert found.position[0, 0] > 1.0


def test_yolox_decode_uses_all_strides():
    output = np.zeros((ANCHORS, 6))
    output[64 + 5] = [0.5, 0.5, 0.0, 0.0, 1.0, 1.0]  # stride 16, cell (1, 1)
    output[80] = [0.5, 0.5, 0.0, 0.0, 1.0, 1.0]  # stride 32, cell (0, 0)
    roi, score = decode_yolox(output, (SIZE, SIZE), 0)
    assert roi[69].tolist() == [16, 16, 16, 16]
    assert roi[80].tolist() == [0, 0, 32, 32]
    assert score.sum() == 2.0


def test_rt_detr_logits_and_boxes(tmp_path, frame):
    pytest.importorskip("onnxruntime")
    logits = np.full((1, 3, 4), -6.0, np.float32)
    logits[0, 0, 0], logits[0, 1, 2] = 2.0, 4.0
    boxes = np.tile(np.float32([0.25, 0.5, 0.1, 0.5]), (1, 3, 1))
    model = save(tmp_path / "detr.onnx", {"logits": logits, "boxes": boxes})
    detector = OnnxPeopleDetector(OnnxPeopleConfig(model=model, layout="rt_detr"))
    roi, score = detector.boxes(frame.image)
    assert roi.tolist() == [[pytest.approx(v, abs=1e-2) for v in (128, 90, 64, 180)]]
    assert score == pytest.approx([1 / (1 + np.exp(-2.0))])


def test_rt_detr_with_post_processor(tmp_path, frame):
    pytest.importorskip("onnxruntime")
    outputs = {
        "labels": np.array([[0, 7]], np.int64),
        "boxes": np.float32([[[10, 20, 60, 200], [0, 0, 9, 9]]]),
        "scores": np.float32([[0.7, 0.9]]),
    }
    model = save(tmp_path / "post.onnx", outputs, {"orig_target_sizes": (7, [1, 2])})
    detector = OnnxPeopleDetector(OnnxPeopleConfig(model=model, layout="rt_detr"))
    roi, score = detector.boxes(frame.image)
    assert roi.tolist() == [[10, 20, 50, 180]]
    assert score == pytest.approx([0.7])


def test_the_wrong_layout_is_named():
    with pytest.raises(PeopleModelError, match="84, 5 . classes"):
        decode_yolox(np.zeros((300, 84)), (SIZE, SIZE), 0)
    with pytest.raises(PeopleModelError, match="queries"):
        decode_rt_detr([np.zeros((1, 300, 84))], (10, 10), 0)
    with pytest.raises(PeopleModelError, match="more than 5 classes"):
        decode_rt_detr([np.zeros((1, 9, 3)), np.zeros((1, 9, 4))], (10, 10), 5)


def test_missing_and_broken_files_are_named(tmp_path):
    pytest.importorskip("onnxruntime")
    with pytest.raises(PeopleModelError, match=r"nowhere\.onnx"):
        OnnxPeopleDetector(OnnxPeopleConfig(model=str(tmp_path / "nowhere.onnx")))
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"not a network")
    with pytest.raises(PeopleModelError, match="cannot be loaded"):
        OnnxPeopleDetector(OnnxPeopleConfig(model=str(broken)))


def test_without_onnxruntime_the_hint_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(PeopleModelError, match="pip install onnxruntime"):
        OnnxPeopleDetector(OnnxPeopleConfig(model="people.onnx"))


def test_given_to_the_camera_detector_it_makes_the_boxes_and_motion_the_silhouettes(
    tmp_path, frame
):
    pytest.importorskip("onnxruntime")
    from gait_reid.core.people_camera import CameraPeopleConfig, CameraPeopleDetector

    model = save(tmp_path / "yolox.onnx", {"output": yolox_output()})
    config = CameraPeopleConfig(network=OnnxPeopleConfig(model=model))
    found = CameraPeopleDetector(config).detect(frame, POSE)
    assert len(found) == 1
    assert found.foreground.shape == (180, 320)
