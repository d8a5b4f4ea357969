"""Embeddings of walks with what is known of each walk, kept in one file without pickle."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gait_reid.core.types import Float32, Float64

Text = npt.NDArray[np.str_]


@dataclass(frozen=True)
class EmbeddedWalks:
    """n walks.

    Attributes:
        values: (n, parts, dim) float32, parts of unit length.
        person_id: (n,) who walks.
        condition: (n,) name of the condition, for example ``gallery`` or ``01-nm``.
        light: (n,) ``day``, ``night``, ...
        outfit: (n,) clothes and what is carried.
        range_m: (n,) distance from the sensor.
        view_deg: (n,) direction of walking, 0 towards the sensor.
        name: (n,) name of the walk.

    Raises:
        ValueError: Lengths differ, or a value is not finite.
    """

    values: Float32
    person_id: Text
    condition: Text
    light: Text
    outfit: Text
    range_m: Float64
    view_deg: Float64
    name: Text

    def __post_init__(self) -> None:
        for one in fields(self):
            if len(getattr(self, one.name)) != len(self.values):
                raise ValueError(
                    f"{one.name} has {len(getattr(self, one.name))} entries, expected one for each "
                    f"of the {len(self.values)} walks"
                )
        if self.values.ndim != 3:
            raise ValueError(f"values has shape {self.values.shape}, expected (n, parts, dim)")
        bad = np.flatnonzero(~np.isfinite(self.values).all(axis=(1, 2)))
        if len(bad):
            raise ValueError(
                f"the embedding of walk '{self.name[bad[0]]}' of '{self.person_id[bad[0]]}' is not "
                f"finite ({len(bad)} of {len(self)} are not)"
            )

    def __len__(self) -> int:
        return len(self.values)

    def at(self, rows: npt.NDArray[np.bool_] | npt.NDArray[np.int64]) -> EmbeddedWalks:
        """Return some of the walks."""
        return EmbeddedWalks(**{one.name: getattr(self, one.name)[rows] for one in fields(self)})

    def save(self, path: Path) -> None:
        """Write the walks as npz."""
        np.savez(path, **{one.name: getattr(self, one.name) for one in fields(self)})

    @classmethod
    def load(cls, path: Path) -> EmbeddedWalks:
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as file:
            return cls(**{one.name: file[one.name] for one in fields(cls)})
