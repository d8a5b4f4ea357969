"""Collecting what several sensors saw at the same instant.

A collector keeps one instant per frame of the reference sensor, the first one in the configured
order that delivers, and adds the nearest frame of every other sensor. A sensor that is silent
delays nobody for longer than its own time-out and is simply missing. Memory is bounded, order is
kept, and a backward jump of time (a looping recording) resets everything exactly once.
"""

from __future__ import annotations

import bisect
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Item = TypeVar("Item")

_NS_PER_S = 1_000_000_000


@dataclass(frozen=True)
class SensorTiming:
    """How the frames of one sensor are matched.

    Attributes:
        offset_s: Added to the sensor's stamps, to correct a constant delay of its clock.
        tolerance_s: Largest distance between a frame and the instant that it is added to.
        timeout_s: How long an instant waits for this sensor, in time of the stamps.
    """

    offset_s: float = 0.0
    tolerance_s: float = 0.06
    timeout_s: float = 0.1

    def __post_init__(self) -> None:
        for name in ("tolerance_s", "timeout_s"):
            value = getattr(self, name)
            if not 0.0 < value <= 60.0:
                raise ValueError(
                    f"SensorTiming.{name} is {value}, expected more than 0 and at most 60 seconds"
                )


@dataclass(frozen=True)
class Instant(Generic[Item]):
    """Frames that belong together.

    Attributes:
        stamp_ns: Corrected stamp of the reference frame.
        items: Frame of every sensor that has one for this instant.
        stamps_ns: Corrected stamp of each of these frames.
        reference: Sensor that the instant was made for.
        sequence: Grows by one with every backward jump of time; everything that was derived from an
            earlier sequence must be dropped.
    """

    stamp_ns: int
    items: Mapping[str, Item]
    stamps_ns: Mapping[str, int]
    reference: str
    sequence: int

    @property
    def spread_s(self) -> float:
        """Time between the oldest and the newest frame of the instant."""
        return (max(self.stamps_ns.values()) - min(self.stamps_ns.values())) / _NS_PER_S


@dataclass(slots=True)
class _Stream(Generic[Item]):
    """Frames of one sensor that wait, oldest first."""

    offset_ns: int
    tolerance_ns: int
    timeout_ns: int
    stamps_ns: list[int] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    newest_ns: int | None = None
    interval_ns: int = 0
    stale_after_ns: int | None = None

    def clear(self) -> int:
        waiting = len(self.stamps_ns)
        self.stamps_ns.clear()
        self.items.clear()
        self.newest_ns = None
        return waiting

    def append(self, stamp_ns: int, item: Item) -> None:
        if self.newest_ns is not None:
            self.interval_ns += (stamp_ns - self.newest_ns - self.interval_ns) // 4
        self.newest_ns = stamp_ns
        self.stamps_ns.append(stamp_ns)
        self.items.append(item)

    def drop_first(self, count: int) -> None:
        del self.stamps_ns[:count]
        del self.items[:count]


