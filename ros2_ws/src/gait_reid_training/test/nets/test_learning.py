"""EMGaitNet learns to tell made-up people apart who differ in build and colours."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from gait_reid_training.batch import WalkBatch  # noqa: E402
from gait_reid_training.nets.emgaitnet import EMGaitNet  # noqa: E402
from gait_reid_training.nets.emgaitnet_config import EMGaitNetConfig  # noqa: E402
from gait_reid_training.training.losses import GaitLoss  # noqa: E402

FRAMES, POINTS, SIZE = 3, 24, (32, 16)
CONFIG = EMGaitNetConfig(
    image_size=SIZE, num_points=POINTS, channels=(8, 8, 16, 16), map_columns=2,
    point_widths=(16, 16), k=4, dim=32, heads=2, ffn=32, parts=8, embedding_dim=16,
    num_classes=40,
    towers_file="none",
)  # fmt: skip


def walks_of(people: list[int], each: int, seed: int) -> WalkBatch:
    """Return walks of boxes: a person is a picture of 8 stripes and widths at 4 heights."""
    generator = torch.Generator().manual_seed(seed)
    pictures, clouds = [], []
    for person in people:
        own = torch.Generator().manual_seed(person)
        stripes = 60.0 + 140.0 * torch.rand(3, 8, 1, generator=own)
        width = 0.1 + 0.3 * torch.rand(4, generator=own)
        picture = stripes.repeat_interleave(4, dim=1).expand(3, *SIZE)
        noise = 30.0 * torch.randn(each, FRAMES, 3, *SIZE, generator=generator)
        light = 20.0 * torch.randn(each, 1, 1, 1, 1, generator=generator)
        pictures.append((picture + noise + light).clamp(0, 255).to(torch.uint8))
        cloud = torch.rand(each, FRAMES, POINTS, 4, generator=generator)
        level = (4.0 * cloud[..., 2]).long().clamp(max=3)
        cloud[..., :2] = (2.0 * cloud[..., :2] - 1.0) * width[level][..., None]
        cloud[..., 2] *= 1.8
        clouds.append(cloud)
    count = len(people) * each
    flags = torch.ones(count, FRAMES, dtype=torch.bool)
    return WalkBatch(
        rgb=torch.cat(pictures),
        silhouette=torch.zeros(count, FRAMES, 1, *SIZE, dtype=torch.uint8),
        depth=torch.zeros(count, FRAMES, 1, 64, 64, dtype=torch.uint8),
        points=torch.cat(clouds),
        point_mask=torch.ones(count, FRAMES, POINTS, dtype=torch.bool),
        state=torch.zeros(count, FRAMES, 4),
        quality=torch.full((count, FRAMES, 6), 0.8),
        has_camera=flags,
        has_lidar=flags,
        frame_mask=flags,
        labels=torch.tensor(people).repeat_interleave(each),
    )


@torch.no_grad()
def rank1(network: EMGaitNet, batch: WalkBatch) -> float:
    """Return the share of walks whose nearest other walk is the same person's."""
    unit = torch.nn.functional.normalize(network.eval()(batch).embedding, dim=2)
    distance = torch.cdist(unit.transpose(0, 1), unit.transpose(0, 1)).mean(dim=0)
    nearest = (distance + 10.0 * torch.eye(len(unit))).argmin(dim=1)
    return float((batch.labels[nearest] == batch.labels).float().mean())


def test_learning_makes_strangers_recognisable() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    network = EMGaitNet(CONFIG)
    optimiser = torch.optim.Adam(network.parameters(), 2e-3)
    loss = GaitLoss()
    strangers = walks_of(list(range(100, 140)), 4, seed=1)
    untrained = rank1(network, strangers)
    history = []
    for step in range(36):
        people = torch.randperm(40)[:8].tolist()
        batch = walks_of(people, 4, seed=1000 + step)
        terms = loss(network.train()(batch), batch.labels)
        optimiser.zero_grad()
        terms.total.backward()
        optimiser.step()
        history.append(float(terms.total.detach()))
    assert sum(history[-5:]) < 0.75 * sum(history[:5])
    trained = rank1(network, strangers)
    assert trained > 0.8
    assert trained > untrained + 0.1
