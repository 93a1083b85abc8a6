"""Cholesky factors by panels: against numpy's, on balls in one dimension and in several, and where there are none."""

import itertools

import numpy as np
import pytest

from fairclust.solvers import facility_cholesky as cholesky
from fairclust.solvers.facility_cholesky import Elimination, factorise, plan_elimination


def balls_of(points, size):
    """The ``size`` nearest points of each, ascending: start and node of a program."""
    away = np.linalg.norm(points[:, None] - points[None], axis=2)
    node = np.sort(np.argsort(away, axis=1, kind="stable")[:, :size], axis=1)
    return np.arange(0, node.size + 1, size, dtype=np.int64), node.ravel().astype(np.int32)


def sum_of_products(start, node, m, seed):
    """A positive definite matrix over these balls."""
    rng = np.random.default_rng(seed)
    matrix = np.diag(rng.uniform(0.1, 1.0, m))
    for first, end in itertools.pairwise(start):
        q = rng.uniform(0.1, 1.0, end - first)
        matrix[np.ix_(node[first:end], node[first:end])] += np.outer(q, q)
    return matrix


def renumbered(matrix, position):
    """The matrix with facility u called position[u]."""
    old = np.argsort(position)
    return matrix[np.ix_(old, old)]


@pytest.fixture
def eager(monkeypatch):
    """Plans are made for the smallest matrices too."""
    monkeypatch.setattr(cholesky, "N_WORTH", 2)
    monkeypatch.setattr(cholesky, "OVERHEAD", 10.0)
    monkeypatch.setattr(cholesky, "SHARE_WORTH", 1e9)


@pytest.mark.parametrize("dimensions", [1, 2, 5])
@pytest.mark.parametrize(("n", "size"), [(2, 1), (2, 2), (40, 1), (40, 3), (150, 12), (150, 140), (300, 20)])
def test_solves_what_numpy_solves(eager, dimensions, n, size):
    rng = np.random.default_rng(n + size + dimensions)
    start, node = balls_of(rng.normal(size=(n, dimensions)), size)
    plan = plan_elimination(start, node, n)
    matrix = sum_of_products(start, node, n, 1)
    factor = factorise(renumbered(matrix, plan.position), plan)
    right = rng.normal(size=n)
    expected = np.linalg.solve(matrix, right)
    given = right[np.argsort(plan.position)].copy()
    found = factor.solve(given)[plan.position]
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-10 * abs(expected).max())
    np.testing.assert_array_equal(given, right[np.argsort(plan.position)])


@pytest.mark.parametrize(("n", "size"), [(40, 1), (40, 3), (150, 12)])
def test_the_lower_triangle_is_zero_afterwards(eager, n, size):
    start, node = balls_of(np.random.default_rng(n).normal(size=(n, 1)), size)
    plan = plan_elimination(start, node, n)
    assert not plan.is_dense
    matrix = np.tril(renumbered(sum_of_products(start, node, n, 1), plan.position))
    assert factorise(matrix, plan) is not None
    assert not matrix.any()


@pytest.mark.parametrize("dimensions", [1, 3])
def test_a_plan_holds_each_facility_once_and_each_entry_of_the_factor(eager, dimensions):
    rng = np.random.default_rng(dimensions)
    start, node = balls_of(rng.normal(size=(120, dimensions)), 9)
    plan = plan_elimination(start, node, 120)
    assert sorted(plan.position) == list(range(120))
    assert plan.cut[0] == plan.row_start[0] == 0
    assert plan.cut[-1] == 120
    assert (np.diff(plan.cut) >= 1).all()
    assert np.diff(plan.cut).max() <= cholesky.WIDTH
    factor = np.linalg.cholesky(renumbered(sum_of_products(start, node, 120, 0), plan.position))
    for s, (first, end) in enumerate(itertools.pairwise(plan.cut)):
        rows = plan.rows[plan.row_start[s] : plan.row_start[s + 1]]
        assert (np.diff(rows) > 0).all()
        assert (rows >= end).all()
        others = np.setdiff1d(np.arange(end, 120), rows)
        assert (factor[others, first:end] == 0.0).all()


