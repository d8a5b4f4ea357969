"""Training: the same from the same seed, in one piece or in slices, and what is refused."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")

from slices import run_until, weights  # noqa: E402
from walk_source import HEIGHT, POINTS, WIDTH, RandomWalks  # noqa: E402

from gait_reid_training.training import train  # noqa: E402
from gait_reid_training.training.batches import TrainingData  # noqa: E402
from gait_reid_training.training.checkpoint import (  # noqa: E402
    CheckpointError,
    read_checkpoint,
)
from gait_reid_training.training.config import Experiment, make_experiment  # noqa: E402

VALUES: dict[str, Any] = {
    "network": {
        "name": "emgaitnet", "semantics": "student", "towers_file": "none", "dim": 8, "heads": 1,
        "channels": [4, 4, 8, 8], "map_columns": 2, "point_widths": [8], "k": 3, "ffn": 8,
        "parts": 4, "embedding_dim": 8,
    },
    "input": {"image_size": [HEIGHT, WIDTH], "num_points": POINTS},
    "batch": {"people": 4, "walks": 2, "frames": 2},
    "optimiser": {"learning_rate": 3e-3},
    "schedule": {"iterations": 12, "warm_up_iterations": 2},
    "validation": {"every_iterations": 4, "gallery": ["near"], "frames": 2},
    "run": {
        "threads": 1, "accelerator": "cpu", "checkpoint_every_iterations": 5, "ema_decay": 0.9,
    },
}  # fmt: skip


def an_experiment(**changes: Any) -> Experiment:
    flat = {key.replace("__", "."): value for key, value in changes.items()}
    return make_experiment({**VALUES, **flat})


@pytest.fixture(autouse=True)
def walks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Learn from twelve random people and look at eight others."""

    def load_data(experiment: Experiment) -> TrainingData:
        people = experiment.train.data.people or 12
        learnt, seen = RandomWalks(people), RandomWalks(8, seed=9, prefix="v")
        return TrainingData(experiment, learnt, seen)

    monkeypatch.setattr(train, "load_data", load_data)


def test_slices_give_the_weights_of_one_piece(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = an_experiment()
    whole = train.train(experiment, tmp_path / "whole")
    assert whole.finished
    assert whole.iteration == 12
    found = []
    # The second slice ends when a look is due (8): the look is not lost.
    for batches in (3, 5, 2, 100):
        found.append(run_until(monkeypatch, batches, experiment, tmp_path / "sliced"))
    assert [one.iteration for one in found] == [3, 9, 11, 12]
    assert [one.finished for one in found] == [False, False, False, True]
    first, second = weights(tmp_path / "whole"), weights(tmp_path / "sliced")
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)
    histories = [
        (tmp_path / name / "history.jsonl").read_text(encoding="utf-8")
        for name in ("whole", "sliced")
    ]
    assert histories[0] == histories[1]
    looks = [json.loads(line)["iteration"] for line in histories[0].splitlines()]
    assert looks == [4, 8, 12]
    again = train.train(experiment, tmp_path / "sliced", resume=True)
    assert again == found[-1]


def test_another_seed_gives_other_weights(tmp_path: Path) -> None:
    for seed in (1, 2):
        train.train(an_experiment(run__seed=seed), tmp_path / str(seed))
    first, second = weights(tmp_path / "1"), weights(tmp_path / "2")
    assert not torch.equal(first["network.head.weight"], second["network.head.weight"])


def test_a_checkpoint_gives_the_network_back(tmp_path: Path) -> None:
    experiment = an_experiment()
    result = train.train(experiment, tmp_path)
    assert result.best > 0.2
    read = read_checkpoint(tmp_path)
    assert read.path.name == "best.ckpt"
    assert read.experiment == experiment
    assert read.iteration == result.best_iteration
    assert len(read.people) == 12
    network = read.network()
    batch = RandomWalks(4).batch([0, 1], 2, None)
    output = network(batch)
    assert output.embedding.shape == (2, network.parts, 8)
    assert output.logits is None
    average = torch.load(tmp_path / "best.ckpt", weights_only=True)["state_dict"]
    assert torch.equal(network.head.weight, average["network.head.weight"])


