"""Drawing for the chapter on fair radii: the promise to one point, the rounding step by step, and the paper's figures.

Like all drawing these functions take data, draw once and compute no result. A violation can be infinite (a radius of
zero and no center at its place) or unknown; neither ends up as a number on an axis, see :func:`panels_with_bars`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from numpy.typing import ArrayLike, NDArray

from fairclust.distances import cost_matrix, nearest_centers
from fairclust.figures.style import INK, LINES, MARKERS, PAGE_WIDTH, PALETTE
from fairclust.radii import FairRounding

__all__ = [
    "Picker",
    "factor_strips",
    "filter_sweep",
    "histogram_panels",
    "panels_with_bars",
    "promise_picker",
    "rounding_panels",
    "scatter_panels",
]

#: Kept and broken promises; 3 to 1 at least against a white and a black page. Broken ones are dashed as well.
KEPT, BROKEN = "#009E73", "#D55E00"
#: Width of the map in its own units, and the room around the points.
MAP_WIDTH, MAP_MARGIN = 640.0, 24.0
#: Panels side by side.
COLUMNS = 3
#: Classes of the neighbors and of the chosen method's row.
IN, SHOWN = "fc-in", "fc-shown"
#: Titles of the panels of :func:`rounding_panels`.
STEPS = (
    "1 Filter: disjoint balls, half a center in each",
    "2 Smudge: openings move to the members",
    "3 Smudge again: each is at 1/2 or 1",
    "4 Two colors: the rarer one opens",
)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Picker:
    """A figure in HTML that a notebook shows and the book stores; it needs no kernel and fetches nothing."""

    html: str

    def _repr_html_(self) -> str:
        return self.html

    def __repr__(self) -> str:
        return f"Picker({len(self.html)} characters of HTML)"


_STYLE = """
.fc-picker { margin: 0 auto; max-width: 44rem; text-align: left; }
.fc-picker svg { display: block; height: auto; width: 100%; }
.fc-picker.fc-live svg { cursor: crosshair; }
.fc-picker .fc-people circle { fill: currentColor; opacity: 0.3; }
.fc-picker .fc-people circle.fc-in { opacity: 1; }
.fc-picker .fc-centers path { stroke: currentColor; stroke-width: 2.5; }
.fc-picker :is(.fc-ball, .fc-way) { fill: none; stroke: KEPT; stroke-width: 2.5; }
.fc-picker .fc-you { fill: KEPT; stroke: currentColor; stroke-width: 1.5; }
.fc-picker .fc-broken :is(.fc-ball, .fc-way) { stroke: BROKEN; stroke-dasharray: 8 5; }
.fc-picker .fc-broken .fc-you { fill: BROKEN; }
.fc-picker p { margin: 0.4rem 0; }
.fc-picker input[type=range] { vertical-align: middle; width: 20rem; max-width: 65vw; }
.fc-picker th:first-child { text-align: left; }
.fc-picker tbody tr:not(.fc-shown) th { font-weight: normal; }
.fc-picker td { text-align: right; }
""".replace("KEPT", KEPT).replace("BROKEN", BROKEN)

# Everything that is said or drawn was computed in Python; the script only puts it in its place.
_SCRIPT = """
(() => {
  const root = document.getElementById("ID"), data = DATA;
  const one = (query) => root.querySelector(query), all = (query) => [...root.querySelectorAll(query)];
  const svg = one("svg"), slider = one("input[type=range]"), radios = all("input[type=radio]");
  const people = all(".fc-people circle"), rows = all("tbody tr");
  const set = (query, values) => Object.entries(values).forEach(([k, v]) => one(query).setAttribute(k, v));
  const show = () => {
    const i = Number(slider.value), m = Math.max(0, radios.findIndex((radio) => radio.checked));
    const [x, y] = data.people[i], [u, v] = data.centers[m][data.each[i][m][0]];
    const near = new Set(data.near[i]);
    people.forEach((dot, j) => dot.classList.toggle("fc-in", near.has(j)));
    set(".fc-ball", { cx: x, cy: y, r: data.reach[i] });
    set(".fc-you", { cx: x, cy: y });
    set(".fc-way", { x1: x, y1: y, x2: u, y2: v });
    set(".fc-centers path", { d: data.centers[m].map(([a, b]) => `M${a - 6} ${b - 6}l12 12m0-12l-12 12`).join("") });
    one(".fc-drawn").classList.toggle("fc-broken", !data.each[i][m][3]);
    one(".fc-says").textContent = data.says[i];
    rows.forEach((row, j) => {
      const [, distance, violation, kept] = data.each[i][j];
      const cells = row.querySelectorAll("td");
      [distance, violation, kept ? "kept" : "broken"].forEach((text, c) => { cells[c].textContent = text; });
      row.classList.toggle("fc-shown", j === m);
    });
  };
  svg.addEventListener("click", (event) => {
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    const away = data.people.map(([x, y]) => (x - at.x) ** 2 + (y - at.y) ** 2);
    slider.value = away.indexOf(Math.min(...away));
    show();
  });
  [slider, ...radios].forEach((input) => input.addEventListener("input", show));
  all("[hidden]").forEach((element) => { element.hidden = false; });
  root.classList.add("fc-live");
  show();
})();
"""


def promise_picker(X: ArrayLike, radii: ArrayLike, solutions: Mapping[str, ArrayLike], *, person: int = 0) -> Picker:
    """A map on which one picks a point and sees its fair ball, its neighbours and its center under each method.

    Without a script the point ``person`` and the first method are shown. With one, a click on the map, a slider and
    the methods' names choose; both inputs are reached and moved with the keyboard. Ink is the page's own color.

    Parameters
    ----------
    X : array of shape (n, 2)
        Points in the plane.
    radii : array of n numbers >= 0
        Fair radii in the units of X.
    solutions : mapping of str to array of shape (s, 2)
        Centers of each method, at least one method.
    person : int, default=0
        The row that is shown first.

    Returns
    -------
    Picker
        Less than 1 kB of HTML for each point and method.

    Raises
    ------
    ValueError
        If there is no method, the points are not in the plane, or ``person`` is no row of X.
    """
    points, reach = np.asarray(X, dtype=np.float64), np.asarray(radii, dtype=np.float64)
    if not solutions:
        raise ValueError("there is nothing to draw: solutions is empty")
    if points.ndim != 2 or points.shape[1] != 2:
        raise ValueError(f"X must have 2 columns to be a map, got an array of shape {points.shape}")
    if not 0 <= person < len(points):
        raise ValueError(f"person must be a row of X, 0 to {len(points) - 1}, got {person}")
    centers = {method: np.asarray(spots, dtype=np.float64) for method, spots in solutions.items()}
    place, scale, height = _map(np.vstack([points, *centers.values()]))
    # The library's distances, bit for bit: who is on the rim of a ball counts here as there.
    near = [np.flatnonzero(row).tolist() for row in cost_matrix(points, points, power=1) <= reach[:, None]]
    found = [nearest_centers(points, spots) for spots in centers.values()]
    data = {
        "people": place(points),
        "reach": np.round(reach * scale, 1).tolist(),
        "near": near,
        "centers": [place(spots) for spots in centers.values()],
        "each": [[_service(*nearest, reach, i) for nearest in found] for i in range(len(points))],
        "says": [
            f"Person {i}: the ball of radius {radius:.2f} holds {len(near[i]) - 1} others."
            for i, radius in enumerate(reach)
        ],
    }
    text = json.dumps(data, separators=(",", ":"))
    key = "fc-picker-" + hashlib.sha256((text + "".join(centers)).encode()).hexdigest()[:10]
    script = _SCRIPT.replace("ID", key).replace("DATA", text.replace("</", "<\\/"))
    return Picker(
        f'<div class="fc-picker" id="{key}">\n<style>{_STYLE}</style>\n'
        + _map_html(data, list(centers), key, person, height)
        + f"\n<script>{script}</script>\n</div>"
    )


def _map(spots: Floats) -> tuple[Callable[[Floats], list[list[float]]], float, float]:
    """How points become positions on the map (y upwards), its scale and its height."""
    low, high = spots.min(axis=0), spots.max(axis=0)
    width, tall = np.maximum(high - low, 1e-12)
    scale = (MAP_WIDTH - 2.0 * MAP_MARGIN) / max(width, tall)
    left = (MAP_WIDTH - scale * width) / 2.0

    def place(some: Floats) -> list[list[float]]:
        x = left + scale * (some[:, 0] - low[0])
        y = MAP_MARGIN + scale * (high[1] - some[:, 1])
        return np.round(np.column_stack([x, y]), 1).tolist()

    return place, scale, round(2.0 * MAP_MARGIN + scale * tall, 1)


def _service(labels: NDArray[np.intp], distances: Floats, radii: Floats, row: int) -> list[Any]:
    """What a method offers one point: its center's number, distance and violation as text, and whether it is kept."""
    distance, radius = float(distances[row]), float(radii[row])
    # 0/0 is no violation, and there is none to speak of.
    beyond = "none" if distance == 0.0 else "infinite"
    violation = f"{distance / radius:.3f}" if radius > 0.0 else beyond
    return [int(labels[row]), f"{distance:.2f}", violation, int(distance <= radius)]


