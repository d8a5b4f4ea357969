"""A node that repeats its input; also run as a process by the tests."""

from __future__ import annotations

import sys
import threading
from dataclasses import dataclass
from typing import Any

from geometry_msgs.msg import PointStamped
from std_srvs.srv import Trigger

from gait_reid_common.inputs import DroppedError, Received
from gait_reid_common.lifecycle import ManagedNode, NotReadyError, run_node
from gait_reid_common.parameters import param, validate
from gait_reid_common.qos import RESULT, SENSOR_IN, SENSOR_OUT, ServiceInterface, Topic

IN = Topic("in", PointStamped, "What is repeated", SENSOR_OUT, SENSOR_IN)
OUT = Topic("out", PointStamped, "The repetition", RESULT, RESULT)
CALL = ServiceInterface("call", Trigger, "Raises an exception")


@dataclass(frozen=True)
class EchoParameters:
    trouble: str = param("", "What goes wrong", choices=("", "not_ready", "error", "activate"))
    gain: float = param(1.0, "Factor", minimum=0.0)
    max_age_s: float = param(0.0, "Oldest input", "s", minimum=0.0)

    def __post_init__(self) -> None:
        validate(self)


class EchoNode(ManagedNode[EchoParameters]):
    node_name = "echo"
    parameter_type = EchoParameters
    publishes = (OUT,)
    subscribes = (IN,)
    serves = (CALL,)

    def __init__(self, **kwargs: Any) -> None:
        self.events: list[str] = []
        self.attempts = 0
        self.gate = threading.Event()
        self.gate.set()
        super().__init__(**kwargs)

    def do_configure(self, parameters: EchoParameters) -> None:
        self.events.append("configure")
        self.attempts += 1
        self.trouble = parameters.trouble
        self.gain = parameters.gain
        if self.trouble == "not_ready" and self.attempts < 3:
            raise NotReadyError("the device is not there")
        if self.trouble == "error":
            raise RuntimeError("broken on purpose")
        self.out = self.publisher(OUT)
        self.source = self.process(
            IN, self.repeat, parameters.max_age_s, on_time_jump=lambda: self.events.append("jump")
        )
        self.serve(CALL, self.raise_error)

    def do_activate(self) -> None:
        self.events.append("activate")
        if self.trouble == "activate":
            raise RuntimeError("broken on purpose")

    def do_deactivate(self) -> None:
        self.events.append("deactivate")

    def do_cleanup(self) -> None:
        self.events.append("cleanup")

    def repeat(self, received: Received[PointStamped]) -> None:
        assert self.gate.wait(10.0)
        if received.message.point.x < 0:
            raise DroppedError("negative")
        if received.message.point.x > 1e6:
            raise ValueError("too large")
        received.message.point.x *= self.gain
        self.out.publish(received.message)

    def raise_error(self, request: Any, response: Any) -> Any:
        raise RuntimeError("broken on purpose")


if __name__ == "__main__":
    sys.exit(run_node(EchoNode))
