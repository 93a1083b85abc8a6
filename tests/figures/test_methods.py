"""The figures that put methods side by side, and measured points below proven bounds."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure

from fairclust import figures

CURVES = pd.DataFrame(
    [
        {"k": k, "method": method, "seed": seed, "value": 1.0 / k + 0.01 * seed}
        for k in (4, 5, 6)
        for method in ("vanilla", "weighted")
        for seed in (0, 1)
    ]
)
PANELS = {"one": CURVES, "two": CURVES[CURVES["method"] == "weighted"]}
PANEL_NAMES = {"vanilla": "k-means", "weighted": "weighted", "not there": "nothing"}

RATIOS = pd.DataFrame({"alpha": [1.0, 2.0, 4.0], "ratio": [1.0, 1.5, 1.2], "kind": ["line", "cloud", "line"]})
BOUNDS = {"alpha + 2": (np.array([1.0, 4.0]), np.array([3.0, 6.0]))}


def panels() -> Figure:
    return figures.method_panels(PANELS, PANEL_NAMES, x="k", y="value", xlabel="k", ylabel="disutility")


def points() -> Figure:
    return figures.points_below_bounds(RATIOS, BOUNDS, x="alpha", y="ratio", by="kind", xlabel="alpha", ylabel="ratio")


def legend_of(figure: Figure) -> list[str]:
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def scatters(figure: Figure) -> list[PathCollection]:
    return [item for item in figure.axes[0].collections if isinstance(item, PathCollection)]


@pytest.mark.parametrize("draw", [panels, points])
def test_the_same_bytes_every_time_and_the_data_as_it_was(
    draw: Callable[[], Figure], svg: Callable[[Figure], bytes]
) -> None:
    before = CURVES.copy(), RATIOS.copy()
    assert svg(draw()) == svg(draw())
    assert plt.get_fignums() == []
    pd.testing.assert_frame_equal(CURVES, before[0])
    pd.testing.assert_frame_equal(RATIOS, before[1])


class TestMethodPanels:
    def test_a_panel_per_table_and_a_line_per_method_that_has_rows(self) -> None:
        figure = panels()
        assert [ax.get_title() for ax in figure.axes] == ["one", "two"]
        assert [len(ax.lines) for ax in figure.axes] == [2, 1]
        assert legend_of(figure) == ["k-means", "weighted"]
        assert figure.axes[0].get_ylabel() == "disutility"
        assert figure.axes[1].get_ylabel() == ""

    def test_a_method_looks_the_same_in_every_panel(self) -> None:
        first, second = panels().axes
        mine, yours = first.lines[1], second.lines[0]
        assert mine.get_label() == yours.get_label() == "weighted"
        assert mine.get_color() == yours.get_color() != first.lines[0].get_color()
        assert mine.get_linestyle() == yours.get_linestyle() != first.lines[0].get_linestyle()

    def test_mean_and_band(self) -> None:
        ax = panels().axes[0]
        np.testing.assert_allclose(ax.lines[0].get_xdata(), [4, 5, 6])
        np.testing.assert_allclose(ax.lines[0].get_ydata(), 1 / np.array([4, 5, 6]) + 0.005)
        band = ax.collections[0].get_paths()[0].get_extents()
        np.testing.assert_allclose([band.y0, band.y1], [1 / 6, 1 / 4 + 0.01])

    def test_rows_of_panels_and_logarithmic_axes(self) -> None:
        figure = figures.method_panels(
            {**PANELS, "three": PANELS["one"]},
            PANEL_NAMES,
            x="k",
            y="value",
            xlabel="k",
            ylabel="value",
            logarithmic="xy",
        )
        assert [ax.get_ylabel() for ax in figure.axes] == ["value", "", "value"]
        assert all(ax.get_xscale() == ax.get_yscale() == "log" for ax in figure.axes)

    def test_nothing_to_draw(self) -> None:
        arguments = {"x": "k", "y": "value", "xlabel": "", "ylabel": ""}
        with pytest.raises(ValueError, match="panels is empty"):
            figures.method_panels({}, PANEL_NAMES, **arguments)
        with pytest.raises(ValueError, match="two has no row of vanilla"):
            figures.method_panels(PANELS, {"vanilla": "k-means"}, **arguments)


class TestPointsBelowBounds:
    def test_points_by_kind_and_bounds_as_lines(self) -> None:
        figure = points()
        ax = figure.axes[0]
        np.testing.assert_allclose(scatters(figure)[0].get_offsets(), [[1.0, 1.0], [4.0, 1.2]])
        np.testing.assert_allclose(scatters(figure)[1].get_offsets(), [[2.0, 1.5]])
        first, second = scatters(figure)
        assert len(first.get_paths()[0].vertices) != len(second.get_paths()[0].vertices)
        np.testing.assert_allclose(ax.lines[0].get_ydata(), [3.0, 6.0])
        assert [text.get_text() for text in ax.get_legend().get_texts()] == ["line", "cloud", "alpha + 2"]
        assert ax.get_xscale() == ax.get_yscale() == "log"

    def test_in_company_the_legend_is_left_to_others(self) -> None:
        draw = partial(
            figures.points_below_bounds, RATIOS, BOUNDS, x="alpha", y="ratio", by="kind", xlabel="", ylabel=""
        )
        figure = figures.side_by_side([draw, draw])
        assert all(ax.get_legend() is None for ax in figure.axes)
        assert legend_of(figure) == ["line", "cloud", "alpha + 2"]

    def test_nothing_to_draw(self) -> None:
        with pytest.raises(ValueError, match="no row"):
            figures.points_below_bounds(RATIOS[:0], BOUNDS, x="alpha", y="ratio", by="kind", xlabel="", ylabel="")
