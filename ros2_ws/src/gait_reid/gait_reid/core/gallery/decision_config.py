"""Parameters of the open-set decision."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt

from gait_reid_common.parameters import ParameterError, param, validate

OF_MODEL = -1
"""Value of a threshold that is the model's own."""


@dataclass(frozen=True)
class Calibration:
    """Thresholds that were measured for one model; they are in its own scale of distances.

    The defaults are for encoders that nobody calibrated. ``calibration.calibrate`` measures them on
    labelled walks.
    """

    max_distance: float = param(
        0.6, "Distance beyond which nobody is recognised, scale of the model", "", 0.0, 2.0
    )
    min_margin: float = param(
        0.05, "Distance by which the first must be nearer than the second", "", 0.0, 2.0
    )
    min_frames: int = param(20, "Frames that a window needs to be judged", "frames", 1)
    keep_tolerance: float = param(
        0.05, "Distance beyond max_distance at which a confirmation is withdrawn", "", 0.0, 2.0
    )
    logistic_midpoint: float = param(
        0.6, "Distance at which same and other person are equally likely", "", 0.0, 2.0
    )
    logistic_slope: float = param(
        20.0, "Fall of the log-likelihood ratio per unit of distance", "", 0.0
    )
    may_confirm: bool = param(
        True, "Whether a person may be named; False: likely people are candidates, never more"
    )

    def __post_init__(self) -> None:
        validate(self)


_CALIBRATED = {one.name for one in fields(Calibration)} - {"may_confirm"}


def _of_model(description: str, maximum: float | None = None) -> float:
    text = f"{description}; -1: as calibrated for the model"
    value: float = param(float(OF_MODEL), text, "", float(OF_MODEL), maximum)
    return value


@dataclass(frozen=True)
class DecisionConfig:
    """When a track is called by a person's id.

    Distances depend on the encoder, so the values that are distances are by default those that
    were calibrated for the model (`Calibration`).
    """

    max_distance: float = _of_model(
        "Distance beyond which nobody is recognised, scale of the model", 2.0
    )
    min_margin: float = _of_model("Distance by which the first must be nearer than the second", 2.0)
    min_frames: int = param(
        OF_MODEL,
        "Frames that a window needs to be judged; -1: as calibrated for the model",
        "frames",
        OF_MODEL,
    )
    num_votes: int = param(5, "Newest votes that count (n of m-of-n)", "", 1, 100)
    min_agreeing: int = param(2, "Votes that must agree on a person (m of m-of-n)", "", 1, 100)
    vote_interval_s: float = param(
        0.5, "Time between votes, about half a gait cycle", "s", 0.0, 60.0
    )
    keep_tolerance: float = _of_model(
        "Distance beyond max_distance at which a confirmation is withdrawn", 2.0
    )
    hold_s: float = param(
        1.0, "Time without news after which a track no longer holds its person", "s", 0.0, 60.0
    )
    logistic_midpoint: float = _of_model(
        "Distance at which same and other person are equally likely", 2.0
    )
    logistic_slope: float = _of_model("Fall of the log-likelihood ratio per unit of distance")

    def __post_init__(self) -> None:
        """Check the values and that they fit together."""
        validate(self)
        for name in _CALIBRATED:
            value = getattr(self, name)
            if OF_MODEL < value < 0 or (name == "min_frames" and value == 0):
                raise ParameterError(name, value, "-1 for the model's own, or a positive value")
        if self.min_agreeing > self.num_votes:
            raise ValueError(
                f"min_agreeing is {self.min_agreeing}, allowed: at most num_votes, which is "
                f"{self.num_votes}"
            )

    def calibrated(self, calibration: Calibration) -> DecisionConfig:
        """Return the configuration with a model's values where none were set."""
        own = {
            name: getattr(calibration, name)
            for name in _CALIBRATED
            if getattr(self, name) == OF_MODEL
        }
        return replace(self, **own)

    def probability(self, distances: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return the calibrated probability of "same person" at equal odds, same shape."""
        known = self.calibrated(Calibration())
        ratio = known.logistic_slope * (known.logistic_midpoint - np.asarray(distances, np.float64))
        return 1.0 / (1.0 + np.exp(-np.clip(ratio, -500.0, 500.0)))
