"""Run a scenario: frames of all sensors in order of time, with the truth about everybody."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from gait_reid.core.geometry import Pose, optical_pose
from gait_reid.core.types import CameraFrame, Float64, PointCloud
from gait_reid_sim.core.person import Person, seed_of
from gait_reid_sim.core.scene.actor import Actor
from gait_reid_sim.core.scene.scenario import Scenario, SensorPlan
from gait_reid_sim.core.sensors.beams import beam_table
from gait_reid_sim.core.sensors.camera import Camera
from gait_reid_sim.core.sensors.lidar import Lidar
from gait_reid_sim.core.sensors.radar import RADAR_PROFILES, Radar


@dataclass(frozen=True)
class Truth:
    """Who was where at one instant; rows are the people present.

    Attributes:
        stamp_ns: Time of the frame.
        track_id: (n,) int64, number of the walk in the scenario.
        person_id: Who; the same in every scene.
        position: (n, 3) metres, ground below the pelvis, fixed frame.
        velocity: (n, 3) m/s.
        heading: (n,) radians.
        joints: (n, 21, 3) metres, order of `gait_reid_sim.core.body.model.JOINT_NAMES`.
        evidence: (n,) LiDAR and radar: points on the person; camera: pixels of the person.
        visibility: (n,) camera: share of the silhouette that nothing covers; LiDAR and radar: 1
            where any point is on the person, else 0.
        roi: (n, 4) camera: box of the visible silhouette in pixels; NaN otherwise.
    """

    stamp_ns: int
    track_id: npt.NDArray[np.int64]
    person_id: tuple[str, ...]
    position: Float64
    velocity: Float64
    heading: Float64
    joints: Float64
    evidence: npt.NDArray[np.int64]
    visibility: Float64
    roi: Float64

    def __len__(self) -> int:
        return len(self.track_id)


@dataclass(frozen=True)
class SensorFrame:
    """One frame of one sensor.

    Attributes:
        sensor: Name of the sensor in the scenario.
        type: ``lidar``, ``camera`` or ``radar``.
        stamp_ns: Acquisition time.
        data: What the sensor delivers.
        owner: LiDAR and radar: (n,) int32, track id of each point, negative for nobody; camera:
            (h, w) int16 likewise for each pixel.
        truth: Who was where.
    """

    sensor: str
    type: str
    stamp_ns: int
    data: PointCloud | CameraFrame
    owner: npt.NDArray[np.integer]
    truth: Truth


@dataclass
class Simulation:
    """A scenario, ready to run; running it twice gives the same bytes."""

    scenario: Scenario
    models: dict[str, Lidar | Camera | Radar] = field(init=False)

    def __post_init__(self) -> None:
        self.models = {plan.name: self._model(plan) for plan in self.scenario.sensors}

    @cached_property
    def actors(self) -> list[Actor]:
        """Everybody who walks, one entry per walk; the track id is its row."""
        actors = []
        for row, plan in enumerate(self.scenario.walks):
            rng = np.random.default_rng(
                seed_of("walk", self.scenario.seed, self.scenario.name, row, plan.person_id)
            )
            person = Person.of(plan.person_id, self.scenario.spread)
            actors.append(
                person.walk(
                    plan.itinerary, rng, plan.outfit, plan.enter_s, row, self.scenario.within_spread
                )
            )
        return actors

    def pose_of(self, sensor: str) -> Pose:
        """Return the pose of the frame that a sensor's data are expressed in."""
        return self.models[sensor].pose

    def frames(self) -> Iterator[SensorFrame]:
        """Yield the frames of all sensors in the order in which they begin."""
        plans = self.scenario.sensors
        queue = [(0.0, order, 0) for order in range(len(plans))]
        while queue:
            start_s, order, number = heapq.heappop(queue)
            if start_s >= self.scenario.duration_s:
                continue
            yield self.frame(plans[order], number)
            following = (number + 1) / self.rate_hz(plans[order])
            heapq.heappush(queue, (following, order, number + 1))

    def rate_hz(self, plan: SensorPlan) -> float:
        """Return the frame rate of a sensor."""
        if plan.rate_hz:
            return plan.rate_hz
        model = self.models[plan.name]
        if isinstance(model, Lidar):
            return model.table.rate_hz
        return model.config.rate_hz if isinstance(model, Camera) else model.profile.rate_hz

    def frame(self, plan: SensorPlan, number: int) -> SensorFrame:
        """Return frame ``number`` of a sensor; frames do not depend on each other."""
        model, start_s = self.models[plan.name], number / self.rate_hz(plan)
        rng = np.random.default_rng(
            seed_of("frame", self.scenario.seed, self.scenario.name, plan.name, number)
        )
        near = [a for a in self.actors if a.enter_s - 0.2 <= start_s <= a.leave_s + 0.2]
        if isinstance(model, Lidar):
            scan = model.scan(near, start_s, rng, kept=plan.kept)
            return self._points(plan, near, scan.cloud, scan.owner)
        if isinstance(model, Radar):
            frame = model.measure(near, start_s, rng)
            return self._points(plan, near, frame.cloud, frame.owner)
        return self._picture(plan, near, model, start_s, rng)

    def _model(self, plan: SensorPlan) -> Lidar | Camera | Radar:
        scene = self.scenario
        if plan.type == "lidar":
            table = beam_table(plan.beams)
            return Lidar(table, plan.mount, scene.scenery, scene.weather, plan.name)
        if plan.type == "radar":
            return Radar(RADAR_PROFILES[plan.profile], plan.mount, plan.name)
        return Camera(
            plan.camera, optical_pose(plan.mount), scene.scenery, scene.light, scene.weather,
            f"{plan.name}_optical",
        )  # fmt: skip

    def _points(
        self, plan: SensorPlan, near: list[Actor], cloud: PointCloud, owner: npt.NDArray[np.int32]
    ) -> SensorFrame:
        counts = np.bincount(owner[owner >= 0], minlength=len(near)).astype(np.int64)
        tracks = np.array([actor.track_id for actor in near] or [0], np.int32)
        owners = np.where(owner >= 0, tracks[np.maximum(owner, 0)], owner).astype(np.int32)
        roi = np.full((len(near), 4), np.nan)
        truth = _truth(near, cloud.stamp_ns, counts, (counts > 0).astype(np.float64), roi)
        return SensorFrame(plan.name, plan.type, cloud.stamp_ns, cloud, owners, truth)

    def _picture(
        self,
        plan: SensorPlan,
        near: list[Actor],
        model: Camera,
        time_s: float,
        rng: np.random.Generator,
    ) -> SensorFrame:
        exposed = model.expose(near, time_s, rng)
        counts, share = np.zeros(len(near), np.int64), np.zeros(len(near))
        roi = np.full((len(near), 4), np.nan)
        for sight in exposed.sights:
            counts[sight.actor] = sight.pixels
            share[sight.actor], roi[sight.actor] = sight.visible, sight.roi
        tracks = np.array([actor.track_id for actor in near] or [0], np.int16)
        owner = np.append(tracks, np.int16(-1))[exposed.silhouettes]
        truth = _truth(near, exposed.frame.stamp_ns, counts, share, roi)
        return SensorFrame(
            plan.name, plan.type, exposed.frame.stamp_ns, exposed.frame, owner, truth
        )


def _truth(
    near: list[Actor],
    stamp_ns: int,
    counts: npt.NDArray[np.int64],
    visibility: Float64,
    roi: Float64,
) -> Truth:
    time_s = 1e-9 * stamp_ns
    rows = [row for row, actor in enumerate(near) if actor.present(time_s)]
    people = [near[row] for row in rows]
    stacked = {
        "position": [a.position(time_s) for a in people],
        "velocity": [a.velocity(time_s) for a in people],
        "joints": [a.joints(time_s) for a in people],
        "heading": [a.heading(time_s) for a in people],
    }
    shapes = {"position": (0, 3), "velocity": (0, 3), "joints": (0, 21, 3), "heading": (0,)}
    arrays = {n: np.array(v) if v else np.zeros(shapes[n]) for n, v in stacked.items()}
    return Truth(
        stamp_ns,
        np.array([a.track_id for a in people], np.int64),
        tuple(a.person_id for a in people),
        arrays["position"],
        arrays["velocity"],
        arrays["heading"],
        arrays["joints"],
        counts[rows],
        visibility[rows],
        roi[rows],
    )
