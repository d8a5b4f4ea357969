"""Parameters of the open-set decision."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gait_reid_common.parameters import param, validate


@dataclass(frozen=True)
class DecisionConfig:
    """When a track is called by a person's id.

    Distances depend on the encoder: the defaults are calibrated for none, ``calibration.calibrate``
    measures ``max_distance`` and the logistic values on labelled walks.
    """

    max_distance: float = param(
        0.6, "Distance beyond which nobody is recognised, scale of the model", "", 0.0, 2.0
    )
    min_margin: float = param(
        0.05, "Distance by which the first must be nearer than the second", "", 0.0, 2.0
    )
    min_frames: int = param(20, "Frames that a window needs to be judged", "frames", 1)
    num_votes: int = param(5, "Newest votes that count (n of m-of-n)", "", 1, 100)
    min_agreeing: int = param(2, "Votes that must agree on a person (m of m-of-n)", "", 1, 100)
    vote_interval_s: float = param(
        0.5, "Time between votes, about half a gait cycle", "s", 0.0, 60.0
    )
    keep_tolerance: float = param(
        0.05, "Distance beyond max_distance at which a confirmation is withdrawn", "", 0.0, 2.0
    )
    hold_s: float = param(
        1.0, "Time without news after which a track no longer holds its person", "s", 0.0, 60.0
    )
    logistic_midpoint: float = param(
        0.6, "Distance at which same and other person are equally likely", "", 0.0, 2.0
    )
    logistic_slope: float = param(
        20.0, "Fall of the log-likelihood ratio per unit of distance", "", 0.0
    )

    def __post_init__(self) -> None:
        """Check the values and that they fit together."""
        validate(self)
        if self.min_agreeing > self.num_votes:
            raise ValueError(
                f"min_agreeing is {self.min_agreeing}, allowed: at most num_votes, which is "
                f"{self.num_votes}"
            )

    def probability(self, distances: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return the calibrated probability of "same person" at equal odds, same shape."""
        ratio = self.logistic_slope * (self.logistic_midpoint - np.asarray(distances, np.float64))
        return 1.0 / (1.0 + np.exp(-np.clip(ratio, -500.0, 500.0)))
