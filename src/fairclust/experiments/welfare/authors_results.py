"""Why the authors' public results contradict the text: whose starts are chosen how, and in which unit distances are.

The text says that RawlsianAlg dominates its baselines. The results that lie in the authors' public repository
(ClaireJieZhang/WC_code, April 2025; Adult's first 10,000 rows, lambda = 0.5, delta = 0.1, standardised but not
normalised as in appendix G.3) have it above the others for most k. Here both of what differs from the text are varied:

- *rule*: the repository draws ten k-means++ seedings, keeps the one of lowest *initial* cost, and gives it ten rounds
  of Fair-Lloyd; vanilla k-means gets ten runs to the end. The text gives every method the best of several runs.
- *unit*: without G.3 distances are some twenty times the violations, so that lambda = 0.5 stands for what the text
  calls 0.95: the socially fair centers are all that counts, and the LP has little to win.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairclust._validation import as_generator
from fairclust.distances import cost_matrix
from fairclust.experiments.preparation import welfare_adult
from fairclust.experiments.runner import experiment
from fairclust.experiments.welfare.methods import (
    CLUSTERS,
    SLACK,
    digits,
    fcbc,
    normalisation,
    objective_value,
    only_start,
    random_states,
    terms,
)
from fairclust.groups import Groups, encode_groups
from fairclust.solvers.kernels import nearest_rows
from fairclust.solvers.kmeans import kmeans
from fairclust.solvers.minimax_centers import socially_fair_kmeans
from fairclust.solvers.seeding import kmeans_plusplus
from fairclust.welfare import assign

__all__ = ["AUTHORS", "DISTANCE_WEIGHT", "PRICES", "ROUNDS", "authors_results"]

Floats = NDArray[np.float64]

DISTANCE_WEIGHT = 0.5
ROWS = 10_000
#: Rounds of Fair-Lloyd in the authors' code.
ROUNDS = 10
#: The cost bounds that the authors' code tries; the best is kept.
PRICES = tuple(float(price) for price in np.linspace(1.05, 1.5, 9))
#: Their Rawlsian objectives for k = 4 ... 15.
AUTHORS = {
    "rawlsian": (1.8558, 1.6983, 1.1866, 1.0683, 1.0070, 0.9325, 0.8871, 0.8224, 0.8103, 0.7691, 0.7477, 0.7094),
    "fcbc_rawl": (1.4838, 1.2829, 1.1676, 1.0796, 1.0060, 0.9492, 0.9065, 0.8705, 0.8436, 0.8162, 0.7953, 0.7704),
    "vanilla": (1.8240, 1.2866, 1.2161, 1.0834, 0.9737, 0.9084, 0.8700, 0.8299, 0.7878, 0.7598, 0.7286, 0.7000),
}


@lru_cache(maxsize=1)
def _adult(rows: int) -> tuple[Floats, Groups, float]:
    data = welfare_adult(rows)
    groups = encode_groups(data.groups)
    return data.X, groups, normalisation(data.X, groups, CLUSTERS)["rawlsian"]


def _grid(quick: bool) -> list[dict[str, Any]]:
    clusters, seeds, rows = ((5,), 1, 1000) if quick else (CLUSTERS, 5, ROWS)
    return [{"dataset": "adult", "k": k, "seed": seed, "rows": rows} for k in clusters for seed in range(seeds)]


def lowest_seeding(X: Floats, k: int, seed: int) -> Floats:
    """Of ten k-means++ seedings the one of lowest cost before any round of Lloyd: the authors' start."""
    seedings = [X[kmeans_plusplus(X, k, rng=as_generator(state))] for state in random_states(seed)]
    costs = [float(nearest_rows(X, centers)[1].sum()) for centers in seedings]
    return seedings[int(np.argmin(costs))]


