"""From radar crops to what Mission takes; training and run time both come through here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from gait_reid.core.network_input import STATE_SIZE
from gait_reid.core.network_points import choose_rows, person_points, walk_frames
from gait_reid.core.types import Float32, PersonCrop, check_shape
from gait_reid_common.parameters import param, validate

VERSION = 2
"""Changes whenever the same crops give other inputs."""
CHANNELS = 5


@dataclass(frozen=True)
class RadarInputConfig:
    """Sizes and limits of what networks take of a radar."""

    num_points: int = param(64, "Radar points of a frame", "", 4, 1024)
    min_height_m: float = param(
        -0.5, "Lower points are not the person's; a radar tells heights badly", "m", -2.0, 1.0
    )
    max_height_m: float = param(2.5, "Higher points are not the person's", "m", 1.0, 4.0)
    max_radius_m: float = param(1.0, "Farther points are not the person's", "m", 0.3, 3.0)
    min_speed_m_s: float = param(
        0.3, "Slower people have no direction of walking; towards the sensor is taken", "m/s", 0.0
    )
    snr_scale_db: float = param(30.0, "Signal-to-noise ratio that counts as 1", "dB", 1e-3)

    def __post_init__(self) -> None:
        validate(self)


@dataclass(frozen=True)
class RadarFrameInputs:
    """M radar frames of people.

    Attributes:
        points: (M, N, 5) float; x along the walk, y to its left, z up from the ground below the
            person, metres; radial velocity, m/s, positive away from the sensor; signal-to-noise
            ratio in units of 30 dB. 0 on padding.
        point_mask: (M, N) bool, False on padding.
        state: (M, 4) float32; view, speed and range, see `FrameInputs`.
    """

    points: npt.NDArray[np.floating]
    point_mask: npt.NDArray[np.bool_]
    state: Float32

    def __post_init__(self) -> None:
        m, n = self.point_mask.shape
        check_shape("RadarFrameInputs.points", self.points, (m, n, CHANNELS))
        check_shape("RadarFrameInputs.state", self.state, (m, STATE_SIZE))

    def __len__(self) -> int:
        return len(self.points)

    def at(self, rows: npt.ArrayLike) -> RadarFrameInputs:
        """Return some of the frames."""
        return RadarFrameInputs(**{one.name: getattr(self, one.name)[rows] for one in fields(self)})

    @classmethod
    def empty(cls, config: RadarInputConfig, count: int = 0) -> RadarFrameInputs:
        """Return frames without points."""
        shape = (count, config.num_points)
        return cls(
            np.zeros((*shape, CHANNELS), np.float32),
            np.zeros(shape, np.bool_),
            np.zeros((count, STATE_SIZE), np.float32),
        )


def prepare_radar(crops: Sequence[PersonCrop], config: RadarInputConfig) -> RadarFrameInputs:
    """Return what networks take of some crops of a radar, of one person or of many.

    Nothing is random: equal crops give equal inputs, and so does any order of the points.

    Args:
        crops: M crops; ``intensity`` is the signal-to-noise ratio in dB.
        config: Sizes and limits.
    """
    out = RadarFrameInputs.empty(config, len(crops))
    if not len(crops):
        return out
    frames = walk_frames(crops, config.min_speed_m_s)
    out.state[:] = frames.state
    heights = (config.min_height_m, config.max_height_m)
    points = person_points(crops, frames, heights, config.max_radius_m)
    speed = np.concatenate([np.zeros(0, np.float32), *(_velocity(crop) for crop in crops)])
    owner, slot, row = choose_rows(points.count, config.num_points)
    out.points[owner, slot, :3] = points.xyz[row]
    out.points[owner, slot, 3] = speed[points.source[row]]
    out.points[owner, slot, 4] = points.intensity[row] / config.snr_scale_db
    out.point_mask[owner, slot] = True
    return out


def _velocity(crop: PersonCrop) -> Float32:
    """Return the radial velocity of a crop's points."""
    if crop.points is None:
        return np.zeros(0, np.float32)
    if crop.point_velocity is None:
        return np.zeros(len(crop.points), np.float32)
    return np.where(np.isfinite(crop.point_velocity), crop.point_velocity, np.float32(0.0))
