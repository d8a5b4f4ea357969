"""EMGaitNet at run time: one new frame costs one frame, whatever the window.

What depends on one frame alone is computed once, when it comes, for all people of an instant in one
batch. A track keeps the maximum of its frames' fused maps and one vector per frame; an embedding
takes the small sequence graph alone, and is the one that the whole network gives for the same
frames.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from gait_reid.core.encoders.emgaitnet_graphs import EMGaitNetGraphs
from gait_reid.core.encoders.model_encoder import ModelEncoder, ModelEncoderConfig
from gait_reid.core.encoders.track_window import TrackWindow
from gait_reid.core.models import Model
from gait_reid.core.network_input import FrameInputs, prepare
from gait_reid.core.types import Embedding, Float32, Modality, PersonCrop
from gait_reid_common.parameters import param

DEFAULT_MODEL = "emgaitnet-edge"
_CLOSED = 0.5  # weight below which a sensor counts as gated
_SENSORS = (("camera", Modality.CAMERA), ("lidar", Modality.LIDAR))


@dataclass(frozen=True)
class EMGaitNetConfig(ModelEncoderConfig):
    """Parameters of `EMGaitNetEncoder`."""

    model: str = param(DEFAULT_MODEL, "Name of the model", read_only=True)
    min_duration_s: float = param(
        0.8, "Time that these frames must span, about a gait cycle", "s", 0.0, 10.0
    )
    min_weight: float = param(
        0.05, "Weight of both sensors, as the network sets it, below which a frame is left out",
        "", 0.0, 1.0,
    )  # fmt: skip


class EMGaitNetEncoder(ModelEncoder):
    """Keeps a bounded window of features per track.

    Attributes:
        gated: Frames in which the network gave a sensor less than half of its weight, by sensor.
    """

    def __init__(self, config: EMGaitNetConfig | None = None, model: Model | None = None) -> None:
        """Load the model.

        Args:
            config: Parameters.
            model: Given where it was loaded before.

        Raises:
            ModelError: The model is missing, damaged, or does not fit this suite.
            BackendError: It cannot be run.
        """
        self.config = config or EMGaitNetConfig()
        super().__init__(self.config, model)
        self._graphs = EMGaitNetGraphs(self.model, self.config.backend)
        self._input = replace(self._input, with_silhouette=self._graphs.takes_silhouettes)
        self.modality = Modality.CAMERA | Modality.LIDAR
        self.enrolls = self.compares = self.modality
        self.parts, self.dim = self._graphs.parts, self._graphs.dim
        self.max_frames = self.model.description.frames
        self.description = f"{self.model_id} with {self._graphs.description}"
        self.gated: Counter[str] = Counter()
        self._tracks: dict[int, TrackWindow] = {}

    def reset(self) -> None:
        """Drop the state of all tracks."""
        self._tracks.clear()

    def forget(self, track_ids: Collection[int]) -> None:
        """Drop the state of these tracks."""
        for track_id in track_ids:
            self._tracks.pop(track_id, None)

    def retain(self, track_ids: Collection[int]) -> None:
        """Drop the state of all other tracks."""
        alive = set(track_ids)
        self._tracks = {key: one for key, one in self._tracks.items() if key in alive}

    def update(self, crops: Sequence[PersonCrop]) -> None:
        """Take the crops of one instant; crops of one track must come in order of time."""
        timely = [crop for crop in crops if self._is_new(crop)]
        inputs = self._without_bad_pictures(timely, prepare(timely, self._input))
        usable = inputs.has_camera | inputs.has_lidar
        self._reject("neither picture nor points", int((~usable).sum()))
        if not usable.any():
            return
        kept = [crop for crop, good in zip(timely, usable) if good]
        self._take(kept, inputs.at(usable))

    def _is_new(self, crop: PersonCrop) -> bool:
        known = self._tracks.get(crop.track_id)
        new = known is None or not len(known) or crop.stamp_ns > known.end_ns
        self._reject("out of order", int(not new))
        return new

    def _without_bad_pictures(
        self, crops: Sequence[PersonCrop], inputs: FrameInputs
    ) -> FrameInputs:
        has_camera = inputs.has_camera.copy()
        for row in np.flatnonzero(has_camera).tolist():
            if fault := self.config.picture_fault(crops[row].quality):
                has_camera[row] = False
                self._reject(fault)
        return replace(inputs, has_camera=has_camera)

    def _take(self, crops: Sequence[PersonCrop], inputs: FrameInputs) -> None:
        image, cloud = self._graphs.see(inputs)
        semantics = self._semantics(crops, inputs, image)
        fused, means, gates = self._graphs.fuse(inputs, image, cloud, semantics)
        present = np.stack([inputs.has_camera, inputs.has_lidar], axis=1)
        closed = (present & (gates < _CLOSED)).sum(axis=0)
        for (name, _), count in zip(_SENSORS, closed):
            self.gated[name] += int(count)
        finite = np.isfinite(fused).all(axis=(1, 2)) & np.isfinite(means).all(axis=1)
        self._reject("features are not finite", int((~finite).sum()))
        weighty = (gates * present).max(axis=1) >= self.config.min_weight
        self._reject("of no use to the network", int((finite & ~weighty).sum()))
        for row in np.flatnonzero(finite & weighty).tolist():
            sensors = [flag for (_, flag), seen in zip(_SENSORS, present[row]) if seen]
            modality = sensors[0] | sensors[-1]
            self._track(crops[row]).add(crops[row].stamp_ns, fused[row], means[row], modality)

    def _semantics(
        self, crops: Sequence[PersonCrop], inputs: FrameInputs, image: Float32
    ) -> Float32 | None:
        """Return each frame's tokens; with key frames, those of the best picture of its track."""
        if not self.model.description.key_frame or not self._graphs.takes:
            return self._graphs.semantics(inputs, image, inputs.has_camera)
        score = np.where(inputs.has_camera, picture_score(inputs.quality), -1.0)
        tracks = [self._track(crop) for crop in crops]
        better = np.array([s > t.semantics_score for s, t in zip(score, tracks)], np.bool_)
        tokens = self._graphs.semantics(inputs, image, better & inputs.has_camera)
        assert tokens is not None  # there is a graph
        for row, track in enumerate(tracks):
            if better[row]:
                track.semantics, track.semantics_score = tokens[row].copy(), float(score[row])
            elif track.semantics is not None:
                tokens[row] = track.semantics
        return tokens

    def _track(self, crop: PersonCrop) -> TrackWindow:
        frames = self.model.description.frames
        return self._tracks.setdefault(crop.track_id, TrackWindow(frames))

    def embed(self, track_ids: Sequence[int]) -> dict[int, Embedding]:
        """Return the walks of these tracks; tracks with too few usable frames are absent."""
        ready = {
            track_id: window
            for track_id in track_ids
            if (window := self._tracks.get(track_id)) is not None
            and len(window) >= self._min_frames
            and window.duration_s >= self.config.min_duration_s
        }
        if not ready:
            return {}
        values = unit_parts(self._join(list(ready.values())))
        finite = np.atleast_1d(np.isfinite(values).all(axis=(1, 2)))
        self._reject("embedding is not finite", int((~finite).sum()))
        return {
            track_id: self._embedding(window, values[row])
            for row, (track_id, window) in enumerate(ready.items())
            if finite[row]
        }

    def _join(self, windows: Sequence[TrackWindow]) -> Float32:
        frames = self.model.description.frames
        pooled = np.stack([window.pooled for window in windows])
        clouds = np.zeros((len(windows), frames, pooled.shape[2]), np.float32)
        mask = np.zeros((len(windows), frames), np.bool_)
        for row, window in enumerate(windows):
            clouds[row, : len(window)], mask[row, : len(window)] = window.clouds, True
        return self._graphs.join(pooled, clouds, mask)

    def _embedding(self, window: TrackWindow, values: Float32) -> Embedding:
        return Embedding(
            values=values,
            model_id=self.model_id,
            modality=window.modality,
            window_start_ns=window.start_ns,
            window_end_ns=window.end_ns,
            num_frames=len(window),
        )

    def counts(self) -> dict[str, int]:
        """Return how many frames were left out or weakened, by reason."""
        weakened = {f"{name} of little weight": count for name, count in dict(self.gated).items()}
        return {**self.rejected, **weakened}

    def close(self) -> None:
        """Release the engines."""
        self._graphs.close()


def unit_parts(values: Float32) -> Float32:
    """Return (n, parts, dim) with every part of unit length."""
    norm = np.linalg.norm(values, axis=2, keepdims=True)
    return (values / np.maximum(norm, np.float32(1e-12))).astype(np.float32)


def picture_score(quality: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """Return how good pictures are (M,): height x sharpness x what is inside and not hidden."""
    score: npt.NDArray[np.floating] = quality[:, 0] * quality[:, 1] * quality[:, 3] * quality[:, 5]
    return score
