"""How long the assignment LP and the welfare methods take, and how the time grows, beside HiGHS and Table 3.

Times are the processor seconds of this process. All methods run on one thread, so on an idle machine that is what a
clock shows; on a busy one a clock would also count the waiting, and most for what takes longest. Short timings are the
best of several, since noise only ever adds time. Values, sizes and seeds are the same in every run; seconds are not.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.optimize import linprog

from fairclust.distances import cost_matrix
from fairclust.experiments.performance.measuring import best_of, in_a_fresh_process, peak_bytes
from fairclust.experiments.preparation import welfare_census_1990
from fairclust.experiments.runner import experiment
from fairclust.groups import encode_groups
from fairclust.solvers.assignment import solve_assignment
from fairclust.solvers.assignment_problems import rawlsian_terms
from fairclust.solvers.assignment_terms import Terms
from fairclust.welfare import RawlsianClustering, UtilitarianClustering

__all__ = [
    "PAPER_SECONDS",
    "census",
    "random_costs",
    "random_points",
    "terms_of",
    "welfare",
    "whole_lp",
]

Floats = NDArray[np.float64]

#: lambda and delta of every cell: the middle of the paper's range, and its tolerance.
DISTANCE_WEIGHT, SLACK = 0.5, 0.1
#: Table 3's algorithms; its k is not given, ours is 10 everywhere unless k is what varies.
ALGORITHMS = {"rawlsian": RawlsianClustering, "utilitarian": UtilitarianClustering}
CLUSTERS, STARTS, FEATURES = 10, 10, 67
#: Table 3 of the paper, mean seconds of 5 runs by number of points (in thousands): Rawlsian, Utilitarian.
PAPER_SECONDS = {
    10: (15.05, 17.58),
    11: (17.23, 22.18),
    12: (29.50, 38.83),
    13: (25.04, 36.95),
    14: (34.07, 43.37),
    15: (35.88, 37.53),
    16: (33.22, 46.27),
    17: (39.44, 46.10),
    18: (37.63, 54.76),
    19: (44.97, 37.55),
    20: (45.98, 34.78),
}
#: The number of points of Census 1990, and a tenth of it.
FULL, TENTH = 2_458_285, 245_829
#: How often a whole fit is timed, each time with another seed; Table 3's means are of 5 runs.
FIT_SEEDS = 3
#: Rows of a random instance that are drawn at a time, so that it needs no more memory than its costs.
BLOCK = 1 << 16

#: The columns that a second run need not repeat: times, memory, and what hangs on the last bits of a sum.
MEASURED = (
    "seconds",
    "highs_seconds",
    "interior_point_seconds",
    "ratio",
    "interior_point_ratio",
    "relative_difference",
    "gap",
    "sweeps",
    "memory_mib",
    "memory_over_costs",
)


def random_costs(n: int, k: int, n_groups: int, seed: int = 0) -> tuple[Floats, NDArray[np.int32]]:
    r"""A random instance of the assignment LP: squared distances, shape (n, k), and group codes, shape (n,).

    Points and centers are standard normal in five dimensions. Each center has its own mix of groups, drawn from a
    flat Dirichlet distribution; a point belongs to a group by the mix of its nearest center. So the groups travel
    about equally far and nearest assignment mixes them badly, which leaves the LP something to weigh.
    """
    rng = np.random.default_rng(seed)
    centers = rng.normal(size=(k, 5))
    mixes = np.cumsum(rng.dirichlet(np.ones(n_groups), size=k), axis=1)
    costs, codes = np.empty((n, k)), np.empty(n, dtype=np.int32)
    for start in range(0, n, BLOCK):
        stop = min(start + BLOCK, n)
        costs[start:stop] = cost_matrix(rng.normal(size=(stop - start, 5)), centers, power=2.0)
        mix = mixes[costs[start:stop].argmin(axis=1)]
        codes[start:stop] = (rng.random(stop - start)[:, None] > mix[:, :-1]).sum(axis=1)
    codes[:n_groups] = np.arange(n_groups)  # no group is empty, however small n is
    return costs, codes


def random_points(n: int, seed: int = 0) -> tuple[Floats, NDArray[np.int64]]:
    """Points, shape (n, 67), of ten Gaussian clouds, and two groups, shape (n,), whose shares differ by cloud."""
    rng = np.random.default_rng(seed)
    clouds = rng.integers(0, CLUSTERS, n)
    X = rng.normal(scale=0.5, size=(CLUSTERS, FEATURES))[clouds] + rng.normal(size=(n, FEATURES))
    codes = (rng.random(n) < rng.uniform(0.2, 0.8, CLUSTERS)[clouds]).astype(np.int64)
    codes[:2] = (0, 1)
    return X, codes


def terms_of(codes: Any) -> Terms:
    """The Rawlsian LP's terms with the paper's tolerance: alpha_h = beta_h = 0.1 r_h, lambda = 0.5."""
    tolerance = SLACK * encode_groups(codes).shares
    return rawlsian_terms(codes, distance_weight=DISTANCE_WEIGHT, alpha=tolerance, beta=tolerance)


def whole_lp(costs: Floats, codes: NDArray[Any], terms: Terms, method: str = "highs") -> tuple[float, float]:
    r"""The optimum of LP (10) by HiGHS on all its nk + Hk + 1 variables, and the processor seconds that HiGHS took.

    .. math:: \min z \;\text{s.t.}\; \sum_i x_{ji} = 1, \quad M_{hi} - u_h S_i \le v_{hi}, \quad
              l_h S_i - M_{hi} \le v_{hi}, \quad \kappa_h D_h + \nu_h \sum_i v_{hi} \le z, \quad x, v \ge 0

    Building the matrices is not counted. The last rows are multiplied by n: with entries near 1/n HiGHS's absolute
    tolerances would let it stop early.
    """
    n, k = costs.shape
    n_groups, nx = len(terms.names), n * k
    point, center, kind, column = (
        np.repeat(np.arange(n), k),
        np.tile(np.arange(k), n),
        np.repeat(codes, k),
        np.arange(nx),
    )
    ones = np.ones(nx)
    once = sp.csr_array((ones, (point, column)), shape=(n, nx + n_groups * k + 1))
    cluster = sp.csr_array((ones, (center, column)), shape=(k, nx))
    masses = sp.csr_array((ones, (kind * k + center, column)), shape=(n_groups * k, nx))
    distances = sp.csr_array((n * terms.cost_weight[kind] * costs.ravel(), (kind, column)), shape=(n_groups, nx))
    counted = sp.kron(sp.diags_array(n * terms.violation_weight), np.ones((1, k)))
    slack, nothing = -sp.eye_array(n_groups * k), sp.csr_array((n_groups * k, 1))
    above = sp.hstack([masses - sp.kron(terms.upper[:, None], cluster), slack, nothing])
    below = sp.hstack([sp.kron(terms.lower[:, None], cluster) - masses, slack, nothing])
    worst = sp.hstack([distances, counted, -np.ones((n_groups, 1))])
    rows = sp.csr_array(sp.vstack([above, below, worst]))
    objective = np.zeros(rows.shape[1])
    objective[-1] = 1.0
    start = time.process_time()
    found = linprog(
        objective,
        A_ub=rows,
        b_ub=np.zeros(rows.shape[0]),
        A_eq=once,
        b_eq=np.ones(n),
        method=method,
        options={"primal_feasibility_tolerance": 1e-9, "dual_feasibility_tolerance": 1e-9},
    )
    seconds = time.process_time() - start
    if found.status != 0:
        raise RuntimeError(f"HiGHS ({method}) did not solve the LP of {n} points: {found.message}")
    return float(found.fun) / n, seconds


def _welfare_grid(quick: bool) -> list[dict[str, Any]]:
    def cell(part: str, n: int, k: int = CLUSTERS, n_groups: int = 2, **more: Any) -> dict[str, Any]:
        return {"part": part, "algorithm": "rawlsian", "n": n, "k": k, "n_groups": n_groups, "seed": 0, **more}

    many = 2_000 if quick else 100_000
    return [
        *(cell("highs", n) for n in ((200, 500, 1_000) if quick else (2_000, 5_000, 20_000))),
        *(cell("growth in n", n) for n in ((500, 1_000, 2_000) if quick else (10_000, 30_000, 100_000, 300_000))),
        *(cell("growth in k", many, k) for k in (5, 10, 20, 40)),
        *(cell("growth in groups", many, n_groups=n_groups) for n_groups in (2, 3, 5, 8)),
        *(cell("scale", n) for n in ((2_000, 20_000) if quick else (TENTH, FULL))),
        *_fit_cells(quick, cell),
    ]


def _fit_cells(quick: bool, cell: Callable[..., dict[str, Any]]) -> list[dict[str, Any]]:
    sizes = (1_000, 2_000) if quick else tuple(1_000 * thousands for thousands in PAPER_SECONDS)
    return [
        cell("fit", n, algorithm=name, seed=seed) for name in ALGORITHMS for n in sizes for seed in range(FIT_SEEDS)
    ]


@experiment(
    "performance-welfare",
    paper="performance",
    title="The assignment LP against HiGHS, its growth in n, k and groups, and Table 3's end-to-end times, random data",
    datasets=(),
    grid=_welfare_grid,
    measured=MEASURED,
)
def welfare(*, part: str, algorithm: str, n: int, k: int, n_groups: int, seed: int) -> list[dict[str, Any]]:
    """One size: seconds of the engine (or of a whole fit), and what they are to be compared with.

    The engine runs to a relative gap of 1e-8, in the part "scale" to 1e-6. ``memory_mib`` is what the process grew by
    at its peak, the costs included; ``memory_over_costs`` the same over 8 nk bytes.
    """
    if part == "fit":
        return [_fit(algorithm, *random_points(n, seed), k, seed)]
    costs, codes = random_costs(n, k, n_groups, seed)
    terms = terms_of(codes)
    tol = 1e-6 if part == "scale" else 1e-8
    _warm_up()
    seconds, solution = best_of(lambda: solve_assignment(costs, codes, terms, tol=tol))
    row: dict[str, Any] = {
        "value": solution.value,
        "seconds": seconds,
        "gap": solution.gap,
        "sweeps": solution.n_iterations,
    }
    if part == "highs":
        value, simplex = whole_lp(costs, codes, terms)
        second, interior = whole_lp(costs, codes, terms, "highs-ipm")
        row["highs_seconds"], row["interior_point_seconds"] = simplex, interior
        row["ratio"], row["interior_point_ratio"] = simplex / seconds, interior / seconds
        row["relative_difference"] = max(abs(solution.value - value), abs(solution.value - second)) / value
    if part == "scale":
        used = in_a_fresh_process(print_memory, n, k, n_groups, seed)["bytes"]
        row["memory_mib"], row["memory_over_costs"] = used / 2**20, used / (8 * n * k)
    return [row]


def _census_grid(quick: bool) -> list[dict[str, Any]]:
    cells = _fit_cells(quick, lambda part, n, **more: {"n": n, **more})
    return [{"dataset": "census_1990", **cell} for cell in cells]


@experiment(
    "performance-census",
    paper="performance",
    title="Table 3 on the paper's own data: end-to-end times on samples of Census 1990",
    datasets=("census_1990",),
    grid=_census_grid,
    measured=MEASURED,
)
def census(*, dataset: str, algorithm: str, n: int, seed: int) -> list[dict[str, Any]]:
    """One fit on n rows of Census 1990; not run where the data set is not available."""
    data = welfare_census_1990(n, seed=seed)
    return [_fit(algorithm, data.X, encode_groups(data.groups).codes, CLUSTERS, seed)]


def _fit(algorithm: str, X: Floats, codes: NDArray[Any], k: int, seed: int) -> dict[str, Any]:
    """The time of one fit with ten starts, from the points to the report, beside the paper's."""
    model = ALGORITHMS[algorithm](k, distance_weight=DISTANCE_WEIGHT, slack=SLACK, n_init=STARTS, random_state=seed)
    # Compiled functions are loaded on their first use, once per process: that is no part of a fit.
    few = min(len(X), 200)
    ALGORITHMS[algorithm](2, n_init=1, random_state=0).fit(X[:few], sensitive_features=codes[:few])
    start = time.process_time()
    model.fit(X, sensitive_features=codes)
    seconds = time.process_time() - start
    paper = PAPER_SECONDS.get(len(X) // 1000) if len(X) % 1000 == 0 else None
    return {
        "value": model.objective_,
        "seconds": seconds,
        "paper_time": None if paper is None else paper[list(ALGORITHMS).index(algorithm)],
    }


def _warm_up() -> None:
    costs, codes = random_costs(200, 3, 2)
    solve_assignment(costs, codes, terms_of(codes))


def print_memory(n: int, k: int, n_groups: int, seed: int) -> None:
    """Print how much this process grows at its peak while it makes an instance and solves it, as JSON."""
    _warm_up()
    before = peak_bytes()
    costs, codes = random_costs(n, k, n_groups, seed)
    solve_assignment(costs, codes, terms_of(codes), tol=1e-6)
    print(json.dumps({"bytes": peak_bytes() - before}))
