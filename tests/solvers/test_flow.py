"""The rounding networks: integral, exact, and inequalities (11), (12), (14), (15), (16) on every kind of instance."""

import itertools
from dataclasses import replace

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairclust.solvers.assignment import solve_assignment
from fairclust.solvers.assignment_problems import bounded_terms, budgeted_terms, rawlsian_terms, utilitarian_terms
from fairclust.solvers.flow import Rounding, RoundingError, rawlsian_flow, utilitarian_flow

COSTS = ["uniform", "lattice", "tiny", "huge", "equal columns", "duplicate points", "lognormal", "all equal", "zero"]


def make_costs(kind: str, n: int, k: int, rng: np.random.Generator) -> np.ndarray:
    costs = rng.random((n, k))
    match kind:
        case "lattice":
            return rng.integers(0, 3, (n, k)).astype(float)
        case "tiny":
            return costs * 1e-9
        case "huge":
            return costs * 1e12
        case "equal columns":
            costs[:, rng.integers(k)] = costs[:, 0]
        case "duplicate points":
            return costs[rng.integers(0, max(1, n // 4), n)]
        case "lognormal":
            return np.exp(5 * rng.normal(size=(n, k)))
        case "all equal":
            return np.full((n, k), 3.0)
        case "zero":
            return np.zeros((n, k))
    return costs


def solve(problem: str, costs, codes, lam: float, slack: float):
    shares = np.bincount(codes) / len(codes)
    match problem:
        case "rawlsian":
            terms = rawlsian_terms(codes, distance_weight=lam, alpha=slack, beta=0.0)
        case "utilitarian":
            terms = utilitarian_terms(codes, distance_weight=lam, alpha=0.0, beta=slack)
        case "bounded":
            terms = bounded_terms(codes, lower=shares - slack, upper=shares)
        case _:
            terms = budgeted_terms(codes, 1.1 * costs.min(axis=1).sum(), lower=shares, upper=shares + slack)
    return solve_assignment(costs, codes, terms)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    kind=st.sampled_from(COSTS),
    problem=st.sampled_from(["rawlsian", "utilitarian", "bounded", "budget"]),
    lam=st.sampled_from([0.0, 0.1, 0.5, 1.0]),
    slack=st.sampled_from([0.0, 0.03]),
)
def test_the_inequalities_hold(seed, kind, problem, lam, slack):
    rng = np.random.default_rng(seed)
    n, k = int(rng.integers(1, 150)), int(rng.integers(1, 7))
    n_groups = min(n, int(rng.integers(1, 6)))
    codes = np.r_[np.arange(n_groups), rng.integers(0, n_groups, n - n_groups)]
    costs = make_costs(kind, n, k, rng)
    solution = solve(problem, costs, codes, lam, slack)
    x = np.eye(k)[solution.labels]
    x[solution.split] = solution.shares
    distances = np.bincount(codes, (x * costs).sum(axis=1))
    own = np.array([x[codes == h].sum(axis=0) for h in range(n_groups)])
    sizes = np.bincount(codes)
    rounding = 1e-8 * costs.max() + 1e-12 * distances

    result = rawlsian_flow(costs, codes, solution)
    check_whole(result, solution, costs, codes)
    assert (result.class_costs <= distances + rounding).all()  # (11)
    check_between(result.masses, own)  # (12)

    result = utilitarian_flow(costs, codes, solution)
    check_whole(result, solution, costs, codes)
    assert (result.class_costs / sizes).sum() <= ((distances + rounding) / sizes).sum()  # (14)
    check_between(result.masses, own)  # (15)
    check_between(result.masses.sum(axis=0), own.sum(axis=0))  # (16)

    result = utilitarian_flow(costs, codes, solution, cost_weight=np.ones(n_groups))
    assert result.class_costs.sum() <= (distances + rounding).sum()


def check_whole(result: Rounding, solution, costs, codes) -> None:
    """The labels are a whole assignment that differs only on split points, and the totals are theirs."""
    untouched = np.delete(np.arange(len(codes)), solution.split)
    assert (result.labels[untouched] == solution.labels[untouched]).all()
    chosen = costs[np.arange(len(codes)), result.labels]
    np.testing.assert_allclose(result.class_costs, np.bincount(codes, chosen), rtol=1e-9, atol=1e-12 * costs.max())
    counts = np.zeros_like(result.masses)
    np.add.at(counts, (codes, result.labels), 1)
    assert (result.masses == counts).all()
    assert result.n_split == len(solution.split)
    # A split point goes only where it had a share.
    for row, shares in zip(solution.split, solution.shares, strict=True):
        assert shares[result.labels[row]] > 0


def check_between(whole, fractional) -> None:
    assert (whole >= np.floor(fractional + 1e-8)).all()
    assert (whole <= np.ceil(fractional - 1e-8)).all()


def split_instance(seed: int):
    """An instance whose optimum splits several points."""
    rng = np.random.default_rng(seed)
    codes = np.r_[np.zeros(13, int), np.ones(10, int)]
    costs = rng.random((23, 3)) + 0.4 * (codes[:, None] == np.arange(3))
    return costs, codes, solve_assignment(costs, codes, rawlsian_terms(codes, distance_weight=0.3))


@pytest.mark.parametrize("seed", range(6))
def test_flows_are_optimal(seed):
    """Against all ways to send the split points within their networks' bounds."""
    costs, codes, solution = split_instance(seed)
    assert 1 <= len(solution.split) <= 9
    rows, supports = solution.split, [np.flatnonzero(shares) for shares in solution.shares]
    sums = np.zeros((2, 3))
    np.add.at(sums, codes[rows], solution.shares)
    best_by_group, best_joint = np.full(2, np.inf), np.inf
    for choice in itertools.product(*supports):
        counts, cost = np.zeros((2, 3)), np.zeros(2)
        np.add.at(counts, (codes[rows], choice), 1)
        np.add.at(cost, codes[rows], costs[rows, choice])
        kept = (counts >= np.floor(sums + 1e-9)) & (counts <= np.ceil(sums - 1e-9))
        best_by_group = np.where(kept.all(axis=1), np.minimum(best_by_group, cost), best_by_group)
        size, total = counts.sum(axis=0), sums.sum(axis=0)
        joint = kept.all() and (size >= np.floor(total + 1e-9)).all() and (size <= np.ceil(total - 1e-9)).all()
        if joint:
            best_joint = min(best_joint, (cost / np.bincount(codes)).sum())
    fixed = np.delete(np.arange(23), rows)
    base = np.bincount(codes[fixed], costs[fixed, solution.labels[fixed]], minlength=2)
    np.testing.assert_allclose(rawlsian_flow(costs, codes, solution).class_costs, base + best_by_group, rtol=1e-12)
    joint_cost = (utilitarian_flow(costs, codes, solution).class_costs / np.bincount(codes)).sum()
    assert joint_cost == pytest.approx((base / np.bincount(codes)).sum() + best_joint, rel=1e-12)


def halves(costs):
    """Two points of each group, every one of them split in halves between two centers."""
    codes = np.array([0, 1, 0, 1])
    solution = solve_assignment(costs, codes, utilitarian_terms(codes))
    class_costs = np.bincount(codes, costs.mean(axis=1))
    return codes, replace(
        solution, split=np.arange(4), shares=np.full((4, 2), 0.5), class_costs=class_costs, masses=np.ones((2, 2))
    )


def test_costs_are_not_rounded():
    """The better center is better by one unit in the last place, which no scaling to 1e4 or 1e9 would see."""
    more = 1.0 + np.spacing(1.0)
    costs = np.array([[1.0, more], [1.0, 1.0], [more, 1.0], [1.0, 1.0]])
    codes, solution = halves(costs)
    for flow in (rawlsian_flow, utilitarian_flow):
        assert flow(costs, codes, solution).labels[[0, 2]].tolist() == [0, 1]


def test_whole_solutions_pass_through():
    costs = np.random.default_rng(1).random((50, 4))
    solution = solve_assignment(costs, [0] * 50, rawlsian_terms([0] * 50))
    for flow in (rawlsian_flow, utilitarian_flow):
        result = flow(costs, [0] * 50, solution)
        assert result.labels.tolist() == costs.argmin(axis=1).tolist()
        assert result.n_split == 0
        with pytest.raises(ValueError, match="read-only"):
            result.labels[0] = 1


@pytest.mark.parametrize("flow", [rawlsian_flow, utilitarian_flow])
def test_broken_guarantees_are_reported(monkeypatch, flow):
    """A flow that is not the cheapest, one that ignores the demands, and none at all."""
    costs, codes, solution = split_instance(0)
    with pytest.raises(RoundingError, match="the rounding network has no flow"):
        flow(costs, codes, replace(solution, shares=np.zeros_like(solution.shares)))

    real = nx.network_simplex

    def dearest(graph):
        for *_, arc in graph.edges(data=True):
            arc["weight"] *= -1
        return real(graph)

    monkeypatch.setattr(nx, "network_simplex", dearest)
    with pytest.raises(RoundingError, match=r"inequality \((11|14)\) fails: the .*cost .*rose by"):
        flow(costs, codes, solution)

    def all_to_their_last_center(graph):
        points = [node for node in graph if isinstance(node, tuple) and node[0] == "point"]
        return 0, {point: {max(graph[point]): 1} for point in points}

    monkeypatch.setattr(nx, "network_simplex", all_to_their_last_center)
    codes, solution = halves(np.ones((4, 2)))
    with pytest.raises(RoundingError, match=r"inequality \(12\) fails"):
        flow(np.ones((4, 2)), codes, solution)


def test_bad_input():
    costs, codes, solution = split_instance(0)
    with pytest.raises(ValueError, match="23 points and 3 centers, but costs has 22 rows"):
        rawlsian_flow(costs[:-1], codes[:-1], solution)
    with pytest.raises(ValueError, match="groups has 22 entries"):
        rawlsian_flow(costs, codes[:-1], solution)
    with pytest.raises(ValueError, match="cost_weight must hold 2 numbers"):
        utilitarian_flow(costs, codes, solution, cost_weight=[1.0])
    with pytest.raises(ValueError, match="cost_weight must hold 2 numbers that are at least 0"):
        utilitarian_flow(costs, codes, solution, cost_weight=[1.0, -1.0])
    weights = np.full(23, 2.0)
    heavy = solve_assignment(costs, codes, rawlsian_terms(codes, weights=weights), weights=weights)
    with pytest.raises(ValueError, match="rounding needs points of weight 1"):
        rawlsian_flow(costs, codes, heavy)
