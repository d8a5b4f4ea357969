"""Configuration files: layers, overrides, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from gait_reid_training.nets.registry import build_network  # noqa: E402
from gait_reid_training.training.config import make_experiment  # noqa: E402
from gait_reid_training.training.config_files import (  # noqa: E402
    CONFIGS,
    read_experiment,
    read_experiments,
)
from gait_reid_training.training.config_groups import ScheduleConfig  # noqa: E402
from gait_reid_training.training.schedule import make_scheduler, share_of  # noqa: E402

SMALL = "network: {name: gaitbase, width: 4}\nvalidation: {every_iterations: 0}\n"


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", sorted(path.name for path in CONFIGS.glob("*.yaml")))
def test_every_shipped_configuration_is_valid(name: str) -> None:
    for experiment in read_experiments([Path(name)]).values():
        assert make_experiment(experiment.as_mapping()) == experiment


def test_the_ladder_trains_all_networks_with_the_same_budget() -> None:
    runs = read_experiments([Path("ladder_sim")])
    assert set(runs) == {
        "emgaitnet", "emgaitnet_baseline", "emgaitnet_sga", "emgaitnet_semi",
        "emgaitnet_st", "gaitbase", "lidargait", "lidargait_pp", "licaf", "hmrnet",
    }  # fmt: skip
    first = runs["emgaitnet"].train
    for run in runs.values():
        assert (run.train.batch, run.train.schedule, run.train.run, run.train.data) == (
            first.batch, first.schedule, first.run, first.data,
        )  # fmt: skip
    assert "preset" not in runs["gaitbase"].settings


def test_overrides_reach_groups_and_networks(tmp_path: Path) -> None:
    path = write(tmp_path, "a.yaml", SMALL)
    found = read_experiment(
        path,
        [
            "run.seed=7",
            "optimiser.learning_rate=1e-3",
            "data.folders=[x, y]",
            "network.width=9",
            "optimiser={name: sgd}",
        ],
    )
    assert found.train.run.seed == 7
    assert found.train.data.folders == ("x", "y")
    assert found.settings == {"width": 9}
    assert found.train.optimiser.learning_rate == 1e-3
    assert found.train.optimiser.name == "sgd"
    assert build_network(found.network, found.settings, 3).dim == 256


def test_a_file_may_start_from_another_and_another_network_drops_settings(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml", SMALL + "run: {seed: 4}\n")
    child = write(tmp_path, "b.yaml", "base: a.yaml\noptimiser: {learning_rate: 0.1}\n")
    other = write(tmp_path, "c.yaml", "base: a.yaml\nnetwork: {name: lidargait}\n")
    assert read_experiment(child).settings == {"width": 4}
    assert read_experiment(child).train.run.seed == 4
    assert read_experiment(child).train.optimiser.learning_rate == 0.1
    assert read_experiment(other).settings == {}
    write(tmp_path, "d.yaml", "base: d.yaml\n")
    with pytest.raises(ValueError, match=r"d.yaml is its own base"):
        read_experiment(tmp_path / "d.yaml")


def test_runs_make_several_trainings_of_one_file(tmp_path: Path) -> None:
    text = SMALL + "runs: {one: {run: {seed: 1}}, two: {run: {seed: 2}}}\n"
    path = write(tmp_path, "a.yaml", text)
    runs = read_experiments([path], ["schedule.iterations=80"])
    assert {name: run.train.run.seed for name, run in runs.items()} == {"one": 1, "two": 2}
    assert {run.train.schedule.iterations for run in runs.values()} == {80}
    with pytest.raises(ValueError, match="describes 2 trainings, expected one"):
        read_experiment(path)
    with pytest.raises(ValueError, match="two trainings are called 'one'"):
        read_experiments([path, path])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("optimizer: {name: adam}", r"'optimizer.name'.* did you mean 'optimiser.name'"),
        ("optimiser: {name: adan}", r"'optimiser.name' is 'adan', allowed: string .adam"),
        ("batch: {people: 1}", r"'batch.people' is 1, allowed: integer at least 2"),
        ("schedule: {iterations: 10, warm_up_iterations: 10}", r"warm_up_iterations is 10"),
        (
            "validation: {every_iterations: 30}\nschedule: {iterations: 100}",
            r"iterations is 100, allowed: a multiple of validation.every_iterations, which is 30",
        ),
        ("data: {sensors: [radar]}", r"'data.sensors' is 'radar', allowed: .*camera"),
        ("[1, 2]", r"holds list, expected groups of values"),
        ("a: [", r"is not YAML"),
    ],
)
def test_mistakes_are_refused_by_name(tmp_path: Path, text: str, message: str) -> None:
    base = "network: {name: gaitbase}\n" if ":" in text and text[0] != "a" else ""
    path = write(tmp_path, "a.yaml", base + text + "\n")
    with pytest.raises(ValueError, match=message):
        read_experiment(path)


def test_other_mistakes(tmp_path: Path) -> None:
    path = write(tmp_path, "a.yaml", SMALL)
    with pytest.raises(FileNotFoundError, match="did you mean tiny.yaml"):
        read_experiment(Path("tini.yaml"))
    with pytest.raises(ValueError, match="expected key=value"):
        read_experiment(path, ["run.seed"])
    with pytest.raises(ValueError, match="network.name is None"):
        make_experiment({"run": {"seed": 1}})
    with pytest.raises(ValueError, match=r"network.num_points is 7, allowed: .* 96"):
        make_experiment({"network": {"name": "emgaitnet", "num_points": 7}})


def test_cosine_rises_falls_and_ends_where_it_should() -> None:
    config = ScheduleConfig(iterations=100, warm_up_iterations=10, final_share=0.1)
    share = share_of(config)
    assert [share(step) for step in (0, 4, 9)] == pytest.approx([0.1, 0.5, 1.0])
    assert share(55) == pytest.approx(0.55)
    assert share(100) == pytest.approx(0.1)
    values = [share(step) for step in range(10, 101)]
    assert values == sorted(values, reverse=True)


def test_other_schedules() -> None:
    steps = share_of(ScheduleConfig("steps", 100, 0, milestones=(30, 60), gamma=0.5))
    assert [steps(one) for one in (0, 29, 30, 60, 99)] == [1.0, 1.0, 0.5, 0.25, 0.25]
    cycle = share_of(ScheduleConfig("one_cycle", 100))
    assert cycle(0) == pytest.approx(1.0 / 25.0)
    assert cycle(30) == pytest.approx(1.0)
    assert cycle(100) == pytest.approx(1e-4)
    assert share_of(ScheduleConfig("constant", 100, 0))(77) == 1.0


def test_the_scheduler_drives_the_optimiser() -> None:
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=2.0)
    scheduler = make_scheduler(optimiser, ScheduleConfig("steps", 4, 2, milestones=(3,)))
    rates = []
    for _ in range(4):
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        scheduler.step()
    assert rates == pytest.approx([1.0, 2.0, 2.0, 0.2])
