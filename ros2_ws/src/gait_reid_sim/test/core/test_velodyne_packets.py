from __future__ import annotations

import numpy as np
import pytest
from small_scene import SMALL

from gait_reid.sensors.lidar import LidarScan
from gait_reid.sensors.velodyne import VelodyneDecoder
from gait_reid_sim.core.playback.velodyne import PACKET_BYTES, PRODUCTS, VelodyneEncoder
from gait_reid_sim.core.scene.scenario import read_scenario
from gait_reid_sim.core.scene.simulation import Simulation
from gait_reid_sim.core.sensors.beams import beam_table

pytest.importorskip("velodyne_decoder")

TURN_NS = 100_000_000
BEGIN_NS = 1_700_000_000 * 1_000_000_000
# The beams of a real sensor do not start in one point: its calibration shifts each laser's points
# by up to this along z, which the simulation does not.
LASER_OFFSET_M = {"vlp16": 0.0112, "hdl32": 0.0172, "vlp32c": 0.0195}


def simulation_of(beams: str) -> Simulation:
    return Simulation(read_scenario(SMALL.replace("vlp16", beams)))


def decoded(name: str, turns: tuple[int, ...]) -> tuple[list[np.ndarray], list[LidarScan]]:
    simulation = simulation_of(name)
    encoder = VelodyneEncoder(PRODUCTS[name], beam_table(name))
    decoder = VelodyneDecoder()
    scans, clouds = [], []
    for turn in turns:
        cloud = simulation.frame(simulation.scenario.sensors[0], turn).data
        clouds.append(np.column_stack([cloud.xyz, cloud.intensity]))
        for packet in encoder.encode(cloud, BEGIN_NS + turn * TURN_NS):
            assert len(packet.payload) == PACKET_BYTES
            scan = decoder.decode(packet.time_ns, packet.payload)
            if scan is not None:
                scans.append(scan)
    assert decoder.foreign == 0
    return clouds, scans


@pytest.mark.parametrize("name", PRODUCTS)
def test_packets_decode_to_the_points_that_were_simulated(name: str) -> None:
    clouds, scans = decoded(name, (0, 1, 2, 3))
    scan = scans[1]
    assert (scan.lost, scan.coverage) == (0, 1.0)
    assert abs(scan.host_ns - (BEGIN_NS + 2 * TURN_NS)) < 3_000_000
    # A packet may hold the end of one turn and the beginning of the next.
    assert abs(len(scan.xyz) - len(clouds[1])) < 0.01 * len(clouds[1])
    assert measured(scan.xyz)[:, 0].min() > 0.4
    wanted = np.concatenate(clouds)
    distance, row = nearest(wanted[:, :3], scan.xyz)
    unit_m = PRODUCTS[name].unit_m
    reach = np.linalg.norm(scan.xyz, axis=1)
    # Half a count of distance, half a count of azimuth at both ends, and the laser's offset.
    allowed = 0.5 * unit_m + np.deg2rad(0.01) * reach + LASER_OFFSET_M[name] + 0.002
    assert (distance < allowed).all()
    # The nearest point is now and then a neighbour of another turn, with another brightness.
    assert np.percentile(np.abs(scan.intensity - wanted[row, 3]), 99) <= 0.501


def measured(xyz: np.ndarray) -> np.ndarray:
    return np.linalg.norm(xyz, axis=1)[:, None]


def nearest(points: np.ndarray, queries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    from scipy.spatial import cKDTree

    return cKDTree(points).query(queries)


def test_azimuths_are_exact_to_a_hundredth_of_a_degree() -> None:
    clouds, scans = decoded("vlp16", (0, 1, 2))
    _, row = nearest(clouds[1][:, :3], scans[1].xyz)
    difference = azimuth(scans[1].xyz) - azimuth(clouds[1][row])
    far = np.hypot(*scans[1].xyz[:, :2].T) > 3.0
    turned = np.abs((difference + 180.0) % 360.0 - 180.0)
    assert np.percentile(turned[far], 99) < 0.011


def azimuth(xyz: np.ndarray) -> np.ndarray:
    return np.rad2deg(np.arctan2(xyz[:, 1], xyz[:, 0]))


def test_a_missing_turn_is_seen_as_missing_packets() -> None:
    """What was left of the turn before it is not glued to the one after it."""
    _, scans = decoded("hdl32", (0, 1, 3, 4, 5))
    assert sum(scan.lost for scan in scans) == pytest.approx(187.5, abs=1.0)
