"""A node of the command line, where ROS is installed."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from gait_reid.cli.console import CommandError

if TYPE_CHECKING:
    from rclpy.node import Node


@contextlib.contextmanager
def ros_node(name: str) -> Iterator[Node]:
    """Yield a node with a context of its own.

    Raises:
        CommandError: ROS is not installed or not sourced.
    """
    try:
        import rclpy
        from rclpy.context import Context
    except ImportError as error:
        raise CommandError(
            f"ROS 2 is not available ({error}); source it, or use: ./run exec gait-reid ..."
        ) from error
    context = Context()
    rclpy.init(context=context)
    node = rclpy.create_node(name, context=context, start_parameter_services=False)
    try:
        yield node
    finally:
        node.destroy_node()
        context.try_shutdown()


def message_type(type_name: str) -> Any:
    """Return the message class of ``package/msg/Name``.

    Raises:
        CommandError: The package is not installed.
    """
    package, _, name = type_name.partition("/msg/")
    try:
        return getattr(importlib.import_module(f"{package}.msg"), name)
    except (ImportError, AttributeError) as error:
        raise CommandError(f"type {type_name} is not installed ({error})") from error


def wait_for(future: Any, node: Node, timeout_s: float, what: str) -> Any:
    """Spin until an answer is there and return it.

    Raises:
        CommandError: It did not come in time.
    """
    from rclpy.executors import SingleThreadedExecutor

    executor = SingleThreadedExecutor(context=node.context)
    executor.add_node(node)
    try:
        executor.spin_until_future_complete(future, timeout_sec=timeout_s)
    finally:
        executor.shutdown()
    if not future.done():
        raise CommandError(f"{what} gave no answer within {timeout_s:g} s; is the node active?")
    return future.result()
