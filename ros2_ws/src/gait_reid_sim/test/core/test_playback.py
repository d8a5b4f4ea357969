from __future__ import annotations

import os
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
import pytest
from small_scene import SMALL

from gait_reid.core.types import Modality, PointCloud, TrackState
from gait_reid_sim.core.playback.player import Pace, Player, PlayerLimits
from gait_reid_sim.core.playback.rendering import Rendered, Renderer
from gait_reid_sim.core.playback.schedule import Slot, slots
from gait_reid_sim.core.playback.truth import TruthKeeper
from gait_reid_sim.core.scene.scenario import read_scenario
from gait_reid_sim.core.scene.simulation import SensorFrame, Simulation, Truth


@pytest.fixture(scope="module")
def simulation() -> Simulation:
    return Simulation(read_scenario(SMALL))


def test_frames_come_when_they_are_complete(simulation: Simulation) -> None:
    found = list(slots(simulation))
    assert [s.release_s for s in found] == sorted(s.release_s for s in found)
    counts = {n: sum(s.sensor == n for s in found) for n in ("lidar", "camera", "radar")}
    assert counts == {"lidar": 10, "camera": 15, "radar": 10}
    first = {s.sensor: s for s in reversed(found)}
    assert first["camera"].release_s == 0.0
    assert first["lidar"].release_s == pytest.approx(0.1)
    assert first["radar"].release_s == pytest.approx(0.0167)


def test_no_stamp_is_after_its_release(simulation: Simulation) -> None:
    plans = {plan.name: plan for plan in simulation.scenario.sensors}
    for slot in islice(slots(simulation), 12):
        frame = simulation.frame(plans[slot.sensor], slot.number)
        assert frame.stamp_ns <= round(slot.release_s * 1e9) + 1


def test_a_loop_goes_on_without_a_jump(simulation: Simulation) -> None:
    turns = list(islice(slots(simulation, loop=True, left_out=("radar",)), 60))
    assert {s.sensor for s in turns} == {"lidar", "camera"}
    camera = [s for s in turns if s.sensor == "camera"]
    np.testing.assert_allclose(np.diff([s.release_s for s in camera]), 1 / 15, atol=1e-9)
    assert camera[15] == Slot(1.0, "camera", 0, 1, 1.0)


def test_scans_that_are_sent_piece_by_piece_are_released_when_they_begin(simulation) -> None:
    begins = [s.release_s for s in slots(simulation, ahead=("lidar",)) if s.sensor == "lidar"]
    np.testing.assert_allclose(begins, np.arange(10) / 10)


@pytest.mark.parametrize("workers", [0, 2])
def test_frames_are_the_same_whoever_makes_them(simulation: Simulation, workers: int) -> None:
    renderer = Renderer(simulation, workers)
    renderer.start()
    try:
        futures = [renderer.submit("lidar", n) for n in (0, 3)]
        made = [future.result(60.0).frame for future in futures]
    finally:
        renderer.close()
    for number, frame in zip((0, 3), made):
        expected = Simulation(simulation.scenario).frame(simulation.scenario.sensors[0], number)
        assert frame.data.xyz.tobytes() == expected.data.xyz.tobytes()
        assert frame.truth.person_id == expected.truth.person_id
        assert len(frame.owner) == 0


@pytest.mark.parametrize(("others_first", "niceness"), [(False, 0), (True, 10)])
def test_workers_leave_processors_to_others(
    simulation: Simulation, others_first: bool, niceness: int
) -> None:
    renderer = Renderer(simulation, 1, others_first)
    renderer.start()
    try:
        assert renderer._pool is not None
        (worker,) = renderer._pool._processes
        usual = os.getpriority(os.PRIO_PROCESS, os.getpid())
        assert os.getpriority(os.PRIO_PROCESS, worker) == usual + niceness
    finally:
        renderer.close()


class ManualPace(Pace):
    """Time that a test sets."""

    time_s = 0.0

    def now_s(self) -> float:
        return self.time_s


