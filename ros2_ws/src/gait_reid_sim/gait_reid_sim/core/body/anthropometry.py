"""Draw bodies whose measures are distributed as in adult populations.

Stature, body mass index and the relative spread of limb lengths follow the anthropometric surveys
of adults (NCD-RisC for stature and index; ANSUR II for the coefficients of variation of limb
lengths and breadths). Everything that is not measured follows the statistical body, given the
measures (the conditional mean of a normal distribution).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from gait_reid.core.types import Float64
from gait_reid_sim.core.body.model import ARM, LEG, BodyModel, BodyShape

MAN, WOMAN = 0, 1
STATURE_M = ((1.757, 0.069), (1.622, 0.063))
BODY_MASS_INDEX = (25.0, 24.0)
LOG_INDEX_SD = 0.15
RELATIVE_SD = {"leg": 0.028, "arm": 0.028, "shoulders": 0.045, "hips": 0.055}
STATURE_LIMITS_M = (1.42, 2.05)
INDEX_LIMITS = (17.0, 40.0)


@dataclass(frozen=True)
class Anthropometry:
    """Measures that define a body.

    Attributes:
        sex: `MAN` or `WOMAN`.
        stature_m: Barefoot stature.
        body_mass_index: kg/m2.
        leg: Length of the leg over stature, relative to the mean of the sex.
        arm: Length of the arm over stature, relative likewise.
        shoulders: Distance of the shoulder joints over stature, relative likewise.
        hips: Distance of the hip joints over stature, relative likewise.
    """

    sex: int
    stature_m: float
    body_mass_index: float
    leg: float = 1.0
    arm: float = 1.0
    shoulders: float = 1.0
    hips: float = 1.0

    def __post_init__(self) -> None:
        if self.sex not in (MAN, WOMAN):
            raise ValueError(f"Anthropometry.sex is {self.sex}, expected {MAN} or {WOMAN}")
        for name, (low, high) in (
            ("stature_m", (1.2, 2.3)),
            ("body_mass_index", (14.0, 50.0)),
            ("leg", (0.8, 1.2)),
            ("arm", (0.8, 1.2)),
            ("shoulders", (0.7, 1.3)),
            ("hips", (0.7, 1.3)),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"Anthropometry.{name} is {value}, expected {low} to {high}")


def sample_anthropometry(rng: np.random.Generator, spread: float = 1.0) -> Anthropometry:
    """Draw the measures of one adult; ``spread`` multiplies every deviation from the mean."""
    sex = int(rng.integers(2))
    mean, sd = STATURE_M[sex]
    stature = np.clip(rng.normal(mean, spread * sd), *STATURE_LIMITS_M)
    index = BODY_MASS_INDEX[sex] * np.exp(rng.normal(0.0, spread * LOG_INDEX_SD))
    relative = {
        name: float(1.0 + np.clip(rng.normal(0.0, spread), -3.0, 3.0) * sd)
        for name, sd in RELATIVE_SD.items()
    }
    return Anthropometry(sex, float(stature), float(np.clip(index, *INDEX_LIMITS)), **relative)


def measures(model: BodyModel, body: BodyShape) -> Float64:
    """Return (6,): stature, log body mass index, leg, arm, shoulders, hips over stature."""
    stature = body.stature_m
    arm = np.mean([body.bone(a[1], a[2]) + body.bone(a[2], a[3]) for a in ARM.values()])
    shoulders = body.bone(ARM["left"][1], ARM["right"][1])
    hips = body.bone(LEG["left"][0], LEG["right"][0])
    index = model.mass_kg(body) / stature**2
    ratios = [body.leg_length_m / stature, arm / stature, shoulders / stature, hips / stature]
    return np.array([stature, np.log(index), *ratios])


@lru_cache(maxsize=2)
def _linearised(sex: int) -> tuple[Float64, Float64]:
    """Return the measures of the mean body of a sex, and their (6, k) derivative."""
    model = BodyModel.load()
    centre = model.sex_mean[sex]
    steps = 0.5 * np.eye(len(centre))
    rows = [
        measures(model, model.shape(centre + step)) - measures(model, model.shape(centre - step))
        for step in steps
    ]
    return measures(model, model.shape(centre)), np.array(rows).T


def make_body(anthropometry: Anthropometry, rng: np.random.Generator) -> BodyShape:
    """Return a body with the wanted measures; what they leave open is drawn from ``rng``."""
    model = BodyModel.load()
    sex = anthropometry.sex
    mean, derivative = _linearised(sex)
    relative = np.array(
        [anthropometry.leg, anthropometry.arm, anthropometry.shoulders, anthropometry.hips]
    )
    target = np.concatenate(
        [
            [anthropometry.stature_m, np.log(anthropometry.body_mass_index)],
            mean[2:] * relative,
        ]
    )
    covariance = model.sex_covariance[sex]
    gain = covariance @ derivative.T @ np.linalg.inv(derivative @ covariance @ derivative.T)
    coefficients = rng.multivariate_normal(model.sex_mean[sex], covariance)
    for _ in range(4):
        error = target - measures(model, model.shape(coefficients))
        coefficients = coefficients + gain @ error
    body = model.shape(coefficients)
    return body.scaled(anthropometry.stature_m / body.stature_m)
