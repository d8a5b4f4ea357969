"""Does another engine give what ONNX Runtime gives?"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from gait_reid.core.backends.base import Backend, BackendError, Graph, TensorSpec
from gait_reid.core.backends.onnxruntime import OnnxRuntimeBackend

MIN_COSINE = 0.999
_BATCH = 3


def check_parity(graph: Graph, backend: Backend) -> float:
    """Compare every output with ONNX Runtime's on the CPU and return the least cosine.

    Raises:
        BackendError: An output is not finite, or its cosine is below 0.999.
    """
    reference = OnnxRuntimeBackend(graph, device="cpu")
    inputs = sample_inputs(reference.inputs, _BATCH)
    wanted, found = reference.run(inputs), backend.run(inputs)
    least = 1.0
    for name, values in wanted.items():
        cosine = _cosine(values, found[name])
        if not cosine >= MIN_COSINE:
            raise BackendError(
                f"{graph.name}: output '{name}' of {backend.description} has cosine {cosine:.4f} "
                f"to {reference.description}, at least {MIN_COSINE} is wanted"
            )
        least = min(least, cosine)
    return least


def sample_inputs(specs: tuple[TensorSpec, ...], batch: int) -> dict[str, npt.NDArray[Any]]:
    """Return inputs that are the same each time: noise, whole bytes, masks that are mostly set."""
    rng = np.random.default_rng(0)
    made: dict[str, npt.NDArray[Any]] = {}
    for spec in specs:
        shape = (batch, *spec.shape)
        if spec.dtype == np.bool_:
            made[spec.name] = rng.random(shape) < 0.9
        elif spec.dtype.kind in "iu":
            made[spec.name] = rng.integers(0, 100, shape).astype(spec.dtype)
        else:
            made[spec.name] = rng.normal(0.0, 0.5, shape).astype(spec.dtype)
    return made


def _cosine(one: npt.NDArray[Any], two: npt.NDArray[Any]) -> float:
    first, second = one.astype(np.float64).ravel(), two.astype(np.float64).ravel()
    norms = float(np.linalg.norm(first) * np.linalg.norm(second))
    if not np.isfinite(norms):
        return float("nan")
    same = bool(np.allclose(first, second, atol=1e-6))
    return float(first @ second / norms) if norms > 0.0 else float(same)
