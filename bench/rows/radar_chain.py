"""The chain of a room with a radar, from a frame's points to matches."""

from __future__ import annotations

import time

import numpy as np

from bench.harness import Benchmark, Case, Contender, Sample, UnavailableError
from bench.mission import config, encoder, mission_model, records_of
from gait_reid.core.pipeline import Pipeline, PipelineConfig, SyncConfig
from gait_reid.core.reidentification_config import MISSION, ReidentificationConfig
from gait_reid.testing import radar_room

NUM_FRAMES, FIRST = 80, 30
_WAYS = (radar_room.straight((2.0, -2.0), (6.0, 2.0)), radar_room.straight((7.0, 1.5), (2.0, -1.0)))


def _chain(people: int) -> Contender:
    model, _ = mission_model()
    records = records_of(encoder(model), people)
    rng = np.random.default_rng(3)
    frames = [
        radar_room.frame(number * radar_room.PERIOD_S, _WAYS, rng) for number in range(NUM_FRAMES)
    ]

    def measure() -> Sample:
        chosen = ReidentificationConfig(encoder=MISSION, mission=config(model))
        pipeline = Pipeline(PipelineConfig(SyncConfig(("radar",)), reidentification=chosen))
        pipeline.set_gallery(records, 1)
        times, answered = [], 0
        for cloud in frames:
            start = time.perf_counter()
            for result in pipeline.add_radar(cloud):
                answered += any(match.candidates for match in result.matches)
            times.append(1e3 * (time.perf_counter() - start))
        if not answered:
            raise UnavailableError("nobody was matched")
        return {"time_p95_ms": float(np.percentile(times[FIRST:], 95))}

    return Contender(f"gallery of {people:,}", measure)


def build() -> Case:
    """Draw the walkers once."""
    _, what = mission_model()
    limit = Contender(
        "limit: the period of the radar's frames",
        lambda: {"time_p95_ms": 1e3 * radar_room.PERIOD_S},
    )
    return Case(
        f"{what}: two walkers, every frame from points to matches, 95 % of frames within",
        _chain(58),
        (_chain(10_000), limit),
    )


BENCHMARK = Benchmark("radar_chain", "Radar room, frame to match", build, metric="time_p95_ms")
