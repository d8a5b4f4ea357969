from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from small_scene import SMALL

from gait_reid_sim.core.playback.radar_feed import NOISE_DB, RadarFeed, radar_profile
from gait_reid_sim.core.scene.scenario import read_scenario
from gait_reid_sim.core.scene.simulation import Simulation
from gait_reid_sim.core.sensors.radar import RADAR_PROFILES
from ti_mmwave_driver.core.profile import Profile, parse_profile

CONFIG = Path(__file__).resolve().parents[3] / "ti_mmwave_driver/config/mission_isk.cfg"


def profile_with(**replaced: str) -> Profile:
    """Return the room's profile with some commands replaced."""
    text = CONFIG.read_text()
    for name, line in replaced.items():
        kept = [old for old in text.splitlines() if not old.startswith(f"{name} ")]
        text = "\n".join([*kept[:-1], *(line.split(";") if line else []), kept[-1]])
    return parse_profile(text, "changed")


def test_the_rooms_profile_is_what_the_simulator_calls_gait() -> None:
    made, gait = radar_profile(profile_with()), RADAR_PROFILES["gait"]
    for one in fields(gait):
        if one.name != "max_points":
            assert getattr(made, one.name) == pytest.approx(getattr(gait, one.name), rel=3e-3)
    # 83.3 ms of a data port at 921600 baud, 20 bytes per point.
    assert made.max_points == 377


@pytest.mark.parametrize(
    ("changed", "field", "value"),
    [
        ({"frameCfg": "frameCfg 0 2 32 0 50 1 0"}, "rate_hz", 20.0),
        ({"frameCfg": "frameCfg 0 2 64 0 100 1 0"}, "doppler_resolution_m_s", 0.07227),
        ({"frameCfg": "frameCfg 0 2 64 0 100 1 0"}, "snr_1m2_1m_db", 73.01),
        ({"frameCfg": "frameCfg 0 2 64 0 100 1 0"}, "active_s", 0.0334),
        ({"cfarFovCfg": "cfarFovCfg -1 0 0.25 5.5;cfarFovCfg -1 1 -2.3 2.3"}, "max_range_m", 5.5),
        ({"cfarCfg": "cfarCfg -1 0 2 8 4 3 0 20.0 0;cfarCfg -1 1 0 4 2 3 1 15.0 0"},
         "threshold_db", 17.0),
        ({"configDataPort": "configDataPort 115200 0"}, "max_points", 41),
    ],
)  # fmt: skip
def test_the_profile_decides(changed: dict[str, str], field: str, value: float) -> None:
    assert getattr(radar_profile(profile_with(**changed)), field) == pytest.approx(value, rel=2e-3)


def test_a_profile_without_a_frame_is_refused() -> None:
    with pytest.raises(ValueError, match="changed has no complete frame"):
        radar_profile(profile_with(frameCfg=""))


def test_points_lie_on_the_profiles_bins_around_the_people() -> None:
    simulation = Simulation(read_scenario(SMALL))
    profile = profile_with(frameCfg="frameCfg 0 2 64 0 100 1 0")
    feed = RadarFeed(simulation, "radar", lambda: profile, lambda: 0.5)
    points = feed(1, 12.0)
    assert len(points) > 10
    made = radar_profile(profile)
    bins = np.linalg.norm(points.xyz, axis=1) / made.range_resolution_m
    # False points and reflections lie anywhere.
    assert np.mean(np.abs(bins - np.rint(bins)) < 1e-3) > 0.7
    steps = points.velocity / made.doppler_resolution_m_s
    assert np.abs(steps - np.rint(steps)).max() < 1e-3
    assert (points.noise_db == NOISE_DB).all()
    people = np.array([actor.position(0.5)[:2] for actor in simulation.actors])
    near = np.linalg.norm(points.xyz[:, None, :2] - people, axis=2).min(axis=1)
    assert np.mean(near < 0.9) > 0.7


def test_time_follows_the_boards_own_and_begins_anew_with_it() -> None:
    simulation = Simulation(read_scenario(SMALL))
    now_s: list[float | None] = [0.2]
    profile = profile_with()
    feed = RadarFeed(simulation, "radar", lambda: profile, lambda: now_s[0])
    first = feed(1, 5.0)
    now_s[0] = 0.37  # asked late: what is seen is that of 0.1 s after the first
    second = feed(2, 5.1)
    alike = RadarFeed(simulation, "radar", lambda: profile, lambda: 0.3)
    alike(1, 9.0)
    assert not np.array_equal(first.table, second.table)
    assert np.array_equal(alike(2, 9.0).table, second.table)
    now_s[0] = None
    assert len(feed(3, 5.2)) == 0


def test_a_broken_profile_costs_points_and_not_the_board(caplog: pytest.LogCaptureFixture) -> None:
    simulation = Simulation(read_scenario(SMALL))
    feed = RadarFeed(simulation, "radar", lambda: profile_with(frameCfg=""), lambda: 0.5)
    assert len(feed(1, 0.1)) == 0
    assert "no complete frame" in caplog.text
