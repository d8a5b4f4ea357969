"""The graphs of EMGaitNet. What silhouettes say travels below the picture's map, cell by cell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from gait_reid.core.preprocess import SILHOUETTE_SIZE
from gait_reid_training.export.graphs import Examples, Part
from gait_reid_training.nets.attention import MASKED
from gait_reid_training.nets.emgaitnet import EMGaitNet


@torch.no_grad()
def parts_of(
    network: EMGaitNet, frames: int, silhouette: tuple[int, int] = SILHOUETTE_SIZE, seed: int = 0
) -> list[Part]:
    """Return the graphs of EMGaitNet.

    Args:
        network: In evaluation mode.
        frames: Frames that the sequence graph takes.
        silhouette: Rows and columns of silhouettes.
        seed: Of the examples.
    """
    config, draw = network.config, Examples(seed)
    number, dim = config.num_points, config.dim
    # Outlines have as many cells as the picture, and lie below them.
    cells = config.rows * config.columns * (1 if network.outline is None else 2)
    image, cloud = draw.normal(cells, dim), draw.normal(number, dim)
    mask = draw.mask(number)
    pictures = {"rgb": draw.pixels(3, *config.image_size)}
    if network.outline is not None:
        pictures["silhouette"] = draw.pixels(1, *silhouette)
    seen = {
        "camera": Part("camera", _camera(network), pictures, ("image",)),
        "cloud": Part(
            "cloud",
            network.cloud,
            {"points": draw.normal(number, 4), "point_mask": mask},
            ("cloud",),
        ),
    }
    frame = {
        "image": image, "cloud": cloud, "point_mask": mask, "state": draw.normal(4),
        "quality": draw.normal(6), "has_camera": draw.flags(), "has_lidar": draw.flags(),
    }  # fmt: skip
    outputs = ("fused", "cloud_mean", "gates")
    takes = network.semantic_input
    if takes == "none":
        part = Part("frame", _without_semantics(network), frame, outputs)
    else:
        name = "image" if takes == "map" else "rgb"
        given = {name: image if takes == "map" else seen["camera"].inputs["rgb"]}
        seen["semantics"] = Part("semantics", _semantics(network), given, ("semantics",))
        tokens = _semantics(network)(*given.values())
        part = Part("frame", _with_semantics(network), {**frame, "semantics": tokens}, outputs)
    walk = {
        "pooled": image, "cloud_means": draw.normal(frames, dim), "frame_mask": draw.mask(frames)
    }  # fmt: skip
    return [*seen.values(), part, Part("sequence", network.sequence, walk, ("embedding",))]


def _camera(network: EMGaitNet) -> Callable[..., Any]:
    """Return the map of pictures, and below it that of their silhouettes."""
    outline = network.outline
    if outline is None:
        return network.camera

    def camera(rgb: Tensor, silhouette: Tensor) -> Tensor:
        return torch.cat([network.camera(rgb), outline.frame(silhouette)], dim=1)

    return camera


def _semantics(network: EMGaitNet) -> Callable[[Tensor], Tensor]:
    """Return the tokens of a picture, or of the upper part of its map."""
    if network.semantic_input != "map" or network.outline is None:
        return network.semantics
    cells = network.config.rows * network.config.columns

    def semantics(image: Tensor) -> Tensor:
        return network.semantics(image[:, :cells])

    return semantics


def _frame(network: EMGaitNet, image: Tensor, *others: Tensor | None) -> Any:
    """Return `EMGaitNet.frame` with what silhouettes say below the fused map."""
    if network.outline is None:
        return network.frame(image, *others)
    cells = network.config.rows * network.config.columns
    fused, vector, gates = network.frame(image[:, :cells], *others)
    has_camera = others[-2]
    assert has_camera is not None
    outlines = torch.where(has_camera[:, None, None], image[:, cells:], MASKED)
    return torch.cat([fused, outlines], dim=1), vector, gates


def _without_semantics(network: EMGaitNet) -> Callable[..., Any]:
    def frame(
        image: Tensor, cloud: Tensor, point_mask: Tensor, state: Tensor, quality: Tensor,
        has_camera: Tensor, has_lidar: Tensor,
    ) -> Any:  # fmt: skip
        return _frame(
            network, image, cloud, point_mask, None, state, quality, has_camera, has_lidar
        )

    return frame


def _with_semantics(network: EMGaitNet) -> Callable[..., Any]:
    def frame(
        image: Tensor, cloud: Tensor, point_mask: Tensor, state: Tensor, quality: Tensor,
        has_camera: Tensor, has_lidar: Tensor, semantics: Tensor,
    ) -> Any:  # fmt: skip
        return _frame(
            network, image, cloud, point_mask, semantics, state, quality, has_camera, has_lidar
        )

    return frame
