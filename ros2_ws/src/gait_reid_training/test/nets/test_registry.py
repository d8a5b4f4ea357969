"""Networks by name."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from gait_reid_training.nets.registry import NETWORKS, build_network  # noqa: E402


def test_every_rung_of_the_ladder_is_a_network() -> None:
    rungs = {name: build_network(name, {"preset": "edge", "semantics": "student"}, 3).config
             for name in ("emgaitnet_semi", "emgaitnet_st", "emgaitnet")}  # fmt: skip
    assert rungs["emgaitnet_semi"].temporal == "max"
    assert rungs["emgaitnet_st"].temporal == rungs["emgaitnet"].temporal == "st"
    assert [bool(one.outline_channels) for one in rungs.values()] == [False, False, True]
    baseline = build_network("emgaitnet_baseline", {"preset": "edge"}, 3).config
    assert (baseline.sga, baseline.semantics, baseline.num_classes) == (False, "none", 3)
    assert len(NETWORKS) == 10


def test_unknown_names_are_refused_with_the_nearest() -> None:
    with pytest.raises(ValueError, match="no network 'gaitbse', did you mean 'gaitbase'"):
        build_network("gaitbse", {}, 2)
    with pytest.raises(ValueError, match="'lidargait'.*'widht'.*did you mean 'width'"):
        build_network("lidargait", {"widht": 8}, 2)
    with pytest.raises(ValueError, match="'emgaitnet'.*'chanels'.*did you mean 'channels'"):
        build_network("emgaitnet", {"chanels": [1, 2, 3, 4]}, 2)


def test_wrong_values_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match="'hmrnet'.*'width' is 0"):
        build_network("hmrnet", {"width": 0}, 2)
    with pytest.raises(ValueError, match="'colour' is 'red'.*grey"):
        build_network("lidargait", {"colour": "red"}, 2)
    with pytest.raises(ValueError, match="num_classes is -1"):
        build_network("gaitbase", {}, -1)


def test_a_network_without_classes_only_embeds() -> None:
    network = build_network("gaitbase", {"width": 2, "embedding_dim": 4}, 0)
    assert not any(name.startswith("head.neck") for name, _ in network.named_parameters())
