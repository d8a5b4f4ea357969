"""What becomes of queries under each protocol between radar and camera.

* ``pairwise``: a query q and a record g are compared by Y_R(q, g) and Y_V(g, q), for every g.
  Nothing tells the network who the query is.
* ``unimodal``: embeddings that know one modality each.
* ``two_stage``: the nearest records by the unimodal distance, put in order pair by pair.
* ``released_compat``: the evaluation in the released code of Mission (Liu et al., SenSys 2024). A
  query is fused with pictures of its own true person before it is ranked, and a record with its
  own person's radar, so that it **leaks identity**: a radar that says nothing is found as well.
  For comparison with published figures only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gait_reid.core.types import Float64, Int64
from gait_reid_training.evaluation.cross_modal.scores import Scores
from gait_reid_training.evaluation.cross_modal.walks import CrossModalWalks, folded_views
from gait_reid_training.evaluation.evaluate import Outcome
from gait_reid_training.evaluation.metrics import Bool, Ranking, rank
from gait_reid_training.evaluation.protocols import ProtocolError
from gait_reid_training.evaluation.walks import Text

MODES = ("pairwise", "unimodal", "two_stage", "released_compat")
LEAKING = "released_compat"
LEAKS = "leaks identity"
BEHIND = 2.0
"""Added to the distance of records behind the shortlist: no two unit vectors are so far apart."""


def titled(mode: str) -> str:
    """Return the name of a protocol as it is printed, with a warning where there is one."""
    return f"{mode} ({LEAKS})" if mode == LEAKING else mode


def two_stage_distances(first: Float64, second: Float64, allowed: Bool, size: int) -> Float64:
    """Return the distances (n, m) of a search in two stages.

    Args:
        first: (n, m) distances that make the shortlist.
        second: (n, m) distances that put it in order, at most `BEHIND`.
        allowed: (n, m), False on records that are not enrolled.
        size: Records on the shortlist.
    """
    if size >= first.shape[1]:
        return second
    far = np.where(allowed, first, np.inf)
    nearest = np.argpartition(far, size - 1, axis=1)[:, :size]
    out = BEHIND + first
    np.put_along_axis(out, nearest, np.take_along_axis(second, nearest, axis=1), axis=1)
    return np.asarray(out, np.float64)


@dataclass(frozen=True)
class TwoStageOutcome(Outcome):
    """An outcome whose shortlist depends on who is enrolled.

    Attributes:
        first: (n, m) distances that make the shortlist.
        second: (n, m) distances that put it in order.
        size: Records on the shortlist.
    """

    first: Float64
    second: Float64
    size: int

    def distances_among(self, allowed: Bool) -> Float64:
        """Return the distances (n, m), those behind the shortlist beyond all others."""
        return two_stage_distances(self.first, self.second, allowed, self.size)


def outcome_of(
    mode: str, scores: Scores, walks: CrossModalWalks, shortlist: int, learnt: Text | None = None
) -> Outcome:
    """Return the outcome of a protocol; networks that compare no pairs are unimodal in all of them.

    Args:
        mode: One of `MODES`.
        scores: Distances.
        walks: Queries and records.
        shortlist: Records on the shortlist of ``two_stage``.
        learnt: Names of the people that the network learnt from.

    Raises:
        ProtocolError: No such mode.
    """
    if mode not in MODES:
        raise ProtocolError(f"mode {mode!r} does not exist, known are {', '.join(MODES)}")
    who, whom = walks.radar.person_id, walks.vision.person_id
    same = who[:, None] == whom[None]
    allowed = walks.allowed
    distances = scores.unimodal if mode == "unimodal" else scores.pairwise
    if distances is None:
        distances = scores.unimodal
    elif mode == LEAKING and scores.leaking is not None:
        distances = np.nan_to_num(scores.leaking, nan=np.inf)
        allowed = allowed & np.isfinite(distances) & ~_own_pairs(walks)
        single = (walks.radar_partner >= 0) & ~(same & allowed).any(axis=1)
        allowed = allowed & ~np.isin(whom, who[single])[None]
    elif mode == "two_stage":
        distances = two_stage_distances(scores.unimodal, distances, allowed, shortlist)
    values = (
        rank(distances, same, allowed), who, groups_of(walks, learnt), distances, same, allowed,
        whom, folded_views(walks.vision.view_deg), folded_views(walks.radar.view_deg),
    )  # fmt: skip
    if mode == "two_stage" and scores.pairwise is not None:
        return TwoStageOutcome(*values, scores.unimodal, scores.pairwise, shortlist)
    return Outcome(*values)


def _own_pairs(walks: CrossModalWalks) -> Bool:
    """Return (n, m) bool: the pair that a query, or a record, was fused with."""
    n, m = walks.allowed.shape
    rows, columns = np.arange(n)[:, None], np.arange(m)[None]
    return np.asarray(
        (walks.radar_partner[:, None] == columns) | (walks.vision_partner[None] == rows)
    )


def groups_of(walks: CrossModalWalks, learnt: Text | None = None) -> dict[str, dict[str, Bool]]:
    """Return the groups of queries that are told apart: kind -> name -> (n,) bool."""
    table = walks.radar
    kinds = {
        "scene of the radar": table.condition,
        "view before the radar": folded_views(table.view_deg),
        "clothes before the radar": table.outfit,
        "range": np.array([f"{one:g} m" for one in table.range_m]),
    }
    if learnt is not None:
        known = np.isin(table.person_id, learnt)
        kinds["people"] = np.where(known, "learnt from", "held out")
    return {kind: {name: names == name for name in ordered(names)} for kind, names in kinds.items()}


def ordered(names: Text) -> list[str]:
    """Return the distinct names, numbers by their value."""

    def key(name: str) -> tuple[int, float, str]:
        number = name.split(" ")[0].replace(".", "", 1)
        return (0, float(name.split(" ")[0]), name) if number.isdecimal() else (1, 0.0, name)

    return sorted({str(one) for one in names}, key=key)


def ranked_people(outcome: Outcome, allowed: Bool | None = None) -> Ranking:
    """Rank people, each by the nearest of their records.

    Args:
        outcome: Distances to records.
        allowed: (n, m) bool, records that are enrolled; None: all that may be compared.
    """
    use = outcome.allowed if allowed is None else outcome.allowed & allowed
    far = np.where(use, outcome.distances_among(use), np.inf)
    order, names, starts = _by_person(outcome.gallery_person)
    nearest = np.minimum.reduceat(far[:, order], starts, axis=1)
    return rank(nearest, outcome.person_id[:, None] == names[None], np.isfinite(nearest))


def _by_person(person_id: Text) -> tuple[Int64, Text, Int64]:
    """Return the records in order of people, the people, and where each begins."""
    order = np.argsort(person_id, kind="stable")
    names, starts = np.unique(person_id[order], return_index=True)
    return order, names, starts
