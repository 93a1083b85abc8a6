"""Drawing for the chapter on antidote data: a pile of points to push around, gains beside claims, budget curves.

Like all drawing these functions take data, draw once and compute no result.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from fairclust.figures.offline import OfflineFigure, offline_figure
from fairclust.figures.results import method_panels
from fairclust.figures.style import INK, LINES, MARKERS, PAGE_WIDTH, PALETTE, check_some, grid_of_axes, legend_below
from fairclust.groups import encode_groups

__all__ = ["budget_panels", "gains_beside_claims", "index_bars", "pile_map"]

Floats = NDArray[np.float64]

#: Width of the map in its own units, and the room around it.
MAP_WIDTH, MAP_MARGIN = 640.0, 44.0
#: Shapes of the groups, a path around (0, 0); a seventh group looks like the first.
SHAPES = (
    "M5 0A5 5 0 1 1-5 0A5 5 0 1 1 5 0",
    "M0-6L6 5H-6Z",
    "M-5-5H5V5H-5Z",
    "M0-7L6 0L0 7L-6 0Z",
    "M0 6L6-5H-6Z",
    "M-6-3H6V3H-6Z",
)
STAR = "M0-11L3.2-3.4L11-3.4L4.7 1.6L7 9.6L0 4.8L-7 9.6L-4.7 1.6L-11-3.4L-3.2-3.4Z"
#: Paint of the groups, 3 to 1 at least against a white and a black page.
PAINTS = ("#0080C9", "#C98000", "#009E73", "#CC79A7", "#D55E00", "#808080")


_STYLE = """
.fc-pile { margin: 0 auto; max-width: 44rem; text-align: left; }
.fc-pile svg { display: block; height: auto; width: 100%; }
.fc-pile.fc-live svg { cursor: crosshair; }
.fc-pile :is(.fc-now, .fc-then) path { fill: none; stroke: currentColor; stroke-width: 3; }
.fc-pile .fc-then { opacity: 0.45; }
.fc-pile line { stroke: currentColor; stroke-width: 1.5; }
.fc-pile .fc-then line { stroke-dasharray: 7 5; }
.fc-pile .fc-stars path { fill: #D55E00; stroke: currentColor; stroke-width: 1; }
.fc-pile .fc-stars text { fill: currentColor; font: bold 16px sans-serif; }
.fc-pile p { margin: 0.4rem 0; }
.fc-pile p label { display: inline-block; margin-right: 1.5rem; }
.fc-pile input[type=range] { vertical-align: middle; width: 9rem; }
.fc-pile th:first-child { text-align: left; }
.fc-pile td { text-align: right; }
"""

# Everything that is said or drawn was computed in Python; the script only puts it in its place. A border between two
# centers is their bisector, drawn far beyond the map's edges.
_SCRIPT = """
(() => {
  const root = document.getElementById("ID"), data = DATA;
  const one = (query) => root.querySelector(query), all = (query) => [...root.querySelectorAll(query)];
  const svg = one("svg"), [count, across, up] = all("input[type=range]"), cells = all("tbody td:last-child");
  const set = (query, values) => Object.entries(values).forEach(([k, v]) => one(query).setAttribute(k, v));
  const show = () => {
    const m = Number(count.value), i = Number(across.value), j = Number(up.value);
    const [a, b, c, d, ...costs] = m ? data.steps[m - 1][j][i] : data.none;
    set(".fc-now path", { d: `M${a - 7} ${b - 7}l14 14m0-14l-14 14M${c - 7} ${d - 7}l14 14m0-14l-14 14` });
    const x = (a + c) / 2, y = (b + d) / 2, u = d - b, v = a - c, s = 2000 / (Math.hypot(u, v) || 1);
    set(".fc-now line", { x1: x - s * u, y1: y - s * v, x2: x + s * u, y2: y + s * v });
    set(".fc-stars", { transform: `translate(${data.across[i]} ${data.up[j]})`, opacity: m ? 1 : 0 });
    one(".fc-stars text").textContent = "×" + m;
    costs.forEach((cost, h) => { cells[h].textContent = cost.toFixed(2); });
    const worst = Math.max(...costs);
    cells[costs.length].textContent = worst.toFixed(2);
    one(".fc-says").textContent = `${m} antidote points: social cost ${worst.toFixed(2)}.`;
  };
  svg.addEventListener("click", (event) => {
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    const near = (places, x) => places.map((p) => Math.abs(p - x)).reduce((b, v, i, l) => (v < l[b] ? i : b), 0);
    across.value = near(data.across, at.x);
    up.value = near(data.up, at.y);
    show();
  });
  [count, across, up].forEach((input) => input.addEventListener("input", show));
  all("[hidden]").forEach((element) => { element.hidden = false; });
  root.classList.add("fc-live");
  show();
})();
"""


def pile_map(
    X: ArrayLike,
    sensitive_features: Any,
    across: ArrayLike,
    up: ArrayLike,
    centers: ArrayLike,
    costs: ArrayLike,
    *,
    shown: tuple[int, int, int] = (0, 0, 0),
) -> OfflineFigure:
    """A map of people and a pile of antidote points to push around: centers, border and each group's cost follow.

    Without a script the position ``shown`` is there to see. With one, a click on the map and three sliders (number of
    points, across, up) choose; the sliders are reached and moved with the keyboard. Ink is the page's own color.

    Parameters
    ----------
    X : array of shape (n, 2)
        People.
    sensitive_features : array of n labels
        Their groups.
    across, up : arrays of a and b numbers
        Where the pile may lie.
    centers : array of shape (m + 1, b, a, 2, 2)
        The two centers with 0 to m antidote points at each place; with 0 points the first place counts.
    costs : array of shape (m + 1, b, a, number of groups)
        The cost of each group there, groups in the order of :func:`fairclust.groups.encode_groups`.
    shown : (points, place across, place up), default=(0, 0, 0)
        What is shown first.

    Returns
    -------
    OfflineFigure

    Raises
    ------
    ValueError
        If the points are not in the plane, the shapes do not fit each other, or ``shown`` is no such position.
    """
    points = np.asarray(X, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 2:
        raise ValueError(f"X must have 2 columns to be a map, got an array of shape {points.shape}")
    groups = encode_groups(sensitive_features, len(points))
    columns, rows = np.asarray(across, dtype=np.float64), np.asarray(up, dtype=np.float64)
    middles, values = np.asarray(centers, dtype=np.float64), np.asarray(costs, dtype=np.float64)
    sizes = (len(middles), len(rows), len(columns))
    for name, array, shape in (
        ("centers", middles, (*sizes, 2, 2)),
        ("costs", values, (*sizes, len(groups.labels))),
    ):
        if array.shape != shape:
            raise ValueError(f"{name} must have the shape {shape}, got {array.shape}")
    if not (0 <= shown[0] < sizes[0] and 0 <= shown[1] < sizes[2] and 0 <= shown[2] < sizes[1]):
        raise ValueError(f"shown must be a position below {(sizes[0], sizes[2], sizes[1])}, got {shown}")
    low = np.minimum(points.min(axis=0), [columns.min(), rows.min()])
    high = np.maximum(points.max(axis=0), [columns.max(), rows.max()])
    scale = (MAP_WIDTH - 2.0 * MAP_MARGIN) / max(float(high[0] - low[0]), 1e-12)
    height = round(2.0 * MAP_MARGIN + scale * float(high[1] - low[1]), 1)

    def place(spots: Floats) -> Floats:
        return np.round(MAP_MARGIN + scale * np.stack([spots[..., 0] - low[0], high[1] - spots[..., 1]], axis=-1), 1)

    steps = np.concatenate([place(middles).reshape(*sizes, 4), np.round(values, 2)], axis=-1)
    data = {
        "across": place(np.column_stack([columns, np.full(len(columns), low[1])]))[:, 0].tolist(),
        "up": place(np.column_stack([np.full(len(rows), low[0]), rows]))[:, 1].tolist(),
        "none": steps[0, 0, 0].tolist(),
        "steps": steps[1:].tolist(),
    }
    looks = [(SHAPES[c % len(SHAPES)], PAINTS[c % len(PAINTS)]) for c in range(len(groups.labels))]
    people = "".join(
        f'<path transform="translate({x:g} {y:g})" d="{looks[code][0]}" fill="{looks[code][1]}"/>'
        for (x, y), code in zip(place(points).tolist(), groups.codes.tolist(), strict=True)
    )
    m, i, j = shown
    now = steps[m, j, i] if m else steps[0, 0, 0]
    names = [str(label) for label in groups.labels]
    signs = [f'<svg viewBox="-8 -8 16 16" style="{_SIGN}"><path d="{d}" fill="{fill}"/></svg> ' for d, fill in looks]
    before = [*steps[0, 0, 0, 4:].tolist(), max(steps[0, 0, 0, 4:].tolist())]
    after = [*now[4:].tolist(), max(now[4:].tolist())]
    lines = "".join(
        f'<tr><th scope="row">{sign}{escape(name)}</th><td>{was:.2f}</td><td>{becomes:.2f}</td></tr>'
        for sign, name, was, becomes in zip(
            [*signs, ""], [*names, "worst, the social cost"], before, after, strict=True
        )
    )
    sliders = "".join(
        f'<label>{label} <input type="range" min="0" max="{most}" value="{value}"></label>'
        for label, most, value in (
            ("antidote points", sizes[0] - 1, m),
            ("across", sizes[2] - 1, i),
            ("up", sizes[1] - 1, j),
        )
    )
    drawn = (
        f'<svg viewBox="0 0 {MAP_WIDTH:g} {height:g}" role="img" aria-label="Map of {len(points)} people, a pile of '
        'antidote points, two centers and the border between their clusters; the table below gives the costs.">'
        f"<g>{people}</g>{_centers_svg(steps[0, 0, 0], 'fc-then')}{_centers_svg(now, 'fc-now')}"
        f'<g class="fc-stars" transform="translate({data["across"][i]:g} {data["up"][j]:g})" opacity="{int(m > 0)}">'
        f'<path d="{STAR}"/><text x="13" y="5">×{m}</text></g></svg>\n'
        f'<p class="fc-says" aria-live="polite">{m} antidote points: social cost {after[-1]:.2f}.</p>\n'
        f"<p hidden>{sliders}</p>\n"
        '<table><thead><tr><th scope="col">mean squared distance</th><th scope="col">vanilla</th>'
        f'<th scope="col">with antidote</th></tr></thead><tbody>{lines}</tbody></table>'
    )
    words = people + "".join(names)
    return offline_figure("fc-pile", data, lambda key: drawn, style=_STYLE, script=_SCRIPT, words=words)


_SIGN = "display: inline-block; height: 0.8em; width: 0.8em"


def _centers_svg(step: Floats, kind: str) -> str:
    """Two crosses and the border between them, as they are before any script runs."""
    a, b, c, d = step[:4].tolist()
    along = np.array([d - b, a - c])
    along = 2000.0 * along / max(float(np.hypot(*along)), 1e-9)
    middle = np.array([(a + c) / 2, (b + d) / 2])
    (x1, y1), (x2, y2) = np.round([middle - along, middle + along], 1).tolist()
    crosses = "".join(f"M{x - 7:g} {y - 7:g}l14 14m0-14l-14 14" for x, y in ((a, b), (c, d)))
    return f'<g class="{kind}"><line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"/><path d="{crosses}"/></g>'


def gains_beside_claims(
    gains: pd.DataFrame, claims: Mapping[str, float], bands: Mapping[str, float], names: Mapping[str, str]
) -> Figure:
    """Every run's gain as a multiple of what the paper claims for its row; gray, the range of restarts alone.

    ``gains`` has the columns ``row``, ``method`` and ``gain``; the axis is linear up to a tenth and logarithmic beyond.
    """
    rows = [row for row in claims if (gains["row"] == row).any()]
    check_some(rows, "no row of the gains has a claim")
    figure = Figure(figsize=(PAGE_WIDTH, 0.9 + 0.45 * len(rows)))
    ax = figure.subplots()
    step = 0.6 / max(len(names) - 1, 1)
    for line, row in enumerate(rows):
        ax.barh(line, bands.get(row, 0.0) / claims[row], height=0.86, color="#DDDDDD", zorder=0)
        for position, (method, name) in enumerate(names.items()):
            found = gains[(gains["row"] == row) & (gains["method"] == method)]["gain"] / claims[row]
            ax.scatter(
                found,
                np.full(len(found), line - 0.3 + step * position),
                s=16,
                marker=MARKERS[position % len(MARKERS)],
                color=PALETTE[position % len(PALETTE)],
                alpha=0.85,
                linewidth=0,
                label=name if line == 0 else None,
                zorder=2,
            )
    ax.axvline(1.0, color=INK, linewidth=1.1, linestyle="--", label="the paper's gain", zorder=1)
    ax.set_xscale("symlog", linthresh=0.1)
    ax.set_xlim(left=-0.01)
    ticks = [0.0, 0.1, 1.0, 10.0, 100.0]
    ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.set_xlim(right=max(2.0, ax.get_xlim()[1]) if ax.get_xlim()[1] < 100 else None)
    ax.set_yticks(range(len(rows)), [row.replace("_", " ") for row in rows])
    ax.invert_yaxis()
    ax.set_xlabel("gain / claimed gain")
    ax.legend(loc="upper center", bbox_to_anchor=(0.45, -0.14), ncols=len(names) + 1)
    figure.tight_layout()
    return figure


def budget_panels(
    panels: Mapping[str, pd.DataFrame],
    names: Mapping[str, str],
    levels: Mapping[str, Mapping[str, float]],
    *,
    x: str,
    y: str,
    xlabel: str,
    ylabel: str,
) -> Figure:
    """:func:`~fairclust.figures.method_panels` with x logarithmic, and horizontal lines: ``levels[name][panel]``."""
    figure = method_panels(panels, names, x=x, y=y, xlabel=xlabel, ylabel=ylabel, logarithmic="x")
    lines: dict[str, Any] = {}
    for title, ax in zip(panels, figure.axes, strict=True):
        for position, (name, heights) in enumerate(levels.items()):
            lines[name] = ax.axhline(
                heights[title],
                color=(INK, PALETTE[5], PALETTE[3])[position % 3],
                linestyle=LINES[1 + position % (len(LINES) - 1)],
                linewidth=1.2,
            )
        ax.ticklabel_format(axis="y", useOffset=False)
    figure.legend(lines.values(), lines.keys(), loc="lower center", ncols=len(lines), bbox_to_anchor=(0.5, 1.0))
    return figure


def index_bars(
    results: pd.DataFrame,
    columns: Mapping[str, str],
    names: Mapping[str, str],
    titles: Mapping[str, str] | None = None,
) -> Figure:
    """Indices of clusterings in panels, one per notion and column of ``columns``; a bar for each method of ``names``.

    ``results`` has rows for each ``dataset``, ``notion`` and ``method``; a bar is their mean, and a line through its
    end goes from the least to the largest where there are several. ``titles`` names the notions.
    """
    shown = results[results["method"].isin(list(names))]
    check_some(shown, f"the results have no row of {', '.join(names)}")
    notions, datasets = list(shown["notion"].unique()), list(shown["dataset"].unique())
    figure, axes = grid_of_axes(len(notions) * len(columns), columns=len(notions), height=2.1)
    width = 0.8 / len(names)
    for ax, (column, title, notion) in zip(
        axes, ((column, title, notion) for column, title in columns.items() for notion in notions), strict=True
    ):
        for position, (method, name) in enumerate(names.items()):
            chosen = shown[(shown["notion"] == notion) & (shown["method"] == method)].groupby("dataset")[column]
            mean, low, high = (chosen.agg(how).reindex(datasets) for how in ("mean", "min", "max"))
            places = np.arange(len(datasets)) + width * (position - 0.5 * (len(names) - 1))
            ax.bar(
                places,
                mean,
                width,
                color=PALETTE[position % len(PALETTE)],
                hatch=("", "//", "..", "xx")[position % 4],
                edgecolor="white",
                linewidth=0,
                label=name,
            )
            ax.vlines(places, low, high, color=INK, linewidth=0.8)
        ax.set_xticks(range(len(datasets)), [name.replace("_", "\n") for name in datasets])
        ax.set_title((titles or {}).get(notion, notion.replace("_", " ")))
        ax.set_ylabel(title)
    legend_below(figure, axes)
    figure.tight_layout()
    return figure