def _map_html(data: dict[str, Any], methods: Sequence[str], key: str, person: int, height: float) -> str:
    """The map, the sentence, the slider and the table as they are before any script runs."""
    x, y = data["people"][person]
    center, *_, kept = data["each"][person][0]
    u, v = data["centers"][0][center]
    near = set(data["near"][person])
    dots = "".join(
        f'<circle class="{IN * (i in near)}" cx="{a}" cy="{b}" r="4"/>' for i, (a, b) in enumerate(data["people"])
    )
    crosses = "".join(f"M{a - 6:g} {b - 6:g}l12 12m0-12l-12 12" for a, b in data["centers"][0])
    rows = "".join(
        f'<tr class="{SHOWN * (m == 0)}"><th scope="row"><label><input type="radio" name="{key}"'
        f"{' checked' if m == 0 else ''} hidden> {escape(method)}</label></th>"
        + "".join(f"<td>{text}</td>" for text in (distance, violation, "kept" if ok else "broken"))
        + "</tr>"
        for m, (method, (_, distance, violation, ok)) in enumerate(zip(methods, data["each"][person], strict=True))
    )
    return (
        f'<svg viewBox="0 0 {MAP_WIDTH:g} {height:g}" role="img" aria-label="Map of {len(data["people"])} points, the '
        'fair ball of one of them and the centers of one method; the text and the table below say the same.">'
        f'<g class="fc-people">{dots}</g><g class="fc-drawn{"" if kept else " fc-broken"}">'
        f'<circle class="fc-ball" cx="{x}" cy="{y}" r="{data["reach"][person]}"/>'
        f'<line class="fc-way" x1="{x}" y1="{y}" x2="{u}" y2="{v}"/>'
        f'<circle class="fc-you" cx="{x}" cy="{y}" r="6"/></g>'
        f'<g class="fc-centers"><path d="{crosses}"/></g></svg>\n'
        f'<p class="fc-says" aria-live="polite">{escape(data["says"][person])}</p>\n'
        f'<p hidden><label>Person <input type="range" min="0" max="{len(data["people"]) - 1}" '
        f'value="{person}"></label></p>\n'
        '<table><thead><tr><th scope="col">method</th><th scope="col">distance to its center</th>'
        f'<th scope="col">violation</th><th scope="col">promise</th></tr></thead><tbody>{rows}</tbody></table>'
    )


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
    figure, axes = _panels(4, columns=2, height=0.35 + min(aspect, 1.0) * PAGE_WIDTH / 2)
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
    _legend_below(figure, [axes[3]])
    return figure


