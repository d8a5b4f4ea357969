"""The edge model for benchmarks, and where its time goes: ``python -m bench.emgaitnet``.

The shipped model is measured. Where there is none, the same network is exported with random
weights, which cost the same.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from bench.harness import UnavailableError
from bench.models import on_one_thread, shipped_or_random
from gait_reid.core.backends.base import BackendConfig, BackendError
from gait_reid.core.encoders.emgaitnet import DEFAULT_MODEL, EMGaitNetConfig, EMGaitNetEncoder
from gait_reid.core.models import Model
from gait_reid.core.types import PersonCrop
from gait_reid.testing.noise import noisy_crop

NUM_TRACKS, NUM_NEW = 8, 5
PARTS = ("prepare", "camera", "cloud", "semantics", "frame", "sequence")


def edge_model() -> tuple[Model, str]:
    """Return the edge model and what it is, in words.

    Raises:
        UnavailableError: There is none, and none can be exported.
    """
    return shipped_or_random(DEFAULT_MODEL, edge_network)


def edge_network() -> Any:
    """Return the edge network in torch, with random weights.

    Raises:
        UnavailableError: torch is missing.
    """

    def build() -> Any:
        from gait_reid_training.nets.registry import build_network

        return build_network("emgaitnet", {"preset": "edge", "semantics": "student"}, 0)

    return on_one_thread(build)


def encoder(model: Model) -> EMGaitNetEncoder:
    """Return an encoder on one thread of ONNX Runtime that takes every frame.

    Raises:
        UnavailableError: ONNX Runtime is missing.
    """
    backend = BackendConfig(engine="onnxruntime", threads=1)
    try:
        return EMGaitNetEncoder(
            EMGaitNetConfig(min_weight=0.0, min_duration_s=0.0, backend=backend), model
        )
    except BackendError as error:
        raise UnavailableError(str(error)) from error


def instants(count: int, tracks: int = NUM_TRACKS) -> list[list[PersonCrop]]:
    """Return the crops of some instants, ten a second, everybody seen by both sensors."""
    return [[noisy_crop(n, track, seed=track) for track in range(tracks)] for n in range(count)]


def _timed(times: dict[str, float], name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*arguments: Any, **named: Any) -> Any:
        start = time.process_time()
        try:
            return function(*arguments, **named)
        finally:
            times[name] += time.process_time() - start

    return call


def profile(some: Sequence[Sequence[PersonCrop]]) -> Iterator[tuple[str, float]]:
    """Yield the processor time of every part of the encoder, in ms per track-frame, and of all."""
    from gait_reid.core.encoders import emgaitnet

    model, _ = edge_model()
    measured = encoder(model)
    times = dict.fromkeys(PARTS, 0.0)
    backends: dict[str, Any] = measured._graphs._backends
    for name, backend in backends.items():
        backend.run = _timed(times, name, backend.run)
    original = emgaitnet.prepare
    emgaitnet.prepare = _timed(times, "prepare", original)
    try:
        measured.update(some[0])
        times.update(dict.fromkeys(PARTS, 0.0))
        start = time.process_time()
        for crops in some[1:]:
            measured.update(crops)
            measured.embed([crop.track_id for crop in crops])
        whole = time.process_time() - start
    finally:
        emgaitnet.prepare = original
    frames = sum(len(crops) for crops in some[1:])
    yield from ((name, 1e3 * seconds / frames) for name, seconds in times.items())
    yield "state", 1e3 * (whole - sum(times.values())) / frames
    yield "all", 1e3 * whole / frames


def main() -> int:
    """Print the profile."""
    try:
        _, what = edge_model()
        print(f"{what}, {NUM_TRACKS} tracks, one thread; processor ms per track-frame")
        for name, value in profile(instants(40)):
            rate = f"  {1e3 / value:.0f} track-frames per second" if name == "all" else ""
            print(f"{name:>10} {value:7.2f}{rate}")
    except UnavailableError as error:
        print(f"not measured: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
