"""Light and weather."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gait_reid.core.types import Float64
from gait_reid_common.parameters import param, validate


@dataclass(frozen=True)
class Weather:
    """What is in the air."""

    rain_mm_h: float = param(0.0, "Rain rate", "mm/h", minimum=0.0, maximum=150.0)
    visibility_m: float = param(20000.0, "Meteorological visibility in fog", "m", minimum=5.0)

    def __post_init__(self) -> None:
        validate(self)

    @property
    def lidar_extinction_per_m(self) -> float:
        """Extinction at LiDAR wavelengths.

        Rain: Goodin et al. (Electronics 8(1), 2019), 0.01 R^0.6 per metre; fog: Koschmieder's law.
        """
        fog = 3.912 / self.visibility_m if self.visibility_m < 10000.0 else 0.0
        return 0.01 * self.rain_mm_h**0.6 * (self.rain_mm_h > 0.0) + fog

    @property
    def light_extinction_per_m(self) -> float:
        """Extinction of visible light, for the contrast of distant things."""
        fog = 3.912 / self.visibility_m
        return fog + 2.9e-4 * self.rain_mm_h**0.63 * (self.rain_mm_h > 0.0)


@dataclass(frozen=True)
class Light:
    """Illumination of a scene."""

    sun_lux: float = param(60000.0, "Directed light on a surface facing it", "lx", minimum=0.0)
    sky_lux: float = param(15000.0, "Diffuse light on a horizontal surface", "lx", minimum=0.0)
    sun_azimuth_deg: float = param(-120.0, "Where the directed light comes from", "deg")
    sun_elevation_deg: float = param(40.0, "Its height", "deg", minimum=1.0, maximum=90.0)
    warmth: float = param(0.1, "Colour of the directed light, 0 white to 1 sodium", maximum=1.0)

    def __post_init__(self) -> None:
        validate(self)

    @property
    def sun_direction(self) -> Float64:
        """(3,) unit vector towards the directed light."""
        azimuth, elevation = np.deg2rad([self.sun_azimuth_deg, self.sun_elevation_deg])
        return np.array(
            [
                np.cos(azimuth) * np.cos(elevation),
                np.sin(azimuth) * np.cos(elevation),
                np.sin(elevation),
            ]
        )

    def relative(self) -> Float64:
        """Return (3, 3): direction, RGB of the directed and of the diffuse light, in kilolux."""
        warm = np.array([1.0, 1.0 - 0.35 * self.warmth, 1.0 - 0.8 * self.warmth])
        cool = np.array([0.93, 0.98, 1.05])
        return np.array(
            [self.sun_direction, 1e-3 * self.sun_lux * warm, 1e-3 * self.sky_lux * cool]
        )


LIGHTS = {
    "day": {},
    "overcast": {"sun_lux": 1000.0, "sky_lux": 12000.0},
    "indoor": {"sun_lux": 250.0, "sky_lux": 200.0, "sun_elevation_deg": 75.0, "warmth": 0.25},
    "dusk": {"sun_lux": 60.0, "sky_lux": 120.0, "sun_elevation_deg": 8.0, "warmth": 0.5},
    "night": {"sun_lux": 3.0, "sky_lux": 0.6, "sun_elevation_deg": 65.0, "warmth": 0.8},
}
"""Settings of `Light` by name."""
