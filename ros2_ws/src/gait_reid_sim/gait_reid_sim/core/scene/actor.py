"""A person in a scene."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from gait_reid.core.types import Float64
from gait_reid_sim.core.body.dressing import DressedBody
from gait_reid_sim.core.body.skinning import skin, vertex_normals
from gait_reid_sim.core.gait.motion import Motion
from gait_reid_sim.core.sensors.materials import person_limits, person_table
from gait_reid_sim.core.sensors.shading import person_material

NUM_SCATTERERS = 128


@dataclass(frozen=True)
class Actor:
    """One walk of one person.

    Attributes:
        person_id: Who it is.
        body: Dressed body.
        motion: How it moves, from ``enter_s`` on.
        enter_s: Time at which the motion begins; the person is absent before and after.
        track_id: Number of the walk in its scene.
    """

    person_id: str
    body: DressedBody
    motion: Motion
    enter_s: float = 0.0
    track_id: int = 0

    @property
    def leave_s(self) -> float:
        """Time at which the person is gone."""
        return self.enter_s + self.motion.duration_s

    def present(self, time_s: float) -> bool:
        """Return whether the person is in the scene."""
        return self.enter_s <= time_s <= self.leave_s

    def joints(self, time_s: float) -> Float64:
        """Return (21, 3) joints, metres, in the fixed frame."""
        return self.motion.at(time_s - self.enter_s)[1]

    def position(self, time_s: float) -> Float64:
        """Return (3,) the point on the ground below the pelvis."""
        return self.joints(time_s)[0] * (1.0, 1.0, 0.0)

    def velocity(self, time_s: float) -> Float64:
        """Return (3,) m/s."""
        return self.motion.velocity(time_s - self.enter_s)

    def heading(self, time_s: float) -> float:
        """Return where the person walks to, radians."""
        motion = self.motion
        index = round((time_s - self.enter_s) * motion.rate_hz)
        return float(motion.heading[min(max(index, 0), len(motion.heading) - 1)])

    def vertices(self, time_s: float) -> Float64:
        """Return (v, 3) the visible surface, metres, in the fixed frame."""
        return self.body.posed(*self.motion.at(time_s - self.enter_s))

    @cached_property
    def table(self) -> Float64:
        """Materials, see `gait_reid_sim.core.sensors.materials`."""
        return person_table(self.body.outfit)

    @cached_property
    def limits(self) -> Float64:
        """Where garments end."""
        return person_limits(self.body.outfit)

    @cached_property
    def reflectivity(self) -> Float64:
        """(f,) diffuse reflectivity of each face for LiDAR."""
        middle = self.body.canonical[self.body.faces].mean(axis=1)
        materials = [
            person_material(int(region), p, self.limits)
            for region, p in zip(self.body.regions, middle)
        ]
        return self.table[materials, 8]

    @cached_property
    def scatterers(self) -> tuple[npt.NDArray[np.int64], Float64]:
        """Vertices that reflect radar and the share of the surface, summing to 1, of each."""
        corners = self.body.vertices[self.body.faces]
        normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        area = 0.5 * np.linalg.norm(normal, axis=1)
        ladder = np.cumsum(area)
        # Even steps through the area of the faces, in an order that does not follow the body.
        order = np.random.default_rng(7).permutation(len(area))
        ladder = np.cumsum(area[order])
        marks = (np.arange(NUM_SCATTERERS) + 0.5) / NUM_SCATTERERS * ladder[-1]
        chosen = order[np.searchsorted(ladder, marks)]
        return self.body.faces[chosen, 0].astype(np.int64), np.full(
            NUM_SCATTERERS, 1.0 / NUM_SCATTERERS
        )

    def scatterer_states(self, time_s: float, span_s: float) -> tuple[Float64, Float64, Float64]:
        """Return (128, 3) positions, velocities over ``span_s`` and normals of the scatterers."""
        index, _ = self.scatterers
        body = self.body
        states = []
        for moment in (time_s - 0.5 * span_s, time_s + 0.5 * span_s):
            rotations, positions = self.motion.at(moment - self.enter_s)
            args = (body.shape.joints, body.skin_joints[index], body.skin_weights[index])
            states.append(skin(body.vertices[index], *args, rotations, positions))
        rotations, _ = self.motion.at(time_s - self.enter_s)
        main = body.skin_joints[index, 0]
        normals = np.einsum("nij,nj->ni", rotations[main], self._rest_normals[index])
        return 0.5 * (states[0] + states[1]), (states[1] - states[0]) / span_s, normals

    @cached_property
    def _rest_normals(self) -> Float64:
        return vertex_normals(self.body.vertices, self.body.faces)
