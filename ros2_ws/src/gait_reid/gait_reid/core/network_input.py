"""From crops to what learned encoders take; training and run time both come through here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from gait_reid.core.network_picture import frame_picture, person_box, picture_figures
from gait_reid.core.network_points import (
    PersonPoints,
    WalkFrames,
    choose_points,
    person_points,
    walk_frames,
)
from gait_reid.core.preprocess import depth_image, normalise_silhouette
from gait_reid.core.types import Float32, PersonCrop, UInt8, check_shape
from gait_reid_common.parameters import ParameterError, param, validate

Bool = npt.NDArray[np.bool_]
VERSION = 1
"""Changes whenever the same crops give other inputs: caches and weights are of one version."""
STATE_SIZE = 4
QUALITY_SIZE = 6


@dataclass(frozen=True)
class NetworkInputConfig:
    """Sizes and limits of what networks take."""

    image_size: tuple[int, ...] = param((64, 32), "Rows and columns of the picture", "px", 8, 512)
    silhouette_size: tuple[int, ...] = param(
        (64, 44), "Rows and columns of the silhouette", "px", 8, 512
    )
    depth_size: tuple[int, ...] = param(
        (64, 64), "Rows and columns of the LiDAR's depth view", "px", 8, 512
    )
    num_points: int = param(96, "LiDAR points of a frame", "", 4, 4096)
    min_height_m: float = param(
        0.2, "Lower LiDAR points are the ground's, as for the detector", "m", 0.0, 1.0
    )
    max_height_m: float = param(2.3, "Higher LiDAR points are not the person's", "m", 1.0, 4.0)
    max_radius_m: float = param(1.0, "Farther LiDAR points are not the person's", "m", 0.3, 3.0)
    min_points: int = param(4, "Fewer LiDAR points count as none", "", 1)
    min_speed_m_s: float = param(
        0.3, "Slower people have no direction of walking; towards the sensor is taken", "m/s", 0.0
    )
    intensity_scale: float = param(255.0, "LiDAR intensity that counts as 1", "", 1e-3)
    focal_px: float = param(
        0.0,
        "Focal length that pixel heights are converted to, where a crop tells its camera's; 0: as "
        "they are",
        "px",
        0.0,
    )
    with_silhouette: bool = param(True, "Whether silhouettes are made")
    with_depth: bool = param(True, "Whether depth views are made")

    def __post_init__(self) -> None:
        validate(self)
        for name in ("image_size", "silhouette_size", "depth_size"):
            if len(getattr(self, name)) != 2:
                raise ParameterError(name, getattr(self, name), "rows and columns")


@dataclass(frozen=True)
class FrameInputs:
    """M frames of people; what a sensor did not see is zero and its flag is False.

    Attributes:
        rgb: (M, 3, H, W) uint8, RGB, the person's box as high as the picture, in the middle.
        silhouette: (M, 1, h, w) uint8, 255 on the person, see `normalise_silhouette`.
        depth: (M, 1, h', w') uint8, the LiDAR's view of the person, see `depth_image`.
        points: (M, N, 4) float; x along the walk, y to its left, z up from the ground below the
            person, metres; intensity in [0, 1].
        point_mask: (M, N) bool, False on padding.
        state: (M, 4) float32; sine and cosine of the angle from the line of sight (towards the
            sensor) to the walk, speed in m/s, range in units of 10 m.
        quality: (M, 6) float32; pixel height / 128, log10(1 + variance of the Laplacian) / 4 and
            mean brightness of the framed picture, 1 - truncation, log2(1 + points) / 8,
            1 - occlusion.
        has_camera: (M,) bool.
        has_lidar: (M,) bool.
    """

    rgb: UInt8
    silhouette: UInt8
    depth: UInt8
    points: npt.NDArray[np.floating]
    point_mask: Bool
    state: Float32
    quality: Float32
    has_camera: Bool
    has_lidar: Bool

    def __post_init__(self) -> None:
        m, n = self.rgb.shape[0], self.points.shape[1] if self.points.ndim == 3 else -1
        shapes: dict[str, tuple[int | None, ...]] = {
            "rgb": (m, 3, None, None), "silhouette": (m, 1, None, None),
            "depth": (m, 1, None, None), "points": (m, n, 4), "point_mask": (m, n),
            "state": (m, STATE_SIZE), "quality": (m, QUALITY_SIZE), "has_camera": (m,),
            "has_lidar": (m,),
        }  # fmt: skip
        for name, shape in shapes.items():
            check_shape(f"FrameInputs.{name}", getattr(self, name), shape)

    def __len__(self) -> int:
        return len(self.rgb)

    def at(self, rows: npt.ArrayLike) -> FrameInputs:
        """Return some of the frames."""
        return FrameInputs(**{one.name: getattr(self, one.name)[rows] for one in fields(self)})

    @classmethod
    def empty(cls, config: NetworkInputConfig, count: int = 0) -> FrameInputs:
        """Return frames in which no sensor saw anything."""
        number = config.num_points
        return cls(
            np.zeros((count, 3, *config.image_size), np.uint8),
            np.zeros((count, 1, *config.silhouette_size), np.uint8),
            np.zeros((count, 1, *config.depth_size), np.uint8),
            np.zeros((count, number, 4), np.float32),
            np.zeros((count, number), np.bool_),
            np.zeros((count, STATE_SIZE), np.float32),
            np.zeros((count, QUALITY_SIZE), np.float32),
            np.zeros(count, np.bool_),
            np.zeros(count, np.bool_),
        )


def prepare(crops: Sequence[PersonCrop], config: NetworkInputConfig) -> FrameInputs:
    """Return what networks take of some crops, of one person or of many.

    Nothing is random: equal crops give equal inputs, and so does any order of the points.

    Args:
        crops: M crops.
        config: Sizes and limits.
    """
    out = FrameInputs.empty(config, len(crops))
    if not len(crops):
        return out
    walks = walk_frames(crops, config.min_speed_m_s)
    out.state[:] = walks.state
    out.quality[:, 3] = [1.0 - crop.quality.truncation for crop in crops]
    out.quality[:, 5] = [1.0 - crop.quality.occlusion for crop in crops]
    _fill_points(out, crops, walks, config)
    for row, crop in enumerate(crops):
        _fill_picture(out, row, crop, config)
    return out


def _fill_points(
    out: FrameInputs, crops: Sequence[PersonCrop], walks: WalkFrames, config: NetworkInputConfig
) -> None:
    heights = (config.min_height_m, config.max_height_m)
    points = person_points(crops, walks, heights, config.max_radius_m)
    table, mask = choose_points(points, config.num_points, config.intensity_scale)
    seen = points.count >= config.min_points
    table[~seen], mask[~seen] = 0.0, False
    out.points[:], out.point_mask[:], out.has_lidar[:] = table, mask, seen
    out.quality[:, 4] = np.where(seen, np.log2(1.0 + points.count) / 8.0, 0.0)
    if config.with_depth:
        _fill_depth(out, points, walks, seen, config)


def _fill_depth(
    out: FrameInputs,
    points: PersonPoints,
    walks: WalkFrames,
    seen: Bool,
    config: NetworkInputConfig,
) -> None:
    """Draw all of a person's points as the sensor sees them."""
    rows, columns = config.depth_size
    bounds = np.cumsum(points.count)[:-1]
    origin = np.zeros(3)
    for row, own in enumerate(np.split(points.xyz, bounds)):
        if not seen[row]:
            continue
        # In the frame of the walk the sensor stands at minus the angle of view.
        sensor = np.array([walks.view[row, 1], -walks.view[row, 0], 0.0], np.float64)
        view = depth_image(own, sensor, origin, (rows, columns))
        if view is not None:
            out.depth[row, 0] = np.round(255.0 * view)


def _fill_picture(out: FrameInputs, row: int, crop: PersonCrop, config: NetworkInputConfig) -> None:
    image = crop.image
    if image is None and crop.silhouette is not None:
        # Data sets without pictures: the silhouette is all that there is of the camera.
        image = np.repeat(crop.silhouette[:, :, None], 3, axis=2)
    if image is None or not image.size:
        return
    rows, columns = config.image_size
    box = person_box(image, crop.silhouette)
    framed, body = frame_picture(image, box, (rows, columns))
    out.rgb[row] = framed[:, :, ::-1].transpose(2, 0, 1)
    out.has_camera[row] = True
    sharpness, brightness = picture_figures(body)
    height = float(np.nan_to_num(crop.roi[3])) * box[3] / image.shape[0]
    if config.focal_px > 0.0 and crop.quality.focal_px > 0.0:
        height *= config.focal_px / crop.quality.focal_px
    out.quality[row, :3] = height / 128.0, np.log10(1.0 + sharpness) / 4.0, brightness
    if crop.silhouette is not None and config.with_silhouette:
        height, width = config.silhouette_size
        silhouette = normalise_silhouette(crop.silhouette, (height, width))
        if silhouette is not None:
            out.silhouette[row, 0] = np.round(255.0 * silhouette)
