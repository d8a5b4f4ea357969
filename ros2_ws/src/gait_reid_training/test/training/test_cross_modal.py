"""Training between camera and radar: all networks, slices, what is learnt and what is refused."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")

from pair_source import HeightPairs  # noqa: E402
from slices import run_until, weights  # noqa: E402

from gait_reid_training.nets.mission.cached import ModalityCache  # noqa: E402
from gait_reid_training.nets.mission.config import MissionConfig  # noqa: E402
from gait_reid_training.nets.mission.cross_modal import PairEmbeddings  # noqa: E402
from gait_reid_training.nets.mission.mission import Mission  # noqa: E402
from gait_reid_training.nets.mission.registry import (  # noqa: E402
    CROSS_MODAL_NETWORKS,
    build_cross_modal_network,
)
from gait_reid_training.training import train  # noqa: E402
from gait_reid_training.training.batches import TrainingData  # noqa: E402
from gait_reid_training.training.checkpoint import CheckpointError, read_checkpoint  # noqa: E402
from gait_reid_training.training.config import Experiment, make_experiment  # noqa: E402
from gait_reid_training.training.cross_modal_looks import CrossModalLooks  # noqa: E402

MISSION = {"width": 4, "dim": 16, "inner": 8, "tokens": [4, 2], "lstm_width": 8, "lstm_layers": 1}
RIVAL = {
    "width": 4, "dim": 16, "lstm_width": 8, "lstm_layers": 1, "gaitpart_width": 4, "parts": 8,
    "voxel_width": 2, "graph_widths": [8, 8],
}  # fmt: skip
VALUES: dict[str, Any] = {
    "input": {"image_size": [32, 16]},
    "batch": {"people": 4, "walks": 2, "frames": 2},
    "optimiser": {"learning_rate": 5e-3},
    "schedule": {"iterations": 6, "warm_up_iterations": 1},
    "validation": {"every_iterations": 2, "frames": 2, "pairwise_walks": 6, "walks": 2},
    "run": {
        "threads": 1, "accelerator": "cpu", "checkpoint_every_iterations": 4, "ema_decay": 0.9,
    },
}  # fmt: skip


def an_experiment(name: str = "mission", **changes: Any) -> Experiment:
    network = {"name": name, **(MISSION if name.startswith("mission") else RIVAL)}
    flat = {key.replace("__", "."): value for key, value in changes.items()}
    return make_experiment({**VALUES, "network": network, **flat})


@pytest.fixture(autouse=True)
def pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Learn from twelve people and look at six others."""

    def load_data(experiment: Experiment) -> TrainingData:
        learnt, seen = HeightPairs(experiment.train.data.people or 12), HeightPairs(6, prefix="v")
        return TrainingData(experiment, learnt, seen, in_turns=True)

    monkeypatch.setattr(train, "load_data", load_data)


