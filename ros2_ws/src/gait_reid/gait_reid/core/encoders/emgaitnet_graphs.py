"""The exported graphs of EMGaitNet, joined by the names of their inputs and outputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from gait_reid.core.backends.base import Backend, BackendConfig
from gait_reid.core.encoders.model_graphs import check_shapes, open_graphs, output_shape
from gait_reid.core.models import Model
from gait_reid.core.network_input import QUALITY_SIZE, STATE_SIZE, FrameInputs
from gait_reid.core.types import Float32

Bool = npt.NDArray[np.bool_]


class EMGaitNetGraphs:
    """Runs frames of many people, and walks of many people, each as one batch.

    Attributes:
        parts: Rows of an embedding.
        dim: Columns of an embedding.
        description: Engine and device.
        takes: What the semantics graph takes, ``rgb`` or ``image``; empty without such a graph.
        takes_silhouettes: Whether the camera's graph does.
    """

    def __init__(self, model: Model, config: BackendConfig) -> None:
        """Load the graphs.

        Raises:
            ModelError: Graphs do not fit the model's description or one another.
            BackendError: Graphs cannot be run.
        """
        self._model = model
        self._backends = open_graphs(model, config)
        check_shapes(model, self._backends, _wanted(model, self._backends))
        embedding = output_shape(self._backends["sequence"], "embedding")
        fused = output_shape(self._backends["frame"], "fused")
        self.parts, self.dim = embedding
        self._cells, self._width = fused
        self._tokens = self._shape_of_tokens()
        self.description = self._backends["frame"].description
        semantics = self._backends.get("semantics")
        self.takes = semantics.inputs[0].name if semantics else ""
        pictures = {one.name for one in self._backends["camera"].inputs}
        self.takes_silhouettes = "silhouette" in pictures
        for backend in self._backends.values():
            backend.warm_up(1)

    def _shape_of_tokens(self) -> tuple[int, ...]:
        given = {one.name: one.shape for one in self._backends["frame"].inputs}
        return given.get("semantics", ())

    def see(self, inputs: FrameInputs) -> tuple[Float32, Float32]:
        """Return the maps (M, P, d) and points (M, N, d) of frames; zeros where nothing is."""
        pictures = {"rgb": inputs.rgb}
        if self.takes_silhouettes:
            pictures["silhouette"] = inputs.silhouette
        image = self._where(inputs.has_camera, "camera", "image", pictures)
        points = np.ascontiguousarray(inputs.points, np.float32)
        cloud = self._where(
            inputs.has_lidar, "cloud", "cloud", {"points": points, "point_mask": inputs.point_mask}
        )
        return image, cloud

    def semantics(self, inputs: FrameInputs, image: Float32, wanted: Bool) -> Float32 | None:
        """Return the semantic tokens (M, 5, d) of the wanted frames, or None without such a graph.

        Args:
            inputs: M frames.
            image: (M, P, d) their maps.
            wanted: (M,); the tokens of the others are zero.
        """
        if not self.takes:
            return None
        given = inputs.rgb if self.takes == "rgb" else image
        return self._where(wanted, "semantics", "semantics", {self.takes: given})

    def fuse(
        self, inputs: FrameInputs, image: Float32, cloud: Float32, semantics: Float32 | None
    ) -> tuple[Float32, Float32, Float32]:
        """Return fused maps (M, P, d), points' means (M, d) and the sensors' weights (M, 2)."""
        given = {
            "image": image, "cloud": cloud, "point_mask": inputs.point_mask,
            "state": inputs.state, "quality": inputs.quality,
            "has_camera": inputs.has_camera, "has_lidar": inputs.has_lidar,
        }  # fmt: skip
        if semantics is not None:
            given["semantics"] = semantics
        found = self._backends["frame"].run(given)
        return found["fused"], found["cloud_mean"], found["gates"]

    def join(self, pooled: Float32, clouds: Float32, mask: Bool) -> Float32:
        """Return the embeddings (B, parts, dim) of walks.

        Args:
            pooled: (B, P, d) maxima over their frames.
            clouds: (B, T, d) points' means of their frames.
            mask: (B, T), False on frames that are not there.
        """
        given = {"pooled": pooled, "cloud_means": clouds, "frame_mask": mask}
        embedding: Float32 = self._backends["sequence"].run(given)["embedding"]
        return embedding

    def _where(
        self, rows: Bool, graph: str, output: str, inputs: Mapping[str, npt.NDArray[Any]]
    ) -> Float32:
        """Run a graph on the rows that have something; the others are zeros."""
        backend = self._backends[graph]
        if rows.all():
            whole: Float32 = backend.run(inputs)[output]
            return whole
        found = backend.run({name: array[rows] for name, array in inputs.items()})[output]
        values = np.zeros((len(rows), *found.shape[1:]), np.float32)
        values[rows] = found
        return values

    def close(self) -> None:
        """Release the engines."""
        for backend in self._backends.values():
            backend.close()


def _wanted(model: Model, backends: Mapping[str, Backend]) -> dict[str, tuple[int, ...]]:
    """Return what the description and the graphs say of each other's tensors."""
    height, width = model.input.image_size
    points = model.input.num_points
    cells, features = output_shape(backends["frame"], "fused")
    return {
        "rgb": (3, height, width), "silhouette": (1, *model.input.silhouette_size),
        "points": (points, 4), "point_mask": (points,),
        "image": (cells, features), "cloud": (points, features), "state": (STATE_SIZE,),
        "quality": (QUALITY_SIZE,), "has_camera": (), "has_lidar": (),
        "pooled": (cells, features), "cloud_means": (model.description.frames, features),
        "frame_mask": (model.description.frames,),
    }  # fmt: skip
