"""Keeps a source running in a thread: pace of files, reconnection of live sensors."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from gait_reid.sensors.base import Source, SourceError
from gait_reid_common.parameters import param, validate


class Stamped(Protocol):
    """A frame that knows when it was acquired."""

    @property
    def stamp_ns(self) -> int:
        """Acquisition time."""


F = TypeVar("F", bound=Stamped)


@dataclass(frozen=True)
class RunnerConfig:
    """Parameters of `SourceRunner`."""

    speed: float = param(
        1.0, "Pace of a file in multiples of its own; 0: as fast as possible", "", 0.0, 100.0
    )
    loop: bool = param(False, "Whether a file begins again at its end")
    retry_min_s: float = param(
        0.5, "Time before the first attempt to reconnect a live sensor", "s", 0.01, 60.0
    )
    retry_max_s: float = param(
        10.0, "Time between attempts, which doubles from one to the next, at most", "s", 0.01, 600.0
    )
    silence_s: float = param(
        3.0, "Time without frames after which a live sensor is taken to be gone", "s", 0.1, 600.0
    )

    def __post_init__(self) -> None:
        validate(self)


class SourceRunner(Generic[F]):
    """Reads a source in a thread until it ends or `stop` is called.

    Attributes:
        delivered: Frames handed over.
        failures: Times that the source was lost or could not be opened.
        error: What is wrong now, or None.
        ended: Whether a file was read to its end, or failed for good.
    """

    def __init__(
        self,
        source: Source[F],
        on_frame: Callable[[F], None],
        on_change: Callable[[SourceError | None], None],
        config: RunnerConfig | None = None,
    ) -> None:
        """Prepare; `start` starts.

        Args:
            source: Opened by the runner, again and again where it must be.
            on_frame: Takes each frame, in the runner's thread.
            on_change: Told an error when the source fails, None when it works again.
            config: Pace and retries.
        """
        self.delivered = 0
        self.failures = 0
        self.error: SourceError | None = None
        self.ended = False
        self._source = source
        self._on_frame = on_frame
        self._on_change = on_change
        self._config = config or RunnerConfig()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="source", daemon=True)

    @property
    def started(self) -> bool:
        """Whether `start` was called."""
        return self._thread.ident is not None

    def start(self) -> None:
        """Start the thread, which opens the source."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread and close the source."""
        self._stop.set()
        if self.started:
            self._thread.join(10.0)
        self._source.close()

    def _run(self) -> None:
        wait_s = self._config.retry_min_s
        while not self._stop.is_set():
            delivered = self.delivered
            try:
                self._source.open()
                self._read_all()
                if not self._config.loop or self._stop.is_set():
                    break
            except SourceError as error:
                self._report(error)
                self.failures += 1
                if not self._source.live:
                    break
                if self.delivered > delivered:
                    wait_s = self._config.retry_min_s
                self._source.close()
                self._stop.wait(wait_s)
                wait_s = min(2.0 * wait_s, self._config.retry_max_s)
        self.ended = True

    def _read_all(self) -> None:
        """Deliver frames until the end.

        Raises:
            SourceError: The source is gone.
        """
        heard_s = time.monotonic()
        first_ns: int | None = None
        while not self._stop.is_set() and not self._source.ended:
            frame = self._source.read(0.2)
            now_s = time.monotonic()
            if frame is None:
                if self._source.live and now_s - heard_s > self._config.silence_s:
                    raise SourceError(
                        "live sensor", f"silent for {now_s - heard_s:.1f} s", "check its connection"
                    )
                continue
            heard_s = now_s
            if not self._source.live and self._config.speed > 0.0:
                if first_ns is None:
                    first_ns, first_s = frame.stamp_ns, now_s
                due_s = first_s + (frame.stamp_ns - first_ns) * 1e-9 / self._config.speed
                if due_s > now_s and self._stop.wait(due_s - now_s):
                    return
            self._report(None)
            self.delivered += 1
            self._on_frame(frame)

    def _report(self, error: SourceError | None) -> None:
        if (error is None) != (self.error is None) or str(error) != str(self.error):
            self.error = error
            self._on_change(error)
