"""The statistical body: a mean, linear components, and how the skin follows the joints."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gait_reid.core.types import Float64

ASSET = Path(__file__).resolve().parents[2] / "data" / "body.npz"
JOINT_NAMES = (
    "pelvis", "spine", "thorax", "neck", "head",
    "left_hip", "left_knee", "left_ankle", "left_toe",
    "right_hip", "right_knee", "right_ankle", "right_toe",
    "left_collar", "left_shoulder", "left_elbow", "left_wrist",
    "right_collar", "right_shoulder", "right_elbow", "right_wrist",
)  # fmt: skip
JOINT = {name: index for index, name in enumerate(JOINT_NAMES)}
PARENTS = (-1, 0, 1, 2, 3, 0, 5, 6, 7, 0, 9, 10, 11, 2, 13, 14, 15, 2, 17, 18, 19)
LEG = {side: tuple(JOINT[f"{side}_{n}"] for n in ("hip", "knee", "ankle", "toe"))
       for side in ("left", "right")}  # fmt: skip
ARM = {side: tuple(JOINT[f"{side}_{n}"] for n in ("collar", "shoulder", "elbow", "wrist"))
       for side in ("left", "right")}  # fmt: skip
BODY_DENSITY_KG_M3 = 1010.0


@dataclass(frozen=True)
class BodyShape:
    """One body in the zero pose: upright, arms hanging, soles on z = 0, x forward, y left.

    Attributes:
        vertices: (v, 3) float64, metres.
        joints: (21, 3) float64, metres, order of `JOINT_NAMES`.
    """

    vertices: Float64
    joints: Float64

    def bone(self, start: int, end: int) -> float:
        """Distance between two joints, metres."""
        return float(np.linalg.norm(self.joints[end] - self.joints[start]))

    @property
    def stature_m(self) -> float:
        """Height of the crown above the soles."""
        return float(self.vertices[:, 2].max() - self.vertices[:, 2].min())

    @property
    def leg_length_m(self) -> float:
        """Height of the hip joints above the soles."""
        return float(self.joints[[LEG["left"][0], LEG["right"][0]], 2].mean())

    def scaled(self, factor: float) -> BodyShape:
        """Return the body, enlarged in every direction."""
        return BodyShape(self.vertices * factor, self.joints * factor)


@dataclass(frozen=True)
class BodyModel:
    """The asset ``body.npz``; see its licence beside it.

    Attributes:
        mean: Mean body.
        faces: (f, 3) int32.
        vertex_components: (k, v, 3) float64, one standard deviation each.
        joint_components: (k, 21, 3) float64.
        skin_joints: (v, 4) int32, joints that each vertex follows.
        skin_weights: (v, 4) float64, their weights; rows sum to 1.
        sex_mean: (2, k) float64, mean coefficients of men and women.
        sex_covariance: (2, k, k) float64.
    """

    mean: BodyShape
    faces: npt.NDArray[np.int32]
    vertex_components: Float64
    joint_components: Float64
    skin_joints: npt.NDArray[np.int32]
    skin_weights: Float64
    sex_mean: Float64
    sex_covariance: Float64

    @classmethod
    @lru_cache(maxsize=1)
    def load(cls) -> BodyModel:
        """Read the asset of the package.

        Raises:
            ValueError: The file does not hold the joints that the code expects.
        """
        with np.load(ASSET, allow_pickle=False) as data:
            if tuple(data["joint_names"].tolist()) != JOINT_NAMES:
                raise ValueError(
                    f"{ASSET.name} has other joints than this version expects; "
                    "make it again with tools/make_body_asset.py"
                )
            as_float = {
                name: data[name].astype(np.float64) for name in data if name != "joint_names"
            }
        return cls(
            BodyShape(as_float["vertices"], as_float["joints"]),
            as_float["faces"].astype(np.int32),
            as_float["vertex_components"],
            as_float["joint_components"],
            as_float["skin_joints"].astype(np.int32),
            as_float["skin_weights"] / 255.0,
            as_float["sex_mean"],
            as_float["sex_covariance"],
        )

    def shape(self, coefficients: Float64) -> BodyShape:
        """Return the body of (k,) coefficients, standing on z = 0."""
        vertices = self.mean.vertices + np.tensordot(coefficients, self.vertex_components, 1)
        joints = self.mean.joints + np.tensordot(coefficients, self.joint_components, 1)
        ground = np.array([0.0, 0.0, vertices[:, 2].min()])
        return BodyShape(vertices - ground, joints - ground)

    def mass_kg(self, body: BodyShape) -> float:
        """Return the mass from the volume of the closed skin."""
        a, b, c = (body.vertices[self.faces[:, i]] for i in range(3))
        volume = np.einsum("fi,fi->", a, np.cross(b, c)) / 6.0
        return float(BODY_DENSITY_KG_M3 * volume)
