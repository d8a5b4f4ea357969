"""Simulated radar frames in the terms of the radar's driver, and as the scene of its emulator."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable

import numpy as np

from gait_reid.core.types import PointCloud
from gait_reid_sim.core.person import seed_of
from gait_reid_sim.core.scene.simulation import Simulation
from gait_reid_sim.core.sensors.radar import RADAR_PROFILES, Radar, RadarProfile
from ti_mmwave_driver.core.design import applies_to, data_port_baud, frame_designs
from ti_mmwave_driver.core.profile import Profile
from ti_mmwave_driver.core.types import RadarPoints
from ti_mmwave_driver.core.uart import most_points

NOISE_DB = 55.0
"""Noise level of every point: the simulation knows the ratio only."""

_REFERENCE = RADAR_PROFILES["gait"]
_REFERENCE_SAMPLING_US = 32 * 20.48
"""Time in which the reference samples for each transmitter, per frame."""
_REFERENCE_CFAR_DB = 15.0
_RANGE_DIRECTION, _THRESHOLD, _FARTHEST = 0, 7, 3
"""Procedure direction, and places of arguments, of cfarCfg and cfarFovCfg (SDK 3.5 user guide)."""


def radar_points(cloud: PointCloud) -> RadarPoints:
    """Return the points of a simulated frame as the firmware reports them."""
    unknown = np.full(len(cloud), np.nan, np.float32)
    velocity = unknown if cloud.velocity is None else cloud.velocity
    snr = unknown if cloud.snr is None else cloud.snr
    return RadarPoints.from_columns(cloud.xyz, velocity, snr, NOISE_DB)


def radar_profile(profile: Profile) -> RadarProfile:
    """Return what a driver's profile makes of the simulated radar.

    Sensitivity is that of the simulator's profile ``gait``, which is tuned to recorded numbers of
    points, changed by what the profile changes: the time it samples and its detection threshold.

    Raises:
        ValueError: The profile has no complete frame.
    """
    frames = [frame for frame in frame_designs(profile) if frame.design.is_complete]
    if not frames:
        raise ValueError(f"radar profile {profile.name} has no complete frame, nothing is measured")
    frame, design = frames[0], frames[0].design
    sampling_us = design.loops * design.sampling_us
    return RadarProfile(
        range_resolution_m=design.max_range_m / design.range_bins,
        range_bins=design.range_bins,
        doppler_resolution_m_s=2.0 * design.max_velocity_m_s / design.doppler_bins,
        doppler_bins=design.doppler_bins,
        max_range_m=min(design.usable_range_m, _limit(profile, frame.subframe)),
        wavelength_m=design.wavelength_m,
        active_s=design.active_ms * 1e-3,
        rate_hz=1e3 / design.period_ms,
        snr_1m2_1m_db=_REFERENCE.snr_1m2_1m_db
        + 10.0 * math.log10(sampling_us / _REFERENCE_SAMPLING_US),
        threshold_db=_REFERENCE.threshold_db
        + _threshold_db(profile, frame.subframe)
        - _REFERENCE_CFAR_DB,
        max_points=max(most_points(design, frame.output, data_port_baud(profile)), 0),
        ghosts=_REFERENCE.ghosts,
    )


def _limit(profile: Profile, subframe: int) -> float:
    """Return the farthest range that the profile asks for."""
    return _argument(profile, "cfarFovCfg", subframe, _FARTHEST, math.inf)


def _threshold_db(profile: Profile, subframe: int) -> float:
    return _argument(profile, "cfarCfg", subframe, _THRESHOLD, _REFERENCE_CFAR_DB)


def _argument(profile: Profile, name: str, subframe: int, index: int, default: float) -> float:
    for command in profile.all(name):
        if applies_to(command, subframe) and command.integer(1) == _RANGE_DIRECTION:
            return command.number(index)
    return default


class RadarFeed:
    """What an emulated board sees of a scenario: a `ti_mmwave_driver.emulator.scene.Scene`.

    Args:
        simulation: The scenario.
        sensor: Name of the radar in it; its own profile is not used.
        configured: Returns the profile that the board was started with.
        scene_s: Returns the scene's time, None while there is none.
    """

    def __init__(
        self,
        simulation: Simulation,
        sensor: str,
        configured: Callable[[], Profile | None],
        scene_s: Callable[[], float | None],
    ) -> None:
        self._simulation, self._sensor = simulation, sensor
        self._configured, self._scene_s = configured, scene_s
        self._profile: Profile | None = None
        self._radar: Radar | None = None
        self._shift_s: float | None = None

    def __call__(self, frame_number: int, time_s: float) -> RadarPoints:
        """Return the points of one frame; an error costs the frame's points only."""
        try:
            return self._points(frame_number, time_s)
        except Exception:
            logging.getLogger(__name__).exception("the emulated radar sees nothing")
            return RadarPoints.empty()

    def _points(self, frame_number: int, time_s: float) -> RadarPoints:
        radar, now_s = self._prepared(), self._scene_s()
        if frame_number == 1 or now_s is None:
            self._shift_s = None
        if radar is None or now_s is None:
            return RadarPoints.empty()
        # The board's own time is even; the moment at which it asks is not.
        if self._shift_s is None:
            self._shift_s = now_s - time_s
        scenario = self._simulation.scenario
        seed = seed_of("emulated", scenario.seed, scenario.name, self._sensor, frame_number)
        moment_s = (time_s + self._shift_s) % scenario.duration_s
        frame = radar.measure(self._simulation.actors, moment_s, np.random.default_rng(seed))
        return radar_points(frame.cloud)

    def _prepared(self) -> Radar | None:
        profile = self._configured()
        if profile is not self._profile:
            self._profile, self._radar = profile, None
            if profile is not None:
                plan = next(p for p in self._simulation.scenario.sensors if p.name == self._sensor)
                self._radar = Radar(radar_profile(profile), plan.mount, self._sensor)
        return self._radar
