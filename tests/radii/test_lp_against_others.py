"""The fair-radii LP against HiGHS and against cvxpy, each on the whole LP written straight from points and radii.

Nothing of the library goes into the two references: a row is a demand and a facility, coinciding rows are not merged,
and every assignment is a variable. Each case is one of those on which the two are most likely to part.
"""

from __future__ import annotations

from typing import Any

import cvxpy as cp
import numpy as np
import pytest
import scipy.sparse as sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import linprog

from fairclust.radii import FairRadiiLP, InfeasibleRadiiError, fair_radii, fair_radii_lp

Floats = NDArray[np.float64]


def allowed(X: Floats, radii: Floats) -> tuple[NDArray[np.intp], NDArray[np.intp], Floats]:
    """The pairs (demand, facility) within the radius, and all distances."""
    away = np.sqrt(((X[:, None] - X[None]) ** 2).sum(axis=2))
    demand, facility = np.nonzero(away <= radii[:, None] * (1.0 + 1e-12))
    return demand, facility, away


def nearest(X: Floats, m: int) -> tuple[NDArray[np.intp], NDArray[np.intp], Floats]:
    """The m nearest rows of each row by (distance, row): the authors' neighborhoods, ties cut."""
    away = np.sqrt(((X[:, None] - X[None]) ** 2).sum(axis=2))
    near = np.argsort(away, axis=1, kind="stable")[:, :m]
    return np.repeat(np.arange(len(X)), m), near.reshape(-1), away


def by_highs(pairs: tuple, k: int, power: float, weights: Floats, demands: Any = None) -> float | None:
    """Value of the LP, None if it has no solution. ``demands``: only these rows must be served."""
    demand, facility, away = pairs
    n = len(away)
    if demands is not None:
        kept = np.isin(demand, demands)
        demand, facility = demand[kept], facility[kept]
    edges, wanted = len(demand), np.arange(n) if demands is None else np.asarray(demands)
    row = np.full(n, -1)
    row[wanted] = np.arange(len(wanted))
    ones, each = np.ones(edges), np.arange(edges)
    served = sparse.hstack([sparse.csr_matrix((ones, (row[demand], each)), (len(wanted), edges)), _zeros(wanted, n)])
    below = sparse.hstack([sparse.identity(edges), sparse.csr_matrix((-ones, (each, facility)), (edges, n))])
    budget = sparse.hstack([sparse.csr_matrix((1, edges)), np.ones((1, n))])
    paid = weights[demand] * away[demand, facility] ** power
    # Costs near 1: HiGHS takes reduced costs below its tolerance for nothing, and fourth powers can all be that small.
    unit = float(paid[paid > 0.0].min(initial=np.inf))
    unit = unit if np.isfinite(unit) else 1.0
    found = linprog(
        np.concatenate([paid / unit, np.zeros(n)]),
        sparse.vstack([below, budget]).tocsr(),
        np.append(np.zeros(edges), k),
        served.tocsr(),
        np.ones(len(wanted)),
        (0, 1),
        method="highs",
        options={"primal_feasibility_tolerance": 1e-9, "dual_feasibility_tolerance": 1e-9},
    )
    assert found.status in (0, 2)
    return unit * float(found.fun) if found.status == 0 else None


def _zeros(rows: NDArray[np.intp], n: int) -> sparse.csr_matrix:
    return sparse.csr_matrix((len(rows), n))


def by_cvxpy(pairs: tuple, k: int, power: float, weights: Floats) -> float | None:
    """The same by an interior-point solver through cvxpy."""
    demand, facility, away = pairs
    n, edges = len(away), len(demand)
    x, y = cp.Variable(edges, nonneg=True), cp.Variable(n, nonneg=True)
    each = np.arange(edges)
    served = sparse.csr_matrix((np.ones(edges), (demand, each)), (n, edges))
    of_edge = sparse.csr_matrix((np.ones(edges), (each, facility)), (edges, n))
    paid = weights[demand] * away[demand, facility] ** power
    scale = max(float(paid.max(initial=0.0)), 1e-300)
    rules = [served @ x == 1, x <= of_edge @ y, y <= 1, cp.sum(y) <= k]
    problem = cp.Problem(cp.Minimize((paid / scale) @ x), rules)
    problem.solve(solver=cp.CLARABEL)
    if problem.status in (cp.INFEASIBLE, cp.INFEASIBLE_INACCURATE):
        return None
    assert problem.status == cp.OPTIMAL
    return float(problem.value) * scale


