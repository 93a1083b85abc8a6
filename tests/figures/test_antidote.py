"""The chapter on antidote data: the map works without a script and says what was computed, panels show their rows."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from fairclust.figures import antidote as drawing

PEOPLE = np.array([[0.0, 0.0], [1.0, 0.0], [4.0, 0.0], [5.0, 3.0]])
GROUPS = ["blue", "blue", "orange", "blue"]
ACROSS, UP = np.array([-1.0, 2.0, 6.0]), np.array([0.0, 4.0])
RNG = np.random.default_rng(0)
#: Up to two antidote points, two places up, three across.
CENTERS = RNG.uniform(0.0, 5.0, (3, 2, 3, 2, 2))
COSTS = RNG.uniform(1.0, 9.0, (3, 2, 3, 2))

RUNS = pd.DataFrame(
    [
        {"row": row, "method": method, "gain": gain}
        for row in ("adult, social", "bank, social", "no claim")
        for method, gain in (("racos", 0.1), ("racos", 0.0), ("cmaes", 3.0), ("not shown", 9.0))
    ]
)
NAMES = {"racos": "RACOS", "cmaes": "CMA-ES"}
CURVES = pd.DataFrame(
    [{"method": m, "size": n, "best": 10.0 / n + (m == "racos")} for m in ("racos", "cmaes") for n in (10, 100)]
)
INDICES = pd.DataFrame(
    [
        {"dataset": d, "notion": n, "method": m, "silhouette": 0.1 * len(d), "davies_bouldin": 1.0}
        for d in ("adult", "bank_full")
        for n in ("balance_cost", "social_cost")
        for m in ("vanilla", "fair")
        if (d, m) != ("adult", "fair")
    ]
)
LEVELS = {"fair": {"adult": 2.0, "bank": 3.0}, "paper": {"adult": 1.0, "bank": 5.0}}

FIGURES: dict[str, Callable[[], Figure]] = {
    "gains_beside_claims": lambda: drawing.gains_beside_claims(
        RUNS, {"adult, social": 0.2, "bank, social": 1.0, "lfw, social": 1.0}, {"adult, social": 0.3}, NAMES
    ),
    "budget_panels": lambda: drawing.budget_panels(
        {"adult": CURVES, "bank": CURVES}, NAMES, LEVELS, x="size", y="best", xlabel="points", ylabel="cost"
    ),
    "index_bars": lambda: drawing.index_bars(
        INDICES, {"silhouette": "silhouette", "davies_bouldin": "DB"}, {"vanilla": "vanilla", "fair": "fair"}
    ),
}


def pile(**change: Any) -> str:
    arguments: dict[str, Any] = {
        "X": PEOPLE,
        "sensitive_features": GROUPS,
        "across": ACROSS,
        "up": UP,
        "centers": CENTERS,
        "costs": COSTS,
    } | change
    return drawing.pile_map(**arguments).html


def data_of(html: str) -> dict[str, Any]:
    found = re.search(r"data = (\{.*\});", html)
    assert found is not None
    return json.loads(found.group(1))


def svg(figure: Figure) -> bytes:
    out = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": "fixed"}):
        figure.savefig(out, format="svg", metadata={"Date": None})
    return out.getvalue()


class TestPileMap:
    def test_what_is_shown_first_is_readable_without_a_script(self) -> None:
        html = pile(shown=(2, 1, 0)).split("<script>")[0]
        worst, before = COSTS[2, 0, 1].max(), COSTS[0, 0, 0].max()
        assert f"2 antidote points: social cost {worst:.2f}." in html
        cells = re.findall(r"<td>([^<]*)</td>", html)
        expected = [cost for group in (0, 1) for cost in (COSTS[0, 0, 0, group], COSTS[2, 0, 1, group])]
        assert cells == [f"{cost:.2f}" for cost in (*expected, before, worst)]
        assert ">×2</text>" in html
        assert 'opacity="1"' in html
        assert "<p hidden>" in html  # sliders need the script

    def test_no_antidote_points_means_no_star_and_twice_the_same_costs(self) -> None:
        html = pile().split("<script>")[0]
        assert 'opacity="0"' in html
        cells = re.findall(r"<td>([^<]*)</td>", html)
        assert cells[::2] == cells[1::2]

    def test_every_position_is_what_was_computed(self) -> None:
        data = data_of(pile())
        # Units of the map: the width for 7 of X between the margins, upwards from the bottom.
        unit = (drawing.MAP_WIDTH - 2 * drawing.MAP_MARGIN) / 7.0
        for m, j, i in np.ndindex(3, 2, 3):
            a, b, c, d, *costs = data["steps"][m - 1][j][i] if m else data["none"]
            truth = (m, j, i) if m else (0, 0, 0)
            spots = np.array([[a, b], [c, d]])
            back = np.column_stack(
                [(spots[:, 0] - drawing.MAP_MARGIN) / unit - 1.0, 4.0 - (spots[:, 1] - drawing.MAP_MARGIN) / unit]
            )
            np.testing.assert_allclose(back, CENTERS[truth], atol=0.06 / unit)
            np.testing.assert_allclose(costs, COSTS[truth], atol=0.005 + 1e-9)
        assert data["across"] == pytest.approx(drawing.MAP_MARGIN + unit * (ACROSS + 1.0), abs=0.06)
        assert data["up"] == pytest.approx(drawing.MAP_MARGIN + unit * (4.0 - UP), abs=0.06)

    def test_the_border_is_the_bisector_of_the_centers(self) -> None:
        html = pile(shown=(1, 2, 1))
        (line,) = re.findall(r'class="fc-now"><line x1="(.*?)" y1="(.*?)" x2="(.*?)" y2="(.*?)"', html)
        ends = np.array(line, dtype=float).reshape(2, 2)
        a, b, c, d, *_ = data_of(html)["steps"][0][1][2]
        away = [np.linalg.norm(ends - center, axis=1) for center in ((a, b), (c, d))]
        np.testing.assert_allclose(away[0], away[1], atol=0.3)

    def test_groups_differ_by_shape_and_color(self) -> None:
        people = re.findall(r'<path transform="translate\([^"]*" d="([^"]*)" fill="([^"]*)"', pile())
        looks = dict(zip(GROUPS, people, strict=True))
        assert len(people) == 4
        assert all(x != y for x, y in zip(looks["blue"], looks["orange"], strict=True))

    def test_keyboard_and_screen_reader(self) -> None:
        html = pile()
        assert html.count('type="range"') == html.count("<label>") == 3
        assert re.search(r'role="img" aria-label="Map of 4 people', html)
        assert 'aria-live="polite"' in html
        assert re.findall(r'max="(\d+)"', html) == ["2", "2", "1"]

    def test_it_fetches_nothing_and_takes_the_pages_ink(self) -> None:
        html = pile()
        assert "//" not in html
        assert "currentColor" in html
        assert not re.search(r"(?<![\w-])(black|white|#000|#fff)\b", html)

    def test_names_are_escaped(self) -> None:
        html = pile(sensitive_features=["</script><b>", "</script><b>", "o", "o"])
        assert "</script><b>" not in html
        assert html.count("</script>") == 1

    def test_same_input_same_text_and_another_input_another_name(self) -> None:
        first, again = (drawing.pile_map(PEOPLE, GROUPS, ACROSS, UP, CENTERS, COSTS, shown=(1, 0, 0)) for _ in range(2))
        assert first == again
        assert first._repr_html_() == first.html
        assert repr(first).startswith("OfflineFigure(")
        ids = [re.findall('id="(.*?)"', pile(costs=scale * COSTS))[0] for scale in (1.0, 2.0)]
        assert ids[0] != ids[1]

    def test_centers_at_one_place_and_people_at_one_place(self) -> None:
        html = pile(centers=np.ones((3, 2, 3, 2, 2)), X=np.ones((4, 2)), across=np.ones(3), up=np.ones(2))
        assert "nan" not in html
        assert "inf" not in html

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"X": np.ones((4, 3))}, r"X must have 2 columns to be a map, got an array of shape \(4, 3\)"),
            ({"centers": CENTERS[:, :1]}, r"centers must have the shape \(3, 2, 3, 2, 2\), got \(3, 1, 3, 2, 2\)"),
            ({"costs": COSTS[..., :1]}, r"costs must have the shape \(3, 2, 3, 2\), got \(3, 2, 3, 1\)"),
            ({"shown": (3, 0, 0)}, r"shown must be a position below \(3, 3, 2\), got \(3, 0, 0\)"),
            ({"sensitive_features": GROUPS[:3]}, "sensitive_features"),
        ],
    )
    def test_bad_input(self, change: dict[str, Any], message: str) -> None:
        with pytest.raises(ValueError, match=message):
            pile(**change)


class TestFigures:
    @pytest.mark.parametrize("name", FIGURES)
    def test_same_bytes_nothing_left_open_and_data_left_alone(self, name: str) -> None:
        tables = [RUNS, CURVES, INDICES]
        copies = [table.copy() for table in tables]
        assert svg(FIGURES[name]()) == svg(FIGURES[name]())
        assert plt.get_fignums() == []
        for table, copy in zip(tables, copies, strict=True):
            pd.testing.assert_frame_equal(table, copy)

    def test_gains_are_multiples_of_the_claims(self) -> None:
        ax = FIGURES["gains_beside_claims"]().axes[0]
        assert [label.get_text() for label in ax.get_yticklabels()] == ["adult, social", "bank, social"]
        racos, cmaes, _, bank = (np.asarray(dots.get_offsets()) for dots in ax.collections)
        assert sorted(racos[:, 0]) == pytest.approx([0.0, 0.5])
        assert cmaes[:, 0].tolist() == pytest.approx([15.0])
        assert bank[:, 0].tolist() == pytest.approx([3.0])
        bars: list[Any] = list(ax.patches)
        assert [bar.get_width() for bar in bars] == pytest.approx([1.5, 0.0])
        low, high = ax.get_xlim()
        assert low <= 0.0 < 15.0 < high

    def test_levels_are_where_they_belong(self) -> None:
        figure = FIGURES["budget_panels"]()
        for ax, name in zip(figure.axes, ("adult", "bank"), strict=True):
            lines: list[Any] = list(ax.lines[-2:])
            heights = [line.get_ydata()[0] for line in lines]
            assert heights == [LEVELS["fair"][name], LEVELS["paper"][name]]
            assert ax.get_xscale() == "log"
        assert [[text.get_text() for text in legend.get_texts()] for legend in figure.legends] == [
            ["RACOS", "CMA-ES"],
            ["fair", "paper"],
        ]

    def test_a_bar_per_index_and_a_gap_where_there_is_none(self) -> None:
        figure = FIGURES["index_bars"]()
        assert [ax.get_title() for ax in figure.axes] == ["balance cost", "social cost"] * 2
        vanilla, fair = ([bar.get_height() for bar in container] for container in figure.axes[0].containers)
        assert vanilla == pytest.approx([0.5, 0.9])
        assert np.isnan(fair[0])
        assert fair[1] == pytest.approx(0.9)
        hatches = {container[0].get_hatch() for container in figure.axes[0].containers}
        assert len(hatches) == 2

    def test_several_rows_are_a_mean_and_a_line_from_least_to_largest(self) -> None:
        twice = pd.concat([INDICES, INDICES.assign(silhouette=3 * INDICES["silhouette"])])
        columns, names = {"silhouette": "silhouette"}, {"vanilla": "vanilla", "fair": "fair"}
        figure = drawing.index_bars(twice, columns, names, {"balance_cost": "Combination 1"})
        assert [ax.get_title() for ax in figure.axes] == ["Combination 1", "social cost"]
        ax = figure.axes[0]
        assert [bar.get_height() for bar in ax.containers[0]] == pytest.approx([1.0, 1.8])
        lines: Any = ax.collections[0]
        assert [segment[:, 1].tolist() for segment in lines.get_segments()] == [
            pytest.approx([0.5, 1.5]),
            pytest.approx([0.9, 2.7]),
        ]

    @pytest.mark.parametrize(
        "draw",
        [
            lambda: drawing.gains_beside_claims(RUNS, {"lfw": 1.0}, {}, NAMES),
            lambda: drawing.index_bars(INDICES, {"silhouette": "s"}, {"other": "o"}),
            lambda: drawing.budget_panels({}, NAMES, LEVELS, x="size", y="best", xlabel="", ylabel=""),
        ],
    )
    def test_nothing_to_draw(self, draw: Callable[[], Figure]) -> None:
        with pytest.raises(ValueError, match="nothing to draw"):
            draw()
