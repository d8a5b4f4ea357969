"""Dress a body: offset the skin where it is covered, and hang garments and bags on the joints."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

from gait_reid.core.types import Float64
from gait_reid_sim.core.body.carried import Hung, bag_parts, umbrella_parts
from gait_reid_sim.core.body.model import ARM, JOINT, LEG, BodyModel, BodyShape
from gait_reid_sim.core.body.outfit import Outfit
from gait_reid_sim.core.body.shoes import fore_foot, toe_caps
from gait_reid_sim.core.body.skinning import skin, vertex_normals
from gait_reid_sim.core.body.solids import Surface, ellipsoid, tube

HAIR, HEM, SOLE = 32, 33, 37
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
    # Toes inside the shoes are not drawn.
    faces = model.faces[~fore_foot(model, shape)[model.faces].all(axis=1)]
    parts = [
        DressedBody(
            shape,
            outfit,
            vertices,
            model.mean.vertices,
            faces,
            region[faces[:, 0]],
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
    thickness[shoes] = np.where(fore_foot(model, shape)[shoes], 0.0, 0.009)
    thickness[_scalp(model)] = {"bald": 0.0, "short": 0.012}.get(outfit.hair_style, 0.022)
    smooth = _smoothed(shape.vertices, np.isin(region, _FOOT_JOINTS), 10)
    smooth = _smoothed(smooth, top | bottom, 1 + int(outfit.top_thickness_m > 0.015))
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


def _smoothed(vertices: Float64, where: npt.NDArray[np.bool_], rounds: int) -> Float64:
    """Return the vertices with small features ironed out where cloth or leather spans them."""
    nearby, out = _neighbours()[where], vertices.copy()
    for _ in range(rounds):
        out[where] = 0.5 * out[where] + 0.5 * (nearby @ out)
    return out


@lru_cache(maxsize=1)
def _neighbours() -> csr_matrix:
    """Return the (v, v) matrix that takes the mean over the vertices that share an edge."""
    model = BodyModel.load()
    edges = np.concatenate([model.faces[:, [0, 1]], model.faces[:, [1, 2]], model.faces[:, [2, 0]]])
    count = len(model.mean.vertices)
    share = 1.0 / np.bincount(edges[:, 0], minlength=count)[edges[:, 0]]
    return csr_matrix((share, (edges[:, 0], edges[:, 1])), shape=(count, count))


def _hung(
    shape: BodyShape, outfit: Outfit, part: Hung, height_m: float | None = None
) -> DressedBody:
    """Return a part that joints carry along; its material may be that of one height."""
    surface = part.surface
    canonical = surface.vertices.copy()
    if height_m is not None:
        canonical[:, 2] = height_m
    regions = np.full(len(surface.faces), part.region, np.int32)
    return DressedBody(
        shape,
        outfit,
        surface.vertices,
        canonical,
        surface.faces,
        regions,
        part.skin_joints,
        part.skin_weights,
    )


def _extras(
    shape: BodyShape, outfit: Outfit, vertices: Float64, region: npt.NDArray[np.int32]
) -> list[DressedBody]:
    """Return hair, hem, bag and umbrella as the outfit asks."""
    parts = [
        _hung(shape, outfit, part, 0.04)
        for part in toe_caps(BodyModel.load(), shape, outfit.sole_m)
    ]
    if outfit.hair_style in ("medium", "long", "bun"):
        hair = Hung.on(_hair(shape, outfit), HAIR, JOINT["head"])
        parts.append(_hung(shape, outfit, hair))
    if outfit.bottom == "skirt" or outfit.top == "coat":
        parts.append(_hem(shape, outfit, vertices, region))
    if outfit.bag != "none":
        parts += [_hung(shape, outfit, p) for p in bag_parts(shape, outfit, vertices, region)]
    if outfit.umbrella:
        parts += [_hung(shape, outfit, p) for p in umbrella_parts(shape, outfit)]
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
        if z == top_z:
            # The rim lies on the body; the cloth falls free of it below.
            rim = near[np.abs(near[:, 2] - z) < 0.015, :2]
            radius = np.minimum(_outline(rim, turn) + 0.003, radius)
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


def _outline(points: Float64, turn: Float64) -> Float64:
    """Return how far (n, 2) points reach out in each direction."""
    away = np.angle(np.exp(1j * (np.arctan2(points[:, 1], points[:, 0])[:, None] - turn)))
    reach = np.where(np.abs(away) < np.pi / len(turn), np.hypot(*points.T)[:, None], 0.0).max(
        axis=0
    )
    return np.where(reach > 0.0, reach, np.max((points @ [np.cos(turn), np.sin(turn)]), axis=0))


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
