"""The oracle's passes one by one: margins that hold, sums that are exact, and what a pass comes back with."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairclust.solvers.kernels import nearest_rows
from fairclust.solvers.kmeans_oracle import _fixed_point
from fairclust.solvers.kmeans_oracle_kernels import (
    AMBIGUOUS,
    EMPTY_CLUSTER,
    FIXED_POINT,
    NEED_NODE,
    OUT_OF_PASSES,
    bounds_with,
    descend,
    examine_all,
    settle,
    tally,
)


def examined(points, centers):
    labels, margins = np.empty(len(points), np.int32), np.empty(len(points))
    examine_all(points, centers, labels, margins)
    return labels, margins


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 40), st.integers(1, 4), st.integers(1, 5))
def test_a_margin_is_how_far_the_centers_must_move(seed, n, d, k):
    rng = np.random.default_rng(seed)
    points, centers = rng.normal(size=(n, d)), rng.normal(size=(k, d))
    labels, margins = examined(points, centers)
    np.testing.assert_array_equal(labels, nearest_rows(points, centers)[0])
    if k == 1:
        assert np.isinf(margins).all()
        return
    distances = np.sqrt(((points[:, None] - centers) ** 2).sum(axis=2))
    two = np.sort(distances, axis=1)[:, :2]
    np.testing.assert_allclose(margins, two[:, 1] - two[:, 0], rtol=0, atol=1e-12)
    assert (margins <= two[:, 1] - two[:, 0]).all()
    # Two centers together move less than the margin of a row: it stays.
    steps = rng.normal(size=(k, d))
    steps *= rng.uniform(0, 0.5) / np.linalg.norm(steps, axis=1, keepdims=True)
    moved, _ = nearest_rows(points, centers + steps)
    stays = margins > 2 * np.linalg.norm(steps, axis=1).max()
    np.testing.assert_array_equal(moved[stays], labels[stays])


@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e3])
def test_sums_do_not_depend_on_the_order_and_are_exact_to_sixty_bits(scale):
    rng = np.random.default_rng(0)
    points = rng.normal(size=(500, 3)) * np.array([1.0, 1e-6, 1e-3]) * scale
    hi, lo, units = _fixed_point(points)
    codes, labels = np.zeros(500, np.int64), np.zeros(500, np.int32)
    totals = []
    for order in (np.arange(500), rng.permutation(500)):
        counts, high, low = np.zeros((1, 1), np.int64), np.zeros((1, 1, 4), np.int64), np.zeros((1, 1, 4), np.int64)
        tally(hi[order], lo[order], codes, labels, counts, high, low)
        totals.append((counts.tobytes(), high.tobytes(), low.tobytes()))
    assert totals[0] == totals[1]
    assert counts[0, 0] == 500
    largest = Fraction(float(max(np.abs(points).max(), (points**2).sum(axis=1).max())))
    for f in range(3):
        exact = sum((Fraction(float(x)) for x in points[:, f]), Fraction(0))
        ours = int(high[0, 0, f]) * Fraction(float(units[0])) + int(low[0, 0, f]) * Fraction(float(units[1]))
        assert abs(ours - exact) <= 500 * largest / 2**60


class World:
    """U with one node at given centers, ready for ``descend``."""

    def __init__(self, points, centers):
        points, centers = np.asarray(points, float), np.asarray(centers, float)
        n, d = points.shape
        k = len(centers)
        self.points, self.n, self.k, self.d = points, n, k, d
        self.hi, self.lo, self.units = _fixed_point(points)
        labels, margins = examined(points, centers)
        order = np.argsort(margins, kind="stable")
        self.codes = np.zeros(n, np.int64)
        self.counts, self.high = np.zeros((k, 1), np.int64), np.zeros((k, 1, d + 1), np.int64)
        self.low = np.zeros_like(self.high)
        tally(self.hi, self.lo, self.codes, labels, self.counts, self.high, self.low)
        self.node = (
            centers[None], margins[order][None], order.astype(np.int32)[None], labels[order][None], np.array([np.inf]),
            self.counts.sum(axis=1)[None], self.high.sum(axis=1)[None], self.low.sum(axis=1)[None],
        )  # fmt: skip

    def descend(self, start, V=(), *, n_nodes=1, max_iter=100, coarse=10**6):
        self.V = np.asarray(V, float).reshape(-1, self.d)
        alone = np.array([np.abs(self.points).max(), 0.0, (self.points**2).sum(axis=1).max(), 0.0])
        bounds = bounds_with(self.V, self.n, alone, np.abs(self.points).sum(axis=0))
        room = self.n + len(self.V)
        self.centers, self.state = np.array(start, float), np.array([0, 0, -1, 0, 1])
        self.moves, self.met_labels = np.zeros((self.n, 3), np.int32), np.zeros(room, np.int32)
        return descend(
            self.points, self.hi, self.lo, self.units, self.V, bounds, self.centers, max_iter, *self.node, n_nodes,
            np.empty(0, np.int64), coarse, self.state, np.zeros(2), np.zeros((self.k, self.d)), np.zeros(self.k),
            np.zeros(50, np.int64), self.moves, np.zeros(room, np.int64), self.met_labels, np.zeros(room),
        )  # fmt: skip


LINE = [[-3.0], [-2.0], [-0.5], [2.0], [4.0]]


def test_a_run_by_hand():
    world = World(LINE, [[-2.5], [3.0]])
    assert world.descend([[-2.5], [3.0]], [[9.0]]) == FIXED_POINT
    # -0.5 is nearer to -2.5 at first; then the means are -5.5 / 3 and 15 / 3, and stay.
    np.testing.assert_allclose(world.centers, [[-5.5 / 3], [5.0]], rtol=1e-15)
    assert world.state[0] == 2
    assert world.state[3] == 0
    # From elsewhere: 2 is nearer to 1 than to 4, and moves back once the means are -0.875 and 6.5.
    assert world.descend([[1.0], [4.1]], [[9.0]]) == FIXED_POINT
    np.testing.assert_allclose(world.centers, [[-0.875], [6.5]], rtol=1e-15)
    assert world.moves[: world.state[3]].tolist() == [[3, 1, 0]]


def test_what_a_run_may_come_back_with():
    world = World(LINE, [[-2.5], [3.0]])
    assert world.descend([[-2.5], [3.0]], n_nodes=0) == NEED_NODE
    assert world.state[0] == 0
    assert world.descend([[-3.0], [-1.9]], max_iter=1) == OUT_OF_PASSES
    assert world.descend([[-2.5], [50.0]]) == EMPTY_CLUSTER
    assert world.descend([[1.0], [1.0]]) == AMBIGUOUS
    assert world.descend([[-2.5], [1.5]]) == AMBIGUOUS  # -0.5 is 2 from both
    assert world.descend([[-2.5], [3.0]], [[0.25]]) == AMBIGUOUS


def test_costs_of_a_fixed_point():
    world = World(LINE, [[-2.5], [3.0]])
    assert world.descend([[1.0], [4.1]], [[9.0]]) == FIXED_POINT
    costs = np.empty(1)
    guests = world.met_labels[world.n :]
    paid, lost = settle(
        world.hi, world.lo, world.codes, world.units, world.V, guests, world.centers,
        world.moves[: world.state[3]], world.counts, world.high, world.low, costs,
    )  # fmt: skip
    assert paid == pytest.approx(2.5**2)
    assert costs[0] == pytest.approx(sum((x + 0.875) ** 2 for x in (-3, -2, -0.5, 2)) + 2.5**2)
    assert not lost
    assert world.counts[:, 0].tolist() == [4, 1]


def test_bounds_of_guests():
    alone = np.array([1.0, 0.0, 2.0, 0.0])
    bounds = bounds_with(np.array([[3.0, -4.0], [1.0, 0.0]]), 2, alone, np.array([5.0, 6.0]))
    np.testing.assert_allclose(bounds, [4.0, np.hypot(13.0, 14.0), 2.0, 1.0 + 1.0])
    assert np.isinf(bounds_with(np.array([[np.inf, 0.0]]), 2, alone, np.zeros(2))[0])
    assert alone.tolist() == [1.0, 0.0, 2.0, 0.0]
