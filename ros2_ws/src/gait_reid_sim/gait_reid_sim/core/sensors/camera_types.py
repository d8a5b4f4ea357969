"""A camera's settings, and what comes out of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gait_reid.core.types import CameraFrame, CameraIntrinsics, Float64
from gait_reid_common.parameters import param, validate

Window = tuple[int, int, int, int]
"""x, y, width, height in pixels of the picture."""


@dataclass(frozen=True)
class CameraConfig:
    """A camera without its mounting."""

    width: int = param(1280, "Picture width", "px", minimum=16, maximum=8192)
    height: int = param(720, "Picture height", "px", minimum=16, maximum=8192)
    horizontal_fov_deg: float = param(60.0, "Field of view", "deg", minimum=5.0, maximum=150.0)
    rate_hz: float = param(15.0, "Pictures per second", "Hz", minimum=0.5, maximum=120.0)
    longest_exposure_ms: float = param(
        20.0, "Limit of the automatic exposure", "ms", minimum=0.05, maximum=200.0
    )
    blur_px: float = param(0.45, "Standard deviation of the optics' blur", "px", minimum=0.0)
    jpeg_quality: int = param(0, "JPEG compression, 0: none", minimum=0, maximum=100)
    samples: int = param(2, "Samples per pixel and axis on near people", minimum=1, maximum=4)

    def __post_init__(self) -> None:
        validate(self)

    @property
    def intrinsics(self) -> CameraIntrinsics:
        """Camera model without distortion."""
        return CameraIntrinsics.from_field_of_view(
            self.width, self.height, float(np.deg2rad(self.horizontal_fov_deg))
        )


@dataclass(frozen=True)
class Sight:
    """How one person appears in a picture.

    Attributes:
        actor: Row in the list of actors.
        roi: (4,) float64 pixels x, y, width, height of the visible silhouette's box; NaN when
            nothing is visible.
        pixels: Pixels that show the person.
        visible: Share of the person's own silhouette that nobody and nothing covers, [0, 1].
        inside: Share of the person's box that lies in the picture, [0, 1].
    """

    actor: int
    roi: Float64
    pixels: int
    visible: float
    inside: float


@dataclass(frozen=True)
class Exposed:
    """A picture and what is in it.

    Attributes:
        frame: The picture.
        silhouettes: (h, w) int16, row of the actor seen at each pixel, -1 for none.
        sights: One for each actor whose body is at least partly inside the picture.
        window: Where the picture lies in the camera's full picture.
    """

    frame: CameraFrame
    silhouettes: npt.NDArray[np.int16]
    sights: tuple[Sight, ...]
    window: Window
