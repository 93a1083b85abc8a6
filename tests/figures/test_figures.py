"""Every figure is drawn from what it is given, the same way every time, and says nothing by color alone."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.patches import Circle, StepPatch

from fairclust import figures
from fairclust.figures import clusterings, results, style

POINTS = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [4.0, 0.0], [5.0, 0.0], [4.0, 3.0]])
GROUPS = ["f", "m", "f", "m", "m", "f"]
CENTERS = np.array([[0.0, 0.0], [4.0, 0.0]])
LABELS = np.array([0, 0, 0, 1, 1, 1])
RADII = np.array([1.0, 1.0, 1.0, 1.0, 1.0, 3.0])

SPREAD = pd.DataFrame(
    [
        {"dataset": dataset, "definition": definition, "seed": seed, "social_cost": 5.0 + 0.1 * seed}
        for dataset in ("adult", "bank_full", "unknown_to_the_paper")
        for definition in ("best_of_10", "single_start")
        for seed in (2, 0, 1)
    ]
)
PAPER = {("adult", "social_cost"): (5.37, 4.21, 0.0005), ("bank_full", "social_cost"): (2.3432, 2.3416, 0.0002)}

CURVES = pd.DataFrame(
    [
        {"k": k, "method": method, "group": group, "seed": seed, "disutility": 1.0 / k + 0.01 * seed}
        for k in (4, 5, 6)
        for method in ("vanilla", "weighted")
        for group in ("Female", "Male")
        for seed in (0, 1)
    ]
)

BINS = pd.DataFrame(
    [
        {"method": method, "bin_left": 0.5 * i, "bin_right": 0.5 * (i + 1), "mean_count": 10.0 * count}
        for method, counts in {"kmeans": (4, 3, 2, 1), "jkl": (5, 5, 0, 0)}.items()
        for i, count in enumerate(counts)
    ]
)
NAMES = {"kmeans": "vanilla k-means", "jkl": "Jung, Kannan and Lutz"}

VERDICTS = pd.DataFrame(
    {"reproduced": [3, 0], "partly": [1, 0], "not reproduced": [0, 2], "not run": [5, 1]}, index=["antidote", "radii"]
)

TIMES = pd.DataFrame(
    {
        "n": [2_000, 5_000, 20_000, 20_000],
        "seconds": [0.01, 0.02, 0.05, 0.07],
        "highs_seconds": [1.0, 4.0, 40.0, 60.0],
        "paper_time": [np.nan] * 4,
    }
)
METHODS = {"seconds": "engine", "paper_time": "paper", "highs_seconds": "HiGHS", "not measured": "none"}

#: One call of each public function; those in ELSEWHERE are tested in test_figures_of_methods.py.
ELSEWHERE = {"method_panels", "points_below_bounds"}
FIGURES: dict[str, Callable[[], Figure]] = {
    "group_scatter": lambda: figures.group_scatter(POINTS, GROUPS, labels=LABELS, centers=CENTERS, title="people"),
    "fairness_balls": lambda: figures.fairness_balls(POINTS, RADII, CENTERS, [0, 4, 5], title="balls"),
    "side_by_side": lambda: figures.side_by_side(
        [lambda ax: figures.group_scatter(POINTS, GROUPS, centers=CENTERS, ax=ax), lambda ax: ax.set_title("empty")]
    ),
    "vanilla_spread": lambda: figures.vanilla_spread(SPREAD, PAPER, "social_cost", "social cost"),
    "disutility_curves": lambda: figures.disutility_curves(
        CURVES, x="k", y="disutility", by=["method", "group"], xlabel="k", ylabel="disutility"
    ),
    "violation_histograms": lambda: figures.violation_histograms(BINS, NAMES, title="bank"),
    "timing_curves": lambda: figures.timing_curves(TIMES, METHODS, x="n", xlabel="points"),
    "verdict_bars": lambda: figures.verdict_bars(VERDICTS),
}


def legend_of(figure: Figure) -> list[str]:
    """The texts of all legends."""
    legends = [*figure.legends, *(ax.get_legend() for ax in figure.axes)]
    return [text.get_text() for legend in legends if legend is not None for text in legend.get_texts()]


def scatters(ax: Axes) -> list[PathCollection]:
    return [item for item in ax.collections if isinstance(item, PathCollection)]


def shape_of(scatter: PathCollection) -> list[list[float]]:
    return np.round(scatter.get_paths()[0].vertices, 6).tolist()


class TestEveryFigure:
    def test_is_here(self) -> None:
        assert {*FIGURES, *ELSEWHERE, "use_style"} == set(figures.__all__)

    @pytest.mark.parametrize("name", FIGURES)
    def test_is_drawn_and_returned(self, name: str) -> None:
        figure = FIGURES[name]()
        assert isinstance(figure, Figure)
        assert plt.get_fignums() == []  # a notebook shows what is returned, and nothing stays open

    @pytest.mark.parametrize("name", FIGURES)
    def test_is_the_same_bytes_every_time(self, name: str, svg: Callable[[Figure], bytes]) -> None:
        first = svg(FIGURES[name]())
        assert first.startswith(b"<?xml")
        assert svg(FIGURES[name]()) == first

    @pytest.mark.parametrize("name", FIGURES)
    def test_leaves_its_data_alone(self, name: str) -> None:
        tables = [SPREAD, CURVES, BINS, VERDICTS]
        arrays = [POINTS, CENTERS, LABELS, RADII]
        copies = [table.copy() for table in tables], [array.copy() for array in arrays]
        FIGURES[name]()
        for table, copy in zip(tables, copies[0], strict=True):
            pd.testing.assert_frame_equal(table, copy)
        for array, copy in zip(arrays, copies[1], strict=True):
            np.testing.assert_array_equal(array, copy)

    def test_no_function_computes_a_clustering(self) -> None:
        """The modules know points, groups, distances and tables, and neither a solver nor a paper."""
        imported = {
            line.split()[1]
            for module in (clusterings, results, style)
            for line in inspect.getsource(module).splitlines()
            if line.startswith("from fairclust")
        }
        assert imported == {"fairclust.distances", "fairclust.figures.style", "fairclust.groups"}

    def test_each_group_has_its_color_and_its_marker(self) -> None:
        figure = figures.group_scatter(POINTS, GROUPS)
        female, male = scatters(figure.axes[0])
        assert female.get_offsets().tolist() == POINTS[[0, 2, 5]].tolist()
        assert male.get_offsets().tolist() == POINTS[[1, 3, 4]].tolist()
        assert shape_of(female) != shape_of(male)
        assert female.get_facecolor().tolist() != male.get_facecolor().tolist()
        assert legend_of(figure) == ["f", "m"]

    @pytest.mark.parametrize("n_groups", [1, 8, 9, 30, 64])
    def test_any_number_of_groups(self, n_groups: int) -> None:
        X = np.arange(2.0 * n_groups).reshape(n_groups, 2)
        drawn = scatters(figures.group_scatter(X, range(n_groups)).axes[0])
        looks = {(str(shape_of(s)), str(s.get_facecolor())) for s in drawn}
        assert len(drawn) == len(looks) == n_groups

    def test_lines_lead_to_the_centers(self) -> None:
        ax = figures.group_scatter(POINTS, GROUPS, labels=LABELS, centers=CENTERS).axes[0]
        ends = [line.get_xydata().tolist() for line in ax.lines]
        assert ends == [[point.tolist(), CENTERS[i].tolist()] for point, i in zip(POINTS, LABELS, strict=True)]
        assert scatters(ax)[-1].get_offsets().tolist() == CENTERS.tolist()

    def test_without_groups_labels_or_centers(self) -> None:
        figure = figures.group_scatter(POINTS, None)
        assert len(scatters(figure.axes[0])) == 1
        assert not figure.axes[0].lines
        assert legend_of(figure) == ["all"]

    def test_on_given_axes(self) -> None:
        figure = Figure()
        ax = figure.subplots()
        assert figures.group_scatter(POINTS, GROUPS, title="left", ax=ax) is figure
        assert ax.get_title() == "left"
        assert ax.get_legend() is None  # it is the panels' together

    def test_groups_of_the_wrong_length(self) -> None:
        with pytest.raises(ValueError, match="sensitive_features has 2 entries but X has 6 rows"):
            figures.group_scatter(POINTS, ["f", "m"])

    def test_antidote_points_are_stars_and_none_means_no_entry(self) -> None:
        def names(antidote: Any) -> list[str]:
            figure = figures.group_scatter(POINTS, GROUPS, antidote=antidote)
            return figure.axes[0].get_legend_handles_labels()[1]

        assert "antidote point" in names([[0.0, 0.0], [1.0, 1.0]])
        assert "antidote point" not in names(np.empty((0, 2)))
        assert "antidote point" not in names(None)


class TestFairnessBalls:
    def test_kept_and_broken_promises_differ_by_line(self) -> None:
        ax = figures.fairness_balls(POINTS, RADII * 0.9, CENTERS, [0, 1, 5]).axes[0]
        circles = [patch for patch in ax.patches if isinstance(patch, Circle)]
        assert [circle.get_linestyle() for circle in circles] == ["-", "--", "--"]
        assert [tuple(circle.center) for circle in circles] == [(0, 0), (1, 0), (4, 3)]
        assert [circle.radius for circle in circles] == [0.9, 0.9, 2.7]
        assert circles[0].get_edgecolor() != circles[1].get_edgecolor()

    def test_a_center_on_the_rim_is_within(self) -> None:
        ax = figures.fairness_balls([[0.1, 0.2]], [np.hypot(0.3 - 0.1, 0.3 - 0.2)], [[0.3, 0.3]], [0]).axes[0]
        assert [patch.get_linestyle() for patch in ax.patches] == ["-"]

    def test_nobody_shown(self) -> None:
        assert not figures.fairness_balls(POINTS, RADII, CENTERS, []).axes[0].patches


class TestSideBySide:
    def test_one_legend_for_all(self) -> None:
        def panel(ax: Axes) -> None:
            figures.group_scatter(POINTS, GROUPS, ax=ax)

        figure = figures.side_by_side([panel, panel, lambda ax: ax.plot([0, 1], label="line")])
        assert len(figure.axes) == 3
        assert legend_of(figure) == ["f", "m", "line"]

    def test_panels_take_their_axes_by_name(self) -> None:
        figure = figures.side_by_side(
            [
                partial(figures.group_scatter, POINTS, GROUPS),
                partial(figures.fairness_balls, POINTS, RADII, CENTERS, [0]),
            ]
        )
        assert [len(scatters(ax)) for ax in figure.axes] == [2, 3]

    def test_one_panel_without_entries(self) -> None:
        figure = figures.side_by_side([lambda ax: ax.plot([0, 1])])
        assert (len(figure.axes), figure.legends) == (1, [])

    def test_no_panel(self) -> None:
        with pytest.raises(ValueError, match="nothing to draw: panels is empty"):
            figures.side_by_side([])


class TestVanillaSpread:
    def test_one_panel_for_each_data_set_of_the_paper(self) -> None:
        figure = FIGURES["vanilla_spread"]()
        assert [ax.get_title() for ax in figure.axes] == ["adult", "bank full"]
        assert [line.get_ydata()[0] for line in figure.axes[1].lines] == [2.3432, 2.3416]
        assert [line.get_linestyle() for line in figure.axes[1].lines] == ["-", "--"]
        assert legend_of(figure) == ["paper, vanilla", "paper, with antidote data"]

    def test_every_seed_is_a_dot_in_the_order_of_the_seeds(self) -> None:
        best, single = scatters(FIGURES["vanilla_spread"]().axes[0])
        assert best.get_offsets()[:, 1].tolist() == [5.0, 5.1, 5.2]
        assert best.get_offsets()[:, 0].tolist() == [-0.25, 0.0, 0.25]
        assert shape_of(best) != shape_of(single)

    def test_an_odd_number_of_data_sets_leaves_no_empty_panel(self) -> None:
        rows = pd.concat([SPREAD, SPREAD[SPREAD["dataset"] == "adult"].assign(dataset="lfw")])
        paper = {**PAPER, ("lfw", "social_cost"): (1406.3, 1406.2, 0.0)}
        figure = figures.vanilla_spread(rows, paper, "social_cost", "social cost")
        assert [ax.get_title() for ax in figure.axes] == ["adult", "bank full", "lfw"]

    def test_one_data_set_one_seed(self) -> None:
        rows = SPREAD[(SPREAD["dataset"] == "adult") & (SPREAD["seed"] == 0)]
        figure = figures.vanilla_spread(rows, PAPER, "social_cost", "social cost")
        assert len(figure.axes) == 1
        assert len(scatters(figure.axes[0])) == 2

    def test_a_definition_that_one_data_set_lacks(self) -> None:
        rows = SPREAD[(SPREAD["dataset"] != "bank_full") | (SPREAD["definition"] == "best_of_10")]
        figure = figures.vanilla_spread(rows, PAPER, "social_cost", "social cost")
        assert [len(s.get_offsets()) for s in scatters(figure.axes[1])] == [3, 0]

    @pytest.mark.parametrize("rows", [SPREAD[:0], SPREAD[SPREAD["dataset"] == "unknown_to_the_paper"]])
    def test_nothing_to_draw(self, rows: pd.DataFrame) -> None:
        with pytest.raises(
            ValueError, match="nothing to draw: no row of the results is of a data set whose social_cost"
        ):
            figures.vanilla_spread(rows, PAPER, "social_cost", "social cost")


class TestDisutilityCurves:
    def test_mean_and_band(self) -> None:
        figure = FIGURES["disutility_curves"]()
        lines = figure.axes[0].lines
        assert legend_of(figure) == ["vanilla, Female", "vanilla, Male", "weighted, Female", "weighted, Male"]
        np.testing.assert_allclose(lines[0].get_ydata(), [1 / 4 + 0.005, 1 / 5 + 0.005, 1 / 6 + 0.005])
        band = figure.axes[0].collections[0].get_paths()[0].vertices
        assert band[:, 1].min() == pytest.approx(1 / 6)
        assert band[:, 1].max() == pytest.approx(1 / 4 + 0.01)

    def test_lines_differ_by_marker_and_by_dash(self) -> None:
        lines = FIGURES["disutility_curves"]().axes[0].lines
        assert len({line.get_marker() for line in lines}) == len({line.get_linestyle() for line in lines}) == 4

    def test_one_group_one_seed(self) -> None:
        rows = CURVES[(CURVES["group"] == "Male") & (CURVES["seed"] == 0) & (CURVES["method"] == "vanilla")]
        figure = figures.disutility_curves(rows, x="k", y="disutility", by=["method"], xlabel="k", ylabel="d")
        assert legend_of(figure) == ["vanilla"]

    def test_more_lines_than_colors(self) -> None:
        rows = pd.DataFrame({"k": [1] * 20, "line": range(20), "y": range(20)})
        figure = figures.disutility_curves(rows, x="k", y="y", by=["line"], xlabel="k", ylabel="y")
        assert len(figure.axes[0].lines) == 20

    def test_nothing_to_draw(self) -> None:
        with pytest.raises(ValueError, match="nothing to draw: the results have no row"):
            figures.disutility_curves(CURVES[:0], x="k", y="disutility", by=["group"], xlabel="k", ylabel="d")


class TestViolationHistograms:
    def test_each_method_is_filled_and_outlined(self) -> None:
        figure = figures.violation_histograms(BINS.sample(frac=1, random_state=0), NAMES)
        steps = [patch for patch in figure.axes[0].patches if isinstance(patch, StepPatch)]
        assert [step.get_data()[0].tolist() for step in steps[::2]] == [[40, 30, 20, 10], [50, 50, 0, 0]]
        assert steps[1].get_data().edges.tolist() == [0.0, 0.5, 1.0, 1.5, 2.0]
        assert steps[1].get_linestyle() != steps[3].get_linestyle()
        assert legend_of(figure) == list(NAMES.values())

    def test_the_promise_is_marked(self) -> None:
        (line,) = FIGURES["violation_histograms"]().axes[0].lines
        assert line.get_xdata() == [1.0, 1.0]

    def test_a_method_without_rows_is_left_out(self) -> None:
        figure = figures.violation_histograms(BINS, {"fair_round": "Fair-Round", **NAMES})
        assert legend_of(figure) == list(NAMES.values())

    def test_many_methods(self) -> None:
        many = {f"m{i}": f"method {i}" for i in range(10)}
        rows = pd.concat([BINS[BINS["method"] == "jkl"].assign(method=name) for name in many])
        assert legend_of(figures.violation_histograms(rows, many)) == list(many.values())

    def test_rows_of_several_histograms(self) -> None:
        with pytest.raises(ValueError, match="several rows per bin of kmeans; choose one data set and one k"):
            figures.violation_histograms(pd.concat([BINS, BINS]), NAMES)

    def test_nothing_to_draw(self) -> None:
        with pytest.raises(ValueError, match="nothing to draw: the counts have no row of fair_round"):
            figures.violation_histograms(BINS, {"fair_round": "Fair-Round"})


class TestTimingCurves:
    def test_means_on_logarithmic_axes(self) -> None:
        figure = figures.timing_curves(TIMES, METHODS, x="n", xlabel="points", title="times")
        (ax,) = figure.axes
        assert (ax.get_xscale(), ax.get_yscale(), ax.get_xlabel(), ax.get_title()) == ("log", "log", "points", "times")
        engine, highs = ax.get_lines()
        np.testing.assert_allclose(engine.get_ydata(), [0.01, 0.02, 0.06])
        np.testing.assert_allclose(highs.get_ydata(), [1.0, 4.0, 50.0])
        assert [text.get_text() for text in ax.get_xticklabels()] == ["2k", "5k", "20k"]

    def test_less_than_a_decade_has_labels_on_both_axes(self) -> None:
        rows = pd.DataFrame({"n": range(10, 21), "seconds": np.linspace(0.31, 0.64, 11)})
        figure = figures.timing_curves(rows, METHODS, x="n", xlabel="points")
        (ax,) = figure.axes
        low, high = ax.get_ylim()
        assert sum(low <= at <= high for at in ax.get_yticks()) >= 2
        assert ax.yaxis.get_major_formatter()(0.05) == "0.05", "no powers of ten"
        assert [text.get_text() for text in ax.get_xticklabels()] == ["10", "12", "15", "18", "20"]

    def test_a_column_without_numbers_is_left_out_and_changes_no_color(self) -> None:
        figure = figures.timing_curves(TIMES, METHODS, x="n", xlabel="points")
        assert legend_of(figure) == ["engine", "HiGHS"]
        assert figure.axes[0].get_lines()[1].get_color() == style.PALETTE[2]
        assert len({line.get_linestyle() for line in figure.axes[0].get_lines()}) == 2

    def test_on_given_axes_the_legend_is_left_to_the_row(self) -> None:
        figure = figures.side_by_side([partial(figures.timing_curves, TIMES, METHODS, x="n", xlabel="points")] * 2)
        assert legend_of(figure) == ["engine", "HiGHS"]
        assert all(ax.get_legend() is None for ax in figure.axes)

    def test_nothing_to_draw(self) -> None:
        with pytest.raises(ValueError, match="no row has a number of paper_time"):
            figures.timing_curves(TIMES, {"paper_time": "paper"}, x="n", xlabel="points")


class TestVerdictBars:
    def test_bars_stand_side_by_side_and_say_their_numbers(self) -> None:
        figure = FIGURES["verdict_bars"]()
        first = [container[0] for container in figure.axes[0].containers]
        assert [bar.get_width() for bar in first] == [3, 1, 0, 5]
        assert all(one.get_x() + one.get_width() == other.get_x() for one, other in pairwise(first))
        assert [text.get_text() for text in figure.axes[0].texts] == ["3", "", "1", "", "", "2", "5", "1"]
        assert legend_of(figure) == ["reproduced", "partly", "not reproduced", "not run"]

    def test_verdicts_differ_by_hatch(self) -> None:
        containers = FIGURES["verdict_bars"]().axes[0].containers
        assert len({container[0].get_hatch() for container in containers}) == 4

    def test_one_paper_some_verdicts(self) -> None:
        figure = figures.verdict_bars(pd.DataFrame({"not run": [2]}, index=["welfare"]))
        assert [bar.get_width() for container in figure.axes[0].containers for bar in container] == [0, 0, 0, 2]

    def test_nothing_to_draw(self) -> None:
        with pytest.raises(ValueError, match="nothing to draw: the counts have no row"):
            figures.verdict_bars(VERDICTS[:0])
