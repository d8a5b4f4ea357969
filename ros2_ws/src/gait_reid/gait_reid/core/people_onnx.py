"""People in pictures by a detector network that the user brings as an ONNX file.

Two output layouts are understood; the weights stay the user's (and so does their licence).

* ``yolox``: one output (1, anchors, 5 + classes) as written by YOLOX's export without decoding in
  the graph (Ge et al. 2021): centre and logarithmic size relative to grids of stride 8, 16, 32,
  objectness, class probabilities. Pictures are letterboxed at the upper left, values 0 to 255, BGR.
* ``rt_detr``: logits (1, queries, classes) and boxes (1, queries, 4) as centre and size relative to
  the picture (Zhao et al. 2024); or labels, boxes, scores as written with the post-processor in the
  graph, which asks for the original size. Pictures are stretched, RGB, values 0 to 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from gait_reid.core.geometry import Pose, intrinsics_or_default
from gait_reid.core.people_range import RangeConfig, locate_people
from gait_reid.core.rois import clip_roi, suppress
from gait_reid.core.types import CameraFrame, Detections, Float64, Modality, UInt8
from gait_reid_common.parameters import param, validate

_STRIDES = (8, 16, 32)
_PADDING = 114


class PeopleModelError(ValueError):
    """The model file cannot be used; the message names the file, what was found, and the fix."""


@dataclass(frozen=True)
class OnnxPeopleConfig:
    """Parameters of `OnnxPeopleDetector`."""

    model: str = param("", "ONNX file of a people detector; empty for none", read_only=True)
    layout: str = param("yolox", "Layout of its outputs", choices=("yolox", "rt_detr"))
    person_class: int = param(0, "Number of the class that is a person (COCO: 0)", minimum=0)
    min_score: float = param(0.4, "Score above which a box is reported", minimum=0.0, maximum=1.0)
    max_overlap: float = param(
        0.6,
        "Intersection over union above which the worse box is dropped",
        minimum=0.0,
        maximum=1.0,
    )
    max_people: int = param(60, "Most boxes that are reported", minimum=1)
    input_width: int = param(
        640, "Width of the input where the model leaves it open", "px", minimum=32
    )
    input_height: int = param(
        640, "Height of the input where the model leaves it open", "px", minimum=32
    )
    threads: int = param(1, "Threads of the network", minimum=1)

    def __post_init__(self) -> None:
        validate(self)


class OnnxPeopleDetector:
    """Runs a people detector network on whole pictures."""

    def __init__(self, config: OnnxPeopleConfig, space: RangeConfig | None = None) -> None:
        """Load the model.

        Args:
            config: The model and what to take from it.
            space: What is assumed about people when their range has to be told.

        Raises:
            PeopleModelError: onnxruntime is missing, the file is missing or broken, or its inputs
                do not fit the layout.
        """
        self.config = config
        self._range = space or RangeConfig()
        self._session = _open_session(config)
        image = self._session.get_inputs()[0]
        shape = image.shape
        if len(shape) != 4 or shape[1] not in (3, "3") and not isinstance(shape[1], str):
            raise PeopleModelError(
                f"{config.model}: input '{image.name}' has shape {shape}, "
                "expected (1, 3, height, width)"
            )
        self._input_name = image.name
        self._height = shape[2] if isinstance(shape[2], int) else config.input_height
        self._width = shape[3] if isinstance(shape[3], int) else config.input_width
        self._size_name = next((i.name for i in self._session.get_inputs()[1:]), None)

    def reset(self) -> None:
        """Do nothing: every picture is seen afresh."""

    def detect(
        self, frame: CameraFrame, camera_pose: Pose, lidar: Detections | None = None
    ) -> Detections:
        """Return the people of a picture; what the LiDAR sees is not needed."""
        roi, score = self.boxes(frame.image)
        intrinsics = intrinsics_or_default(frame, np.deg2rad(self._range.horizontal_fov_deg))
        people = locate_people(intrinsics, camera_pose, roi, self._range)
        valid = people.valid
        return Detections(
            stamp_ns=frame.stamp_ns,
            frame_id="",
            position=people.position[valid],
            covariance=people.covariance[valid],
            size=people.size[valid],
            roi=roi[valid],
            score=score[valid],
            modality=np.full(int(valid.sum()), int(Modality.CAMERA), np.uint8),
        )

    def boxes(self, image: UInt8) -> tuple[Float64, Float64]:
        """Return boxes (n, 4) in pixels of ``image`` and scores (n,), best first."""
        height, width = image.shape[:2]
        if self.config.layout == "yolox":
            tensor, ratio = _letterbox(image, self._width, self._height)
            output = self._session.run(None, {self._input_name: tensor})[0]
            roi, score = decode_yolox(
                output[0], (self._height, self._width), self.config.person_class
            )
            roi = roi / ratio
        else:
            roi, score = self._run_rt_detr(image)
        roi = clip_roi(roi, width, height)
        chosen = np.flatnonzero((score >= self.config.min_score) & np.isfinite(roi).all(axis=1))
        chosen = chosen[suppress(roi[chosen], score[chosen], self.config.max_overlap)]
        chosen = chosen[: self.config.max_people]
        return roi[chosen], np.clip(score[chosen], 0.0, 1.0)

    def _run_rt_detr(self, image: UInt8) -> tuple[Float64, Float64]:
        height, width = image.shape[:2]
        resized = cv2.resize(image, (self._width, self._height), interpolation=cv2.INTER_LINEAR)
        tensor = resized[:, :, ::-1].transpose(2, 0, 1)[None].astype(np.float32) / np.float32(255.0)
        feed: dict[str, Any] = {self._input_name: np.ascontiguousarray(tensor)}
        if self._size_name is not None:
            feed[self._size_name] = np.array([[width, height]], np.int64)
        outputs = [np.asarray(output) for output in self._session.run(None, feed)]
        return decode_rt_detr(outputs, (height, width), self.config.person_class)


def decode_yolox(
    output: npt.NDArray[Any], size: tuple[int, int], person_class: int
) -> tuple[Float64, Float64]:
    """Return boxes (n, 4) in input pixels and scores of one YOLOX output (n, 5 + classes).

    Raises:
        PeopleModelError: The number of anchors or classes does not fit.
    """
    grids, strides = [], []
    for stride in _STRIDES:
        rows, columns = size[0] // stride, size[1] // stride
        x, y = np.meshgrid(np.arange(columns), np.arange(rows))
        grids.append(np.column_stack([x.ravel(), y.ravel()]))
        strides.append(np.full(rows * columns, stride))
    grid, stride_of = np.vstack(grids), np.concatenate(strides)[:, None]
    if output.ndim != 2 or len(output) != len(grid) or output.shape[1] <= 5 + person_class:
        raise PeopleModelError(
            f"output has shape {output.shape}, expected ({len(grid)}, 5 + classes) with more than "
            f"{person_class} classes for an input of {size[1]}x{size[0]}; is the layout yolox?"
        )
    values = output.astype(np.float64)
    centre = (values[:, :2] + grid) * stride_of
    extent = np.exp(np.minimum(values[:, 2:4], 20.0)) * stride_of
    score = values[:, 4] * values[:, 5 + person_class]
    return np.hstack([centre - 0.5 * extent, extent]), score


def decode_rt_detr(
    outputs: list[npt.NDArray[Any]], size: tuple[int, int], person_class: int
) -> tuple[Float64, Float64]:
    """Return boxes (n, 4) in picture pixels and scores of an RT-DETR's outputs.

    Raises:
        PeopleModelError: The shapes do not fit.
    """
    shapes = [output.shape for output in outputs]
    if len(outputs) >= 3 and len(shapes[0]) == 2 and shapes[1][-1] == 4:
        labels, corners, scores = (np.asarray(output[0], np.float64) for output in outputs[:3])
        person = labels == person_class
        return np.hstack([corners[:, :2], corners[:, 2:] - corners[:, :2]])[person], scores[person]
    queries = [o[0] for o in outputs if o.ndim == 3]
    # Logits come first, which decides where there are four classes.
    boxes = next((o for o in reversed(queries) if o.shape[1] == 4), None)
    logits = next((o for o in queries if o is not boxes), None)
    if boxes is None or logits is None or logits.shape[1] <= person_class:
        raise PeopleModelError(
            f"outputs have shapes {shapes}, expected (1, queries, classes) with more than "
            f"{person_class} classes and (1, queries, 4), or labels, boxes, scores"
        )
    scale = np.array([size[1], size[0]], np.float64)
    centre, extent = boxes[:, :2] * scale, boxes[:, 2:] * scale
    score = 1.0 / (1.0 + np.exp(-logits[:, person_class].astype(np.float64)))
    return np.hstack([centre - 0.5 * extent, extent]), score


def _letterbox(image: UInt8, width: int, height: int) -> tuple[npt.NDArray[np.float32], float]:
    ratio = min(width / image.shape[1], height / image.shape[0])
    size = max(1, int(image.shape[1] * ratio)), max(1, int(image.shape[0] * ratio))
    canvas = np.full((height, width, 3), _PADDING, np.uint8)
    canvas[: size[1], : size[0]] = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(canvas.transpose(2, 0, 1)[None].astype(np.float32)), ratio


def _open_session(config: OnnxPeopleConfig) -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise PeopleModelError(
            f"{config.model}: running it needs onnxruntime; "
            "install it with 'pip install onnxruntime' "
            "or leave the parameter 'model' empty"
        ) from error
    if not Path(config.model).is_file():
        raise PeopleModelError(f"people detector '{config.model}' is not a file; give an ONNX file")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = config.threads
    providers = [
        name
        for name in ("CUDAExecutionProvider", "CPUExecutionProvider")
        if name in onnxruntime.get_available_providers()
    ]
    try:
        return onnxruntime.InferenceSession(config.model, options, providers=providers)
    except Exception as error:  # onnxruntime raises many kinds that share no base of their own
        raise PeopleModelError(
            f"people detector '{config.model}' cannot be loaded: {error}; export it again as ONNX"
        ) from error
