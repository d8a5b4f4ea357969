"""What a training begins with."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from gait_reid_training.nets.registry import build_network  # noqa: E402
from gait_reid_training.training.config_groups import StartConfig  # noqa: E402
from gait_reid_training.training.start import begin, freeze, rest, take_over  # noqa: E402

TINY = {
    "image_size": [32, 16], "num_points": 12, "channels": [4, 8, 8, 16], "map_columns": 2,
    "point_widths": [8, 8], "k": 3, "dim": 16, "heads": 2, "ffn": 16, "parts": 8,
    "embedding_dim": 8, "towers_file": "none", "semantics": "student",
}  # fmt: skip
OUTLINED = {**TINY, "outline_channels": [4, 4, 8, 8]}


def network(name: str, seed: int, classes: int = 5) -> torch.nn.Module:
    torch.manual_seed(seed)
    return build_network(name, TINY if name == "emgaitnet_st" else OUTLINED, classes)


def test_parts_that_are_new_come_last_and_the_others_are_taken_over() -> None:
    old, new = network("emgaitnet_st", 0), network("emgaitnet", 1)
    before = {name: value.clone() for name, value in new.state_dict().items()}
    taken, left = take_over(new, old.state_dict())
    state, given = new.state_dict(), old.state_dict()
    assert taken == len(given)
    assert left == sum(name.startswith("outline.") for name in state)
    assert torch.equal(state["resnet.stem.weight"], given["resnet.stem.weight"])
    assert torch.equal(state["neck.weight"][:8], given["neck.weight"])
    assert torch.equal(state["neck.weight"][8:], before["neck.weight"][8:])
    for name in (name for name in state if name.startswith("outline.")):
        assert torch.equal(state[name], before[name])


def test_classes_of_other_people_begin_anew() -> None:
    old, new = network("emgaitnet", 0), network("emgaitnet", 1, classes=7)
    before = new.state_dict()["neck.weight"].clone()
    _, left = take_over(new, old.state_dict())
    assert left == 3  # of the embedding, and of what either sensor says alone
    assert torch.equal(new.state_dict()["neck.weight"], before)


def test_only_the_named_parts_learn_and_the_others_rest() -> None:
    one = network("emgaitnet", 0).train()
    freeze(one, ("outline", "neck"))
    learning = {name.partition(".")[0] for name, value in one.named_parameters()
                if value.requires_grad}  # fmt: skip
    assert learning == {"outline", "neck"}
    rest(one)
    assert not one.resnet.training
    assert one.outline.training
    assert one.training


def test_what_cannot_be_begun_with_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"start.learn names 'outlines', the network has .*outl"):
        begin(network("emgaitnet", 0), StartConfig(learn=("outlines",)))
    with pytest.raises(FileNotFoundError, match="none.ckpt does not exist"):
        begin(network("emgaitnet", 0), StartConfig(checkpoint=str(tmp_path / "none.ckpt")))
