from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from gait_reid_training.evaluation.evaluate import (
    compare,
    figures,
    run_protocol,
    view_pair_figures,
)
from gait_reid_training.evaluation.intervals import IdentityBootstrap
from gait_reid_training.evaluation.metrics import unit_parts
from gait_reid_training.evaluation.open_set import open_set_figures
from gait_reid_training.evaluation.protocols import ProtocolError, protocol_of, same_view
from gait_reid_training.evaluation.report import Subject, evaluate, write_report
from gait_reid_training.evaluation.walks import EmbeddedWalks


def walks_of(
    people: int = 12, noise: float = 0.1, seed: int = 0, night_noise: float | None = None
) -> EmbeddedWalks:
    """Return LRGait-like walks: each person is a direction, each walk a noisy copy."""
    rng = np.random.default_rng(seed)
    centre = rng.normal(size=(people, 2, 8))
    rows = []
    for person in range(people):
        rows += [(person, "gallery", "day", 10.0, view) for view in (0, 90, 180, 270)]
        rows += [(person, "day", "day", r, view) for r in (20.0, 30.0) for view in (0, 225)]
        rows += [(person, "night", "night", r, view) for r in (20.0, 30.0) for view in (90, 180)]
    who = np.array([row[0] for row in rows])
    spread = np.array([night_noise if row[2] == "night" and night_noise else noise for row in rows])
    values = centre[who] + spread[:, None, None] * rng.normal(size=(len(rows), 2, 8))
    return EmbeddedWalks(
        unit_parts(values),
        np.array([f"p{one:02d}" for one in who]),
        np.array([row[1] for row in rows]),
        np.array([row[2] for row in rows]),
        np.array(["ordinary"] * len(rows)),
        np.array([row[3] for row in rows]),
        np.array([float(row[4]) for row in rows]),
        np.array([f"walk{n}" for n in range(len(rows))]),
    )


def test_cross_distance_enrols_the_gallery_and_groups_the_probes() -> None:
    walks = walks_of()
    protocol = protocol_of("cross_distance", walks)
    assert protocol.gallery.sum() == 12 * 4
    assert protocol.probe.sum() == 12 * 8
    groups = protocol.groups["light and range"]
    assert list(groups) == ["D-20", "D-30", "N-20", "N-30"]
    assert groups["N-30"].sum() == 12 * 2
    outcome = run_protocol(walks, protocol, exclude_same_view=False)
    found = figures(outcome, IdentityBootstrap.of(outcome.person_id))
    assert found["overall"]["rank1"]["value"] == 1.0
    assert found["overall"]["rank1"]["identities"] == 12
    assert found["groups"]["light"]["night"]["rank1"]["probes"] == 48
    assert found["cmc"][0] == 1.0


def test_noise_at_night_shows_in_the_night_alone() -> None:
    walks = walks_of(people=30, night_noise=3.0)
    outcome = run_protocol(walks, protocol_of("cross_distance", walks), exclude_same_view=False)
    light = figures(outcome, IdentityBootstrap.of(outcome.person_id))["groups"]["light"]
    assert light["day"]["rank1"]["value"] > 0.95
    assert light["night"]["rank1"]["high"] < 0.7


def test_walks_without_a_condition_gallery_enrol_the_nearest_range_by_day() -> None:
    walks = walks_of()
    renamed = np.where(walks.condition == "gallery", "near", walks.condition)
    other = EmbeddedWalks(**{**walks.__dict__, "condition": renamed})
    protocol = protocol_of("cross_distance", other)
    assert np.array_equal(protocol.gallery, walks.condition == "gallery")


def test_identical_views_are_left_out_on_request() -> None:
    first, second = np.array(["0", "90", ""]), np.array(["0", "180-far", ""])
    assert same_view(first, second).tolist() == [[True, False, False], [False] * 3, [False] * 3]
    walks = walks_of(people=3)
    protocol = protocol_of("cross_distance", walks)
    outcome = run_protocol(walks, protocol, exclude_same_view=True)
    probes, gallery = walks.at(protocol.probe), walks.at(protocol.gallery)
    for i, view in enumerate(probes.view_deg):
        assert np.array_equal(outcome.allowed[i], gallery.view_deg != view)


def test_walks_that_do_not_fit_are_refused_by_what_they_have() -> None:
    with pytest.raises(ProtocolError, match=r"sustech1k finds 0 walks .* 00-nm"):
        protocol_of("sustech1k", walks_of())
    with pytest.raises(ProtocolError, match="'lrgait' does not exist, known are cross_distance"):
        protocol_of("lrgait", walks_of())
    with pytest.raises(ProtocolError, match="at least 4 people"):
        protocol_of("open_set", walks_of(people=3))


