"""The demonstration with a recording: its walker is enrolled, and recognised later on."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from rich.live import Live
from rich.table import Table

from gait_reid.cli.console import ERR, OUT, CommandError
from gait_reid.cli.demo_node import DemoNode
from gait_reid.cli.recordings import BagRecording, open_recording
from gait_reid.cli.replay import answer_cells
from gait_reid.cli.ros import ros_node
from gait_reid.cli.settings import load_config
from gait_reid.cli.site import Site
from gait_reid.cli.video import StampedVideo
from gait_reid.cli.watching import Watch

START_TIMEOUT_S = 60.0
_SILENCE_S = 15.0
_SILENCE_AT_END_S = 2.0
_NEARLY_ALL = 0.95
_WORK_PER_DECODING = 16.0
_SLOWEST = 0.1


def show(path: Path, is_bag: bool, output: Path, params: Path | None, speed: float) -> Watch:
    """Run the demonstration and return what was seen.

    Raises:
        CommandError: The recording, ROS or a node failed; names the log.
    """
    extent = extent_of(path)
    speed = speed or extent.pace
    if speed < 1.0:
        ERR.print(f"playing at {speed:.2f} of the recording's pace, which this machine can follow")
    folder = Path(tempfile.mkdtemp(prefix="gait_reid_demo_"))
    parameters = demo_parameters(params, speed, folder / "params.yaml")
    try:
        with (
            Site(output / "demo.log") as site,
            ros_node("gait_reid_demo") as node,
            closing(StampedVideo(output / "overlay.mp4", extent.rate_hz)) as video,
        ):
            demo = DemoNode(node, Watch(extent.duration_s), video)
            site.launch(
                "bringup.launch.xml",
                sensors=",".join(extent.sensors),
                database=str(folder / "gallery.sqlite"),
                key_file=str(folder / "gallery.key"),
                params_file=str(parameters),
                use_sim_time="true" if is_bag else "false",
                respawn="false",
            )
            with ERR.status("starting the nodes"):
                demo.wait_until_ready(site.check, START_TIMEOUT_S)
            source = "play" if is_bag else "camera.launch.xml"
            if is_bag:
                site.play(path.resolve(), speed)
            else:
                site.launch(
                    source,
                    camera=str(path.resolve()),
                    params_file=str(parameters),
                    respawn="false",
                )
            _watch(demo, site, source, speed)
            return demo.watch
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def demo_parameters(params: Path | None, speed: float, target: Path) -> Path:
    """Write the parameters of the demonstration: the user's, and nothing is too old to be shown.

    A recording on a busy machine is late, but what matters here is who is recognised.

    Raises:
        CommandError: The user's file is no parameter file.
    """
    content: dict[str, Any] = {}
    if params is not None:
        load_config(params)
        content = yaml.safe_load(params.read_text()) or {}
    for node in ("tracker", "reid", "visualizer"):
        section = content.setdefault(f"/**/{node}", {}).setdefault("ros__parameters", {})
        section.setdefault("max_age_s", 0.0)
    camera = content.setdefault("/**/camera", {}).setdefault("ros__parameters", {})
    camera.setdefault("run", {})["speed"] = speed
    target.write_text(yaml.safe_dump(content))
    return target


@dataclass(frozen=True)
class Extent:
    """What must be known of a recording before it is played.

    Attributes:
        sensors: Sensors that it has.
        duration_s: Its length.
        pace: Speed that this machine can follow, at most 1.
        rate_hz: Frames per second of a video, or None.
    """

    sensors: tuple[str, ...]
    duration_s: float
    pace: float = 1.0
    rate_hz: float | None = None


def extent_of(path: Path) -> Extent:
    """Look through a recording.

    A video is decoded once; how long that takes, at the load of this moment, says how fast the
    nodes, which together do several times that work per picture, can follow it.

    Raises:
        CommandError: It holds fewer than two pictures.
    """
    with closing(open_recording(path)) as recording:
        if isinstance(recording, BagRecording):
            return Extent(recording.sensors, recording.duration_s)
        started_s = time.monotonic()
        stamps = [frame.stamp_ns for _, frame in recording]
        elapsed_s = time.monotonic() - started_s
        if len(stamps) < 2:
            raise CommandError(f"{path}: holds fewer than two pictures")
        duration_s = (stamps[-1] - stamps[0]) * 1e-9
        cores = len(os.sched_getaffinity(0))
        pace = cores * duration_s / (_WORK_PER_DECODING * elapsed_s)
        rate_hz = (len(stamps) - 1) / duration_s
        return Extent(recording.sensors, duration_s, min(max(pace, _SLOWEST), 1.0), rate_hz)


def _watch(demo: DemoNode, site: Site, source: str, speed: float) -> None:
    """Show the tracks until the recording is over."""
    limit_s = time.monotonic() + 3.0 * demo.watch.duration_s / speed + START_TIMEOUT_S
    heard_s, heard_ns = time.monotonic(), 0
    with Live(table_of(demo.watch), console=OUT, refresh_per_second=4, transient=True) as live:
        while time.monotonic() < limit_s:
            demo.spin(0.1)
            site.check(may_end=(source,))
            live.update(table_of(demo.watch))
            if demo.watch.last_ns != heard_ns:
                heard_s, heard_ns = time.monotonic(), demo.watch.last_ns
            silent_s = time.monotonic() - heard_s
            at_end = demo.watch.position_s > _NEARLY_ALL * demo.watch.duration_s
            patience_s = _SILENCE_S if heard_ns else START_TIMEOUT_S
            if silent_s > (_SILENCE_AT_END_S if at_end else patience_s):
                break
    if not heard_ns:
        raise CommandError(f"no tracks were published; the end of {site.log}:\n{site.tail()}")


def table_of(watch: Watch) -> Table:
    """Return the tracks as a table."""
    title = f"{watch.position_s:.1f} of {watch.duration_s:.1f} s"
    if watch.enrolled_track is not None:
        title += f", track {watch.enrolled_track} is enrolled as {watch.person_id}"
    table = Table(title=title)
    for heading in ("track", "from s", "to s", "seen", "m/s", "walk"):
        table.add_column(heading, justify="right")
    for heading in ("decision", "person", "p"):
        table.add_column(heading)
    begin_ns = watch.first_ns or 0
    for track, seen in watch.tracks.items():
        times = [f"{(stamp_ns - begin_ns) / 1e9:.1f}" for stamp_ns in (seen.first_ns, seen.last_ns)]
        frames = str(seen.walk.num_frames) if seen.walk else ""
        cells = (*times, str(seen.instants), f"{seen.speed_m_s:.1f}", frames)
        table.add_row(str(track), *cells, *answer_cells(seen.answer))
    return table


def verdict(watch: Watch) -> str:
    """Return in one sentence what the demonstration has shown."""
    if watch.enrolled_ns is None or watch.first_ns is None:
        return "nobody was enrolled: nobody walked long enough in the first half"
    enrolled_s = (watch.enrolled_ns - watch.first_ns) / 1e9
    text = f"track {watch.enrolled_track} was enrolled at {enrolled_s:.1f} s"
    if not watch.recognised:
        return f"{text}, but nobody was recognised afterwards"
    tracks = ", ".join(str(track) for track in watch.recognised)
    others = [
        str(track)
        for track, seen in watch.tracks.items()
        if seen.confirmed_ns is None and seen.answer and track != watch.enrolled_track
    ]
    unknown = f"; unknown stayed {', '.join(others)}" if others else ""
    return f"{text} and recognised as track {tracks}{unknown}"
