"""What the people of a simulated data set look like on each walk, in words."""

from __future__ import annotations

import json
from pathlib import Path

from gait_reid_sim.core.captions import Captions, caption
from gait_reid_sim.core.dataset.plan import DatasetPlan, load_plan
from gait_reid_sim.core.dataset.record import outfit_of, walks_of
from gait_reid_training.data.index import DatasetError, WalkTable


def captions_of(folder: Path, walks: WalkTable) -> list[Captions]:
    """Return the captions of walks; they follow from the plan, no picture is looked at.

    Args:
        folder: The data set.
        walks: Walks of that data set.

    Raises:
        DatasetError: The data set is not simulated, or its plan has changed since.
    """
    plan = plan_of(folder)
    known = {
        (person, walk.name): (person, walk)
        for person in dict.fromkeys(walks.person_id.tolist())
        for walk in walks_of(plan, person)
    }
    out = []
    for key in zip(walks.person_id.tolist(), walks.name.tolist()):
        if key not in known:
            raise DatasetError(f"{folder}: the plan has no walk {key[1]!r} of {key[0]!r}")
        person, walk = known[key]
        out.append(caption(plan.person(person, walk.take), outfit_of(plan, walk)))
    return out


def plan_of(folder: Path) -> DatasetPlan:
    """Return the plan that a simulated data set was written from.

    Raises:
        DatasetError: No plan, or one that the simulator does not know as it is.
    """
    file = folder / "plan.json"
    if not file.is_file():
        raise DatasetError(
            f"{folder} has no plan.json: captions are known of simulated people only"
        )
    text = file.read_text(encoding="utf-8")
    name = str(json.loads(text).get("name"))
    try:
        plan = load_plan(name)
    except (FileNotFoundError, ValueError) as error:
        raise DatasetError(f"{file}: plan {name!r} cannot be loaded ({error})") from error
    if plan.text() != text:
        raise DatasetError(f"{file}: plan {name!r} is another one by now; record the data set anew")
    return plan
