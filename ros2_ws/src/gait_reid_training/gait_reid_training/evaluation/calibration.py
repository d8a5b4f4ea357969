"""Decision thresholds of a model, measured on people whom it neither learnt nor is tested on."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from gait_reid.core.gallery.calibration import far_threshold, fit_logistic
from gait_reid.core.gallery.decision_config import Calibration
from gait_reid.core.types import Float64
from gait_reid_training.evaluation.evaluate import Outcome
from gait_reid_training.evaluation.metrics import Bool, Ranking

PARTITIONS = 20
_KEPT = 0.98
"""Share of right answers that a margin must leave."""
_GREATEST = 2.0
"""Distance of opposite unit vectors; what is farther was put behind a shortlist, unmeasured."""


@dataclass(frozen=True)
class CalibrationResult:
    """Thresholds and what they do on the walks that they were measured on.

    Attributes:
        calibration: Thresholds.
        false_accept_rate: That was asked for.
        accepted_strangers: Share of strangers' walks that are called by a name.
        detection_rate: Share of walks of enrolled people that are called by the right name.
        wrong_name_rate: Share of walks of enrolled people that are called by a wrong name.
        people: Number of people; half of them are strangers, in turn.
        stranger_walks: Number of strangers' walks over all divisions.
    """

    calibration: Calibration
    false_accept_rate: float
    accepted_strangers: float
    detection_rate: float
    wrong_name_rate: float
    people: int
    stranger_walks: int

    def as_mapping(self) -> dict[str, Any]:
        """Return everything as plain values, the thresholds under ``calibration``."""
        return asdict(self)

    def save(self, path: Path) -> None:
        """Write the values as YAML."""
        path.write_text(yaml.safe_dump(self.as_mapping(), sort_keys=False), encoding="utf-8")


@dataclass(frozen=True)
class _Division:
    """Probes of one division of the people into enrolled ones and strangers."""

    ranking: Ranking
    second: Float64
    stranger: Bool


def measure(
    outcome: Outcome,
    false_accept_rate: float,
    min_frames: int,
    seed: int = 0,
    may_confirm: bool = True,
) -> CalibrationResult:
    """Measure the thresholds of a model.

    People are divided into enrolled ones and strangers again and again. The greatest distance is
    the one within which the wanted share of strangers' walks finds somebody (FPIR of ISO/IEC
    19795-1, for a gallery of half of the people). The margin to the second person is the one that
    keeps 98 % of what is right. The probability is a logistic curve: of models that call people by
    name through the distances to the nearest walk of the same person and, for strangers, of
    anybody, for equal odds; of models that rank people it is that of the nearest being right, as
    often as it was with half of the walks by strangers.

    Args:
        outcome: Distances of probes to gallery, of the validation split.
        false_accept_rate: Wanted share of strangers' walks.
        min_frames: Frames that the walks had.
        seed: Of the divisions.
        may_confirm: Whether the model may call people by name.

    Raises:
        ValueError: Too few people or walks for this rate, or distances that tell nobody apart.
    """
    divisions = _divisions(outcome, seed)
    genuine = np.concatenate([one.ranking.genuine[~one.stranger] for one in divisions])
    genuine = genuine[genuine <= _GREATEST]
    nearest = np.concatenate([one.ranking.nearest[one.stranger] for one in divisions])
    max_distance = far_threshold(nearest, false_accept_rate)
    midpoint, slope = (
        fit_logistic(genuine, nearest)
        if may_confirm
        else fit_logistic(*_right_and_wrong(divisions), equal_odds=False)
    )
    margin = _margin(divisions, max_distance)
    calibration = Calibration(
        max_distance=max_distance,
        min_margin=margin,
        min_frames=min_frames,
        keep_tolerance=_spread(genuine),
        logistic_midpoint=midpoint,
        logistic_slope=slope,
        may_confirm=may_confirm,
    )
    accepted, right, wrong = _rates(divisions, calibration.max_distance, margin)
    people = len(np.unique(outcome.gallery_person))
    return CalibrationResult(
        calibration, false_accept_rate, accepted, right, wrong, people, len(nearest)
    )


def apply(outcome: Outcome, calibration: Calibration, seed: int = 0) -> dict[str, float | int]:
    """Return what thresholds that were measured elsewhere do on these walks.

    Args:
        outcome: Distances of probes to gallery.
        calibration: Thresholds, measured on other people.
        seed: Of the divisions.

    Raises:
        ValueError: Fewer than four people.
    """
    divisions = _divisions(outcome, seed)
    accepted, right, wrong = _rates(divisions, calibration.max_distance, calibration.min_margin)
    return {
        "max_distance": calibration.max_distance,
        "min_margin": calibration.min_margin,
        "accepted_strangers": accepted,
        "detection_rate": right,
        "wrong_name_rate": wrong,
        "people": len(np.unique(outcome.gallery_person)),
        "stranger_walks": int(sum(one.stranger.sum() for one in divisions)),
    }


def _divisions(outcome: Outcome, seed: int) -> list[_Division]:
    people = np.unique(outcome.gallery_person)
    if len(people) < 4:
        raise ValueError(f"calibration needs at least 4 people, the walks are of {len(people)}")
    rng = np.random.default_rng(seed)
    return [_division(outcome, rng.permutation(people)) for _ in range(PARTITIONS)]


def _division(outcome: Outcome, order: np.ndarray[Any, Any]) -> _Division:
    enrolled = order[: len(order) // 2]
    known = np.isin(outcome.gallery_person, enrolled)
    ranking = outcome.ranked_among(known)
    distances = outcome.distances_among(outcome.allowed & known[None])
    per_person = np.stack(
        [
            np.where(known & (outcome.gallery_person == one), distances, np.inf).min(axis=1)
            for one in enrolled
        ],
        axis=1,
    )
    second = np.partition(per_person, 1, axis=1)[:, 1]
    return _Division(ranking, second, ~np.isin(outcome.person_id, enrolled))


def _margin(divisions: list[_Division], max_distance: float) -> float:
    """Return the greatest margin that keeps nearly all right answers."""
    margins = np.concatenate(
        [
            (one.second - one.ranking.nearest)[
                ~one.stranger & one.ranking.hits(1) & (one.ranking.nearest <= max_distance)
            ]
            for one in divisions
        ]
    )
    if not len(margins):
        return 0.0
    return float(np.clip(np.sort(margins)[int((1.0 - _KEPT) * len(margins))], 0.0, 2.0))


def _right_and_wrong(divisions: list[_Division]) -> tuple[Float64, Float64]:
    """Return the distances to the nearest person where that is the right one, and elsewhere."""
    nearest = np.concatenate([one.ranking.nearest for one in divisions])
    right = np.concatenate([~one.stranger & one.ranking.hits(1) for one in divisions])
    if not right.any():
        raise ValueError(
            "no walk is nearest to a walk of the same person: nothing tells people apart, use "
            "another model"
        )
    return nearest[right], nearest[~right]


def _spread(genuine: Float64) -> float:
    """Return half of the standard deviation of walks of one person."""
    return float(0.5 * np.nanstd(genuine))


def _rates(
    divisions: list[_Division], max_distance: float, margin: float
) -> tuple[float, float, float]:
    """Return how often strangers are accepted, and enrolled people named rightly and wrongly."""
    accepted, right, wrong = [], [], []
    for one in divisions:
        named = (one.ranking.nearest <= max_distance) & (one.second - one.ranking.nearest >= margin)
        hit = one.ranking.hits(1)
        accepted.append(named[one.stranger])
        right.append((named & hit)[~one.stranger])
        wrong.append((named & ~hit)[~one.stranger])
    rates = [float(np.concatenate(some).mean()) for some in (accepted, right, wrong)]
    return rates[0], rates[1], rates[2]
