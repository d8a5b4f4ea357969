"""From the radar's cycle counter to host time without the jitter of USB and scheduling."""

from __future__ import annotations

from collections import deque

from ti_mmwave_driver.core.header import CPU_CLOCK_HZ

_WRAP = 1 << 32
_NS = 1_000_000_000
_NS_PER_CYCLE = _NS // CPU_CLOCK_HZ


class DeviceClock:
    """Fits device time to host time below the arrival times.

    A frame can arrive late but never early, so the true relation is the line that touches the
    arrival times from below (convex-hull estimator of Zhang, Liu and Xia, "Clock synchronization
    algorithms for network measurements", INFOCOM 2002). One sample a second is kept, the earliest
    relative to the device clock.

    Args:
        window_s: Time over which the line is fitted.
        max_skew_ppm: Largest credible difference of the two clocks' rates.
        max_gap_s: A pause longer than this restarts the fit.
    """

    def __init__(
        self, window_s: float = 60.0, max_skew_ppm: float = 200.0, max_gap_s: float = 10.0
    ) -> None:
        for name, value in (("window_s", window_s), ("max_gap_s", max_gap_s)):
            if not value > 0:
                raise ValueError(f"{name} is {value}; it must be above 0")
        self._window_ns = int(window_s * _NS)
        self._max_skew = max_skew_ppm * 1e-6
        self._max_gap_ns = int(max_gap_s * _NS)
        self._samples: deque[tuple[int, int]] = deque()
        self._last_cycles: int | None = None
        self._device_ns = 0
        self._last_host_ns = 0

    def reset(self) -> None:
        """Forget everything, because the device was restarted."""
        self._samples.clear()
        self._last_cycles = None
        self._device_ns = 0

    @property
    def skew_ppm(self) -> float:
        """Estimated difference of the rates, positive when the host clock is the faster one."""
        return self._line()[0] * 1e6 if self._samples else 0.0

    def stamp_ns(self, cycles: int, arrival_ns: int) -> int:
        """Host time at which the counter had this value.

        Args:
            cycles: Counter of the frame, modulo 2^32.
            arrival_ns: Host time at which the frame's first byte can have arrived at the earliest
                consistent with its last byte: arrival less the time of transmission.

        Returns:
            Nanoseconds in the host's time, never later than ``arrival_ns``.
        """
        self._advance(cycles, arrival_ns)
        self._add(self._device_ns, arrival_ns - self._device_ns)
        skew, offset = self._line()
        return min(self._device_ns + offset + round(skew * self._device_ns), arrival_ns)

    def _advance(self, cycles: int, arrival_ns: int) -> None:
        gap_ns = arrival_ns - self._last_host_ns
        self._last_host_ns = arrival_ns
        if self._last_cycles is None or not 0 <= gap_ns <= self._max_gap_ns:
            self.reset()
        else:
            step_ns = (cycles - self._last_cycles) % _WRAP * _NS_PER_CYCLE
            # A counter that jumps has been restarted, or the number was damaged on its way.
            if abs(step_ns - gap_ns) > _NS:
                self.reset()
            else:
                self._device_ns += step_ns
        self._last_cycles = cycles

    def _add(self, device_ns: int, offset_ns: int) -> None:
        samples = self._samples
        if samples and device_ns // _NS == samples[-1][0] // _NS:
            if offset_ns < samples[-1][1]:
                samples[-1] = (device_ns, offset_ns)
        else:
            samples.append((device_ns, offset_ns))
        while samples[-1][0] - samples[0][0] > self._window_ns:
            samples.popleft()

    def _line(self) -> tuple[float, int]:
        """Slope and offset of the line from below whose level at the middle is highest."""
        hull = _lower_hull(self._samples)
        middle = (self._samples[0][0] + self._samples[-1][0]) / 2
        for (x0, y0), (x1, y1) in zip(hull, hull[1:]):
            if x0 <= middle <= x1:
                slope = (y1 - y0) / (x1 - x0)
                if abs(slope) <= self._max_skew:
                    return slope, round(y0 - slope * x0)
        lowest = min(offset for _, offset in self._samples)
        return 0.0, lowest


def _lower_hull(points: deque[tuple[int, int]]) -> list[tuple[int, int]]:
    """Lower convex hull of points sorted by their first coordinate (monotone chain)."""
    hull: list[tuple[int, int]] = []
    for x, y in points:
        while len(hull) >= 2:
            (x0, y0), (x1, y1) = hull[-2], hull[-1]
            if (x1 - x0) * (y - y0) - (y1 - y0) * (x - x0) > 0:
                break
            hull.pop()
        hull.append((x, y))
    return hull