RNG = np.random.default_rng(11)
LATTICE = np.array([[i, j] for i in range(4) for j in range(4)], dtype=float)
CLOUD = RNG.normal(size=(11, 2))
COPIES = np.repeat(RNG.normal(size=(5, 2)), [4, 1, 3, 2, 5], axis=0)[RNG.permutation(15)]
CORNERS = np.array([[0.0, 0.0], [2.0, 0.0], [1.0, np.sqrt(3.0)]])
MIDDLES = np.vstack([CORNERS, (CORNERS + np.roll(CORNERS, 1, axis=0)) / 2])
RING = np.column_stack([np.cos(2 * np.pi * np.arange(7) / 7), np.sin(2 * np.pi * np.arange(7) / 7)])

#: Points, k, and radii where they are not the fair ones.
CASES: dict[str, tuple[Floats, int, Any]] = {
    "ties: a lattice": (LATTICE, 3, None),
    "ties: a lattice, k divides n": (LATTICE, 4, None),
    "ties: equally spaced on a line": (np.arange(12.0)[:, None], 5, None),
    "ties: a ring, fractional optimum": (RING, 3, np.full(7, 0.9)),
    "duplicates": (COPIES, 4, None),
    "duplicates and more centers than places": (COPIES, 9, None),
    "all points equal": (np.ones((6, 2)), 2, None),
    "zero radii by duplicates": (np.repeat([[0.0], [3.0], [4.0], [9.0]], [5, 1, 1, 1], axis=0), 3, None),
    "zero radii given": (CLOUD, 5, np.where(np.arange(11) % 4 == 0, 0.0, 2.5)),
    "zero radii given to all, k = n": (CLOUD, 11, np.zeros(11)),
    "one center": (CLOUD, 1, None),
    "one center, k = 1 on a lattice": (LATTICE, 1, None),
    "one point": (np.array([[3.0, 4.0]]), 1, None),
    "k = n": (CLOUD, 11, None),
    "k = n - 1": (CLOUD, 10, None),
    "n not divisible by k": (CLOUD, 4, None),
    "n not divisible by k, one over half": (CLOUD, 6, None),
    "constant column": (np.column_stack([np.full(11, 7.0), CLOUD[:, 0]]), 3, None),
    "very different scales": (CLOUD * [1e5, 1e-3], 3, None),
    "wide radii": (CLOUD, 3, np.full(11, 1e3)),
    "infeasible: disjoint balls": (np.array([[0.0], [10.0], [20.0], [20.5]]), 2, np.ones(4)),
    "infeasible: pairs meet, three do not": (MIDDLES, 1, np.array([1.0, 1.0, 1.0, 9.0, 9.0, 9.0]) + 1e-9),
    "infeasible: zero radii, too few centers": (CLOUD, 10, np.zeros(11)),
}


def assert_named(error: InfeasibleRadiiError, X: Floats, radii: Floats, k: int, *, enough: bool = True) -> None:
    """The rows of the error are named in it; disjoint balls prove it on their own, and so do the others if ``enough``.

    The dearest 2k + 1 rows, which are named where no k + 1 balls are disjoint, mostly have no solution of their own;
    about once in a hundred times they do.
    """
    rows = np.array(error.rows)
    assert len(set(error.rows)) == len(rows) > 0
    pairs = allowed(X, radii)
    if error.disjoint:
        assert len(rows) > k
        inside = np.zeros((len(X), len(X)), dtype=bool)
        inside[pairs[0], pairs[1]] = True
        # A facility is in one of their balls at most.
        assert (inside[rows].sum(axis=0) <= 1).all()
    if error.disjoint or enough:
        assert by_highs(pairs, k, 1.0, np.ones(len(X)), rows) is None
    assert all(str(row) in str(error) for row in error.rows[:12])


@pytest.mark.parametrize("power", [1.0, 1.5, 2.0, 3.0])
@pytest.mark.parametrize("case", CASES)
def test_equals_highs_and_cvxpy(case: str, power: float) -> None:
    X, k, given_radii = CASES[case]
    radii = fair_radii(X, k) if given_radii is None else given_radii
    pairs, ones = allowed(X, radii), np.ones(len(X))
    first, second = by_highs(pairs, k, power, ones), by_cvxpy(pairs, k, power, ones)
    if case.startswith("infeasible"):
        assert first is None
        assert second is None
        for method in ("interior", "benders"):
            with pytest.raises(InfeasibleRadiiError) as caught:
                fair_radii_lp(X, k, power=power, radii=radii, method=method)  # type: ignore[arg-type]
            assert_named(caught.value, X, radii, k)
        return
    assert first is not None
    assert second is not None
    away = pairs[2]
    scale = max(first, float((np.minimum(radii, away.max(axis=1)) ** power).max()), 1e-12)
    for method in ("interior", "benders"):
        lp = fair_radii_lp(X, k, power=power, radii=given_radii, method=method)  # type: ignore[arg-type]
        assert lp.status == "optimal"
        assert abs(lp.value - first) <= 1e-7 * scale
        assert abs(lp.value - second) <= 1e-5 * scale
        assert lp.lower_bound <= first + 1e-9 * scale
        assert_feasible(lp, X, k, radii)


