"""The three steps of half-integral rounding, each by hand, by brute force and as a property."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairclust.radii.rounding import (
    nearest_other,
    round_half_integral,
    smudge_to_halves,
    smudge_to_nearest,
    two_coloring,
)


class TestNearestOther:
    def test_ties_go_to_the_lowest(self) -> None:
        partner, distances = nearest_other(np.array([[0.0], [1.0], [2.0], [3.0]]))
        assert partner.tolist() == [1, 0, 1, 2]
        assert distances.tolist() == [1.0, 1.0, 1.0, 1.0]

    def test_simplex_is_a_star(self, simplices) -> None:
        partner, distances = nearest_other(simplices([6], [2.0]))
        assert partner.tolist() == [1, 0, 0, 0, 0, 0]
        np.testing.assert_allclose(distances, 2.0)

    def test_one_row(self) -> None:
        with pytest.raises(ValueError, match="at least two rows, got 1"):
            nearest_other(np.zeros((1, 2)))

    @settings(deadline=None, max_examples=40)
    @given(st.integers(0, 2**32 - 1), st.integers(2, 30), st.integers(1, 4))
    def test_only_mutual_pairs_are_cycles(self, seed: int, s: int, dimension: int) -> None:
        # Lattices, where nearly every distance is tied: the rule for ties alone keeps longer cycles out.
        points = np.unique(np.random.default_rng(seed).integers(0, 4, (s, dimension)).astype(float), axis=0)
        if len(points) < 2:
            return
        partner, _ = nearest_other(points)
        for start in range(len(points)):
            u = start
            for _ in range(len(points)):
                u = int(partner[u])
            assert partner[partner[u]] == u


class TestSmudgeToNearest:
    def test_excess_goes_on_in_order(self) -> None:
        openings = np.array([0.9, 0.6, 0.6, 0.5, 0.9, 0.5])
        found = smudge_to_nearest(openings, np.array([2, 0, 1, 2, 3, 4]), 5, 4)
        # Member 2 holds 1.4; the 0.4 too many fill member 0.
        np.testing.assert_allclose(found, [1.0, 0.6, 1.0, 0.9, 0.5])

    def test_openings_below_k_are_filled_up(self) -> None:
        found = smudge_to_nearest(np.array([0.6, 0.6, 0.6]), np.array([0, 1, 2]), 3, 2)
        np.testing.assert_allclose(found, [0.8, 0.6, 0.6])

    def test_what_is_nearly_whole_is_whole(self) -> None:
        found = smudge_to_nearest(np.array([1 - 1e-8, 0.5, 0.5 - 1e-8]), np.array([0, 1, 2]), 3, 2)
        assert found.tolist() == [1.0, 0.5, 0.5]

    def test_filter_that_does_not_fit(self) -> None:
        with pytest.raises(RuntimeError, match=r"member 1 of the filter holds 0\.4 of a center, less than 1/2"):
            smudge_to_nearest(np.array([0.9, 0.4, 0.7]), np.array([0, 1, 2]), 3, 2)
        with pytest.raises(RuntimeError, match="2 members need no rounding to 2 centers"):
            smudge_to_nearest(np.array([1.0, 1.0]), np.array([0, 1]), 2, 2)


@st.composite
def smudged(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, int]:
    """y in [1/2, 1] with a whole sum, and costs with ties."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    s = draw(st.integers(2, 9))
    y = rng.uniform(0.5, 1.0, s)
    y[rng.random(s) < 0.25] = 1.0
    y[rng.random(s) < 0.25] = 0.5
    k = int(np.floor(y.sum()))
    spare = y - 0.5
    # Shrink towards 1/2 until the sum is whole (or, where even halves are too many, leave the case out below).
    part = y < 1.0
    too_much = y.sum() - k
    if spare[part].sum() > too_much:
        y[part] -= spare[part] * too_much / spare[part].sum()
    return y, rng.integers(0, 4, s).astype(float), k


class TestSmudgeToHalves:
    @settings(deadline=None, max_examples=100)
    @given(smudged())
    def test_brute_force(self, case: tuple[np.ndarray, np.ndarray, int]) -> None:
        y, costs, k = case
        if abs(y.sum() - k) > 1e-9:
            return
        halves = smudge_to_halves(y, costs, k)
        assert set(halves) <= {0.5, 1.0}
        assert halves.sum() == k
        assert (halves[y == 1.0] == 1.0).all()
        part = np.flatnonzero(y < 1.0)
        n_dear = int((halves[part] == 1.0).sum())
        lost = costs @ (1.0 - halves)
        choices = combinations(range(len(part)), n_dear)
        best = min(0.5 * np.delete(costs[part], list(raised)).sum() for raised in choices)
        assert lost == best
        assert lost <= costs @ (1.0 - y) + 1e-9

    def test_of_equals_the_lower_is_raised(self) -> None:
        assert smudge_to_halves(np.full(4, 0.75), np.ones(4), 3).tolist() == [1.0, 1.0, 0.5, 0.5]

    def test_sum_that_does_not_fit(self) -> None:
        with pytest.raises(RuntimeError, match=r"add up to 2\.1 cannot become halves of 1 centers"):
            smudge_to_halves(np.array([0.7, 0.7, 0.7]), np.ones(3), 1)


