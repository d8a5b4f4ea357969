"""The scene waits for frames and answers, never goes back, and does not wait for ever."""

from __future__ import annotations

import math
from concurrent.futures import Future

import pytest

from gait_reid_sim.core.playback import waiting
from gait_reid_sim.core.playback.player import Player, PlayerLimits
from gait_reid_sim.core.playback.schedule import Slot
from gait_reid_sim.core.playback.waiting import WaitingPace


class Watch:
    """A steady clock that a test sets."""

    time_s = 100.0

    def monotonic(self) -> float:
        return self.time_s


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    made = Watch()
    monkeypatch.setattr(waiting.time, "monotonic", made.monotonic)
    return made


def started(rate: float = 1.0, patience_s: float = 5.0) -> WaitingPace:
    pace = WaitingPace(rate, 0.4, patience_s)
    pace.start()
    return pace


def test_the_clock_stands_until_the_answer_comes_and_loses_nothing(watch: Watch):
    pace = started(rate=0.5)
    watch.time_s += 0.4
    assert pace.now_s() == pytest.approx(0.2)
    watch.time_s += 4.0
    assert pace.now_s() == pytest.approx(0.4)
    pace.answered(0.1)
    assert pace.now_s() == pytest.approx(0.4)
    watch.time_s += 0.1
    assert pace.now_s() == pytest.approx(0.45)
    watch.time_s += 1.0
    assert pace.now_s() == pytest.approx(0.5)
    assert pace.given_up == 0


def test_answers_in_time_do_not_slow_it(watch: Watch):
    pace = started()
    for step in range(50):
        watch.time_s += 0.1
        assert pace.now_s() == pytest.approx(0.1 * (step + 1))
        pace.answered(0.1 * step)


def test_an_answer_that_never_comes_is_not_waited_for(watch: Watch):
    pace = started(patience_s=5.0)
    watch.time_s += 4.9
    assert pace.now_s() == pytest.approx(0.4)
    assert pace.given_up == 0
    watch.time_s += 0.2
    assert pace.now_s() == pytest.approx(0.6)
    watch.time_s += 3.0
    assert pace.now_s() == pytest.approx(0.8)
    assert pace.given_up == 1


def test_it_stands_from_the_moment_that_a_frame_is_late(watch: Watch):
    pace = started()
    watch.time_s += 0.1
    seen_s = pace.now_s()
    pace.hold(True)
    for _ in range(3):
        watch.time_s += 1.0
        assert pace.now_s() == pytest.approx(seen_s)
    pace.hold(False)
    watch.time_s += 0.1
    assert pace.now_s() == pytest.approx(seen_s + 0.1)


def test_frames_that_are_not_rendered_hold_the_clock_and_are_never_late(watch: Watch):
    made: list[Future] = []
    dropped: list[str] = []

    class Everything:
        workers = 1

        def submit(self, sensor, number):
            made.append(Future())
            return made[-1]

        def wants(self, sensor):
            return True

        def drop(self, slot, reason):
            dropped.append(reason)

        def tick(self, scene_s):
            pass

    both, pace = Everything(), started()
    frames = iter([Slot(0.1, "lidar", 0), Slot(0.2, "lidar", 1)])
    player = Player(frames, both, both, pace, PlayerLimits(max_lateness_s=math.inf))
    # However long frames have taken: none is given up beforehand.
    player._costs_s["lidar"] = 50.0
    player._submit()
    assert len(made) >= 1
    for _ in range(20):
        watch.time_s += 0.05
        assert not player._hand_over()
    assert pace.now_s() == pytest.approx(0.1, abs=0.051)
    assert not dropped


def test_a_scene_without_pace_cannot_wait():
    with pytest.raises(ValueError, match=r"rate is 0.0, allowed: above 0"):
        WaitingPace(0.0, 0.4)
