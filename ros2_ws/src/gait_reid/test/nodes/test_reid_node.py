"""Crops and a gallery in, identities out; under overload as well."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

from gait_reid.adapters import crops as crops_adapter
from gait_reid.adapters import gallery as gallery_adapter
from gait_reid.adapters import matches as matches_adapter
from gait_reid.core.perception import MountConfig, Perception, PerceptionConfig
from gait_reid.core.pipeline import Pipeline, PipelineConfig
from gait_reid.core.reidentification import Reidentification
from gait_reid.core.types import Decision, GalleryRecord, PointCloud, SensorFrames
from gait_reid.nodes.reid_node import ReidNode
from gait_reid.nodes.topics import CROPS, EMBEDDINGS, GALLERY, MATCHES
from gait_reid.testing import walk_recording
from gait_reid_common.testing import NodeBench, spin_until
from gait_reid_msgs.msg import PersonCropArray

Make = Callable[..., Any]


def crops_message(stamp_ns: int, crops: Any, sequence: str, alive: list[int]) -> PersonCropArray:
    return crops_adapter.to_message(crops, stamp_ns, "site", sequence, alive)


@pytest.fixture(scope="module")
def walk() -> list[PersonCropArray]:
    """Return the crops of a LiDAR walk."""
    mount = MountConfig(translation_m=(0.0, 0.0, walk_recording.LIDAR_HEIGHT_M))
    perception = Perception(PerceptionConfig(lidar=mount))
    messages = []
    for _, frame in walk_recording.frames(("lidar",), 6.0):
        assert isinstance(frame, PointCloud)
        percept = perception.process(SensorFrames(frame.stamp_ns, lidar=frame))
        messages.append(
            crops_message(percept.stamp_ns, percept.crops, "walk", percept.tracks.track_id.tolist())
        )
    return messages


@pytest.fixture
def site(make: Make, peer: Node) -> NodeBench:
    return NodeBench(make(ReidNode, max_age_s=0.0), peer)


def enrolled(walk: list[PersonCropArray]) -> tuple[int, list[GalleryRecord]]:
    """Return a track and the gallery made from its first half."""
    pipeline = Pipeline(PipelineConfig())
    for message in walk[: len(walk) * 2 // 3]:
        crops = crops_adapter.from_message(message)
        stamp_ns = message.header.stamp.sec * 10**9 + message.header.stamp.nanosec
        pipeline.reidentification.process(stamp_ns, crops, list(message.active_track_ids), "walk")
    track_id = walk[20].crops[0].track_id
    record = pipeline.record(track_id, "p-ada", "Ada", consent=True, source="test")
    return track_id, [record]


def test_matches_are_those_of_the_core(site: NodeBench, walk: list[PersonCropArray]) -> None:
    track_id, records = enrolled(walk)
    core = Reidentification()
    core.set_gallery(records, 7)
    site.send(GALLERY, gallery_adapter.to_message(records, 7, 0))
    for number, message in enumerate(walk):
        message.sequence_id = "second"
        site.use(CROPS, message)
        assert site.spin(lambda expected=number + 1: len(site.heard[MATCHES.name]) == expected)
        stamp_ns = message.header.stamp.sec * 10**9 + message.header.stamp.nanosec
        expected = core.process(
            stamp_ns,
            crops_adapter.from_message(message),
            list(message.active_track_ids),
            "second",
        )
        found = matches_adapter.from_message(site.heard[MATCHES.name][-1])
        assert [(m.track_id, m.decision, m.person_id, m.gallery_version) for m in found] == [
            (m.track_id, m.decision, m.person_id, m.gallery_version) for m in expected
        ]
        assert [m.margin for m in found] == pytest.approx([m.margin for m in expected])
        assert site.heard[MATCHES.name][-1].header.stamp == message.header.stamp
    answers = [m for a in site.heard[MATCHES.name] for m in matches_adapter.from_message(a)]
    assert any(m.decision is Decision.CONFIRMED and m.track_id == track_id for m in answers)
    assert all(m.latency_ms >= 0 for m in answers)


def test_models_are_announced_and_embeddings_follow(
    site: NodeBench, walk: list[PersonCropArray]
) -> None:
    assert site.spin(lambda: site.heard[EMBEDDINGS.name])
    assert site.heard[EMBEDDINGS.name][0].model_ids == sorted(
        site.node.reidentification.encoder.model_ids
    )
    assert not site.heard[EMBEDDINGS.name][0].embeddings
    for message in walk[:45]:
        site.use(CROPS, message)
    assert site.spin(lambda: any(m.embeddings for m in site.heard[EMBEDDINGS.name]))
    item = next(m for m in site.heard[EMBEDDINGS.name] if m.embeddings).embeddings[0]
    embedding = gallery_adapter.embedding_from_message(item.embedding)
    assert embedding.model_id in site.heard[EMBEDDINGS.name][0].model_ids


def test_walks_of_another_model_are_named(
    site: NodeBench, walk: list[PersonCropArray], capfd: Any
) -> None:
    _, (record,) = enrolled(walk)
    embedding = dataclasses.replace(record.embedding, model_id="emgaitnet:1")
    foreign = dataclasses.replace(record, embedding=embedding)
    site.send(GALLERY, gallery_adapter.to_message([foreign], 3, 0))
    site.use(CROPS, walk[0])
    assert "walks of emgaitnet:1 are not used: running is emgaitnet-edge" in capfd.readouterr().err


def test_damaged_crops_and_galleries_cost_themselves_alone(
    site: NodeBench, walk: list[PersonCropArray], capfd: Any
) -> None:
    broken = crops_message(0, [], "walk", [])
    broken.crops = [type(walk[20].crops[0])(track_id=5)]
    broken.crops[0].image.height = 3
    broken.crops[0].image.encoding = "hologram"
    site.use(CROPS, broken)
    assert site.counts(CROPS).drops == {"decode_error": 1}
    assert "crop of track 5" in capfd.readouterr().err
    _, records = enrolled(walk)
    message = gallery_adapter.to_message(records, 9, 0)
    message.records[0].embedding.dim = 3
    site.send(GALLERY, message)
    site.use(CROPS, walk[0])
    assert site.counts(GALLERY).drops == {"decode_error": 1}
    assert site.node.reidentification.gallery_version == 0
    assert site.counts(CROPS).published == 1


class SlowReidentification:
    """Takes twice the input's period for each message."""

    def __init__(self, inner: Reidentification, duration_s: float) -> None:
        self._inner = inner
        self._duration_s = duration_s

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def process(self, *arguments: Any) -> Any:
        threading.Event().wait(self._duration_s)
        return self._inner.process(*arguments)


def test_overload_keeps_results_fresh_and_accounts_for_every_message(
    make: Make, peer: Node, context: Any
) -> None:
    period_s, number = 0.1, 50
    site = NodeBench(make(ReidNode), peer)
    site.node.reidentification = SlowReidentification(site.node.reidentification, 2 * period_s)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(site.node)
    thread = threading.Thread(target=executor.spin, daemon=True)
    thread.start()
    pace = threading.Event()
    started_s = time.monotonic()
    for index in range(number):
        pace.wait(max(0.0, started_s + index * period_s - time.monotonic()))
        site.publish(CROPS, crops_message(peer.get_clock().now().nanoseconds, [], "s", []))
    assert spin_until(
        lambda: site.counts(CROPS).received >= number - 5 and not site.counts(CROPS).pending,
        10.0,
        peer,
    )
    executor.shutdown()
    thread.join(5.0)
    counts = site.counts(CROPS)
    age = site.node._crops_in.meter.distribution("data_age_ms")
    assert age.p95 < 1.5 * period_s * 1e3, age
    assert counts.received == counts.published + counts.dropped
    assert set(counts.drops) == {"overwritten"}
    assert 0.3 < counts.published / counts.received < 0.65, counts
    assert age.maximum < 1e3