def assert_feasible(lp: FairRadiiLP, X: Floats, k: int, radii: Floats) -> None:
    """A whole center is open within every radius, at most k in all."""
    np.testing.assert_array_equal(lp.points[lp.point_of_row], X)
    assert len(np.unique(lp.points, axis=0)) == len(lp.points)  # coinciding rows are one point
    assert lp.openings.sum() <= k + 1e-9
    assert ((lp.openings >= 0.0) & (lp.openings <= 1.0)).all()
    away = np.sqrt(((X[:, None] - lp.points[None]) ** 2).sum(axis=2))
    assert ((away <= radii[:, None] * (1 + 1e-12)) @ lp.openings >= 1 - 1e-7).all()


@pytest.mark.parametrize("case", [name for name in CASES if CASES[name][2] is None])
@pytest.mark.parametrize("power", [1.0, 2.0])
def test_ties_cut_equals_both(case: str, power: float) -> None:
    """The authors' neighborhoods: exactly floor(n/k) + 1 rows, coinciding rows kept apart."""
    X, k, _ = CASES[case]
    pairs, ones = nearest(X, min(len(X) // k + 1, len(X))), np.ones(len(X))
    first, second = by_highs(pairs, k, power, ones), by_cvxpy(pairs, k, power, ones)
    if first is None:
        assert second is None
        with pytest.raises(InfeasibleRadiiError):
            fair_radii_lp(X, k, power=power, ties="cut")
        return
    lp = fair_radii_lp(X, k, power=power, ties="cut")
    scale = max(first, float(fair_radii(X, k).max() ** power), 1e-12)
    assert abs(lp.value - first) <= 1e-7 * scale
    assert second is not None
    assert abs(lp.value - second) <= 1e-5 * scale
    # Fewer ways to serve: never cheaper than with all ties.
    assert fair_radii_lp(X, k, power=power).value <= lp.value + 1e-7 * scale


@st.composite
def instances(draw: st.DrawFn) -> tuple[Floats, int, float, Floats, Floats]:
    """Few points, often tied or coinciding; k from 1 to n; radii of either convention, scaled, with zeros; weights."""
    n = draw(st.integers(1, 10))
    k = draw(st.one_of(st.integers(1, n), st.sampled_from([1, n])))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    d = draw(st.integers(1, 2))
    if draw(st.booleans()):
        X = rng.integers(0, draw(st.integers(1, 5)), (n, d)).astype(float)
    else:
        X = rng.normal(size=(n, d))
    convention = draw(st.sampled_from(["exclude_self", "include_self"]))
    radii = fair_radii(X, k, convention=convention)  # type: ignore[arg-type]
    if draw(st.booleans()):
        radii = radii * rng.choice([0.0, 0.6, 1.0, 1.4], n)
    weights = rng.integers(0, 4, n).astype(float) if draw(st.booleans()) else np.ones(n)
    weights[0] = max(weights[0], 1.0)
    return X, k, draw(st.sampled_from([1.0, 1.5, 2.0, 4.0])), radii, weights


@settings(max_examples=80, deadline=None)
@given(instances())
def test_random_instances_equal_highs(instance: tuple) -> None:
    X, k, power, radii, weights = instance
    pairs = allowed(X, radii)
    reference = by_highs(pairs, k, power, weights)
    if reference is None:
        with pytest.raises(InfeasibleRadiiError) as caught:
            fair_radii_lp(X, k, power=power, radii=radii, weights=weights)
        assert_named(caught.value, X, radii, k, enough=False)
        return
    lp = fair_radii_lp(X, k, power=power, radii=radii, weights=weights)
    scale = max(reference, 1e-6 * float(weights @ np.minimum(radii, pairs[2].max(axis=1)) ** power), 1e-9)
    assert abs(lp.value - reference) <= 2e-6 * scale
    assert lp.lower_bound <= reference + 1e-7 * scale
    assert_feasible(lp, X, k, radii)


@settings(max_examples=25, deadline=None)
@given(instances())
def test_random_instances_equal_cvxpy(instance: tuple) -> None:
    X, k, power, radii, weights = instance
    pairs = allowed(X, radii)
    reference = by_cvxpy(pairs, k, power, weights)
    if reference is None:
        with pytest.raises(InfeasibleRadiiError):
            fair_radii_lp(X, k, power=power, radii=radii, weights=weights)
        return
    paid = weights[pairs[0]] * pairs[2][pairs[0], pairs[1]] ** power
    tolerance = 1e-5 * max(reference, float(paid.max(initial=0.0)), 1e-9)
    assert abs(fair_radii_lp(X, k, power=power, radii=radii, weights=weights).value - reference) <= tolerance
