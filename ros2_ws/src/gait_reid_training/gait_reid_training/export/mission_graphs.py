"""Mission's parts as ONNX graphs.

``vision`` and ``radar`` see one frame, ``vision_walk`` and ``radar_walk`` the frames of a walk, in
order; they give the embedding for a shortlist and the tokens that `pair` compares. A token row is
one frame of a camera's walk, or one point of a radar's: the query, key and value to the other
modality, and the part of the feature that the other does not change. Tokens go into `pair` in 16
bits, as galleries keep them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import torch
from torch import Tensor

from gait_reid.core.network_input import QUALITY_SIZE, STATE_SIZE
from gait_reid_training.export.graphs import Examples, Part
from gait_reid_training.nets.mission.cached import ModalityCache
from gait_reid_training.nets.mission.mission import Mission, VisionFeatures

PAIR_GROUP = 25
"""Walks of cameras that one row of `pair` compares with a walk of a radar."""


@torch.no_grad()
def mission_parts(
    network: Mission, image_size: Sequence[int], num_points: int, frames: int, seed: int = 0
) -> list[Part]:
    """Return the graphs of a network; without exchange (noFU) there is no `pair`.

    Args:
        network: In evaluation mode.
        image_size: Rows and columns of a picture.
        num_points: Radar points of a frame.
        frames: Frames of a walk.
        seed: Of the examples.

    Raises:
        ValueError: The network does not take pictures of this size.
    """
    draw = Examples(seed)
    pixels = draw.pixels(3, *image_size)
    told = network.config.state
    state = draw.normal(STATE_SIZE) * 0.3 + torch.tensor([0.0, 0.7, 1.2, 0.5])
    quality = torch.full((len(pixels), QUALITY_SIZE), 0.5) + 0.1 * draw.normal(QUALITY_SIZE)
    picture = {"rgb": pixels, **({"state": state, "quality": quality} if told else {})}
    seen = network.vision.frames(*picture.values())
    channels = torch.tensor([0.3, 0.3, 1.0, 1.0, 0.5])
    points, mask = draw.normal(num_points, 5) * channels, draw.mask(num_points)
    frame = {"points": points, "point_mask": mask, **({"state": state} if told else {})}
    own, heard = network.radar.frames(*frame.values())
    walk = draw.normal(frames, *seen.shape[1:]) * seen.std() + seen.mean()
    walk_mask = draw.mask(frames)
    cloud = draw.normal(frames, *own.shape[1:]) * own.std()
    cloud_mask = draw.mask(frames, num_points)
    parts = [
        Part("vision", network.vision.frames, picture, ("frame",)),
        Part("radar", network.radar.frames, frame, ("own", "frame")),
        Part(
            "vision_walk", _vision_walk(network), {"frames": walk, "frame_mask": walk_mask},
            ("embedding", "tokens") if network.compares_pairs else ("embedding",),
        ),
        Part(
            "radar_walk", _radar_walk(network),
            {
                "own": cloud, "frames": draw.normal(frames, heard.shape[1]) * heard.std(),
                "point_mask": cloud_mask,
            },
            ("embedding", "tokens") if network.compares_pairs else ("embedding",),
        ),
    ]  # fmt: skip
    if network.compares_pairs:
        parts.append(_pair_part(network, parts[2], parts[3]))
    return parts


def _vision_walk(network: Mission) -> Callable[[Tensor, Tensor], tuple[Tensor, ...]]:
    def vision_walk(frames: Tensor, frame_mask: Tensor) -> tuple[Tensor, ...]:
        features = VisionFeatures(network.vision.sequence(frames, frame_mask), frame_mask)
        embedding = network.unimodal_vision(features)
        if not network.compares_pairs:
            return (embedding,)
        cache = network.vision_cache(features)
        by_cell = torch.stack([cache.query, cache.key, cache.value], dim=2).flatten(2)
        return embedding, torch.cat([by_cell, cache.static], dim=-1)

    return vision_walk


def _radar_walk(network: Mission) -> Callable[[Tensor, Tensor, Tensor], tuple[Tensor, ...]]:
    def radar_walk(own: Tensor, frames: Tensor, point_mask: Tensor) -> tuple[Tensor, ...]:
        features = network.radar.sequence(own, frames, point_mask)
        embedding = network.unimodal_radar(features)
        if not network.compares_pairs:
            return (embedding,)
        cache = network.radar_cache(features)
        return embedding, torch.cat([cache.query, cache.key, cache.value, cache.static], dim=-1)

    return radar_walk


def _pair_part(network: Mission, seen: Part, heard: Part) -> Part:
    """Return the graph of pairs, with tokens that the other graphs made as its example."""
    vision = seen.function(*seen.inputs.values())[1].half()
    radar = heard.function(*heard.inputs.values())[1].half()
    order = torch.arange(PAIR_GROUP)[None] + torch.arange(len(vision))[:, None]
    rows = order % len(vision)
    given = {
        "vision": vision[rows], "vision_mask": seen.inputs["frame_mask"][rows],
        "radar": radar, "radar_mask": heard.inputs["point_mask"],
    }  # fmt: skip
    return Part("pair", _pair(network), given, ("distance",))


def _pair(network: Mission) -> Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]:
    cells, inner = network.vision.tokens, network.config.inner

    def pair(vision: Tensor, vision_mask: Tensor, radar: Tensor, radar_mask: Tensor) -> Tensor:
        # Split first: half the bytes are copied.
        *by_cell, static = vision.split([*[cells * inner] * 3, network.dim], dim=-1)
        query, key, value = (one.float().unflatten(-1, (cells, inner)) for one in by_cell)
        heard = [one.float() for one in radar.split([*[inner] * 3, network.dim], dim=-1)]
        mask = vision_mask[..., None].expand(-1, -1, -1, cells)
        found = network.pair_grouped(
            ModalityCache(query, key, value, static.float(), mask),
            ModalityCache(heard[0], heard[1], heard[2], heard[3], radar_mask),
        )
        return cast(Tensor, (found.vision - found.radar).norm(dim=-1))

    return pair
