from __future__ import annotations

import functools
import importlib.util
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("rclpy")

from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PointStamped
from rclpy.lifecycle import TransitionCallbackReturn as Return
from rclpy.node import Node
from rclpy.parameter import Parameter
from std_srvs.srv import Trigger

from gait_reid_common.lifecycle import ManagedNode
from gait_reid_common.qos import LATCHED, RESULT, SENSOR_IN, SENSOR_OUT, Qos
from gait_reid_common.testing import activate, domain_id, node_maker, ros_context, spin_until

ECHO_FILE = Path(__file__).with_name("echo_node.py")
_spec = importlib.util.spec_from_file_location("echo_node", ECHO_FILE)
assert _spec is not None
assert _spec.loader is not None
echo_node = importlib.util.module_from_spec(_spec)
sys.modules["echo_node"] = echo_node
_spec.loader.exec_module(echo_node)

MakeNode = Callable[..., Any]


@pytest.fixture
def context() -> Iterator[Any]:
    with ros_context() as made:
        yield made


@pytest.fixture
def make(context: Any) -> Iterator[MakeNode]:
    with node_maker(context) as maker:
        yield functools.partial(maker, echo_node.EchoNode)


@pytest.fixture
def peer(context: Any) -> Iterator[Node]:
    node = Node("peer", context=context)
    yield node
    node.destroy_node()


def point(x: float = 1.0, stamp_s: float | None = None, node: Node | None = None) -> PointStamped:
    message = PointStamped()
    message.point.x = x
    if node is not None:
        message.header.stamp = node.get_clock().now().to_msg()
    if stamp_s is not None:
        message.header.stamp.sec = int(stamp_s)
        message.header.stamp.nanosec = int(stamp_s % 1 * 1e9)
    return message


class Sender:
    """Publishes to a node's input and counts what comes back."""

    def __init__(self, peer: Node) -> None:
        self.peer = peer
        self.heard: list[PointStamped] = []
        self.publisher = peer.create_publisher(PointStamped, "in", 10)
        peer.create_subscription(PointStamped, "out", self.heard.append, 10)

    def connect(self, node: Any) -> None:
        assert spin_until(
            lambda: (
                self.publisher.get_subscription_count() == 1
                and node.out.get_subscription_count() == 1
            ),
            10.0,
            node,
            self.peer,
        )

    def send(self, node: Any, message: PointStamped) -> None:
        before = node.source.counters.snapshot().received
        self.publisher.publish(message)
        assert spin_until(
            lambda: node.source.counters.snapshot().received > before, 5.0, node, self.peer
        )

    def settle(self, node: Any) -> None:
        assert spin_until(
            lambda: node.source.counters.snapshot().pending == 0, 5.0, node, self.peer
        )


def test_all_states_twice_and_nothing_leaks(make: MakeNode) -> None:
    node = make()
    for _ in range(2):
        activate(node)
        assert node.state == "active"
        assert node.trigger_deactivate() is Return.SUCCESS
        assert node.trigger_cleanup() is Return.SUCCESS
        assert node.state == "unconfigured"
        assert not node._managed_entities
        assert not node.inputs
    assert node.events == ["configure", "activate", "deactivate", "cleanup"] * 2
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("echo:")]


@pytest.mark.parametrize("state", ["unconfigured", "inactive", "active"])
@pytest.mark.parametrize("end", ["trigger_shutdown", "destroy_node"])
def test_end_from_every_state(make: MakeNode, state: str, end: str) -> None:
    node = make()
    if state != "unconfigured":
        node.trigger_configure()
    if state == "active":
        node.trigger_activate()
    getattr(node, end)()
    assert ("cleanup" in node.events) == (state != "unconfigured")
    assert ("deactivate" in node.events) == (state == "active")
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("echo:")]


@pytest.mark.parametrize("end", ["trigger_shutdown", "destroy_node"])
def test_a_node_without_inputs_stops_what_it_started(context: Any, end: str) -> None:
    class Source(ManagedNode[echo_node.EchoParameters]):
        node_name = "source"
        parameter_type = echo_node.EchoParameters
        running = 0

        def do_activate(self) -> None:
            self.running += 1

        def do_deactivate(self) -> None:
            self.running -= 1

    with node_maker(context) as maker:
        node = maker(Source)
        activate(node)
        assert node.running == 1
        getattr(node, end)()
        assert node.running == 0


def test_autostart_reaches_active(make: MakeNode) -> None:
    node = make(autostart=True)
    assert spin_until(lambda: node.state == "active", 10.0, node)


