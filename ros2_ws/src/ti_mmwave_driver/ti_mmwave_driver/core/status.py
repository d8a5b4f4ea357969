"""What a radar is doing and what has happened to it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import Enum

from ti_mmwave_driver.core.reader import FrameCounter


class DeviceState(Enum):
    """What the radar is doing."""

    CLOSED = "closed"
    DISCONNECTED = "disconnected"
    CONFIGURING = "configuring"
    RUNNING = "running"
    STOPPED = "stopped"
    RECOVERING = "recovering"
    NEEDS_RESET = "needs reset"
    FAILED = "failed"


@dataclass
class DeviceCounters:
    """What has happened since the device was opened.

    Attributes:
        frames: Frames delivered.
        connects: Times the ports were opened.
        disconnects: Times the ports were lost.
        exceptions: Assertions of the firmware.
        restarts: Resets of the board that the command port told of.
        recoveries: Recovery steps taken, by name.
        sequence: Lost frames.
    """

    frames: int = 0
    connects: int = 0
    disconnects: int = 0
    exceptions: int = 0
    restarts: int = 0
    recoveries: Counter[str] = field(default_factory=Counter)
    sequence: FrameCounter = field(default_factory=FrameCounter)
