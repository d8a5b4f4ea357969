"""What a launch file asks to run: one description per process, with everything decided."""

from __future__ import annotations

from dataclasses import dataclass

OUTPUTS = ("log", "screen", "both", "own_log", "full")


@dataclass(frozen=True)
class ProcessDescription:
    """One process to run.

    Attributes:
        name: label in the output, for example ``tracker_node-3``.
        command: executable and arguments.
        environment: the whole environment.
        working_directory: where it runs; the runner's own when None.
        output: where its output goes: ``log`` (a file; standard error to the screen as well),
            ``screen``, ``both``, ``own_log`` or ``full``.
        respawn: start it again when it ends.
        respawn_delay_s: pause before it is started again.
        respawn_max_retries: how often it is started again; any number of times when negative.
        shutdown_on_exit: its end shuts everything down.
        sigterm_timeout_s: from SIGINT to SIGTERM.
        sigkill_timeout_s: from SIGTERM to SIGKILL.
    """

    name: str
    command: tuple[str, ...]
    environment: dict[str, str]
    working_directory: str | None = None
    output: str = "log"
    respawn: bool = False
    respawn_delay_s: float = 0.0
    respawn_max_retries: int = -1
    shutdown_on_exit: bool = False
    sigterm_timeout_s: float = 5.0
    sigkill_timeout_s: float = 5.0

    def __post_init__(self) -> None:
        if not self.command:
            raise ValueError(f"{self.name}: the command is empty")
        if self.output not in OUTPUTS:
            raise ValueError(f"output={self.output!r} is none of {', '.join(OUTPUTS)}")
