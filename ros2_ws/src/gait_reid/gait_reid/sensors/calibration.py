"""Camera calibration files in the format of the ROS package camera_calibration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import yaml

from gait_reid.core.types import CameraIntrinsics, Float64
from gait_reid.sensors.base import SourceError

_MODELS = {"plumb_bob": (4, 5), "rational_polynomial": (8, 12, 14)}


def load_calibration(path: str | Path) -> CameraIntrinsics:
    """Return the calibration that ``camera_calibration`` or ``camera_info_manager`` wrote.

    Raises:
        SourceError: The file is missing, is no such file, or holds matrices that cannot be right.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError("calibration file", str(path), f"cannot be read: {error}") from error
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise SourceError("calibration file", str(path), f"is not YAML: {error}") from error
    if not isinstance(content, dict):
        raise SourceError("calibration file", str(path), "holds no mapping; calibrate again")
    return _Calibration(path, content).intrinsics()


class _Calibration:
    """Takes a calibration apart and names what is wrong with it."""

    def __init__(self, path: Path, content: dict[str, Any]) -> None:
        self._path = path
        self._content = content

    def intrinsics(self) -> CameraIntrinsics:
        width, height = self._size("image_width"), self._size("image_height")
        k = self._matrix("camera_matrix", 3, 3)
        if not (k[0, 0] > 0.0 and k[1, 1] > 0.0 and k[2, 2] == 1.0 and not k[2, :2].any()):
            raise self._error(
                "camera_matrix", k.tolist(), "must be [[fx, 0, cx], [0, fy, cy], [0, 0, 1]], fx > 0"
            )
        if not (0.0 < k[0, 2] < width and 0.0 < k[1, 2] < height):
            raise self._error(
                "camera_matrix",
                k.tolist(),
                f"has its principal point outside of {width}x{height} pixels; "
                "was it made for another size?",
            )
        return CameraIntrinsics(
            width, height, k[0, 0], k[1, 1], k[0, 2], k[1, 2], self._distortion()
        )

    def _distortion(self) -> Float64:
        model = self._content.get("distortion_model", self._content.get("camera_model"))
        if model not in _MODELS:
            raise self._error("distortion_model", model, f"must be one of {', '.join(_MODELS)}")
        block = self._content.get("distortion_coefficients")
        values = block.get("data") if isinstance(block, dict) else None
        numbers = self._numbers("distortion_coefficients", values)
        if len(numbers) not in _MODELS[model]:
            wanted = " or ".join(str(count) for count in _MODELS[model])
            raise self._error(
                "distortion_coefficients", numbers.tolist(), f"must be {wanted} numbers for {model}"
            )
        return numbers if numbers.any() else np.zeros(0)

    def _size(self, key: str) -> int:
        value = self._content.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
            raise self._error(key, value, "must be a positive number of pixels")
        return value

    def _matrix(self, key: str, rows: int, columns: int) -> Float64:
        block = self._content.get(key)
        values = block.get("data") if isinstance(block, dict) else None
        numbers = self._numbers(key, values)
        if len(numbers) != rows * columns:
            raise self._error(key, values, f"must hold {rows * columns} numbers under 'data'")
        return numbers.reshape(rows, columns)

    def _numbers(self, key: str, values: Any) -> Float64:
        try:
            numbers = np.array(values, np.float64).ravel()
        except (TypeError, ValueError) as error:
            raise self._error(key, values, "must hold numbers under 'data'") from error
        if values is None or not np.isfinite(numbers).all():
            raise self._error(key, values, "must hold finite numbers under 'data'")
        return numbers

    def _error(self, key: str, value: object, fix: str) -> SourceError:
        return SourceError(f"'{key}' of {self._path}", value, fix)