def looks_of(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "history.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_slices_give_the_weights_of_one_piece(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = an_experiment()
    assert train.train(experiment, tmp_path / "whole").finished
    # The first slice ends when a look is due (2): the look is not lost.
    found = [
        run_until(monkeypatch, batches, experiment, tmp_path / "sliced") for batches in (2, 2, 99)
    ]
    assert [one.iteration for one in found] == [3, 5, 6]
    assert [one.finished for one in found] == [False, False, True]
    first, second = weights(tmp_path / "whole"), weights(tmp_path / "sliced")
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert looks_of(tmp_path / "whole") == looks_of(tmp_path / "sliced")
    assert [one["iteration"] for one in looks_of(tmp_path / "whole")] == [2, 4, 6]
    assert train.train(experiment, tmp_path / "sliced", resume=True) == found[-1]


@pytest.mark.parametrize("name", CROSS_MODAL_NETWORKS)
def test_every_network_trains_and_comes_back(name: str, tmp_path: Path) -> None:
    experiment = an_experiment(name, schedule__iterations=2, run__ema_decay=0.0)
    result = train.train(experiment, tmp_path)
    assert result.finished
    assert result.iteration == 2
    look = looks_of(tmp_path)[0]
    kind = "pairwise" if name in ("mission", "mission_no_at", "mission_no_tl") else "unimodal"
    monitored = f"validation/{kind}_rank1" if name != "mmmesh" else "validation/aje_radar_alone_cm"
    assert result.monitored == look["monitored"] == monitored
    assert result.best == pytest.approx(look[monitored])
    assert math.isfinite(look["train/loss"])
    read = read_checkpoint(tmp_path)
    assert read.experiment == experiment
    before = build_cross_modal_network(name, experiment.settings).state_dict()
    after = read.cross_modal_network().state_dict()
    assert before.keys() == after.keys()
    with pytest.raises(CheckpointError, match=f"{name}, which compares a camera's walk"):
        read.network()


def test_people_are_found_by_what_both_sensors_show(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load_data(experiment: Experiment) -> TrainingData:
        return TrainingData(experiment, HeightPairs(24), HeightPairs(6, prefix="v"), in_turns=True)

    monkeypatch.setattr(train, "load_data", load_data)
    experiment = an_experiment(
        batch={"people": 8, "walks": 2, "frames": 3},
        schedule={"iterations": 80, "warm_up_iterations": 2},
        validation={"every_iterations": 20, "frames": 4, "pairwise_walks": 0},
        optimiser__weight_decay=0.0, run__ema_decay=0.0, run__log_every_iterations=1,
    )  # fmt: skip
    result = train.train(experiment, tmp_path)
    looks = looks_of(tmp_path)
    chance = 1 / 6
    assert result.best > 2.5 * chance
    assert looks[-1]["validation/unimodal_rank1"] > 2.5 * chance
    assert looks[-1]["train/loss"] < looks[0]["train/loss"]
    assert looks[-1]["validation/aje_radar_fused_cm"] < looks[0]["validation/aje_radar_fused_cm"]


class CopiesPictures(Mission):
    """Takes the camera's embedding for the radar's, as a fusion may learn to."""

    def pair_cached(self, vision: ModalityCache, radar: ModalityCache) -> PairEmbeddings:
        """Return the camera's embeddings twice."""
        found = super().pair_cached(vision, radar)
        return PairEmbeddings(found.vision, found.vision)


def test_who_copies_pictures_finds_nobody() -> None:
    # Fused with a walk of its own person, such a query would find everybody.
    torch.manual_seed(0)
    network = CopiesPictures(MissionConfig.from_settings(MISSION)).eval()
    looks = CrossModalLooks(network, 24, 0)
    looks.add(HeightPairs(6, 4, shown_to_radar=False).batch(range(24), 3, None))
    assert looks.figures()["pairwise_rank1"] == pytest.approx(1 / 6)


def test_a_look_in_batches_is_the_look_in_one() -> None:
    torch.manual_seed(0)
    network = build_cross_modal_network("mission", MISSION).eval()
    whole = HeightPairs(5, 4).batch(range(20), 3, None)
    found = []
    for size in (20, 6):
        looks = CrossModalLooks(network, 20, 7)
        for start in range(0, 20, size):
            looks.add(part_of(whole, slice(start, start + size)))
        found.append(looks.figures())
    assert found[0] == pytest.approx(found[1], abs=1e-4)
    assert found[0].keys() >= {"pairwise_rank1", "pairwise_map", "unimodal_map", "aje_root_cm"}


def part_of(batch: Any, rows: slice) -> Any:
    if isinstance(batch, torch.Tensor):
        return batch[rows]
    return type(batch)(**{name: part_of(value, rows) for name, value in vars(batch).items()})


def test_neighbours_in_a_batch_are_of_different_people() -> None:
    experiment = an_experiment(batch={"people": 4, "walks": 3, "frames": 2})
    data = TrainingData(experiment, HeightPairs(9), None, in_turns=True)
    labels = next(iter(data.train_loader(0, 0, 1))).labels
    assert (labels != labels.roll(1)).all()
    assert np.bincount(labels.numpy()).max() == 3


def test_another_configuration_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_until(monkeypatch, 1, an_experiment(), tmp_path)
    with pytest.raises(CheckpointError, match=r"loss.alpha is 1.0 there and 0.5 here"):
        train.train(an_experiment(loss__alpha=0.5), tmp_path, resume=True)
    with pytest.raises(CheckpointError, match=r"network.name is 'mission' there and 'ptl' here"):
        train.train(an_experiment("ptl"), tmp_path, resume=True)
    with pytest.raises(ValueError, match="hold 3 people to learn from, batch.people is 4"):
        train.train(an_experiment(data__people=3), tmp_path / "other")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"loss.beta": -1.0}, r"'loss.beta' is -1.0, allowed: double at least 0"),
        ({"loss.triplet_weight": 1.0}, r"'loss.triplet_weight' .*does not exist"),
        ({"data.sensors": ["camera"]}, r"'data.sensors' .*does not exist"),
        ({"radar_augment.turn_degrees": 3.0}, r"did you mean 'radar_augment.turn_deg'"),
        ({"augment.mirror": 0.5}, r"augment.mirror is 0.5, allowed: 0"),
        ({"network.wrong_pairs": 4}, r"network.wrong_pairs is 4, allowed: less than batch.people"),
        ({"network.tokens": [3, 2]}, r"network.tokens is \[3, 2\], allowed: divisors of the 8 x 4"),
        ({"network.with": 3}, r"'with' .*did you mean 'width'"),
        ({"network.name": "mision"}, r"network.name is 'mision'.* did you mean 'mission'"),
        ({"data.kind": "npy"}, r"'data.kind' is 'npy', allowed: .*mission_npy"),
        ({"data.kind": "mission_npy"}, r"data.held_out is 0, allowed: at least 2"),
        (
            {"data.kind": "mission_npy", "data.camera_folders": ["a"]},
            r"data.camera_folders is \['a'\], allowed: none with data.kind mission_npy",
        ),
        (
            {"data.kind": "mission_npy", "data.folders": ["a", "b"]},
            r"data.folders is \['a', 'b'\], allowed: one folder",
        ),
    ],
)
def test_mistakes_are_refused_by_name(changes: dict[str, Any], message: str) -> None:
    network = {f"network.{key}": value for key, value in {"name": "mission", **MISSION}.items()}
    with pytest.raises(ValueError, match=message):
        make_experiment({**VALUES, **network, **changes})
