"""Results of experiments and verdicts of the ledger: curves with bands, histograms, bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator
from numpy.typing import ArrayLike

from fairclust.figures.style import (
    INK,
    LINES,
    MARKERS,
    PALETTE,
    banded,
    check_some,
    grid_of_axes,
    legend_below,
    make_logarithmic,
    on_axes,
)

__all__ = [
    "disutility_curves",
    "method_panels",
    "points_below_bounds",
    "timing_curves",
    "vanilla_spread",
    "verdict_bars",
    "violation_histograms",
]

VERDICT_COLORS = {
    "reproduced": "#009E73",
    "partly": "#E69F00",
    "not reproduced": "#D55E00",
    "not run": "#BBBBBB",
}
VERDICT_HATCHES = {"reproduced": "", "partly": "//", "not reproduced": "\\\\", "not run": ".."}


def vanilla_spread(
    results: pd.DataFrame, paper: Mapping[tuple[str, str], tuple[float, float, float]], notion: str, label: str
) -> Figure:
    """Every seed of vanilla k-means, a panel per data set, beside the paper's value before and after antidote data."""
    datasets = [name for name in results["dataset"].unique() if (name, notion) in paper]
    definitions = list(results["definition"].unique())
    check_some(datasets, f"no row of the results is of a data set whose {notion} the paper gives")
    figure, axes = grid_of_axes(len(datasets), columns=2, height=2.4)
    for ax, dataset in zip(axes, datasets, strict=True):
        for position, definition in enumerate(definitions):
            rows = results[(results["dataset"] == dataset) & (results["definition"] == definition)].sort_values("seed")
            # Seeds are spread sideways by their rank, not at random: the picture is the same every time.
            jitter = (np.arange(len(rows)) / max(len(rows) - 1, 1) - 0.5) * 0.5
            ax.scatter(
                position + jitter,
                rows[notion],
                s=13,
                color=PALETTE[position % len(PALETTE)],
                marker=MARKERS[position % len(MARKERS)],
                alpha=0.8,
            )
        vanilla, antidote, _ = paper[dataset, notion]
        ax.axhline(vanilla, color=INK, linewidth=1.1, label="paper, vanilla")
        ax.axhline(antidote, color=PALETTE[5], linewidth=1.1, linestyle="--", label="paper, with antidote data")
        ax.set_title(dataset.replace("_", " "))
        ax.set_xticks(range(len(definitions)), [name.replace("_", "\n") for name in definitions])
        ax.set_xlim(-0.5, len(definitions) - 0.5)
        ax.set_ylabel(label)
        ax.ticklabel_format(axis="y", useOffset=False)
    legend_below(figure, axes)
    figure.tight_layout()
    return figure


def disutility_curves(
    results: pd.DataFrame, *, x: str, y: str, by: Sequence[str], xlabel: str, ylabel: str, ax: Axes | None = None
) -> Figure:
    """Mean of ``y`` over seeds against ``x``, a line for each combination of ``by``, the band from least to most."""
    check_some(results, "the results have no row")
    figure, ax = on_axes(ax, (5.2, 3.4))
    for position, (names, rows) in enumerate(results.groupby(list(by), sort=False)):
        name = ", ".join(str(part) for part in (names if isinstance(names, tuple) else (names,)))
        banded(ax, rows, x, y, position, name)
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    ax.legend()
    return figure


def method_panels(
    panels: Mapping[str, pd.DataFrame],
    names: Mapping[str, str],
    *,
    x: str,
    y: str,
    xlabel: str,
    ylabel: str,
    columns: int = 2,
    logarithmic: str = "",
) -> Figure:
    """``y`` against ``x`` in panels with titles, a line per method; mean over the rows of one x, band least to most.

    A method looks the same in every panel and is left out where it has no row; one legend serves all panels.
    ``logarithmic`` names the axes that are: "x", "y" or "xy".
    """
    check_some(panels, "panels is empty")
    figure, axes = grid_of_axes(len(panels), columns=min(columns, len(panels)), height=2.5)
    for place, ((title, results), ax) in enumerate(zip(panels.items(), axes, strict=True)):
        check_some(results[results["method"].isin(list(names))], f"{title} has no row of {', '.join(names)}")
        for position, (method, name) in enumerate(names.items()):
            rows = results[results["method"] == method]
            if len(rows):
                banded(ax, rows, x, y, position, name)
        make_logarithmic(ax, logarithmic)
        ax.set_title(title)
        ax.set_xlabel(xlabel)
        if place % columns == 0:
            ax.set_ylabel(ylabel)
    legend_below(figure, axes, columns=5)
    figure.tight_layout()
    return figure


