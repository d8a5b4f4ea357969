"""Pictures of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator, ScalarFormatter

from gait_reid.core.types import Float64
from gait_reid_training.evaluation.evaluate import Outcome
from gait_reid_training.evaluation.walks import EmbeddedWalks

_MAP_PEOPLE = 12
_SIZE_IN = (6.4, 4.2)
_NEAREST = {
    "walk": "right person among the nearest walks, %",
    "person": "right person among the nearest people, %",
}


def _figure(size_in: tuple[float, float] = _SIZE_IN) -> tuple[Figure, Axes]:
    figure = Figure(size_in, layout="constrained")
    axes = figure.add_subplot()
    axes.grid(alpha=0.3)
    return figure, axes


def _save(figure: Figure, path: Path) -> str:
    figure.savefig(path, dpi=120)
    return path.name


def plot_cmc(path: Path, curves: Mapping[str, Sequence[float]], found: str = "walk") -> str:
    """Draw cumulative match characteristics, one per model; return the file's name.

    Args:
        path: Picture.
        curves: Name -> share of probes by rank.
        found: What is ranked.
    """
    figure, axes = _figure()
    for name, curve in curves.items():
        axes.plot(np.arange(1, len(curve) + 1), 100.0 * np.asarray(curve), marker=".", label=name)
    axes.set(xlabel="rank", ylabel=_NEAREST[found], xlim=(0.5, None))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(fontsize="small")
    return _save(figure, path)


def plot_range(path: Path, models: Mapping[str, Mapping[str, Any]]) -> str:
    """Draw rank-1 against range by day and night with 95 % intervals.

    Args:
        path: Picture.
        models: Name -> group such as ``D-20`` -> row of figures.
    """
    figure, axes = _figure((7.2, 4.4))
    colours = mpl.color_sequences["tab10"]
    for number, (name, groups) in enumerate(models.items()):
        for letter, style, light in (("D", "-", "day"), ("N", "--", "night")):
            rows = [(float(k[2:]), v["rank1"]) for k, v in groups.items() if k[0] == letter]
            if not rows:
                continue
            x = np.array([one for one, _ in rows]) + 0.25 * number
            y, low, high = (
                100.0 * np.array([row[key] for _, row in rows]) for key in ("value", "low", "high")
            )
            axes.errorbar(
                x, y, yerr=np.abs(np.stack([y - low, high - y])), linestyle=style, marker="o",
                markersize=4, capsize=2, color=colours[number % len(colours)],
                label=f"{name}, {light}",
            )  # fmt: skip
    axes.set(xlabel="range of the probe, m", ylabel="rank-1, %", ylim=(0, 102))
    axes.set_xticks(sorted({float(k[2:]) for groups in models.values() for k in groups}))
    axes.legend(fontsize="x-small", ncols=2, handlelength=4.0)
    return _save(figure, path)


def plot_curve(path: Path, models: Mapping[str, Mapping[float, Any]], label: str) -> str:
    """Draw how often the right person is nearest, with 95 % intervals, against some number.

    Args:
        path: Picture.
        models: Name -> number -> interval.
        label: What the number is.
    """
    figure, axes = _figure()
    for name, rows in models.items():
        x = np.array(list(rows))
        y, low, high = (
            100.0 * np.array([row[key] for row in rows.values()], np.float64)
            for key in ("value", "low", "high")
        )
        axes.plot(x, y, marker="o", markersize=4, label=name)
        axes.fill_between(x, low, high, alpha=0.15)
    if len(next(iter(models.values()), ())) > 1:
        axes.set_xscale("log")
        axes.set_xticks(sorted({float(n) for rows in models.values() for n in rows}))
        axes.xaxis.set_major_formatter(ScalarFormatter())
        axes.xaxis.set_minor_locator(NullLocator())
    axes.set(xlabel=label, ylabel="right person nearest, %", ylim=(0, 102))
    axes.legend(fontsize="small")
    return _save(figure, path)


def plot_distances(
    path: Path, outcome: Outcome, threshold: float | None = None, title: str = ""
) -> str:
    """Draw how far walks of the same and of different people are from each other."""
    figure, axes = _figure()
    same = outcome.distances[outcome.same & outcome.allowed]
    other = outcome.distances[~outcome.same & outcome.allowed]
    greatest = outcome.distances[outcome.allowed].max(initial=0.0)
    bins = np.linspace(0.0, float(greatest) or 1.0, 80).tolist()
    axes.hist(other, bins, density=True, alpha=0.6, label=f"different people ({len(other)} pairs)")
    axes.hist(same, bins, density=True, alpha=0.6, label=f"same person ({len(same)} pairs)")
    if threshold is not None:
        axes.axvline(threshold, color="k", linestyle=":", label=f"threshold {threshold:.3f}")
    axes.set(xlabel="distance", ylabel="density", title=title)
    axes.legend(fontsize="small")
    return _save(figure, path)


def embedding_map(walks: EmbeddedWalks, seed: int = 0) -> tuple[EmbeddedWalks, Float64]:
    """Return the walks of some people and their places (n, 2) on a t-SNE map after a PCA."""
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    people = np.unique(walks.person_id)
    chosen = people[np.linspace(0, len(people) - 1, min(_MAP_PEOPLE, len(people))).astype(int)]
    some = walks.at(np.isin(walks.person_id, chosen))
    flat = some.values.reshape(len(some), -1).astype(np.float64)
    reduced = PCA(min(50, *flat.shape), random_state=seed).fit_transform(flat)
    if len(some) < 8:
        return some, np.asarray(reduced[:, :2], np.float64)
    perplexity = min(20.0, (len(some) - 1) / 3.0)
    place = TSNE(2, perplexity=perplexity, init="pca", random_state=seed).fit_transform(reduced)
    return some, np.asarray(place, np.float64)


def plot_map(path: Path, walks: EmbeddedWalks, seed: int = 0) -> str:
    """Draw walks of some people as points; colours are people, crosses are walks at night."""
    some, place = embedding_map(walks, seed)
    figure, axes = _figure((6.4, 5.6))
    colours = mpl.color_sequences["tab20"]
    for number, person in enumerate(np.unique(some.person_id)):
        for night, marker in ((False, "o"), (True, "x")):
            rows = (some.person_id == person) & ((some.light == "night") == night)
            label = None if night else str(person)
            colour = [colours[number % len(colours)]]
            x, y = place[rows].T
            axes.scatter(x, y, s=22, marker=marker, c=colour, label=label)
    axes.set(xticks=[], yticks=[], title="t-SNE of embeddings; crosses: at night")
    axes.legend(fontsize="xx-small", loc="center left", bbox_to_anchor=(1.0, 0.5))
    return _save(figure, path)
