"""The brute force behind the lemmas: against the library's metrics and against counting by hand."""

from __future__ import annotations

import numpy as np
import pytest

from fairclust.experiments.welfare.enumeration import Tiny, settled, violations, whole_lp
from fairclust.metrics.disutility import disutility_from_costs
from fairclust.welfare import assign


def tiny(seed: int = 0, *, power: int = 1, weight: float = 0.4) -> Tiny:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(6, 2))
    distances = np.linalg.norm(X[:, None] - X[None], axis=2)
    codes = np.array([0, 1, 0, 1, 1, 0])
    return Tiny(distances, codes, 2, weight, np.array([0.1, 0.0]), np.array([0.0, 0.2]), power)


def test_there_is_every_assignment_and_every_center_set() -> None:
    problem = tiny()
    assert problem.assignments.shape == (2**6, 6)
    assert len({tuple(row) for row in problem.assignments}) == 64
    assert len(problem.center_sets) == 15


def test_violations_by_hand() -> None:
    """Three of four in the first cluster are of group 0, whose share is 1/2: one point too many there, one too few."""
    codes = np.array([0, 0, 0, 1, 0, 1, 1, 1])
    labels = np.array([[0, 0, 0, 0, 1, 1, 1, 1], [0, 0, 1, 0, 1, 0, 1, 1], [0] * 8])
    found = violations(labels, codes, 2, np.zeros(2), np.zeros(2))
    np.testing.assert_allclose(found, [[2.0, 2.0], [0.0, 0.0], [0.0, 0.0]])
    tolerant = violations(labels[:1], codes, 2, np.full(2, 0.25), np.zeros(2))
    np.testing.assert_allclose(tolerant, [[1.0, 1.0]])  # too many is forgiven, too few is not


@pytest.mark.parametrize("objective", ["rawlsian", "utilitarian"])
@pytest.mark.parametrize("power", [1, 2])
def test_values_are_those_of_the_metrics(objective: str, power: int) -> None:
    problem = tiny(3, power=power)
    centers = (1, 4)
    values = problem.values(problem.assignments, problem.violations, centers, objective)  # type: ignore[arg-type]
    for row in (0, 7, 21, 63):
        each = disutility_from_costs(
            problem.costs[:, list(centers)],
            problem.assignments[row],
            problem.codes,
            distance_weight=0.4,
            slack=(problem.alpha, problem.beta),
        )
        assert values[row] == pytest.approx(each.max() if objective == "rawlsian" else each.sum())
    best, labels = problem.best_assignment(centers, objective)  # type: ignore[arg-type]
    assert best == values.min()
    assert values[np.flatnonzero((problem.assignments == labels).all(axis=1))[0]] == best


def test_center_costs_by_hand() -> None:
    problem = tiny(1)
    nearest = problem.distances[:, [0, 5]].min(axis=1)
    means = [nearest[problem.codes == h].mean() for h in (0, 1)]
    assert problem.center_cost((0, 5), "rawlsian") == pytest.approx(max(means))
    assert problem.center_cost((0, 5), "utilitarian") == pytest.approx(sum(means))


@pytest.mark.parametrize("objective", ["rawlsian", "utilitarian"])
@pytest.mark.parametrize("seed", range(5))
def test_the_lp_written_out_is_the_engines(objective: str, seed: int) -> None:
    problem = tiny(seed, power=2, weight=0.2)
    costs = problem.costs[:, [0, 3]]
    arguments = {"distance_weight": 0.2, "alpha": problem.alpha, "beta": problem.beta}
    found = assign(
        costs,
        problem.codes,
        objective=objective,  # type: ignore[arg-type]
        distance_weight=0.2,
        slack=(problem.alpha, problem.beta),
    )
    value = whole_lp(costs, problem.codes, objective, **arguments)  # type: ignore[arg-type]
    assert value == pytest.approx(found.lp_value, rel=1e-6, abs=1e-9)
    best, labels = problem.best_assignment((0, 3), objective)  # type: ignore[arg-type]
    assert value <= best + 1e-9
    at_best = whole_lp(costs, problem.codes, objective, fixed=labels, **arguments)  # type: ignore[arg-type]
    assert at_best == pytest.approx(best)


def test_what_is_zero_but_for_rounding_is_zero() -> None:
    assert settled(4e-16) == 0.0
    assert str(settled(-4e-16)) == "0.0"
    assert settled(1 / 3) == 0.333333333333
