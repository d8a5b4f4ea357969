"""Runs processes, passes their output on, starts them again, and ends them in an orderly way."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import subprocess
from collections.abc import Sequence

from gait_reid_launch.console import Console
from gait_reid_launch.processes import ProcessDescription

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)
_REMAINING_OUTPUT_S = 1.0


def _end_with_parent() -> None:
    """In a new process: be terminated when the runner is killed (prctl(2))."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


class Supervisor:
    """Runs the processes of one launch.

    Each process is the leader of its own group, so that Ctrl-C in a terminal reaches the runner
    alone and each process gets exactly the signals that are sent to it here.
    """

    def __init__(self, descriptions: Sequence[ProcessDescription], console: Console) -> None:
        """Starts nothing yet."""
        self._descriptions = descriptions
        self._console = console
        self._shutdown = asyncio.Event()
        self._failed = False

    async def run(self) -> int:
        """Runs everything until the last process has ended.

        Returns:
            0, or 1 when a process could not be started. How the processes themselves end does not
            matter, as with ``ros2 launch``.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._on_signal, number)
        try:
            await asyncio.gather(*map(self._keep_running, self._descriptions))
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)
        return int(self._failed)

    def shut_down(self, reason: str) -> None:
        """Asks every process to end; again is no more than once."""
        if not self._shutdown.is_set():
            self._console.say("INFO", "launch", f"shutting down: {reason}")
            self._shutdown.set()

    def _on_signal(self, number: signal.Signals) -> None:
        name = signal.Signals(number).name
        if self._shutdown.is_set():
            self._console.say("WARNING", "launch", f"{name} again, ignoring...")
        self.shut_down(name)

    async def _keep_running(self, description: ProcessDescription) -> None:
        starts = 0
        while not self._shutdown.is_set():
            if not await self._run_once(description):
                self._failed = True
            starts += 1
            if description.shutdown_on_exit:
                self.shut_down(f"{description.name} has ended")
            if not description.respawn or starts - 1 == description.respawn_max_retries:
                return
            await self._shutdown_within(description.respawn_delay_s)

    async def _shutdown_within(self, duration_s: float) -> bool:
        """Waits, but not longer than until the shutdown; whether that came."""
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._shutdown.wait(), duration_s)
        return self._shutdown.is_set()

    async def _run_once(self, description: ProcessDescription) -> bool:
        """Runs a process once, to its end; whether it could be started."""
        name = description.name
        try:
            process = await asyncio.create_subprocess_exec(
                *description.command,
                env=description.environment,
                cwd=description.working_directory,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                preexec_fn=_end_with_parent,
            )
        except (OSError, subprocess.SubprocessError) as error:
            self._console.say("ERROR", name, f"cannot start {description.command[0]!r}: {error}")
            return False
        self._console.say("INFO", name, f"process started with pid [{process.pid}]")
        readers = [
            asyncio.create_task(self._pass_on(description, source, stream))
            for source, stream in (("stdout", process.stdout), ("stderr", process.stderr))
            if stream is not None
        ]
        ending = asyncio.create_task(self._end_on_shutdown(description, process))
        status = await process.wait()
        ending.cancel()
        # A grandchild may hold the pipes open for ever.
        await asyncio.wait(readers, timeout=_REMAINING_OUTPUT_S)
        for reader in readers:
            reader.cancel()
        self._say_ended(description, process.pid, status)
        return True

    def _say_ended(self, description: ProcessDescription, pid: int, status: int) -> None:
        if status == 0:
            text = f"process has finished cleanly [pid {pid}]"
            self._console.say("INFO", description.name, text)
        else:
            command = " ".join(description.command)
            text = f"process has died [pid {pid}, exit code {status}, cmd '{command}']."
            self._console.say("ERROR", description.name, text)

    async def _pass_on(
        self, description: ProcessDescription, source: str, stream: asyncio.StreamReader
    ) -> None:
        """Passes output on line by line; a line may be of any length."""
        rest = b""
        while chunk := await stream.read(65536):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                self._output(description, source, line)
        if rest:
            self._output(description, source, rest)

    def _output(self, description: ProcessDescription, source: str, line: bytes) -> None:
        text = line.decode(errors="replace").rstrip("\r")
        self._console.output(description.name, source, description.output, text)

    async def _end_on_shutdown(
        self, description: ProcessDescription, process: asyncio.subprocess.Process
    ) -> None:
        """On shutdown: SIGINT, then SIGTERM, then SIGKILL to the whole group."""
        await self._shutdown.wait()
        process.send_signal(signal.SIGINT)
        await asyncio.sleep(description.sigterm_timeout_s)
        self._console.say("ERROR", description.name, "does not react to SIGINT: sending SIGTERM")
        process.send_signal(signal.SIGTERM)
        await asyncio.sleep(description.sigkill_timeout_s)
        self._console.say("ERROR", description.name, "does not react to SIGTERM: sending SIGKILL")
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
