"""The small LP: an optimum and multipliers known by hand, growing by columns, and honest failure."""

import highspy
import numpy as np
import pytest

from fairclust.solvers.assignment_master import Master, SolverError
from fairclust.solvers.assignment_problems import bounded_terms, rawlsian_terms
from fairclust.solvers.assignment_terms import Multipliers

COLORS = ["a", "b"]


def two_cells(terms, units=(1.0, 1.0)):
    """Point a is at center 0, b at center 1; crossing over costs 1."""
    master = Master(terms, np.array([0, 1]), 2, *units)
    master.add(np.array([0, 1]), np.array([0.0, 0.0]), np.array([[1.0, 0.0], [0.0, 1.0]]))
    return master


@pytest.mark.parametrize("units", [(1.0, 1.0), (7.0, 0.3), (1e-3, 1e3)])
def test_by_hand_before_and_after_a_column(units):
    """Apart, each group misses half a point in both clusters; half of each point crosses once a pattern allows it."""
    master = two_cells(rawlsian_terms(COLORS, distance_weight=0.25), units)
    value, _ = master.solve()
    assert value == pytest.approx(0.75)
    np.testing.assert_allclose(master.mixture(), [1.0, 1.0])
    master.add(np.array([0, 1]), np.array([1.0, 1.0]), np.array([[0.0, 1.0], [1.0, 0.0]]))
    assert master.n_columns == 4
    value, multipliers = master.solve()
    assert value == pytest.approx(0.125)
    np.testing.assert_allclose(master.mixture(), 0.5)
    np.testing.assert_allclose(multipliers.weights, 0.5)
    # The multipliers certify the value: both points are indifferent between the centers.
    slopes, prices = rawlsian_terms(COLORS, distance_weight=0.25).prices(multipliers)
    at_prices = slopes[:, None] * np.array([[0.0, 1.0], [1.0, 0.0]]) + prices
    np.testing.assert_allclose(at_prices[:, 0], at_prices[:, 1], atol=1e-12)
    assert at_prices.min(axis=1).sum() == pytest.approx(0.125)


def test_hard_bounds_need_patterns_that_meet_them():
    master = two_cells(bounded_terms(COLORS, lower=0.5, upper=0.5))
    with pytest.raises(SolverError, match="Infeasible"):
        master.solve()
    master.add(np.array([0, 1]), np.array([0.5, 0.5]), np.full((2, 2), 0.5))
    value, multipliers = master.solve()
    assert value == pytest.approx(1.0)
    assert isinstance(multipliers, Multipliers)


def test_a_cold_start_follows_a_failed_warm_one(monkeypatch):
    """HiGHS reports no optimum once; the next attempt starts from scratch and finds it."""
    master = two_cells(rawlsian_terms(COLORS))
    real, failures = highspy.Highs.getModelStatus, [highspy.HighsModelStatus.kUnknown]
    monkeypatch.setattr(highspy.Highs, "getModelStatus", lambda lp: failures.pop() if failures else real(lp))
    assert master.solve()[0] == pytest.approx(0.5)
    assert not failures
