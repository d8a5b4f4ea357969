"""Eight people at once through the nodes of a site, against the time that an answer may take."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from bench.harness import Benchmark, Case, Contender, Sample
from gait_reid.cli.ros import ros_node
from gait_reid.cli.site import Site
from gait_reid_sim.adapters.recording import record_scene
from gait_reid_sim.cli.scene_site import sensors_of, site_parameters
from gait_reid_sim.core.scene.scenario import load_scenario
from gait_reid_sim.core.scene.simulation import Simulation

SCENE = "eight"
LIMIT_MS = 250.0
START_TIMEOUT_S = 120.0
WARM_UP_S = 6.0
LAST_ANSWERS_S = 2.0


class _Listener:
    """Keeps the latency of every answer and what the nodes say that they dropped."""

    def __init__(self, node: Any) -> None:
        from diagnostic_msgs.msg import DiagnosticArray

        from gait_reid.nodes import topics

        self.latencies_ms: list[tuple[int, float]] = []
        self.tracks: set[int] = set()
        self._reports: dict[str, dict[str, str]] = {}
        self._dropped_before: int | None = None
        matches = topics.MATCHES
        quality = matches.requested.profile()
        node.create_subscription(matches.type, matches.name, self._on_matches, quality)
        node.create_subscription(DiagnosticArray, "/diagnostics", self._on_reports, 50)

    def _on_matches(self, message: Any) -> None:
        from gait_reid.adapters import matches

        for match in matches.from_message(message):
            self.latencies_ms.append((match.stamp_ns, match.latency_ms))
            self.tracks.add(match.track_id)

    def _on_reports(self, message: Any) -> None:
        for status in message.status:
            self._reports[status.name] = {pair.key: pair.value for pair in status.values}
        if self._dropped_before is None and self._latencies():
            self._dropped_before = self._dropped()

    def _latencies(self) -> list[float]:
        """Return the latencies without the time in which the nodes get going."""
        first_ns = min((stamp_ns for stamp_ns, _ in self.latencies_ms), default=0)
        return [ms for ns, ms in self.latencies_ms if ns - first_ns > 1e9 * WARM_UP_S]

    def _dropped(self) -> int:
        """Return how many messages tracker and re-identification did not work on."""
        return sum(
            int(value)
            for name, values in self._reports.items()
            if name.startswith(("tracker:", "reid:"))
            for key, value in values.items()
            if key.startswith("dropped ")
        )

    def sample(self) -> Sample:
        """Return the figures of what came after the nodes had got going."""
        values = self._latencies()
        return {
            "latency_p95_ms": float(np.percentile(values, 95)),
            "latency_p50_ms": float(np.percentile(values, 50)),
            "answers": float(len(values)),
            "tracks": float(len(self.tracks)),
            "dropped": float(self._dropped() - (self._dropped_before or 0)),
        }


@contextmanager
def _site(folder: Path) -> Iterator[Site]:
    """Start tracker, re-identification and gallery."""
    scenario = load_scenario(SCENE)
    with Site(folder / "site.log") as site:
        site.launch(
            "bringup.launch.xml",
            sensors=",".join(sensors_of(scenario)),
            database=str(folder / "gallery.sqlite"),
            key_file=str(folder / "gallery.key"),
            params_file=str(site_parameters(scenario, "", None, folder / "params.yaml")),
            use_sim_time="true",
            visualizer="false",
            respawn="false",
        )
        yield site


def _play(bag: Path) -> Sample:
    """Play the recording at its own pace."""
    from rclpy.executors import SingleThreadedExecutor

    from gait_reid.nodes import topics

    folder = Path(tempfile.mkdtemp(prefix="gait_reid_bench_"))
    try:
        with _site(folder) as site, ros_node("gait_reid_bench") as node:
            executor = SingleThreadedExecutor(context=node.context)
            executor.add_node(node)
            listener = _Listener(node)
            end_s = time.monotonic() + START_TIMEOUT_S
            while time.monotonic() < end_s and not node.count_subscribers(topics.LIDAR_POINTS.name):
                site.check()
                executor.spin_once(timeout_sec=0.1)
            site.play(bag, 1.0)
            while not site.has_ended("play"):
                site.check(may_end=("play",))
                executor.spin_once(timeout_sec=0.1)
            end_s = time.monotonic() + LAST_ANSWERS_S
            while time.monotonic() < end_s:
                executor.spin_once(timeout_sec=0.1)
            return listener.sample()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def build() -> Case:
    """Record the scene."""
    folder = Path(tempfile.mkdtemp(prefix="gait_reid_bench_"))
    simulation = Simulation(load_scenario(SCENE))
    bag = folder / SCENE
    record_scene(simulation, bag, workers=2)
    scenario = simulation.scenario
    return Case(
        f"{len(scenario.walks)} people who cross all the time for {scenario.duration_s:g} s, "
        "LiDAR and camera at 10 Hz, played from a recording in real time",
        Contender("tracker, re-identification and gallery nodes", lambda: _play(bag)),
        (Contender(f"limit: {LIMIT_MS:g} ms", lambda: {"latency_p95_ms": LIMIT_MS}),),
    )


BENCHMARK = Benchmark(
    "eight_people",
    "Eight people, frame to answer, 95 %",
    build,
    metric="latency_p95_ms",
    rounds=3,
    promise=1.0,
)
