"""The chapter on fair radii: its figures survive infinities and keep their data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Circle, StepPatch

from fairclust.figures import radii as drawing
from fairclust.radii import FairRounding, fair_radii_lp, fair_round

POINTS = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [4.0, 0.0], [5.0, 0.0], [4.0, 3.0], [4.0, 3.0]])
NAMES = {"kmeans": "vanilla k-means", "mv": "MV"}

#: The method "mv" misses one sample at k = 20 and all at k = 30.
SAMPLES = pd.DataFrame(
    [
        {
            "method": method,
            "k": k,
            "sample": sample,
            "violation": np.inf if method == "mv" and (k == 30 or (k == 20 and sample)) else 1.0 + sample,
            "cost": 100_000.0 / k + sample,
            "lp": np.nan,
        }
        for method in ("kmeans", "mv", "not shown")
        for k in (10, 20, 30)
        for sample in (0, 1)
    ]
)
BINS = pd.DataFrame(
    [
        {"method": method, "bin_left": 0.5 * i, "bin_right": 0.5 * (i + 1), "mean_count": float(count)}
        for method, counts in {"kmeans": (4, 3, 2, 1), "mv": (5, 5, 0, 0)}.items()
        for i, count in enumerate(counts)
    ]
)
SWEEP = pd.DataFrame({"rho": [0.5, 1.0, 2.0], "n_centers": [9, 5, 3], "cost": [1.0, 2.0, 3.0]})
FACTORS = pd.DataFrame({"family": ["a", "a", "b", "b"], "violation": [0.5, 2.0, np.nan, 1.0], "cost": [1.0, 3.0, 1, 2]})


def ring() -> tuple[np.ndarray, Any, FairRounding]:
    """Six people in a ring share five centers: the linear program is fractional, and the rounding is real."""
    angle = np.pi / 3.0 * np.arange(6)
    X = np.column_stack([np.cos(angle), np.sin(angle)])
    lp = fair_radii_lp(X, 5, power=1, radii=np.full(6, 1.5))
    return X, lp, fair_round(X, 5, lp, power=1)


@pytest.fixture(scope="module")
def rounded() -> tuple[np.ndarray, Any, FairRounding]:
    return ring()


FIGURES: dict[str, Callable[[], Figure]] = {
    "panels_with_bars": lambda: drawing.panels_with_bars(
        {"bank": SAMPLES, "empty": SAMPLES[:0]}, NAMES, y="violation", ylabel="largest violation", reference=1.0
    ),
    "histogram_panels": lambda: drawing.histogram_panels({"bank": BINS}, NAMES),
    "scatter_panels": lambda: drawing.scatter_panels(
        {"bank": SAMPLES}, NAMES, x="violation", y="cost", xlabel="violation", ylabel="cost"
    ),
    "filter_sweep": lambda: drawing.filter_sweep(SWEEP, {"n_centers": "centers", "cost": "cost"}, found=1.0, limit=5),
    "factor_strips": lambda: drawing.factor_strips(
        FACTORS, {"violation": "violation", "cost": "cost / LP"}, {"violation": {"proved": 8.0}}
    ),
}


def legend_of(figure: Figure) -> list[str]:
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


class TestEveryFigure:
    def test_is_here(self) -> None:
        assert {*FIGURES, "rounding_panels"} == set(drawing.__all__)

    @pytest.mark.parametrize("name", FIGURES)
    def test_is_drawn_the_same_every_time_and_left_closed(self, name: str, svg: Callable[[Figure], bytes]) -> None:
        first = svg(FIGURES[name]())
        assert first.startswith(b"<?xml")
        assert svg(FIGURES[name]()) == first
        assert plt.get_fignums() == []

    @pytest.mark.parametrize("name", FIGURES)
    def test_leaves_its_data_alone(self, name: str) -> None:
        tables = [SAMPLES, BINS, SWEEP, FACTORS]
        copies = [table.copy() for table in tables]
        FIGURES[name]()
        for table, copy in zip(tables, copies, strict=True):
            pd.testing.assert_frame_equal(table, copy)


class TestRoundingPanels:
    def test_it_draws_the_steps_that_were_taken(self, rounded: tuple[np.ndarray, Any, FairRounding]) -> None:
        X, lp, found = rounded
        assert found.branch == "half-integral"
        assert found.steps is not None
        figure = drawing.rounding_panels(X, lp.points, lp.openings, found)
        assert [ax.get_title() for ax in figure.axes] == list(drawing.STEPS)
        balls = [patch for patch in figure.axes[0].patches if isinstance(patch, Circle)]
        np.testing.assert_allclose([ball.radius for ball in balls], found.reach[found.filtered])
        said = [text.get_text() for text in figure.axes[1].texts]
        assert said == [f"{value:.2f}".lstrip("0") for value in found.steps.smudged]
        # Arrows are annotations without text.
        halves = [text.get_text() for text in figure.axes[2].texts if text.get_text()]
        assert halves == ["1" if value == 1.0 else "½" for value in found.steps.halves]
        closing = [text for text in figure.axes[3].texts if not text.get_text()]
        assert len(closing) == (~found.steps.opened).sum() == 1
        assert tuple(closing[0].xy) == tuple(X[found.filtered][found.steps.partner[~found.steps.opened][0]])
        assert {name.split(", ")[-1] for name in legend_of(figure)} == {"open", "opens", "closes"}

    def test_same_bytes(self, rounded: tuple[np.ndarray, Any, FairRounding], svg: Callable[[Figure], bytes]) -> None:
        X, lp, found = rounded
        one, two = (svg(drawing.rounding_panels(X, lp.points, lp.openings, found)) for _ in range(2))
        assert one == two

    def test_nothing_was_rounded(self) -> None:
        lp = fair_radii_lp(POINTS, 3)
        found = fair_round(POINTS, 3, lp)
        with pytest.raises(ValueError, match="the branch was 'shortcut', without rounding"):
            drawing.rounding_panels(POINTS, lp.points, lp.openings, found)


class TestPanelsWithBars:
    def test_mean_of_the_finite_and_a_sign_for_the_others(self) -> None:
        ax = FIGURES["panels_with_bars"]().axes[0]
        kmeans, mv = (container.lines[0] for container in ax.containers)
        assert kmeans.get_xydata().tolist() == [[10, 1.5], [20, 1.5], [30, 1.5]]
        assert mv.get_xydata().tolist() == [[10, 1.5], [20, 1.0]]
        assert [(text.get_text(), text.xy[0]) for text in ax.texts] == [("∞", 20), ("∞", 30)]
        assert np.isfinite(ax.get_ylim()).all()
        assert ax.lines[-1].get_ydata()[0] == 1.0  # the reference

    def test_bars_are_the_population_deviation(self) -> None:
        table = pd.DataFrame({"method": "mv", "k": 5, "cost": [1.0, 2.0, 6.0]})
        ax = drawing.panels_with_bars({"a": table}, NAMES, y="cost", ylabel="cost").axes[0]
        (bar,) = ax.containers[0].lines[2][0].get_segments()
        assert (bar[1, 1] - bar[0, 1]) / 2 == pytest.approx(np.std([1.0, 2.0, 6.0]))

    def test_single_rows_have_no_bars(self) -> None:
        single = SAMPLES[SAMPLES["sample"] == 0]
        ax = drawing.panels_with_bars({"a": single}, NAMES, y="cost", ylabel="cost").axes[0]
        assert [container.lines[1] for container in ax.containers] == [(), ()]

    def test_methods_look_alike_in_all_panels_and_unlike_each_other(self) -> None:
        only = {"a": SAMPLES, "b": SAMPLES[SAMPLES["method"] == "mv"]}
        figure = drawing.panels_with_bars(only, NAMES, y="cost", ylabel="cost", logarithmic=True)
        both, one = ([container.lines[0] for container in ax.containers] for ax in figure.axes)

        def look(line: Any) -> tuple[str, str, str]:
            return line.get_color(), line.get_linestyle(), line.get_marker()

        assert look(both[1]) == look(one[0])
        assert all(a != b for a, b in zip(look(both[0]), look(both[1]), strict=True))
        assert legend_of(figure) == ["vanilla k-means", "MV"]
        assert [label.get_text() for label in figure.axes[0].get_yticklabels() if label.get_text()]

    def test_only_infinite_values_still_have_a_panel(self) -> None:
        table = pd.DataFrame({"method": "mv", "k": [5, 10], "violation": np.inf})
        ax = drawing.panels_with_bars({"a": table}, NAMES, y="violation", ylabel="violation").axes[0]
        assert [text.get_text() for text in ax.texts] == ["∞", "∞"]

    @pytest.mark.parametrize(
        ("panels", "message"),
        [
            ({}, "panels is empty"),
            ({"a": SAMPLES[SAMPLES["method"] == "not shown"]}, "no table has a row of kmeans, mv to show"),
            ({"a": SAMPLES.assign(cost=np.nan)}, "no table has a row of kmeans, mv to show"),
        ],
    )
    def test_nothing_to_draw(self, panels: dict[str, pd.DataFrame], message: str) -> None:
        with pytest.raises(ValueError, match=message):
            drawing.panels_with_bars(panels, NAMES, y="cost", ylabel="cost")


class TestTheOthers:
    def test_histograms_show_the_counts(self) -> None:
        figure = FIGURES["histogram_panels"]()
        steps = [patch for patch in figure.axes[0].patches if isinstance(patch, StepPatch)]
        assert [np.asarray(step.get_data()[0]).tolist() for step in steps] == [[4, 3, 2, 1], [5, 5, 0, 0]]
        assert len({step.get_linestyle() for step in steps}) == 2

    def test_histograms_show_the_spread_where_there_is_some(self) -> None:
        table = BINS.assign(std_count=np.where(BINS["mean_count"] > 2, 0.5, 0.0))
        ax = drawing.histogram_panels({"a": table}, NAMES).axes[0]
        bars = [line for container in ax.containers for line in container[2]]
        drawn = [[segment[:, 1].tolist() for segment in line.get_segments()] for line in bars]
        assert drawn == [[[3.5, 4.5], [2.5, 3.5]], [[4.5, 5.5], [4.5, 5.5]]]
        # Side by side, each within its bin.
        first, second = (line.get_segments()[0][0, 0] for line in bars)
        assert 0.0 < first < second < 0.5

    def test_histograms_of_another_column(self) -> None:
        table = BINS.assign(share=BINS["mean_count"] / 10)
        ax = drawing.histogram_panels({"a": table}, NAMES, y="share", ylabel="share of points").axes[0]
        steps = [patch for patch in ax.patches if isinstance(patch, StepPatch)]
        assert [np.asarray(step.get_data()[0]).tolist() for step in steps] == [[0.4, 0.3, 0.2, 0.1], [0.5, 0.5, 0, 0]]
        assert ax.get_ylabel() == "share of points"

    def test_histograms_of_two_tables_in_one(self) -> None:
        with pytest.raises(ValueError, match="several rows per bin of vanilla k-means"):
            drawing.histogram_panels({"a": pd.concat([BINS, BINS])}, NAMES)

    def test_dots_are_the_finite_rows(self) -> None:
        kmeans, mv = FIGURES["scatter_panels"]().axes[0].collections
        assert (len(kmeans.get_offsets()), len(mv.get_offsets())) == (6, 3)

    def test_the_sweep_marks_what_was_found_and_k(self) -> None:
        centers, cost = FIGURES["filter_sweep"]().axes
        assert centers.lines[0].get_ydata().tolist() == [9, 5, 3]
        assert [line.get_xdata()[0] for line in centers.lines[1:2]] == [1.0]
        assert centers.lines[2].get_ydata()[0] == 5
        assert len(cost.lines) == 2

    def test_strips_show_every_finite_value_below_its_bounds(self) -> None:
        figure = FIGURES["factor_strips"]()
        first, second = figure.axes[0].collections
        assert sorted(first.get_offsets()[:, 1]) == [0.5, 2.0]
        assert second.get_offsets()[:, 1].tolist() == [1.0]
        assert [line.get_ydata()[0] for line in figure.axes[0].lines] == [8.0]
        assert not figure.axes[1].lines
        assert [label.get_text() for label in figure.axes[1].get_xticklabels()] == ["a", "b"]

    @pytest.mark.parametrize(
        "draw",
        [
            lambda: drawing.filter_sweep(SWEEP[:0], {"cost": "cost"}, found=1.0, limit=1),
            lambda: drawing.factor_strips(FACTORS[:0], {"cost": "cost"}, {}),
            lambda: drawing.histogram_panels({}, NAMES),
            lambda: drawing.scatter_panels({}, NAMES, x="cost", y="cost", xlabel="", ylabel=""),
        ],
    )
    def test_nothing_to_draw(self, draw: Callable[[], Figure]) -> None:
        with pytest.raises(ValueError, match="nothing to draw"):
            draw()
