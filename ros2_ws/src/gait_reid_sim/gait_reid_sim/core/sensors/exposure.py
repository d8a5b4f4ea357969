"""From light to picture: automatic exposure, blur, haze, noise, rain, tone curve, compression.

Noise follows the photon transfer model (EMVA 1288): its variance is that of the read noise plus a
part that grows with the signal; the gain that a dark scene needs multiplies both.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from gait_reid.core.compiled import compiled
from gait_reid.core.types import Float32, Float64, UInt8
from gait_reid_sim.core.scene.light import Light, Weather
from gait_reid_sim.core.sensors.camera_types import CameraConfig

FULL_WELL = 10000.0
"""Electrons at full scale and unit gain."""
READ_NOISE = 6.0
"""Electrons."""
KILOLUX_MS_AT_FULL_SCALE = 14.0
"""Illumination of a white surface times exposure that fills the well at f/2.8."""
SHORTEST_MS = 0.1
MIDDLE = 0.20
"""Linear value that the automatic exposure gives to a grey card of 18 percent."""


@lru_cache(maxsize=1)
def _noise_tile() -> Float32:
    return np.random.default_rng(3).standard_normal((512, 512, 3)).astype(np.float32)


@lru_cache(maxsize=1)
def _tone_curve() -> UInt8:
    """Return the sRGB transfer function in 4096 steps."""
    x = np.arange(4096) / 4095.0
    y = np.where(x <= 0.0031308, 12.92 * x, 1.055 * x ** (1 / 2.4) - 0.055)
    return np.round(255.0 * y).astype(np.uint8)


@compiled
def _develop(
    light: Float32, noise: Float32, row0: int, col0: int, read: np.float32, shot: np.float32,
    curve: UInt8, out: UInt8,
) -> None:  # fmt: skip
    height, width = light.shape[:2]
    mask = noise.shape[0] - 1
    top = np.float32(4095.0)
    for row in range(height):
        i = (row + row0) & mask
        for col in range(width):
            j = (col + col0) & mask
            for k in range(3):
                value = light[row, col, k]
                value += np.sqrt(read + shot * max(value, np.float32(0.0))) * noise[i, j, k]
                out[row, col, k] = curve[int(min(max(value * top, np.float32(0.0)), top))]


@dataclass(frozen=True)
class ImageChain:
    """What happens to the light of one scene in one camera.

    Attributes:
        exposure_ms: Chosen exposure.
        scale: Factor from kilolux of the drawn picture to the linear value.
        read_variance: Of the linear value.
        shot_variance: Of the linear value, per unit of the linear value.
        blur_px: Standard deviation of the optics' blur.
        haze_per_m: Extinction of light.
        haze: Linear value of the air's own light.
        rain: Rain rate, mm/h.
        jpeg_quality: 0: none.
    """

    exposure_ms: float
    scale: float
    read_variance: float
    shot_variance: float
    blur_px: float
    haze_per_m: float
    haze: float
    rain: float
    jpeg_quality: int

    @classmethod
    def of(cls, config: CameraConfig, light: Light, weather: Weather) -> ImageChain:
        """Expose for a grey card in the light of the scene."""
        directed = light.sun_lux * np.sin(np.deg2rad(light.sun_elevation_deg))
        kilolux = 1e-3 * max(0.6 * directed + light.sky_lux, 0.05)
        wanted_ms = MIDDLE / 0.18 * KILOLUX_MS_AT_FULL_SCALE / kilolux
        exposure = float(np.clip(wanted_ms, SHORTEST_MS, config.longest_exposure_ms))
        gain = max(wanted_ms / exposure, 1.0)
        # Nobody amplifies a night to a day: above 40 times the picture gets darker instead.
        gain = float(min(gain, 40.0 * (gain / 40.0) ** 0.35 if gain > 40.0 else gain))
        scale = gain * exposure / KILOLUX_MS_AT_FULL_SCALE
        return cls(
            exposure,
            scale,
            (READ_NOISE * gain / FULL_WELL) ** 2,
            gain / FULL_WELL,
            config.blur_px,
            weather.light_extinction_per_m,
            0.75 * kilolux * scale,
            weather.rain_mm_h,
            config.jpeg_quality,
        )

    def motion_kernel(self, pixels_per_s: Float64) -> Float32 | None:
        """Return the smear of the exposure as a kernel, or None below half a pixel."""
        smear = 1e-3 * self.exposure_ms * pixels_per_s
        length = float(np.hypot(*smear))
        if not 0.5 < length < 64.0:
            return None
        half = int(np.ceil(length / 2.0)) + 1
        kernel = np.zeros((2 * half + 1, 2 * half + 1), np.float32)
        for part in np.linspace(-0.5, 0.5, 4 * half + 1):
            x, y = half + part * smear[0], half + part * smear[1]
            i, j = int(y), int(x)
            fy, fx = y - i, x - j
            weights = np.outer([1 - fy, fy], [1 - fx, fx])
            patch = kernel[i : i + 2, j : j + 2]
            patch += weights[: patch.shape[0], : patch.shape[1]].astype(np.float32)
        return kernel / kernel.sum()

    def develop(self, image: Float32, depth: Float32, rng: np.random.Generator) -> UInt8:
        """Return the picture, (h, w, 3) uint8 BGR, of linear light in kilolux."""
        light = image * np.float32(self.scale)
        if self.haze_per_m > 4e-4:
            seen = np.exp(-self.haze_per_m * np.minimum(depth, 2000.0)).astype(np.float32)
            light = light * seen[..., None] + (self.haze * (1.0 - seen))[..., None]
        if self.rain > 0.0:
            light = light + self._streaks(light.shape[:2], rng)[..., None]
        if self.blur_px > 0.0:
            light = cv2.GaussianBlur(light, (0, 0), self.blur_px)
        out = np.empty(light.shape, np.uint8)
        row, col = (int(v) for v in rng.integers(512, size=2))
        light = np.ascontiguousarray(light, np.float32)
        _develop(
            light, _noise_tile(), row, col,
            np.float32(self.read_variance), np.float32(self.shot_variance),
            _tone_curve(), out,
        )  # fmt: skip
        if self.jpeg_quality:
            _, data = cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, self.jpeg_quality])
            out = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
        return out

    def _streaks(self, shape: tuple[int, int], rng: np.random.Generator) -> Float32:
        """Return the light of falling drops: bright lines as long as the exposure lets them be."""
        layer = np.zeros(shape, np.float32)
        count = int(self.rain * shape[0] * shape[1] / 18000.0)
        length = max(3, int(0.0022 * self.exposure_ms * shape[0]))
        for x, y, shine in zip(
            rng.integers(0, shape[1], count), rng.integers(0, shape[0], count), rng.random(count)
        ):
            end = (int(x) + length // 8, int(y) + length)
            cv2.line(layer, (int(x), int(y)), end, float(0.10 * self.haze * shine), 1)
        return cv2.GaussianBlur(layer, (0, 0), 0.7)
