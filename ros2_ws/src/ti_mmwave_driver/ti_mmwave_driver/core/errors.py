"""What can go wrong between host and board."""

from __future__ import annotations

from ti_mmwave_driver.core.replies import CommandReply


class SessionError(Exception):
    """The board did not do what it was told."""


class NoReplyError(SessionError):
    """No complete reply in time."""


class CommandRefusedError(SessionError):
    """The firmware refused a command.

    Attributes:
        reply: Its reply.
    """

    def __init__(self, reply: CommandReply) -> None:
        super().__init__(f"{reply.command!r} was refused: {reply.text}")
        self.reply = reply


class RebootRequiredError(SessionError):
    """The profile changes what the firmware fixes until the next reset."""


class DeviceFailedError(SessionError):
    """The firmware stopped at an exception; only a reset helps."""


class DeviceRestartedError(SessionError):
    """The board was reset during the command."""
