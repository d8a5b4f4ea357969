"""Files of a rosbag2 recording as streams of serialised messages."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class TopicInfo:
    """One topic of a recording.

    Attributes:
        name: Topic name.
        type_name: Message type, for example ``sensor_msgs/msg/Image``.
        count: Number of messages, or None when the recording has no index.
    """

    name: str
    type_name: str
    count: int | None = None


@dataclass(frozen=True)
class BagMessage:
    """One serialised message.

    Attributes:
        topic: Topic name.
        type_name: Message type.
        log_ns: Time at which the recorder received it, nanoseconds.
        data: CDR, with its four-byte header.
    """

    topic: str
    type_name: str
    log_ns: int
    data: bytes


class Storage(Protocol):
    """One file of a recording."""

    path: Path

    @property
    def fix(self) -> str:
        """What to do about damage."""

    @property
    def topics(self) -> Mapping[str, TopicInfo]:
        """Topics by name."""

    @property
    def definitions(self) -> Mapping[str, str]:
        """Message definitions that the file brings along, by type name."""

    @property
    def span_ns(self) -> tuple[int, int] | None:
        """Log time of the first and the last message, or None without an index or messages."""

    def messages(self, topics: Collection[str] | None) -> Iterator[BagMessage]:
        """Yield the messages of some or all topics in order of log time.

        Raises:
            StorageDamagedError: The rest of the file cannot be read.
        """

    def close(self) -> None:
        """Close the file."""
