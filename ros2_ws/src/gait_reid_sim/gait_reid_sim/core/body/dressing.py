"""Dress a body: offset the skin where it is covered, and hang garments and bags on the joints."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gait_reid.core.types import Float64
from gait_reid_sim.core.body.model import ARM, JOINT, LEG, BodyModel, BodyShape
from gait_reid_sim.core.body.outfit import Outfit
from gait_reid_sim.core.body.skinning import skin, vertex_normals
from gait_reid_sim.core.body.solids import Surface, ellipsoid, tube

HAIR, HEM, BAG, STRAP, UMBRELLA, SOLE = 32, 33, 34, 35, 36, 37
"""Regions of what is added to the body; regions below 21 are the joint that a face follows."""

SLEEVE_Z = {"t_shirt": 1.29, "shirt": 0.96, "sweater": 0.95, "jacket": 0.94, "coat": 0.94}
"""Height in the mean body's zero pose at which sleeves end."""
BOTTOM_Z = {"trousers": 0.10, "loose_trousers": 0.085, "shorts": 0.50, "skirt": 0.60}
WAIST_Z = 1.02
NECK_Z = 1.555
_TOP_JOINTS = [JOINT[n] for n in ("spine", "thorax", "neck")]
_TOP_JOINTS += [j for arm in ARM.values() for j in arm]
_LEG_JOINTS = [JOINT["pelvis"], *[j for leg in LEG.values() for j in leg[:3]]]
_FOOT_JOINTS = [j for leg in LEG.values() for j in leg[2:]]


@dataclass(frozen=True)
class DressedBody:
    """A person's visible surface in the zero pose.

    Attributes:
        shape: The body underneath.
        outfit: What is worn.
        vertices: (v, 3) metres.
        canonical: (v, 3) where each vertex is on the mean body: coordinates of the patterns.
        faces: (f, 3) int32.
        regions: (f,) int32.
        skin_joints: (v, 4) int32.
        skin_weights: (v, 4).
    """

    shape: BodyShape
    outfit: Outfit
    vertices: Float64
    canonical: Float64
    faces: npt.NDArray[np.int32]
    regions: npt.NDArray[np.int32]
    skin_joints: npt.NDArray[np.int32]
    skin_weights: Float64

    def posed(self, rotations: Float64, positions: Float64) -> Float64:
        """Return (v, 3) world vertices for world poses of the joints."""
        return skin(
            self.vertices,
            self.shape.joints,
            self.skin_joints,
            self.skin_weights,
            np.ascontiguousarray(rotations),
            np.ascontiguousarray(positions),
        )


def dress(shape: BodyShape, outfit: Outfit) -> DressedBody:
    """Return a person in an outfit."""
    model = BodyModel.load()
    region = model.skin_joints[:, 0]
    vertices = _covered(model, shape, outfit, region)
    parts = [
        DressedBody(
            shape,
            outfit,
            vertices,
            model.mean.vertices,
            model.faces,
            region[model.faces[:, 0]],
            model.skin_joints,
            model.skin_weights,
        )
    ]
    parts += _extras(shape, outfit, vertices, region)
    return _joined(parts)


def _smoothstep(x: Float64) -> Float64:
    x = np.clip(x, 0.0, 1.0)
    return x * x * (3.0 - 2.0 * x)


def _covered(
    model: BodyModel, shape: BodyShape, outfit: Outfit, region: npt.NDArray[np.int32]
) -> Float64:
    """Return the vertices, moved outwards by clothes, hair and shoes."""
    z = model.mean.vertices[:, 2]
    top = np.isin(region, _TOP_JOINTS) & (z < NECK_Z + 0.02)
    arms = np.isin(region, [j for arm in ARM.values() for j in arm[1:]])
    sleeve = SLEEVE_Z[outfit.top]
    top &= ~arms | (z > sleeve)
    bottom = np.isin(region, _LEG_JOINTS) & (z > BOTTOM_Z[outfit.bottom])
    thickness = np.zeros(len(z))
    thickness[bottom] = outfit.bottom_thickness_m
    if outfit.bottom == "loose_trousers":
        thickness[bottom] += 0.018 * _smoothstep((0.55 - z[bottom]) / 0.45)
    thickness[top] = outfit.top_thickness_m
    below = (region == JOINT["spine"]) & (z < WAIST_Z) & (outfit.top in ("t_shirt", "shirt"))
    thickness[below] = np.maximum(outfit.top_thickness_m, outfit.bottom_thickness_m)
    shoes = np.isin(region, _FOOT_JOINTS) & (z < 0.10)
    thickness[shoes] = 0.009
    thickness[_scalp(model)] = {"bald": 0.0, "short": 0.012}.get(outfit.hair_style, 0.022)
    smooth = _smoothed(model, shape.vertices, np.isin(region, _FOOT_JOINTS), 10)
    smooth = _smoothed(model, smooth, top | bottom, 1 + int(outfit.top_thickness_m > 0.015))
    moved = smooth + vertex_normals(smooth, model.faces) * thickness[:, None]
    sole = shoes & (shape.vertices[:, 2] < 0.35 * shape.joints[LEG["left"][2], 2])
    moved[sole, 2] = np.minimum(moved[sole, 2], 0.002) - outfit.sole_m * (z[sole] < 0.02)
    moved[shoes & ~sole, 2] -= 0.3 * outfit.sole_m
    return moved