def points_below_bounds(
    results: pd.DataFrame,
    bounds: Mapping[str, tuple[ArrayLike, ArrayLike]],
    *,
    x: str,
    y: str,
    by: str,
    xlabel: str,
    ylabel: str,
    title: str = "",
    ax: Axes | None = None,
) -> Figure:
    """What was measured as points, colored and marked by ``by``, and what is proved as lines; both axes logarithmic.

    A figure of its own has a legend; on given axes it is left to :func:`side_by_side`.
    """
    check_some(results, "the results have no row")
    alone = ax is None
    figure, ax = on_axes(ax, (5.2, 3.4))
    for position, (name, rows) in enumerate(results.groupby(by, sort=False)):
        marker, color = MARKERS[position % len(MARKERS)], PALETTE[position % len(PALETTE)]
        ax.scatter(rows[x], rows[y], s=14, marker=marker, color=color, alpha=0.7, linewidth=0, label=str(name))
    for position, (name, (along, bound)) in enumerate(bounds.items()):
        ax.plot(along, bound, color=INK, linestyle=LINES[position % len(LINES)], linewidth=1.4, label=name)
    make_logarithmic(ax, "xy")
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    ax.set_title(title)
    if alone:
        ax.legend()
    return figure


def violation_histograms(
    counts: pd.DataFrame, names: Mapping[str, str], *, title: str = "", ax: Axes | None = None
) -> Figure:
    """Points per level of violation theta = d(v, S) / r(v), one outline per method; beyond 1 the promise is broken."""
    check_some(counts[counts["method"].isin(list(names))], f"the counts have no row of {', '.join(names)}")
    figure, ax = on_axes(ax, (5.2, 3.2))
    for position, (method, name) in enumerate(names.items()):
        rows = counts[counts["method"] == method].sort_values("bin_left")
        if rows.empty:
            continue
        if rows["bin_left"].duplicated().any():
            raise ValueError(f"the counts have several rows per bin of {method}; choose one data set and one k")
        edges = [*rows["bin_left"], rows["bin_right"].iloc[-1]]
        color, line = PALETTE[position % len(PALETTE)], LINES[position % len(LINES)]
        ax.stairs(rows["mean_count"], edges, color=color, fill=True, alpha=0.25)
        ax.stairs(rows["mean_count"], edges, color=color, linestyle=line, linewidth=1.6, label=name)
    ax.axvline(1.0, color=INK, linewidth=1.0, linestyle=":")
    ax.set_xlabel("violation, distance to the nearest center / fair radius (last bar: all beyond)")
    ax.set_ylabel("points")
    ax.set_title(title)
    ax.legend()
    return figure


def timing_curves(
    results: pd.DataFrame, names: Mapping[str, str], *, x: str, xlabel: str, title: str = "", ax: Axes | None = None
) -> Figure:
    """Seconds against a size, both axes logarithmic, a line per column of ``names``; mean, band from least to most.

    A column without numbers is left out. A figure of its own has a legend; on given axes it is left to
    :func:`side_by_side`.
    """
    columns = [column for column in names if column in results and results[column].notna().any()]
    check_some(columns, f"no row has a number of {', '.join(names)}")
    alone = ax is None
    figure, ax = on_axes(ax, (5.2, 3.4))
    for position, (column, name) in enumerate(names.items()):
        if column not in columns:
            continue
        banded(ax, results.dropna(subset=[column]), x, column, position, name)
    ax.set_xscale("log")
    # A logarithmic axis of less than a decade would have no label: the sizes themselves are marked, at most five.
    sizes = np.unique(results[x])
    shown = sizes[np.unique(np.linspace(0, len(sizes) - 1, 5).round().astype(int))]
    ax.set_xticks(shown, [f"{size / 1000:g}k" if size >= 1000 else f"{size:g}" for size in shown])
    ax.xaxis.set_minor_locator(NullLocator())
    make_logarithmic(ax, "y")
    ax.set_xlabel(xlabel)
    ax.set_ylabel("seconds")
    ax.set_title(title)
    if alone:
        ax.legend()
    return figure


def verdict_bars(counts: pd.DataFrame) -> Figure:
    """Claims by verdict, one bar per paper: ``counts`` has the papers as its index and the verdicts as columns."""
    check_some(counts, "the counts have no row")
    figure, ax = on_axes(None, (6.4, 0.5 + 0.45 * len(counts)))
    left = np.zeros(len(counts))
    for verdict, color in VERDICT_COLORS.items():
        values = counts[verdict].to_numpy() if verdict in counts else np.zeros(len(counts))
        bars = ax.barh(
            list(counts.index),
            values,
            left=left,
            color=color,
            label=verdict,
            height=0.62,
            hatch=VERDICT_HATCHES[verdict],
            edgecolor="white",
            linewidth=0,
        )
        ax.bar_label(bars, [f"{int(v)}" if v else "" for v in values], label_type="center", fontsize=8)
        left = left + values
    ax.invert_yaxis()
    ax.set_xlabel("claims")
    ax.legend(loc="lower center", ncols=4, bbox_to_anchor=(0.45, 1.0))
    return figure
