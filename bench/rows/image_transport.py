"""720p pictures at 30 Hz between two processes, with and without the Fast DDS profile."""

from __future__ import annotations

import importlib.util
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from bench.environment import version_of
from bench.harness import Benchmark, Case, Contender, Sample, UnavailableError

ROOT = Path(__file__).resolve().parents[2]
PROFILE = ROOT / "launch" / "config" / "fastdds_shm.xml"
COUNT = 120
_PROFILE_VARIABLES = ("FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE")
_MALLOC = {"MALLOC_MMAP_THRESHOLD_": "268435456", "MALLOC_TRIM_THRESHOLD_": "536870912"}
_TIMEOUT_S = 60.0
_RELIABLE = ("--reliable", "--depth", "10")
_SENSOR = ("--reliable", "--depth", "5")
_BEST_EFFORT = ("--depth", "1")
_domains = itertools.count(os.getpid())


def environment(tuned: bool) -> dict[str, str]:
    """Return the environment of both ends, with or without what the launch files set."""
    taken_out = {*_PROFILE_VARIABLES, *_MALLOC, "ROS_DOMAIN_ID"}
    variables = {name: value for name, value in os.environ.items() if name not in taken_out}
    variables["ROS_DOMAIN_ID"] = str(1 + next(_domains) % 90)
    variables["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
    if tuned:
        variables.update(_MALLOC)
        variables.update(dict.fromkeys(_PROFILE_VARIABLES, str(PROFILE)))
    return variables


def _end(which: str, qos: Sequence[str], variables: Mapping[str, str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "bench.transport", which, *qos, "--count", str(COUNT)]
    return subprocess.Popen(
        command, cwd=ROOT, env=variables, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )


def _measure(tuned: bool, sent: Sequence[str], received: Sequence[str]) -> Sample:
    variables = environment(tuned)
    subscriber, publisher = _end("subscribe", received, variables), None
    try:
        assert subscriber.stdout is not None
        if subscriber.stdout.readline() != "ready\n":
            raise UnavailableError("the receiving process did not start; see its message above")
        publisher = _end("publish", sent, variables)
        publisher.wait(_TIMEOUT_S)
        answer, _ = subscriber.communicate("\n", _TIMEOUT_S)
    finally:
        for process in (publisher, subscriber):
            if process is not None and process.poll() is None:
                process.kill()
                process.wait()
    return _figures(json.loads(answer)["latencies_ms"])


def _figures(latencies_ms: Sequence[float]) -> Sample:
    p50, p95 = np.percentile(latencies_ms, [50, 95]) if latencies_ms else (np.nan, np.nan)
    return {
        "latency_p50_ms": float(p50),
        "latency_p95_ms": float(p95),
        "received_percent": 100.0 * len(latencies_ms) / COUNT,
    }


def build() -> Case:
    """Check that there is a ROS to measure with."""
    if importlib.util.find_spec("rclpy") is None:
        raise UnavailableError("rclpy is not importable; run it with ./run bench")
    version = version_of("ros-fastrtps")
    candidate = Contender(
        "profile and malloc thresholds, reliable 5 to best effort 1",
        lambda: _measure(True, _SENSOR, _BEST_EFFORT),
    )
    peers = (
        Contender(
            "default Fast DDS, reliable 10", lambda: _measure(False, _RELIABLE, _RELIABLE), version
        ),
        Contender(
            "default Fast DDS, reliable 5 to best effort 1",
            lambda: _measure(False, _SENSOR, _BEST_EFFORT),
            version,
        ),
        Contender(
            "profile and malloc thresholds, reliable 10",
            lambda: _measure(True, _RELIABLE, _RELIABLE),
            version,
        ),
    )
    return Case(f"{COUNT} pictures of 2.76 MB at 30 Hz", candidate, peers)


BENCHMARK = Benchmark(
    "image_transport", "720p pictures between two processes", build, "latency_p50_ms", "ms",
    rounds=3, promise=1 / 4,
)  # fmt: skip
