r"""The methods of the third paper's figures on one set of points: centers, processor seconds, and the bound of the LP.

Seconds are those of the paper's figures 4 and 15: building the linear program, solving and rounding it, without the
fair radii, which every method needs and which are computed once.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from fairclust.baselines import JungKannanLutz, MahabadiVakilian
from fairclust.distances import nearest_centers
from fairclust.experiments.preparation import radii_bank, radii_census, radii_diabetes
from fairclust.metrics import fair_radii, radius_violation
from fairclust.radii import FairRadiiLP, fair_radii_lp, fair_round, sparse_fair_round
from fairclust.radii.improve import improve
from fairclust.solvers.fair_swaps import vanilla_swaps
from fairclust.solvers.kmeans import kmeans

__all__ = [
    "METHODS",
    "PAPER_NAMES",
    "PREPARED",
    "SPARSIFY",
    "Solution",
    "check_solved",
    "judged",
    "solutions",
    "solved_lp",
]

Floats = NDArray[np.float64]
T = TypeVar("T")

#: The data sets of the paper, by the name of their loader.
PREPARED = {"bank": radii_bank, "adult": radii_census, "diabetes": radii_diabetes}

#: What the paper calls them.
PAPER_NAMES = {"bank": "bank", "adult": "census", "diabetes": "diabetes"}

#: delta of Sparse-Fair-Round by data set (appendix A.4).
SPARSIFY = {"bank": 0.3, "adult": 0.05, "diabetes": 0.01}

#: Rows up to which the main LP cuts ties, as the authors' code does on its samples.
CUT_UP_TO = 1000

#: Rows up to which, where there are more than that, Benders' method solves the LP of relaxed radii. That LP is nearly
#: integral, which suits it: on all of bank it takes 12 to 21 seconds for every k, where the interior-point method takes
#: 60 to 110. Its memory grows too fast for more rows.
BENDERS_UP_TO = 5000

#: An LP that ends within this relative gap, in p-th powers, is solved, also where less was asked for.
ACCEPTED = 1e-6

#: A point is beyond its radius if it is by more than this share of it: many centers stand at exactly r(v).
ROUNDING = 1e-9

#: What each method is; the first two take no notice of fairness.
METHODS = {
    "kmeans": "vanilla k-means (centers anywhere)",
    "local_search": "vanilla local search (centers are points)",
    "jkl": "JKL",
    "mv": "MV",
    "fair_round": "Fair-Round",
    "fair_round_theory": "Fair-Round without the authors' search for rho",
    "polished": "Fair-Round, polished",
    "relaxed": "Relaxed-Fair-Round",
    "sparse": "Sparse-Fair-Round",
}


@dataclass(frozen=True, eq=False)
class Solution:
    """Centers of one method.

    Attributes
    ----------
    method : str
        A key of :data:`METHODS`.
    centers : ndarray of shape (s, d)
        The centers.
    seconds : float
        Processor seconds.
    lp : float
        Fair-LP of the radii that the method was given, as a p-norm; NaN for methods without one.
    lp_gap : float
        Its certified relative gap, in p-th powers.
    lp_seconds : float
        Those of ``seconds`` that building and solving the LP took; NaN where they are not known apart.
    branch : str
        How the LP was rounded; empty for methods without one.
    """

    method: str
    centers: Floats
    seconds: float
    lp: float = float("nan")
    lp_gap: float = float("nan")
    lp_seconds: float = float("nan")
    branch: str = ""


def solutions(
    X: Floats,
    radii: Floats,
    k: int,
    power: float,
    *,
    sparsify: float,
    seed: int,
    gap: float = 1e-8,
    only: tuple[str, ...] = tuple(METHODS),
) -> list[Solution]:
    """What each method opens; one LP serves Fair-Round in all its roundings, one more the relaxed radii.

    ``radii`` must be the fair radii of X and k: the main LP counts the floor(n/k) + 1 nearest rows of each row, ties
    cut, as the authors' code does; beyond :data:`CUT_UP_TO` rows ties are kept, so that rows that coincide are merged.
    """
    _warm_up()
    return _solutions(X, radii, k, power, sparsify=sparsify, seed=seed, gap=gap, only=only)


def _solutions(
    X: Floats, radii: Floats, k: int, power: float, *, sparsify: float, seed: int, gap: float, only: tuple[str, ...]
) -> list[Solution]:
    found: list[Solution] = []
    if "kmeans" in only and power == 2:
        centers, seconds = _timed(lambda: kmeans(X, k, n_init=10, random_state=seed).centers)
        found.append(Solution("kmeans", centers, seconds))
    if "local_search" in only:
        swapped, seconds = _timed(lambda: vanilla_swaps(X, k, power=power, random_state=seed))
        found.append(Solution("local_search", X[swapped.center_indices], seconds))
    if "jkl" in only:
        near, seconds = _timed(lambda: JungKannanLutz(k, radii=radii).fit(X))
        found.append(Solution("jkl", near.cluster_centers_, seconds))
    cheap = None
    if "mv" in only:
        cheap, seconds = _timed(lambda: MahabadiVakilian(k, power=power, radii=radii).fit(X))
        found.append(Solution("mv", cheap.cluster_centers_, seconds))
    if "fair_round" in only:
        given: dict[str, Any] = {"ties": "cut"} if len(X) <= CUT_UP_TO else {"radii": radii}
        lp, seconds = _timed(lambda: solved_lp(X, k, power=power, gap=gap, **given))
        bound = (lp.norm, lp.gap, seconds)
        rounded, more = _timed(lambda: fair_round(X, k, lp, power=power))
        found.append(Solution("fair_round", X[rounded.center_indices], seconds + more, *bound, rounded.branch))
        plain, less = _timed(lambda: fair_round(X, k, lp, power=power, shortcut=False))
        found.append(Solution("fair_round_theory", X[plain.center_indices], seconds + less, *bound, plain.branch))
        if "polished" in only:
            start, weights = rounded.center_indices, np.ones(len(X))
            better, longer = _timed(lambda: improve(X, start, radii, k, power=power, weights=weights))
            found.append(Solution("polished", X[better.center_indices], seconds + more + longer, *bound))
    if "relaxed" in only and cheap is not None:
        laxer = np.maximum(radii, nearest_centers(X, cheap.cluster_centers_)[1])
        method = "benders" if CUT_UP_TO < len(X) <= BENDERS_UP_TO else "interior"
        relaxed, seconds = _timed(lambda: solved_lp(X, k, power=power, radii=laxer, gap=gap, method=method))
        rounded, more = _timed(lambda: fair_round(X, k, relaxed, power=power))
        found.append(
            Solution(
                "relaxed",
                X[rounded.center_indices],
                seconds + more,
                relaxed.norm,
                relaxed.gap,
                seconds,
                rounded.branch,
            )
        )
    if "sparse" in only:
        thin, seconds = _timed(lambda: sparse_fair_round(X, k, sparsify, power=power, radii=radii, gap=gap))
        check_solved(thin.lp, gap)
        centers = X[thin.rounding.center_indices]
        found.append(Solution("sparse", centers, seconds, thin.lp.norm, thin.lp.gap, branch=thin.rounding.branch))
    return found


def solved_lp(X: Floats, k: int, *, gap: float, **options: Any) -> FairRadiiLP:
    """The fair-radii LP, held against :func:`check_solved`."""
    return check_solved(fair_radii_lp(X, k, gap=gap, **options), gap)


def check_solved(lp: FairRadiiLP, gap: float) -> FairRadiiLP:
    """The same LP; RuntimeError if its certificate leaves more than the gap and :data:`ACCEPTED`.

    What is rounded from an LP that is not solved says nothing about Fair-Round.
    """
    if lp.gap > max(gap, ACCEPTED):
        raise RuntimeError(f"the LP is {lp.status} at a gap of {lp.gap:.3g}, more than {max(gap, ACCEPTED):g}")
    return lp


def judged(X: Floats, radii: Floats, power: float, solution: Solution) -> dict[str, Any]:
    """A row: violations of the fair radii and cost, as the paper measures them."""
    _, distances = nearest_centers(X, solution.centers)
    theta = radius_violation(X, solution.centers, radii)
    # 0/0 is NaN: a point that coincides with n/k others and with a center. The authors' code ignores it too.
    known = theta[~np.isnan(theta)]
    return {
        "method": solution.method,
        "max_violation": float(known.max()),
        "mean_violation": float(known.mean()) if np.isfinite(known).all() else float("inf"),
        "share_violated": float((known > 1.0 + ROUNDING).sum() / len(theta)),
        "cost": float(np.sum(distances**power) ** (1.0 / power)),
        "n_centers": len(solution.centers),
        "lp": solution.lp,
        "lp_gap": solution.lp_gap,
        "branch": solution.branch,
        "seconds": solution.seconds,
        "lp_seconds": solution.lp_seconds,
    }


@functools.cache
def _warm_up() -> None:
    """Load the compiled functions of every method: that is done once per process and is no part of a method's time."""
    X = np.random.default_rng(0).normal(size=(40, 2))
    for power in (2, 1):
        _solutions(X, fair_radii(X, 3), 3, power, sparsify=0.1, seed=0, gap=1e-6, only=tuple(METHODS))


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    start = time.process_time()
    result = work()
    return result, time.process_time() - start
