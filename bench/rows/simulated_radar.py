"""One simulated radar frame of a person, against the transforms of a real frame."""

from __future__ import annotations

import numpy as np
from scipy import fft

from bench.environment import version_of
from bench.harness import Benchmark, Case, timed
from bench.simulation.simulated import walk
from gait_reid.core.geometry import Pose
from gait_reid_sim.core.sensors.radar import ANGLE_BINS, RADAR_PROFILES, Radar
from gait_reid_sim.core.sensors.radar_cube import ANTENNAS

RANGE_M = 4.0


def build() -> Case:
    """Prepare a person and the raw samples that such a frame consists of."""
    actor = walk("bench", (RANGE_M, -2.0), (RANGE_M, 2.0))
    profile = RADAR_PROFILES["gait"]
    radar = Radar(profile, Pose.from_xyz_rpy(0.0, 0.0, 1.2, 0.0, 0.0, 0.0))
    moment = 0.5 * actor.leave_s
    rng = np.random.default_rng(0)
    shape = (profile.range_bins, profile.doppler_bins, ANTENNAS)
    raw = (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(np.complex64)
    if len(radar.measure([actor], moment, rng).cloud.xyz) < 3:
        raise RuntimeError("the radar sees nobody")

    def simulate() -> object:
        return radar.measure([actor], moment, np.random.default_rng(0))

    def transform() -> object:
        return fft.fft(fft.fft2(raw, axes=(0, 1)), ANGLE_BINS, axis=2)

    size = " x ".join(map(str, shape))
    return Case(
        f"one frame of the room profile: {size} samples (range, Doppler, antenna)",
        timed("Radar.measure, only the cells around the person", simulate),
        (
            timed(
                "range, Doppler and angle FFT of the frame, scipy", transform, version_of("scipy")
            ),
        ),
    )


BENCHMARK = Benchmark("simulated_radar", "Simulated radar frame, one person", build, rounds=9)