def test_autostart_tries_again_when_a_device_is_missing(make: MakeNode) -> None:
    node = make(autostart=True, trouble="not_ready", autostart_retry_s=0.1)
    assert spin_until(lambda: node.state == "active", 10.0, node)
    assert node.attempts == 3


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"gain": -1.0}, ("'gain'", "-1.0", "at least 0")),
        ({"gain": "high"}, ("'gain'", "'high'", "double")),
        ({"trouble": "yes"}, ("'trouble'", "'yes'", '"not_ready"')),
        ({"gian": 2.0}, ("'gian'", "did you mean 'gain'")),
        ({"qos__in__depth": 0}, ("depth", "at least 1")),
        ({"silence_s": "long"}, ("'silence_s'", "double")),
    ],
)
def test_wrong_parameter_fails_to_configure_and_says_why(
    make: MakeNode, capfd: Any, overrides: dict[str, Any], words: tuple[str, ...]
) -> None:
    node = make(**overrides)
    assert node.trigger_configure() is Return.ERROR
    assert node.state == "unconfigured"
    logged = capfd.readouterr().err
    assert all(word in logged for word in words), logged


def test_integer_for_a_double_is_taken(make: MakeNode) -> None:
    node = make(gain=3)
    assert node.trigger_configure() is Return.SUCCESS
    assert node.gain == 3.0


def test_parameter_file_with_a_namespace_wildcard(make: MakeNode, tmp_path: Path) -> None:
    from gait_reid_common.parameter_text import to_yaml

    text = to_yaml(echo_node.EchoParameters, "/**/echo").replace("gain: 1.0", "gain: 4.0")
    (tmp_path / "echo.yaml").write_text(text)
    node = make("--params-file", str(tmp_path / "echo.yaml"), "-r", "__ns:=/site_a/left")
    assert node.get_fully_qualified_name() == "/site_a/left/echo"
    assert node.trigger_configure() is Return.SUCCESS
    assert node.gain == 4.0


def test_setting_parameters_is_validated_and_locked_while_configured(make: MakeNode) -> None:
    node = make()
    (refused,) = node.set_parameters([Parameter("gain", value=-2.0)])
    assert not refused.successful
    assert "at least 0" in refused.reason
    (taken,) = node.set_parameters([Parameter("gain", value=2)])
    assert taken.successful
    node.trigger_configure()
    assert node.gain == 2.0
    (late,) = node.set_parameters([Parameter("gain", value=5.0)])
    assert not late.successful
    assert "clean up" in late.reason


@pytest.mark.parametrize(
    ("trouble", "transition"), [("error", "configure"), ("activate", "activate")]
)
def test_exception_in_a_hook_is_logged_with_its_traceback(
    make: MakeNode, capfd: Any, trouble: str, transition: str
) -> None:
    node = make(trouble=trouble)
    if transition == "activate":
        node.trigger_configure()
    assert getattr(node, f"trigger_{transition}")() is Return.ERROR
    logged = capfd.readouterr().err
    assert "RuntimeError: broken on purpose" in logged
    assert "echo_node.py" in logged
    assert node.state == "unconfigured"
    assert not node._managed_entities
    node.trouble = ""
    node.set_parameters([Parameter("trouble", value="")])
    activate(node)


def test_messages_are_used_or_counted_with_a_reason(make: MakeNode, peer: Node) -> None:
    node, sender = make(), Sender(peer)
    activate(node)
    sender.connect(node)
    for x in (1.0, -1.0, 1e7):
        sender.send(node, point(x, node=peer))
        sender.settle(node)
    assert spin_until(lambda: sender.heard, 5.0, node, peer)
    counts = node.source.counters.snapshot()
    assert (counts.received, counts.published) == (3, 1)
    assert counts.drops == {"negative": 1, "error": 1}
    assert sender.heard[0].header.stamp.sec > 0


def test_slow_worker_gets_the_newest_and_deactivation_accounts_for_the_rest(
    make: MakeNode, peer: Node
) -> None:
    node, sender = make(), Sender(peer)
    activate(node)
    sender.connect(node)
    node.gate.clear()
    sender.send(node, point(0.0, node=peer))
    assert spin_until(lambda: not node._guard.epoch, 1.0, node)
    for x in range(1, 6):
        sender.send(node, point(float(x), node=peer))
    node.gate.set()
    sender.settle(node)
    assert spin_until(lambda: sender.heard and sender.heard[-1].point.x == 5.0, 5.0, node, peer)
    drops = node.source.counters.snapshot().drops
    assert drops["overwritten"] in (4, 5)
    node.source.counters.check()


def test_old_message_is_stale_but_foreign_clocks_are_not(make: MakeNode, peer: Node) -> None:
    node, sender = make(max_age_s=0.5), Sender(peer)
    activate(node)
    sender.connect(node)
    now_s = peer.get_clock().now().nanoseconds / 1e9
    sender.send(node, point(stamp_s=now_s - 2.0))
    sender.settle(node)
    assert node.source.counters.snapshot().drops == {"stale": 1}
    node.trigger_deactivate()
    node.trigger_cleanup()
    activate(node)
    sender.connect(node)
    sender.send(node, point(stamp_s=100.0))
    sender.settle(node)
    assert node.source.counters.snapshot().published == 1
    assert "behind this node's clock" in node.source.status(5.0, 0.5, 1.0).message


def test_backward_jump_is_told_once_and_to_the_worker(make: MakeNode, peer: Node) -> None:
    node, sender = make(), Sender(peer)
    activate(node)
    sender.connect(node)
    for loop in range(3):
        for step in range(5):
            sender.send(node, point(stamp_s=100.0 + step))
            sender.settle(node)
        assert node.events.count("jump") == loop


