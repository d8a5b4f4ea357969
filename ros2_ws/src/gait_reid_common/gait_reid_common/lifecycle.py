"""The base class of every node: one life, told once.

rclpy swallows exceptions in transition callbacks and goes back to ``unconfigured`` without a word;
here they are logged, and everything that was half made is released.
"""

from __future__ import annotations

import os
import signal
import threading
import time
import traceback
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any, Generic, TypeVar

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.lifecycle import LifecycleState
from rclpy.lifecycle import TransitionCallbackReturn as Return
from rclpy.signals import SignalHandlerOptions
from rclpy.timer import Timer

from gait_reid_common.declaring_node import DeclaringNode
from gait_reid_common.diagnostics import Level, Status
from gait_reid_common.inputs import Input
from gait_reid_common.node_diagnostics import PERIOD_S, DiagnosticsPublisher
from gait_reid_common.node_parameters import CommonParameters
from gait_reid_common.parameters import ParameterError

P = TypeVar("P")
_SAME_REQUEST_S = 1.0


class NotReadyError(Exception):
    """Raised by a hook: what is needed is not there yet, trying again later makes sense."""


class StartError(Exception):
    """A node that starts by itself could not be configured or activated."""


class ManagedNode(DeclaringNode, Generic[P]):
    """A lifecycle node that is described by class attributes and four hooks.

    Transitions answer FAILURE when a hook raises `NotReadyError` and ERROR for everything else.
    With ``autostart`` the node configures and activates itself as soon as it is spun, tries again
    after a FAILURE, and ends the process after an ERROR.

    Attributes:
        parameters: Values that the node was configured with.
        failure: Why the last transition failed; empty when it did not.
    """

    parameters: P

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._common = CommonParameters()
        self.failure = ""
        self._holds_something = False
        self._runs = False
        self._reminded_steady_s: dict[str, float] = {}
        self._diagnostics = DiagnosticsPublisher(self)
        self.create_timer(PERIOD_S, self._every_second, clock=self.steady_clock)
        self._start_timer: Timer | None = None
        if self.get_parameter("autostart").value is True:
            self._start_in(0.001)

    # Hooks

    def do_configure(self, parameters: P) -> None:
        """Load what the node needs; declare publishers, inputs, services and workers.

        Raises:
            NotReadyError: Something is not there yet; the node stays as it is and may try again.
        """

    def do_activate(self) -> None:
        """Start what the base class does not start; called before inputs and workers start."""

    def do_deactivate(self) -> None:
        """Stop what `do_activate` started; called after inputs and workers have stopped."""

    def do_cleanup(self) -> None:
        """Release what `do_configure` loaded; also called after a failed configuration."""

    # Transitions

    @property
    def state(self) -> str:
        """State of the lifecycle, for example ``active``."""
        return str(self._state_machine.current_state[1])

    def on_configure(self, state: LifecycleState) -> Return:
        """Read the parameters and call `do_configure`."""

        def configure() -> None:
            self._common = self.node_parameters.common()
            self.parameters = self.node_parameters.read(self.parameter_type)
            self.node_parameters.check_unknown()
            self._holds_something = True
            self.do_configure(self.parameters)
            self.node_parameters.locked = True

        result = self._attempt("configure", configure)
        if result != Return.SUCCESS:
            self._release()
            return result
        return super().on_configure(state)

    def on_activate(self, state: LifecycleState) -> Return:
        """Enable publishers, call `do_activate`, start workers, then inputs and services."""

        def activate() -> None:
            self._runs = True
            self.do_activate()
            self._start_declared()

        result = super().on_activate(state)
        if result == Return.SUCCESS:
            result = self._attempt("activate", activate)
        if result != Return.SUCCESS:
            self._halt()
            super().on_deactivate(state)
        return result

    def on_deactivate(self, state: LifecycleState) -> Return:
        """Stop inputs, services and workers, call `do_deactivate`, silence publishers."""

        def deactivate() -> None:
            self._runs = False
            self._stop_declared()
            self.do_deactivate()

        result = self._attempt("deactivate", deactivate)
        managed = super().on_deactivate(state)
        return managed if result == Return.SUCCESS else result

    def on_cleanup(self, state: LifecycleState) -> Return:
        """Call `do_cleanup` and destroy what was declared."""
        result = self._attempt("clean up", self.do_cleanup)
        self._holds_something = False
        self._release()
        return result

    def on_shutdown(self, state: LifecycleState) -> Return:
        """Release everything, from whichever state."""
        self._stop_and_release()
        return Return.SUCCESS

    def on_error(self, state: LifecycleState) -> Return:
        """Release everything, so that the node can be configured again."""
        self._stop_and_release()
        return Return.SUCCESS

    def destroy_node(self) -> None:
        """Release everything and destroy the node."""
        self._stop_and_release()
        super().destroy_node()

    def _attempt(self, what: str, action: Callable[[], None]) -> Return:
        try:
            action()
        except NotReadyError as error:
            self.failure = f"cannot {what} yet: {error}"
            self.get_logger().warning(self.failure)
            return Return.FAILURE
        except ParameterError as error:
            self.failure = f"cannot {what}: {error}"
            self.get_logger().error(self.failure)
            return Return.ERROR
        except Exception as error:
            self.failure = f"cannot {what}: {error}"
            self.get_logger().error(f"{self.failure}\n{traceback.format_exc()}")
            return Return.ERROR
        self.failure = ""
        return Return.SUCCESS

    def _stop_and_release(self) -> None:
        if self._start_timer is not None:
            self._start_timer.cancel()
        self._halt()
        self._release()

    def _halt(self) -> None:
        if self._runs:
            self._runs = False
            self._quietly(self._stop_declared, self.do_deactivate)

    def _release(self) -> None:
        self.node_parameters.locked = False
        if self._holds_something:
            self._holds_something = False
            self._quietly(self.do_cleanup)
        self._quietly(self._undeclare)

    def _quietly(self, *actions: Callable[[], None]) -> None:
        for action in actions:
            try:
                action()
            except Exception:
                self.get_logger().error(f"while releasing:\n{traceback.format_exc()}")

    # Start by itself

    def _start_in(self, delay_s: float) -> None:
        self._start_timer = self.create_timer(delay_s, self._start, clock=self.steady_clock)

    def _start(self) -> None:
        if self._start_timer is not None:
            self.destroy_timer(self._start_timer)
            self._start_timer = None
        result = Return.SUCCESS
        if self.state == "unconfigured":
            result = self.trigger_configure()
        if result == Return.SUCCESS and self.state == "inactive":
            result = self.trigger_activate()
        if result == Return.FAILURE:
            self._start_in(self._common.autostart_retry_s)
        elif result != Return.SUCCESS:
            raise StartError(self.failure)

    # Once per second

    def _every_second(self) -> None:
        if self.state == "active":
            for source in self.inputs:
                self._remind(source)
        self._diagnostics.publish([status() for status in (self._lifecycle_status, *self._all())])

    def _all(self) -> list[Callable[[], Status]]:
        common = self._common
        limits = (common.latency_warn_s, common.latency_error_s)
        inputs = [partial(source.status, common.silence_s, *limits) for source in self.inputs]
        return [*inputs, *self._statuses]

    def _lifecycle_status(self) -> Status:
        level = Level.ERROR if self.failure else Level.OK
        return Status("lifecycle", level, self.failure or self.state, {"state": self.state})

    def _remind(self, source: Input[Any]) -> None:
        now_s, silence_s = time.monotonic(), self._common.silence_s
        heard_s = max(
            source.silent_since_steady_ns / 1e9, self._reminded_steady_s.get(source.name, 0.0)
        )
        if not source.required or now_s - heard_s < silence_s:
            return
        self._reminded_steady_s[source.name] = now_s
        peers = [info.node_name for info in self.get_publishers_info_by_topic(source.name)]
        hint = (
            f"published by {', '.join(peers)}: see whether it is paused, or whether the profiles "
            f"fit with 'ros2 topic info -v {source.name}'"
            if peers
            else "nobody publishes it: start its driver, or remap it to the driver's topic"
        )
        self.get_logger().warning(
            f"no message on '{source.name}' ({source.type_name}) for {silence_s:g} s; {hint}"
        )


def run_node(node_class: type[ManagedNode[Any]], args: list[str] | None = None) -> int:
    """Run one node until it is interrupted; the body of a node's ``main``.

    The first SIGINT or SIGTERM ends the node in order, one that comes later ends it at once.
    rclpy's own handler is not used: it invalidates the context under whoever is publishing.

    Returns:
        Exit code: 0 when it was asked to stop, 1 when it could not start.
    """
    stop, asked_s = threading.Event(), 0.0

    def ask_to_stop(number: int, frame: FrameType | None) -> None:
        # The terminal and the launcher may both pass on what was asked once.
        nonlocal asked_s
        if stop.is_set() and time.monotonic() - asked_s > _SAME_REQUEST_S:
            os._exit(128 + number)
        asked_s = time.monotonic()
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, ask_to_stop)
    rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
    node: ManagedNode[Any] | None = None
    try:
        node = node_class()
        executor = SingleThreadedExecutor()
        executor.add_node(node)
        while not stop.is_set():
            # A signal is noticed between two waits only.
            executor.spin_once(timeout_sec=0.2)
    except StartError:
        return 1  # logged where it happened
    finally:
        if node is not None:
            node.destroy_node()
        rclpy.get_default_context().try_shutdown()
    return 0
