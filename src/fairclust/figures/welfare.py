"""Drawing for the chapter on welfare: sweeps as small pictures in rows and columns, and numbers at their places."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator

from fairclust.figures.style import INK, PAGE_WIDTH, banded, check_some, make_logarithmic

__all__ = ["sweep"]

#: Letters and lines of a small picture.
SMALL, THIN, DOT = 6.5, 1.1, 2.4
#: A logarithmic axis whose ends differ by a smaller factor has numbers at even distances.
NARROW = 8.0


def sweep(
    panels: Mapping[tuple[str, str], pd.DataFrame],
    names: Mapping[Any, str],
    *,
    x: str,
    y: str,
    xlabel: str,
    ylabel: str,
    line: str = "method",
    logarithmic: str = "",
    level: float | None = None,
    height: float = 1.5,
) -> Figure:
    r"""Draw ``y`` against ``x`` in a table of small pictures, a line with a band in each for every name.

    The line is the mean of the rows with one x, the band runs from the least to the most of them.

    Parameters
    ----------
    panels : mapping of (row, column) to DataFrame
        What each picture shows, by the titles of its row and its column; rows and columns come in the order in which
        they are first named. A place that is not named stays empty.
    names : mapping of str
        What the values of the column ``line`` are called; others are not drawn. One looks the same in every picture.
    x, y : str
        Columns.
    xlabel, ylabel : str
        One for all pictures.
    line : str, default="method"
        The column whose values are lines.
    logarithmic : {"", "x", "y", "xy"}
        Which axes are. Each picture has its own y-axis; the x-axes of a column are the same.
    level : float, optional
        Where to draw a thin horizontal line in every picture, such as 1 for a ratio.
    height : float, default=1.5
        Inches per row.

    Returns
    -------
    Figure

    Raises
    ------
    ValueError
        If there are no panels, or one has no row of the names.

    Notes
    -----
    O(rows of all panels).

    Examples
    --------
    >>> rows = pd.DataFrame({"method": ["a", "a", "b"], "k": [2, 3, 2], "value": [1.0, 2.0, 3.0]})
    >>> drawn = sweep(
    ...     {("Adult", "λ = 0.1"): rows, ("Bank", "λ = 0.1"): rows},
    ...     {"a": "ours", "b": "theirs"},
    ...     x="k",
    ...     y="value",
    ...     xlabel="clusters",
    ...     ylabel="objective",
    ... )
    >>> len(drawn.axes)
    2
    """
    check_some(panels, "panels is empty")
    across, down = (list(dict.fromkeys(key[place] for key in panels)) for place in (1, 0))
    figure = Figure(figsize=(PAGE_WIDTH, height * len(down) + 0.5), layout="constrained")
    axes = figure.subplots(len(down), len(across), squeeze=False)
    entries: dict[str, Any] = {}
    for r, row in enumerate(down):
        for c, column in enumerate(across):
            ax = axes[r][c]
            if (row, column) not in panels:
                ax.remove()
                continue
            results = panels[row, column]
            check_some(
                results[results[line].isin(list(names))], f"{row}, {column} has no row of {', '.join(map(str, names))}"
            )
            for position, (value, name) in enumerate(names.items()):
                rows = results[results[line] == value]
                if len(rows):
                    drawn = banded(ax, rows, x, y, position, name)
                    drawn.set(linewidth=THIN, markersize=DOT)
                    entries.setdefault(name, drawn)
            if level is not None:
                ax.axhline(level, color=INK, linewidth=0.7, linestyle=":")
            _finish(ax, logarithmic)
            if r == 0:
                ax.set_title(column, fontsize=8)
            if c == 0:
                ax.set_ylabel(row, fontsize=7.5, fontweight="bold")
            if any((later, column) in panels for later in down[r + 1 :]):
                ax.tick_params(labelbottom=False)
    figure.supxlabel(xlabel, fontsize=8.5)
    figure.supylabel(ylabel, fontsize=8.5)
    figure.legend(entries.values(), entries.keys(), loc="outside upper center", ncols=min(len(entries), 5))
    return figure


def _finish(ax: Axes, logarithmic: str) -> None:
    """Scales and ticks that suit a small picture."""
    make_logarithmic(ax, logarithmic)
    for name in "xy":
        axis = getattr(ax, f"{name}axis")
        low, high = axis.get_view_interval()
        if name == "x" and name in logarithmic:
            axis.set_major_locator(LogLocator())  # there is no room for more than powers of ten
        # Of less than a decade 1, 2 and 5 would leave a label or two; there evenly spaced numbers serve.
        elif name not in logarithmic or high < NARROW * low:
            axis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
    ax.tick_params(labelsize=SMALL, pad=1.5, length=2.5)
