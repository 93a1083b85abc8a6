"""How long the fair-radii LP takes beside HiGHS on all of it, how its time grows, and what runs on 100,000 points.

Times are the processor seconds of this process, on one thread. Short timings are the best of three. HiGHS is timed
once, in the same cell as ours. Memory is what a fresh process grows by at its peak.
"""

from __future__ import annotations

import json
import time
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.optimize import linprog

from fairclust.baselines import JungKannanLutz, MahabadiVakilian
from fairclust.distances import cost_matrix
from fairclust.experiments.performance.measuring import best_of, in_a_fresh_process, peak_bytes
from fairclust.experiments.radii.methods import PREPARED
from fairclust.experiments.runner import experiment
from fairclust.metrics import fair_radii, max_violation, radius_violation
from fairclust.radii import FairRadiiClustering, fair_radii_lp
from fairclust.solvers.ball_filter import ball_filter
from fairclust.solvers.fair_swaps import polish

__all__ = ["POINTS_PARTS", "census", "points", "radii", "random_points", "whole_lp"]

Floats = NDArray[np.float64]

POWER = 2

#: The columns that a second run need not repeat: times, memory, and what hangs on the last bits of a sum.
MEASURED = (
    "seconds",
    "highs_seconds",
    "ratio",
    "relative_difference",
    "gap",
    "iterations",
    "memory_mib",
    "memory_over_points",
    "memory_over_matrix",
)


def whole_lp(X: Floats, radii: Floats, k: int, power: float) -> tuple[float, float]:
    r"""The optimum of the fair-radii LP by HiGHS on all its variables, and the processor seconds that HiGHS took.

    .. math:: \min \sum_v \sum_{u \in B(v)} d(v, u)^p x_{vu} \;\text{s.t.}\; \sum_{u \in B(v)} x_{vu} = 1, \quad
              x_{vu} \le y_u, \quad \sum_u y_u \le k, \quad x \ge 0, \; 0 \le y \le 1

    A variable for each pair of rows within the radius, points that coincide not merged. Building the matrices is not
    counted. Costs are divided by their mean: HiGHS's tolerances are absolute.
    """
    away = cost_matrix(X, X, power=1)
    v, u = np.nonzero(away <= radii[:, None] * (1.0 + 1e-12))
    costs = away[v, u] ** power
    scale = float(costs.mean()) or 1.0
    n, n_pairs = len(X), len(v)
    pair, ones = np.arange(n_pairs), np.ones(n_pairs)
    served = sp.csr_array((ones, (v, pair)), shape=(n, n_pairs + n))
    linked = sp.csr_array(
        (np.concatenate([ones, -ones]), (np.concatenate([pair, pair]), np.concatenate([pair, n_pairs + u]))),
        shape=(n_pairs, n_pairs + n),
    )
    opened = sp.csr_array((np.ones(n), (np.zeros(n, dtype=int), n_pairs + np.arange(n))), shape=(1, n_pairs + n))
    objective = np.concatenate([costs / scale, np.zeros(n)])
    start = time.process_time()
    found = linprog(
        objective,
        A_ub=sp.vstack([linked, opened]).tocsr(),
        b_ub=np.concatenate([np.zeros(n_pairs), [float(k)]]),
        A_eq=served,
        b_eq=np.ones(n),
        bounds=(0.0, 1.0),
        method="highs",
    )
    seconds = time.process_time() - start
    if found.status != 0:
        raise RuntimeError(f"HiGHS did not solve the LP of {n} points: {found.message}")
    return float(found.fun) * scale, seconds


def _radii_grid(quick: bool) -> list[dict[str, Any]]:
    def cell(part: str, n: int, k: int = 10, gap: float = 1e-8, dataset: str = "bank") -> dict[str, Any]:
        return {"part": part, "dataset": dataset, "n": n, "k": k, "gap_wanted": gap}

    if quick:
        return [cell("highs", 150, 20), cell("growth in k", 200), cell("growth in n", 250, gap=1e-4)]
    return [
        *(cell("highs", n, 20) for n in (300, 600, 1_000)),
        cell("highs", 1_000, 10),
        *(cell("growth in k", 1_000, k) for k in (5, 10, 20, 30, 40)),
        *(cell("growth in n", n, gap=1e-4) for n in (1_000, 2_000, 4_521)),
        cell("full size", 4_521, gap=1e-6),
        *(cell("full size", 101_766, k, dataset="diabetes") for k in (10, 20)),
    ]


@experiment(
    "performance-radii",
    paper="performance",
    title="The fair-radii LP against HiGHS on all of it, and its growth in n and k; bank and diabetes, k-means",
    datasets=("bank", "diabetes"),
    grid=_radii_grid,
    measured=MEASURED,
)
def radii(*, part: str, dataset: str, n: int, k: int, gap_wanted: float) -> list[dict[str, Any]]:
    """One size: seconds of the LP from the points to its certificate, the fair radii and the balls included.

    Up to 1,000 points are the first of the paper's sample 0, more are the first of all rows, shuffled by seed 0.
    """
    X = _rows(dataset, n)
    _warm_up()
    seconds, lp = best_of(lambda: fair_radii_lp(X, k, power=POWER, gap=gap_wanted))
    row: dict[str, Any] = {
        "n_places": len(lp.points),
        "value": lp.value,
        "seconds": seconds,
        "gap": lp.gap,
        "iterations": lp.n_iterations,
    }
    if part == "highs":
        value, highs = whole_lp(X, lp.radii, k, POWER)
        row |= {"highs_seconds": highs, "ratio": highs / seconds, "relative_difference": abs(lp.value - value) / value}
    return [row]


