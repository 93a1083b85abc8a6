"""Points, groups, centers and fair balls in the plane, and panels side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from numpy.typing import ArrayLike

from fairclust.distances import nearest_centers
from fairclust.figures.style import (
    INK,
    MARKERS,
    PALETTE,
    check_some,
    grid_of_axes,
    legend_below,
    on_axes,
)
from fairclust.groups import encode_groups

__all__ = ["fairness_balls", "group_scatter", "side_by_side"]


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
    figure, ax = on_axes(ax, (4.2, 3.6))
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
    figure, ax = on_axes(ax, (4.2, 3.6))
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
    check_some(panels, "panels is empty")
    figure, axes = grid_of_axes(len(panels), columns=len(panels), height=height)
    for draw, ax in zip(panels, axes, strict=True):
        draw(ax=ax)
    legend_below(figure, axes)
    figure.tight_layout()
    return figure
