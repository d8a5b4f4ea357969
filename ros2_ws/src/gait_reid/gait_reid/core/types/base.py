"""Array types, flags and shape checks that the nouns are made of."""

from __future__ import annotations

import enum

import numpy as np
import numpy.typing as npt

Float16 = npt.NDArray[np.float16]
Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]
UInt8 = npt.NDArray[np.uint8]


class Modality(enum.IntFlag):
    """Which sensors contributed; combined with ``|``."""

    NONE = 0
    CAMERA = 1
    LIDAR = 2
    RADAR = 4

    def describe(self) -> str:
        """Return for example ``"camera+lidar"``, or ``"none"``."""
        names = [
            m.name.lower()
            for m in (Modality.CAMERA, Modality.LIDAR, Modality.RADAR)
            if m & self and m.name
        ]
        return "+".join(names) or "none"


class TrackState(enum.IntEnum):
    """Life of a track."""

    TENTATIVE = 0
    CONFIRMED = 1
    LOST = 2


class Decision(enum.IntEnum):
    """Open-set answer about one track."""

    UNKNOWN = 0
    CANDIDATE = 1
    CONFIRMED = 2


class Reason(enum.IntEnum):
    """Why nobody is named."""

    NONE = 0
    TOO_SHORT = 1
    NO_RECORDS = 2
    OTHER_MODEL = 3
    NOT_COMPARED = 4
    NOT_WALKING = 5
    STRANGER = 6


def check_shape(name: str, array: object, shape: tuple[int | None, ...]) -> None:
    """Raise ValueError unless ``array`` is a numpy array of ``shape`` (None: any size)."""
    if isinstance(array, np.ndarray) and array.shape == shape:
        return
    actual = array.shape if isinstance(array, np.ndarray) else type(array).__name__
    # Every noun of every frame passes here, nearly always with the very shape.
    if actual == shape:
        return
    if (
        not isinstance(array, np.ndarray)
        or len(array.shape) != len(shape)
        or any(want is not None and want != got for want, got in zip(shape, array.shape))
    ):
        wanted = ", ".join("n" if size is None else str(size) for size in shape)
        raise ValueError(f"{name} is {actual}, expected an array of shape ({wanted})")