def test_incompatible_quality_of_service_is_an_error_with_both_profiles_and_the_fix(
    make: MakeNode, peer: Node, capfd: Any
) -> None:
    node = make(qos__in__reliability="reliable")
    activate(node)
    peer.create_publisher(PointStamped, "in", SENSOR_IN.profile())
    peer.create_subscription(PointStamped, "out", lambda _: None, LATCHED.profile())
    logged: list[str] = []

    def both_told() -> bool:
        logged.append(capfd.readouterr().err)
        text = "".join(logged)
        return "'qos.in.reliability'" in text and "'qos.out.durability'" in text

    assert spin_until(both_told, 10.0, node, peer), "".join(logged)
    text = "".join(logged)
    assert "publisher peer: offered is (best_effort, volatile" in text
    assert "requested is (reliable, volatile" in text
    assert "'qos.in.reliability' of this node to 'best_effort'" in text
    assert "'qos.out.durability' of this node to 'transient_local'" in text


def test_missing_input_is_named_with_its_type(make: MakeNode, capfd: Any) -> None:
    node = make(silence_s=0.5)
    activate(node)
    logged: list[str] = []

    def reminded() -> bool:
        logged.append(capfd.readouterr().err)
        return "no message on '/in' (geometry_msgs/msg/PointStamped)" in "".join(logged)

    assert spin_until(reminded, 10.0, node)
    assert "nobody publishes it" in "".join(logged)


def test_diagnostics_name_state_inputs_and_failures(make: MakeNode, peer: Node) -> None:
    node, sender = make(), Sender(peer)
    reports: dict[str, Any] = {}

    def note(message: DiagnosticArray) -> None:
        reports.update({status.name: status for status in message.status})

    peer.create_subscription(DiagnosticArray, "/diagnostics", note, 10)
    activate(node)
    sender.connect(node)
    sender.send(node, point(node=peer))
    assert spin_until(lambda: "echo: /in" in reports, 10.0, node, peer)
    values = {value.key: value.value for value in reports["echo: /in"].values}
    assert values["received"] == "1"
    assert "pipeline_latency_ms p50/p95/max" in values
    assert reports["echo: lifecycle"].message == "active"
    node.trigger_deactivate()
    node.trigger_cleanup()
    node.set_parameters([Parameter("trouble", value="error")])
    node.trigger_configure()
    assert spin_until(lambda: reports["echo: lifecycle"].level == b"\x02", 10.0, node, peer)
    assert "broken on purpose" in reports["echo: lifecycle"].message


def test_repeated_errors_are_logged_once_per_second_but_different_ones_all(
    make: MakeNode, capfd: Any
) -> None:
    node = make()
    for _ in range(50):
        node.report_error("first\nwith details")
        node.report_error("second")
    logged = capfd.readouterr().err
    assert (logged.count("first"), logged.count("second")) == (1, 1)


def test_exception_in_a_service_is_an_answer(make: MakeNode, peer: Node) -> None:
    node = make()
    activate(node)
    client = peer.create_client(Trigger, "call")
    assert spin_until(client.service_is_ready, 10.0, node, peer)
    future = client.call_async(Trigger.Request())
    assert spin_until(future.done, 10.0, node, peer)
    assert future.result().success is False
    assert "broken on purpose" in future.result().message


def test_undeclared_topic_is_a_programming_error(make: MakeNode) -> None:
    node = make()
    with pytest.raises(ValueError, match=r"EchoNode\.subscribes"):
        node.subscribe(echo_node.OUT, lambda *_: None)


@pytest.mark.parametrize("qos", [SENSOR_IN, SENSOR_OUT, RESULT, LATCHED])
def test_qos_round_trip(qos: Qos) -> None:
    assert Qos.from_profile(qos.profile()) == qos


def run_process(*arguments: str) -> Any:
    return subprocess.Popen(
        [sys.executable, str(ECHO_FILE), "--ros-args", *arguments],
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_process_ends_cleanly_on_a_signal(number: int) -> None:
    with domain_id() as domain:
        os.environ["ROS_DOMAIN_ID"] = str(domain)
        process = run_process("-p", "silence_s:=0.5")
        assert process.stderr is not None
        for line in process.stderr:
            if "no message on" in line:
                break
        process.send_signal(number)
        process.send_signal(number)  # as a terminal and a launcher do together
        rest = process.communicate(timeout=20)[1]
    assert process.returncode == 0, rest
    assert "Traceback" not in rest


def test_process_that_cannot_start_says_why_and_exits_with_one() -> None:
    start_s = time.monotonic()
    with domain_id() as domain:
        os.environ["ROS_DOMAIN_ID"] = str(domain)
        process = run_process("-p", "gain:=-1.0")
        logged = process.communicate(timeout=30)[1]
    assert process.returncode == 1, (logged, time.monotonic() - start_s)
    assert "parameter 'gain' is -1.0, allowed: double at least 0" in logged
    assert "Traceback" not in logged
