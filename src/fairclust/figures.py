"""All drawing of the book. Each function takes data, draws one figure and returns it; none computes a result.

Colors are the Okabe-Ito palette (told apart in every common color blindness); groups also differ by marker, methods by
line style, verdicts by hatching, so that no figure depends on color alone. A method or data set without rows is left
out of a figure; where nothing is left to draw there is a ValueError, not an empty figure.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter
from numpy.typing import ArrayLike

from fairclust.distances import nearest_centers
from fairclust.groups import encode_groups

__all__ = [
    "disutility_curves",
    "fairness_balls",
    "group_scatter",
    "side_by_side",
    "timing_curves",
    "use_style",
    "vanilla_spread",
    "verdict_bars",
    "violation_curves",
    "violation_histograms",
]

#: Okabe and Ito (2008), ordered so that neighbours differ most.
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000")
MARKERS = ("o", "^", "s", "D", "v", "P", "X", "*")
LINES = ("-", "--", "-.", ":")
INK = "#333333"
#: Inches that fill the text width of the book, so that letters in figures are as large as they say.
PAGE_WIDTH = 7.4
VERDICT_COLORS = {
    "reproduced": "#009E73",
    "partly": "#E69F00",
    "not reproduced": "#D55E00",
    "not run": "#BBBBBB",
}
VERDICT_HATCHES = {"reproduced": "", "partly": "//", "not reproduced": "\\\\", "not run": ".."}


def use_style() -> None:
    """Set the book's matplotlib style; in a notebook also draw SVG. The same data give the same bytes."""
    mpl.rcParams.update(
        {
            "figure.dpi": 110,
            "figure.facecolor": "white",
            "axes.prop_cycle": mpl.cycler(color=PALETTE),  # type: ignore[attr-defined]
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.edgecolor": INK,
            "axes.titlesize": 10,
            "axes.titleweight": "bold",
            "axes.labelsize": 9,
            "xtick.labelsize": 8,
            "ytick.labelsize": 8,
            "legend.fontsize": 8,
            "legend.frameon": False,
            "font.size": 9,
            "lines.linewidth": 1.6,
            "savefig.bbox": "tight",
            "svg.hashsalt": "fairclust",
        }
    )
    # Asked only where a shell runs already: otherwise matplotlib-inline would start one.
    if "IPython" in sys.modules and sys.modules["IPython"].get_ipython() is not None:
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        set_matplotlib_formats("svg", metadata={"Date": None})


