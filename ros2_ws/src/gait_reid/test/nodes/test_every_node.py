"""The life of every node, and the parameters that it refuses."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from rclpy.lifecycle import TransitionCallbackReturn as Return
from rclpy.node import Node

from gait_reid.nodes.gallery_node import GalleryNode
from gait_reid.nodes.reid_node import ReidNode
from gait_reid.nodes.tracker_node import TrackerNode
from gait_reid.nodes.visualizer_node import VisualizerNode
from gait_reid_common.testing import activate, spin_until

Make = Callable[..., Any]
NODES = [TrackerNode, ReidNode, GalleryNode, VisualizerNode]


def workers_of(node: Any) -> list[str]:
    prefix = f"{node.node_name}:"
    return [t.name for t in threading.enumerate() if t.name.startswith(prefix)]


def make_node(make: Make, node_class: Any, gallery_files: dict[str, str], **more: Any) -> Any:
    files = gallery_files if node_class is GalleryNode else {}
    return make(node_class, **files, **more)


@pytest.mark.parametrize("node_class", NODES)
def test_full_life_twice_and_nothing_is_left(
    make: Make, gallery_files: dict[str, str], node_class: Any
) -> None:
    node = make_node(make, node_class, gallery_files)
    for _ in range(2):
        activate(node)
        assert node.state == "active"
        assert node.trigger_deactivate() is Return.SUCCESS
        assert not workers_of(node)
        assert node.trigger_activate() is Return.SUCCESS
        assert node.trigger_deactivate() is Return.SUCCESS
        assert node.trigger_cleanup() is Return.SUCCESS
        assert not node._managed_entities
        assert not node.inputs


@pytest.mark.parametrize("end", ["trigger_shutdown", "destroy_node"])
@pytest.mark.parametrize("steps", [0, 1, 2])
@pytest.mark.parametrize("node_class", NODES)
def test_end_from_every_state(
    make: Make, gallery_files: dict[str, str], node_class: Any, steps: int, end: str
) -> None:
    node = make_node(make, node_class, gallery_files)
    for transition in (node.trigger_configure, node.trigger_activate)[:steps]:
        assert transition() is Return.SUCCESS
    getattr(node, end)()
    assert not workers_of(node)


@pytest.mark.parametrize("node_class", NODES)
def test_autostart_and_the_declared_interface_is_the_real_one(
    make: Make, gallery_files: dict[str, str], node_class: Any, peer: Node
) -> None:
    node = make_node(make, node_class, gallery_files, autostart=True)
    assert spin_until(lambda: node.state == "active", 10.0, node)
    name, space = node.get_name(), node.get_namespace()
    looks = (
        (node.get_publisher_names_and_types_by_node, node.resolve_topic_name, node.publishes),
        (node.get_subscriber_names_and_types_by_node, node.resolve_topic_name, node.subscribes),
        (node.get_service_names_and_types_by_node, node.resolve_service_name, node.serves),
    )
    for look, resolve, declared in looks:
        expected = {resolve(one.name): [one.type_name] for one in declared}
        assert spin_until(
            lambda look=look, expected=expected: (
                expected.items() <= dict(look(name, space)).items()
            ),
            10.0,
            node,
        ), (expected, look(name, space), node.failure)


@pytest.mark.parametrize(
    ("node_class", "parameters", "words"),
    [
        (TrackerNode, {"max_age_s": -1.0}, ("'max_age_s'", "-1.0", "0 to 60")),
        (TrackerNode, {"sync__sensors": ["sonar"]}, ("'sync.sensors'", "'sonar'", '"lidar"')),
        (TrackerNode, {"sync__sensors": "lidar"}, ("'sync.sensors'", "string list")),
        (TrackerNode, {"extrinsics": "guess"}, ("'extrinsics'", "'guess'", '"tf"')),
        (TrackerNode, {"perception__tracker__gate": "wide"}, ("perception.tracker.gate", "double")),
        (
            TrackerNode,
            {"perception__lidar__translation_m": [1.0, 2.0]},
            ("perception.lidar.translation_m", "double list of 3"),
        ),
        (ReidNode, {"reidentification__encoder": "magic"}, ("encoder", "'magic'", "energy_image")),
        (ReidNode, {"reidentification__top_k": 0}, ("top_k", "1 to 100")),
        (ReidNode, {"reidentification__topk": 3}, ("topk", "did you mean", "top_k")),
        (ReidNode, {"reidentification__decision__num_votes": 1}, ("min_agreeing", "num_votes")),
        (GalleryNode, {"store__protection": "rot13"}, ("store.protection", "'rot13'", "encrypted")),
        (GalleryNode, {"database": "/dev/null/g.sqlite"}, ("/dev/null",)),
        (VisualizerNode, {"pictures_kept": 0}, ("pictures_kept", "1 to 300")),
        (VisualizerNode, {"pictures_kept": 1.5}, ("pictures_kept", "integer")),
        (VisualizerNode, {"qos__tracks__reliability": "mostly"}, ("'mostly'", "best_effort")),
    ],
)
def test_wrong_parameter_is_refused_by_name_value_and_what_is_allowed(
    make: Make,
    gallery_files: dict[str, str],
    node_class: Any,
    parameters: dict[str, Any],
    words: tuple[str, ...],
    capfd: Any,
) -> None:
    files = gallery_files if node_class is GalleryNode else {}
    node = make(node_class, **{**files, **parameters})
    assert node.trigger_configure() is Return.ERROR
    assert node.state == "unconfigured"
    assert all(word in node.failure for word in words), node.failure
    assert "while releasing" not in capfd.readouterr().err


def test_tf_without_tf2_says_what_to_do(make: Make) -> None:
    try:
        import tf2_ros  # noqa: F401
    except ImportError:
        node = make(TrackerNode, extrinsics="tf")
        assert node.trigger_configure() is Return.ERROR
        assert "'parameters' where tf2_ros is not installed" in node.failure
    else:
        pytest.skip("tf2_ros is installed here")
