"""Record one walk with all sensors: crops of one person, as the tracker would hand them on."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gait_reid.core.geometry import Pose
from gait_reid.core.types import Float32, Float64, UInt8
from gait_reid_sim.core.body.outfit import Outfit
from gait_reid_sim.core.body.solids import box
from gait_reid_sim.core.dataset.crops import camera_frames, lidar_frames, radar_frames
from gait_reid_sim.core.dataset.plan import Condition, DatasetPlan
from gait_reid_sim.core.gait.itinerary import Itinerary, Path
from gait_reid_sim.core.person import Person, seed_of
from gait_reid_sim.core.scene.actor import Actor
from gait_reid_sim.core.scene.scenery import Scenery, Solid


@dataclass(frozen=True)
class Walk:
    """Which walk.

    Attributes:
        person_id: Who.
        condition: How.
        range_m: Distance at the middle of the walk.
        view_deg: Direction of walking, 0 towards the sensor.
        outfit: Clothes.
        repeat: Number among equal walks.
        take: Name of the recording that the gait is taken from; empty: simulated.
    """

    person_id: str
    condition: Condition
    range_m: float
    view_deg: float
    outfit: str
    repeat: int
    take: str = ""

    @property
    def name(self) -> str:
        """For example ``gallery-010m-090-ordinary-0``."""
        view = round(self.view_deg) % 360
        return f"{self.condition.name}-{self.range_m:03.0f}m-{view:03d}-{self.outfit}-{self.repeat}"


@dataclass(frozen=True)
class WalkFrames:
    """The frames of a tracklet; lists have one entry per frame, empty where a sensor is missing.

    Attributes:
        stamps_ns: (t,) int64.
        position: (t, 3) float32, metres, ground below the person as a tracker has it.
        velocity: (t, 3) float32, m/s.
        joints: (t, 21, 3) float32, metres, fixed frame; (0, 21, 3) where unknown.
        points: (k, 4) float32 each: x, y, z in the fixed frame, intensity.
        images: BGR pictures, 1:2, the person in the middle; None where not in the picture.
        silhouettes: Of the same size, 255 on the person.
        roi: (t, 4) float32 pixels in the full picture, NaN without one.
        radar: (m, 5) float32 each: x, y, z in the fixed frame, radial velocity, SNR in dB.
        viewpoint: (3,) float64, position of the LiDAR.
    """

    stamps_ns: npt.NDArray[np.int64]
    position: Float32
    velocity: Float32
    joints: Float32
    points: list[Float32]
    images: list[UInt8 | None]
    silhouettes: list[UInt8 | None]
    roi: Float32
    radar: list[Float32]
    viewpoint: Float64


@dataclass(frozen=True)
class Recorded(WalkFrames):
    """One tracklet.

    Attributes:
        walk: Which walk.
    """

    walk: Walk


def walks_of(plan: DatasetPlan, person_id: str) -> list[Walk]:
    """Return the walks of one identity, in a fixed order; recorded takes serve in turns."""
    walks = []
    for condition in plan.conditions:
        takes = plan.takes_of(person_id, condition)
        combinations = itertools.product(
            condition.ranges_m, condition.views_deg, condition.outfits, range(condition.repeats)
        )
        # Without a take there is no walk: zip ends at once.
        for take, combination in zip(itertools.cycle(takes), combinations):
            walks.append(Walk(person_id, condition, *combination, take))
    return walks


def record_walk(plan: DatasetPlan, walk: Walk) -> Recorded:
    """Record one walk; the same plan and walk give the same bytes."""
    rng = _random(plan, walk)
    actor, start_s = _actor(plan, walk, rng)
    scenery = _scenery(walk, rng)
    times = start_s + np.arange(plan.frames) / plan.rate_hz
    tilt = rng.normal(0.0, np.deg2rad(0.4), 2)
    height = 2.0 + float(rng.normal(0.0, 0.1))
    mount = Pose.from_xyz_rpy(0.0, 0.0, height, tilt[0], tilt[1], 0.0)
    points: list[Float32] = []
    images: list[UInt8 | None] = []
    silhouettes: list[UInt8 | None] = []
    radar: list[Float32] = []
    roi = np.full((plan.frames, 4), np.nan, np.float32)
    if "lidar" in plan.modalities:
        points = lidar_frames(plan, walk.condition, actor, (scenery, mount), times, rng)
    if "camera" in plan.modalities:
        images, silhouettes, roi = camera_frames(plan, walk.condition, actor, scenery, times, rng)
    if "radar" in plan.modalities:
        radar = radar_frames(plan, actor, times, rng)
    states = [(actor.position(t), actor.velocity(t), actor.joints(t)) for t in times]
    blur = rng.normal(0.0, 0.03, (plan.frames, 3)) * (1.0, 1.0, 0.0)
    position = np.array([s[0] for s in states]) + blur
    return Recorded(
        np.round((times - start_s) * 1e9).astype(np.int64),
        position.astype(np.float32),
        np.array([s[1] for s in states], np.float32),
        np.array([s[2] for s in states], np.float32),
        points,
        images,
        silhouettes,
        roi,
        radar,
        mount.translation,
        walk,
    )


def outfit_of(plan: DatasetPlan, walk: Walk) -> Outfit:
    """Return what the person wears and carries on a walk, without recording it."""
    rng = _random(plan, walk)
    person = plan.person(walk.person_id, walk.take)
    _path(plan, walk, person, rng)
    return person.outfit(walk.outfit, rng)


def _random(plan: DatasetPlan, walk: Walk) -> np.random.Generator:
    """Return the source of everything random in a walk."""
    return np.random.default_rng(
        seed_of("tracklet", plan.seed, plan.name, walk.person_id, walk.name)
    )


def _actor(plan: DatasetPlan, walk: Walk, rng: np.random.Generator) -> tuple[Actor, float]:
    """Return the walking person and when the recording starts."""
    person = plan.person(walk.person_id, walk.take)
    path = _path(plan, walk, person, rng)
    recording = plan.recording(walk.take)
    if recording is not None:
        middle = path.points[len(path.points) // 2]
        actor = person.replay(recording, float(path.heading[0]), middle, rng, walk.outfit)
    else:
        actor = person.walk(Itinerary(path), rng, walk.outfit, within_spread=plan.within_spread)
    slack = max(actor.motion.duration_s - plan.frames / plan.rate_hz, 0.0)
    return actor, 0.5 * slack + float(rng.uniform(-0.3, 0.3)) * min(slack, 1.0)


def _path(plan: DatasetPlan, walk: Walk, person: Person, rng: np.random.Generator) -> Path:
    """Return the way through the middle of the view; draws before anything else is drawn."""
    duration_s = plan.frames / plan.rate_hz
    length = person.gait.speed_m_s * 1.25 * (duration_s + 1.2) + 1.0
    heading = np.pi + np.deg2rad(walk.view_deg + float(rng.normal(0.0, 3.0)))
    direction = np.array([np.cos(heading), np.sin(heading)])
    bearing = float(rng.normal(0.0, np.deg2rad(3.0)))
    middle = walk.range_m * np.array([np.cos(bearing), np.sin(bearing)])
    # Nobody walks through the sensor: where the way would, it is moved away.
    nearest = walk.range_m - 0.5 * length * abs(float(direction[0]))
    middle = middle + np.array([max(1.3 - nearest, 0.0), 0.0])
    return Path.through([middle - 0.5 * length * direction, middle + 0.5 * length * direction])


def _scenery(walk: Walk, rng: np.random.Generator) -> Scenery:
    """Return the ground, and now and then a planter that hides the legs for a while."""
    shade = float(rng.uniform(0.08, 0.35))
    tint = np.clip(shade * rng.normal(1.0, 0.06, 3), 0.03, 0.6)
    ground = {
        "ground_colour": tuple(tint.tolist()),
        "ground_reflectivity": float(rng.uniform(0.1, 0.4)),
        "ground_roughness_m": float(rng.uniform(0.003, 0.02)),
    }
    solids = []
    if rng.random() < walk.condition.occlusion:
        size = (0.4, float(rng.uniform(0.6, 1.6)), float(rng.uniform(0.5, 1.1)))
        at = (walk.range_m - 1.2, float(rng.uniform(-1.0, 1.0)), 0.5 * size[2])
        solids.append(Solid(box(at, size), (0.3, 0.28, 0.25)))
    return Scenery.of(solids, **ground)
