"""Our figures beside the published ones, with the protocol of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gait_reid_training.evaluation.cross_modal import published
from gait_reid_training.evaluation.cross_modal.outcomes import titled
from gait_reid_training.evaluation.tables import share, table

Models = Mapping[str, Any]
_PLACES = (1, 5)


def beside_published(models: Models, modes: Sequence[str]) -> list[str]:
    """Return paragraphs and tables; nothing where nothing was published of these networks."""
    rows = [
        [name, *_ours(one, modes), *_theirs(published.NETWORKS[one["about"]["network"]])]
        for name, one in models.items()
        if one["about"].get("network") in published.NETWORKS
    ]
    if not rows:
        return []
    head = ["network", *(f"{titled(mode)}, top-{place}" for mode in modes for place in _PLACES)]
    head += ["published as", *(f"published, top-{place}" for place in _PLACES)]
    parts = [published.PROTOCOL, table(head, rows), published.UNLABELLED]
    main = next((one for one in models.values() if one["about"].get("network") == "mission"), None)
    if main is not None:
        lines = [line for mode in modes for line in _curves(main, mode)]
        parts.append("Mission, top-1, by what was varied:")
        parts.append(table(["varied", "value", "protocol", "here", "published"], lines))
        parts.append(
            f"Also published: {published.UNSEEN_TOP1} for 18 people whom training did not see, and "
            f"at most {published.SCENES_POINTS:g} points less in another scene."
        )
    return parts


def _ours(one: Mapping[str, Any], modes: Sequence[str]) -> list[str]:
    tops = [one["modes"][mode]["top"] for mode in modes]
    return [share(top[place - 1]["value"]) for top in tops for place in _PLACES]


def _theirs(known: published.Published) -> list[str]:
    found = [f"{known.top[place]:.1f}" if place in known.top else "-" for place in _PLACES]
    return [known.title, *found]


def _curves(one: Mapping[str, Any], mode: str) -> list[list[str]]:
    """Return lines of frames, views and records that both have."""
    entry = one["modes"][mode]
    views = entry["views"]
    cameras = views["all"]
    radars = {name: row["all"] for name, row in views.items()}
    records = {name: row["top1"] for name, row in entry["by_records"].items()}
    kinds: list[tuple[str, Mapping[Any, float], Mapping[str, Any]]] = [
        ("view before the radar, deg", published.BY_RADAR_VIEW, radars),
        ("view before the camera, deg", published.BY_CAMERA_VIEW, cameras),
        ("records of each person", published.BY_RECORDS, records),
    ]
    if mode == one.get("headline"):
        frames = {name: row["top1"] for name, row in one["by_frames"].items()}
        kinds.append(("frames of a walk", published.BY_FRAMES, frames))
    return [
        [kind, str(value), titled(mode), share(ours[str(value)]["value"]), f"{theirs:.1f}"]
        for kind, known, ours in kinds
        for value, theirs in known.items()
        if str(value) in ours
    ]
