"""Which pictures of people are of use to a network."""

from __future__ import annotations

from typing import Protocol

from gait_reid.core.types import CropQuality


class PictureLimits(Protocol):
    """Limits of usable pictures, as encoders have them among their parameters."""

    @property
    def min_pixel_height(self) -> float:
        """Least height of a person, pixels."""

    @property
    def max_truncation(self) -> float:
        """Largest part beyond the picture's edge."""

    @property
    def max_occlusion(self) -> float:
        """Largest part hidden by nearer people."""


def picture_fault(quality: CropQuality, limits: PictureLimits) -> str:
    """Return why a picture is of no use; empty where it is of use."""
    for reason, bad in (
        ("picture too small", quality.pixel_height < limits.min_pixel_height),
        ("picture cut by the edge", quality.truncation > limits.max_truncation),
        ("picture hidden by others", quality.occlusion > limits.max_occlusion),
    ):
        if bad:
            return reason
    return ""
