"""The benchmarks by name; a row is imported when it is run, because peers are optional."""

from __future__ import annotations

import importlib

from bench.harness import Benchmark

_MODULES = (
    "read_cloud", "person_clusters", "tracking", "synchronisation", "image_transport",
    "gallery_search", "reid_frame", "emgaitnet_frame", "emgaitnet_onnx", "eight_people",
    "bag_reading",
    "radar_parser", "radar_parser_30", "mission_pairs", "mission_rerank", "radar_chain",
    "simulated_lidar", "simulated_camera", "simulated_radar", "simulated_entrance",
)  # fmt: skip


def names() -> tuple[str, ...]:
    """Return the names of all benchmarks, in the order of the table."""
    return _MODULES


def load(name: str) -> Benchmark:
    """Return one benchmark.

    Raises:
        KeyError: There is no such benchmark.
    """
    if name not in _MODULES:
        raise KeyError(name)
    benchmark = importlib.import_module(f"bench.rows.{name}").BENCHMARK
    assert isinstance(benchmark, Benchmark)
    return benchmark