@dataclass
class Maker:
    """Makes frames when the test says so."""

    workers: int = 1
    asked: list[tuple[str, int, Future[Rendered]]] = field(default_factory=list)

    def submit(self, sensor: str, number: int) -> Future[Rendered]:
        future: Future[Rendered] = Future()
        self.asked.append((sensor, number, future))
        return future

    def finish(self, cost_s: float = 0.01) -> None:
        for sensor, number, future in self.asked:
            if not future.done():
                future.set_result(Rendered(frame_of(sensor, number), cost_s))


@dataclass
class Outlet:
    """Keeps what it is told."""

    unwanted: tuple[str, ...] = ()
    came: list[tuple[str, int]] = field(default_factory=list)
    dropped: list[tuple[int, str]] = field(default_factory=list)
    errors: list[BaseException] = field(default_factory=list)
    ticks: list[float] = field(default_factory=list)

    def wants(self, sensor: str) -> bool:
        return sensor not in self.unwanted

    def deliver(self, slot: Slot, frame: SensorFrame) -> None:
        self.came.append((slot.sensor, slot.number))

    def drop(self, slot: Slot, reason: str) -> None:
        self.dropped.append((slot.number, reason))

    def report(self, error: BaseException) -> None:
        self.errors.append(error)

    def tick(self, scene_s: float) -> None:
        self.ticks.append(scene_s)


def truth_of(stamp_ns: int, ids: tuple[int, ...] = (), seen: tuple[float, ...] = ()) -> Truth:
    n = len(ids)
    nothing = np.zeros((n, 3))
    return Truth(
        stamp_ns, np.array(ids, np.int64), tuple(f"p{i}" for i in ids), nothing, nothing,
        np.zeros(n), np.zeros((n, 21, 3)), np.zeros(n, np.int64), np.array(seen),
        np.full((n, 4), np.nan),
    )  # fmt: skip


def frame_of(
    sensor: str, number: int, ids: tuple[int, ...] = (), seen: tuple[float, ...] = ()
) -> SensorFrame:
    stamp_ns = number * 100_000_000
    cloud = PointCloud.empty(stamp_ns, sensor)
    truth = truth_of(stamp_ns, ids, seen)
    return SensorFrame(sensor, sensor, stamp_ns, cloud, np.zeros(0, np.int32), truth)


def lidar_slots(count: int) -> list[Slot]:
    return [Slot(0.1 * (n + 1), "lidar", n) for n in range(count)]


def player_of(
    maker: Maker, outlet: Outlet, count: int = 20, **limits: float
) -> tuple[Player, ManualPace]:
    pace = ManualPace(1.0)
    return Player(iter(lidar_slots(count)), maker, outlet, pace, PlayerLimits(**limits)), pace


def test_frames_are_made_ahead_and_handed_over_when_due() -> None:
    maker, outlet = Maker(workers=4), Outlet()
    player, pace = player_of(maker, outlet, lookahead_s=0.35)
    assert not player.step()
    assert [number for _, number, _ in maker.asked] == [0, 1, 2]
    maker.finish()
    assert not player.step()
    assert not outlet.came
    pace.time_s = 0.21
    assert player.step()
    assert player.step()
    assert not player.step()
    assert outlet.came == [("lidar", 0), ("lidar", 1)]


def test_no_more_is_in_work_than_the_workers_can_do() -> None:
    maker, outlet = Maker(workers=1), Outlet()
    player, _ = player_of(maker, outlet, lookahead_s=5.0)
    player.step()
    assert len(maker.asked) == 2


def test_what_is_not_ready_in_time_is_dropped_and_the_next_comes() -> None:
    maker, outlet = Maker(workers=4), Outlet()
    player, pace = player_of(maker, outlet, lookahead_s=0.25, max_lateness_s=0.05)
    player.step()
    pace.time_s = 0.14
    assert not player.step()
    pace.time_s = 0.16
    assert player.step()
    assert outlet.dropped == [(0, "late")]
    maker.finish()
    pace.time_s = 0.2
    player.step()
    assert outlet.came == [("lidar", 1)]


