"""From walks to embeddings with a trained network."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from gait_reid_training.batch import WalkNetwork
from gait_reid_training.data.walks import WalkDataset
from gait_reid_training.evaluation.metrics import unit_parts
from gait_reid_training.evaluation.walks import EmbeddedWalks
from gait_reid_training.training.batches import SENSOR_INPUTS, without_sensors

Progress = Callable[[int, int], None]


def usable_sensors(network: WalkNetwork, wanted: Sequence[str]) -> tuple[str, ...]:
    """Return those of the wanted sensors that the network looks at."""
    return tuple(one for one in wanted if network.uses & SENSOR_INPUTS[one])


def embed(
    network: WalkNetwork,
    data: WalkDataset,
    sensors: Sequence[str] = ("camera", "lidar"),
    frames: int = 0,
    batch_walks: int = 16,
    device: str = "cpu",
    progress: Progress | None = None,
) -> EmbeddedWalks:
    """Return the embeddings of all walks of a data set, one per walk.

    Args:
        network: The network; put into evaluation mode.
        data: Walks.
        sensors: Sensors that are shown; what the others saw is taken away.
        frames: Frames of each walk, evenly chosen; 0: all.
        batch_walks: Walks at a time.
        device: Where the network runs.
        progress: Called with finished and total numbers of walks.

    Raises:
        ValueError: The network looks at none of the sensors.
    """
    if not usable_sensors(network, sensors):
        raise ValueError(
            f"the network uses {', '.join(sorted(network.uses))}, which {', '.join(sensors)} "
            "does not give"
        )
    network = network.to(device).eval()
    found = []
    with torch.inference_mode():
        for start in range(0, len(data), batch_walks):
            rows = range(start, min(start + batch_walks, len(data)))
            batch = without_sensors(data.batch(list(rows), frames, None), sensors)
            found.append(network(batch.to(device)).embedding.float().cpu().numpy())
            if progress is not None:
                progress(rows.stop, len(data))
    walks = data.walks
    return EmbeddedWalks(
        unit_parts(np.concatenate(found)),
        walks.person_id,
        walks.condition,
        walks.light,
        walks.outfit,
        walks.range_m,
        walks.view_deg,
        walks.name,
    )
