"""Sweeps as tables of small pictures: what is drawn where, which bands, and what cannot be drawn."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from fairclust.figures.style import LINES, PALETTE
from fairclust.figures.welfare import sweep

NAMES = {"ours": "Ours", "theirs": "Theirs"}


def rows(scale: float = 1.0, methods: tuple[str, ...] = ("ours", "theirs", "another")) -> pd.DataFrame:
    """Three seeds of every method at four k."""
    return pd.DataFrame(
        [
            {"method": method, "k": k, "seed": seed, "value": scale * (position + 1) * k * (1 + 0.1 * seed)}
            for position, method in enumerate(methods)
            for k in (4, 8, 12, 15)
            for seed in range(3)
        ]
    )


PANELS = {(row, column): rows() for row in ("Adult", "Credit card") for column in ("λ = 0.1", "λ = 0.5", "λ = 0.9")}


def draw(panels: Any = PANELS, names: Any = NAMES, **options: Any) -> Figure:
    return sweep(panels, names, **({"x": "k", "y": "value", "xlabel": "clusters", "ylabel": "objective"} | options))


def test_rows_and_columns_stand_where_their_names_say() -> None:
    figure = draw()
    assert [ax.get_title() for ax in figure.axes] == ["λ = 0.1", "λ = 0.5", "λ = 0.9", "", "", ""]
    assert [ax.get_ylabel() for ax in figure.axes] == ["Adult", "", "", "Credit card", "", ""]
    assert figure.get_supxlabel() == "clusters"
    assert figure.get_supylabel() == "objective"


def test_lines_are_means_and_bands_run_from_least_to_most() -> None:
    ax = draw().axes[4]
    ours, theirs = ax.lines
    for drawn, scale in ((ours, 1.1), (theirs, 2.2)):
        assert np.asarray(drawn.get_xydata()) == pytest.approx(np.array([(k, scale * k) for k in (4, 8, 12, 15)]))
    bands = [item for item in ax.collections if isinstance(item, PolyCollection)]
    assert len(bands) == 2
    corners = np.asarray(bands[0].get_paths()[0].vertices)
    at_four = corners[corners[:, 0] == 4, 1]
    assert (at_four.min(), at_four.max()) == (4.0, pytest.approx(4.8))


def test_a_method_looks_the_same_everywhere_and_one_legend_serves_all() -> None:
    panels = dict(PANELS) | {("Adult", "λ = 0.1"): rows(methods=("theirs",))}
    figure = draw(panels)
    (alone,) = figure.axes[0].lines
    for ax in figure.axes[1:]:
        assert ax.lines[1].get_color() == alone.get_color() == PALETTE[1]
        assert ax.lines[1].get_linestyle() == LINES[1]
    (legend,) = figure.legends
    assert {text.get_text() for text in legend.get_texts()} == {"Ours", "Theirs"}


def test_a_place_without_results_stays_empty() -> None:
    panels = {key: value for key, value in PANELS.items() if key != ("Credit card", "λ = 0.9")}
    figure = draw(panels)
    assert len(figure.axes) == 5
    # Numbers stand below the lowest picture of each column.
    shown = [any(tick.label1.get_visible() for tick in ax.xaxis.get_major_ticks()) for ax in figure.axes]
    assert shown == [False, False, True, True, True]


def test_lines_of_another_column_and_a_level() -> None:
    figure = draw({("a", "b"): rows()}, {4: "k = 4", 12: "k = 12"}, line="k", x="seed", level=1.0)
    (ax,) = figure.axes
    assert len(ax.lines) == 3
    assert np.asarray(ax.lines[-1].get_ydata()).tolist() == [1.0, 1.0]
    assert len(figure.legends[0].get_texts()) == 2


@pytest.mark.parametrize(
    ("which", "scales"), [("", ("linear", "linear")), ("y", ("linear", "log")), ("xy", ("log",) * 2)]
)
def test_logarithmic_axes(which: str, scales: tuple[str, str]) -> None:
    ax = draw(logarithmic=which).axes[0]
    assert (ax.get_xscale(), ax.get_yscale()) == scales


@pytest.mark.parametrize("spread", [1.0, 0.01, 1e-6])
def test_every_axis_has_at_least_two_numbers(spread: float) -> None:
    """Also a logarithmic one of a factor of 1.01, which has no 1, 2 or 5 in it."""
    flat = rows().assign(value=lambda r: 0.63 * (1 + spread * r["k"]))
    figure = draw({("a", "b"): flat}, logarithmic="y")
    figure.draw_without_rendering()
    (ax,) = figure.axes
    low, high = ax.get_ylim()
    ticks = [tick for tick in ax.get_yticks() if low <= tick <= high]
    assert len(ticks) >= 2


def test_the_same_bytes_every_time() -> None:
    def drawn() -> bytes:
        buffer = io.BytesIO()
        draw().savefig(buffer, format="png")
        return buffer.getvalue()

    assert drawn() == drawn()


def test_nothing_to_draw() -> None:
    with pytest.raises(ValueError, match="panels is empty"):
        draw({})
    with pytest.raises(ValueError, match=r"Adult, λ = 0\.1 has no row of nobody"):
        draw(names={"nobody": "Nobody"})
