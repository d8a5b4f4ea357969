"""Average joint error (AJE) of networks that estimate bodies beside identities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gait_reid.core.types import Float64
from gait_reid_training.batch import CrossModalBatch
from gait_reid_training.evaluation.cross_modal.scores import BATCH, ranges
from gait_reid_training.evaluation.cross_modal.walks import CrossModalWalks
from gait_reid_training.evaluation.intervals import IdentityBootstrap
from gait_reid_training.nets.mission.cross_modal import CrossModalNetwork, CrossModalOutput

KINDS = ("radar_fused", "radar_alone", "vision_fused", "vision_alone", "root")
"""``fused``: with a walk of the same person before the other sensor, as published."""
CENTIMETRES = 100.0


def pose_errors(
    network: CrossModalNetwork, walks: CrossModalWalks, frames: int, device: str = "cpu"
) -> dict[str, Float64]:
    """Return the mean error in centimetres of each query (n,), by kind; NaN where unknown.

    Each query stands beside a record of the same person, another walk. The error is the distance
    of estimated and true joints, mean over joints and frames (equation 5 of Mission); that of the
    root is the distance of the pelvis on the ground.

    Args:
        network: The network; put into evaluation mode.
        walks: Queries and records.
        frames: Frames of each walk.
        device: Where the network runs.
    """
    network = network.to(device).eval()
    rows = np.flatnonzero(walks.radar_partner >= 0)
    found: dict[str, Float64] = {}
    with torch.inference_mode():
        for some in ranges(0, len(rows), BATCH):
            batch = walks.pairs(rows[list(some)].tolist(), frames).to(device)
            for kind, errors in batch_errors(network(batch), batch, network.compares_pairs).items():
                full = found.setdefault(kind, np.full(len(walks.radar), np.nan))
                full[rows[list(some)]] = errors
    return found


def batch_errors(
    output: CrossModalOutput, batch: CrossModalBatch, fused: bool
) -> dict[str, Float64]:
    """Return the errors (B,) in centimetres of a batch, by kind.

    Args:
        output: What the network says.
        batch: What is true.
        fused: Whether the first poses know of the other modality; the last ones never do.
    """
    radar, vision = batch.radar, (batch.vision_joints, batch.vision_has_pose)
    errors = {}
    for name, poses, (joints, known) in (
        ("radar", output.radar_poses, (radar.joints, radar.has_pose & radar.frame_mask)),
        ("vision", output.vision_poses, vision),
    ):
        kinds = _named(name, poses, fused)
        errors.update({kind: _error(one, joints, known) for kind, one in kinds.items()})
    if output.root is not None:
        known = radar.has_pose & radar.frame_mask
        errors["root"] = _error(output.root[:, :, None], radar.root[:, :, None], known)
    return errors


def _named(name: str, poses: Sequence[Tensor], fused: bool) -> dict[str, Tensor]:
    if fused and len(poses) > 1:
        return {f"{name}_fused": poses[0], f"{name}_alone": poses[-1]}
    return {f"{name}_alone": poses[0]} if poses else {}


def _error(estimate: Tensor, truth: Tensor, known: Tensor) -> Float64:
    """Return the mean distances (B,) in centimetres, NaN where no frame (B, T) is known."""
    distance = (estimate - truth).norm(dim=-1).mean(dim=-1)
    weight = known.to(distance.dtype)
    mean = (distance * weight).sum(dim=1) / weight.sum(dim=1)
    return np.asarray(CENTIMETRES * mean.double().cpu().numpy(), np.float64)


def pose_figures(errors: dict[str, Float64], bootstrap: IdentityBootstrap) -> dict[str, Any]:
    """Return the mean of each kind with its interval over people; kinds that nobody has are out."""
    return {
        kind: dict(bootstrap.mean(errors[kind]).as_dict())
        for kind in KINDS
        if kind in errors and np.isfinite(errors[kind]).any()
    }
