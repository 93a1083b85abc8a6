"""What all figures share: palette, markers, the book's style, axes, and bands over runs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

__all__ = [
    "INK",
    "LINES",
    "MARKERS",
    "PAGE_WIDTH",
    "PALETTE",
    "banded",
    "check_some",
    "grid_of_axes",
    "legend_below",
    "make_logarithmic",
    "on_axes",
    "short_number",
    "use_style",
]

#: Okabe and Ito (2008), ordered so that neighbours differ most.
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000")
MARKERS = ("o", "^", "s", "D", "v", "P", "X", "*")
LINES = ("-", "--", "-.", ":")
INK = "#333333"
#: Inches that fill the text width of the book, so that letters in figures are as large as they say.
PAGE_WIDTH = 7.4
#: A logarithmic axis that spans more than this has a label per decade only.
MANY = 3e3


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


def check_some(rows: Any, otherwise: str) -> None:
    """Raise ValueError if there are no rows to draw."""
    if not len(rows):
        raise ValueError(f"there is nothing to draw: {otherwise}")


def banded(ax: Axes, rows: pd.DataFrame, x: str, y: str, position: int, name: str) -> Any:
    """The mean of ``y`` at each ``x`` and a band from least to most, in the color, line and marker of a position."""
    spread = rows.groupby(x)[y].agg(["mean", "min", "max"])
    color = PALETTE[position % len(PALETTE)]
    ax.fill_between(spread.index, spread["min"], spread["max"], color=color, alpha=0.15, linewidth=0)
    (line,) = ax.plot(
        spread.index,
        spread["mean"],
        color=color,
        linestyle=LINES[position % len(LINES)],
        marker=MARKERS[position % len(MARKERS)],
        markersize=4,
        label=name,
    )
    return line


def make_logarithmic(ax: Axes, which: str) -> None:
    """Make these of the axes "x" and "y" logarithmic, with numbers at 1, 2 and 5 of each decade, or at 1 of many."""
    for name in which:
        getattr(ax, f"set_{name}scale")("log")
        axis = getattr(ax, f"{name}axis")
        low, high = axis.get_view_interval()
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if high < MANY * low else (1.0,)))
        axis.set_major_formatter(FuncFormatter(short_number))
        axis.set_minor_locator(NullLocator())


def short_number(value: float, _: object = None) -> str:
    """A number as it stands at an axis: 0.05, 9000, 50k, 2M. Matplotlib also gives the tick's position."""
    return f"{value / 1e6:g}M" if value >= 1e6 else f"{value / 1e3:g}k" if value >= 1e4 else f"{value:g}"


def on_axes(ax: Axes | None, size: tuple[float, float]) -> tuple[Figure, Axes]:
    """The given axes and their figure, or new ones of this size."""
    if ax is None:
        # Not pyplot's: a notebook shows the figure once, as its cell's value, and none stay open.
        figure = Figure(figsize=size)
        return figure, figure.subplots()
    found = ax.get_figure()
    assert isinstance(found, Figure)
    return found, ax


def grid_of_axes(count: int, *, columns: int, height: float) -> tuple[Figure, list[Axes]]:
    """A figure as wide as a page, with ``count`` axes in rows of ``columns``, each row ``height`` inches high."""
    rows = -(-count // columns)
    figure = Figure(figsize=(PAGE_WIDTH, height * rows))
    axes = list(figure.subplots(rows, columns, squeeze=False).ravel())
    for unused in axes[count:]:
        unused.remove()
    return figure, axes[:count]


def legend_below(figure: Figure, axes: Sequence[Axes], *, columns: int = 6) -> None:
    """One legend below the figure for all of these axes, its entries in the order in which they first appear."""
    entries: dict[str, Any] = {}
    for ax in axes:
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, handle)
    if entries:
        ncols = min(len(entries), columns)
        figure.legend(entries.values(), entries.keys(), loc="upper center", ncols=ncols, bbox_to_anchor=(0.5, 0.0))
