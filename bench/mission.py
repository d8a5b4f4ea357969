"""The edge size of Mission for benchmarks: the shipped model, or the same with random weights."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from bench.harness import UnavailableError
from bench.models import on_one_thread, shipped_or_random
from gait_reid.core.backends.base import BackendConfig, BackendError
from gait_reid.core.encoders.mission import DEFAULT_MODEL, MissionConfig, MissionEncoder
from gait_reid.core.models import Model
from gait_reid.core.types import (
    CropQuality,
    Embedding,
    Float16,
    GalleryRecord,
    Modality,
    PersonCrop,
)
from gait_reid.testing.noise import noisy_crop

FRAMES = 16
"""Frames of a walk, as many as the shipped models look at."""


@functools.lru_cache(maxsize=1)
def mission_model() -> tuple[Model, str]:
    """Return the edge model and what it is, in words.

    Raises:
        UnavailableError: There is none, and none can be exported.
    """
    return shipped_or_random(DEFAULT_MODEL, mission_network)


def mission_network() -> Any:
    """Return the edge network in torch, with random weights.

    Raises:
        UnavailableError: torch is missing.
    """

    def build() -> Any:
        from gait_reid_training.nets.mission.registry import build_cross_modal_network

        return build_cross_modal_network("mission", {"preset": "edge"})

    return on_one_thread(build)


def config(model: Model) -> MissionConfig:
    """Return the parameters of an encoder on one thread of ONNX Runtime."""
    return MissionConfig(
        model=model.description.name, model_directory=str(model.folder.parent),
        backend=BackendConfig(engine="onnxruntime", threads=1),
    )  # fmt: skip


def encoder(model: Model) -> MissionEncoder:
    """Return an encoder of a model.

    Raises:
        UnavailableError: ONNX Runtime is missing.
    """
    try:
        return MissionEncoder(config(model), model)
    except BackendError as error:
        raise UnavailableError(str(error)) from error


def heard_walk(seed: int, frames: int = FRAMES) -> list[PersonCrop]:
    """Return the crops of a walker before a radar: noise, 20 points a frame."""
    crops = []
    for number in range(frames):
        rng = np.random.default_rng([seed, number])
        position = np.array([3.0, 0.12 * number, 0.0])
        xyz = position + rng.normal([0.0, 0.0, 1.0], [0.15, 0.15, 0.4], (20, 3))
        crops.append(
            PersonCrop(
                1, number * 10**8, "room", Modality.RADAR, position, np.array([0.0, 1.2, 0.0]),
                np.full(4, np.nan), points=xyz.astype(np.float32),
                intensity=rng.uniform(10.0, 25.0, 20).astype(np.float32),
                point_velocity=rng.normal(0.0, 0.5, 20).astype(np.float32),
                quality=CropQuality(num_points=20),
            )
        )  # fmt: skip
    return crops


def embedding_of(made: MissionEncoder, crops: Sequence[PersonCrop]) -> Embedding:
    """Return the embedding of a walk."""
    for crop in crops:
        made.update([crop])
    found = made.embed([1])[1]
    made.reset()
    return found


def records_of(made: MissionEncoder, count: int, distinct: int = 40) -> list[GalleryRecord]:
    """Return records of so many people; as many walks as are distinct, and vectors of noise."""
    walks = [
        embedding_of(made, [noisy_crop(n, 1, seed, Modality.CAMERA) for n in range(FRAMES)])
        for seed in range(min(count, distinct))
    ]
    vectors = np.random.default_rng(1).normal(size=(count, 1, made.dim)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=2, keepdims=True)
    return [
        GalleryRecord(
            f"record {row}", f"person {row}", "",
            Embedding(
                vector, made.model_id, Modality.CAMERA, tokens=walks[row % len(walks)].tokens
            ), 1,
        )
        for row, vector in enumerate(vectors)
    ]  # fmt: skip


def tokens_of(records: Sequence[GalleryRecord]) -> list[Float16]:
    """Return the tokens of records."""
    return [one.embedding.tokens for one in records if one.embedding.tokens is not None]
