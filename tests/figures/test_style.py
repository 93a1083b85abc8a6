"""What all figures share: the book's style, short numbers on logarithmic axes, the grid of axes, one legend."""

from __future__ import annotations

import matplotlib as mpl

mpl.use("Agg")

import IPython
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib_inline import backend_inline

from fairclust import figures
from fairclust.figures import style


def ticks(ax: Axes, name: str = "y") -> list[str]:
    """The numbers that can be seen at an axis."""
    axis = getattr(ax, f"{name}axis")
    low, high = axis.get_view_interval()
    seen = zip(axis.get_ticklocs(), axis.get_ticklabels(), strict=True)
    return [label.get_text() for place, label in seen if low <= place <= high]


class TestStyle:
    def test_is_set(self) -> None:
        assert mpl.rcParams["svg.hashsalt"] == "fairclust"
        assert mpl.rcParams["axes.prop_cycle"].by_key()["color"] == list(style.PALETTE)

    def test_starts_no_shell(self) -> None:
        """matplotlib-inline would: drawing from a script must not turn it into a notebook."""
        assert IPython.get_ipython() is None
        figures.use_style()
        assert IPython.get_ipython() is None

    def test_in_a_notebook_figures_are_svg_without_a_date(self, monkeypatch: pytest.MonkeyPatch) -> None:
        asked = []
        monkeypatch.setattr(IPython, "get_ipython", object)
        monkeypatch.setattr(
            backend_inline, "set_matplotlib_formats", lambda *args, **kwargs: asked.append((args, kwargs))
        )
        figures.use_style()
        assert asked == [(("svg",), {"metadata": {"Date": None}})]


class TestMakeLogarithmic:
    @pytest.mark.parametrize(
        ("value", "said"), [(0.05, "0.05"), (500.0, "500"), (9000.0, "9000"), (50_000.0, "50k"), (2e6, "2M")]
    )
    def test_labels_are_short(self, value: float, said: str) -> None:
        assert style.short_number(value, None) == said

    def test_less_than_a_decade_has_numbers(self) -> None:
        figure, ax = style.on_axes(None, (4.0, 3.0))
        ax.plot([1, 2], [30.0, 70.0])
        style.make_logarithmic(ax, "y")
        assert "50" in ticks(ax)
        assert len(ticks(ax)) >= 2
        assert ax.get_xscale() == "linear"
        assert figure.axes == [ax]

    def test_some_decades_have_three_numbers_each_and_many_have_one(self) -> None:
        _, ax = style.on_axes(None, (4.0, 3.0))
        ax.plot([1.0, 1e6], [1000.0, 50_000.0])
        style.make_logarithmic(ax, "xy")
        assert ticks(ax) == ["1000", "2000", "5000", "10k", "20k", "50k"]
        assert {"1", "1000", "1M"} <= set(ticks(ax, "x"))
        assert not {"2", "5"} & set(ticks(ax, "x"))
        assert not len(ax.yaxis.get_minorticklocs())


class TestGridOfAxes:
    def test_what_is_not_needed_is_removed(self) -> None:
        figure, axes = style.grid_of_axes(5, columns=3, height=2.0)
        assert figure.axes == axes
        assert len(axes) == 5
        assert tuple(figure.get_size_inches()) == (style.PAGE_WIDTH, 4.0)

    def test_one(self) -> None:
        assert len(style.grid_of_axes(1, columns=1, height=2.0)[1]) == 1


class TestLegendBelow:
    def draw(self, *panels: str) -> tuple[Figure, list[Axes]]:
        """A panel per word, a line per letter."""
        figure, axes = style.grid_of_axes(len(panels), columns=len(panels), height=2.0)
        for ax, names in zip(axes, panels, strict=True):
            for name in names:
                ax.plot([0, 1], [0, 1], label=name)
        return figure, axes

    def test_each_entry_once_in_the_order_of_its_first_line(self) -> None:
        figure, axes = self.draw("ba", "acb")
        style.legend_below(figure, axes)
        (legend,) = figure.legends
        assert [text.get_text() for text in legend.get_texts()] == ["b", "a", "c"]
        assert [handle.get_color() for handle in legend.legend_handles] == [
            axes[0].lines[0].get_color(),
            axes[0].lines[1].get_color(),
            axes[1].lines[1].get_color(),
        ]

    def test_it_stands_below_the_axes_and_wraps(self) -> None:
        figure, axes = self.draw("abcdefgh")
        style.legend_below(figure, axes, columns=3)
        figure.draw_without_rendering()
        (legend,) = figure.legends
        assert legend.get_window_extent().y1 <= min(ax.get_window_extent().y0 for ax in axes)
        assert legend._ncols == 3

    def test_without_entries_there_is_none(self) -> None:
        figure, axes = self.draw("", "")
        style.legend_below(figure, axes)
        assert not figure.legends


def test_a_band_goes_from_least_to_most_around_the_mean() -> None:
    rows = pd.DataFrame({"k": [1, 1, 2], "cost": [1.0, 3.0, 5.0]})
    _, ax = style.on_axes(None, (4.0, 3.0))
    line = style.banded(ax, rows, "k", "cost", 9, "name")
    assert line.get_xydata().tolist() == [[1.0, 2.0], [2.0, 5.0]]
    low, high = ax.collections[0].get_paths()[0].get_extents().intervaly
    assert (low, high) == (1.0, 5.0)
    assert (line.get_color(), line.get_marker()) == (style.PALETTE[1], style.MARKERS[1])


@pytest.mark.parametrize("rows", [[], {}, pd.DataFrame({"a": []})])
def test_nothing_to_draw(rows: object) -> None:
    with pytest.raises(ValueError, match="there is nothing to draw: no row"):
        style.check_some(rows, "no row")
    style.check_some([0], "no row")
