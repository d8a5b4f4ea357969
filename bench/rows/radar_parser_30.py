"""Decoding the UART stream of a radar with few points, against a reader that trusts every byte."""

from __future__ import annotations

from bench.harness import Benchmark
from bench.rows.radar_parser import build

BENCHMARK = Benchmark(
    "radar_parser_30", "radar frames, 30 points", lambda: build(30), rounds=15, promise=1.5
)
