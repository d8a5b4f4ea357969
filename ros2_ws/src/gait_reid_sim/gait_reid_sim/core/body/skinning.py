"""Linear blend skinning and the chain of joints."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gait_reid.core.compiled import compiled
from gait_reid.core.types import Float64
from gait_reid_sim.core.body.model import PARENTS


def joint_positions(rest_joints: Float64, rotations: Float64, root: Float64) -> Float64:
    """Return (..., 21, 3) world positions of the joints.

    Args:
        rest_joints: (21, 3) joints in the zero pose.
        rotations: (..., 21, 3, 3) world rotations.
        root: (..., 3) position of the pelvis joint.
    """
    position = np.empty(rotations.shape[:-1])
    for joint, parent in enumerate(PARENTS):
        if parent < 0:
            position[..., joint, :] = root
            continue
        offset = rest_joints[joint] - rest_joints[parent]
        position[..., joint, :] = position[..., parent, :] + rotations[..., parent, :, :] @ offset
    return position


@compiled
def skin(
    vertices: Float64,
    rest_joints: Float64,
    skin_joints: npt.NDArray[np.int32],
    skin_weights: Float64,
    rotations: Float64,
    positions: Float64,
) -> Float64:
    """Return (v, 3) vertices that follow the joints.

    Args:
        vertices: (v, 3) in the zero pose.
        rest_joints: (21, 3) in the zero pose.
        skin_joints: (v, 4) joints of each vertex.
        skin_weights: (v, 4).
        rotations: (21, 3, 3) world rotations of the joints.
        positions: (21, 3) world positions of the joints.
    """
    out = np.zeros((len(vertices), 3))
    for v in range(len(vertices)):
        for k in range(skin_joints.shape[1]):
            weight = skin_weights[v, k]
            if weight == 0.0:
                continue
            j = skin_joints[v, k]
            x = vertices[v, 0] - rest_joints[j, 0]
            y = vertices[v, 1] - rest_joints[j, 1]
            z = vertices[v, 2] - rest_joints[j, 2]
            for i in range(3):
                turned = rotations[j, i, 0] * x + rotations[j, i, 1] * y + rotations[j, i, 2] * z
                out[v, i] += weight * (turned + positions[j, i])
    return out


@compiled
def vertex_normals(vertices: Float64, faces: npt.NDArray[np.int32]) -> Float64:
    """Return (v, 3) unit normals, the mean of the adjoining faces' weighted by their area."""
    normals = np.zeros((len(vertices), 3))
    for f in range(len(faces)):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        ax, ay, az = vertices[a, 0], vertices[a, 1], vertices[a, 2]
        ux, uy, uz = vertices[b, 0] - ax, vertices[b, 1] - ay, vertices[b, 2] - az
        vx, vy, vz = vertices[c, 0] - ax, vertices[c, 1] - ay, vertices[c, 2] - az
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for v in (a, b, c):
            normals[v, 0] += nx
            normals[v, 1] += ny
            normals[v, 2] += nz
    for v in range(len(normals)):
        length = np.sqrt(normals[v, 0] ** 2 + normals[v, 1] ** 2 + normals[v, 2] ** 2)
        if length > 0.0:
            for i in range(3):
                normals[v, i] /= length
    return normals
