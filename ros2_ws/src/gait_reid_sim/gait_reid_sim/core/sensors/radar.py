"""IWR6843: range, Doppler and angle of people who move, as the out-of-box firmware reports them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from gait_reid.core.geometry import Pose
from gait_reid.core.types import Float64, Int32, PointCloud
from gait_reid_sim.core.scene.actor import Actor
from gait_reid_sim.core.sensors.radar_cube import (
    ANTENNAS,
    AZIMUTH_ANTENNAS,
    FIRST_RAISED,
    add_scatterers,
    detect,
)

GHOST = -1
PERSON_CROSS_SECTION_M2 = 0.3
"""Mean radar cross-section of a person at 60 GHz."""
ANGLE_BINS = 64


@dataclass(frozen=True)
class RadarProfile:
    """What a chirp and frame configuration achieves.

    Attributes:
        range_resolution_m: Width of a range bin.
        range_bins: Number of range bins.
        doppler_resolution_m_s: Width of a Doppler bin.
        doppler_bins: Number of Doppler bins.
        max_range_m: Farthest range that is reported.
        wavelength_m: At the middle of the sweep.
        active_s: Duration of the chirps of a frame.
        rate_hz: Frames per second.
        snr_1m2_1m_db: Signal to noise of one square metre at one metre, one antenna, after both
            transforms.
        threshold_db: Of the detector, over its surroundings.
        max_points: Points per frame that the firmware reports at most.
        ghosts: Mean number of false points per frame.
    """

    range_resolution_m: float = 0.04695
    range_bins: int = 256
    doppler_resolution_m_s: float = 0.1445
    doppler_bins: int = 32
    max_range_m: float = 9.6
    wavelength_m: float = 0.00484
    active_s: float = 0.0167
    rate_hz: float = 10.0
    snr_1m2_1m_db: float = 70.0
    threshold_db: float = 12.0
    max_points: int = 96
    ghosts: float = 0.6

    def __post_init__(self) -> None:
        for name in ("range_resolution_m", "doppler_resolution_m_s", "rate_hz", "max_range_m"):
            if not getattr(self, name) > 0.0:
                raise ValueError(f"RadarProfile.{name} is {getattr(self, name)}, expected > 0")
        if self.max_range_m > self.range_bins * self.range_resolution_m:
            raise ValueError(
                f"RadarProfile.max_range_m is {self.max_range_m}, but {self.range_bins} bins of "
                f"{self.range_resolution_m} m end at {self.range_bins * self.range_resolution_m:g}"
            )


RADAR_PROFILES = {
    "gait": RadarProfile(),
    "fast": RadarProfile(doppler_resolution_m_s=0.811, active_s=0.003),
    "long": RadarProfile(
        range_resolution_m=0.25, doppler_resolution_m_s=0.09, doppler_bins=64, max_range_m=55.0,
        active_s=0.027, snr_1m2_1m_db=95.0,
    ),
}  # fmt: skip
"""Profiles by name: the room, the paper's own timing, and a coarse one for streets."""


@dataclass(frozen=True)
class RadarFrame:
    """One frame.

    Attributes:
        cloud: Points in the sensor's frame; intensity and snr are dB over the noise.
        owner: (n,) int32, row of the actor whose body is nearest, `GHOST` for none.
    """

    cloud: PointCloud
    owner: Int32