def filter_sweep(sweep: pd.DataFrame, names: Mapping[str, str], *, found: float, limit: float) -> Figure:
    """What the filter of Fair-Round leaves at each rho, a panel per column of ``names``; dotted where it was stopped.

    ``limit`` is k, drawn in the panel of ``n_centers`` if there is one.
    """
    _check_some(sweep, "the sweep has no row")
    figure, axes = _panels(len(names), columns=len(names), height=2.4)
    for ax, (column, name) in zip(axes, names.items(), strict=True):
        ax.plot(sweep["rho"], sweep[column], color=PALETTE[0], drawstyle="steps-mid")
        ax.axvline(found, color=PALETTE[5], linestyle=":", label="the rho that the search finds")
        if column == "n_centers":
            ax.axhline(limit, color=INK, linestyle="--", linewidth=1.0, label="k")
        ax.set_xlabel("rho")
        ax.set_title(name)
        ax.set_ylim(bottom=0)
    figure.tight_layout()
    _legend_below(figure, axes)
    return figure


def histogram_panels(panels: Mapping[str, pd.DataFrame], names: Mapping[str, str]) -> Figure:
    """Points per level of violation, an outline per method, a panel per table; dotted where the promise ends."""

    def draw(ax: Axes, rows: pd.DataFrame, position: int, name: str) -> None:
        rows = rows.sort_values("bin_left")
        if rows["bin_left"].duplicated().any():
            raise ValueError(f"there are several rows per bin of {name}; choose one data set and one k")
        edges = [*rows["bin_left"], rows["bin_right"].iloc[-1]]
        color, line = PALETTE[position % len(PALETTE)], LINES[position % len(LINES)]
        ax.stairs(rows["mean_count"], edges, color=color, linestyle=line, linewidth=1.6, label=name)

    figure, axes = _by_method(panels, names, draw, 2.3, "violation (last bar: all beyond)", "points")
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
            _logarithmic(ax)
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
        _logarithmic(ax)
    return figure


