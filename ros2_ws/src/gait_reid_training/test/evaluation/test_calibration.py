"""Thresholds against distances whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from test_protocols import walks_of

from gait_reid.core.gallery.decision_config import DecisionConfig
from gait_reid_training.evaluation.calibration import measure
from gait_reid_training.evaluation.evaluate import Outcome, run_protocol
from gait_reid_training.evaluation.metrics import rank, threshold_at
from gait_reid_training.evaluation.protocols import protocol_of


def an_outcome(people: int = 40, noise: float = 0.5) -> Outcome:
    walks = walks_of(people=people, noise=noise)
    return run_protocol(walks, protocol_of("open_set", walks), exclude_same_view=False)


def test_the_threshold_accepts_the_wanted_share_of_strangers() -> None:
    outcome = an_outcome()
    result = measure(outcome, 0.02, min_frames=12)
    assert result.accepted_strangers <= 0.02
    assert result.detection_rate > 0.3
    assert result.wrong_name_rate < 0.02
    assert result.people == 40
    assert result.stranger_walks == 20 * 20 * 8
    wider = measure(outcome, 0.2, min_frames=12)
    assert wider.calibration.max_distance > result.calibration.max_distance
    assert wider.detection_rate > result.detection_rate
    assert result.calibration.min_frames == 12


def test_the_threshold_holds_for_other_people() -> None:
    limit = measure(an_outcome(), 0.05, min_frames=12).calibration.max_distance
    walks = walks_of(people=60, noise=0.5, seed=8)
    other = run_protocol(walks, protocol_of("open_set", walks), exclude_same_view=False)
    people = np.unique(other.gallery_person)
    known = np.isin(other.gallery_person, people[:20])
    ranking = rank(other.distances, other.same, other.allowed & known[None])
    stranger = ~np.isin(other.person_id, people[:20])
    assert (ranking.nearest[stranger] <= limit).mean() == pytest.approx(0.05, abs=0.04)
    assert limit == pytest.approx(threshold_at(ranking.nearest[stranger], 0.05), rel=0.1)


def test_the_probability_is_even_where_both_are_equally_likely() -> None:
    result = measure(an_outcome(noise=1.0), 0.05, min_frames=12)
    decision = DecisionConfig().calibrated(result.calibration)
    assert decision.max_distance == result.calibration.max_distance
    near, middle, far = decision.probability([0.1, result.calibration.logistic_midpoint, 1.9])
    assert near > 0.95
    assert middle == pytest.approx(0.5)
    assert far < 0.05


def test_what_cannot_be_calibrated_is_refused() -> None:
    walks = walks_of(people=3)
    few = run_protocol(walks, protocol_of("cross_distance", walks), False)
    with pytest.raises(ValueError, match="at least 4 people, the walks are of 3"):
        measure(few, 0.1, 12)
    with pytest.raises(ValueError, match="cannot show a false accept rate"):
        measure(an_outcome(people=4), 1e-5, 12)


def test_the_file_holds_plain_values(tmp_path) -> None:
    import yaml

    result = measure(an_outcome(), 0.05, min_frames=12)
    result.save(tmp_path / "c.yaml")
    content = yaml.safe_load((tmp_path / "c.yaml").read_text(encoding="utf-8"))
    assert content == result.as_mapping()
