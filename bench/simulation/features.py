"""Hand-made features of tracklets: the simplest that anybody would try."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import cv2
import numpy as np

from bench.simulation.recorded import Floats
from gait_reid.core.types import Float32, UInt8

SLICES_M = np.linspace(0.0, 2.0, 15)
PICTURE = (16, 32)


class Seen(Protocol):
    """What features are made of; lists have one entry per frame, see `Recorded`."""

    @property
    def points(self) -> list[Float32]:
        """(k, 3 or more) points, metres, fixed frame."""

    @property
    def images(self) -> list[UInt8 | None]:
        """BGR pictures."""

    @property
    def position(self) -> Float32:
        """(t, 3) metres."""

    @property
    def velocity(self) -> Float32:
        """(t, 3) m/s."""


def lidar_features(walk: Seen) -> Floats:
    """Return what the points say of body and gait.

    Per frame: share, length and width of horizontal slices, the height, and the length and width of
    the legs, in the direction of the walk; of each the mean and the standard deviation over the
    tracklet; then the speed and the rhythm of the legs.
    """
    heading = walk.velocity.mean(axis=0)[:2].astype(np.float64)
    speed = float(np.linalg.norm(heading))
    along = heading / max(speed, 1e-6)
    rows = np.array([_slices(p, at, along) for p, at in zip(walk.points, walk.position)])
    legs = rows[:, -2] - rows[:, -2].mean()
    spectrum = np.abs(np.fft.rfft(legs, 64))[2:20]
    rhythm = float((spectrum * np.arange(2, 20)).sum() / max(spectrum.sum(), 1e-6))
    return np.concatenate([rows.mean(axis=0), rows.std(axis=0), [speed, rhythm]])


def _slices(points: Float32, position: Float32, along: Floats) -> Floats:
    """Return (45,) features of one frame."""
    count = len(SLICES_M) - 1
    out = np.zeros(3 * count + 3)
    if len(points) < 4:
        return out
    local = points[:, :2].astype(np.float64) - np.median(points[:, :2], axis=0)
    ahead, aside, z = local @ along, local @ np.array([-along[1], along[0]]), points[:, 2]
    row = np.clip(np.searchsorted(SLICES_M, z) - 1, 0, count - 1)
    for k in range(count):
        mine = row == k
        out[k] = mine.mean()
        if mine.sum() > 1:
            out[count + k], out[2 * count + k] = ahead[mine].std(), aside[mine].std()
    legs = z < 0.8
    if legs.sum() > 2:
        out[-2], out[-1] = np.ptp(ahead[legs]), np.ptp(aside[legs])
    out[-3] = np.percentile(z, 98)
    return out


def picture_features(walk: Seen) -> Floats:
    """Return the mean of the pictures, shrunk to 16 x 32, in Lab."""
    small = [
        cv2.cvtColor(cv2.resize(image, PICTURE, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2LAB)
        for image in walk.images
        if image is not None
    ]
    if not small:
        return np.zeros(PICTURE[0] * PICTURE[1] * 3)
    return np.asarray(np.mean(small, axis=0, dtype=np.float64).ravel())


class Projection:
    """Principal components, then linear discriminant analysis (scikit-learn)."""

    def __init__(self, features: Floats, people: Sequence[str], components: int = 48) -> None:
        from sklearn.decomposition import PCA
        from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        classes = len(set(people))
        size = min(components, features.shape[1], len(features) - classes)
        discriminant = LinearDiscriminantAnalysis(
            solver="eigen", shrinkage="auto", n_components=min(classes - 1, size)
        )
        self._steps = make_pipeline(StandardScaler(), PCA(size, random_state=0), discriminant)
        self._steps.fit(features, np.asarray(people))

    def __call__(self, features: Floats) -> Floats:
        """Return unit vectors that are near for one person and far for two."""
        out = self._steps.transform(features)
        return np.asarray(out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-9))


def rank1(gallery: Floats, owners: Sequence[str], probes: Floats, truth: Sequence[str]) -> float:
    """Return the share of probes whose nearest person, by the mean of the gallery, is the right."""
    names = sorted(set(owners))
    means = np.array([gallery[np.asarray(owners) == name].mean(axis=0) for name in names])
    found = np.asarray(names)[(probes @ means.T).argmax(axis=1)]
    return float((found == np.asarray(truth)).mean())


def within_over_between(features: Floats, people: Sequence[str]) -> float:
    """Return the spread of one person's walks over the spread of people, root mean square.

    Features that do not vary between people are left out.
    """
    names = np.asarray(people)
    groups = [features[names == name] for name in sorted(set(people))]
    inner = np.mean([group.var(axis=0, ddof=1) for group in groups], axis=0)
    outer = np.var([group.mean(axis=0) for group in groups], axis=0, ddof=1)
    varies = outer > 1e-9
    return float(np.sqrt(np.mean(inner[varies] / outer[varies])))
