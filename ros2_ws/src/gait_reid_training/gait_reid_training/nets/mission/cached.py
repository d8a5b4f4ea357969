"""Pairs from what each walk contributes to any pair, outside training.

Means over cells and weighted sums over points commute with the linear maps behind an attention, so
that only what was pooled passes those maps; and one walk of a radar is compared with many of
cameras in one product per frame, without copies of it.

In the functions, axes are: G groups, each one walk of a radar; M walks of cameras in each group; T
frames; P cells or N points. Attention looks at sets of tokens: the T frames one by one, or the
whole walk as one set.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

from torch import Tensor, nn

from gait_reid_training.nets.attention import additive_mask
from gait_reid_training.nets.mission.pooling import masked_softmax


@dataclass(frozen=True)
class ModalityCache:
    """What the walks of one modality contribute, whatever the others are; first axis: walks.

    Attributes:
        query: (B, T, K, inner), to the other's keys.
        key: (B, T, K, inner), for the other's queries.
        value: (B, T, K, inner).
        static: (B, T, d) for pictures, the mean over the cells; (B, T, K, d) for points: the part
            of the fused features that the other does not change.
        mask: (B, T, K) bool.
    """

    query: Tensor
    key: Tensor
    value: Tensor
    static: Tensor
    mask: Tensor

    def at(self, rows: Tensor | slice) -> ModalityCache:
        """Return the cache of some walks."""
        return ModalityCache(*(getattr(self, one.name)[rows] for one in fields(self)))


def grouped(vision: ModalityCache, radar: ModalityCache) -> tuple[ModalityCache, ModalityCache]:
    """Return caches in groups: (G, M, ...) of cameras, (G, ...) of radars.

    Args:
        vision: Caches of B walks, or of one.
        radar: Caches of B walks, or of one.
    """
    if len(radar.mask) == 1:
        return _each(vision, lambda one: one[None]), radar
    count = len(radar.mask)
    return _each(vision, lambda one: one.expand(count, *one.shape[1:])[:, None]), radar


def fused_frames_of_vision(
    vision: ModalityCache, radar: ModalityCache, mutual_map: Tensor, whole_walk: bool
) -> Tensor:
    """Return the frames (G, M, T, d) of cameras' walks, mean over the cells, that know of points.

    Args:
        vision: Caches (G, M, T, P, ...).
        radar: Caches (G, T, N, ...).
        mutual_map: (d, inner), behind the answers of the points.
        whole_walk: Whether attention spans all frames, or one.
    """
    groups, walks, frames, cells = vision.mask.shape
    key, value, mask = (_sets(one, whole_walk) for one in (radar.key, radar.value, radar.mask))
    sets, length, inner = key.shape[1:]
    rows = vision.query.transpose(1, 2).reshape(groups, sets, -1, inner)
    score = rows @ key.transpose(-2, -1)
    weight = _softmax(score + additive_mask(mask)[..., None, :])
    pooled = weight.reshape(groups, frames, walks, cells, length).mean(dim=3)
    answer = pooled.reshape(groups, sets, -1, length) @ value
    by_walk = answer.reshape(groups, frames, walks, inner).transpose(1, 2)
    seen = mask.any(dim=-1)[:, None, :, None]
    return vision.static + (by_walk * seen) @ mutual_map.T


def fused_frames_of_radar(
    vision: ModalityCache,
    radar: ModalityCache,
    mutual_map: Tensor,
    score: nn.Linear,
    whole_walk: bool,
) -> Tensor:
    """Return the frames (G, M, T, d) of radars' walks, sums of points that know of pictures.

    Args:
        vision: Caches (G, M, T, P, ...).
        radar: Caches (G, T, N, ...).
        mutual_map: (d, inner), behind the answers of the pictures.
        score: Gives the points' weights of their fused features.
        whole_walk: Whether attention spans all frames, or one.
    """
    frames = vision.mask.shape[2]
    key, value, mask = (
        one.flatten(2, 3)[:, None] if whole_walk else one.transpose(1, 2)
        for one in (vision.key, vision.value, vision.mask)
    )  # (G, sets, M, cells, ...)
    asked = _sets(radar.query, whole_walk)
    # Groups and sets are one axis here: engines then need no copy of the keys turned around.
    keys = key.flatten(0, 1).transpose(-2, -1)
    products = (asked.flatten(0, 1)[:, None] @ keys).unflatten(0, asked.shape[:2])
    if whole_walk:  # the cells of one frame are all seen, or none is
        products = products + additive_mask(mask)[..., None, :]
    of_set = frames // products.shape[1]
    weight = products.softmax(dim=-1).unflatten(3, (of_set, -1))  # (G, sets, M, F, N, cells)
    seen = mask.any(dim=-1)[..., None, None]
    # Matrices of one column and of one row: engines take vectors one by one.
    cell_score = value @ (score.weight @ mutual_map).T
    told = (weight @ cell_score[:, :, :, None]).squeeze(-1) * seen
    own = score(radar.static).squeeze(-1)
    by_frame = told.transpose(2, 3).flatten(1, 2)  # (G, T, M, N)
    share = masked_softmax(own[:, :, None] + by_frame, radar.mask[:, :, None])
    by_set = share.unflatten(1, (-1, of_set)).transpose(2, 3).unsqueeze(-2)
    answer = ((by_set @ weight).squeeze(-2) @ value) * seen
    answer = answer.transpose(2, 3).flatten(1, 2)  # (G, T, M, inner)
    fused = share @ radar.static + answer @ mutual_map.T
    return fused.transpose(1, 2)


def _softmax(score: Tensor) -> Tensor:
    """Return the softmax over the last axis without denormal numbers, with which sums are slow.

    What is ruled out keeps a share of exp(-80), less than single precision can tell from nothing.
    """
    share = (score - score.amax(dim=-1, keepdim=True)).clamp(min=-80.0).exp()
    return share / share.sum(dim=-1, keepdim=True)


def _sets(tokens: Tensor, whole_walk: bool) -> Tensor:
    """Return the tokens (G, T, K, ...) as they are, or (G, 1, T K, ...) as one set."""
    return tokens.flatten(1, 2)[:, None] if whole_walk else tokens


def _each(cache: ModalityCache, change: Callable[[Tensor], Tensor]) -> ModalityCache:
    return ModalityCache(*(change(getattr(cache, one.name)) for one in fields(cache)))
