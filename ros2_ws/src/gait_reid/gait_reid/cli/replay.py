"""``gait-reid replay``: who is in a recording?"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.progress import Progress
from rich.table import Table

from gait_reid.cli import options
from gait_reid.cli.console import ERR, FAILED, OUT, CommandError, report, reporting_errors
from gait_reid.cli.gallery import GALLERY, KEY_FILE, PROTECTION, config_of, opened
from gait_reid.cli.recordings import Recording, open_recording
from gait_reid.cli.replaying import ReplaySummary, Window, replay
from gait_reid.cli.settings import load_config
from gait_reid.cli.sinks import JsonLines, OverlayVideo, ResultBag, Sinks
from gait_reid.core.gallery.location import data_folder
from gait_reid.core.pipeline import RADAR, Pipeline
from gait_reid.core.reidentification_config import ENERGY_IMAGE
from gait_reid.core.types import Decision, Match


def command(
    path: options.RecordingPath,
    json_file: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="one JSON line per instant; - for the screen"),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", metavar="DIR", help="rosbag2 of the tracks and matches"),
    ] = None,
    overlay: Annotated[
        Path | None,
        typer.Option("--overlay", metavar="FILE.mp4", help="video with boxes and names"),
    ] = None,
    gallery: str = GALLERY,
    key_file: str = KEY_FILE,
    protection: str = PROTECTION,
    no_gallery: Annotated[
        bool, typer.Option("--no-gallery", help="track only; everybody stays unknown")
    ] = False,
    params: options.ParamsFile = None,
    window: options.WindowText = ":",
    lidar_topic: options.LidarTopic = "",
    camera_topic: options.CameraTopic = "",
    radar_topic: options.RadarTopic = "",
    camera_info_topic: options.CameraInfoTopic = "",
    calibration: options.Calibration = "",
    lidar_metadata: options.LidarMetadata = "",
) -> None:
    """Run a recording through detection, tracking and re-identification, without ROS.

    Where only a radar was recorded, its walkers are looked for among people enrolled by camera.

    Gives the same tracks and identities as the live nodes. A truncated or damaged recording is
    processed up to the damage, and the exit status is 1.
    """
    with reporting_errors():
        recorded = options.recording_options(
            lidar_topic, camera_topic, camera_info_topic, calibration, lidar_metadata, radar_topic
        )
        part = parse_window(window)
        with closing(open_recording(path, recorded)) as recording, closing(Sinks()) as sinks:
            tracked = {"reidentification.encoder": ENERGY_IMAGE} if no_gallery else {}
            of_radar = recording.sensors == (RADAR,)
            pipeline = Pipeline(load_config(params, recording.sensors, tracked if of_radar else {}))
            if not no_gallery:
                use_gallery(pipeline, gallery, key_file, protection)
            if json_file is not None:
                sinks.add(JsonLines(json_file))
            if output is not None:
                sinks.add(ResultBag(output))
            if overlay is not None:
                sinks.add(OverlayVideo(overlay))
            summary = run_with_progress(recording, pipeline, sinks, part, path.name)
        (ERR if str(json_file) == "-" else OUT).print(*summary_tables(summary))
        if summary.damage is not None:
            report(str(summary.damage))
            raise typer.Exit(FAILED)


def parse_window(text: str) -> Window:
    """Return the part of the recording that the user wants.

    Raises:
        CommandError: It is written in another way than ``START:END``.
    """
    try:
        return Window.parse(text)
    except ValueError as error:
        raise CommandError(f"--window {text}: {error}") from error


def use_gallery(pipeline: Pipeline, url: str, key_file: str, protection: str) -> None:
    """Search a gallery; without a name the user's own, if there is one already."""
    if not url and not any(data_folder().glob("*.sqlite")):
        return
    with opened(url, key_file, config_of(protection)) as store:
        version, records = store.snapshot()
    pipeline.set_gallery(records, version)


def run_with_progress(
    recording: Recording, pipeline: Pipeline, sinks: Sinks, window: Window, title: str
) -> ReplaySummary:
    """Replay with a progress bar on standard error."""
    with Progress(console=ERR, transient=True) as progress:
        task = progress.add_task(title, total=recording.total)
        return replay(
            recording,
            pipeline,
            sinks.write,
            window,
            lambda number: progress.update(task, completed=number),
        )


def summary_tables(summary: ReplaySummary) -> list[Table]:
    """Return the counts and the tracks as tables."""
    counts = Table(show_header=False, box=None)
    frames = ", ".join(f"{count} {sensor}" for sensor, count in sorted(summary.frames.items()))
    counts.add_row("frames", frames or "none")
    counts.add_row("instants", f"{summary.instants}, {summary.detections} detections")
    speed = summary.span_s / summary.elapsed_s if summary.elapsed_s else 0.0
    counts.add_row(
        "time", f"{summary.span_s:.1f} s in {summary.elapsed_s:.1f} s ({speed:.1f} x real time)"
    )
    if summary.processing_ms:
        p50, p95, most = np.percentile(summary.processing_ms, [50, 95, 100])
        counts.add_row(
            "processing_time_ms", f"median {p50:.1f}, 95 % {p95:.1f}, most {most:.1f} per instant"
        )
    for (origin, reason), count in sorted(summary.dropped.items()):
        counts.add_row("dropped", f"{count} {origin}: {reason}")
    counts.add_row("persons", ", ".join(summary.persons) or "nobody was recognised")
    return [counts, _track_table(summary)]


def _track_table(summary: ReplaySummary) -> Table:
    table = Table(title=f"{len(summary.tracks)} tracks")
    for heading in ("track", "from s", "to s", "instants", "decision", "person", "probability"):
        table.add_column(heading, justify="left" if heading in ("decision", "person") else "right")
    begin_ns = min((track.first_ns for track in summary.tracks.values()), default=0)
    for (_, track_id), track in summary.tracks.items():
        times = [f"{(ns - begin_ns) / 1e9:.1f}" for ns in (track.first_ns, track.last_ns)]
        table.add_row(str(track_id), *times, str(track.instants), *answer_cells(track.answer))
    return table


def answer_cells(match: Match | None) -> tuple[str, str, str]:
    """Return decision, person and probability as they are shown to people."""
    if match is None:
        return "no answer yet", "", ""
    best = match.best
    if match.decision is Decision.UNKNOWN or best is None:
        return "unknown", "", ""
    name = best.person_id
    if best.display_name and best.display_name != best.person_id:
        name = f"{best.display_name} ({best.person_id})"
    return match.decision.name.lower(), name, f"{best.probability:.2f}"
