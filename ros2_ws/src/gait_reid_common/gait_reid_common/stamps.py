"""Times of messages as integer nanoseconds; works with messages of any library."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from builtin_interfaces.msg import Time

NS_PER_S = 1_000_000_000


class Stamp(Protocol):
    """What builtin_interfaces/Time looks like."""

    sec: int
    nanosec: int


def to_ns(stamp: Stamp) -> int:
    """Convert a stamp to integer nanoseconds."""
    return int(stamp.sec) * NS_PER_S + int(stamp.nanosec)


def to_stamp(time_ns: int) -> Time:
    """Convert integer nanoseconds to a stamp."""
    from builtin_interfaces.msg import Time

    sec, nanosec = divmod(int(time_ns), NS_PER_S)
    return Time(sec=sec, nanosec=nanosec)
