"""Measures the values of ``DecisionConfig`` on labelled distances."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from gait_reid.core.gallery.decision_config import DecisionConfig
from gait_reid.core.types import Float64

_MAX_STEPS = 100


def calibrate(
    genuine: npt.ArrayLike,
    impostor: npt.ArrayLike,
    far: float,
    config: DecisionConfig | None = None,
) -> DecisionConfig:
    """Return a configuration whose threshold accepts a wanted share of impostors.

    What ``far`` means is what ``impostor`` holds. Distances between pairs of different persons give
    the false match rate of one comparison. For walks of people who are not enrolled, their distance
    to the nearest enrolled person gives the false positive identification rate of the open-set
    search (FPIR of ISO/IEC 19795-1), which grows with the gallery and is usually what is wanted.
    Several votes lower the rate further; how much depends on how alike the votes are.

    Args:
        genuine: (n,) distances between walks of the same person, other sessions if possible.
        impostor: (m,) distances of other persons, m >= 1 / ``far``.
        far: Wanted share of impostors within the threshold, between 0 and 1.
        config: Where all other values come from.

    Raises:
        ValueError: Too few distances for this rate, or genuine ones that are not smaller.
    """
    same = _distances("genuine", genuine)
    threshold = far_threshold(impostor, far)
    midpoint, slope = fit_logistic(same, _distances("impostor", impostor))
    return replace(
        config or DecisionConfig(),
        max_distance=threshold,
        logistic_midpoint=midpoint,
        logistic_slope=slope,
    )


def far_threshold(impostor: npt.ArrayLike, far: float) -> float:
    """Return the distance within which a wanted share of impostors' distances lies.

    Raises:
        ValueError: Too few distances for this rate.
    """
    other = np.sort(_distances("impostor", impostor))
    if not 0.0 < far < 1.0:
        raise ValueError(f"far is {far}, expected a rate between 0 and 1")
    if len(other) * far < 1.0:
        raise ValueError(
            f"{len(other)} impostor distances cannot show a false accept rate of {far}; give at "
            f"least {math.ceil(1.0 / far)}, or ask for {1.0 / len(other):.2g}"
        )
    threshold = np.nextafter(other[math.floor(len(other) * far)], -np.inf)
    return float(max(threshold, 0.0))


def fit_logistic(
    genuine: Float64, impostor: Float64, equal_odds: bool = True
) -> tuple[float, float]:
    """Return midpoint and slope of the logistic curve from distance to probability.

    With equal odds both classes weigh the same, however many distances there are. Targets are
    smoothed and the fit is Newton's method with step halving, after Platt (1999) and Lin, Lin and
    Weng (2007), so separable data give finite values.

    Raises:
        ValueError: Genuine distances are not smaller than impostor distances.
    """
    distance = np.concatenate([genuine, impostor])
    n, m = len(genuine), len(impostor)
    target = np.concatenate([np.full(n, (n + 1.0) / (n + 2.0)), np.full(m, 1.0 / (m + 2.0))])
    weight = np.concatenate([np.full(n, 0.5 / n), np.full(m, 0.5 / m)])
    if not equal_odds:
        weight[:] = 1.0 / (n + m)
    centre, scale = distance.mean(), distance.std() or 1.0
    design = np.stack([np.ones(n + m), (distance - centre) / scale], axis=1)
    beta = np.zeros(2)
    loss = _loss(design @ beta, target, weight)
    for _ in range(_MAX_STEPS):
        chance = 1.0 / (1.0 + np.exp(-design @ beta))
        gradient = design.T @ (weight * (chance - target))
        hessian = (design * (weight * chance * (1.0 - chance))[:, None]).T @ design
        step = np.linalg.solve(hessian + 1e-12 * np.eye(2), gradient)
        size = 1.0
        while (new := _loss(design @ (beta - size * step), target, weight)) > loss and size > 1e-6:
            size *= 0.5
        if loss - new < 1e-12:
            break
        beta, loss = beta - size * step, new
    slope = -beta[1] / scale
    if not slope > 0.0:
        raise ValueError(
            f"genuine distances (mean {genuine.mean():.3g}) are not smaller than impostor "
            f"distances (mean {impostor.mean():.3g}); exchange them, or use another model"
        )
    midpoint = centre + beta[0] / slope
    return float(np.clip(midpoint, 0.0, 2.0)), float(slope)


def _loss(ratio: Float64, target: Float64, weight: Float64) -> float:
    """Return the weighted cross entropy."""
    return float((weight * (np.logaddexp(0.0, ratio) - target * ratio)).sum())


def _distances(name: str, values: npt.ArrayLike) -> Float64:
    array = np.asarray(values, np.float64).ravel()
    if not len(array) or not np.isfinite(array).all() or array.min() < 0.0:
        raise ValueError(
            f"{name} has {len(array)} distances, expected at least one, all finite and >= 0"
        )
    return array