def _scalp(model: BodyModel) -> npt.NDArray[np.bool_]:
    x, _, z = model.mean.vertices.T
    head = model.skin_joints[:, 0] == JOINT["head"]
    return head & hair_line(x, z)


def hair_line(x: Float64, z: Float64) -> npt.NDArray[np.bool_]:
    """Return which points of the mean body's head lie under hair."""
    return z > 1.700 + np.clip((x + 0.01) / 0.12, 0.0, 1.0) * 0.095


def _smoothed(
    model: BodyModel, vertices: Float64, where: npt.NDArray[np.bool_], rounds: int
) -> Float64:
    """Return the vertices with small features ironed out where cloth or leather spans them."""
    edges = np.concatenate([model.faces[:, [0, 1]], model.faces[:, [1, 2]], model.faces[:, [2, 0]]])
    out = vertices.copy()
    for _ in range(rounds):
        total, count = np.zeros_like(out), np.zeros(len(out))
        np.add.at(total, edges[:, 0], out[edges[:, 1]])
        np.add.at(count, edges[:, 0], 1.0)
        mean = total / np.maximum(count, 1.0)[:, None]
        out[where] = 0.5 * out[where] + 0.5 * mean[where]
    return out


def _rigid(
    shape: BodyShape, outfit: Outfit, surface: Surface, region: int, joint: int
) -> DressedBody:
    """Return a surface that follows one joint."""
    count = len(surface.vertices)
    joints = np.full((count, 4), joint, np.int32)
    weights = np.tile([1.0, 0.0, 0.0, 0.0], (count, 1))
    regions = np.full(len(surface.faces), region, np.int32)
    return DressedBody(
        shape, outfit, surface.vertices, surface.vertices, surface.faces, regions, joints, weights
    )


def _extras(
    shape: BodyShape, outfit: Outfit, vertices: Float64, region: npt.NDArray[np.int32]
) -> list[DressedBody]:
    """Return hair, hem, bag and umbrella as the outfit asks."""
    parts = []
    if outfit.hair_style in ("medium", "long", "bun"):
        parts.append(_rigid(shape, outfit, _hair(shape, outfit), HAIR, JOINT["head"]))
    if outfit.bottom == "skirt" or outfit.top == "coat":
        parts.append(_hem(shape, outfit, vertices, region))
    if outfit.bag != "none":
        parts += _bag(shape, outfit, vertices, region)
    if outfit.umbrella:
        parts += _umbrella(shape, outfit)
    return parts


def _hair(shape: BodyShape, outfit: Outfit) -> Surface:
    head = shape.joints[JOINT["head"]]
    size = (shape.stature_m - head[2]) / 0.158
    if outfit.hair_style == "bun":
        return ellipsoid(head + size * np.array([-0.10, 0.0, 0.085]), size * np.full(3, 0.042))
    length = {"medium": 0.16, "long": 0.30}[outfit.hair_style] * size
    turn = np.linspace(-0.56 * np.pi, 0.56 * np.pi, 13) + np.pi
    turn = np.concatenate([turn, turn[::-1]])
    thick = np.repeat([1.0, 0.78], 13)
    rings = []
    for level in np.linspace(0.0, 1.0, 6):
        width = 0.106 - 0.016 * level
        across = size * width * thick * np.sin(turn)
        along = size * (0.112 - 0.02 * level) * thick * np.cos(turn) + size * 0.045
        height = np.full(26, head[2] + 0.10 * size - (1.0 - level) * length)
        rings.append(np.stack([head[0] + along, across, height], axis=1))
    return tube(np.array(rings), both_sides=True)


def _hem(
    shape: BodyShape, outfit: Outfit, vertices: Float64, region: npt.NDArray[np.int32]
) -> DressedBody:
    """Return a skirt or the lower part of a coat: a tube that pelvis and thighs carry along."""
    hip = shape.joints[LEG["left"][0]]
    knee = shape.joints[LEG["left"][1]]
    top_z = hip[2] + 0.10 * shape.stature_m / 1.7
    low_z = knee[2] + (0.06 if outfit.bottom == "skirt" and outfit.top != "coat" else -0.05)
    ease = 0.012 + (outfit.top_thickness_m if outfit.top == "coat" else 0.008)
    body = vertices[np.isin(region, [0, 1, LEG["left"][0], LEG["right"][0]])]
    turn = np.linspace(0.0, 2.0 * np.pi, 24, endpoint=False)
    direction = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    rings, widest = [], np.zeros(24)
    levels = np.linspace(top_z, low_z, 9)
    for z in levels:
        near = body[np.abs(body[:, 2] - z) < 0.04]
        support = (near[:, :2] @ direction.T).max(axis=0) if len(near) else widest
        widest = np.maximum(support, widest)
        radius = widest + ease + 0.06 * (top_z - z)
        rings.append(np.column_stack([direction * radius[:, None], np.full(24, z)]))
    surface = tube(np.array(rings)[::-1], both_sides=True)
    depth = _smoothstep((top_z - surface.vertices[:, 2]) / (top_z - low_z))
    left = _smoothstep(0.5 + 0.5 * surface.vertices[:, 1] / 0.12)
    joints = np.tile([0, LEG["left"][0], LEG["right"][0], 0], (len(depth), 1)).astype(np.int32)
    legs = 0.75 * depth
    weights = np.stack([1.0 - legs, legs * left, legs * (1.0 - left), np.zeros_like(legs)], axis=1)
    regions = np.full(len(surface.faces), HEM, np.int32)
    return DressedBody(
        shape, outfit, surface.vertices, surface.vertices, surface.faces, regions, joints, weights
    )