def group_scatter(
    X: ArrayLike,
    sensitive_features: Any,
    *,
    labels: ArrayLike | None = None,
    centers: ArrayLike | None = None,
    antidote: ArrayLike | None = None,
    title: str = "",
    ax: Axes | None = None,
) -> Figure:
    """Points in the plane, colored and marked by group; lines tie each point to the center of its cluster.

    Antidote points, if there are any, are stars.

    A figure of its own has a legend; on given axes it is left to :func:`side_by_side`.
    """
    points = np.asarray(X, dtype=float)
    groups = encode_groups(sensitive_features, len(points))
    alone = ax is None
    figure, ax = _axes(ax, (4.2, 3.6))
    if labels is not None and centers is not None:
        ends = np.asarray(centers, dtype=float)[np.asarray(labels)]
        for start, end in zip(points, ends, strict=True):
            ax.plot([start[0], end[0]], [start[1], end[1]], color="#BBBBBB", linewidth=0.7, zorder=1)
    for code, group in enumerate(groups.labels):
        chosen = groups.codes == code
        ax.scatter(
            points[chosen, 0],
            points[chosen, 1],
            s=34,
            color=PALETTE[code % len(PALETTE)],
            # From the ninth group on, colors come again with other markers.
            marker=MARKERS[(code + code // len(PALETTE)) % len(MARKERS)],
            edgecolor="white",
            linewidth=0.5,
            label=str(group),
            zorder=2,
        )
    if centers is not None:
        spots = np.asarray(centers, dtype=float)
        ax.scatter(spots[:, 0], spots[:, 1], s=50, color=INK, marker="x", linewidth=1.6, label="center", zorder=3)
    if antidote is not None and len(stars := np.asarray(antidote, dtype=float)):
        ax.scatter(stars[:, 0], stars[:, 1], s=70, color=PALETTE[5], marker="*", label="antidote point", zorder=3)
    if alone:
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=4)
    ax.set_aspect("equal")
    ax.set_title(title)
    ax.set_xticks([])
    ax.set_yticks([])
    return figure


def fairness_balls(
    X: ArrayLike, radii: ArrayLike, centers: ArrayLike, shown: Sequence[int], *, title: str = "", ax: Axes | None = None
) -> Figure:
    """The fair ball of some points: solid where a center lies within it, dashed and red where none does."""
    points, spots, radius = (np.asarray(values, dtype=float) for values in (X, centers, radii))
    figure, ax = _axes(ax, (4.2, 3.6))
    ax.scatter(points[:, 0], points[:, 1], s=12, color="#AAAAAA", zorder=1)
    ax.scatter(spots[:, 0], spots[:, 1], s=50, color=INK, marker="x", linewidth=1.6, zorder=3)
    for row in shown:
        # The library's distance, bit for bit: a center on the rim counts here as it counts there.
        kept = nearest_centers(points[[row]], spots)[1][0] <= radius[row]
        color = PALETTE[2] if kept else PALETTE[5]
        style = "-" if kept else "--"
        ax.add_patch(Circle(points[row], radius[row], fill=False, color=color, linestyle=style, linewidth=1.4))
        ax.scatter(points[row, 0], points[row, 1], s=30, color=color, zorder=2)
    ax.set_aspect("equal")
    ax.set_title(title)
    ax.set_xticks([])
    ax.set_yticks([])
    return figure


def side_by_side(panels: Sequence[Callable[..., Any]], *, height: float = 2.8) -> Figure:
    """One row of panels, each drawn by a function that takes ``ax``, with one legend for all of them below."""
    _check_some(panels, "panels is empty")
    figure, axes = _grid(len(panels), columns=len(panels), height=height)
    entries: dict[str, Any] = {}
    for draw, ax in zip(panels, axes, strict=True):
        draw(ax=ax)
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, handle)
    if entries:
        figure.legend(
            entries.values(), entries.keys(), loc="lower center", ncols=len(entries), bbox_to_anchor=(0.5, -0.06)
        )
    figure.tight_layout()
    return figure


def vanilla_spread(
    results: pd.DataFrame, paper: Mapping[tuple[str, str], tuple[float, float, float]], notion: str, label: str
) -> Figure:
    """Every seed of vanilla k-means, a panel per data set, beside the paper's value before and after antidote data."""
    datasets = [name for name in results["dataset"].unique() if (name, notion) in paper]
    definitions = list(results["definition"].unique())
    _check_some(datasets, f"no row of the results is of a data set whose {notion} the paper gives")
    figure, axes = _grid(len(datasets), columns=2, height=2.4)
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
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="lower center", ncols=2, bbox_to_anchor=(0.5, -0.06))
    figure.tight_layout()
    return figure


def disutility_curves(
    results: pd.DataFrame, *, x: str, y: str, by: Sequence[str], xlabel: str, ylabel: str, ax: Axes | None = None
) -> Figure:
    """Mean of ``y`` over seeds against ``x``, a line for each combination of ``by``, the band from least to most."""
    _check_some(results, "the results have no row")
    figure, ax = _axes(ax, (5.2, 3.4))
    for position, (names, rows) in enumerate(results.groupby(list(by), sort=False)):
        spread = rows.groupby(x)[y].agg(["mean", "min", "max"])
        color = PALETTE[position % len(PALETTE)]
        name = ", ".join(str(part) for part in (names if isinstance(names, tuple) else (names,)))
        ax.fill_between(spread.index, spread["min"], spread["max"], color=color, alpha=0.15, linewidth=0)
        ax.plot(
            spread.index,
            spread["mean"],
            color=color,
            linestyle=LINES[position % len(LINES)],
            marker=MARKERS[position % len(MARKERS)],
            markersize=4,
            label=name,
        )
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    ax.legend()
    return figure


def violation_histograms(
    counts: pd.DataFrame, names: Mapping[str, str], *, title: str = "", ax: Axes | None = None
) -> Figure:
    """Points per level of violation theta = d(v, S) / r(v), one outline per method; beyond 1 the promise is broken."""
    _check_some(counts[counts["method"].isin(list(names))], f"the counts have no row of {', '.join(names)}")
    figure, ax = _axes(ax, (5.2, 3.2))
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