def factor_strips(
    results: pd.DataFrame,
    panels: Mapping[str, str],
    bounds: Mapping[str, Mapping[str, float]],
    *,
    by: str = "family",
) -> Figure:
    """Each finite value as a dot, by ``by`` side by side, a panel per column of ``panels``, its bounds as lines."""
    _check_some(results, "the results have no row")
    figure, axes = _panels(len(panels), columns=len(panels), height=2.8)
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
    _legend_below(figure, axes)
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
    _check_some(panels, "panels is empty")
    some = any(table["method"].isin(list(names)).any() for table in panels.values())
    _check_some([0] * some, f"no table has a row of {', '.join(names)} to show")
    figure, axes = _panels(len(panels), columns=min(COLUMNS, len(panels)), height=height)
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
    _legend_below(figure, axes)
    return figure, axes


def _panels(count: int, *, columns: int, height: float) -> tuple[Figure, list[Axes]]:
    """A figure as wide as a page, with ``count`` axes in rows of ``columns``, each row ``height`` inches high."""
    rows = -(-count // columns)
    figure = Figure(figsize=(PAGE_WIDTH, height * rows))
    axes = list(figure.subplots(rows, columns, squeeze=False).ravel())
    for unused in axes[count:]:
        unused.remove()
    return figure, axes[:count]


def _legend_below(figure: Figure, axes: Sequence[Axes]) -> None:
    """One legend for all axes, in the order in which its entries first appear."""
    entries: dict[str, Any] = {}
    for ax in axes:
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, handle)
    if entries:
        figure.legend(
            entries.values(), entries.keys(), loc="upper center", ncols=min(len(entries), 6), bbox_to_anchor=(0.5, 0.0)
        )


def _logarithmic(ax: Axes) -> None:
    """A logarithmic height with short plain numbers, also over less than a decade."""
    ax.set_yscale("log")
    ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    ax.yaxis.set_major_formatter(FuncFormatter(_short))
    ax.yaxis.set_minor_formatter(NullFormatter())


def _short(value: float, _: object) -> str:
    return f"{value / 1e6:g}M" if value >= 1e6 else f"{value / 1e3:g}k" if value >= 1e4 else f"{value:g}"


def _arrow(ax: Axes, start: Floats, end: Floats, color: str, width: float) -> None:
    arrow: dict[str, Any] = {"arrowstyle": "->", "connectionstyle": "arc3,rad=0.25"}
    arrow |= {"color": color, "linewidth": width, "shrinkA": 5.0, "shrinkB": 5.0}
    ax.annotate("", tuple(end), xytext=tuple(start), arrowprops=arrow, zorder=4)


def _check_some(rows: Any, otherwise: str) -> None:
    if not len(rows):
        raise ValueError(f"there is nothing to draw: {otherwise}")
