"""Groups messages of several sensors by stamp, and keeps account of every one of them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

from message_filters import SimpleFilter

from gait_reid.core.sync import Instant, SensorCollector
from gait_reid_common.inputs import DroppedError, Input, Received
from gait_reid_common.mailbox import Mailbox


class Sample(NamedTuple):
    """A message and the input that it came through."""

    source: Input[Any]
    received: Received[Any]


class InstantFilter(SimpleFilter):
    """The suite's synchroniser as a `message_filters` filter: samples in, instants out.

    What the collector drops is counted at the input that it came through.
    """

    def __init__(self, collector: SensorCollector[Sample]) -> None:
        super().__init__()
        self._collector = collector
        self._sources: dict[str, Input[Any]] = {}
        self._dropped: Counter[tuple[str, str]] = Counter()

    def add(self, sensor: str, sample: Sample) -> None:
        """Take a message and signal the instants that it completes."""
        self._sources[sensor] = sample.source
        instants = self._collector.add(sensor, sample.received.stamp_ns, sample)
        self._count_drops()
        for instant in instants:
            self.signalMessage(instant)

    def discard(self, reason: str) -> None:
        """Count the messages that wait for others as dropped; the filter is not used again."""
        for sensor, number in self._collector.waiting.items():
            if number:
                self._sources[sensor].counters.drop(reason, number)

    def _count_drops(self) -> None:
        dropped = self._collector.dropped
        if dropped == self._dropped:
            return
        for (sensor, reason), number in (dropped - self._dropped).items():
            self._sources[sensor].counters.drop(reason, number)
        self._dropped = Counter(dropped)


class InstantWay:
    """The way of an instant through a mailbox to the function that uses it; the newest wins.

    Args:
        function: Uses one instant in the worker's thread.
        max_age_s: Instants older than this when their turn comes are dropped; 0: never.
    """

    def __init__(self, function: Callable[[Instant[Sample]], None], max_age_s: float) -> None:
        self.mailbox: Mailbox[Instant[Sample]] = Mailbox()
        self._function = function
        self._max_age_s = max_age_s

    def put(self, instant: Instant[Sample]) -> None:
        """Hand over an instant; returns at once."""
        for overwritten in self.mailbox.exchange(instant):
            _drop(overwritten, "overwritten")

    def work(self, instant: Instant[Sample]) -> None:
        """Use one instant; called by the worker.

        Raises:
            Exception: Whatever the function raises but `DroppedError`; all messages are counted.
        """
        started_steady_ns = time.monotonic_ns()
        reference = instant.items[instant.reference]
        try:
            if 0 < self._max_age_s < reference.source.age_s(reference.received):
                raise DroppedError("stale")
            self._function(instant)
        except DroppedError as dropped:
            _drop(instant, dropped.reason)
        except Exception:
            _drop(instant, "error")
            raise
        else:
            for sample in instant.items.values():
                sample.source.used(sample.received, started_steady_ns)

    def close(self) -> None:
        """Count what still waits as dropped."""
        for discarded in self.mailbox.close():
            _drop(discarded, "deactivated")


def _drop(instant: Instant[Sample], reason: str) -> None:
    for sample in instant.items.values():
        sample.source.counters.drop(reason)