def _bag(
    shape: BodyShape, outfit: Outfit, vertices: Float64, region: npt.NDArray[np.int32]
) -> list[DressedBody]:
    size = shape.stature_m / 1.75
    if outfit.bag == "backpack":
        torso = vertices[np.isin(region, [JOINT["spine"], JOINT["thorax"]])]
        back, shoulder = torso[:, 0].min(), shape.joints[ARM["left"][1], 2]
        bag = ellipsoid((back - 0.055, 0.0, shoulder - 0.20), (0.085, 0.155, 0.235), 4.0)
        straps = [_strap(shape, outfit, vertices, region, side * 0.09) for side in (1.0, -1.0)]
        return [_rigid(shape, outfit, bag, BAG, JOINT["thorax"]), *straps]
    side = ("left", "right")[outfit.bag_side]
    sign = 1.0 if outfit.bag_side == 0 else -1.0
    if outfit.bag == "handbag":
        wrist = shape.joints[ARM[side][3]]
        bag = ellipsoid(
            wrist + size * np.array([0.02, 0.0, -0.36]), size * np.array([0.17, 0.06, 0.15]), 4.0
        )
        return [_rigid(shape, outfit, bag, BAG, ARM[side][3])]
    hip = shape.joints[LEG[side][0]]
    bag = ellipsoid(
        hip + size * np.array([-0.03, sign * 0.15, 0.0]), size * np.array([0.17, 0.055, 0.13]), 4.0
    )
    return [_rigid(shape, outfit, bag, BAG, JOINT["pelvis"])]


def _strap(
    shape: BodyShape, outfit: Outfit, vertices: Float64, region: npt.NDArray[np.int32], y: float
) -> DressedBody:
    """Return one strap of a backpack: a band over the front of the shoulder."""
    torso = vertices[np.isin(region, [JOINT["spine"], JOINT["thorax"], *ARM["left"][:1]])]
    shoulder = shape.joints[ARM["left"][1], 2]
    rows = []
    for z in np.linspace(shoulder - 0.26, shoulder + 0.02, 7):
        near = torso[(np.abs(torso[:, 2] - z) < 0.07) & (np.abs(torso[:, 1] - y) < 0.10)]
        front = near[:, 0].max() if len(near) else 0.1
        edge = [
            (front + d, y + w, z)
            for w, d in ((-0.02, 0.0), (0.02, 0.0), (0.02, 0.012), (-0.02, 0.012))
        ]
        rows.append(edge)
    return _rigid(shape, outfit, tube(np.array(rows), both_sides=True), STRAP, JOINT["thorax"])


def _umbrella(shape: BodyShape, outfit: Outfit) -> list[DressedBody]:
    """Return canopy and stick; they follow the thorax, because the arm holds them still."""
    sign = -1.0 if outfit.bag_side == 0 else 1.0
    grip = shape.joints[JOINT["thorax"]] + np.array([0.22, sign * 0.20, 0.02])
    top = shape.stature_m + 0.28
    turn = np.linspace(0.0, 2.0 * np.pi, 16, endpoint=False)
    circle = np.stack([np.cos(turn), np.sin(turn), np.zeros(16)], axis=1)
    radii = ((0.52, -0.20), (0.42, -0.10), (0.25, -0.03), (0.002, 0.0))
    centre = np.array([grip[0] - 0.05, 0.6 * grip[1], top])
    canopy = tube(np.array([circle * r + centre + (0.0, 0.0, z) for r, z in radii]), True)
    stick = tube(np.array([circle * 0.008 + grip - (0.0, 0.0, 0.08), circle * 0.008 + centre]))
    return [
        _rigid(shape, outfit, canopy, UMBRELLA, JOINT["thorax"]),
        _rigid(shape, outfit, stick, STRAP, JOINT["thorax"]),
    ]


def _joined(parts: list[DressedBody]) -> DressedBody:
    offsets = np.cumsum([0, *[len(part.vertices) for part in parts[:-1]]])
    first = parts[0]
    return DressedBody(
        first.shape,
        first.outfit,
        np.concatenate([p.vertices for p in parts]),
        np.concatenate([p.canonical for p in parts]),
        np.concatenate([p.faces + o for p, o in zip(parts, offsets)]).astype(np.int32),
        np.concatenate([p.regions for p in parts]),
        np.concatenate([p.skin_joints for p in parts]),
        np.concatenate([p.skin_weights for p in parts]),
    )
