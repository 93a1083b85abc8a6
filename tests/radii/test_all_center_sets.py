"""Every method beside all sets of k rows on instances small enough to try them all.

What an optimum is for: no method beats it where it cannot, none loses more than is proved, and who says that no k rows
keep the radii must be right.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fairclust.baselines import JungKannanLutz, MahabadiVakilian
from fairclust.radii import (
    FairRadiiClustering,
    InfeasibleRadiiError,
    cost_violation_curve,
    fair_radii,
    fair_radii_lp,
    sparse_fair_round,
)

Floats = NDArray[np.float64]
Instance = tuple[Floats, int, Floats]
POWERS = st.sampled_from([1.0, 1.5, 2.0, 3.0])


class Sets:
    """All sets of k rows: the distances that each leaves."""

    def __init__(self, X: Floats, k: int, radii: Floats) -> None:
        self.radii, self.k = radii, k
        away = np.sqrt(((X[:, None] - X[None]) ** 2).sum(axis=2))
        self.sets = list(combinations(range(len(X)), k))
        self.near = np.array([away[:, rows].min(axis=1) for rows in self.sets])

    def keep(self, factor: float = 1.0) -> NDArray[np.bool_]:
        """Which sets are within ``factor`` times every radius."""
        return np.asarray((self.near <= factor * self.radii * (1.0 + 1e-12)).all(axis=1))

    def best_cost(self, power: float, factor: float = 1.0) -> float:
        """The least cost of those; infinite if there are none."""
        costs = (self.near[self.keep(factor)] ** power).sum(axis=1)
        return float(costs.min(initial=np.inf))

    def least_violation(self) -> float:
        """The least largest violation of any set; 0/0 is no violation."""
        with np.errstate(divide="ignore", invalid="ignore"):
            theta = self.near / self.radii
        return float(np.where(np.isnan(theta), 0.0, theta).max(axis=1).min())


def cost_of(X: Floats, rows: NDArray[np.intp], power: float) -> tuple[float, Floats]:
    near = np.sqrt(((X[:, None] - X[rows][None]) ** 2).sum(axis=2)).min(axis=1)
    return float((near**power).sum()), near


@st.composite
def instances(draw: st.DrawFn, *, fair: bool = False) -> Instance:
    """At most eight points, half of them on a small lattice; fair radii, or such as some k rows may not keep."""
    n = draw(st.integers(1, 8))
    k = draw(st.integers(1, n))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    X = rng.integers(0, 4, (n, 2)).astype(float) if draw(st.booleans()) else rng.normal(size=(n, 2))
    radii = fair_radii(X, k, convention=draw(st.sampled_from(["exclude_self", "include_self"])))
    if not fair and draw(st.booleans()):
        radii = radii * rng.choice([0.0, 0.5, 0.8, 1.2], n)
    return X, k, radii


@settings(deadline=None, max_examples=60)
@given(instances(), POWERS)
def test_the_lp_bounds_the_optimum_and_is_it_where_it_is_whole(instance: Instance, power: float) -> None:
    X, k, radii = instance
    sets = Sets(X, k, radii)
    best = sets.best_cost(power)
    try:
        lp = fair_radii_lp(X, k, power=power, radii=radii)
    except InfeasibleRadiiError:
        assert best == np.inf
        return
    tiny = 1e-9 * max(1.0, float((sets.near**power).sum(axis=1).max()))
    assert lp.lower_bound <= best + tiny
    if (np.minimum(lp.openings, 1.0 - lp.openings) < 1e-7).all():
        assert lp.value == pytest.approx(best, rel=1e-5, abs=1e3 * tiny)


@settings(deadline=None, max_examples=60)
@given(instances(), POWERS, st.booleans(), st.booleans())
def test_fair_round(instance: Instance, power: float, shortcut: bool, polish: bool) -> None:
    X, k, radii = instance
    sets = Sets(X, k, radii)
    try:
        model = FairRadiiClustering(k, power, radii=radii, shortcut=shortcut, polish=polish).fit(X)
    except InfeasibleRadiiError:
        assert not sets.keep().any()
        return
    cost, near = cost_of(X, model.center_indices_, power)
    assert len(model.center_indices_) <= k
    assert (near <= model.guarantees_.violation_bound * radii * (1 + 1e-8)).all()
    assert model.guarantees_.violation_bound <= 8.0
    assert model.lower_bound_**power <= sets.best_cost(power) * (1 + 1e-9) + 1e-9
    if sets.keep().any():
        assert cost <= 2.0 ** (2 * power + 1) * sets.best_cost(power) + 1e-4
    # Among the sets that are as fair as the result (fewer rows are part of some set) none is dearer than need be: the
    # result is one of them, so that their best costs no more.
    reached = max(1.0, float(model.guarantees_.violation)) * (1 + 1e-9)
    assert sets.best_cost(power, reached) <= cost * (1 + 1e-9) + 1e-12


@settings(deadline=None, max_examples=40)
@given(instances(fair=True), st.sampled_from([1.0, 2.0]))
def test_relaxed_fair_round(instance: Instance, power: float) -> None:
    """With MV's distances as radii MV's own centers are one of the sets, so that something keeps them."""
    X, k, radii = instance
    near = cost_of(X, MahabadiVakilian(k, power=power, radii=radii).fit(X).center_indices_, power)
    laxer = np.maximum(radii, near[1])
    model = FairRadiiClustering(k, power, radii=laxer).fit(X)
    best = Sets(X, k, laxer).best_cost(power)
    assert model.lower_bound_**power <= best * (1 + 1e-9) + 1e-9
    assert best <= near[0] * (1 + 1e-9)
    assert model.cost_**power <= 2.0 ** (2 * power + 1) * best + 1e-4
    np.testing.assert_allclose(
        np.nan_to_num(model.fair_violations_ * fair_radii(X, k)), np.nan_to_num(model.violations_ * laxer), atol=1e-9
    )


@settings(deadline=None, max_examples=40)
@given(instances(fair=True), st.sampled_from([1.0, 2.0]), st.sampled_from([0.0, 0.3, 1.0]))
def test_sparse_fair_round(instance: Instance, power: float, delta: float) -> None:
    X, k, radii = instance
    found = sparse_fair_round(X, k, delta, power=power, radii=radii)
    cost, near = cost_of(X, found.rounding.center_indices, power)
    assert len(found.rounding.center_indices) <= k
    assert (near <= found.rounding.guarantees.violation_bound * radii * (1 + 1e-8)).all()
    # As fair sets exist, the result among them.
    reached = max(1.0, float(found.rounding.guarantees.violation)) * (1 + 1e-9)
    assert Sets(X, k, radii).best_cost(power, reached) <= cost * (1 + 1e-9) + 1e-12


@settings(deadline=None, max_examples=80)
@given(instances())
def test_jung_kannan_lutz(instance: Instance) -> None:
    """Never below the least violation of any set, and within 2 whenever some set keeps the radii."""
    X, k, radii = instance
    sets = Sets(X, k, radii)
    least = sets.least_violation()
    try:
        model = JungKannanLutz(k, radii=radii).fit(X)
    except InfeasibleRadiiError as error:
        assert least > 1.0
        assert_disjoint(error, X, radii, k)
        return
    assert least <= model.objective_ * (1 + 1e-9) + 1e-12
    assert model.objective_ <= 2.0 * (1 + 1e-8)


@settings(deadline=None, max_examples=60)
@given(instances(), st.sampled_from([1.0, 2.0]), st.sampled_from(["coded", "theory"]))
def test_mahabadi_vakilian(instance: Instance, power: float, which: str) -> None:
    """Never below the best set with a center in every critical ball; each set that keeps all radii is such a set."""
    X, k, radii = instance
    sets = Sets(X, k, radii)
    try:
        model = MahabadiVakilian(k, power=power, radii=radii, critical_radius=which).fit(X)  # type: ignore[arg-type]
    except InfeasibleRadiiError as error:
        assert not sets.keep().any()
        assert_disjoint(error, X, radii, k)
        return
    balls = model.critical_balls_
    inside = sets.near[:, balls.center_indices] <= balls.radii * (1 + 1e-12)
    feasible = np.asarray(inside.all(axis=1))
    assert (feasible | ~sets.keep()).all()
    rows = tuple(model.center_indices_.tolist())
    assert feasible[sets.sets.index(rows)]
    best = float((sets.near[feasible] ** power).sum(axis=1).min())
    cost, near = cost_of(X, model.center_indices_, power)
    assert best <= cost * (1 + 1e-12) + 1e-12
    assert (near <= (5.0 if which == "coded" else 7.0) * radii * (1 + 1e-8)).all()


def assert_disjoint(error: InfeasibleRadiiError, X: Floats, radii: Floats, k: int) -> None:
    """More than k of the named rows' balls, and no two of them meet in a row (nor anywhere)."""
    rows = np.array(error.rows)
    assert len(rows) > k
    away = np.sqrt(((X[rows][:, None] - X[rows][None]) ** 2).sum(axis=2))
    apart = away > (radii[rows][:, None] + radii[rows][None]) * (1 - 1e-12)
    assert apart[~np.eye(len(rows), dtype=bool)].all()
    assert all(str(row) in str(error) for row in rows[:10])


@settings(deadline=None, max_examples=20)
@given(instances(fair=True), st.sampled_from([1.0, 2.0]))
def test_the_curve(instance: Instance, power: float) -> None:
    """At every multiple the bound is below the best set that keeps the multiplied radii; infeasible means none does."""
    X, k, radii = instance
    sets = Sets(X, k, radii)
    table = cost_violation_curve(X, k, (0.5, 1.0, 2.0), power=power, radii=radii)
    for row in table.to_dict("records"):
        best = sets.best_cost(power, row["theta"])
        if row["branch"] == "infeasible":
            assert best == np.inf
        else:
            assert row["lower_bound"] ** power <= best * (1 + 1e-9) + 1e-9
            assert row["polished_cost"] <= row["cost"] * (1 + 1e-12)
