"""A walk before a radar against walks before a camera: each pair as one, cached or written out."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from bench.harness import Benchmark, Case, Contender, Sample
from bench.mission import (
    embedding_of,
    encoder,
    heard_walk,
    mission_model,
    mission_network,
    records_of,
    tokens_of,
)

NUM_PAIRS, NUM_PLAIN = 50, 10


def _contender(name: str, pairs: int, work: Callable[[], Any], version: str = "") -> Contender:
    def measure() -> Sample:
        start = time.process_time()
        work()
        return {"time_per_pair_ms": 1e3 * (time.process_time() - start) / pairs}

    work()
    return Contender(name, measure, version)


def _plain(frames: int) -> tuple[Contender, Contender]:
    """Return the network in torch: pairs of so many frames written out, and from caches."""
    import torch

    network = mission_network()
    config = network.config
    cells = network.vision.tokens
    from gait_reid_training.nets.mission.mission import VisionFeatures
    from gait_reid_training.nets.mission.radar import RadarFeatures

    points = 64
    seen = torch.ones(NUM_PLAIN, frames, dtype=torch.bool)
    vision = VisionFeatures(torch.randn(NUM_PLAIN, frames, cells, config.dim), seen)
    mask = torch.ones(NUM_PLAIN, frames, points, dtype=torch.bool)
    heard = torch.randn(1, frames, points, config.dim).expand(NUM_PLAIN, -1, -1, -1)
    radar = RadarFeatures(heard, mask, torch.zeros(NUM_PLAIN, frames, 2))
    with torch.inference_mode():
        caches = network.vision_cache(vision), network.radar_cache(radar).at(slice(0, 1))
        wanted, found = network.pair(vision, radar), network.pair_cached(*caches)
        if not torch.allclose(wanted.radar, found.radar, atol=1e-4):
            raise RuntimeError("pairs from caches differ from pairs written out")

    def written_out() -> None:
        with torch.inference_mode():
            network.pair(vision, radar)

    def cached() -> None:
        with torch.inference_mode():
            network.pair_cached(*caches)

    return (
        _contender("torch, written out, one thread", NUM_PLAIN, written_out, torch.__version__),
        _contender("torch, from caches, one thread", NUM_PLAIN, cached, torch.__version__),
    )


def build() -> Case:
    """Make the walks once."""
    model, what = mission_model()
    made = encoder(model)
    tokens = tokens_of(records_of(made, NUM_PAIRS))
    query, frames = embedding_of(made, heard_walk(1)), model.description.frames
    candidate = _contender(
        "the graph of pairs, from tokens as galleries keep them", NUM_PAIRS,
        lambda: made.compare(query, tokens),
    )  # fmt: skip
    workload = (
        f"{what}: one walk before a radar with {NUM_PAIRS} before a camera, "
        f"{frames} frames each (written out: {NUM_PLAIN}); processor time per pair"
    )
    return Case(workload, candidate, _plain(frames))


BENCHMARK = Benchmark(
    "mission_pairs",
    "Mission's pairs, cached",
    build,
    metric="time_per_pair_ms",
    promise=1.0 / 12.0,
)
