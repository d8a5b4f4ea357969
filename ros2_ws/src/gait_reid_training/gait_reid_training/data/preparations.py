"""How frames of a data set are prepared: for encoders of LiDAR and camera, of radar, and poses."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from gait_reid.core import network_input, radar_input
from gait_reid.core.network_input import FrameInputs, NetworkInputConfig, prepare
from gait_reid.core.network_points import walk_frames
from gait_reid.core.radar_input import RadarFrameInputs, RadarInputConfig, prepare_radar
from gait_reid.core.types import Float32, Modality, PersonCrop
from gait_reid_common.parameters import param, validate
from gait_reid_sim.core.body.model import JOINT_NAMES
from gait_reid_sim.core.dataset.shard import FRAME_ID, Shard
from gait_reid_training.data.detected import as_detected

POINTS = 128
"""LiDAR points per frame that are kept, so that fewer can be drawn anew each time."""
Arrays = dict[str, npt.NDArray[Any]]


class Preparation(Protocol):
    """Makes frames of one kind.

    Attributes:
        suffix: Added to the name of the cache.
        version: Changes whenever the same walks give other frames.
        config: Dataclass of parameters.
    """

    suffix: str
    version: int
    config: Any

    def empty(self) -> Any:
        """Return one frame with nothing in it."""

    def prepare(self, shard: Shard, walk: int) -> Any:
        """Return the frames of a walk."""

    def stored(self, frames: Any) -> Arrays:
        """Return the arrays to write."""

    def of(self, arrays: Arrays) -> Any:
        """Return the frames that stored arrays are."""


def _arrays(frames: Any) -> Arrays:
    arrays = {one.name: getattr(frames, one.name) for one in fields(frames)}
    # Half a millimetre is enough for points.
    return {n: a.astype(np.float16) if n == "points" else a for n, a in arrays.items()}


class FramePreparation:
    """LiDAR and camera frames, all inputs and many points, whatever a network leaves out."""

    suffix = ""
    version = network_input.VERSION

    def __init__(self, config: NetworkInputConfig) -> None:
        points = max(config.num_points, POINTS)
        self.config = replace(config, num_points=points, with_silhouette=True, with_depth=True)

    def empty(self) -> FrameInputs:
        """Return one frame with nothing in it."""
        return FrameInputs.empty(self.config, 1)

    def prepare(self, shard: Shard, walk: int) -> FrameInputs:
        """Return the frames of a walk, cut out as live detectors do."""
        return prepare([as_detected(one) for one in shard.tracklet(walk).crops], self.config)

    def stored(self, frames: FrameInputs) -> Arrays:
        """Return the arrays to write."""
        return _arrays(frames)

    def of(self, arrays: Arrays) -> FrameInputs:
        """Return the frames that stored arrays are."""
        return FrameInputs(**arrays)


class RadarPreparation:
    """Radar frames."""

    suffix = "-radar"
    version = radar_input.VERSION

    def __init__(self, config: RadarInputConfig) -> None:
        self.config = config

    def empty(self) -> RadarFrameInputs:
        """Return one frame with nothing in it."""
        return RadarFrameInputs.empty(self.config, 1)

    def prepare(self, shard: Shard, walk: int) -> RadarFrameInputs:
        """Return the radar's frames of a walk; none of them has points where there is no radar."""
        return prepare_radar(radar_crops(shard, walk), self.config)

    def stored(self, frames: RadarFrameInputs) -> Arrays:
        """Return the arrays to write."""
        return _arrays(frames)

    def of(self, arrays: Arrays) -> RadarFrameInputs:
        """Return the frames that stored arrays are."""
        return RadarFrameInputs(**arrays)


def radar_crops(shard: Shard, walk: int) -> list[PersonCrop]:
    """Return a walk as the radar tracker would have cropped it."""
    row = shard.tracklets[walk]
    # The simulator's radar stands at the origin of the walks, 1.2 m high.
    eye = np.array([0.0, 0.0, 1.2])
    crops = []
    for frame in range(row["first"], row["first"] + row["frames"]):
        echoes = shard.part("radar", frame) if shard.has("radar") else np.zeros((0, 5), np.float32)
        crops.append(
            PersonCrop(
                walk, int(shard.array("stamps_ns")[frame]), FRAME_ID,
                Modality.RADAR if len(echoes) else Modality.NONE,
                shard.array("position")[frame].astype(np.float64),
                shard.array("velocity")[frame].astype(np.float64), np.full(4, np.nan),
                points=echoes[:, :3], intensity=echoes[:, 4], viewpoint=eye,
                point_velocity=echoes[:, 3],
            )
        )  # fmt: skip
    return crops


@dataclass(frozen=True)
class PoseConfig:
    """Parameters of poses."""

    joints: int = param(len(JOINT_NAMES), "Joints of the body", "", 1, 200)
    min_speed_m_s: float = param(
        0.3, "Slower people have no direction of walking; towards the sensor is taken", "m/s", 0.0
    )

    def __post_init__(self) -> None:
        validate(self)


@dataclass(frozen=True)
class PoseFrames:
    """Where the body is in M frames, in the frame of the walk.

    Attributes:
        root: (M, 2) float32; x along the walk and y to its left of the pelvis, metres.
        joints: (M, J, 3) float32; x and y from the pelvis, z from the ground, metres.
        has_pose: (M,) bool.
    """

    root: Float32
    joints: Float32
    has_pose: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.has_pose)

    def at(self, rows: npt.ArrayLike) -> PoseFrames:
        """Return some of the frames."""
        return PoseFrames(**{one.name: getattr(self, one.name)[rows] for one in fields(self)})


class PosePreparation:
    """Poses, where a data set knows them."""

    suffix = "-pose"
    version = 1

    def __init__(self, config: PoseConfig | None = None) -> None:
        self.config = config or PoseConfig()

    def empty(self, count: int = 1) -> PoseFrames:
        """Return frames without poses."""
        shape = (count, self.config.joints, 3)
        return PoseFrames(
            np.zeros((count, 2), np.float32), np.zeros(shape, np.float32), np.zeros(count, np.bool_)
        )

    def prepare(self, shard: Shard, walk: int) -> PoseFrames:
        """Return the poses of a walk."""
        row = shard.tracklets[walk]
        out = self.empty(row["frames"])
        if not shard.has("joints"):
            return out
        rows = slice(row["first"], row["first"] + row["frames"])
        crops = radar_crops(shard, walk)
        walks = walk_frames(crops, self.config.min_speed_m_s)
        offset = shard.array("joints")[rows].astype(np.float64) - walks.position[:, None]
        cosine, sine = walks.heading[:, :1], walks.heading[:, 1:]
        along = offset[..., 0] * cosine + offset[..., 1] * sine
        left = offset[..., 1] * cosine - offset[..., 0] * sine
        placed = np.stack([along, left, offset[..., 2]], axis=-1)
        out.root[:] = placed[:, 0, :2]
        placed[..., :2] -= placed[:, :1, :2]
        out.joints[:], out.has_pose[:] = placed, True
        return out

    def stored(self, frames: PoseFrames) -> Arrays:
        """Return the arrays to write."""
        return _arrays(frames)

    def of(self, arrays: Arrays) -> PoseFrames:
        """Return the frames that stored arrays are."""
        return PoseFrames(**arrays)
