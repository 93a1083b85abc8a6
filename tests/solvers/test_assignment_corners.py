"""Every corner of the assignment LP against two other codes that are given the formulas as the paper prints them.

HiGHS gets LPs (10) and (13) row by row, cvxpy the disutilities (7) as positive parts. All combinations of one to five
groups, one to six centers, lambda = 0 and 1, no slack, one-sided slack and both are tried, on costs of every kind in
turn, by HiGHS; every third of them, and another third for the next setting, by cvxpy, which is slower.
"""

from __future__ import annotations

from itertools import cycle, product
from typing import Any

import cvxpy as cp
import numpy as np
import pytest
from numpy.typing import NDArray

from fairclust.experiments.welfare.enumeration import Objective, whole_lp
from fairclust.solvers.assignment import solve_assignment
from fairclust.solvers.assignment_problems import rawlsian_terms, utilitarian_terms

Floats = NDArray[np.float64]

KINDS = ("duplicate points", "an empty class", "scales apart", "whole numbers", "nothing but zeros", "plain")
SLACKS = {"none": (0.0, 0.0), "upper only": (0.1, 0.0), "lower only": (0.0, 0.1), "both": (0.1, 0.05)}
#: Where a cost may be a million, HiGHS's absolute tolerance of 1e-7 is felt.
TOLERANCE = 2e-6


def make(kind: str, n_groups: int, k: int, seed: int) -> tuple[Floats, NDArray[np.intp]]:
    """Ten points at most; every group has one."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(n_groups, 11))
    codes = np.r_[np.arange(n_groups), rng.integers(0, n_groups, n - n_groups)].astype(np.intp)
    costs = rng.random((n, k))
    if kind == "duplicate points":
        costs = costs[rng.integers(0, max(1, n // 3), n)]
    elif kind == "an empty class":
        # Nobody's nearest center is the last one, and nobody of the first group is near the first.
        costs[:, -1] += 3.0
        costs[codes == 0, 0] += 2.0
    elif kind == "scales apart":
        # Centers from next door to a million away.
        costs *= 10.0 ** rng.integers(-6, 7, k)
    elif kind == "whole numbers":
        costs = rng.integers(0, 3, (n, k)).astype(float)
    elif kind == "nothing but zeros":
        costs[:] = 0.0
    return costs, codes


def by_cvxpy(costs: Floats, codes: Any, objective: Objective, weight: float, alpha: float, beta: float) -> float:
    """The objective by its definition, |C_i| Delta_i^h as positive parts."""
    n, k = costs.shape
    unit = float(costs.max()) or 1.0
    x = cp.Variable((n, k), nonneg=True)
    everyone = cp.sum(x, axis=0)
    each = []
    for h, size in enumerate(np.bincount(codes)):
        mine = np.flatnonzero(codes == h)
        own = cp.sum(x[mine], axis=0)
        violation = cp.sum(cp.maximum(0, own - (size / n + alpha) * everyone, (size / n - beta) * everyone - own))
        distance = unit * cp.sum(cp.multiply(costs[mine] / unit, x[mine]))
        each.append((weight * distance + (1 - weight) * violation) / size)
    goal = cp.maximum(*each) if objective == "rawlsian" and len(each) > 1 else sum(each)
    return float(cp.Problem(cp.Minimize(goal), [cp.sum(x, axis=1) == 1]).solve(solver=cp.HIGHS))


@pytest.mark.parametrize("weight", [0.0, 1.0])
@pytest.mark.parametrize("slack", list(SLACKS))
@pytest.mark.parametrize("objective", ["rawlsian", "utilitarian"])
def test_agrees_with_highs_and_with_cvxpy(objective: Objective, slack: str, weight: float) -> None:
    alpha, beta = SLACKS[slack]
    terms_of = rawlsian_terms if objective == "rawlsian" else utilitarian_terms
    # 30 sizes and 6 kinds: shifted by the parameters, so that every size meets every kind in some test.
    shift = list(SLACKS).index(slack) + 2 * round(weight) + 3 * (objective == "rawlsian")
    kinds = cycle(KINDS[shift % 6 :] + KINDS[: shift % 6])
    sizes = product(range(1, 6), range(1, 7))
    for position, ((n_groups, k), kind) in enumerate(zip(sizes, kinds, strict=False)):
        costs, codes = make(kind, n_groups, k, seed=100 * shift + position)
        solution = solve_assignment(costs, codes, terms_of(codes, distance_weight=weight, alpha=alpha, beta=beta))
        assert solution.status == "optimal"
        assert solution.gap <= 1e-8
        slacks = {"alpha": np.full(n_groups, alpha), "beta": np.full(n_groups, beta)}
        references = {"HiGHS": whole_lp(costs, codes, objective, distance_weight=weight, **slacks)}
        if (position + shift) % 3 == 0:
            references["cvxpy"] = by_cvxpy(costs, codes, objective, weight, alpha, beta)
        for name, reference in references.items():
            assert solution.value == pytest.approx(reference, rel=TOLERANCE, abs=TOLERANCE), (name, kind, n_groups, k)


def test_the_kinds_are_what_they_say() -> None:
    costs, codes = make("an empty class", 3, 4, 0)
    nearest = costs.argmin(axis=1)
    assert 3 not in nearest
    assert 0 not in nearest[codes == 0]
    costs, _ = make("duplicate points", 2, 3, 1)
    assert len(np.unique(costs, axis=0)) < len(costs)
    spans = [make("scales apart", 2, 6, seed)[0] for seed in range(20)]
    assert max(costs.max() / costs.min() for costs in spans) > 1e6
