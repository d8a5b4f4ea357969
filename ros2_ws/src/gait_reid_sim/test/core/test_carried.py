from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from gait_reid_sim.core.body.carried import STRAP, bag_parts, umbrella_parts
from gait_reid_sim.core.body.dressing import dress
from gait_reid_sim.core.body.model import ARM, LEG, BodyModel
from gait_reid_sim.core.body.outfit import Outfit
from gait_reid_sim.core.body.shoes import fore_foot, toe_caps
from gait_reid_sim.core.gait.animate import animate
from gait_reid_sim.core.gait.itinerary import Itinerary, Path
from gait_reid_sim.core.gait.parameters import carrying
from gait_reid_sim.core.person import Person
from gait_reid_sim.core.scene.actor import Actor

HAND_M = 0.085


@pytest.mark.parametrize("bag_side", [0, 1])
@pytest.mark.parametrize("speed_m_s", [0.7, 1.4])
def test_umbrella_stays_in_the_hand(bag_side: int, speed_m_s: float) -> None:
    person = Person.of("umbrella")
    outfit = dataclasses.replace(person.looks, umbrella=True, bag_side=bag_side)
    itinerary = Itinerary(Path.through([(0, 0), (4, 0)]), speed_m_s)
    gait = carrying(person.gait, outfit)
    motion = animate(person.shape, gait, itinerary, np.random.default_rng(0), outfit.sole_m)
    actor = Actor("umbrella", dress(person.shape, outfit), motion)
    stick = actor.body.faces[actor.body.regions == STRAP]
    arm = ARM[("left", "right")[1 - bag_side]]
    for time_s in np.linspace(0.5, actor.leave_s - 0.5, 7):
        corners = actor.vertices(time_s)[np.unique(stick)]
        top, bottom = (corners[np.argsort(corners[:, 2])[part]].mean(axis=0)
                       for part in (slice(-16, None), slice(0, 16)))  # fmt: skip
        elbow, wrist = actor.joints(time_s)[[arm[2], arm[3]]]
        fore = (wrist - elbow) / np.linalg.norm(wrist - elbow)
        hand = wrist + HAND_M * fore
        along = (top - bottom) / np.linalg.norm(top - bottom)
        assert np.linalg.norm(np.cross(hand - bottom, along)) < 0.035


@pytest.mark.parametrize("bag_side", [0, 1])
def test_handle_joins_hand_and_handbag(bag_side: int) -> None:
    shape = Person.of("handbag").shape
    outfit = Outfit(bag="handbag", bag_side=bag_side)
    model = BodyModel.load()
    bag, handle = bag_parts(shape, outfit, shape.vertices, model.skin_joints[:, 0])
    wrist = shape.joints[ARM[("left", "right")[bag_side]][3]]
    assert handle.surface.vertices[:, 2].max() == pytest.approx(wrist[2] - HAND_M, abs=0.01)
    assert handle.surface.vertices[:, 2].min() < bag.surface.vertices[:, 2].max()


@pytest.mark.parametrize("bag_side", [0, 1])
def test_strap_of_a_satchel_goes_over_the_other_shoulder(bag_side: int) -> None:
    shape = Person.of("satchel").shape
    outfit = Outfit(bag="satchel", bag_side=bag_side)
    bag, strap = bag_parts(shape, outfit, shape.vertices, BodyModel.load().skin_joints[:, 0])
    sign = 1.0 if bag_side == 0 else -1.0
    points = strap.surface.vertices
    assert sign * bag.surface.vertices[:, 1].mean() > 0.1
    assert sign * points[points[:, 2].argmax(), 1] < -0.03
    assert points[:, 2].max() > shape.joints[ARM["left"][1], 2]
    assert points[:, 2].min() < bag.surface.vertices[:, 2].max()
    # Both ends follow the pelvis with the bag, the shoulder follows the thorax.
    assert strap.skin_weights[points[:, 2].argmin(), 0] == pytest.approx(1.0)
    assert strap.skin_weights[points[:, 2].argmax(), 0] == pytest.approx(0.0)


@pytest.mark.parametrize("person", ["a", "b", "c"])
def test_shoes_cover_the_toes(person: str) -> None:
    model, shape = BodyModel.load(), Person.of(person).shape
    covered = fore_foot(model, shape)
    dressed = dress(shape, Outfit())
    for (_, _, _, toe), cap in zip(LEG.values(), toe_caps(model, shape, 0.028)):
        toes = dressed.vertices[: len(covered)][covered & (model.skin_joints[:, 0] == toe)]
        assert len(toes) > 20
        low, high = cap.surface.vertices.min(axis=0), cap.surface.vertices.max(axis=0)
        assert (toes[:, 2] < high[2]).all()
        assert (toes[:, :2] < high[:2] + 1e-3).all()
        assert (toes[:, 1] > low[1] - 1e-3).all()


def test_umbrella_is_above_the_head() -> None:
    shape = Person.of("umbrella").shape
    canopy, _ = umbrella_parts(shape, Outfit(umbrella=True))
    assert canopy.surface.vertices[:, 2].min() > shape.stature_m