def violation_curves(results: pd.DataFrame, names: Mapping[str, str], *, y: str, ylabel: str) -> Figure:
    """``y`` against k, one panel per data set; mean of the samples with the population standard deviation as bars.

    Samples where ``y`` is infinite are left out.
    """
    shown = results[results["method"].isin(list(names)) & np.isfinite(results[y])]
    datasets = list(shown["paper_name"].unique())
    _check_some(datasets, f"no row of {', '.join(names)} has a finite {y}")
    figure, axes = _grid(len(datasets), columns=len(datasets), height=2.8)
    for ax, dataset in zip(axes, datasets, strict=True):
        for position, (method, name) in enumerate(names.items()):
            rows = shown[(shown["paper_name"] == dataset) & (shown["method"] == method)]
            by_k = rows.groupby("k")[y]
            ax.errorbar(
                by_k.mean().index,
                by_k.mean(),
                yerr=by_k.std(ddof=0),
                color=PALETTE[position % len(PALETTE)],
                linestyle=LINES[position % len(LINES)],
                marker=MARKERS[position % len(MARKERS)],
                markersize=4,
                capsize=2,
                label=name,
            )
        ax.set_title(dataset)
        ax.set_xlabel("number of clusters k")
    axes[0].set_ylabel(ylabel)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncols=len(labels), bbox_to_anchor=(0.5, -0.06))
    figure.tight_layout()
    return figure


def timing_curves(
    results: pd.DataFrame, names: Mapping[str, str], *, x: str, xlabel: str, title: str = "", ax: Axes | None = None
) -> Figure:
    """Seconds against a size, both axes logarithmic, a line per column of ``names``; mean, band from least to most.

    A column without numbers is left out. A figure of its own has a legend; on given axes it is left to
    :func:`side_by_side`.
    """
    columns = [column for column in names if column in results and results[column].notna().any()]
    _check_some(columns, f"no row has a number of {', '.join(names)}")
    alone = ax is None
    figure, ax = _axes(ax, (5.2, 3.4))
    for position, (column, name) in enumerate(names.items()):
        if column not in columns:
            continue
        spread = results.dropna(subset=[column]).groupby(x)[column].agg(["mean", "min", "max"])
        color = PALETTE[position % len(PALETTE)]
        ax.fill_between(spread.index, spread["min"], spread["max"], color=color, alpha=0.15, linewidth=0)
        ax.plot(
            spread.index,
            spread["mean"],
            color=color,
            linestyle=LINES[position % len(LINES)],
            marker=MARKERS[position % len(MARKERS)],
            markersize=4,
            label=name,
        )
    ax.set_xscale("log")
    ax.set_yscale("log")
    # A logarithmic axis of less than a decade would have no label: the sizes themselves are marked, at most five.
    sizes = np.unique(results[x])
    shown = sizes[np.unique(np.linspace(0, len(sizes) - 1, 5).round().astype(int))]
    ax.set_xticks(shown, [f"{size / 1000:g}k" if size >= 1000 else f"{size:g}" for size in shown])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    ax.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.set_xlabel(xlabel)
    ax.set_ylabel("seconds")
    ax.set_title(title)
    if alone:
        ax.legend()
    return figure


def verdict_bars(counts: pd.DataFrame) -> Figure:
    """Claims by verdict, one bar per paper: ``counts`` has the papers as its index and the verdicts as columns."""
    _check_some(counts, "the counts have no row")
    figure, ax = _axes(None, (6.4, 0.5 + 0.45 * len(counts)))
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


def _check_some(rows: Any, otherwise: str) -> None:
    if not len(rows):
        raise ValueError(f"there is nothing to draw: {otherwise}")


def _axes(ax: Axes | None, size: tuple[float, float]) -> tuple[Figure, Axes]:
    if ax is None:
        # Not pyplot's: a notebook shows the figure once, as its cell's value, and none stay open.
        figure = Figure(figsize=size)
        return figure, figure.subplots()
    found = ax.get_figure()
    assert isinstance(found, Figure)
    return found, ax


def _grid(count: int, *, columns: int, height: float) -> tuple[Figure, list[Axes]]:
    """A figure as wide as a page, with ``count`` axes in rows of ``columns``, each row ``height`` inches high."""
    rows = -(-count // columns)
    figure = Figure(figsize=(PAGE_WIDTH, height * rows))
    axes = list(figure.subplots(rows, columns, squeeze=False).ravel())
    for unused in axes[count:]:
        unused.remove()
    return figure, axes[:count]
