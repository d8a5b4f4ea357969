"""Mission: its exchange of features, pairs, and what its switches switch."""

from __future__ import annotations

from dataclasses import fields

import pytest

torch = pytest.importorskip("torch")

from pairs import people_pairs  # noqa: E402

from gait_reid_training.nets.mission.config import MissionConfig  # noqa: E402
from gait_reid_training.nets.mission.losses import CrossModalLoss  # noqa: E402
from gait_reid_training.nets.mission.mission import Mission, VisionFeatures  # noqa: E402
from gait_reid_training.nets.mission.radar import RadarFeatures  # noqa: E402

TINY = {
    "width": 4, "dim": 16, "inner": 8, "tokens": (4, 2), "lstm_width": 8, "lstm_layers": 1,
    "residual": 8.0,  # what pairs add would hide behind a longer base
}  # fmt: skip
READINGS = {
    "frame": {},
    "sequence": {"scope": "sequence"},
    "vector": {"vision": "vec", "scope": "sequence", "radar_channels": 3},
    "anchors": {"anchors": True, "vision_recurrent": False},
}

torch.set_num_threads(1)


def _worn(**settings) -> Mission:
    """Return a network outside training whose normalisations are not those of the beginning."""
    torch.manual_seed(0)
    network = Mission(MissionConfig(**{**TINY, **settings}))
    for module in network.modules():
        if hasattr(module, "running_var"):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias)
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2.0)
    return network.eval()


def _some_missing(seed: int = 0):
    batch = people_pairs(4, 3, 12, seed=seed)
    batch.vision.has_camera[1, 2] = False
    batch.radar.frame_mask[2, 2] = False
    batch.radar.point_mask[0, 1] = False
    return batch


@pytest.mark.parametrize("reading", READINGS)
def test_cached_pairs_equal_those_written_out(reading: str) -> None:
    network = _worn(**READINGS[reading])
    batch = _some_missing()
    with torch.no_grad():
        vision = network.vision_features(batch.vision)
        radar = network.radar_features(batch.radar)
        seen, heard = network.vision_cache(vision), network.radar_cache(radar)
        plain, cached = network.pair(vision, radar), network.pair_cached(seen, heard)
        assert torch.allclose(plain.vision, cached.vision, atol=1e-5)
        assert torch.allclose(plain.radar, cached.radar, atol=1e-5)
        assert plain.vision.norm(dim=1).tolist() == pytest.approx([1.0] * 4, abs=1e-5)
        against_all = network.pair_cached(seen, heard.at(slice(1, 2)))
        one = RadarFeatures(*(getattr(radar, f.name)[1:2].expand_as(getattr(radar, f.name))
                              for f in fields(radar)))  # fmt: skip
        expected = network.pair(vision, one)
        assert torch.allclose(against_all.vision, expected.vision, atol=1e-5)
        assert torch.allclose(against_all.radar, expected.radar, atol=1e-5)
        of_one = network.pair_cached(seen.at(slice(0, 1)), heard)
        first = VisionFeatures(
            vision.tokens[:1].expand_as(vision.tokens), vision.mask[:1].expand_as(vision.mask)
        )
        expected = network.pair(first, radar)
        assert torch.allclose(of_one.vision, expected.vision, atol=1e-5)
        assert torch.allclose(of_one.radar, expected.radar, atol=1e-5)


@pytest.mark.parametrize("reading", ["frame", "sequence"])
def test_what_is_masked_changes_nothing(reading: str) -> None:
    network = _worn(**READINGS[reading])
    batch = _some_missing()
    other = _some_missing()
    other.radar.points[~other.radar.point_mask] = 3.0
    other.radar.points[0, 1] = -2.0
    other.vision.rgb[1, 2] = 77
    with torch.no_grad():
        pairs = [
            network.pair(network.vision_features(one.vision), network.radar_features(one.radar))
            for one in (batch, other)
        ]
    assert torch.allclose(pairs[0].vision, pairs[1].vision, atol=1e-5)
    assert torch.allclose(pairs[0].radar, pairs[1].radar, atol=1e-5)


def test_nothing_seen_gives_finite_embeddings() -> None:
    network = _worn()
    batch = people_pairs(3, 2, 8)
    batch.radar.point_mask[0] = False
    batch.vision.has_camera[1] = False
    with torch.no_grad():
        vision = network.vision_features(batch.vision)
        radar = network.radar_features(batch.radar)
        pair = network.pair(vision, radar)
    assert torch.isfinite(pair.vision).all()
    assert torch.isfinite(pair.radar).all()
    assert pair.radar[0].abs().max() == 0.0
    assert pair.vision[1].abs().max() == 0.0


def test_an_embedding_depends_on_what_it_is_compared_with() -> None:
    network = _worn()
    batch = people_pairs(4, 3, 12)
    with torch.no_grad():
        vision = network.vision_features(batch.vision)
        radar = network.radar_features(batch.radar)
        right = network.pair(vision, radar)
        wrong = network.pair(VisionFeatures(vision.tokens.roll(1, 0), vision.mask), radar)
        assert (right.radar - wrong.radar).norm(dim=1).min() > 1e-3
        alone = network.radar_embedding(batch.radar)
        assert torch.equal(alone, network.unimodal_radar(radar))


