"""Protocols between radar and camera: who may know what, and what follows from it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from radar_people import CopiesPictures, People, names  # noqa: E402

from gait_reid.core.gallery.decision_config import Calibration  # noqa: E402
from gait_reid_training.evaluation.calibration import apply, measure  # noqa: E402
from gait_reid_training.evaluation.cross_modal.breakdowns import (  # noqa: E402
    by_gallery_size,
    by_records,
    crossed,
    top_figures,
)
from gait_reid_training.evaluation.cross_modal.outcomes import (  # noqa: E402
    LEAKS,
    MODES,
    outcome_of,
    ranked_people,
    two_stage_distances,
)
from gait_reid_training.evaluation.cross_modal.poses import (  # noqa: E402
    batch_errors,
    pose_errors,
    pose_figures,
)
from gait_reid_training.evaluation.cross_modal.report import (  # noqa: E402
    CrossModalSubject,
    evaluate_cross_modal,
    write_cross_modal,
)
from gait_reid_training.evaluation.cross_modal.scores import Scores, scores_of  # noqa: E402
from gait_reid_training.evaluation.intervals import IdentityBootstrap  # noqa: E402
from gait_reid_training.evaluation.page import page  # noqa: E402
from gait_reid_training.evaluation.protocols import ProtocolError  # noqa: E402
from gait_reid_training.nets.mission.cross_modal import CrossModalOutput  # noqa: E402
from gait_reid_training.nets.mission.registry import build_cross_modal_network  # noqa: E402

torch.set_num_threads(1)
SMALL = {"width": 4, "dim": 16, "inner": 8, "tokens": [4, 2], "lstm_width": 8, "lstm_layers": 1}
PEOPLE = 30
CHANCE = 1.0 / PEOPLE


@pytest.fixture(scope="module")
def walks():
    return People(names(PEOPLE), names(PEOPLE), ("a", "b", "c", "d"), ("x", "y", "z")).walks()


@pytest.fixture(scope="module")
def copied(walks) -> Scores:
    return scores_of(CopiesPictures(), walks, 3)


def worn_mission(**settings):
    """Return a network whose exchange of features does something, as after training."""
    torch.manual_seed(0)
    network = build_cross_modal_network("mission", {**SMALL, **settings})
    for module in network.modules():
        if hasattr(module, "running_var"):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias)
    return network.eval()


def test_identity_in_pictures_alone_is_chance_under_pairwise(walks, copied) -> None:
    found = {
        mode: ranked_people(outcome_of(mode, copied, walks, 50)).hits(1).mean() for mode in MODES
    }
    queries = len(walks.radar)
    spread = 3.0 * np.sqrt(CHANCE * (1.0 - CHANCE) / queries)
    for mode in ("pairwise", "unimodal", "two_stage"):
        assert found[mode] == pytest.approx(CHANCE, abs=spread), mode
    assert found["released_compat"] > 0.95


@pytest.mark.parametrize("scope", ["frame", "sequence"])
def test_cached_pairs_rank_like_those_written_out(scope: str) -> None:
    walks = People(names(5), names(7)).walks()
    network = worn_mission(scope=scope)
    plain, cached = (scores_of(network, walks, 3, cached=one) for one in (False, True))
    for name in ("unimodal", "pairwise", "leaking"):
        first, second = getattr(plain, name), getattr(cached, name)
        np.testing.assert_allclose(first, second, atol=1e-5)
    # In the order of one the other ascends as well, up to rounding.
    order = np.argsort(cached.pairwise, axis=1)
    assert np.diff(np.take_along_axis(plain.pairwise, order, axis=1), axis=1).min() > -1e-5
    assert plain.pairwise.std(axis=1).min() > 1e-3


def test_scores_do_not_depend_on_how_walks_are_put_together(monkeypatch) -> None:
    walks = People(names(5), names(7)).walks()
    network = worn_mission()
    whole = scores_of(network, walks, 3)
    for name, size in (("BATCH", 3), ("BLOCK", 4), ("CHUNK", 3)):
        monkeypatch.setattr(f"gait_reid_training.evaluation.cross_modal.scores.{name}", size)
    seen = []
    parts = scores_of(network, walks, 3, progress=lambda done, total: seen.append((done, total)))
    for name in ("unimodal", "pairwise", "leaking"):
        np.testing.assert_allclose(getattr(parts, name), getattr(whole, name), atol=1e-5)
    assert seen == [(4, 14), (8, 14), (12, 14), (14, 14)]


def test_networks_that_compare_no_pairs_are_unimodal_in_every_protocol() -> None:
    walks = People(names(4), names(4)).walks()
    torch.manual_seed(0)
    small = {key: SMALL[key] for key in ("width", "dim", "lstm_width", "lstm_layers")}
    scores = scores_of(build_cross_modal_network("ptl", small), walks, 3)
    assert scores.pairwise is None
    outcomes = [outcome_of(mode, scores, walks, 2) for mode in MODES]
    for one in outcomes:
        np.testing.assert_array_equal(one.distances, scores.unimodal)
    with pytest.raises(ValueError, match="finds nobody"):
        scores_of(build_cross_modal_network("mmmesh", {"width": 4, "dim": 16}), walks, 3)


def test_a_shortlist_of_the_whole_gallery_is_pairwise(walks, copied) -> None:
    whole = outcome_of("two_stage", copied, walks, len(walks.vision))
    pairwise = outcome_of("pairwise", copied, walks, 0)
    np.testing.assert_array_equal(whole.distances, pairwise.distances)
    np.testing.assert_array_equal(whole.ranking.first_hit, pairwise.ranking.first_hit)
    known = np.arange(len(walks.vision)) % 2 == 0
    np.testing.assert_array_equal(
        whole.ranked_among(known).first_hit, pairwise.ranked_among(known).first_hit
    )


def test_two_stages_put_the_shortlist_in_order_and_the_others_behind() -> None:
    first = np.array([[0.1, 0.2, 0.3, 0.4], [0.9, 0.3, 0.2, 0.5]])
    second = np.array([[1.0, 0.5, 0.1, 0.2], [0.1, 0.6, 0.7, 0.2]])
    everything = np.ones((2, 4), bool)
    found = two_stage_distances(first, second, everything, 2)
    np.testing.assert_allclose(found, [[1.0, 0.5, 2.3, 2.4], [2.9, 0.6, 0.7, 2.5]])
    # Where the first record is not enrolled, the third is on the shortlist.
    some = everything.copy()
    some[0, 0] = False
    assert two_stage_distances(first, second, some, 2)[0, 1:].tolist() == [0.5, 0.1, 2.4]


def known_matrix():
    """Two queries and three people with two records each, with distances chosen by hand."""
    walks = People(["p000", "p001"], names(3), ("a",)).walks()
    distances = np.array([[0.5, 0.9, 0.4, 0.8, 0.6, 0.7], [0.1, 0.9, 0.8, 0.6, 0.2, 0.3]])
    return walks, Scores(distances, distances, distances)


def test_figures_of_a_small_matrix_are_those_by_hand() -> None:
    walks, scores = known_matrix()
    outcome = outcome_of("pairwise", scores, walks, 0)
    # Query of p000: p001 .4, p000 .5, p002 .6. Query of p001: p000 .1, p002 .2, p001 .6.
    people = ranked_people(outcome)
    assert people.first_hit.tolist() == [1, 2]
    # Records of p000 are the second and the sixth, those of p001 the fourth and the fifth.
    assert outcome.ranking.average_precision == pytest.approx(
        [(1 / 2 + 2 / 6) / 2, (1 / 4 + 2 / 5) / 2]
    )
    top = top_figures(outcome, IdentityBootstrap.of(outcome.person_id), 3)
    assert [one["value"] for one in top] == [0.0, 0.5, 1.0]
    assert top[1]["identities"] == 2


def test_galleries_of_two_and_single_records_are_those_by_hand() -> None:
    walks, scores = known_matrix()
    outcome = outcome_of("pairwise", scores, walks, 0)
    bootstrap = IdentityBootstrap.of(outcome.person_id)
    sizes = by_gallery_size(outcome, bootstrap)
    assert list(sizes) == ["3"]
    assert sizes["3"]["top1"]["value"] == 0.0
    records = by_records(outcome, bootstrap, rounds=200)
    assert list(records) == ["1", "2"]
    # p000's query wins by .5 against .8 with its first record, never with its second: a quarter
    # (p002 has .6 or .7). p001's has .8 or .6 and wins against .9 of p000 never, for p002 has .3.
    assert records["1"]["top1"]["value"] == pytest.approx(0.25 / 2, abs=0.05)
    table = crossed(outcome, bootstrap, walks.radar.condition, walks.vision.condition)
    assert list(table) == ["all", "a"]
    assert list(table["all"]) == ["all", "indoor", "outdoor"]
    # Indoors alone p000's query finds .5 after .4; outdoors .9 after .8 and .7.
    assert table["a"]["indoor"]["value"] == 0.0


def test_smaller_galleries_are_easier_by_what_chance_says() -> None:
    walks = People(names(60), names(60), ("a", "b"), ("x",)).walks()
    rng = np.random.default_rng(0)
    scores = Scores(rng.random((120, 60)))
    found = by_gallery_size(
        outcome_of("unimodal", scores, walks, 0), IdentityBootstrap.of(walks.radar.person_id)
    )
    assert list(found) == ["10", "18", "26", "34", "42", "50", "58", "60"]
    assert found["10"]["top1"]["value"] == pytest.approx(0.1, abs=0.03)
    assert found["10"]["top5"]["value"] == pytest.approx(0.5, abs=0.07)
    assert found["50"]["top5"]["value"] == pytest.approx(0.1, abs=0.04)


def test_people_with_a_single_walk_are_left_out() -> None:
    data = People(["p000", "p001", "p002"], ["p000", "p001", "p003"], ("a",), ("a", "b"))
    names_of = data.vision.walks.name.copy()
    keep = np.array([True, True, True, False, True, True])  # p001 has one record: its own query
    data.vision.walks = data.vision.walks.at(keep)
    assert names_of[2] == data.radar.walks.name[1]
    walks = data.walks(same_recordings=True)
    assert walks.excluded == ["p001"]
    assert walks.radar.person_id.tolist() == ["p000", "p002"]  # p002 is a stranger
    assert walks.vision.person_id.tolist() == ["p000", "p000", "p003", "p003"]
    assert walks.allowed[0].tolist() == [False, True, True, True]
    # In other data sets the same names are other walks.
    assert data.walks().excluded == []


def test_walks_of_each_person_are_limited_evenly() -> None:
    data = People(names(3), names(3), ("a", "b", "c", "d"), ("x", "y", "z"))
    walks = data.walks(queries=2, records=1)
    assert walks.radar.condition.tolist() == ["b", "d"] * 3
    assert walks.vision.condition.tolist() == ["y"] * 3
    batch = walks.radar_batch([1], 3)
    assert torch.equal(batch.points, data.radar.batch([3], 3, None).points)


def test_the_released_protocol_leaves_the_fused_pair_out(walks, copied) -> None:
    outcome = outcome_of("released_compat", copied, walks, 0)
    rows = np.arange(len(walks.radar))
    assert not outcome.allowed[rows, walks.radar_partner].any()
    assert not outcome.allowed[walks.vision_partner, np.arange(len(walks.vision))].any()
    single = People(names(4), names(4), ("a", "b"), ("x",)).walks()
    found = outcome_of("released_compat", scores_of(CopiesPictures(), single, 3), single, 0)
    assert not found.ranking.valid.any()  # a single record is the fused one itself
    with pytest.raises(ProtocolError, match="'paired' does not exist, known are pairwise"):
        outcome_of("paired", copied, walks, 0)


def test_joint_errors_are_in_centimetres_of_frames_that_are_known() -> None:
    batch = People(names(2), names(2), ("a",)).batch([0, 1], 3, None)
    shift = torch.tensor([0.03, 0.0, 0.04])
    batch.radar.has_pose[1, 1:] = False
    estimate = batch.radar.joints + shift
    estimate[1, 1:] += 9.0
    output = CrossModalOutput(
        None, None, (), (batch.vision_joints,) * 2, (estimate, estimate + shift),
        batch.radar.root + 0.03,
    )  # fmt: skip
    errors = batch_errors(output, batch, fused=True)
    assert errors["radar_fused"] == pytest.approx([5.0, 5.0], abs=1e-4)
    assert errors["radar_alone"] == pytest.approx([10.0, 10.0], abs=1e-4)
    assert errors["vision_fused"] == pytest.approx([0.0, 0.0])
    assert errors["root"] == pytest.approx([3 * 2**0.5] * 2, abs=1e-4)
    alone = batch_errors(output, batch, fused=False)
    assert sorted(alone) == ["radar_alone", "root", "vision_alone"]


def test_calibration_of_one_half_holds_for_other_people() -> None:
    def scores_with(walks, seed: int) -> Scores:
        rng = np.random.default_rng(seed)
        right = walks.radar.person_id[:, None] == walks.vision.person_id[None]
        pairs = np.clip(np.where(right, 0.5, 0.9) + 0.12 * rng.normal(size=right.shape), 0, 2)
        return Scores(pairs + 0.02 * rng.random(right.shape), pairs)

    first, second = (
        People(names(40, start), names(40, start), ("a", "b", "c")).walks() for start in (0, 100)
    )
    outcome = outcome_of("two_stage", scores_with(first, 1), first, 12)
    result = measure(outcome, 0.05, min_frames=10)
    assert isinstance(result.calibration, Calibration)
    assert result.calibration.max_distance < 1.0
    assert result.accepted_strangers <= 0.05
    assert result.detection_rate > 0.3
    other = outcome_of("two_stage", scores_with(second, 2), second, 12)
    done = apply(other, result.calibration)
    assert done["accepted_strangers"] == pytest.approx(0.05, abs=0.03)
    assert done["detection_rate"] == pytest.approx(result.detection_rate, abs=0.1)


def test_a_probability_of_ranks_is_how_often_the_nearest_is_right() -> None:
    """Right people are nearer on average, and yet farther than the nearest of ten others."""
    rng = np.random.default_rng(3)
    walks = People(names(40), names(40), ("a", "b", "c")).walks()
    right = walks.radar.person_id[:, None] == walks.vision.person_id[None]
    pairs = np.clip(np.where(right, 1.0, 1.1) + 0.1 * rng.normal(size=right.shape), 0, 2)
    outcome = outcome_of("pairwise", Scores(pairs, pairs), walks, 12)
    with pytest.raises(ValueError, match="not smaller"):
        measure(outcome, 0.05, min_frames=10)
    found = measure(outcome, 0.05, min_frames=10, may_confirm=False).calibration
    nearest = np.where(outcome.allowed, pairs, np.inf).min(axis=1)
    chance = 1.0 / (1.0 + np.exp(found.logistic_slope * (nearest - found.logistic_midpoint)))
    assert 0.02 < chance.mean() < 0.3
    assert found.may_confirm is False


def test_a_report_names_what_leaks_wherever_it_shows(walks, copied, tmp_path: Path) -> None:
    small = People(names(12), names(14), ("a", "b"), ("x", "y")).walks()
    network = worn_mission()
    errors = pose_errors(network, small, 3)
    subjects = [
        CrossModalSubject(
            "base", scores_of(network, small, 3), {"network": "mission", "seed": 1},
            np.array(names(2)), errors, {2: scores_of(network, small, 2)},
            {"two_stage": Calibration()},
        ),
        CrossModalSubject("toy", scores_of(CopiesPictures(), small, 3), {"network": "ptl"}),
        CrossModalSubject(
            "poses", None, {"network": "mmmesh"}, None, {"radar_alone": errors["root"]}
        ),
    ]  # fmt: skip
    about = {"simulated": True, "data": ["room"], "split": "test", "command": "gait-reid eval"}
    report, outcomes = evaluate_cross_modal(subjects, MODES, small, about, 4)
    text = write_cross_modal(tmp_path, report, subjects, outcomes).read_text(encoding="utf-8")
    assert text.startswith("# Radar queries among camera records, simulated people")
    assert "24 radar walks are looked for among 28 camera walks" in text
    headings = [one for one in text.splitlines() if one.startswith("#") and "released" in one]
    assert headings
    assert all(LEAKS in one for one in headings)
    assert f"*released_compat ({LEAKS})*" in text
    assert "published, top-1" in text
    assert "85.4" in text
    kept = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert kept["models"]["base"]["modes"]["released_compat"]["warning"] == LEAKS
    assert kept["models"]["base"]["modes"]["two_stage"]["calibrated"]["people"] == 14
    assert len(kept["models"]["base"]["modes"]["pairwise"]["top"]) == 10
    assert set(kept["models"]["base"]["modes"]["pairwise"]["groups"]["people"]) == {
        "held out", "learnt from",
    }  # fmt: skip
    assert kept["models"]["poses"]["modes"] == {}
    assert [one["second"] for one in kept["between_modes"][:3]] == [
        "unimodal", "two_stage", f"released_compat ({LEAKS})",
    ]  # fmt: skip
    for name in kept["pictures"]:
        assert (tmp_path / name).read_bytes()[:4] == b"\x89PNG"
    whole = page([kept])
    assert whole.startswith("# Recognition behind the radar of simulated people")
    assert "### released_compat (leaks identity)" in whole
    with pytest.raises(ValueError, match="page of their own"):
        page([kept, {"simulated": True, "mode": "open_set"}])


def test_poses_of_a_network_are_averaged_by_person() -> None:
    walks = People(names(3), names(2), ("a", "b")).walks()
    errors = pose_errors(worn_mission(), walks, 3)
    assert sorted(errors) == ["radar_alone", "radar_fused", "root", "vision_alone", "vision_fused"]
    assert np.isnan(errors["root"][4:]).all()  # the third person has no record
    found = pose_figures(errors, IdentityBootstrap.of(walks.radar.person_id))
    assert found["root"]["identities"] == 2
    assert found["root"]["value"] == pytest.approx(errors["root"][:4].mean())
