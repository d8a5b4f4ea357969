"""``gait-reid enroll``: add a person's walk to the gallery."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from gait_reid.cli import options
from gait_reid.cli.console import OUT, CommandError, report, reporting_errors
from gait_reid.cli.enrolling import Walks
from gait_reid.cli.gallery import GALLERY, KEY_FILE, PROTECTION, config_of, opened
from gait_reid.cli.recordings import RecordingOptions, open_recording
from gait_reid.cli.replay import parse_window, run_with_progress
from gait_reid.cli.replaying import Window
from gait_reid.cli.settings import load_config
from gait_reid.cli.sinks import Sinks
from gait_reid.core.gallery.records import make_records
from gait_reid.core.pipeline import Pipeline
from gait_reid.core.types import Embedding


def command(
    path: Annotated[
        Path | None,
        typer.Argument(metavar="[PATH]", help="recording; without one a live track is enrolled"),
    ] = None,
    person: Annotated[
        str, typer.Option("--person", help="permanent id of the person; default: a new one")
    ] = "",
    name: Annotated[str, typer.Option("--name", help="name that is shown to people")] = "",
    track: Annotated[
        int | None, typer.Option("--track", help="track to enrol; live: required")
    ] = None,
    consent: Annotated[
        bool, typer.Option("--consent", help="the person agreed to be enrolled")
    ] = False,
    retention_days: Annotated[
        float, typer.Option("--retention-days", min=0.0, help="delete after; 0: never")
    ] = 0.0,
    node: Annotated[
        str, typer.Option("--node", help="gallery node of a live enrolment")
    ] = "/gallery",
    window: options.WindowText = ":",
    gallery: str = GALLERY,
    key_file: str = KEY_FILE,
    protection: str = PROTECTION,
    params: options.ParamsFile = None,
    encoder: options.EncoderName = "",
    model: options.ModelName = "",
    lidar_topic: options.LidarTopic = "",
    camera_topic: options.CameraTopic = "",
    camera_info_topic: options.CameraInfoTopic = "",
    calibration: options.Calibration = "",
    lidar_metadata: options.LidarMetadata = "",
) -> None:
    """Enrol the walk of one person from a recording, or of a live track."""
    retention_s = 86400.0 * retention_days
    with reporting_errors():
        if path is None:
            if track is None:
                raise CommandError(
                    "nothing to enrol: give a recording, or the --track of somebody who is walking"
                )
            from gait_reid.cli.live import enroll_track

            answer = enroll_track(node, track, person, name, consent, retention_s)
            OUT.print(f"enrolled track {track} as {answer}", markup=False)
            return
        recorded = options.recording_options(
            lidar_topic, camera_topic, camera_info_topic, calibration, lidar_metadata
        )
        chosen = options.encoder_options(encoder, model)
        walk = find_walk(path, recorded, parse_window(window), track, params, chosen)
        records = make_records(
            walk,
            person_id=person,
            display_name=name,
            consent=consent,
            retention_s=retention_s,
            source=path.name,
        )
        with opened(gallery, key_file, config_of(protection), create=True) as store:
            version = store.add_all(records)
        frames = sum(embedding.num_frames for embedding in walk)
        OUT.print(
            f"enrolled {records[0].person_id}: {len(records)} walks, {frames} frames, "
            f"gallery version {version}",
            markup=False,
            soft_wrap=True,
        )


def find_walk(
    path: Path,
    recorded: RecordingOptions,
    window: Window,
    track: int | None,
    params: Path | None,
    chosen: Mapping[str, str],
) -> list[Embedding]:
    """Return the walk of one person of a recording.

    Args:
        path: The recording.
        recorded: What the user said about it.
        window: Part of it.
        track: Whom to take; None: the only one who walks.
        params: ROS parameter file.
        chosen: Parameters that go before those of the file, by name.

    Raises:
        CommandError: Nobody walks long enough, or several people do.
    """
    with closing(open_recording(path, recorded)) as recording, closing(Sinks()) as sinks:
        pipeline = Pipeline(load_config(params, recording.sensors, chosen))
        walks = Walks(pipeline)
        sinks.add(walks)
        summary = run_with_progress(recording, pipeline, sinks, window, path.name)
    if summary.damage is not None:
        report(str(summary.damage))
    return walks.choose(track)