def sustech1k() -> EmbeddedWalks:
    """Return two people in two views: the probe in view 0 is confused, the one in 90 is not."""
    flat = [
        ("a", "00-nm", 0, (1.0, 0.0)), ("b", "00-nm", 0, (0.0, 1.0)),
        ("a", "00-nm", 90, (1.0, 0.1)), ("b", "00-nm", 90, (0.1, 1.0)),
        ("a", "02-bg", 0, (0.2, 1.0)), ("b", "02-bg", 0, (0.1, 1.0)),
        ("a", "01-cl", 90, (1.0, 0.2)), ("b", "01-cl", 90, (0.2, 1.0)),
    ]  # fmt: skip
    return EmbeddedWalks(
        unit_parts(np.array([[row[3]] for row in flat])),
        np.array([row[0] for row in flat]),
        np.array([row[1] for row in flat]),
        np.array(["day"] * 8),
        np.array(["-"] * 8),
        np.full(8, 5.0),
        np.array([float(row[2]) for row in flat]),
        np.array([f"{row[1]}-{row[2]:03d}" for row in flat]),
    )


def test_sustech1k_is_the_mean_over_pairs_of_views() -> None:
    walks = sustech1k()
    protocol = protocol_of("sustech1k", walks)
    outcome = run_protocol(walks, protocol, exclude_same_view=True)
    pairs = view_pair_figures(outcome)
    # Pairs (0 -> 90): a is taken for b, b is right: 0.5. Pairs (90 -> 0): both right: 1.
    assert pairs["Bag"] == {"rank1": 0.5, "rank5": 1.0, "pairs": 1}
    assert pairs["Clothing"] == {"rank1": 1.0, "rank5": 1.0, "pairs": 1}
    assert pairs["Overall"] == {"rank1": 0.75, "rank5": 1.0, "pairs": 2}


def test_sustech1k_tells_views_of_equal_degrees_apart() -> None:
    walks = sustech1k()
    names = np.array([f"{name}-far" for name in walks.name])
    names[:2] = walks.name[:2]
    protocol = protocol_of("sustech1k", EmbeddedWalks(**{**walks.__dict__, "name": names}))
    assert sorted(set(protocol.view.tolist())) == ["000", "000-far", "090-far"]


def test_freegait_takes_the_lists_of_the_data_set() -> None:
    walks = walks_of()
    names = np.where(walks.condition == "gallery", "gallery", "probe")
    protocol = protocol_of("freegait", EmbeddedWalks(**{**walks.__dict__, "condition": names}))
    assert protocol.gallery.sum() == 48
    assert protocol.probe.sum() == 96


def test_open_set_knows_people_from_strangers_and_noise_from_both() -> None:
    clear, vague = walks_of(people=40), walks_of(people=40, noise=30.0)
    rates = []
    for walks in (clear, vague):
        outcome = run_protocol(walks, protocol_of("open_set", walks), exclude_same_view=False)
        found = open_set_figures(outcome, seed=1)
        assert found["stranger_probes"] == 20 * 8
        assert found["accepted_strangers"] == {"0.01": 1, "0.001": 0}
        row = found["dir"]["0.01"]["overall"]["overall"]
        assert row["low"] <= row["value"] <= row["high"]
        rates.append(row["value"])
        assert found["dir"]["0.001"]["overall"]["overall"]["value"] <= row["value"]
    assert rates[0] == 1.0
    assert rates[1] < 0.15


def test_models_are_compared_on_the_same_probes(tmp_path: Path) -> None:
    good, bad = walks_of(people=30), walks_of(people=30, noise=1.5)
    subjects = [
        Subject("good", good, {"network": "emgaitnet", "seed": 1}),
        Subject("bad", bad, {"network": "gaitbase", "seed": 1}),
    ]
    report, outcomes = evaluate(subjects, "open_set", {"simulated": True, "data": ["a"]})
    first = report["comparisons"][0]
    assert first["rank1_difference"]["low"] > 0.0
    assert first["not_better"] == 0.0
    page = write_report(tmp_path, report, subjects, outcomes).read_text(encoding="utf-8")
    assert page.startswith("# Recognition among strangers, simulated people")
    assert "| good | 100.0 (100.0, 100.0) | 88.6, 100.0 |" in page
    kept = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert set(kept["models"]) == {"good", "bad"}
    for name in kept["pictures"]:
        assert (tmp_path / name).read_bytes()[:4] == b"\x89PNG"


def test_models_that_saw_other_walks_are_not_compared() -> None:
    first, second = walks_of(people=6), walks_of(people=7)
    outcomes = [run_protocol(w, protocol_of("open_set", w), False) for w in (first, second)]
    with pytest.raises(ValueError, match="not shown the same walks"):
        compare(outcomes[0], outcomes[1], IdentityBootstrap.of(outcomes[0].person_id))


def test_embeddings_keep_their_walks(tmp_path: Path) -> None:
    walks = walks_of(people=4)
    walks.save(tmp_path / "walks.npz")
    again = EmbeddedWalks.load(tmp_path / "walks.npz")
    assert np.array_equal(again.values, walks.values)
    assert again.person_id.tolist() == walks.person_id.tolist()
    broken = walks.values.copy()
    broken[3, 0, 0] = np.nan
    with pytest.raises(ValueError, match="walk 'walk3' of 'p00' is not finite"):
        EmbeddedWalks(**{**walks.__dict__, "values": broken})