@experiment(
    "welfare-authors-results",
    paper="welfare",
    title="The authors' public results on Adult's first 10,000 rows, and what makes them contradict the text",
    datasets=("adult",),
    grid=_grid,
)
def authors_results(*, dataset: str, k: int, seed: int, rows: int) -> list[dict[str, Any]]:
    """The Rawlsian objective by method, rule of choosing the start, and unit, beside the authors' number.

    Rules: ``authors`` (see above; for vanilla k-means and FCBC the run of lowest cost of ten), ``single`` (the first
    start, run to the end), ``converged`` (the authors' seeding, Fair-Lloyd run to the end), ``random_rows``
    (k random rows and ten rounds, the start of the socially fair authors' own code), ``best`` (ten runs to the
    end, the one of lowest objective: the text's rule, the same for all methods). ``distance`` and ``violation`` are
    those of the group that decides. FCBC is the best of nine cost bounds, for ``best`` the best start at 1.05.
    ``authors`` is their number where the row is their case.
    """
    X, groups, eta = _adult(rows)
    vanilla = [kmeans(X, k, n_init=1, random_state=only_start(state)) for state in random_states(seed)]
    cheapest = min(vanilla, key=lambda found: found.cost)
    start = lowest_seeding(X, k, seed)
    fair = [
        socially_fair_kmeans(X, k, groups, n_init=1, random_state=only_start(s)).centers for s in random_states(seed)
    ]
    rows_drawn = X[as_generator(seed).choice(len(X), size=k, replace=False)]
    by_rule = {
        "authors": [socially_fair_kmeans(X, k, groups, init=start, max_iter=ROUNDS).centers],
        "converged": [socially_fair_kmeans(X, k, groups, init=start).centers],
        "random_rows": [socially_fair_kmeans(X, k, groups, init=rows_drawn, max_iter=ROUNDS).centers],
        "single": fair[:1],
        "best": fair,
    }
    nearest = [terms(X, found.labels, found.centers, groups) for found in vanilla]
    plain = {
        ("vanilla", "single"): nearest[:1],
        ("vanilla", "authors"): [terms(X, cheapest.labels, cheapest.centers, groups)],
        ("vanilla", "best"): nearest,
        ("fcbc_rawl", "authors"): [fcbc(X, cheapest.centers, groups, "egalitarian", price) for price in PRICES],
        ("fcbc_rawl", "best"): [fcbc(X, found.centers, groups, "egalitarian", PRICES[0]) for found in vanilla],
    }
    table = []
    for unit, scale in (("as_is", 1.0), ("normalised", eta)):
        candidates = dict(plain)
        for rule, found in by_rule.items():
            candidates["socially_fair", rule] = [
                terms(X, nearest_rows(X, centers)[0], centers, groups) for centers in found
            ]
            candidates["rawlsian", rule] = [
                terms(X, _rawlsian(X, centers, groups, scale), centers, groups) for centers in found
            ]
        for (method, rule), solutions in candidates.items():
            values = [objective_value(one, "rawlsian", DISTANCE_WEIGHT, scale) for one in solutions]
            best = solutions[int(np.argmin(values))]
            worst_off = int(np.argmax(DISTANCE_WEIGHT * best.distance / scale + (1 - DISTANCE_WEIGHT) * best.violation))
            theirs = rows == ROWS and unit == "as_is" and rule == "authors" and method in AUTHORS
            table.append(
                {
                    "unit": unit,
                    "method": method,
                    "rule": rule,
                    "rawlsian": digits(min(values)),
                    "distance": digits(float(best.distance[worst_off]) / scale),
                    "violation": digits(float(best.violation[worst_off])),
                    "worst_candidate": digits(max(values)),
                    "authors": AUTHORS[method][CLUSTERS.index(k)] if theirs else None,
                }
            )
    return table


def _rawlsian(X: Floats, centers: Floats, groups: Groups, scale: float) -> Any:
    costs = cost_matrix(X, centers, power=2.0) / scale
    return assign(costs, groups, objective="rawlsian", distance_weight=DISTANCE_WEIGHT, slack=SLACK).labels
