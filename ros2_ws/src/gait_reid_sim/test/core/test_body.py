from __future__ import annotations

import numpy as np
import pytest

from gait_reid_sim.core.body.anthropometry import (
    Anthropometry,
    make_body,
    measures,
    sample_anthropometry,
)
from gait_reid_sim.core.body.dressing import dress
from gait_reid_sim.core.body.model import ASSET, LEG, BodyModel
from gait_reid_sim.core.body.outfit import Outfit, sample_looks
from gait_reid_sim.core.body.skinning import joint_positions, skin
from gait_reid_sim.core.person import OUTFITS, Person


def test_asset_is_small_and_closed_enough() -> None:
    model = BodyModel.load()
    assert ASSET.stat().st_size < 1_000_000
    assert 2000 <= len(model.faces) <= 6000
    assert np.allclose(model.skin_weights.sum(axis=1), 1.0)
    assert 65.0 < model.mass_kg(model.mean) < 90.0
    edges = np.sort(model.faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    _, uses = np.unique(edges, axis=0, return_counts=True)
    assert (uses != 2).mean() < 0.02


def test_body_has_the_measures_asked_for() -> None:
    model, rng = BodyModel.load(), np.random.default_rng(1)
    small = Anthropometry(1, 1.55, 22.0, leg=0.97, arm=1.03)
    tall = Anthropometry(0, 1.95, 28.0, leg=1.03, arm=0.97)
    for wanted in (small, tall):
        got = measures(model, make_body(wanted, rng))
        assert got[0] == pytest.approx(wanted.stature_m, abs=1e-6)
        assert np.exp(got[1]) == pytest.approx(wanted.body_mass_index, rel=0.02)
    legs = [measures(model, make_body(w, rng))[2] for w in (small, tall)]
    assert 0.48 < legs[0] < legs[1] < 0.58


def test_population_has_the_published_means() -> None:
    rng = np.random.default_rng(0)
    people = [sample_anthropometry(rng) for _ in range(4000)]
    for sex, mean, sd in ((0, 1.757, 0.069), (1, 1.622, 0.063)):
        statures = np.array([p.stature_m for p in people if p.sex == sex])
        assert statures.mean() == pytest.approx(mean, abs=0.006)
        assert statures.std() == pytest.approx(sd, abs=0.005)


def test_zero_pose_skins_to_itself() -> None:
    model = BodyModel.load()
    body = model.shape(model.sex_mean[0])
    rotations = np.tile(np.eye(3), (21, 1, 1))
    positions = joint_positions(body.joints, rotations, body.joints[0])
    assert np.allclose(positions, body.joints)
    moved = skin(
        body.vertices, body.joints, model.skin_joints, model.skin_weights, rotations, positions
    )
    assert np.allclose(moved, body.vertices, atol=1e-9)


def test_clothes_add_what_they_are_thick() -> None:
    person = Person.of("clothes")
    thin = dress(person.shape, Outfit(top="shirt", top_thickness_m=0.004))
    thick = dress(person.shape, Outfit(top="shirt", top_thickness_m=0.024))
    chest = np.abs(thin.canonical[:, 2] - 1.35) < 0.05
    chest &= np.abs(thin.canonical[:, 1]) < 0.15
    width = [np.ptp(d.vertices[chest], axis=0)[0] for d in (thin, thick)]
    assert width[1] - width[0] == pytest.approx(0.040, abs=0.012)
    soles = dress(person.shape, Outfit(sole_m=0.03)).vertices[:, 2].min()
    assert soles == pytest.approx(-0.03, abs=0.006)


@pytest.mark.parametrize("name", OUTFITS)
def test_every_outfit_is_a_valid_mesh(name: str) -> None:
    person = Person.of("outfits")
    dressed = dress(person.shape, person.outfit(name, np.random.default_rng(3)))
    assert dressed.faces.max() == len(dressed.vertices) - 1
    assert len(dressed.regions) == len(dressed.faces)
    assert np.isfinite(dressed.vertices).all()
    assert np.allclose(dressed.skin_weights.sum(axis=1), 1.0, atol=1e-6)


def test_people_follow_from_their_names() -> None:
    first, again, other = Person.of("anna"), Person.of("anna"), Person.of("bob")
    assert first == again or first.gait.stride_m == again.gait.stride_m
    assert first.anthropometry != other.anthropometry
    assert first.shape.bone(*LEG["left"][:2]) != other.shape.bone(*LEG["left"][:2])
    looks = sample_looks(np.random.default_rng(0), 0)
    assert 0.0 <= min(looks.skin) <= max(looks.skin) <= 1.0


def test_wrong_values_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"stature_m is 3\.0"):
        Anthropometry(0, 3.0, 22.0)
    with pytest.raises(ValueError, match="Outfit.top is 'toga'"):
        Outfit(top="toga")
    with pytest.raises(ValueError, match="outfit 'armour'"):
        Person.of("anna").outfit("armour", np.random.default_rng(0))
