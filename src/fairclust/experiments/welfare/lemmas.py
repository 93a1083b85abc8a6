r"""Lemmas 4.1, 4.2, 4.7, 4.8 and Theorems 4.5, 4.11 held against brute force: every center set, every assignment.

On instances of seven or eight points the optimum is known exactly, and so is the factor :math:`\alpha` by which a set
of centers misses the best socially fair (or weighted) one. A lemma that says "for every :math:`\alpha`-approximate S"
can then be tried on *every* S.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fairclust.experiments.preparation import welfare_adult
from fairclust.experiments.runner import experiment
from fairclust.experiments.welfare.enumeration import Floats, Ints, Objective, Tiny, settled, violations, whole_lp
from fairclust.groups import encode_groups
from fairclust.solvers.minimax_centers import minimax_centers
from fairclust.welfare import RawlsianClustering, UtilitarianClustering, assign

__all__ = ["KINDS", "lemmas", "theorems"]

#: "real" is a draw from Adult, "towns" are places of one group each (Figure 1's idea), "ties" have whole coordinates.
KINDS = ("cloud", "towns", "line", "ties", "duplicates", "one group", "real")
OBJECTIVES: tuple[Objective, ...] = ("rawlsian", "utilitarian")
WEIGHTS = (0.5, 0.1, 0.9, 0.0, 1.0, 0.3)


def make(kind: str, instance: int) -> tuple[Floats, Ints, int, float, tuple[Floats, Floats]]:
    """Points, groups, k, distance weight and tolerances of one instance: 7 or 8 points, 3 or 2 centers."""
    rng = np.random.default_rng([KINDS.index(kind), instance])
    n, k = (8, 2) if instance % 2 else (7, 3)
    n_groups = 1 if kind == "one group" else 2 + instance % 3 // 2
    codes = np.concatenate([np.arange(n_groups), rng.integers(0, n_groups, n - n_groups)])
    if kind == "real":
        data = welfare_adult(2000)
        rows = rng.choice(len(data.X), n, replace=False)
        sex = encode_groups(data.groups).codes
        # Both groups must be there.
        rows[:2] = [rng.choice(np.flatnonzero(sex == h)) for h in (0, 1)]
        X, codes = np.asarray(data.X, dtype=float)[rows], sex[rows].astype(np.intp)
    elif kind == "towns":
        X = np.array([[0.0, 6.0], [6.0, 6.0], [3.0, 0.0]])[codes] + rng.normal(size=(n, 2))
    elif kind == "line":
        X = rng.normal(size=(n, 1))
    elif kind == "ties":
        X = rng.integers(0, 4, (n, 2)).astype(float)
    elif kind == "duplicates":
        X = rng.normal(size=(4, 2))[rng.integers(0, 4, n)]
    else:
        X = rng.normal(size=(n, 2)) * 3.0
    shares = np.bincount(codes) / n
    tolerance = (0.0, 0.1, 0.5)[instance // 2 % 3]
    # The last third tolerates too few, but not too many.
    slack = (tolerance * shares, tolerance * shares) if instance % 3 else (np.zeros(len(shares)), tolerance * shares)
    return X, codes, k, WEIGHTS[instance % len(WEIGHTS)], slack


def euclidean(X: Floats) -> Floats:
    return np.sqrt(((X[:, None, :] - X[None, :, :]) ** 2).sum(axis=2))


def _grid(quick: bool) -> list[dict[str, Any]]:
    return [{"kind": kind, "instance": i} for kind in KINDS for i in range(2 if quick else 12)]


@experiment(
    "welfare-lemmas",
    paper="welfare",
    title="Lemmas 4.1, 4.2, 4.7, 4.8 and the claims of their proofs, by brute force over centers and assignments",
    datasets=("adult",),
    grid=_grid,
)
def lemmas(*, kind: str, instance: int) -> list[dict[str, Any]]:
    r"""One instance, p = 1 and 2, both objectives; centers are among the points, as in any metric space.

    Rows are of three sets of centers: "best" (:math:`\alpha = 1`), "worst" (the largest :math:`\alpha`), and "tightest"
    (of all sets the one whose best assignment is nearest to the lemma's factor). The columns ending in ``over_all_s``
    are the largest over every set, for the claims of the proofs.
    """
    X, codes, k, weight, (alpha, beta) = make(kind, instance)
    rows: list[dict[str, Any]] = []
    for power in (1, 2):
        tiny = Tiny(euclidean(X), codes, k, weight, alpha, beta, power)
        for objective in OBJECTIVES:
            rows += _rows_of(tiny, objective)
    return rows


def _rows_of(tiny: Tiny, objective: Objective) -> list[dict[str, Any]]:
    sets = tiny.center_sets
    values, labels = zip(*(tiny.best_assignment(centers, objective) for centers in sets), strict=True)
    optimum, star = min(values), int(np.argmin(values))
    first = np.array([tiny.center_cost(centers, objective) for centers in sets])
    least = float(first.min())
    # Where the least cost is 0 only centers of cost 0 have a factor, which is 1.
    factors = first / least if least > 0 else np.where(first == 0, 1.0, np.inf)
    finite = np.flatnonzero(np.isfinite(factors))
    shown = [_row(tiny, objective, sets[s], sets[star], labels[star]) | {"alpha": float(factors[s])} for s in finite]
    tight = np.array([(2 + row["alpha"] ** (1 / tiny.power)) ** tiny.power for row in shown]) * optimum
    best = np.array([values[s] for s in finite])
    with np.errstate(invalid="ignore", divide="ignore"):
        used = np.where(tight > 0, best / tight, 0.0)
    by_factor = np.argsort(factors[finite], kind="stable")
    chosen = {"best": by_factor[0], "worst": by_factor[-1], "tightest": int(np.argmax(used))}
    everywhere = {
        f"{column}_over_all_s": float(max(row.pop(column) for row in shown))
        for column in ("distance_ratio", "violation_excess", "violation_excess_per_member")
    }
    table = []
    for name, position in chosen.items():
        centers = sets[finite[position]]
        lp, result, whole, difference = _solve(tiny, objective, centers)
        table.append(
            {
                "n": tiny.n,
                "k": tiny.k,
                "n_groups": len(tiny.sizes),
                "distance_weight": tiny.distance_weight,
                "power": tiny.power,
                "objective": objective,
                "centers": name,
                "n_center_sets": len(finite),
                "optimum": optimum,
                "least_center_cost": least,
                "center_cost": float(first[finite[position]]),
                "best": float(best[position]),
                "factor_used": float(used[position]),
                "lp": lp,
                "lp_by_highs": whole,
                "relaxation_difference": difference,
                "rounded": result[0],
                "rounding_bound": result[1],
                **shown[position],
                **everywhere,
            }
        )
    return table


def _row(
    tiny: Tiny, objective: Objective, centers: tuple[int, ...], star: tuple[int, ...], labels: Ints
) -> dict[str, float]:
    r"""The assignment :math:`\phi'` of the proofs: each point follows its optimal center to the nearest one of S."""
    chosen = list(centers)
    follow = tiny.distances[np.ix_(list(star), chosen)].argmin(axis=1)
    constructed = follow[labels]
    every = np.arange(tiny.n)
    to_new = tiny.distances[every, np.array(chosen)[constructed]]
    to_star = tiny.distances[every, np.array(star)[labels]]
    nearest = tiny.distances[:, chosen].min(axis=1)
    away = to_new > 0
    pair = np.stack([constructed, labels])
    new, old = violations(pair, tiny.codes, tiny.k, tiny.alpha, tiny.beta)
    return {
        "constructed": float(tiny.values(pair[:1], new[None], centers, objective)[0]),
        # Claims B.2 and B.10: d(j, phi'(j)) <= 2 d(j, phi*(j)) + d(j, nearest of S)
        "distance_ratio": float((to_new[away] / (2 * to_star + nearest)[away]).max(initial=0.0)),
        # Claims B.3, B.4, B.11 and B.12
        "violation_excess": settled((new - old).max()),
        "violation_excess_per_member": settled(((new - old) / tiny.sizes).max()),
    }


def _solve(
    tiny: Tiny, objective: Objective, centers: tuple[int, ...]
) -> tuple[float, tuple[float, float], float, float]:
    """The engine's LP value, the rounded value with its bound, the LP written out, and the LP at whole assignments."""
    costs = tiny.costs[:, list(centers)]
    arguments = {"distance_weight": tiny.distance_weight, "alpha": tiny.alpha, "beta": tiny.beta}
    found = assign(
        costs, tiny.codes, objective=objective, distance_weight=tiny.distance_weight, slack=(tiny.alpha, tiny.beta)
    )
    drawn = np.random.default_rng(tiny.n).integers(0, len(tiny.assignments), 3)
    by_definition = tiny.values(tiny.assignments[drawn], tiny.violations[drawn], centers, objective)
    in_lp = [
        whole_lp(costs, tiny.codes, objective, fixed=tiny.assignments[row], **arguments)  # type: ignore[arg-type]
        for row in drawn
    ]
    whole = whole_lp(costs, tiny.codes, objective, **arguments)  # type: ignore[arg-type]
    difference = settled(np.abs(np.array(in_lp) - by_definition).max())
    return found.lp_value, (found.value, found.rounding_bound), whole, difference


def _theorem_grid(quick: bool) -> list[dict[str, Any]]:
    kinds = [kind for kind in KINDS if kind != "one group"]
    return [
        {"kind": kind, "instance": i, "power": p} for kind in kinds for i in range(2 if quick else 12) for p in (1, 2)
    ]


@experiment(
    "welfare-theorems",
    paper="welfare",
    title="Theorems 4.5 and 4.11: RawlsianAlg and UtilitarianAlg against the optimum by brute force",
    datasets=("adult",),
    grid=_theorem_grid,
)
def theorems(*, kind: str, instance: int, power: int) -> list[dict[str, Any]]:
    r"""Both estimators, ten starts, against the optimum: over points as centers (p = 1), over all of space (p = 2).

    ``alpha`` is that of the centers that the estimator ended with, against the exact optimum of its first step. The
    paper's algorithm is ``refine=False``; the rows ``refined`` are what re-optimising the centers adds.
    """
    X, codes, k, weight, slack = make(kind, instance)
    tiny = Tiny(euclidean(X), codes, k, weight, *slack, power)
    rows = []
    for objective in OBJECTIVES:
        estimator = RawlsianClustering if objective == "rawlsian" else UtilitarianClustering
        optimum, least = _optima(X, tiny, objective)
        for refined in (False, True) if power == 2 else (False,):
            model = estimator(k, weight, slack, power, refine=refined, random_state=instance)
            model.fit(X, sensitive_features=codes)
            nearest = np.linalg.norm(X[:, None] - model.cluster_centers_[None], axis=2).min(axis=1) ** power
            each = np.bincount(codes, weights=nearest) / tiny.sizes
            cost = float(each.max() if objective == "rawlsian" else each.sum())
            rows.append(
                {
                    "n": tiny.n,
                    "k": k,
                    "n_groups": len(tiny.sizes),
                    "distance_weight": weight,
                    "objective": objective,
                    "refined": refined,
                    "optimum": optimum,
                    "least_center_cost": least,
                    "alpha": _factor(cost, least),
                    "value": model.objective_,
                    "lower_bound": model.lower_bound_,
                    "rounding_bound": model.rounding_bound_,
                    "gap_to_optimum": settled((model.objective_ - optimum) / optimum) if optimum > 1e-12 else 0.0,
                }
            )
    return rows


def _factor(cost: float, least: float) -> float:
    """alpha: at least 1 but for rounding; where points coincide the least cost may be 0."""
    if least > 1e-12:
        return max(1.0, cost / least)
    return 1.0 if cost <= 1e-12 else np.inf


def _optima(X: Floats, tiny: Tiny, objective: Objective) -> tuple[float, float]:
    """The optimum and the optimum of the paper's first step."""
    if tiny.power == 1:
        values = [tiny.best_assignment(centers, objective)[0] for centers in tiny.center_sets]
        return min(values), min(tiny.center_cost(centers, objective) for centers in tiny.center_sets)
    # Centers anywhere: the best ones of each partition are known, and every partition is tried. Of the assignments that
    # differ by the names of clusters only one is kept: the one in which new names appear in order.
    labels = tiny.assignments
    highest = np.maximum.accumulate(labels, axis=1)
    kept = (labels[:, 0] == 0) & (labels[:, 1:] <= highest[:, :-1] + 1).all(axis=1)
    violation = tiny.violations[kept] / tiny.sizes
    weight = tiny.distance_weight
    best, least = np.inf, np.inf
    for row, offset in zip(labels[kept], violation, strict=True):
        if objective == "utilitarian":
            spread = _weighted_spread(X, row, tiny)
            best, least = min(best, weight * spread + (1 - weight) * offset.sum()), min(least, spread)
            continue
        least = min(least, minimax_centers(X, row, tiny.codes, n_clusters=tiny.k).value)
        fixed = (1 - weight) * offset
        if weight == 0:
            best = min(best, float(fixed.max()))
        elif fixed.max() < best:
            found = minimax_centers(X, row, tiny.codes, n_clusters=tiny.k, distance_weight=weight, offsets=fixed)
            best = min(best, found.value)
    return float(best), float(least)


def _weighted_spread(X: Floats, labels: Ints, tiny: Tiny) -> float:
    """Squared distances to the means of a partition, a point of group h weighing 1/n_h."""
    weights = 1.0 / tiny.sizes[tiny.codes]
    total = 0.0
    for i in np.unique(labels):
        inside = labels == i
        mean = np.average(X[inside], axis=0, weights=weights[inside])
        total += float(weights[inside] @ ((X[inside] - mean) ** 2).sum(axis=1))
    return total