def test_the_beginning_passes_features_on_and_yet_every_weight_learns() -> None:
    torch.manual_seed(0)
    network = Mission(MissionConfig(**{**TINY, "residual": 0.0})).train()
    batch = people_pairs(4, 3, 12)
    vision, radar = network.vision_features(batch.vision), network.radar_features(batch.radar)
    own, other = network.exchange(vision, radar)
    assert torch.equal(own, vision.tokens)
    assert torch.equal(other, radar.points)
    sgd = torch.optim.SGD(network.parameters(), lr=0.1)
    for _ in range(2):
        sgd.zero_grad()
        CrossModalLoss()(network(batch), batch).total.backward()
        sgd.step()
    still = [name for name, one in network.vision_block.named_parameters() if not one.grad.any()]
    assert still == ["own.bias"] or not still


@pytest.mark.parametrize("detached", [True, False])
def test_pairs_change_the_branches_only_where_they_may(detached: bool) -> None:
    network = _worn(detached=detached).train()
    batch = people_pairs(4, 3, 12)
    right, *wrong = network(batch).pairs
    sum((one.vision * one.radar).sum() for one in (right, *wrong)).backward()
    for branch in (network.vision, network.radar, network.vision_alone, network.radar_alone):
        changed = any(one.grad is not None for one in branch.parameters())
        assert changed is not detached
    assert network.vision_block.own.weight.grad.abs().max() > 0


def test_poses_begin_with_what_one_walk_says() -> None:
    torch.manual_seed(0)
    network = Mission(MissionConfig(**TINY)).eval()
    with torch.no_grad():
        output = network(people_pairs(3, 2, 12))
    for fused, alone in (output.vision_poses, output.radar_poses):
        torch.testing.assert_close(fused, alone)


def test_switches_switch() -> None:
    batch = people_pairs(4, 2, 8)
    torch.manual_seed(0)
    outputs = {
        name: Mission(MissionConfig.from_settings({**TINY, "ablation": name})).train()(batch)
        for name in ("full", "noFU", "noAT", "noTL")
    }
    assert [one.shift for one in outputs["full"].pairs] == [0, 1, 2]
    assert outputs["noFU"].pairs == ()
    assert len(outputs["noFU"].vision_poses) == 1
    assert outputs["noAT"].vision_poses == outputs["noAT"].radar_poses == ()
    assert outputs["noAT"].root is None
    assert outputs["full"].radar_poses[0].shape == (4, 2, 21, 3)
    assert MissionConfig.from_settings({"ablation": "noTL"}).loss == "contrastive"
    network = Mission(MissionConfig.from_settings({**TINY, "ablation": "noFU"})).eval()
    with pytest.raises(ValueError, match="noFU"):
        network.pair(network.vision_features(batch.vision), network.radar_features(batch.radar))


def test_a_network_that_is_told_the_state_does_not_do_without_it() -> None:
    network, batch = _worn(), people_pairs(2, 1, 4)
    rgb, points = batch.vision.rgb.flatten(0, 1), batch.radar.points.flatten(0, 1)
    with pytest.raises(ValueError, match="state is missing"):
        network.vision.frames(rgb)
    with pytest.raises(ValueError, match="quality is missing"):
        network.vision.frames(rgb, batch.vision.state.flatten(0, 1))
    with pytest.raises(ValueError, match="state is missing"):
        network.radar.frames(points, batch.radar.point_mask.flatten(0, 1))


def test_sizes_are_those_of_paper_and_release() -> None:
    def millions(module: torch.nn.Module) -> float:
        return sum(one.numel() for one in module.parameters()) / 1e6

    released = Mission(MissionConfig.released())
    assert millions(released.vision.backbone) == pytest.approx(8.54, abs=0.01)
    assert millions(released.radar) == pytest.approx(0.87, abs=0.01)
    blocks = millions(released.vision_block) + millions(released.radar_block)
    assert blocks == pytest.approx(0.80, abs=0.02)
    paper = Mission(MissionConfig.paper())
    assert millions(paper.vision.backbone) == pytest.approx(23.5, abs=0.05)
    with torch.no_grad():
        maps = released.vision.backbone.eval()(torch.zeros(1, 3, 224, 224, dtype=torch.uint8))
    assert maps.shape == (1, 1024, 14, 14)


def test_settings_are_checked() -> None:
    with pytest.raises(ValueError, match="radar_channels is 4"):
        MissionConfig(radar_channels=4)
    with pytest.raises(ValueError, match="preset is 'huge'"):
        MissionConfig.from_settings({"preset": "huge"})
    network = Mission(MissionConfig(**{**TINY, "tokens": (3, 2)})).eval()
    with pytest.raises(ValueError, match="8 x 4 cells"):
        network.vision_embedding(people_pairs(2, 1, 4).vision)