class TestTwoColoring:
    def test_path_pair_and_lone_nodes(self) -> None:
        # 0 - 1 - 2 - 3 is a path whose first two are a mutual pair; 4 is at 1, and 5 its partner stands alone.
        halves = np.array([0.5, 0.5, 0.5, 0.5, 1.0, 0.5])
        assert two_coloring(halves, np.array([1, 0, 1, 2, 5, 4])).tolist() == [1, -1, 1, -1, 0, -1]

    def test_roots_alternate(self) -> None:
        partner = np.array([1, 0, 3, 2, 5, 4])
        assert two_coloring(np.full(6, 0.5), partner).tolist() == [1, -1, -1, 1, 1, -1]

    def test_star(self) -> None:
        assert two_coloring(np.full(5, 0.5), np.array([1, 0, 0, 0, 0])).tolist() == [1, -1, -1, -1, -1]

    def test_odd_cycle(self) -> None:
        with pytest.raises(RuntimeError, match="odd cycle"):
            two_coloring(np.full(3, 0.5), np.array([1, 2, 0]))

    def test_long_path_does_not_recurse(self) -> None:
        n = 5000
        colors = two_coloring(np.full(n, 0.5), np.maximum(np.arange(n) - 1, 0) + (np.arange(n) == 0))
        assert (colors[1:] == -colors[:-1]).all()


@st.composite
def members(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Points (often tied), openings at them that add up to k, and weights."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    s = draw(st.integers(2, 25))
    points = rng.permutation(30)[:s]
    points = np.column_stack([points // 6, points % 6]) * 1.0
    if draw(st.booleans()):
        points += rng.normal(size=points.shape)
    k = int(rng.integers((s + 1) // 2, s)) if s > 2 else 1
    share = 2 * k - s
    raised = rng.dirichlet(np.ones(s)) * share
    while (raised > 1.0).any():
        raised = 0.5 * (raised + share / s)
    return points, 0.5 + raised / 2.0, rng.integers(0, 5, s).astype(float), k


class TestRoundHalfIntegral:
    @settings(deadline=None, max_examples=150)
    @given(members(), st.sampled_from([1.0, 1.5, 2.0, 3.0]))
    def test_what_the_analysis_needs(self, case: tuple, power: float) -> None:
        points, openings, weights, k = case
        found = round_half_integral(openings, np.arange(len(points)), points, weights, k, power=power)
        away = np.linalg.norm(points[:, None] - points[None], axis=2)
        np.fill_diagonal(away, np.inf)
        np.testing.assert_allclose(found.redirect_costs, weights * away.min(axis=1) ** power, rtol=1e-9)
        np.testing.assert_allclose(found.smudged.sum(), k, atol=1e-5)
        assert found.halves.sum() == k
        assert 1 <= found.opened.sum() <= k
        assert (found.opened | found.opened[found.partner]).all()  # a closed one has its partner open
        assert found.opened[found.smudged == 1.0].all()
        closed = found.redirect_costs[~found.opened].sum()
        assert closed <= 2.0 * (found.redirect_costs @ (1.0 - found.smudged)) * (1 + 1e-9) + 1e-4
        both = found.colors != 0
        inside = both & both[found.partner]
        assert (found.colors[inside] == -found.colors[found.partner[inside]]).all()

    def test_the_rarer_color_opens(self) -> None:
        # A star: the middle, row 0, against four leaves; row 5 hangs on leaf 1, so it has the color of the middle.
        points = np.array([[0.0, 0.0], [1.0, 0.0], [-1.1, 0.0], [0.0, 1.2], [0.0, -1.3], [50.0, 0.0]])
        found = round_half_integral(np.full(6, 0.5), np.arange(6), points, np.ones(6), 3, power=2)
        assert found.partner.tolist() == [1, 0, 0, 0, 0, 1]
        assert found.opened.tolist() == [True, False, False, False, False, True]

    def test_of_equally_rare_colors_the_cheaper_closes(self) -> None:
        points, weights = np.array([[0.0], [1.0]]), np.array([1.0, 3.0])
        found = round_half_integral(np.full(2, 0.5), np.arange(2), points, weights, 1, power=1)
        assert found.opened.tolist() == [False, True]
        found = round_half_integral(np.full(2, 0.5), np.arange(2), points, np.ones(2), 1, power=1)
        assert found.opened.tolist() == [True, False]
