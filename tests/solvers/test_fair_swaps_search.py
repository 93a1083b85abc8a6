from __future__ import annotations

import numpy as np
import pytest

from fairclust.solvers.fair_swaps_search import (
    BallGuard,
    CriticalBalls,
    LimitGuard,
    SwapSearch,
    check_limits,
)

X = np.array([[3.0], [0.0], [3.0], [8.0], [0.0], [1.0]])


def test_rows_that_coincide_become_one_node_known_by_the_lowest():
    search = SwapSearch(X, 1, [1.0, 2.0, 4.0, 8.0, 16.0, 32.0], None, None)
    assert search.n_rows == 6
    assert search.row_of.tolist() == [0, 1, 3, 5]
    assert search.node_of_row.tolist() == [0, 1, 0, 2, 1, 3]
    assert search.weights.tolist() == [5.0, 18.0, 8.0, 32.0]
    # Divided by a power of two, which is exact.
    assert (np.ldexp(search.X, search.exponent) == X[search.row_of]).all()
    assert (search.XT == search.X.T).all()
    assert search.n_candidates == 4


def test_drawn_candidates_come_first_in_the_order_of_the_rows():
    points = np.random.default_rng(0).normal(size=(50, 2))
    search = SwapSearch(points, 2, None, 7, np.random.default_rng(3))
    assert search.n_candidates == 7
    assert (np.diff(search.row_of[:7]) > 0).all()
    assert (np.diff(search.row_of[7:]) > 0).all()
    assert sorted(search.row_of) == list(range(50))
    assert (search.row_of[search.node_of_row] == np.arange(50)).all()
    assert search.row_of[:7].tolist() != SwapSearch(points, 2, None, 7, np.random.default_rng(4)).row_of[:7].tolist()
    everyone = SwapSearch(points, 2, None, 50, np.random.default_rng(3))
    assert everyone.row_of.tolist() == list(range(50))


def test_centers_may_coincide():
    search = SwapSearch(X, 1, None, None, None)
    search.start(np.array([2, 0, 3]))
    assert search.centers.tolist() == [0, 0, 2]
    found = search.run(0.0, 10, restart=False, verbose=False)
    # Rows 2 and 0 coincide; one of them (the lower slot: ties for first place go to it) makes room for row 1, at 0.
    assert (found.swaps.tolist(), found.center_indices.tolist()) == ([[2, 1]], [0, 1, 3])
    assert (found.costs.tolist(), found.converged) == ([8.0, 1.0], True)


def test_the_limit_of_a_node_is_the_smallest_of_its_rows():
    search = SwapSearch(X, 1, None, None, None)
    search.start(np.array([0, 1, 3]))
    guard = LimitGuard(search, np.array([9.0, 9.0, 2.0, 9.0, np.inf, 9.0]))
    assert np.ldexp(guard.bounds, search.exponent).tolist() == [2.0, 9.0, 9.0, 9.0]
    # Row 5, at 1, in place of row 0, at 3: 2 away, which row 2 still allows. Row 3, at 8, would not do alone.
    assert guard.allows(3, 0)
    search.start(np.array([0]))
    guard = LimitGuard(search, np.array([9.0, 9.0, 2.0, 9.0, np.inf, 9.0]))
    assert guard.allows(3, 0)
    assert not guard.allows(2, 0)


def test_a_ball_is_a_set():
    # Balls around 0 (rows 1, 4, 5) and around 1 (rows 0, 1, 2, 4, 5) overlap; row 1 lies in both.
    balls = CriticalBalls(np.array([1, 5]), np.array([1.0, 2.0]))
    search = SwapSearch(X, 1, None, None, None)
    search.start(np.array([1, 3]))
    guard = BallGuard(search, balls)
    node = search.node_of_row
    assert guard.allows(node[5], 0)  # in both balls, too
    assert not guard.allows(node[0], 0)  # in the second only
    assert not guard.allows(node[3], 0)
    assert guard.allows(node[0], 1)  # row 3 is needed by nobody
    search._exchange(1, int(node[5]))  # a second center in both
    guard.swapped(1)
    assert guard.allows(node[3], 0)


def test_limits_are_checked():
    assert check_limits([0, np.inf], 2).tolist() == [0.0, np.inf]
    with pytest.raises(ValueError, match="row 1 has nan"):
        check_limits([0.0, np.nan], 2)