@dataclass
class Radar:
    """One mounted radar.

    Attributes:
        profile: Resolution and sensitivity.
        pose: Sensor in the fixed frame, x along the boresight.
        frame_id: Name of the sensor's frame.
        multipath: Chance per frame and person of a copy behind a reflecting wall.
    """

    profile: RadarProfile
    pose: Pose
    frame_id: str = "radar"
    multipath: float = 0.12
    _inverse: Pose = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._inverse = self.pose.inverse()

    def measure(
        self, actors: Sequence[Actor], time_s: float, rng: np.random.Generator
    ) -> RadarFrame:
        """Measure one frame around ``time_s``; people who stand still are clutter and vanish."""
        points, owners = [np.zeros((0, 5))], [np.zeros(0, np.int32)]
        for row, actor in enumerate(actors):
            if not actor.present(time_s):
                continue
            found = self._person(actor, time_s, rng)
            if len(found) and rng.random() < self.multipath:
                copy = found[rng.random(len(found)) < 0.3]
                points.append(self._mirrored(copy, rng))
                owners.append(np.full(len(copy), GHOST, np.int32))
            points.append(found)
            owners.append(np.full(len(found), row, np.int32))
        ghosts = self._ghosts(rng)
        points.append(ghosts)
        owners.append(np.full(len(ghosts), GHOST, np.int32))
        return self._frame(np.concatenate(points), np.concatenate(owners), time_s)

    def _person(self, actor: Actor, time_s: float, rng: np.random.Generator) -> Float64:
        """Return (k, 5) x, y, z, velocity and SNR of one person's points."""
        profile = self.profile
        echoes = self._echoes(actor, time_s, rng)
        if echoes is None:
            return np.zeros((0, 5))
        reach, speed, amplitude, sines = echoes
        bins = reach / profile.range_resolution_m
        first = int(bins.min()) - 14
        shape = (int(bins.max()) + 15 - first, profile.doppler_bins, ANTENNAS)
        noise = rng.standard_normal((*shape, 2))
        cube = np.sqrt(0.5) * (noise[..., 0] + 1j * noise[..., 1])
        doppler = speed / profile.doppler_resolution_m_s
        add_scatterers(bins, doppler, amplitude, sines[:, 0], sines[:, 1], first, cube)
        power = (cube.real**2 + cube.imag**2).sum(axis=2)
        cells = detect(power, 10.0 ** (0.1 * profile.threshold_db), 4, 8)
        cells = cells[(cells[:, 1] != 0) & (power[cells[:, 0], cells[:, 1]] > 2.2 * ANTENNAS)]
        return self._locate(cells, cube, power, first)

    def _echoes(
        self, actor: Actor, time_s: float, rng: np.random.Generator
    ) -> tuple[Float64, Float64, np.ndarray, Float64] | None:
        """Return range, radial velocity, complex amplitude and direction sines of scatterers."""
        profile = self.profile
        at, velocity, normal = actor.scatterer_states(time_s, max(profile.active_s, 0.01))
        local = self._inverse.apply(at)
        reach = np.linalg.norm(local, axis=1)
        if reach.min() > profile.max_range_m or local[:, 0].mean() < 0.2:
            return None
        sight = local / reach[:, None]
        speed = (self._inverse.rotate(velocity) * sight).sum(axis=1)
        facing = np.maximum(-(self._inverse.rotate(normal) * sight).sum(axis=1), 0.0)
        _, share = actor.scatterers
        # The cross-section of a facet falls with the square of its slope; a quarter is facing.
        section = PERSON_CROSS_SECTION_M2 * share * 4.0 * facing**2
        size = (actor.body.shape.stature_m / 1.7) ** 2
        pattern = np.maximum(sight[:, 0], 0.0) ** 3
        gain = 10.0 ** (0.1 * profile.snr_1m2_1m_db)
        power = gain * size * section * pattern / reach**4 * rng.exponential(1.0, len(reach))
        phase = rng.uniform(0.0, 2.0 * np.pi, len(reach))
        amplitude = np.sqrt(power) * np.exp(1j * phase)
        seen = power > 1e-3
        return reach[seen], speed[seen], amplitude[seen], -sight[seen, 1:] * (1.0, -1.0)

    def _locate(self, cells: np.ndarray, cube: np.ndarray, power: Float64, first: int) -> Float64:
        """Return (k, 5) points of detected cells; a second angle at half the power is reported."""
        if not len(cells):
            return np.zeros((0, 5))
        profile = self.profile
        snapshots = cube[cells[:, 0], cells[:, 1]]
        spectrum = np.abs(np.fft.fft(snapshots[:, :AZIMUTH_ANTENNAS], ANGLE_BINS, axis=1)) ** 2
        peaks = (spectrum > np.roll(spectrum, 1, 1)) & (spectrum >= np.roll(spectrum, -1, 1))
        peaks &= spectrum > 0.5 * spectrum.max(axis=1, keepdims=True)
        index, angle = np.nonzero(peaks)
        step = np.where(angle < ANGLE_BINS // 2, angle, angle - ANGLE_BINS)
        sine_az = 2.0 * step / ANGLE_BINS
        raised = slice(FIRST_RAISED, FIRST_RAISED + ANTENNAS - AZIMUTH_ANTENNAS)
        product = snapshots[:, AZIMUTH_ANTENNAS:] * np.conj(snapshots[:, raised])
        sine_el = np.angle(product.sum(axis=1))[index] / np.pi
        reach = (first + cells[index, 0]) * profile.range_resolution_m
        bins = cells[index, 1]
        signed = np.where(bins < profile.doppler_bins // 2, bins, bins - profile.doppler_bins)
        snr = 10.0 * np.log10(power[cells[index, 0], cells[index, 1]] / ANTENNAS)
        forward2 = 1.0 - sine_az**2 - sine_el**2
        good = (forward2 > 0.0) & (reach > 0.2) & (reach < profile.max_range_m)
        columns = [reach * np.sqrt(np.maximum(forward2, 0.0)), -reach * sine_az, reach * sine_el]
        columns += [signed * profile.doppler_resolution_m_s, snr]
        return np.column_stack(columns)[good]

    def _mirrored(self, points: Float64, rng: np.random.Generator) -> Float64:
        """Return points seen a second time, by way of a wall."""
        reach = np.linalg.norm(points[:, :3], axis=1)
        longer = reach + rng.uniform(0.4, 2.5)
        turn = rng.normal(0.0, 0.25)
        c, s = np.cos(turn), np.sin(turn)
        out = points.copy()
        x, y = points[:, 0], points[:, 1]
        out[:, 0], out[:, 1] = c * x - s * y, s * x + c * y
        out[:, :3] *= (longer / np.maximum(reach, 0.1))[:, None]
        out[:, 4] -= rng.uniform(4.0, 9.0)
        return out

    def _ghosts(self, rng: np.random.Generator) -> Float64:
        count, profile = int(rng.poisson(self.profile.ghosts)), self.profile
        reach, azimuth = rng.uniform(0.3, profile.max_range_m, count), rng.uniform(-0.9, 0.9, count)
        elevation = rng.uniform(-0.4, 0.4, count)
        level = reach * np.cos(elevation)
        half = profile.doppler_bins // 2
        speed = rng.integers(-half, half, count) * profile.doppler_resolution_m_s
        snr = profile.threshold_db + rng.exponential(1.5, count)
        columns = [level * np.cos(azimuth), level * np.sin(azimuth), reach * np.sin(elevation)]
        return np.column_stack([*columns, speed, snr])

    def _frame(self, points: Float64, owners: Int32, time_s: float) -> RadarFrame:
        if len(points) > self.profile.max_points:
            strongest = np.sort(np.argsort(-points[:, 4])[: self.profile.max_points])
            points, owners = points[strongest], owners[strongest]
        table = points.astype(np.float32)
        cloud = PointCloud(
            round((time_s + 0.5 * self.profile.active_s) * 1e9),
            self.frame_id, np.ascontiguousarray(table[:, :3]), table[:, 4].copy(),
            table[:, 3].copy(), table[:, 4].copy(),
        )  # fmt: skip
        return RadarFrame(cloud, owners)
