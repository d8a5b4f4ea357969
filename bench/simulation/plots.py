"""Plots of simulated people beside recorded ones; needs matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.simulation.recorded import Floats, LidarPeople, RadarFrames
from bench.simulation.simulated import PHASES, GaitFigures

SIMULATED, RECORDED = "#1f6fb4", "#c8501e"
HARMONICS = 6


def _figure(columns: int) -> tuple[Any, Any]:
    try:
        import matplotlib
    except ImportError as error:
        raise SystemExit("plots need matplotlib: pip install matplotlib") from error
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, columns, figsize=(3.4 * columns, 2.9))
    return figure, axes


def _save(figure: Any, path: Path) -> None:
    from matplotlib import pyplot

    figure.tight_layout()
    figure.savefig(path, dpi=90)
    pyplot.close(figure)


def gait(own: GaitFigures, other: GaitFigures | None, path: Path) -> None:
    """Draw joint angles over the cycle, the knee's spectrum, and stride periods."""
    figure, axes = _figure(5)
    both = [(own, "simulated", SIMULATED), (other, "recorded", RECORDED)]
    for figures, label, colour in both:
        if figures is None:
            continue
        for axis, (name, curves) in zip(axes, figures.curves.items()):
            mean, sd = curves.mean(axis=0), curves.std(axis=0)
            axis.plot(PHASES, mean, color=colour, label=label)
            axis.fill_between(PHASES, mean - sd, mean + sd, color=colour, alpha=0.2, lw=0)
            axis.set(title=f"{name}, degrees", xlabel="phase of the stride")
        spectrum = np.abs(np.fft.rfft(figures.curves["knee"][:, :-1], axis=1)) * 2.0 / 50.0
        shift = -0.2 if figures is own else 0.2
        order = np.arange(1, HARMONICS + 1)
        axes[3].bar(order + shift, spectrum.mean(axis=0)[order], 0.4, color=colour)
        axes[4].hist(
            figures.values[:, 0], np.linspace(0.85, 1.45, 13), density=True, color=colour, alpha=0.5
        )
    axes[0].legend(fontsize=8)
    axes[3].set(title="knee, degrees", xlabel="harmonic of the stride")
    axes[4].set(title="stride period", xlabel="s")
    _save(figure, path)


def points(
    ranges_m: Sequence[float],
    long: Floats,
    people: LidarPeople | None,
    own: Floats | None,
    radars: Sequence[RadarFrames],
    path: Path,
) -> None:
    """Draw LiDAR points against range, radar points a frame, and velocities."""
    figure, axes = _figure(3)
    low, high = np.percentile(long, [10, 90], axis=1)
    axes[0].fill_between(ranges_m, low, high, color=SIMULATED, alpha=0.25, lw=0)
    axes[0].plot(ranges_m, long.mean(axis=1), color=SIMULATED, label="simulated, 128 beams")
    if people is not None and own is not None:
        order = np.argsort(people.range_m)
        axes[0].plot(people.range_m[order], own.mean(axis=1)[order], "--", color=SIMULATED,
                     label="simulated, OS-1-32")  # fmt: skip
        axes[0].plot(people.range_m, people.points, "o", color=RECORDED, label="recorded, OS-1-32")
    # What the figures of LRGait show at its longest range.
    axes[0].plot([50, 50], [10, 20], color=RECORDED, lw=4, label="LRGait, as drawn")
    axes[0].set(xscale="log", yscale="log", title="LiDAR points on a person", xlabel="range, m")
    axes[0].legend(fontsize=7)
    colours = (SIMULATED, "#6fb1de", RECORDED, "#e0a080")
    for frames, colour in zip(radars, colours):
        label = frames.source.split(",")[0] + f", {frames.counts.mean():.0f} a frame"
        axes[1].hist(frames.counts, np.arange(0, 65, 4), density=True, histtype="step",
                     color=colour, label=label)  # fmt: skip
        axes[2].hist(frames.velocity, np.arange(-3.1, 3.2, 0.3), density=True, histtype="step",
                     color=colour)  # fmt: skip
    axes[1].legend(fontsize=7)
    axes[1].set(title="radar points a frame")
    axes[2].set(title="radar: moving points", xlabel="radial velocity, m/s")
    _save(figure, path)
