"""Pairs from what each walk contributes to any pair, outside training.

Means over cells and weighted sums over points commute with the linear maps behind an attention, so
that only what was pooled passes those maps; and one walk of a modality is compared with many of the
other in one product per frame, without copies of it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
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


def fused_frames_of_vision(
    vision: ModalityCache, radar: ModalityCache, mutual_map: Tensor, whole_walk: bool
) -> Tensor:
    """Return the frames (B, T, d) of cameras' walks, mean over the cells, that know of points.

    Args:
        vision: Caches of B walks, or of one.
        radar: Caches of B walks, or of one.
        mutual_map: (d, inner), behind the answers of the points.
        whole_walk: Whether attention spans all frames, or one.
    """
    key, value, mask = (_sets(one, whole_walk) for one in (radar.key, radar.value, radar.mask))
    score = _products(_sets(vision.query, whole_walk), key)
    weight = (score + additive_mask(mask)[..., None, :]).softmax(dim=-1)
    by_frame = weight.flatten(1, 2).unflatten(1, vision.query.shape[1:3])
    answer = _mixed(by_frame.mean(dim=2), value)
    return vision.static + (answer * mask.any(dim=-1, keepdim=True)) @ mutual_map.T


def fused_frames_of_radar(
    vision: ModalityCache,
    radar: ModalityCache,
    mutual_map: Tensor,
    score: nn.Linear,
    whole_walk: bool,
) -> Tensor:
    """Return the frames (B, T, d) of radars' walks, weighed sums of points that know of pictures.

    Args:
        vision: Caches of B walks, or of one.
        radar: Caches of B walks, or of one.
        mutual_map: (d, inner), behind the answers of the pictures.
        score: Gives the points' weights of their fused features.
        whole_walk: Whether attention spans all frames, or one.
    """
    key, value, mask = (_sets(one, whole_walk) for one in (vision.key, vision.value, vision.mask))
    products = _products(key, _sets(radar.query, whole_walk))
    if whole_walk:  # the cells of one frame are all seen, or none is
        products = products + additive_mask(mask)[..., None]
    weight = products.softmax(dim=-2)
    by_frame = weight.unflatten(3, (-1, radar.query.shape[2])).transpose(2, 3).flatten(1, 2)
    seen = mask.any(dim=-1, keepdim=True)
    cell_score = (value @ (score.weight[0] @ mutual_map)) * seen
    own = score(radar.static)[..., 0]
    share = masked_softmax(own + (cell_score[..., None, :] @ by_frame)[..., 0, :], radar.mask)
    answer = _mixed((by_frame @ share[..., None])[..., 0], value) * seen
    return _mixed(share, radar.static) + answer @ mutual_map.T


def _sets(tokens: Tensor, whole_walk: bool) -> Tensor:
    """Return the tokens (B, T, K, ...) as they are, or (B, 1, T K, ...) as one set."""
    return tokens.flatten(1, 2)[:, None] if whole_walk else tokens


def _products(rows: Tensor, columns: Tensor) -> Tensor:
    """Return the inner products (B, T, K, L) of (B, T, K, i) and (B, T, L, i).

    Where there is one walk of columns for all rows, no copies of it are made.
    """
    if columns.shape[0] != 1:
        return rows @ columns.transpose(-2, -1)
    by_time = rows.transpose(0, 1).flatten(1, 2) @ columns[0].transpose(-2, -1)
    return by_time.unflatten(1, (rows.shape[0], rows.shape[2])).transpose(0, 1).contiguous()


def _mixed(weights: Tensor, values: Tensor) -> Tensor:
    """Return the sums (B, T, i) of values (B, T, L, i), or of one walk's, by weights (B, T, L)."""
    if values.shape[0] != 1:
        return torch.einsum("btl,btli->bti", weights, values.expand(-1, weights.shape[1], -1, -1))
    return (weights.transpose(0, 1) @ values[0]).transpose(0, 1)
