"""Stands in for ROS 2's ``message_filters`` where that is not installed.

Holds the two classes that a synchroniser of one's own is built on, with the signatures and the
behaviour of the Jazzy release. The upstream synchronisers are not here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["SimpleFilter", "Subscriber"]


class SimpleFilter:
    """A source of messages that calls whoever registered.

    Attributes:
        callbacks: connection number to callback and the arguments that it was registered with.
    """

    def __init__(self) -> None:
        self.callbacks: dict[int, tuple[Callable[..., object], tuple[Any, ...]]] = {}

    def registerCallback(self, cb: Callable[..., object], *args: object) -> int:  # noqa: N802
        """Has ``cb`` called with each output of this filter, followed by ``args``.

        Returns:
            The connection number.
        """
        connection = len(self.callbacks)
        self.callbacks[connection] = (cb, args)
        return connection

    def signalMessage(self, *msg: object) -> None:  # noqa: N802
        """Calls every registered callback, in the order of registration."""
        for callback, extra in self.callbacks.values():
            callback(*msg, *extra)


class Subscriber(SimpleFilter):
    """A ROS 2 subscription as a filter.

    Takes a node and then what the node's ``create_subscription`` takes, without the callback; the
    quality of service is a depth of 10 unless ``qos_profile`` says otherwise. What is not defined
    here is looked up in the subscription.

    Attributes:
        node: the node that subscribes.
        topic: the topic's name as it was given.
        sub: the subscription.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()
        self.node, message_type, self.topic, *others = args
        options = {"qos_profile": 10, **kwargs}
        self.sub = self.node.create_subscription(
            message_type, self.topic, *others, self.callback, **options
        )

    def callback(self, msg: object) -> None:
        """Passes a received message on."""
        self.signalMessage(msg)

    def getTopic(self) -> str:  # noqa: N802
        """The topic's name as it was given."""
        return str(self.topic)

    def __getattr__(self, name: str) -> Any:
        if name == "sub":
            raise AttributeError(f"{type(self).__name__} has not subscribed yet")
        return getattr(self.sub, name)