def test_an_overloaded_machine_skips_frames_and_delivers_the_others() -> None:
    """Every frame takes 0.25 s of one worker while 0.1 s would be needed."""
    maker, outlet = Maker(workers=1), Outlet()
    player, pace = player_of(maker, outlet, count=200, lookahead_s=0.5)
    busy_until_s = 0.0
    for step in range(2000):
        pace.time_s = 0.01 * step
        player.step()
        waiting = [future for _, _, future in maker.asked if not future.done()]
        if waiting and pace.time_s >= busy_until_s:
            busy_until_s = pace.time_s + 0.25
            waiting[0].set_result(Rendered(frame_of("lidar", 0), 0.25))
    made, came = len(maker.asked), len(outlet.came)
    assert came + len(outlet.dropped) >= 198
    assert came >= 60  # of the 80 that fit
    assert came >= 0.8 * made
    assert {reason for _, reason in outlet.dropped} == {"late"}


def test_nothing_is_made_that_nobody_wants() -> None:
    maker, outlet = Maker(), Outlet(unwanted=("lidar",))
    player, pace = player_of(maker, outlet, count=3)
    pace.time_s = 1.0
    player.run()
    assert not maker.asked
    assert outlet.dropped == [(n, "nobody_subscribes") for n in range(3)]
    assert player.ended


def test_an_error_costs_one_frame() -> None:
    maker, outlet = Maker(workers=4), Outlet()
    player, pace = player_of(maker, outlet, count=2)
    player.step()
    maker.asked[0][2].set_exception(ValueError("no such body"))
    maker.finish()
    pace.time_s = 1.0
    player.run()
    assert outlet.dropped == [(0, "error")]
    assert str(outlet.errors[0]) == "no such body"
    assert outlet.came == [("lidar", 1)]


def test_frames_on_their_way_are_accounted_for_at_a_stop() -> None:
    maker, outlet = Maker(workers=4), Outlet()
    player, _ = player_of(maker, outlet, count=2)
    player.step()
    player.stop()
    player.run()
    assert outlet.dropped == [(0, "stopped"), (1, "stopped")]
    assert not player.ended


def test_without_a_rate_nothing_is_late_and_the_clock_follows_the_frames() -> None:
    maker, outlet = Maker(workers=4), Outlet()
    player = Player(iter(lidar_slots(5)), maker, outlet, Pace(0.0), PlayerLimits())
    while len(outlet.came) < 5:
        player.step()
        maker.finish(cost_s=100.0)
    assert [n for _, n in outlet.came] == list(range(5))
    assert not outlet.dropped
    np.testing.assert_allclose(
        sorted({round(t, 3) for t in outlet.ticks})[-5:], np.arange(1, 6) / 10
    )


def test_truth_says_who_sees_whom() -> None:
    keeper = TruthKeeper("site", walks=7)
    keeper.update(frame_of("lidar", 1, (3, 4), (1.0, 0.0)), 10)
    tracks, matches = keeper.update(frame_of("camera", 2, (3, 4), (0.4, 0.0)), 20)
    assert tracks.track_id.tolist() == [3, 4]
    assert tracks.modality.tolist() == [Modality.CAMERA | Modality.LIDAR, 0]
    assert tracks.state.tolist() == [TrackState.CONFIRMED, TrackState.LOST]
    assert tracks.score.tolist() == [1.0, 0.0]
    assert tracks.hits.tolist() == [2, 0]
    assert tracks.first_seen_ns.tolist() == [10, 10]
    assert tracks.last_seen_ns.tolist() == [20, 10]
    assert [match.person_id for match in matches] == ["p3", "p4"]
    tracks, _ = keeper.update(frame_of("lidar", 3, (3,), (0.0,)), 30, turn=1)
    assert tracks.track_id.tolist() == [10]
    assert tracks.modality.tolist() == [0]
