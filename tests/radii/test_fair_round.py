"""Fair-Round on instances whose rounding is real, on those that the filter settles, and on corrupted input."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairclust.distances import nearest_centers
from fairclust.metrics.radius import fair_radii
from fairclust.radii import fair_radii_lp
from fairclust.radii.fair_round import fair_round, filter_or_none, filter_radii, first_rows, smallest_rho
from fairclust.solvers.ball_filter import ball_filter


def cost_of(X, rows, power, weights=None) -> float:
    away = np.linalg.norm(X[:, None] - X[rows][None], axis=2).min(axis=1)
    return float((away**power) @ (np.ones(len(X)) if weights is None else weights))


@pytest.mark.parametrize("lattice", [False, True])
@pytest.mark.parametrize("power", [1.0, 2.0])
def test_real_rounding_keeps_all_promises(towns, lattice: bool, power: float) -> None:
    seen = 0
    for seed in range(40):
        X, k, lp = towns(seed, power, lattice=lattice)
        found = fair_round(X, k, lp, power=power)
        seen += found.branch == "half-integral"
        assert 1 <= len(found.center_indices) <= k
        away = np.linalg.norm(X[:, None] - X[found.center_indices][None], axis=2).min(axis=1)
        assert (away <= 8.0 * lp.radii * (1 + 1e-9)).all()
        assert (away**power).sum() <= 2.0 ** (power + 2) * lp.value  # here even the published factor holds
        if found.steps is None:
            continue
        assert found.rho == 2.0
        # What the filter left, recomputed: disjoint balls with at least half a center in each.
        reach = np.minimum(lp.radii, (2.0 * lp.cost_shares) ** (1 / power))
        np.testing.assert_array_equal(found.reach, reach)
        assert sorted(ball_filter(X, reach, 2.0).center_indices) == found.filtered.tolist()
        assert len(found.filtered) > k
        between = np.linalg.norm(X[found.filtered][:, None] - X[None], axis=2)
        inside = between <= reach[found.filtered][:, None] * (1 + 1e-12)
        assert (inside.sum(axis=0) <= 1).all()
        assert (inside @ lp.openings >= 0.5 - 1e-9).all()
        assert set(found.center_indices) <= set(found.filtered)
        to_representative = np.linalg.norm(X - X[found.representatives], axis=1)
        assert (to_representative <= 2.0 * reach * (1 + 1e-12)).all()
        assert (found.steps.opened | found.steps.opened[found.steps.partner]).all()
    assert seen >= 30, f"only {seen} of 40 instances are rounded"


@pytest.mark.parametrize(
    ("sizes", "edges", "k", "power"),
    [
        ([5], [1.0], 4, 1),
        ([7], [1.0], 6, 1.5),
        ([9], [1.0], 8, 2),
        ([20], [2.0], 18, 2),
        ([17], [0.5], 16, 3),
        ([8, 8, 8], [1.0, 1.0, 1.0], 21, 1),
    ],
)
def test_the_lps_own_fractional_solution(simplices, sizes, edges, k, power) -> None:
    X = simplices(sizes, edges)
    lp = fair_radii_lp(X, k, power=power, radii=np.full(len(X), 3.0))
    np.testing.assert_allclose(lp.openings, k / len(X), atol=1e-4)
    found = fair_round(X, k, lp, power=power)
    assert found.branch == "half-integral"
    assert len(found.filtered) == len(X)
    # Every corner is as far from every other: any k of them are optimal.
    assert found.guarantees.cost_factor == pytest.approx(1.0, rel=1e-6)
    assert len(found.center_indices) == k
    assert (found.guarantees.violation_bound, found.guarantees.cost_bound) == (8.0, 2.0 ** (2 * power + 1))
    assert found.guarantees.keeps_published
    # The shortcut is no way out: it needs a filter that leaves at most k.
    assert fair_round(X, k, lp, power=power, shortcut=False).branch == "half-integral"
    np.testing.assert_allclose(found.steps.smudged.sum(), k, atol=1e-5)
    assert (found.steps.halves == 0.5).sum() == 2 * (len(X) - k)


def test_duplicates_weights_and_the_first_row(simplices) -> None:
    X = np.repeat(simplices([9], [1.0]), 3, axis=0)[::-1].copy()
    weights = np.where(np.arange(27) % 3 == 0, 1.0, 0.0)
    radii = np.full(27, 3.0)
    lp = fair_radii_lp(X, 8, radii=radii, weights=weights)
    found = fair_round(X, 8, lp, weights=weights)
    assert found.branch == "half-integral"
    assert (found.center_indices % 3 == 0).all()  # of three rows at one place the first
    assert (found.filtered % 3 == 0).all()
    assert cost_of(X, found.center_indices, 2, weights) == pytest.approx(lp.value, rel=1e-6)


def test_of_coinciding_rows_with_different_radii_the_first_opens() -> None:
    # R = 2, 0, 1 for rho = 2: the filter meets row 2 before row 0 at the same place.
    X, radii, shares = np.array([[0.0], [9.0], [0.0]]), np.array([2.0, 1.0, 1.0]), np.array([1.5, 0.0, 1.5])
    assert ball_filter(X, filter_radii(radii, shares, 2.0, 1.0), 2.0).center_indices.tolist() == [1, 2]
    found = filter_or_none(X, 2, radii, shares, power=1.0, weights=np.ones(3), shortcut=False)
    assert found is not None
    assert found.center_indices.tolist() == found.filtered.tolist() == [0, 1]
    assert found.representatives.tolist() == [0, 1, 0]


def test_weights_decide_who_closes(simplices) -> None:
    X = simplices([9], [1.0])
    weights = np.ones(9)
    lp = fair_radii_lp(X, 8, radii=np.full(9, 3.0), weights=weights)
    heavy = np.arange(9, 0, -1).astype(float)
    # Any openings that add up to 8 cost the same in this program, so that its solution serves these weights, too.
    found = fair_round(X, 8, replace(lp, value=float(heavy @ lp.cost_shares)), weights=heavy)
    # The two lightest stay at 1/2. Row 0, their partner, is open, so each is a tree of its own, and the two roots have
    # different colors, equally rare: the one whose closing is cheaper closes.
    assert found.steps.halves.tolist() == [1.0] * 7 + [0.5] * 2
    assert found.steps.colors.tolist() == [0] * 7 + [1, -1]
    assert found.center_indices.tolist() == list(range(8))


class TestShortcut:
    @settings(deadline=None, max_examples=25)
    @given(st.integers(0, 2**32 - 1), st.integers(1, 8), st.sampled_from([1.0, 1.7, 2.0]))
    def test_both_ways(self, seed: int, k: int, power: float) -> None:
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(40, 2)) if seed % 2 else rng.integers(0, 5, (40, 2)).astype(float)
        lp = fair_radii_lp(X, k, power=power)
        quick = fair_round(X, k, lp, power=power)
        plain = fair_round(X, k, lp, power=power, shortcut=False)
        for found in (quick, plain):
            assert len(found.center_indices) <= k
            assert found.guarantees.violation <= 2.0 * (1 + 1e-9) or found.branch == "half-integral"
            assert cost_of(X, found.center_indices, power) <= 2.0 ** (2 * power + 1) * lp.value + 1e-6
        if quick.branch == "shortcut":
            assert plain.branch == "filter"
            assert plain.rho == 2.0
            assert 0.0 < quick.rho <= 2.0
            for found in (quick, plain):
                assert found.guarantees.violation_bound == 2.0
                assert found.guarantees.cost_bound == 2.0**power * found.rho
            assert cost_of(X, quick.center_indices, power) <= 2.0**power * quick.rho * lp.value * (1 + 1e-6) + 1e-9
            below = quick.rho - np.linspace(1e-7, 1e-6, 8)
            reach = [filter_radii(lp.radii, lp.cost_shares, rho, power) for rho in below if rho > 0]
            assert quick.rho < 2e-6 or any(len(ball_filter(X, r, 2.0)) > k for r in reach)
        else:
            assert plain.branch == quick.branch == "half-integral"

    def test_by_hand(self) -> None:
        # r = 2; C = 1, 0, 1 twice. The ends reach the middles if 2 sqrt(rho) >= 1, so the search ends at rho = 1/4.
        X = np.array([[0.0], [1.0], [2.0], [8.0], [9.0], [10.0]])
        found = fair_round(X, 2, fair_radii_lp(X, 2, radii=np.full(6, 2.0)))
        assert found.branch == "shortcut"
        assert found.rho == pytest.approx(0.25, abs=2e-6)
        assert found.center_indices.tolist() == [1, 4]
        assert found.representatives.tolist() == [1, 1, 1, 4, 4, 4]

    def test_none_where_two_does_not_do(self, simplices) -> None:
        X = simplices([9], [1.0])
        assert smallest_rho(X, np.full(9, 3.0), np.full(9, 1 / 9), 8, power=2.0) is None


def test_at_most_the_proved_factor_above_the_best_fair_centers() -> None:
    rng = np.random.default_rng(3)
    compared = 0
    for _ in range(60):
        n, k, power = int(rng.integers(3, 9)), int(rng.integers(1, 4)), float(rng.choice([1.0, 2.0, 2.5]))
        X = rng.integers(0, 5, (n, 2)).astype(float)
        k = min(k, n)
        radii = 1.3 * fair_radii(X, k)
        away = np.linalg.norm(X[:, None] - X[None], axis=2)
        best = np.inf
        for centers in combinations(range(n), k):
            near = away[:, list(centers)].min(axis=1)
            if (near <= radii * (1 + 1e-12)).all():
                best = min(best, float((near**power).sum()))
        lp = fair_radii_lp(X, k, power=power, radii=radii)
        found = fair_round(X, k, lp, power=power)
        assert cost_of(X, found.center_indices, power) <= 2.0 ** (2 * power + 1) * lp.value + 1e-5
        if np.isfinite(best):
            compared += 1
            assert lp.lower_bound <= best * (1 + 1e-9)
            assert cost_of(X, found.center_indices, power) <= 2.0 ** (2 * power + 1) * best + 1e-5
    assert compared > 20


def test_order_of_rows(towns) -> None:
    for seed in (1, 5, 8):
        X, k, lp = towns(seed, 2.0, lattice=False)
        first = fair_round(X, k, lp)
        rows = np.random.default_rng(seed).permutation(len(X))
        moved = replace(
            lp,
            points=X[rows],
            openings=lp.openings[rows],
            cost_shares=lp.cost_shares[rows],
            radii=lp.radii[rows],
        )
        # The excess is handed on in the order of the rows, so the openings in between may differ; what is filtered not.
        second = fair_round(X[rows], k, moved)
        assert sorted(rows[second.filtered]) == first.filtered.tolist()
        assert sorted(rows[fair_round(X[rows], k, moved, shortcut=False).filtered]) == first.filtered.tolist()


def test_order_of_rows_where_the_filter_decides() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2))
    radii = fair_radii(X, 6) * rng.uniform(1.0, 1.1, 60)
    rows = rng.permutation(60)
    first = fair_round(X, 6, fair_radii_lp(X, 6, radii=radii))
    second = fair_round(X[rows], 6, fair_radii_lp(X[rows], 6, radii=radii[rows]))
    assert sorted(rows[second.center_indices]) == first.center_indices.tolist()


def test_corrupted_cost_shares_are_caught(simplices, corrupted) -> None:
    X = simplices([9], [1.0])
    # Two of nine corners open: with true shares the filter leaves few rows; with false ones all, most of them not half
    # open.
    lp = fair_radii_lp(X, 2, radii=np.full(9, 3.0))
    wrong = corrupted(lp)
    with pytest.raises(RuntimeError, match="less than 1/2: the filter and the openings do not fit"):
        fair_round(X, 2, replace(wrong, value=float(wrong.cost_shares.sum())))


def test_openings_that_serve_nobody_are_caught(simplices) -> None:
    X = np.vstack([simplices([9], [1.0]), np.full((1, 10), 50.0)])
    # All nine corners half open or more, the row far away not at all, and yet said to pay nothing.
    openings = np.append(np.full(9, 8 / 9), 0.0)
    lp = replace(
        fair_radii_lp(X, 9, radii=np.full(10, 3.0)), openings=openings, points=X, point_of_row=np.arange(10),
        cost_shares=np.append(np.full(9, 1 / 9), 0.0), value=1.0, n_clusters=8,
    )  # fmt: skip
    with pytest.raises(RuntimeError, match="less than 1/2"):
        fair_round(X, 8, lp)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_clusters": 3}, "lp was solved for n_clusters=2, but n_clusters is 3"),
        ({"power": 1}, "lp was solved for power=2, but power is 1"),
        ({"X": [[0.0], [1.0], [9.0], [11.0]]}, "lp was solved for other points than X"),
        ({"weights": [1.0, 2.0, 1.0, 1.0]}, "lp was solved with other weights"),
    ],
)
def test_a_program_for_something_else_is_refused(change, message) -> None:
    X = [[0.0], [1.0], [9.0], [10.0]]
    arguments = {"X": X, "n_clusters": 2, "lp": fair_radii_lp(X, 2)} | change
    with pytest.raises(ValueError, match=message):
        fair_round(**arguments)
    with pytest.raises(TypeError, match="lp must be what fair_radii_lp returns, got NoneType"):
        fair_round(X, 2, None)


def test_first_rows() -> None:
    X = np.array([[1.0], [0.0], [1.0], [0.0], [2.0]])
    assert first_rows(X, np.array([2, 3, 4, 0])).tolist() == [0, 1, 4, 0]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"n_clusters": 0}, ValueError, "n_clusters must be at least 1"),
        ({"n_clusters": 4}, ValueError, "larger than the number of rows"),
        ({"X": [[0.0], [1.0]]}, ValueError, "lp was solved for other points than X"),
        ({"X": [[0.0], [1.0], [5.0]]}, ValueError, "lp was solved for other points than X"),
        ({"X": [[0.0], [1.0], [np.nan]]}, ValueError, "NaN at row 2"),
        ({"power": 0.5}, ValueError, "power must be at least 1"),
        ({"weights": [1.0, -1.0, 1.0]}, ValueError, "row 1 has -1"),
    ],
)
def test_bad_input(change, error, message) -> None:
    X = [[0.0], [1.0], [4.0]]
    arguments = {"X": X, "n_clusters": 1, "lp": fair_radii_lp(X, 1)} | change
    with pytest.raises(error, match=message):
        fair_round(arguments.pop("X"), arguments.pop("n_clusters"), arguments.pop("lp"), **arguments)


def test_zero_radii_must_have_their_center() -> None:
    # Six rows at each of three places: with radii of 0 each place needs a center right there.
    X = np.repeat([[0.0], [1.0], [7.0]], 6, axis=0)
    found = fair_round(X, 3, fair_radii_lp(X, 3, radii=np.zeros(18)))
    assert found.center_indices.tolist() == [0, 6, 12]
    assert found.guarantees.violation == 0.0
    assert nearest_centers(X, X[found.center_indices])[1].max() == 0.0