def _rows(dataset: str, n: int) -> Floats:
    if n <= 1_000:
        return PREPARED[dataset](0).X[:n]
    X = PREPARED[dataset]().X
    return X if n == len(X) else X[np.random.default_rng(0).permutation(len(X))[:n]]


@experiment(
    "performance-radii-census",
    paper="performance",
    title="The fair-radii LP on all 32,561 points of census to a gap of 1e-3: time and memory",
    datasets=("adult",),
    grid=lambda quick: [
        {"dataset": "adult", "n": 400 if quick else 32_561, "k": k, "gap_wanted": 1e-3} for k in (10, 20)
    ],
    measured=(*MEASURED, "value", "lower_bound"),
)
def census(*, dataset: str, n: int, k: int, gap_wanted: float) -> list[dict[str, Any]]:
    """One k, in a process of its own; ``value`` and ``lower_bound`` are sums of squares."""
    return [in_a_fresh_process(print_lp, dataset, n, k, gap_wanted)]


#: What is timed on many random points.
POINTS_PARTS = ("fair radii", "filter", "jkl", "mv", "polish")


@experiment(
    "performance-radii-points",
    paper="performance",
    title="Fair radii, filter, JKL, MV and the polish on random points in space: time, and memory without a matrix",
    datasets=(),
    grid=lambda quick: [
        {"part": part, "n": n, "k": 20, "seed": 0}
        for part in POINTS_PARTS
        for n in ((1_000, 2_000) if quick else (25_000, 50_000, 100_000))
    ],
    measured=MEASURED,
)
def points(*, part: str, n: int, k: int, seed: int) -> list[dict[str, Any]]:
    """One method on n points; the fair radii are computed before, but for their own part.

    ``memory_over_points`` is the process's growth over 8 n d bytes, ``memory_over_matrix`` over 8 n^2.
    """
    row = in_a_fresh_process(print_points, part, n, k, seed)
    used = row.pop("bytes")
    return [
        {
            **row,
            "memory_mib": used / 2**20,
            "memory_over_points": used / (8 * n * 3),
            "memory_over_matrix": used / (8 * n**2),
        }
    ]


def random_points(n: int, seed: int = 0) -> Floats:
    """Points of shape (n, 3): a hundred Gaussian clouds of different sizes and widths."""
    rng = np.random.default_rng(seed)
    clouds = rng.choice(100, n, p=rng.dirichlet(np.ones(100)))
    widths = rng.uniform(0.1, 1.0, 100)
    spread: Floats = rng.uniform(0.0, 20.0, (100, 3))[clouds] + widths[clouds, None] * rng.normal(size=(n, 3))
    return spread


def print_points(part: str, n: int, k: int, seed: int) -> None:
    """Print seconds and growth of memory of one method on random points, as JSON."""
    run_points(part, 200, 3, seed)
    before = peak_bytes()
    print(json.dumps({**run_points(part, n, k, seed), "bytes": peak_bytes() - before}))


def run_points(part: str, n: int, k: int, seed: int) -> dict[str, Any]:
    """Seconds of one method on random points, how many centers it opens, and the largest violation."""
    X = random_points(n, seed)
    start = time.process_time()
    limits = fair_radii(X, k)
    if part != "fair radii":
        start = time.process_time()
    if part == "fair radii":
        centers = X[:0]
    elif part == "filter":
        centers = X[ball_filter(X, limits, 2.0).center_indices]
    elif part == "jkl":
        centers = JungKannanLutz(k, radii=limits).fit(X).cluster_centers_
    else:
        given = JungKannanLutz(k, radii=limits).fit(X) if part == "polish" else None
        start = time.process_time()
        if given is None:
            centers = MahabadiVakilian(k, power=POWER, radii=limits).fit(X).cluster_centers_
        else:
            allowed = max(1.0, max_violation(given.violations_))
            centers = X[polish(X, given.center_indices_, allowed * limits, power=POWER).center_indices]
    seconds = time.process_time() - start
    violation = max_violation(radius_violation(X, centers, limits)) if len(centers) else float("nan")
    return {"seconds": seconds, "n_centers": len(centers), "max_violation": violation}


def print_lp(dataset: str, n: int, k: int, gap: float) -> None:
    """Print value, certificate, seconds and growth of memory of one LP, as JSON."""
    _warm_up()
    X = _rows(dataset, n)
    before, start = peak_bytes(), time.process_time()
    lp = fair_radii_lp(X, k, power=POWER, gap=gap)
    found = {
        "n_places": len(lp.points),
        "value": lp.value,
        "lower_bound": lp.lower_bound,
        "gap": lp.gap,
        "iterations": lp.n_iterations,
        "status": lp.status,
        "seconds": time.process_time() - start,
        "memory_mib": (peak_bytes() - before) / 2**20,
    }
    print(json.dumps(found))


def _warm_up() -> None:
    """Compiled functions are loaded on their first use, once per process: that is no part of a solution's time."""
    FairRadiiClustering(3).fit(random_points(60))
