"""The harness measures in turns, pairs the ratios and says what it could not measure."""

from __future__ import annotations

import pytest

from bench.harness import (
    Benchmark,
    Case,
    Contender,
    Missing,
    Spread,
    Timed,
    UnavailableError,
    run,
)


class Scripted:
    """A contender that notes when it was measured and answers from a list."""

    def __init__(self, name: str, answers: list[float], log: list[str]) -> None:
        self.answers = iter(answers)
        self.name = name
        self.log = log

    def contender(self) -> Contender:
        return Contender(self.name, self.measure, "1.0")

    def measure(self) -> dict[str, float]:
        self.log.append(self.name)
        return {"time_ms": next(self.answers)}


def benchmark(*contenders: Scripted, promise: float | None = None, rounds: int = 3) -> Benchmark:
    case = Case("work", contenders[0].contender(), tuple(c.contender() for c in contenders[1:]))
    return Benchmark("name", "Title", lambda: case, rounds=rounds, promise=promise)


def test_contenders_are_warmed_up_and_take_turns_in_both_directions():
    log: list[str] = []
    run(benchmark(Scripted("a", [9, 1, 1, 1], log), Scripted("b", [9, 1, 1, 1], log)))
    assert "".join(log) == "ab" + "ab" + "ba" + "ab"


def test_ratios_are_paired_by_round_so_that_a_slow_moment_cancels_out():
    # The machine is ten times slower in the second round, for both.
    own = Scripted("own", [0, 1, 10, 1], [])
    peer = Scripted("peer", [0, 4, 40, 4], [])
    result = run(benchmark(own, peer, promise=0.25))
    assert result.peers[0].ratio == Spread(0.25, 0.25, 0.25)
    assert result.candidate.median("time_ms") == 1
    assert result.kept is True


@pytest.mark.parametrize(("own_ms", "kept"), [(1.0, True), (2.0, True), (2.1, False)])
def test_a_promise_is_kept_up_to_its_ratio(own_ms, kept):
    result = run(
        benchmark(Scripted("own", [own_ms] * 4, []), Scripted("peer", [4.0] * 4, []), promise=0.5)
    )
    assert result.kept is kept


def test_without_a_promise_nothing_is_kept_or_missed():
    assert run(benchmark(Scripted("own", [1] * 4, []), Scripted("peer", [1] * 4, []))).kept is None


def test_rounds_without_the_peers_figure_do_not_count():
    nan = float("nan")
    result = run(
        benchmark(Scripted("own", [1, 1, 1, 1], []), Scripted("peer", [1, nan, 2, nan], []))
    )
    assert result.peers[0].ratio == Spread(0.5, 0.5, 0.5)
    assert result.peers[0].median("time_ms") == 2
    result = run(benchmark(Scripted("own", [1] * 4, []), Scripted("peer", [nan] * 4, [])))
    assert result.peers[0].ratio is None


def test_what_cannot_be_measured_says_why():
    def build() -> Case:
        raise UnavailableError("no such sensor")

    result = run(Benchmark("name", "Title", build, promise=0.5))
    assert result.skipped == "no such sensor"
    assert result.kept is None


def test_a_contender_that_fails_its_own_check_is_no_result():
    def fail() -> dict[str, float]:
        raise UnavailableError("peer follows 2 of 30 people")

    case = Case("work", Contender("own", fail), ())
    result = run(Benchmark("name", "Title", lambda: case))
    assert result.skipped == "peer follows 2 of 30 people"
    assert result.candidate is None


def test_a_missing_peer_leaves_the_candidate_measured():
    case = Case("work", Scripted("own", [1] * 4, []).contender(), (), (Missing("peer", "absent"),))
    result = run(Benchmark("name", "Title", lambda: case, rounds=3, promise=0.5))
    assert result.candidate.median("time_ms") == 1
    assert result.missing[0].reason == "absent"
    assert result.kept is None


def test_short_functions_are_repeated_until_a_sample_is_long_enough():
    now = {"s": 0.0}
    calls = []

    def work() -> None:
        calls.append(now["s"])
        now["s"] += 0.003

    timed = Timed(work, minimum_s=0.02, clock=lambda: now["s"])
    assert timed()["time_ms"] == pytest.approx(3.0)
    first = len(calls)
    assert timed()["time_ms"] == pytest.approx(3.0)
    assert len(calls) - first == 7


def test_a_spread_has_median_and_quartiles():
    assert Spread.of([1, 2, 3, 4, 100]) == Spread(3, 2, 4)
    with pytest.raises(ValueError, match="at least one"):
        Spread.of([])