def test_on_a_line_far_fewer_entries_than_dense(eager):
    start, node = balls_of(np.random.default_rng(0).permutation(400.0 * np.arange(400))[:, None], 9)
    plan = plan_elimination(start, node, 400)
    widths = np.diff(plan.cut)
    entries = (widths * (widths + 1) // 2 + widths * np.diff(plan.row_start)).sum()
    assert entries < 0.15 * 400 * 401 / 2
    assert not plan.is_dense
    assert entries < plan.n_entries < 2 * entries


@pytest.mark.parametrize("size", [3, 30, 70])
def test_the_factor_lies_where_it_is_told_to(eager, size):
    start, node = balls_of(np.random.default_rng(size).normal(size=(150, 1)), size)
    plan = plan_elimination(start, node, 150)
    matrix = renumbered(sum_of_products(start, node, 150, 2), plan.position)
    room = np.full(plan.n_entries, np.nan)
    factor = factorise(np.tril(matrix), plan, room)
    assert factor.entries is room
    whole, place = np.zeros((150, 150)), 0
    for s, (first, end) in enumerate(itertools.pairwise(plan.cut)):
        rows, w = plan.rows[plan.row_start[s] : plan.row_start[s + 1]], end - first
        whole[first:end, first:end] = np.tril(room[place : place + w * w].reshape(w, w))
        place += w * w
        whole[rows, first:end] = room[place : place + len(rows) * w].reshape(len(rows), w)
        place += len(rows) * w
    assert place == len(room)
    np.testing.assert_allclose(whole @ whole.T, matrix, atol=1e-12 * abs(matrix).max())
    # The next matrix may go to the same place.
    again = factorise(np.tril(4.0 * matrix), plan, room)
    np.testing.assert_allclose(again.solve(matrix @ np.ones(150)), 0.25, rtol=1e-9)


def test_dense_where_nothing_is_gained():
    rng = np.random.default_rng(0)
    start, node = balls_of(rng.normal(size=(1600, 1)), 20)
    sparse = plan_elimination(start, node, 1600)
    assert not sparse.is_dense
    # Few facilities; nearly all pairs meet; pairs meet in many directions.
    few = balls_of(rng.normal(size=(100, 1)), 5)
    assert plan_elimination(*few, 100).is_dense
    many = balls_of(rng.normal(size=(1600, 1)), 1200)
    assert plan_elimination(*many, 1600).is_dense
    everywhere = balls_of(rng.normal(size=(1600, 10)), 130)
    assert plan_elimination(*everywhere, 1600).is_dense


def test_a_dense_plan_is_one_panel():
    plan = Elimination.dense(3)
    assert plan.is_dense
    matrix = np.array([[4.0, 1.0, 0.0], [1.0, 3.0, 1.0], [0.0, 1.0, 2.0]])
    solution = factorise(matrix.copy(), plan).solve(np.array([1.0, 2.0, 3.0]))
    np.testing.assert_allclose(matrix @ solution, [1.0, 2.0, 3.0], rtol=1e-14)


def test_only_the_lower_triangle_is_read(eager):
    start, node = balls_of(np.random.default_rng(3).normal(size=(60, 1)), 6)
    plan = plan_elimination(start, node, 60)
    matrix = renumbered(sum_of_products(start, node, 60, 3), plan.position)
    right = np.arange(60.0)
    solution = factorise(np.tril(matrix), plan).solve(right)
    np.testing.assert_allclose(matrix @ solution, right, atol=1e-9)


@pytest.mark.parametrize("at", [0, 30, 59])
def test_a_matrix_that_is_not_positive_definite_has_no_factor(eager, at):
    start, node = balls_of(np.random.default_rng(4).normal(size=(60, 1)), 6)
    for plan in (plan_elimination(start, node, 60), Elimination.dense(60)):
        matrix = renumbered(sum_of_products(start, node, 60, 4), plan.position)
        matrix[at, at] = -1.0
        assert factorise(matrix, plan) is None


def test_the_same_plan_and_factor_each_time(eager):
    start, node = balls_of(np.random.default_rng(5).integers(0, 40, size=(90, 2)).astype(float), 8)
    plans = [plan_elimination(start, node, 90) for _ in range(2)]
    for name in ("position", "cut", "row_start", "rows"):
        np.testing.assert_array_equal(getattr(plans[0], name), getattr(plans[1], name))
    matrix = renumbered(sum_of_products(start, node, 90, 5), plans[0].position)
    one, two = (factorise(matrix.copy(), plan).solve(np.ones(90)) for plan in plans)
    assert one.tobytes() == two.tobytes()
