"""Drawing for the comparison of all methods: a table whose cells are colored by rank."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from fairclust.figures.style import INK, PAGE_WIDTH, check_some

__all__ = ["rank_table"]

#: From the best to the worst; light enough that the ink on every cell can be read.
SHADES = LinearSegmentedColormap.from_list("ranks", ["#7FC9B0", "#FFFFFF", "#EBB07F"])


def rank_table(values: pd.DataFrame, *, higher_is_better: tuple[str, ...] = (), form: str = "{:.2f}") -> Figure:
    """The numbers of a table, each cell colored by its rank within its column.

    Parameters
    ----------
    values : DataFrame, one row per method and one column per notion
        Index and columns are what is written beside them. NaN is left white, with a dash; infinities are ranked last.
    higher_is_better : tuple of str
        Columns of which the largest number is the best; of the others it is the smallest.
    form : str
        How a number is written.

    Returns
    -------
    Figure

    Raises
    ------
    ValueError
        If the table has no rows or no columns.
    """
    check_some(values, "the table has no rows")
    check_some(values.columns, "the table has no columns")
    figure = Figure(figsize=(PAGE_WIDTH, 0.32 * len(values) + 0.9))
    ax = figure.subplots()
    ranks = pd.DataFrame(
        {
            name: (-values[name] if name in higher_is_better else values[name]).rank(method="average")
            for name in values.columns
        }
    )
    counts = ranks.count().clip(lower=2)
    shade = ((ranks - 1) / (counts - 1)).to_numpy(dtype=float)
    ax.imshow(np.ma.masked_invalid(shade), cmap=SHADES, vmin=0.0, vmax=1.0, aspect="auto")
    for i, row in enumerate(values.to_numpy(dtype=float)):
        for j, value in enumerate(row):
            text = "–" if np.isnan(value) else "∞" if np.isinf(value) else form.format(value)
            best = ranks.iloc[i, j] == ranks.iloc[:, j].min()
            ax.text(
                j, i, text, ha="center", va="center", color=INK, fontsize=8, fontweight="bold" if best else "normal"
            )
    ax.set_xticks(range(len(values.columns)), [str(name).replace(" ", "\n") for name in values.columns])
    ax.set_yticks(range(len(values)), [str(name) for name in values.index])
    ax.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
    for spine in ax.spines.values():
        spine.set_visible(False)
    return figure
