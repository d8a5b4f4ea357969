"""EMGaitNet whole and in parts."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

torch = pytest.importorskip("torch")

from random_walks import random_walks  # noqa: E402

from gait_reid_training.batch import WalkBatch  # noqa: E402
from gait_reid_training.nets.attention import MASKED  # noqa: E402
from gait_reid_training.nets.emgaitnet import EMGaitNet  # noqa: E402
from gait_reid_training.nets.emgaitnet_config import RUNGS, EMGaitNetConfig  # noqa: E402

TINY = EMGaitNetConfig(
    image_size=(32, 16), num_points=12, channels=(4, 8, 8, 16), outline_channels=(4, 4, 8, 8),
    map_columns=2,
    point_widths=(8, 8), k=3, dim=16, heads=2, ffn=16, parts=8, embedding_dim=8, num_classes=5,
    towers_file="none",
)  # fmt: skip
SWITCHES = [
    {},
    RUNGS["baseline"],
    RUNGS["sga"],
    {"gate": False, "state_code": False},
    {"key_frame": True, "scaf_layers": 2},
]


def row(batch: WalkBatch, walk: int, frame: int) -> dict[str, torch.Tensor]:
    """Return one frame of one walk, as a batch of one frame."""
    return {one.name: getattr(batch, one.name)[walk, frame][None] for one in fields(batch)[:-1]}


def encoded_frame_by_frame(network: EMGaitNet, batch: WalkBatch, walk: int) -> torch.Tensor:
    """Return the embedding of a walk as a run time makes it: one frame, then the sequence."""
    pooled: torch.Tensor | None = None
    clouds = []
    for number in range(batch.frame_mask.shape[1]):
        one = row(batch, walk, number)
        if not (one["frame_mask"] & (one["has_camera"] | one["has_lidar"])).any():
            continue
        image = network.camera(one["rgb"])
        cloud = network.cloud(one["points"], one["point_mask"])
        source = {"map": image, "rgb": one["rgb"]}.get(network.semantic_input)
        fused, mean, _ = network.frame(
            image, cloud, one["point_mask"], None if source is None else network.semantics(source),
            one["state"], one["quality"], one["has_camera"], one["has_lidar"],
        )  # fmt: skip
        if network.outline is not None:
            fused = torch.cat([fused, network.outline.frame(one["silhouette"])], dim=1)
        pooled = fused if pooled is None else torch.maximum(pooled, fused)
        clouds.append(mean)
    assert pooled is not None
    stacked = torch.stack(clouds, dim=1)
    return network.sequence(pooled, stacked, torch.ones(stacked.shape[:2], dtype=torch.bool))


@pytest.mark.parametrize("switches", SWITCHES[:4], ids=str)
def test_frame_by_frame_is_the_whole_walk(switches: dict[str, object]) -> None:
    torch.manual_seed(0)
    network = EMGaitNet(replace(TINY, **switches)).eval()
    batch = random_walks()
    with torch.no_grad():
        whole = network(batch).embedding
        for walk in range(len(batch)):
            assert torch.allclose(
                whole[walk], encoded_frame_by_frame(network, batch, walk)[0], atol=1e-5
            )


@pytest.mark.parametrize("switches", SWITCHES, ids=str)
def test_every_weight_learns(switches: dict[str, object]) -> None:
    torch.manual_seed(0)
    network = EMGaitNet(replace(TINY, **switches)).train()
    output = network(random_walks())
    assert output.embedding.shape == (3, network.parts, 8)
    assert output.logits is not None
    assert output.logits.shape == (3, network.parts, 5)
    alone = sum(
        one.embedding.square().sum() + one.logits[..., 0].sum()
        for one in output.extras.get("branches", {}).values()
    )
    (output.embedding.square().sum() + output.logits[..., 0].sum() + alone).backward()
    silent = [
        name
        for name, value in network.named_parameters()
        if value.requires_grad and (value.grad is None or not value.grad.any())
    ]
    assert [name for name in silent if not name.endswith("bias")] == []


def test_frames_of_padding_and_of_blind_sensors_do_not_count() -> None:
    torch.manual_seed(0)
    network = EMGaitNet(TINY).eval()
    batch = random_walks()
    blind = ~(batch.has_camera & batch.frame_mask)
    numb = ~(batch.has_lidar & batch.frame_mask)
    noise = replace(
        batch,
        rgb=torch.where(blind[..., None, None, None], 200, batch.rgb),
        points=torch.where(numb[..., None, None], 7.0, batch.points),
    )
    with torch.no_grad():
        assert torch.allclose(network(batch).embedding, network(noise).embedding, atol=1e-6)


@pytest.mark.parametrize(("camera", "lidar"), [(True, False), (False, True), (False, False)])
def test_one_sensor_is_enough_and_none_is_no_accident(camera: bool, lidar: bool) -> None:
    torch.manual_seed(0)
    batch = random_walks()
    batch = replace(
        batch,
        has_camera=torch.full_like(batch.has_camera, camera),
        has_lidar=torch.full_like(batch.has_lidar, lidar),
        silhouette=batch.silhouette * int(camera),
    )
    for training in (True, False):
        network = EMGaitNet(TINY).train(training)
        embedding = network(batch).embedding
        assert torch.isfinite(embedding).all()
        embedding.sum().backward()
    different = (embedding[0] - embedding[1]).abs().max() > 1e-4
    assert bool(different) == (camera or lidar)


def test_a_closed_gate_is_a_sensor_that_is_not_there() -> None:
    torch.manual_seed(0)
    network = EMGaitNet(TINY).eval()
    last = network.gate.mlp[-1]
    last.bias.data = torch.tensor([-100.0, 2.0])
    last.weight.data.zero_()
    batch = random_walks()
    dark = replace(batch, has_camera=torch.zeros_like(batch.has_camera))
    seen = batch.has_lidar & batch.frame_mask & batch.point_mask.any(dim=2)
    batch, dark = replace(batch, frame_mask=seen), replace(dark, frame_mask=seen)
    with torch.no_grad():
        assert torch.allclose(network(batch).embedding, network(dark).embedding, atol=1e-5)


def test_order_of_frames_does_not_matter() -> None:
    torch.manual_seed(0)
    network = EMGaitNet(TINY).eval()
    batch = random_walks()
    turned = WalkBatch(
        **{one.name: getattr(batch, one.name).flip(1) for one in fields(batch)[:-1]},
        labels=batch.labels,
    )
    with torch.no_grad():
        assert torch.allclose(network(batch).embedding, network(turned).embedding, atol=1e-5)


def test_parts_of_silhouettes_that_are_missing_are_guessed_from_the_others() -> None:
    torch.manual_seed(0)
    network = EMGaitNet(TINY).eval()
    batch = random_walks()
    with torch.no_grad():
        whole = network(batch).embedding
        bare = network(replace(batch, silhouette=torch.zeros_like(batch.silhouette))).embedding
    fused = TINY.parts
    assert torch.equal(bare[:, :fused], whole[:, :fused])
    assert torch.equal(bare[0], whole[0])
    assert network.outline is not None
    assert torch.equal(bare[:, fused:], network.outline.guess(bare[:, :fused]))
    assert not torch.allclose(bare[1:, fused:], whole[1:, fused:], atol=1e-3)


def test_left_out_pictures_keep_their_silhouettes() -> None:
    torch.manual_seed(0)
    network = EMGaitNet(TINY).eval()
    batch = random_walks()
    without = replace(batch, has_camera=torch.zeros_like(batch.has_camera))
    with torch.no_grad():
        whole, left = network(batch).embedding, network(without).embedding
    assert torch.allclose(left[1:, TINY.parts :], whole[1:, TINY.parts :], atol=1e-6)
    assert not torch.allclose(left[:, : TINY.parts], whole[:, : TINY.parts], atol=1e-3)


def test_a_silhouette_of_other_rows_is_refused() -> None:
    network = EMGaitNet(TINY)
    assert network.outline is not None
    with pytest.raises(ValueError, match=r"64 rows, the network was made for 32.*silhouette_size"):
        network.outline.frame(torch.zeros(1, 1, 64, 44, dtype=torch.uint8))


def test_the_key_frame_gives_the_tokens_of_its_walk() -> None:
    torch.manual_seed(0)
    batch = random_walks()
    quality = batch.quality.clone()
    quality[..., 0] = 0.1
    quality[:, 1] = 1.0
    batch = replace(batch, quality=quality, has_camera=torch.ones_like(batch.has_camera))
    network = EMGaitNet(replace(TINY, key_frame=True)).eval()
    made: list[torch.Tensor] = []
    network.semantic_source.register_forward_hook(lambda *args: made.append(args[1][0]))
    with torch.no_grad():
        network(batch)
        assert torch.allclose(made[0], network.camera(batch.rgb[:, 1]), atol=1e-5)
    assert len(made) == 1


def test_settings_name_presets_and_rungs() -> None:
    config = EMGaitNetConfig.from_settings({"preset": "edge", "rung": "baseline", "k": 4}, 7)
    assert (config.semantics, config.temporal, config.sga) == ("none", "max", False)
    assert (config.k, config.num_classes, config.dim) == (4, 7, EMGaitNetConfig.edge().dim)
    assert EMGaitNetConfig.paper().rows == 16
    for settings, words in (
        ({"preset": "huge"}, "preset is 'huge'"),
        ({"rung": "top"}, "rung is 'top'"),
        ({"dimm": 3}, "dimm"),
        ({"semantics": "none"}, "sga needs semantic tokens"),
        ({"heads": 5}, "heads is 5"),
        ({"image_size": (60, 32)}, "parts is 16|no multiple"),
        ({"map_columns": 3}, "map_columns is 3"),
    ):
        with pytest.raises(ValueError, match=words):
            EMGaitNetConfig.from_settings(settings)


def test_masked_scores_fit_half_precision() -> None:
    assert torch.isfinite(torch.tensor(2.0 * MASKED, dtype=torch.float16))
