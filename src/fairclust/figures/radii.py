"""Drawing for the chapter on fair radii: the rounding step by step, and the paper's figures with error bars.

Like all drawing these functions take data, draw once and compute no result. A violation can be infinite (a radius of
zero and no center at its place) or unknown; neither ends up as a number on an axis, see :func:`panels_with_bars`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from numpy.typing import ArrayLike, NDArray

from fairclust.figures.style import (
    INK,
    LINES,
    MARKERS,
    PAGE_WIDTH,
    PALETTE,
    check_some,
    grid_of_axes,
    legend_below,
    make_logarithmic,
)
from fairclust.radii import FairRounding

__all__ = [
    "factor_strips",
    "filter_sweep",
    "histogram_panels",
    "panels_with_bars",
    "rounding_panels",
    "scatter_panels",
]

#: Panels side by side.
COLUMNS = 3
#: Titles of the panels of :func:`rounding_panels`.
STEPS = (
    "1 Filter: disjoint balls, half a center in each",
    "2 Smudge: openings move to the members",
    "3 Smudge again: each is at 1/2 or 1",
    "4 Two colors: the rarer one opens",
)

Floats = NDArray[np.float64]


def rounding_panels(X: ArrayLike, places: ArrayLike, openings: ArrayLike, rounding: FairRounding) -> Figure:
    """Half-integral rounding in four panels: filter, both smudges, two colors.

    X (n, 2) are the rows, ``places`` (m, 2) and ``openings`` (m,) the LP's; a ValueError if nothing was rounded.
    """
    steps = rounding.steps
    if steps is None:
        raise ValueError(f"there is nothing to draw: the branch was {rounding.branch!r}, without rounding")
    points, spots = np.asarray(X, dtype=np.float64), np.asarray(places, dtype=np.float64)
    opening = np.asarray(openings, dtype=np.float64)
    members = points[rounding.filtered]
    low, high = points.min(axis=0), points.max(axis=0)
    room = 0.12 * float((high - low).max()) + 1e-9
    aspect = float((high - low)[1] + 2 * room) / float((high - low)[0] + 2 * room)
    figure, axes = grid_of_axes(4, columns=2, height=0.35 + min(aspect, 1.0) * PAGE_WIDTH / 2)
    for ax, title in zip(axes, STEPS, strict=True):
        ax.scatter(points[:, 0], points[:, 1], s=5, color="#999999", zorder=1)
        ax.set_title(title, fontsize=9)
        ax.set_aspect("equal")
        ax.set_axis_off()
        ax.set_xlim(low[0] - room, high[0] + room)
        ax.set_ylim(low[1] - room, high[1] + room)
    for member, row in zip(members, rounding.filtered, strict=True):
        axes[0].add_patch(Circle(member, rounding.reach[row], color=PALETTE[4], alpha=0.35, linewidth=0))
    axes[0].scatter(spots[:, 0], spots[:, 1], s=40.0 * opening, color=PALETTE[0], zorder=2)
    axes[0].scatter(members[:, 0], members[:, 1], s=26, facecolor="none", edgecolor=INK, linewidth=1.0, zorder=3)
    for ax, values in ((axes[1], steps.smudged), (axes[2], steps.halves)):
        ax.scatter(members[:, 0], members[:, 1], s=70.0 * values, color=PALETTE[0], zorder=2)
        for member, value in zip(members, values, strict=True):
            said = "1" if value == 1.0 else "½" if value == 0.5 else f"{value:.2f}".lstrip("0")
            ax.annotate(said, member, xytext=(0, 6), textcoords="offset points", ha="center", fontsize=8)
    for member, partner in zip(members, steps.partner, strict=True):
        _arrow(axes[2], member, members[partner], "#777777", 0.8)
    looks = ((0, PALETTE[0], "o", "at 1, open"), (1, PALETTE[2], "^", "first color"), (-1, PALETTE[5], "s", "second"))
    for color, paint, marker, said in looks:
        for opened, face in ((True, paint), (False, "none")):
            chosen = (steps.colors == color) & (steps.opened == opened)
            if chosen.any():
                label = said if color == 0 else f"{said}, {'opens' if opened else 'closes'}"
                spot = members[chosen]
                axes[3].scatter(spot[:, 0], spot[:, 1], s=52, marker=marker, c=face, edgecolor=paint, label=label)
    for member, partner in zip(members[~steps.opened], steps.partner[~steps.opened], strict=True):
        _arrow(axes[3], member, members[partner], INK, 1.4)
    figure.tight_layout()
    legend_below(figure, [axes[3]])
    return figure


def filter_sweep(sweep: pd.DataFrame, names: Mapping[str, str], *, found: float, limit: float) -> Figure:
    """What the filter of Fair-Round leaves at each rho, a panel per column of ``names``; dotted where it was stopped.

    ``limit`` is k, drawn in the panel of ``n_centers`` if there is one.
    """
    check_some(sweep, "the sweep has no row")
    figure, axes = grid_of_axes(len(names), columns=len(names), height=2.4)
    for ax, (column, name) in zip(axes, names.items(), strict=True):
        ax.plot(sweep["rho"], sweep[column], color=PALETTE[0], drawstyle="steps-mid")
        ax.axvline(found, color=PALETTE[5], linestyle=":", label="the rho that the search finds")
        if column == "n_centers":
            ax.axhline(limit, color=INK, linestyle="--", linewidth=1.0, label="k")
        ax.set_xlabel("rho")
        ax.set_title(name)
        ax.set_ylim(bottom=0)
    figure.tight_layout()
    legend_below(figure, axes)
    return figure


def histogram_panels(
    panels: Mapping[str, pd.DataFrame], names: Mapping[str, str], *, y: str = "mean_count", ylabel: str = "points"
) -> Figure:
    """Points per level of violation, an outline per method, a panel per table; dotted where the promise ends.

    With a column ``std_count`` beside ``mean_count``, bars show it, those of several methods side by side.
    """

    def draw(ax: Axes, rows: pd.DataFrame, position: int, name: str) -> None:
        rows = rows.sort_values("bin_left")
        if rows["bin_left"].duplicated().any():
            raise ValueError(f"there are several rows per bin of {name}; choose one data set and one k")
        edges = [*rows["bin_left"], rows["bin_right"].iloc[-1]]
        color, line = PALETTE[position % len(PALETTE)], LINES[position % len(LINES)]
        ax.stairs(rows[y], edges, color=color, linestyle=line, linewidth=1.6, label=name)
        if y == "mean_count" and "std_count" in rows:
            width = rows["bin_right"] - rows["bin_left"]
            middle = rows["bin_left"] + width * (position + 1) / (len(names) + 1)
            some = rows["std_count"] > 0
            ax.errorbar(middle[some], rows.loc[some, y], rows.loc[some, "std_count"], color=color, ls="none", lw=0.8)

    figure, axes = _by_method(panels, names, draw, 2.3, "violation (last bar: all beyond)", ylabel)
    for ax in axes:
        ax.axvline(1.0, color=INK, linewidth=1.0, linestyle=":")
    return figure


def panels_with_bars(
    panels: Mapping[str, pd.DataFrame],
    names: Mapping[str, str],
    *,
    y: str,
    ylabel: str,
    x: str = "k",
    xlabel: str = "number of clusters k",
    logarithmic: bool = False,
    reference: float | None = None,
) -> Figure:
    """Mean of ``y`` over the rows of one ``x``, population standard deviation as bars; panels of a line per method.

    Where a value is infinite there is no mean of all: the line shows the mean of the finite ones, and at the upper edge
    stands the sign of infinity in the method's color. NaN counts as missing. ``reference`` draws a dotted level.
    """

    def draw(ax: Axes, rows: pd.DataFrame, position: int, name: str) -> None:
        finite = rows[np.isfinite(rows[y])].groupby(x)[y]
        color, mean = PALETTE[position % len(PALETTE)], finite.mean()
        if len(mean):
            # Bars of single rows would be dots of length 0.
            bars = finite.std(ddof=0) if (finite.size() > 1).any() else None
            line, marker = LINES[position % len(LINES)], MARKERS[position % len(MARKERS)]
            ax.errorbar(
                mean.index, mean, bars, color=color, ls=line, marker=marker, markersize=4, capsize=2, label=name
            )
        for where in np.unique(rows.loc[np.isinf(rows[y]), x]):
            # In the axes' height, so that infinity does not stretch the axis; methods stand above each other.
            at = (where, 0.97 - 0.08 * position)
            ax.update_datalim([(where, 0.0)], updatey=False)
            ax.autoscale_view(scaley=False)
            ax.annotate("∞", at, xycoords=("data", "axes fraction"), color=color, ha="center", va="top", fontsize=11)

    known = {title: table.dropna(subset=[y]) for title, table in panels.items()}
    figure, axes = _by_method(known, names, draw, 2.5, xlabel, ylabel)
    for ax in axes:
        if reference is not None:
            ax.axhline(reference, color=INK, linewidth=1.0, linestyle=":")
        if logarithmic:
            make_logarithmic(ax, "y")
    return figure


def scatter_panels(
    panels: Mapping[str, pd.DataFrame],
    names: Mapping[str, str],
    *,
    x: str,
    y: str,
    xlabel: str,
    ylabel: str,
) -> Figure:
    """Each row as a dot, colored and marked by method; logarithmic height, dotted at 1, infinite rows left out."""

    def draw(ax: Axes, rows: pd.DataFrame, position: int, name: str) -> None:
        shown = rows[np.isfinite(rows[x]) & np.isfinite(rows[y])]
        if len(shown):
            color, marker = PALETTE[position % len(PALETTE)], MARKERS[position % len(MARKERS)]
            ax.scatter(shown[x], shown[y], s=20, color=color, marker=marker, alpha=0.8, linewidth=0, label=name)

    figure, axes = _by_method(panels, names, draw, 2.8, xlabel, ylabel)
    for ax in axes:
        ax.axvline(1.0, color=INK, linewidth=1.0, linestyle=":")
        ax.axhline(1.0, color=INK, linewidth=1.0, linestyle=":")
        make_logarithmic(ax, "y")
    return figure


def factor_strips(
    results: pd.DataFrame,
    panels: Mapping[str, str],
    bounds: Mapping[str, Mapping[str, float]],
    *,
    by: str = "family",
) -> Figure:
    """Each finite value as a dot, by ``by`` side by side, a panel per column of ``panels``, its bounds as lines."""
    check_some(results, "the results have no row")
    figure, axes = grid_of_axes(len(panels), columns=len(panels), height=2.8)
    kinds = list(results[by].unique())
    for ax, (column, title) in zip(axes, panels.items(), strict=True):
        for position, kind in enumerate(kinds):
            values = np.sort(results.loc[results[by] == kind, column].to_numpy(dtype=np.float64))
            values = values[np.isfinite(values)]
            # Spread sideways by rank, not at random: the picture is the same every time.
            aside = position + 0.6 * (np.arange(len(values)) / max(len(values) - 1, 1) - 0.5)
            color, marker = PALETTE[position % len(PALETTE)], MARKERS[position % len(MARKERS)]
            ax.scatter(aside, values, s=7, color=color, marker=marker, linewidth=0, alpha=0.7)
        for position, (name, bound) in enumerate(bounds.get(column, {}).items()):
            ax.axhline(bound, color=INK, linewidth=1.2, linestyle=LINES[position % len(LINES)], label=name)
        ax.set_xticks(range(len(kinds)), [str(kind) for kind in kinds])
        ax.set_ylim(bottom=0)
        ax.set_title(title)
    figure.tight_layout()
    legend_below(figure, axes)
    return figure


def _by_method(
    panels: Mapping[str, pd.DataFrame],
    names: Mapping[str, str],
    draw: Callable[[Axes, pd.DataFrame, int, str], None],
    height: float,
    xlabel: str,
    ylabel: str,
) -> tuple[Figure, list[Axes]]:
    """A panel per table, where ``draw`` draws each method that has rows; one legend; a ValueError if there is none."""
    check_some(panels, "panels is empty")
    some = any(table["method"].isin(list(names)).any() for table in panels.values())
    check_some([0] * some, f"no table has a row of {', '.join(names)} to show")
    figure, axes = grid_of_axes(len(panels), columns=min(COLUMNS, len(panels)), height=height)
    for place, (ax, (title, table)) in enumerate(zip(axes, panels.items(), strict=True)):
        for position, (method, name) in enumerate(names.items()):
            rows = table[table["method"] == method]
            if len(rows):
                draw(ax, rows, position, name)
        ax.set_title(title)
        ax.set_xlabel(xlabel)
        if place % COLUMNS == 0:
            ax.set_ylabel(ylabel)
    figure.tight_layout()
    legend_below(figure, axes)
    return figure, axes


def _arrow(ax: Axes, start: Floats, end: Floats, color: str, width: float) -> None:
    arrow: dict[str, Any] = {"arrowstyle": "->", "connectionstyle": "arc3,rad=0.25"}
    arrow |= {"color": color, "linewidth": width, "shrinkA": 5.0, "shrinkB": 5.0}
    ax.annotate("", tuple(end), xytext=tuple(start), arrowprops=arrow, zorder=4)
