"""Changes to prepared walks that make training see more than was recorded.

Each walk gets one draw of everything that stays the same along a walk (mirror, range, light,
framing, missing sensor), so that its frames still belong together.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt

from gait_reid.core.network_input import FrameInputs
from gait_reid_common.parameters import param, validate
from gait_reid_training.data.augment_picture import PictureChange, change_picture
from gait_reid_training.data.augment_silhouette import change_silhouettes

Bool = npt.NDArray[np.bool_]

_RANGE = 3  # column of `FrameInputs.state`
_SINE = 0
_HEIGHT, _POINTS = 0, 4  # columns of `FrameInputs.quality`


@dataclass(frozen=True)
class AugmentConfig:
    """How strongly walks are changed; chances are per walk."""

    mirror: float = param(0.5, "Chance to mirror a walk, left for right", "", 0.0, 1.0)
    far: float = param(0.4, "Chance to make a walk farther away than it was", "", 0.0, 1.0)
    max_range_m: float = param(55.0, "Farthest that walks are moved to", "m", 1.0)
    max_range_factor: float = param(4.0, "Most by which a range is multiplied", "", 1.0, 20.0)
    drop_points: float = param(
        0.3, "Greatest share of points that are dropped anyway", "", 0.0, 0.9
    )
    point_noise_m: float = param(0.01, "Standard deviation of points", "m", 0.0, 0.2)
    turn_deg: float = param(6.0, "Most by which the heading is wrong", "deg", 0.0, 90.0)
    shift_m: float = param(0.04, "Standard deviation of the person's place", "m", 0.0, 0.5)
    lift_m: float = param(
        0.01, "Standard deviation of the ground's height; more hides how tall people are", "m",
        0.0, 0.5,
    )  # fmt: skip
    scale: float = param(0.004, "Standard deviation of the size of a cloud", "", 0.0, 0.2)
    intensity: float = param(0.2, "Spread of the gain of LiDAR intensity", "", 0.0, 1.0)
    box: float = param(0.05, "Spread of a detector's box, in heights", "", 0.0, 0.3)
    brightness: float = param(0.3, "Spread of the gain of pictures", "", 0.0, 1.0)
    tint: float = param(0.1, "Spread of the gain of each colour", "", 0.0, 1.0)
    grey: float = param(0.05, "Chance to take the colours away", "", 0.0, 1.0)
    noise: float = param(0.2, "Chance of noise as by night", "", 0.0, 1.0)
    erase: float = param(0.2, "Chance to cover a part of the pictures", "", 0.0, 1.0)
    camera_frames: int = param(
        0,
        "Frames of a walk that keep their colours, drawn at random; 0: all. Fewer cost less; "
        "silhouettes stay",
        "",
        0,
    )
    coarse: float = param(
        0.5, "Chance that silhouettes are as coarse as motion gives them", "", 0.0, 1.0
    )
    drop_silhouettes: float = param(
        0.1, "Chance to lose the silhouettes, as where the camera moves", "", 0.0, 1.0
    )
    drop_camera: float = param(0.1, "Chance to lose the camera", "", 0.0, 1.0)
    drop_lidar: float = param(0.1, "Chance to lose the LiDAR, if the camera is there", "", 0.0, 1.0)

    def __post_init__(self) -> None:
        validate(self)


def augment(
    frames: FrameInputs, shape: tuple[int, ...], config: AugmentConfig, rng: np.random.Generator
) -> FrameInputs:
    """Return changed copies of the frames of B walks.

    Args:
        frames: B * T frames, those of a walk together.
        shape: B and T.
        config: How strongly.
        rng: Random numbers.
    """
    walks, length = shape
    arrays = {one.name: getattr(frames, one.name).copy() for one in fields(frames)}
    frames = FrameInputs(**arrays)
    # Random numbers of their own: what else is drawn does not depend on silhouettes.
    own = rng.spawn(1)[0]
    left_out = _left_out(frames, shape, config.camera_frames, rng)
    factor = _range_factors(frames, shape, config, rng)
    change_silhouettes(frames, shape, factor, config.coarse, own)
    _drop_silhouettes(frames, shape, config, own)
    frames.rgb[left_out] = 0
    frames.quality[left_out, :3] = 0.0
    frames.has_camera[left_out] = False
    _change_points(frames, shape, factor, config, rng)
    _mirror(frames, np.repeat(rng.random(walks) < config.mirror, length))
    changes = [_picture_change(config, float(f), rng) for f in factor]
    for walk, change in enumerate(changes):
        rows = slice(walk * length, (walk + 1) * length)
        if frames.has_camera[rows].any():
            change_picture(frames, rows, change, rng)
    frames.state[:, _RANGE] *= np.repeat(factor, length)
    frames.quality[:, _HEIGHT] /= np.repeat(factor, length)
    return _drop_sensors(frames, shape, config, rng)


def _range_factors(
    frames: FrameInputs, shape: tuple[int, ...], config: AugmentConfig, rng: np.random.Generator
) -> np.ndarray:
    """Return (B,) by how much farther away each walk is made; 1 leaves it."""
    walks, length = shape
    range_m = 10.0 * frames.state[:, _RANGE].reshape(walks, length).mean(axis=1)
    most = np.clip(config.max_range_m / np.maximum(range_m, 1.0), 1.0, config.max_range_factor)
    # Evenly over the logarithm: each doubling of the range is as likely.
    factor = np.exp(rng.random(walks) * np.log(most))
    return np.where(rng.random(walks) < config.far, factor, 1.0)


def _change_points(
    frames: FrameInputs,
    shape: tuple[int, ...],
    factor: np.ndarray,
    config: AugmentConfig,
    rng: np.random.Generator,
) -> None:
    """Thin points out, move and turn them."""
    walks, length = shape
    points, mask = frames.points, frames.point_mask
    before = mask.sum(axis=1)
    # Beams spread in both directions: points fall with the square of the range.
    kept = np.repeat((1.0 - config.drop_points * rng.random(walks)) / factor**2, length)
    mask &= rng.random(mask.shape, np.float32) < kept[:, None]
    angle = np.deg2rad(config.turn_deg) * (2.0 * rng.random(walks) - 1.0)
    scale = 1.0 + config.scale * rng.standard_normal(walks)
    cosine, sine = (np.repeat(one * scale, length) for one in (np.cos(angle), np.sin(angle)))
    turn = np.zeros((walks * length, 3, 3), np.float32)
    turn[:, 0, 0], turn[:, 0, 1], turn[:, 1, 0], turn[:, 1, 1] = cosine, -sine, sine, cosine
    turn[:, 2, 2] = np.repeat(scale, length)
    points[..., :3] = points[..., :3] @ turn.transpose(0, 2, 1)
    shift = rng.standard_normal((walks, 1, 3))
    jitter = 0.5 * rng.standard_normal((walks, length, 3))
    spread = np.array([config.shift_m, config.shift_m, config.lift_m])
    moved = ((shift + jitter) * spread).reshape(-1, 1, 3).astype(np.float32)
    noise = rng.standard_normal((*mask.shape, 3), np.float32) * np.float32(config.point_noise_m)
    points[..., :3] += moved + noise
    gain = 1.0 + config.intensity * (2.0 * rng.random(walks) - 1.0)
    points[..., 3] = np.clip(points[..., 3] * np.repeat(gain, length)[:, None], 0.0, 1.0)
    points *= mask[..., None]
    left = mask.sum(axis=1)
    # There may have been more points than the frame holds.
    count = np.exp2(8.0 * frames.quality[:, _POINTS]) - 1.0
    share = left / np.maximum(before, 1)
    frames.quality[:, _POINTS] = np.log2(1.0 + count * share) / 8.0
    frames.has_lidar[:] &= left > 0


def _mirror(frames: FrameInputs, chosen: np.ndarray) -> None:
    """Mirror frames left for right: pictures, points and the side of the walk that is seen."""
    for values in (frames.rgb, frames.silhouette, frames.depth):
        values[chosen] = values[chosen][..., ::-1]
    frames.points[chosen, :, 1] *= -1.0
    frames.state[chosen, _SINE] *= -1.0


def _picture_change(
    config: AugmentConfig, factor: float, rng: np.random.Generator
) -> PictureChange:
    """Draw what happens to the pictures of one walk."""
    gain = np.exp(config.brightness * rng.standard_normal())
    tint = np.exp(config.tint * rng.standard_normal(3))
    return PictureChange(
        factor=factor,
        gain=(gain * tint).astype(np.float32),
        offset=float(20.0 * config.brightness * rng.standard_normal()),
        grey=rng.random() < config.grey,
        noise=float(rng.uniform(4.0, 30.0)) if rng.random() < config.noise else 0.0,
        erase=rng.random() < config.erase,
        box=config.box * rng.standard_normal(3),
    )


def _left_out(
    frames: FrameInputs, shape: tuple[int, ...], kept: int, rng: np.random.Generator
) -> Bool:
    """Return which frames lose their picture: all but some of each walk that the LiDAR saw, too."""
    if not 0 < kept < shape[1]:
        return np.zeros(len(frames), np.bool_)
    order = rng.random(shape).argsort(axis=1).argsort(axis=1)
    left_out: Bool = (order >= kept).ravel() & frames.has_lidar
    return left_out


def _drop_silhouettes(
    frames: FrameInputs, shape: tuple[int, ...], config: AugmentConfig, rng: np.random.Generator
) -> None:
    """Lose the silhouettes of some walks."""
    walks, length = shape
    frames.silhouette[np.repeat(rng.random(walks) < config.drop_silhouettes, length)] = 0


def _drop_sensors(
    frames: FrameInputs, shape: tuple[int, ...], config: AugmentConfig, rng: np.random.Generator
) -> FrameInputs:
    """Lose one sensor of some walks, never both."""
    walks, length = shape
    sees_camera = frames.has_camera.reshape(walks, length).any(axis=1)
    sees_lidar = frames.has_lidar.reshape(walks, length).any(axis=1)
    camera = (rng.random(walks) < config.drop_camera) & sees_lidar
    lidar = (rng.random(walks) < config.drop_lidar) & sees_camera & ~camera
    no_camera, no_lidar = np.repeat(camera, length), np.repeat(lidar, length)
    for values in (frames.rgb, frames.silhouette):
        values[no_camera] = 0
    frames.quality[no_camera, :3] = 0.0
    frames.depth[no_lidar] = 0
    frames.points[no_lidar] = 0.0
    frames.quality[no_lidar, _POINTS] = 0.0
    return replace(
        frames,
        point_mask=frames.point_mask & ~no_lidar[:, None],
        has_camera=frames.has_camera & ~no_camera,
        has_lidar=frames.has_lidar & ~no_lidar,
    )
