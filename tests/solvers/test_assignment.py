"""The assignment LP against whole-LP codes, by hand, chunked, weighted and certified."""

import os
from dataclasses import fields, replace

import cvxpy as cp
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from sklearn.cluster import KMeans
from sklearn.preprocessing import StandardScaler

from fairclust.groups import encode_groups
from fairclust.solvers.assignment import AssignmentSolution, solve_assignment
from fairclust.solvers.assignment_problems import bounded_terms, budgeted_terms, rawlsian_terms, utilitarian_terms
from fairclust.solvers.assignment_terms import Terms

COSTS = ["uniform", "lattice", "scaled", "equal columns", "duplicate points", "lognormal", "all equal", "zero"]


def make_costs(kind: str, n: int, k: int, rng: np.random.Generator) -> np.ndarray:
    costs = rng.random((n, k))
    match kind:
        case "lattice":
            return rng.integers(0, 3, (n, k)).astype(float)
        case "scaled":
            return costs * 10.0 ** rng.integers(-6, 7)
        case "equal columns":
            costs[:, rng.integers(k)] = costs[:, 0]
        case "duplicate points":
            return costs[rng.integers(0, max(1, n // 4), n)]
        case "lognormal":
            return np.exp(3 * rng.normal(size=(n, k)))
        case "all equal":
            return np.full((n, k), 3.0)
        case "zero":
            return np.zeros((n, k))
    return costs


@st.composite
def instances(draw, max_points: int = 30):
    """Costs, codes, weights and tolerances of a small instance."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, k = draw(st.integers(1, max_points)), draw(st.integers(1, 6))
    n_groups = min(n, draw(st.integers(1, 5)))
    costs = make_costs(draw(st.sampled_from(COSTS)), n, k, rng)
    # Geometric group sizes: some groups have one point, so that some (group, nearest center) classes are empty.
    codes = np.r_[np.arange(n_groups), np.minimum(rng.geometric(0.5, n - n_groups) - 1, n_groups - 1)]
    weights = draw(st.sampled_from([None, "whole", "real"]))
    if weights is not None:
        weights = rng.integers(0, 4, n).astype(float) if weights == "whole" else rng.exponential(size=n)
        weights[:n_groups] += 0.5
    alpha, beta = (draw(st.sampled_from([0.0, 0.05, 0.5])) * rng.random(n_groups) for _ in range(2))
    return costs, codes, weights, alpha, beta, rng


def make_terms(problem: str, instance, distance_weight: float) -> Terms:
    costs, codes, weights, alpha, beta, rng = instance
    if problem in ("rawlsian", "utilitarian"):
        make = rawlsian_terms if problem == "rawlsian" else utilitarian_terms
        return make(codes, distance_weight=distance_weight, alpha=alpha, beta=beta, weights=weights)
    mass = np.ones(len(codes)) if weights is None else weights
    shares = np.bincount(codes, mass) / mass.sum()
    membership = None
    if problem.startswith("overlapping"):
        membership = rng.random((3, len(shares))) < 0.5
        membership[:, 0] = True
        shares, alpha, beta = membership @ shares, np.resize(alpha, 3), np.resize(beta, 3)
    bounds = {"lower": shares - beta, "upper": shares + alpha, "membership": membership, "weights": weights}
    if problem.endswith("bounded"):
        return bounded_terms(codes, **bounds)
    nearest = float(mass @ costs.min(axis=1))
    budget = nearest * (1 + rng.choice([0.0, 0.01, 0.2]))
    return budgeted_terms(codes, budget, combine="max" if problem.endswith("max") else "sum", **bounds)


def whole_lp(costs: np.ndarray, codes: np.ndarray, terms: Terms, weights: np.ndarray | None) -> float:
    """The optimum of the whole LP, nk + Hk + 1 variables, by scipy's HiGHS."""
    n, k = costs.shape
    n_groups, nx = len(terms.names), n * k
    n_variables = nx + n_groups * k + 1
    mass = np.repeat(np.ones(n) if weights is None else weights, k)
    cost, center, kind = mass * costs.ravel(), np.tile(np.arange(k), n), np.repeat(codes, k)
    rows, right = [], []
    for h in range(n_groups):
        for i in range(k):
            here = (center == i) * mass
            own = here * terms.membership[h, kind]
            for left in (own - terms.upper[h] * here, terms.lower[h] * here - own):
                row = np.zeros(n_variables)
                row[:nx], row[nx + h * k + i] = left, -1.0
                rows.append(row)
                right.append(0.0)
    counted = np.where(terms.hard, 0.0, terms.violation_weight)
    objective = np.zeros(n_variables)
    if terms.combine == "sum":
        objective[:nx] = terms.cost_weight[kind] * cost
        objective[nx:-1] = np.repeat(counted, k)
    else:
        objective[-1] = 1.0
        for h in range(n_groups):
            row = np.zeros(n_variables)
            row[:nx] = terms.membership[h, kind] * terms.cost_weight[kind] * cost
            row[nx + h * k : nx + (h + 1) * k], row[-1] = counted[h], -1.0
            rows.append(row)
            right.append(0.0)
    if np.isfinite(terms.budget):
        rows.append(np.r_[cost, np.zeros(n_variables - nx)])
        right.append(terms.budget)
    once = sp.hstack([sp.kron(sp.eye(n), np.ones((1, k))), sp.csr_matrix((n, n_variables - nx))])
    upper = np.r_[np.full(nx, np.inf), np.repeat(np.where(terms.hard, 0.0, np.inf), k), np.inf]
    result = linprog(
        objective,
        A_ub=np.array(rows),
        b_ub=right,
        A_eq=once,
        b_eq=np.ones(n),
        bounds=np.c_[np.zeros(n_variables), upper],
        method="highs",
        options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    )
    assert result.status == 0, result.message
    return float(result.fun)


def in_unit_scale(costs, terms: Terms, value: float, weights) -> tuple[np.ndarray, Terms, float]:
    """The same problem with numbers near 1: scipy's tolerances are absolute, ours are not."""
    mass = np.ones(len(costs)) if weights is None else weights
    unit = float(mass @ costs.min(axis=1)) / mass.sum() if np.isfinite(terms.budget) else float(costs.mean())
    unit = unit or 1.0
    if terms.hard.any():
        return costs / unit, terms, unit
    goal = max(value, 1e-9)
    scaled = replace(
        terms,
        cost_weight=terms.cost_weight * unit / goal,
        violation_weight=terms.violation_weight / goal,
        budget=terms.budget / unit,
    )
    return costs / unit, scaled, goal


PROBLEMS = [
    "rawlsian",
    "utilitarian",
    "bounded",
    "overlapping bounded",
    "budget sum",
    "budget max",
    "overlapping budget max",
]


@pytest.mark.parametrize("problem", PROBLEMS)
@settings(max_examples=40, deadline=None)
@given(instance=instances(), distance_weight=st.sampled_from([0.0, 0.001, 0.1, 0.5, 0.9, 1.0]))
def test_agrees_with_highs_on_the_whole_lp(problem, instance, distance_weight):
    costs, codes, weights, *_ = instance
    terms = make_terms(problem, instance, distance_weight)
    solution = solve_assignment(costs, codes, terms, weights=weights)
    assert solution.status == "optimal"
    assert solution.gap <= 1e-8
    unit_costs, unit_terms, goal = in_unit_scale(costs, terms, solution.value, weights)
    reference = whole_lp(unit_costs, codes, unit_terms, weights) * goal
    # Where violations cancel to 0, both answers are rounding errors of the masses.
    floor = 1e-6 * (costs.sum() if terms.hard.any() else 1.0)
    assert abs(solution.value - reference) <= 1e-7 * max(reference, floor)
    check_feasible(solution, costs, codes, weights)


def check_feasible(solution: AssignmentSolution, costs, codes, weights) -> None:
    """The value is that of a real assignment, its split points are few, and the prices certify it."""
    terms = solution.terms
    n, k = costs.shape
    mass = np.ones(n) if weights is None else weights
    x = np.eye(k)[solution.labels]
    x[solution.split] = solution.shares
    np.testing.assert_allclose(x.sum(axis=1), 1.0, atol=1e-12)
    assert (x >= 0).all()
    n_classes = len(terms.class_sizes)
    cost = np.bincount(codes, mass * (x * costs).sum(axis=1), minlength=n_classes)
    masses = np.array([(mass * (codes == t)) @ x for t in range(n_classes)])
    np.testing.assert_allclose(solution.class_costs, cost, rtol=1e-9)
    np.testing.assert_allclose(solution.masses, masses, atol=1e-9 * mass.sum())
    own, size = terms.membership @ masses, masses.sum(axis=0)
    violation = np.maximum(0, np.maximum(own - terms.upper[:, None] * size, terms.lower[:, None] * size - own))
    counted = np.where(terms.hard, 0.0, terms.violation_weight)
    parts = terms.membership @ (terms.cost_weight * cost) + counted * violation.sum(axis=1)
    value = parts.max() if terms.combine == "max" else terms.cost_weight @ cost + counted @ violation.sum(axis=1)
    assert solution.value == pytest.approx(value, rel=1e-9, abs=1e-12)
    assert (violation[terms.hard] <= 1e-9 * mass.sum()).all()
    assert cost.sum() <= terms.budget * (1 + 1e-9)
    assert len(solution.split) <= len(terms.names) * (2 * k + 1) + 1
    assert solution.lower_bound <= solution.value
    # The dual value from its definition, and what the assignment leaves on the table at these prices.
    at_prices = mass[:, None] * (solution.slopes[codes][:, None] * costs + solution.prices[codes])
    dual = at_prices.min(axis=1).sum()
    if np.isfinite(terms.budget):
        dual -= solution.multipliers.budget * terms.budget
    scale = 1e-9 * max(abs(at_prices).sum(), solution.value)
    assert solution.lower_bound <= dual + scale
    regret = ((x * at_prices).sum(axis=1) - at_prices.min(axis=1)).sum()
    assert regret <= solution.value - solution.lower_bound + scale


@settings(max_examples=15, deadline=None)
@given(instance=instances(15), problem=st.sampled_from(["rawlsian", "utilitarian"]), lam=st.sampled_from([0.0, 0.3, 1]))
def test_agrees_with_cvxpy(instance, problem, lam):
    """The objective as the paper writes it, with |C_i| Delta_i^h as positive parts."""
    costs, codes, _, alpha, beta, _ = instance
    instance = (costs, codes, None, *instance[3:])
    n, k = costs.shape
    sizes = np.bincount(codes)
    x = cp.Variable((n, k), nonneg=True)
    terms = []
    for h, size in enumerate(sizes):
        own, everyone = cp.sum(x[codes == h], axis=0), cp.sum(x, axis=0)
        above = own - (size / n + alpha[h]) * everyone
        below = (size / n - beta[h]) * everyone - own
        violation = cp.sum(cp.maximum(0, above, below))
        distance = cp.sum(cp.multiply(costs[codes == h] / (costs.mean() or 1.0), x[codes == h])) * costs.mean()
        terms.append((lam * distance + (1 - lam) * violation) / size)
    objective = cp.maximum(*terms) if problem == "rawlsian" and len(terms) > 1 else sum(terms)
    reference = cp.Problem(cp.Minimize(objective), [cp.sum(x, axis=1) == 1]).solve(solver=cp.HIGHS)
    solution = solve_assignment(costs, codes, make_terms(problem, instance, lam))
    assert solution.value == pytest.approx(reference, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_many_points_many_cells(problem):
    """Past one cell per point: cells, patterns, peeling and polishing all work, and HiGHS agrees."""
    rng = np.random.default_rng(5)
    codes = rng.choice(3, 700, p=[0.5, 0.3, 0.2])
    points = rng.normal(size=(700, 2)) + rng.normal(size=(3, 2))[codes]
    costs = ((points[:, None] - points[None, :6]) ** 2).sum(axis=2)
    instance = (costs, codes, None, np.full(3, 0.02), np.full(3, 0.01), rng)
    terms = make_terms(problem, instance, 0.2)
    solution = solve_assignment(costs, codes, terms)
    assert solution.status == "optimal"
    assert solution.n_cells < 700
    assert solution.value == pytest.approx(whole_lp(costs, codes, terms, None), rel=1e-7)
    check_feasible(solution, costs, codes, None)


def test_two_locations_by_hand():
    """Theorem E.2's instance: separate colors at distance D; the LP mixes half of each, which costs lambda D^p / 2."""
    costs = np.repeat([[0.0, 0.4], [0.4, 0.0]], 4, axis=0)
    codes = np.repeat([0, 1], 4)
    solution = solve_assignment(costs, codes, rawlsian_terms(codes, distance_weight=0.25))
    assert solution.value == pytest.approx(0.25 * 0.4 / 2)
    np.testing.assert_allclose(solution.masses, 2.0)
    assert solve_assignment(costs, codes, utilitarian_terms(codes, distance_weight=0.25)).value == pytest.approx(0.1)
    # With lambda = 1 only distances count, and nothing moves.
    apart = solve_assignment(costs, codes, rawlsian_terms(codes, distance_weight=1.0))
    assert apart.value == 0.0
    assert apart.labels.tolist() == [0] * 4 + [1] * 4


def test_bounds_and_budget_by_hand():
    """Four points, each cluster must be mixed in equal parts: one point of each color crosses over, 2 in all."""
    costs = np.array([[0.0, 1.0], [0.0, 1.0], [1.0, 0.0], [1.0, 0.0]])
    colors = ["red", "red", "blue", "blue"]
    exact = solve_assignment(costs, colors, bounded_terms(colors, lower=0.5, upper=0.5))
    assert exact.value == pytest.approx(2.0)
    assert exact.violations.max() <= 1e-12
    # Half of that money buys half of the way: of 4 misplaced points 2 remain, 1 per color, and v sums to 2 halves each.
    half = solve_assignment(costs, colors, budgeted_terms(colors, 1.0, lower=0.5, upper=0.5))
    assert half.value == pytest.approx(1.0)
    assert half.class_costs.sum() == pytest.approx(1.0)
    assert half.multipliers.budget == pytest.approx(1.0)
    worst = solve_assignment(costs, colors, budgeted_terms(colors, 1.0, lower=0.5, upper=0.5, combine="max"))
    assert worst.value == pytest.approx(0.5)


def test_costs_of_a_millionth_are_certified_too():
    """Violations can cost a million times as much as all distances together; the gap is 1e-8 all the same."""
    for seed in range(20):
        rng = np.random.default_rng(seed)
        n, k = int(rng.integers(5, 30)), int(rng.integers(3, 7))
        codes = np.arange(n) % int(rng.integers(2, 6))
        costs = 1e-6 * rng.random((n, k))
        for make in (rawlsian_terms, utilitarian_terms):
            solution = solve_assignment(costs, codes, make(codes, distance_weight=0.1))
            assert (solution.status, solution.gap <= 1e-8) == ("optimal", True)


@pytest.mark.parametrize("seed", [127, 151, 256, 308])
def test_a_vertex_that_is_worse_than_it_claims_is_not_taken(seed):
    """On these, HiGHS's vertex breaks rows by 1e-12, which a violation's price turns into 1e-6 of the value."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(6, 14))
    codes = np.r_[np.arange(5), rng.integers(0, 5, n - 5)]
    costs = 1e-6 * rng.random((n, 5))
    assert solve_assignment(costs, codes, rawlsian_terms(codes)).status == "optimal"


def test_points_that_sit_on_their_centers():
    """The least cost is a rounding error of distances, 1e-20, and says nothing about the scale of the others."""
    for seed in range(5):
        rng = np.random.default_rng(seed)
        n, k = int(rng.integers(50, 150)), int(rng.integers(3, 6))
        codes = np.arange(n) % 3
        costs = rng.random((n, k))
        costs[np.arange(n), rng.integers(0, k, n)] = 1e-20 * rng.random(n)
        shares = np.bincount(codes) / n
        bounds = {"lower": shares, "upper": shares}
        free = budgeted_terms(codes, 0.05 * n, **bounds)
        for terms in (rawlsian_terms(codes), utilitarian_terms(codes), bounded_terms(codes, **bounds), free):
            solution = solve_assignment(costs, codes, terms)
            assert solution.status == "optimal"
        assert solution.value < free.value(solution.class_costs, np.diag(free.class_sizes))


def test_one_group_goes_to_the_nearest_centers():
    costs = np.random.default_rng(0).random((500, 7))
    for terms in (rawlsian_terms([0] * 500), utilitarian_terms([0] * 500), bounded_terms([0] * 500, lower=1, upper=1)):
        solution = solve_assignment(costs, [0] * 500, terms)
        assert solution.labels.tolist() == costs.argmin(axis=1).tolist()
        assert len(solution.split) == 0


def test_a_group_that_does_not_count_stays_near():
    """The third group is far below the maximum, its weight is 0, and its points keep their nearest centers."""
    rng = np.random.default_rng(2)
    codes = np.repeat([0, 1, 2], 60)
    costs = rng.random((180, 3)) + 5.0 * (codes == 0)[:, None]
    # Only distances count for it: its bounds never bind.
    terms = rawlsian_terms(codes, distance_weight=0.9, alpha=1.0, beta=1.0)
    solution = solve_assignment(costs, codes, terms)
    assert solution.multipliers.weights.tolist() == [1.0, 0.0, 0.0]
    assert solution.labels.tolist() == costs.argmin(axis=1).tolist()


class Rows:
    """Costs that exist only as slices, and remembers how much was asked for at once."""

    def __init__(self, costs: np.ndarray) -> None:
        self._costs, self.shape, self.most = costs, costs.shape, 0

    def __getitem__(self, rows: slice) -> np.ndarray:
        taken = self._costs[rows].copy()
        self.most = max(self.most, len(taken))
        return taken


def same_bytes(one: AssignmentSolution, other: AssignmentSolution) -> None:
    for name in [field.name for field in fields(AssignmentSolution) if field.name not in ("terms", "multipliers")]:
        first, second = getattr(one, name), getattr(other, name)
        assert np.asarray(first).tobytes() == np.asarray(second).tobytes(), name
    for field in fields(one.multipliers):
        ours, theirs = getattr(one.multipliers, field.name), getattr(other.multipliers, field.name)
        assert np.asarray(ours).tobytes() == np.asarray(theirs).tobytes(), field.name


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("problem", ["rawlsian", "bounded"])
def test_chunks_give_the_same_bytes(tmp_path, problem, dtype):
    rng = np.random.default_rng(3)
    codes = rng.integers(0, 3, 2000)
    costs = (rng.random((2000, 4)) + 0.5 * (codes[:, None] == np.arange(4))).astype(dtype)
    np.save(tmp_path / "costs.npy", costs)
    mapped = np.load(tmp_path / "costs.npy", mmap_mode="r")
    assert isinstance(mapped, np.memmap)
    instance = (costs, codes, None, np.full(3, 0.01), np.zeros(3), rng)
    terms = make_terms(problem, instance, 0.3)
    whole = solve_assignment(costs, codes, terms)
    assert whole.n_iterations > 1
    rows = Rows(costs)
    for other, chunk_rows in ((costs, 7), (mapped, None), (mapped, 333), (np.asfortranarray(costs), 1), (rows, 100)):
        same_bytes(whole, solve_assignment(other, codes, terms, chunk_rows=chunk_rows))
    assert rows.most == 100


@settings(max_examples=25, deadline=None)
@given(instance=instances(20), problem=st.sampled_from(["rawlsian", "utilitarian", "bounded"]))
def test_weights_equal_duplication(instance, problem):
    costs, codes, _, alpha, beta, rng = instance
    repeats = rng.integers(0, 4, len(codes))
    repeats[: codes.max() + 1] += 1
    weighted = (costs, codes, repeats.astype(float), alpha, beta, rng)
    repeated = (np.repeat(costs, repeats, axis=0), np.repeat(codes, repeats), None, alpha, beta, rng)
    values = [
        solve_assignment(c, g, make_terms(problem, (c, g, w, *rest), 0.3), weights=w).value
        for c, g, w, *rest in (weighted, repeated)
    ]
    assert values[0] == pytest.approx(values[1], rel=1e-7, abs=1e-10)


def test_unit_weights_change_nothing():
    rng = np.random.default_rng(4)
    costs, codes = rng.random((300, 4)), rng.integers(0, 2, 300)
    ones = np.ones(300)
    same_bytes(
        solve_assignment(costs, codes, rawlsian_terms(codes)),
        solve_assignment(costs, codes, rawlsian_terms(codes, weights=ones), weights=ones),
    )


def test_same_input_same_bytes():
    rng = np.random.default_rng(6)
    codes = rng.integers(0, 2, 1500)
    costs = rng.random((1500, 5)) + 0.3 * (codes[:, None] == np.arange(5))
    terms = rawlsian_terms(codes, distance_weight=0.4)
    same_bytes(solve_assignment(costs, codes, terms), solve_assignment(costs.copy(), list(codes), terms))


def test_cutoff_answers_no_early():
    rng = np.random.default_rng(7)
    codes = np.repeat([0, 1], 1000)
    costs = rng.random((2000, 5)) + 1.5 * (codes[:, None] == np.arange(5) % 2)
    terms = bounded_terms(codes, lower=0.5, upper=0.5)
    exact = solve_assignment(costs, codes, terms)
    early = solve_assignment(costs, codes, terms, cutoff=0.9 * exact.value)
    assert early.status == "above_cutoff"
    assert 0.9 * exact.value < early.lower_bound <= exact.value <= early.value
    assert early.n_iterations < exact.n_iterations
    assert solve_assignment(costs, codes, terms, cutoff=1.1 * exact.value).status == "optimal"


def test_iteration_limit_is_honest():
    rng = np.random.default_rng(8)
    codes = np.repeat([0, 1], 1000)
    costs = rng.random((2000, 5)) + 1.5 * (codes[:, None] == np.arange(5) % 2)
    terms = rawlsian_terms(codes, distance_weight=0.5)
    exact = solve_assignment(costs, codes, terms)
    stopped = solve_assignment(costs, codes, terms, max_iter=2)
    assert (stopped.status, stopped.n_iterations) == ("iteration_limit", 2)
    assert stopped.gap > 1e-8
    assert stopped.lower_bound <= exact.value <= stopped.value
    rough = solve_assignment(costs, codes, terms, tol=1e-2)
    assert rough.status == "optimal"
    assert rough.n_iterations < exact.n_iterations


def test_results_are_read_only():
    solution = solve_assignment([[0.0, 1.0], [1.0, 0.0]], ["a", "b"], rawlsian_terms(["a", "b"]))
    for array in (solution.labels, solution.shares, solution.prices, solution.multipliers.upper):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


@pytest.mark.skipif("FAIRCLUST_DATA" not in os.environ, reason="FAIRCLUST_DATA not set")
def test_reference_optima_on_adult():
    """facts.md 2.4: optima of an independent whole LP on the first 1000 rows, five k-means centers, delta 0.1."""
    adult = pd.read_csv(f"{os.environ['FAIRCLUST_DATA']}/adult.data.gz", header=None, skipinitialspace=True, nrows=1000)
    X = StandardScaler().fit_transform(adult[[0, 2, 4, 10, 12]].to_numpy(dtype=float))
    kmeans = KMeans(5, n_init=10, random_state=0).fit(X)
    assert kmeans.inertia_ == pytest.approx(2550.654351, abs=1e-5)
    costs = ((X[:, None] - kmeans.cluster_centers_) ** 2).sum(axis=2)
    groups = encode_groups(adult[9])
    slack = 0.1 * groups.shares
    for make, lam, optimum, nearest in (
        (rawlsian_terms, 0.5, 1.284677560, 1.332806581),
        (utilitarian_terms, 0.5, 2.569349057, 2.612312260),
        (rawlsian_terms, 0.1, 0.257711847, 0.356657365),
        (utilitarian_terms, 0.1, 0.515063207, 0.620161481),
    ):
        terms = make(groups, distance_weight=lam, alpha=slack, beta=slack)
        solution = solve_assignment(costs, groups, terms)
        assert solution.value == pytest.approx(optimum, abs=2e-9)
        assert solution.lower_bound == pytest.approx(optimum, rel=2e-8)
        assert len(solution.split) <= 7
        cheapest = costs.min(axis=1)
        masses = np.array([np.bincount(costs.argmin(axis=1)[groups.codes == h], minlength=5) for h in (0, 1)], float)
        assert terms.value(np.bincount(groups.codes, cheapest), masses) == pytest.approx(nearest, abs=2e-9)


@pytest.mark.parametrize("make", [lambda c: c.astype(int), lambda c: c.tolist(), pd.DataFrame, np.asfortranarray])
def test_any_kind_of_matrix(make):
    costs = np.random.default_rng(9).integers(0, 50, (40, 3)).astype(float)
    codes = np.arange(40) % 2
    terms = rawlsian_terms(codes)
    same_bytes(solve_assignment(costs, codes, terms), solve_assignment(make(costs), codes, terms))
