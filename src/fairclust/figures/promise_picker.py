"""The promise to one person: a map on which readers pick a point and see its fair ball and its center.

A violation can be infinite (a radius of zero and no center at its place); it is said, and never becomes a number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fairclust.distances import cost_matrix, nearest_centers
from fairclust.figures.offline import OfflineFigure, offline_figure

__all__ = ["promise_picker"]

#: Kept and broken promises; 3 to 1 at least against a white and a black page. Broken ones are dashed as well.
KEPT, BROKEN = "#009E73", "#D55E00"
#: Width of the map in its own units, and the room around the points.
MAP_WIDTH, MAP_MARGIN = 640.0, 24.0
#: Classes of the neighbors and of the chosen method's row.
IN, SHOWN = "fc-in", "fc-shown"

Floats = NDArray[np.float64]

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


def promise_picker(
    X: ArrayLike, radii: ArrayLike, solutions: Mapping[str, ArrayLike], *, person: int = 0
) -> OfflineFigure:
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
    OfflineFigure
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
    data: dict[str, Any] = {
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
    return offline_figure(
        "fc-picker",
        data,
        lambda key: _map_html(data, list(centers), key, person, height),
        style=_STYLE,
        script=_SCRIPT,
        words="".join(centers),
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
