"""Adult before any welfare algorithm: disutility under nearest assignment, and the sizes of the data sets."""

from __future__ import annotations

from typing import Any

import numpy as np

from fairclust.experiments.preparation import welfare_adult, welfare_bank, welfare_credit_card
from fairclust.experiments.runner import experiment
from fairclust.groups import encode_groups
from fairclust.metrics import disutility, proportional_violation
from fairclust.solvers.kmeans import kmeans

__all__ = ["CLUSTERS", "DISTANCE_WEIGHTS", "SLACK", "data_sizes", "disutilities"]

#: delta of the paper: alpha_h = beta_h = 0.1 r_h (section 5 and appendix G.2).
SLACK = 0.1
CLUSTERS = tuple(range(4, 16))
DISTANCE_WEIGHTS = tuple(round(0.1 * i, 1) for i in range(1, 10))

#: The data sets that need no download and no draw; Census 1990 is tested on its loader's excerpt only.
PREPARED = {"adult": welfare_adult, "credit_card": welfare_credit_card, "bank": welfare_bank}


def _data_grid(quick: bool) -> list[dict[str, Any]]:
    return [{"dataset": dataset, "preparation": prepare.__name__} for dataset, prepare in PREPARED.items()]


@experiment(
    "welfare-data",
    paper="welfare",
    title="Appendix G.1: the size of each data set as prepared here",
    datasets=tuple(PREPARED),
    grid=_data_grid,
)
def data_sizes(*, dataset: str, preparation: str) -> list[dict[str, Any]]:
    """Points, features and groups of one prepared data set."""
    return [PREPARED[dataset]().sizes()]


def _disutility_grid(quick: bool) -> list[dict[str, Any]]:
    # The normalisation of appendix G.3 is a mean over all k, so one cell holds them all.
    return [{"dataset": "adult", "seed": seed, "rows": 2000 if quick else None} for seed in range(2 if quick else 5)]


@experiment(
    "welfare-disutility",
    paper="welfare",
    title="Appendix G.3 and E: disutility of vanilla and of 1/n_h-weighted k-means on Adult, nearest assignment",
    datasets=("adult",),
    grid=_disutility_grid,
)
def disutilities(*, dataset: str, seed: int, rows: int | None) -> list[dict[str, Any]]:
    """Disutility of men and women under two clusterings, for each k and each distance weight, nearest assignment.

    The paper divides all squared distances by eta, the mean over k of R(vanilla; lambda = 1) / R(vanilla; lambda = 0),
    so that distance and violation are of one magnitude (G.3; the ratio is our reading, its formula is lost).
    """
    data = welfare_adult(rows)
    groups = encode_groups(data.groups)
    weights = {"vanilla": None, "weighted": 1.0 / groups.sizes[groups.codes]}
    terms = {}
    for method, weight in weights.items():
        for k in CLUSTERS:
            found = kmeans(data.X, k, weights=weight, n_init=10, random_state=seed)
            distance = disutility(data.X, found.labels, found.centers, groups, distance_weight=1.0)
            violation = proportional_violation(found.labels, groups, slack=SLACK)
            terms[method, k] = (distance, violation)
    eta = float(np.mean([terms["vanilla", k][0].max() / terms["vanilla", k][1].max() for k in CLUSTERS]))
    table = []
    for (method, k), (distance, violation) in terms.items():
        for weight_of_distance in DISTANCE_WEIGHTS:
            values = weight_of_distance * distance / eta + (1 - weight_of_distance) * violation
            for position, group in enumerate(groups.labels):
                table.append(
                    {
                        "method": method,
                        "k": k,
                        "distance_weight": weight_of_distance,
                        "group": group,
                        "disutility": float(values.iloc[position]),
                        "rawlsian": float(values.max()),
                        "utilitarian": float(values.sum()),
                        "distance_term": float(distance.iloc[position]),
                        "violation_term": float(violation.iloc[position]),
                        "eta": eta,
                    }
                )
    return table