class SensorCollector(Generic[Item]):
    """Groups frames of several sensors by stamp.

    Args:
        sensors: Timing by sensor name; the order is the order of preference for the reference,
            slowest sensor first.
        max_waiting: Frames kept per sensor; the oldest is dropped when there are more.
        jump_s: A stamp this much older than the newest one of its sensor is a jump of time; a
            smaller step back is a reordered frame and is dropped.

    Attributes:
        received: Frames by sensor.
        used: Frames by sensor that became part of an instant.
        dropped: Frames by (sensor, reason); reasons are reordered, unpaired, overflow, time_jump.
    """

    def __init__(
        self, sensors: Mapping[str, SensorTiming], max_waiting: int = 32, jump_s: float = 0.5
    ) -> None:
        if not sensors:
            raise ValueError("SensorCollector needs at least one sensor")
        if max_waiting < 2:
            raise ValueError(f"max_waiting is {max_waiting}, expected at least 2")
        self._streams: dict[str, _Stream[Item]] = {
            name: _Stream(_ns(t.offset_s), _ns(t.tolerance_s), _ns(t.timeout_s))
            for name, t in sensors.items()
        }
        self._max_waiting = max_waiting
        self._jump_ns = _ns(jump_s)
        self._first_ns: int | None = None
        self._now_ns = 0
        self._emitted_ns: int | None = None
        self.sequence = 0
        self.received: Counter[str] = Counter()
        self.used: Counter[str] = Counter()
        self.dropped: Counter[tuple[str, str]] = Counter()

    @property
    def waiting(self) -> dict[str, int]:
        """Number of frames per sensor that are held now."""
        return {name: len(stream.stamps_ns) for name, stream in self._streams.items()}

    def add(self, sensor: str, stamp_ns: int, item: Item) -> list[Instant[Item]]:
        """Take one frame and return the instants that it completes, in order of time.

        Raises:
            KeyError: The sensor is not one of the configured ones.
        """
        stream = self._streams[sensor]
        stamp_ns += stream.offset_ns
        self.received[sensor] += 1
        newest_ns = stream.newest_ns
        usual = stream.stale_after_ns is None and (newest_ns is None or stamp_ns > newest_ns)
        if not (usual or self._accept(sensor, stream, stamp_ns)):
            return []
        stream.append(stamp_ns, item)
        if len(stream.stamps_ns) > self._max_waiting:
            self._drop(sensor, stream, 1, "overflow")
        if self._first_ns is None:
            self._first_ns = self._now_ns = stamp_ns
        if stamp_ns > self._now_ns:
            self._now_ns = stamp_ns
        return self._collect()

    def poll(self, now_ns: int) -> list[Instant[Item]]:
        """Return the instants that no longer wait at ``now_ns``, in time of the stamps."""
        self._now_ns = max(self._now_ns, now_ns)
        return self._collect()

    def reset(self) -> None:
        """Forget every waiting frame and begin a new sequence."""
        for name, stream in self._streams.items():
            self.dropped[name, "time_jump"] += stream.clear()
            stream.stale_after_ns = None
        self._first_ns = self._emitted_ns = None
        self._now_ns = 0
        self.sequence += 1

    def _accept(self, sensor: str, stream: _Stream[Item], stamp_ns: int) -> bool:
        if stream.stale_after_ns is not None:
            if stamp_ns > stream.stale_after_ns > self._now_ns:
                # Another sensor has jumped back already; this frame was on its way before the jump.
                self.dropped[sensor, "time_jump"] += 1
                return False
            stream.stale_after_ns = None
        newest_ns = stream.newest_ns
        if newest_ns is None or stamp_ns > newest_ns:
            return True
        if newest_ns - stamp_ns < self._jump_ns:
            self.dropped[sensor, "reordered"] += 1
            return False
        self._jump_back(sensor, stamp_ns, newest_ns)
        return True

    def _jump_back(self, sensor: str, stamp_ns: int, newest_ns: int) -> None:
        behind = {name: other.newest_ns for name, other in self._streams.items() if name != sensor}
        self.reset()
        for name, other_ns in behind.items():
            if other_ns is not None:
                self._streams[name].stale_after_ns = stamp_ns + (newest_ns - stamp_ns) // 2

    def _collect(self) -> list[Instant[Item]]:
        instants: list[Instant[Item]] = []
        while (reference := self._reference()) is not None:
            stream = self._streams[reference]
            stamp_ns = stream.stamps_ns[0]
            if self._emitted_ns is not None and stamp_ns <= self._emitted_ns:
                self._drop(reference, stream, 1, "unpaired")
            elif self._complete(stamp_ns):
                instants.append(self._emit(reference, stamp_ns))
            else:
                break
        return instants

    def _reference(self) -> str | None:
        """Return the most preferred sensor that is alive, or None when it has no frame waiting."""
        for name, stream in self._streams.items():
            if stream.stamps_ns:
                return name
            if not self._silent(stream):
                return None
        return None

    def _silent(self, stream: _Stream[Item]) -> bool:
        heard_ns = self._first_ns if stream.newest_ns is None else stream.newest_ns
        # A time-out below the sensor's own period must not make it look dead between two frames.
        return (
            heard_ns is not None
            and self._now_ns - heard_ns > stream.timeout_ns + 2 * stream.interval_ns
        )

    def _complete(self, stamp_ns: int) -> bool:
        """Return whether no sensor can add a better frame in time; the reference always passes."""
        waited_ns = self._now_ns - stamp_ns
        for stream in self._streams.values():
            if stream.newest_ns is not None and stream.newest_ns >= stamp_ns:
                continue
            if waited_ns <= stream.timeout_ns and not self._silent(stream):
                return False
        return True

    def _emit(self, reference: str, stamp_ns: int) -> Instant[Item]:
        items: dict[str, Item] = {}
        stamps_ns: dict[str, int] = {}
        for name, stream in self._streams.items():
            waiting = stream.stamps_ns
            index = 0 if name == reference else _nearest(waiting, stamp_ns)
            if index is None:
                continue
            if abs(waiting[index] - stamp_ns) > stream.tolerance_ns:
                too_old = bisect.bisect_left(waiting, stamp_ns - stream.tolerance_ns)
                self._drop(name, stream, too_old, "unpaired")
                continue
            items[name], stamps_ns[name] = stream.items[index], waiting[index]
            if index:
                self.dropped[name, "unpaired"] += index
            stream.drop_first(index + 1)
            self.used[name] += 1
        self._emitted_ns = stamp_ns
        return Instant(stamp_ns, items, stamps_ns, reference, self.sequence)

    def _drop(self, sensor: str, stream: _Stream[Item], count: int, reason: str) -> None:
        if count:
            stream.drop_first(count)
            self.dropped[sensor, reason] += count


def _nearest(stamps_ns: Sequence[int], stamp_ns: int) -> int | None:
    if not stamps_ns:
        return None
    right = bisect.bisect_left(stamps_ns, stamp_ns)
    if right == len(stamps_ns) or (
        right and stamp_ns - stamps_ns[right - 1] <= stamps_ns[right] - stamp_ns
    ):
        return right - 1
    return right


def _ns(seconds: float) -> int:
    return round(seconds * _NS_PER_S)
