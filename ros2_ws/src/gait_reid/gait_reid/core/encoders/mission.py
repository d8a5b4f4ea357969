"""Mission at run time: who walks before a radar, among people who walked before a camera.

A walk before a camera becomes what a gallery keeps: a vector, and tokens that tell what each frame
brings into a comparison. A walk before a radar becomes a query and is never kept. Each frame is
computed once, when it comes; a walk is its newest frames, in order, without a gap.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gait_reid.core.encoders.mission_graphs import MissionGraphs
from gait_reid.core.encoders.model_encoder import ModelEncoder, ModelEncoderConfig
from gait_reid.core.models import Model
from gait_reid.core.network_input import prepare
from gait_reid.core.radar_input import prepare_radar
from gait_reid.core.types import Embedding, Float16, Float32, Modality, PersonCrop
from gait_reid_common.parameters import param

DEFAULT_MODEL = "mission-edge"
_EARLY = 0.75  # of the frames' period; what comes sooner would make the walk look fast
_SENSORS = (Modality.RADAR, Modality.CAMERA)
_Join = Callable[[Sequence[Any]], "tuple[Float32, Float16 | None]"]


@dataclass(frozen=True)
class MissionConfig(ModelEncoderConfig):
    """Parameters of `MissionEncoder`."""

    model: str = param(DEFAULT_MODEL, "Name of the model", read_only=True)
    max_gap_s: float = param(
        0.5, "Time without a usable frame after which a walk begins anew", "s", 0.05, 10.0
    )
    min_points: int = param(3, "Least radar points of a usable frame", "", 1, 64)


class _Walk:
    """The newest frames of one track before one sensor."""

    def __init__(self, frames: int) -> None:
        self.features: deque[Any] = deque(maxlen=frames)
        self.stamps_ns: deque[int] = deque(maxlen=frames)

    def add(self, stamp_ns: int, feature: Any, max_gap_ns: float) -> None:
        if self.stamps_ns and stamp_ns - self.stamps_ns[-1] > max_gap_ns:
            self.features.clear()
            self.stamps_ns.clear()
        self.features.append(feature)
        self.stamps_ns.append(stamp_ns)


class MissionEncoder(ModelEncoder):
    """Keeps a bounded window of features per track and sensor."""

    def __init__(self, config: MissionConfig | None = None, model: Model | None = None) -> None:
        """Load the model.

        Args:
            config: Parameters.
            model: Given where it was loaded before.

        Raises:
            ModelError: The model is missing, damaged, or does not fit this suite.
            BackendError: It cannot be run.
        """
        self.config = config or MissionConfig()
        super().__init__(self.config, model)
        self._graphs = MissionGraphs(self.model, self.config.backend)
        self._period_ns = 1e9 * self.model.description.frame_period_s
        self.modality = Modality.CAMERA | Modality.RADAR
        self.enrolls, self.compares = Modality.CAMERA, Modality.RADAR
        self.parts, self.dim = 1, self._graphs.dim
        self.max_frames = self._graphs.frames
        self.compares_pairs = self._graphs.compares_pairs
        self.description = f"{self.model_id} with {self._graphs.description}"
        self._walks: dict[tuple[int, Modality], _Walk] = {}

    def reset(self) -> None:
        """Drop the state of all tracks."""
        self._walks.clear()

    def forget(self, track_ids: Collection[int]) -> None:
        """Drop the state of these tracks."""
        gone = set(track_ids)
        self._walks = {key: one for key, one in self._walks.items() if key[0] not in gone}

    def retain(self, track_ids: Collection[int]) -> None:
        """Drop the state of all other tracks."""
        alive = set(track_ids)
        self._walks = {key: one for key, one in self._walks.items() if key[0] in alive}

    def update(self, crops: Sequence[PersonCrop]) -> None:
        """Take the crops of one instant; crops of one track must come in order of time."""
        self._hear([crop for crop in crops if self._is_heard(crop)])
        self._see([crop for crop in crops if self._is_seen(crop)])

    def _is_heard(self, crop: PersonCrop) -> bool:
        if not crop.modality & Modality.RADAR or not self._is_due(crop, Modality.RADAR):
            return False
        few = crop.points is None or len(crop.points) < self.config.min_points
        return not few or self._reject("too few radar points")

    def _is_seen(self, crop: PersonCrop) -> bool:
        if not crop.modality & Modality.CAMERA or not self._is_due(crop, Modality.CAMERA):
            return False
        fault = self.config.picture_fault(crop.quality)
        if crop.image is None and crop.silhouette is None:
            fault = "no picture"
        return not fault or self._reject(fault)

    def _is_due(self, crop: PersonCrop, sensor: Modality) -> bool:
        """Return whether a frame is the next one of its walk, at the rate of the model."""
        walk = self._walks.get((crop.track_id, sensor))
        if walk is None:
            return True
        passed_ns = crop.stamp_ns - walk.stamps_ns[-1]
        if passed_ns <= 0:
            return self._reject("out of order")
        return passed_ns >= _EARLY * self._period_ns

    def _hear(self, crops: Sequence[PersonCrop]) -> None:
        inputs = prepare_radar(crops, self.model.radar_input)
        kept = inputs.point_mask.sum(axis=1) >= self.config.min_points
        self._reject("too few radar points", int((~kept).sum()))
        if not kept.any():
            return
        features = self._graphs.hear(inputs.at(kept))
        finite = [bool(np.isfinite(one.own).all() & np.isfinite(one.frame).all())
                  for one in features]  # fmt: skip
        self._keep([one for one, good in zip(crops, kept) if good], features, finite, _SENSORS[0])

    def _see(self, crops: Sequence[PersonCrop]) -> None:
        if not crops:
            return
        features = self._graphs.see(prepare(crops, self._input))
        finite = [bool(np.isfinite(one).all()) for one in features]
        # Rows of a batch are copied, or a track would keep those of others.
        self._keep(crops, [one.copy() for one in features], finite, _SENSORS[1])

    def _keep(
        self,
        crops: Sequence[PersonCrop],
        features: Sequence[Any],
        finite: Sequence[bool],
        sensor: Modality,
    ) -> None:
        for crop, feature, good in zip(crops, features, finite):
            if not good:
                self._reject("features are not finite")
                continue
            walk = self._walks.setdefault((crop.track_id, sensor), _Walk(self.max_frames))
            walk.add(crop.stamp_ns, feature, 1e9 * self.config.max_gap_s)

    def embed(self, track_ids: Sequence[int]) -> dict[int, Embedding]:
        """Return the walks of these tracks; tracks with too few usable frames are absent.

        A track that a radar hears gives a query, whatever else sees it.
        """
        made: dict[int, Embedding] = {}
        joins: tuple[_Join, ...] = (self._graphs.heard_walks, self._graphs.seen_walks)
        for sensor, join in zip(_SENSORS, joins):
            ready = {
                track_id: walk
                for track_id in track_ids
                if track_id not in made
                and (walk := self._walks.get((track_id, sensor))) is not None
                and len(walk.features) >= self._min_frames
            }
            if ready:
                made.update(self._embeddings(ready, sensor, join))
        return made

    def _embeddings(
        self, walks: dict[int, _Walk], sensor: Modality, join: _Join
    ) -> dict[int, Embedding]:
        values, tokens = join([list(walk.features) for walk in walks.values()])
        made = {}
        for row, (track_id, walk) in enumerate(walks.items()):
            count = len(walk.features)
            own = None if tokens is None else tokens[row]
            if sensor is Modality.CAMERA and own is not None:
                own = own[:count].copy()
            if not np.isfinite(values[row]).all() or (
                own is not None and not np.isfinite(own).all()
            ):
                self._reject("embedding is not finite")
                continue
            made[track_id] = Embedding(
                values=values[row][None], model_id=self.model_id, modality=sensor,
                window_start_ns=walk.stamps_ns[0], window_end_ns=walk.stamps_ns[-1],
                num_frames=count, tokens=own,
            )  # fmt: skip
        return made

    def compare(self, query: Embedding, tokens: Sequence[Float16]) -> Float32:
        """Return the distances (n,), 0 to 2, of a radar's walk to camera walks, each pair as one.

        Args:
            query: Of `embed`, of a radar.
            tokens: Of gallery records of this model.

        Raises:
            ValueError: Tokens are not those of this model.
        """
        if query.tokens is None:
            raise ValueError("the query has no tokens: the model compares no pairs")
        return self._graphs.compare(query.tokens, tokens)

    def counts(self) -> dict[str, int]:
        """Return how many frames were left out, by reason."""
        return dict(self.rejected)

    def close(self) -> None:
        """Release the engines."""
        self._graphs.close()
