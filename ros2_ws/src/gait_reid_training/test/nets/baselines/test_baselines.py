"""What holds for every gait baseline."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

sys.path.insert(0, str(Path(__file__).parent))

from people import walking_boxes  # noqa: E402

from gait_reid_training.nets.registry import BASELINES, build_network  # noqa: E402
from gait_reid_training.training.losses import GaitLoss  # noqa: E402

TINY = {
    "gaitbase": {"width": 4, "embedding_dim": 16},
    "lidargait": {"width": 2, "embedding_dim": 16, "strides": [2, 2, 2, 1], "parts": 8},
    "lidargait_pp": {
        "width": 4, "samples": [16, 12, 8], "neighbours": 6, "features": 32, "embedding_dim": 16
    },
    "licaf": {"width": 4, "embedding_dim": 16, "strides": [2, 2, 2, 1], "parts": 8},
    "hmrnet": {"width": 4, "embedding_dim": 16, "strides": [2, 2, 2, 1], "parts": 8},
}  # fmt: skip
SENSORS = {
    "gaitbase": ("silhouette",),
    "lidargait": ("has_lidar",),
    "lidargait_pp": ("has_lidar",),
    "licaf": ("silhouette", "has_lidar"),
    "hmrnet": ("has_lidar",),
}

torch.set_num_threads(1)


def _tiny(name: str, classes: int = 4):
    torch.manual_seed(0)
    return build_network(name, TINY[name], classes)


@pytest.mark.parametrize("name", BASELINES)
def test_it_learns_people_and_recognises_their_other_walks(name: str) -> None:
    network = _tiny(name).train()
    adam = torch.optim.Adam(network.parameters(), lr=5e-3)
    first = last = 0.0
    for step in range(14):
        batch = walking_boxes(8, 2, 24, seed=step)
        terms = GaitLoss(1.0, 1.0)(network(batch), batch.labels)
        adam.zero_grad()
        terms.total.backward()
        adam.step()
        last = terms.total.item()
        first = last if step == 0 else first
    network.eval()
    with torch.no_grad():
        gallery = network(walking_boxes(8, 4, 24, seed=100)).embedding
        probes = walking_boxes(16, 4, 24, seed=101)
        distance = (network(probes).embedding[:, None] - gallery).norm(dim=-1).mean(dim=-1)
    found = distance.argmin(dim=1) % 4
    assert last < 0.9 * first
    assert (found == probes.labels).float().mean() >= 0.8


@pytest.mark.parametrize("name", BASELINES)
def test_frames_that_were_not_seen_do_not_count(name: str) -> None:
    network = _tiny(name).eval()
    batch = walking_boxes(3, 4, 24, seed=1)
    flags = {one: getattr(batch, one).clone() for one in SENSORS[name]}
    for flag in flags.values():
        flag[:, 3] = 0
    noise = replace(batch, **flags)
    noise.points[:, 3] += 0.4
    if "silhouette" not in flags:
        noise.silhouette[:, 3] = 255
    noise.depth[:, 3] = 255
    short = type(batch)(
        **{
            name: value if name == "labels" else value[:, :3]
            for name, value in vars(walking_boxes(3, 4, 24, seed=1)).items()
        }
    )
    with torch.no_grad():
        assert torch.allclose(network(noise).embedding, network(short).embedding, atol=1e-5)
    padded = replace(noise, frame_mask=noise.frame_mask & (torch.arange(4) < 3))
    with torch.no_grad():
        assert torch.allclose(network(padded).embedding, network(short).embedding, atol=1e-5)


@pytest.mark.parametrize("name", BASELINES)
def test_walks_without_the_sensor_are_finite(name: str) -> None:
    network = _tiny(name).train()
    batch = walking_boxes(4, 2, 24, seed=2)
    flags = {one: getattr(batch, one).clone() for one in SENSORS[name]}
    for flag in flags.values():
        flag[0] = 0
    output = network(replace(batch, **flags))
    assert output.embedding.shape == (4, network.parts, network.dim)
    assert output.logits.shape == (4, network.parts, 4)
    assert torch.isfinite(output.embedding).all()
    assert output.embedding[0].abs().max() == 0.0
    assert output.embedding[1].abs().max() > 0.0
    output.embedding.sum().backward()
    assert all(
        torch.isfinite(one.grad).all() for one in network.parameters() if one.grad is not None
    )
    nobody = replace(batch, **{one: torch.zeros_like(value) for one, value in flags.items()})
    assert torch.isfinite(network.eval()(nobody).embedding).all()
    assert network(batch).logits is None


def test_either_sensor_alone_carries_licaf() -> None:
    network = _tiny("licaf").eval()
    batch = walking_boxes(4, 3, 24, seed=3)
    absent = torch.zeros(4, 3, dtype=torch.bool)
    with torch.no_grad():
        by_camera = network(replace(batch, has_lidar=absent)).embedding
        by_lidar = network(replace(batch, has_camera=absent)).embedding
        changed = walking_boxes(4, 3, 24, seed=4)
        other = replace(batch, has_lidar=absent, depth=changed.depth)
        assert torch.equal(network(other).embedding, by_camera)
    assert by_camera.abs().amax(dim=(1, 2)).min() > 0.0
    assert by_lidar.abs().amax(dim=(1, 2)).min() > 0.0


@pytest.mark.parametrize(
    ("name", "settings", "millions"),
    [
        ("gaitbase", {"width": 64}, 8.0),
        ("lidargait", {"width": 64}, 8.0),
        ("lidargait_pp", {"width": 32, "samples": [512, 256, 128], "neighbours": 32}, 4.5),
    ],
)
def test_the_published_size_is_the_same_class(name: str, settings: dict, millions: float) -> None:
    network = build_network(name, settings, 250)
    count = sum(one.numel() for one in network.parameters()) / 1e6
    assert count == pytest.approx(millions, abs=0.1)