def test_the_moving_average_is_near_the_weights_and_not_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_until(monkeypatch, 10, an_experiment(), tmp_path)
    kept = weights(tmp_path)
    average, raw = kept["network.head.weight"], kept["raw.network.head.weight"]
    assert 0.0 < (average - raw).norm() < 0.5 * raw.norm()
    assert kept["network.neck.norm.num_batches_tracked"] == 10


def test_patience_ends_the_training(tmp_path: Path) -> None:
    # Nothing is learnt but the batch statistics, so that looks soon cease to be better.
    experiment = an_experiment(
        optimiser__learning_rate=0.0, validation__patience=1, run__ema_decay=0.0,
        schedule__iterations=60,
    )  # fmt: skip
    result = train.train(experiment, tmp_path)
    assert result.stopped_early
    assert result.finished
    assert result.iteration < 60


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"optimiser__learning_rate": 1e-4}, r"optimiser.learning_rate is 0.003 there and 0.0001"),
        ({"network__parts": 2}, r"network.parts is 4 there and 2 here"),
        ({"run__seed": 3}, r"run.seed is 1 there and 3 here"),
        ({"data__people": 10}, r"data.people is 0 there and 10 here"),
    ],
)
def test_a_checkpoint_of_another_configuration_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], message: str
) -> None:
    run_until(monkeypatch, 2, an_experiment(), tmp_path)
    before = (tmp_path / "last.ckpt").read_bytes()
    with pytest.raises(CheckpointError, match=message):
        train.train(an_experiment(**changes), tmp_path, resume=True)
    assert (tmp_path / "last.ckpt").read_bytes() == before


def test_a_folder_with_a_training_is_not_written_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_until(monkeypatch, 1, an_experiment(), tmp_path)
    with pytest.raises(ValueError, match="holds a training: go on with --resume"):
        train.train(an_experiment(), tmp_path)


def test_what_changes_nothing_that_is_learnt_may_differ(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_until(monkeypatch, 2, an_experiment(), tmp_path)
    moved = an_experiment(data__folders=["elsewhere"], run__checkpoint_every_iterations=3)
    assert run_until(monkeypatch, 1, moved, tmp_path).iteration == 3


class _Evil:
    def __reduce__(self) -> Any:
        return (print, ("executed",))


def test_files_that_are_no_checkpoints_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.ckpt"
    path.write_bytes(b"not a checkpoint")
    with pytest.raises(CheckpointError, match=r"x.ckpt is not a checkpoint, or is damaged"):
        read_checkpoint(path)
    torch.save({"state_dict": {}, "evil": _Evil()}, path)
    with pytest.raises(CheckpointError, match=r"x.ckpt is not a checkpoint"):
        read_checkpoint(path)
    path.write_bytes(pickle.dumps(_Evil()))
    with pytest.raises(CheckpointError, match=r"x.ckpt is not a checkpoint"):
        read_checkpoint(path)
    assert "executed" not in capsys.readouterr().out
    torch.save({"state_dict": {}}, path)
    with pytest.raises(CheckpointError, match="was not written by gait-reid train"):
        read_checkpoint(path)
    with pytest.raises(FileNotFoundError, match="does not exist"):
        read_checkpoint(tmp_path / "nothing.ckpt")


def test_a_cut_checkpoint_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_until(monkeypatch, 1, an_experiment(), tmp_path)
    path = tmp_path / "last.ckpt"
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(CheckpointError, match=r"last.ckpt is not a checkpoint, or is damaged"):
        train.train(an_experiment(), tmp_path, resume=True)


def test_data_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"hold 3 people to learn from, batch.people is 4"):
        train.train(an_experiment(data__people=3), tmp_path)
    with pytest.raises(ValueError, match=r"'p00' is in the training and in the validation split"):
        TrainingData(an_experiment(), RandomWalks(12), RandomWalks(4))
    lidar = make_experiment(
        {**VALUES, "network": {"name": "lidargait", "width": 4}, "data.sensors": ["camera"]}
    )
    with pytest.raises(ValueError, match=r"network uses depth and is shown only camera"):
        train.train(lidar, tmp_path / "lidar")
