"""The exported graphs of Mission, joined by the names of their inputs and outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gait_reid.core.backends.base import BackendConfig
from gait_reid.core.encoders.model_graphs import check_shapes, open_graphs, output_shape
from gait_reid.core.models import MISSION, Model, ModelError
from gait_reid.core.network_input import QUALITY_SIZE, STATE_SIZE, FrameInputs
from gait_reid.core.radar_input import CHANNELS, RadarFrameInputs
from gait_reid.core.types import Float16, Float32

Bool = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class RadarFrame:
    """What one frame of a radar gives of one person.

    Attributes:
        own: (N, w) float32, features of the points.
        frame: (f,) float32, feature of the frame.
        mask: (N,) bool, False on padding.
    """

    own: Float32
    frame: Float32
    mask: Bool


class MissionGraphs:
    """Runs frames of many people, walks of many people, and pairs of walks, each as one batch.

    Attributes:
        dim: Numbers of an embedding.
        frames: Frames of a walk.
        compares_pairs: Whether the model was exported with the graph of pairs.
        description: Engine and device.
    """

    def __init__(self, model: Model, config: BackendConfig) -> None:
        """Load the graphs.

        Raises:
            ModelError: The model is of another network, or graphs do not fit its description or one
                another.
            BackendError: Graphs cannot be run.
        """
        if model.description.network != MISSION:
            raise ModelError(
                f"model {model.description.name} is of {model.description.network}, wanted is one "
                f"of {MISSION}; choose another model or encoder"
            )
        self._backends = open_graphs(model, config)
        self.frames = model.description.frames
        self.compares_pairs = "pair" in self._backends
        height, width = model.input.image_size
        points = model.radar_input.num_points
        check_shapes(
            model, self._backends,
            {
                "rgb": (3, height, width), "points": (points, CHANNELS),
                "frame_mask": (self.frames,), "state": (STATE_SIZE,), "quality": (QUALITY_SIZE,),
            },
        )  # fmt: skip
        (self.dim,) = output_shape(self._backends["vision_walk"], "embedding")
        self.description = self._backends["radar"].description
        self._numbers = 0
        if self.compares_pairs:
            self._check_pair(model)
        for backend in self._backends.values():
            backend.warm_up(1)

    def _check_pair(self, model: Model) -> None:
        given = {one.name: one.shape for one in self._backends["pair"].inputs}
        vision = output_shape(self._backends["vision_walk"], "tokens")
        radar = output_shape(self._backends["radar_walk"], "tokens")
        self._group = given.get("vision", (0,))[0]
        self._numbers = vision[-1]
        if given.get("vision") != (self._group, *vision) or given.get("radar") != radar:
            raise ModelError(
                f"{model.folder / 'pair'}.onnx takes {given.get('vision')} and "
                f"{given.get('radar')}, the walks' graphs give {vision} and {radar}; export the "
                "model again"
            )

    def see(self, inputs: FrameInputs) -> Float32:
        """Return the features (M, P, d) of pictures."""
        found: Float32 = self._run(
            "vision", {"rgb": inputs.rgb, "state": inputs.state, "quality": inputs.quality}
        )["frame"]
        return found

    def hear(self, inputs: RadarFrameInputs) -> list[RadarFrame]:
        """Return the features of frames of a radar."""
        points = np.ascontiguousarray(inputs.points, np.float32)
        found = self._run(
            "radar", {"points": points, "point_mask": inputs.point_mask, "state": inputs.state}
        )
        return [
            RadarFrame(own.copy(), frame.copy(), mask)
            for own, frame, mask in zip(found["own"], found["frame"], inputs.point_mask)
        ]

    def _run(self, name: str, given: Mapping[str, npt.NDArray[Any]]) -> dict[str, Any]:
        """Run a graph that takes some of the inputs."""
        backend = self._backends[name]
        return dict(backend.run({one.name: given[one.name] for one in backend.inputs}))

    def seen_walks(self, walks: Sequence[Sequence[Float32]]) -> tuple[Float32, Float16 | None]:
        """Return embeddings (B, dim) and tokens (B, T, numbers) of walks before a camera.

        Args:
            walks: Features of each walk's frames in order of time, at most T.
        """
        first = walks[0][0]
        frames = np.zeros((len(walks), self.frames, *first.shape), np.float32)
        mask = np.zeros((len(walks), self.frames), np.bool_)
        for row, walk in enumerate(walks):
            frames[row, : len(walk)], mask[row, : len(walk)] = walk, True
        return self._walks("vision_walk", {"frames": frames, "frame_mask": mask})

    def heard_walks(self, walks: Sequence[Sequence[RadarFrame]]) -> tuple[Float32, Float16 | None]:
        """Return embeddings (B, dim) and tokens (B, T, numbers) of walks before a radar.

        Args:
            walks: Features of each walk's frames in order of time, at most T.
        """
        first = walks[0][0]
        own = np.zeros((len(walks), self.frames, *first.own.shape), np.float32)
        frames = np.zeros((len(walks), self.frames, *first.frame.shape), np.float32)
        mask = np.zeros((len(walks), self.frames, len(first.mask)), np.bool_)
        for row, walk in enumerate(walks):
            for place, one in enumerate(walk):
                own[row, place], frames[row, place], mask[row, place] = (
                    one.own, one.frame, one.mask
                )  # fmt: skip
        embedding, tokens = self._walks(
            "radar_walk", {"own": own, "frames": frames, "point_mask": mask}
        )
        if tokens is None:
            return embedding, None
        flags = mask[..., None].astype(np.float16)
        joined = np.concatenate([tokens, flags], axis=-1)
        return embedding, joined.reshape(*joined.shape[:2], -1)

    def _walks(
        self, name: str, inputs: dict[str, npt.NDArray[np.generic]]
    ) -> tuple[Float32, Float16 | None]:
        found = self._backends[name].run(inputs)
        if not self.compares_pairs:
            return found["embedding"], None
        with np.errstate(over="ignore"):  # infinity is refused where embeddings are made
            return found["embedding"], found["tokens"].astype(np.float16)

    def compare(self, heard: Float16, seen: Sequence[Float16]) -> Float32:
        """Return the distances (n,) of one walk before a radar to walks before a camera.

        Args:
            heard: (T, numbers) tokens of `heard_walks`.
            seen: n times (frames, numbers) tokens of `seen_walks`, without padding.

        Raises:
            ValueError: Tokens are not those of this model.
        """
        if not seen:
            return np.zeros(0, np.float32)
        rows = -(-len(seen) // self._group)
        vision = np.zeros((rows * self._group, self.frames, self._numbers), np.float16)
        mask = np.zeros((rows * self._group, self.frames), np.bool_)
        for row, tokens in enumerate(seen):
            if len(tokens) > self.frames or tokens.shape[1] != self._numbers:
                raise ValueError(
                    f"a walk has tokens {tokens.shape}, the model compares at most "
                    f"({self.frames}, {self._numbers}); enrol the person again"
                )
            vision[row, : len(tokens)], mask[row, : len(tokens)] = tokens, True
        given = {one.name: one.shape for one in self._backends["pair"].inputs}
        points = heard.reshape(*given["radar_mask"], -1)
        groups = (rows, self._group)
        found = self._backends["pair"].run(
            {
                "vision": vision.reshape(*groups, *vision.shape[1:]),
                "vision_mask": mask.reshape(*groups, -1),
                "radar": np.repeat(points[None, ..., :-1], rows, axis=0),
                "radar_mask": np.repeat(points[None, ..., -1] > 0.5, rows, axis=0),
            }
        )
        distances: Float32 = found["distance"].reshape(-1)[: len(seen)]
        return distances

    def close(self) -> None:
        """Release the engines."""
        for backend in self._backends.values():
            backend.close()
