"""What every source of sensor frames answers to, live or recorded."""

from __future__ import annotations

from typing import Protocol, TypeVar

Frame_co = TypeVar("Frame_co", covariant=True)


class SourceError(Exception):
    """A source cannot deliver.

    Attributes:
        thing: What is wrong, for example ``pcap file``.
        value: Its value, for example the path.
        fix: What happened and what to do about it.
    """

    def __init__(self, thing: str, value: object, fix: str) -> None:
        super().__init__(f"{thing} '{value}': {fix}")
        self.thing = thing
        self.value = value
        self.fix = fix


class Source(Protocol[Frame_co]):
    """A sequence of frames.

    ``open`` comes before ``read``; ``close`` ends it and may be followed by ``open`` again.
    One thread reads; ``close`` may be called from another one.
    """

    @property
    def live(self) -> bool:
        """Whether frames come at the sensor's own pace from a sensor."""

    @property
    def ended(self) -> bool:
        """Whether a recording has come to its end; never true of a live source."""

    def open(self) -> None:
        """Connect or open the file.

        Raises:
            SourceError: Names what is missing or busy, and the fix.
        """

    def read(self, timeout_s: float) -> Frame_co | None:
        """Return the next frame, or None when none came in time or the recording has ended.

        Raises:
            SourceError: The data cannot be used; reading on may work.
        """

    def close(self) -> None:
        """Release the device or file; closing twice is allowed."""
