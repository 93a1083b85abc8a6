"""Experiments of *Welfare-centric clustering* (Zhang et al., 2025)."""

from __future__ import annotations

from typing import Any

import numpy as np

from fairclust.experiments.preparation import welfare_adult, welfare_bank, welfare_credit_card
from fairclust.experiments.runner import experiment
from fairclust.groups import encode_groups
from fairclust.metrics import disutility, proportional_violation, rawlsian, utilitarian
from fairclust.solvers.kmeans import kmeans

__all__ = ["appendix_f", "data_sizes", "disutilities", "fact_e1", "theorem_e2"]

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
    title="Figure 3 so far: disutility of vanilla and of 1/n_h-weighted k-means on Adult, normalised as appendix G.3",
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


def _fact_e1_grid(quick: bool) -> list[dict[str, Any]]:
    return [{"instance": i} for i in range(50 if quick else 400)]


@experiment(
    "welfare-fact-e1",
    paper="welfare",
    title="Fact E.1: V_h / n_h never exceeds 2 (1 - r_h); random and color-pure clusterings",
    datasets=(),
    grid=_fact_e1_grid,
)
def fact_e1(*, instance: int) -> list[dict[str, Any]]:
    """One random clustering of random groups; every fourth one is color-pure, where the bound is tight."""
    rng = np.random.default_rng(instance)
    n_groups, k, n = int(rng.integers(1, 6)), int(rng.integers(1, 9)), int(rng.integers(20, 200))
    pure = instance % 4 == 0
    codes = np.concatenate(
        [np.arange(n_groups), rng.choice(n_groups, n - n_groups, p=rng.dirichlet(np.ones(n_groups)))]
    )
    labels = codes % max(k, n_groups) if pure else rng.integers(0, k, n)
    groups = encode_groups(codes)
    violation = proportional_violation(labels, groups, slack=0.0)
    return [
        {
            "n": n,
            "k": int(labels.max()) + 1,
            "n_groups": n_groups,
            "pure": pure,
            "group": position,
            "share": float(share),
            "violation": float(violation.iloc[position]),
            "bound": float(2 * (1 - share)),
        }
        for position, share in enumerate(groups.shares)
    ]


def _theorem_e2_grid(quick: bool) -> list[dict[str, Any]]:
    return [
        {"distance": distance, "distance_weight": weight}
        for distance in (1.0, 0.3, 0.1, 0.03, 0.01)
        for weight in (0.25, 0.5, 0.75)
    ]


@experiment(
    "welfare-theorem-e2",
    paper="welfare",
    title="Theorem E.2: nearest assignment is an unbounded multiple of the optimum plus a constant",
    datasets=(),
    grid=_theorem_e2_grid,
)
def theorem_e2(*, distance: float, distance_weight: float) -> list[dict[str, Any]]:
    """Ten blue points at 0 and ten red ones at ``distance``; nearest assignment against mixing half of each."""
    X = np.repeat([[0.0], [distance]], 10, axis=0)
    centers = np.array([[0.0], [distance]])
    colors = ["blue"] * 10 + ["red"] * 10
    assignments = {"nearest": np.repeat([0, 1], 10), "mixed": np.tile([0, 1], 10)}
    values = {
        f"{name}_{welfare.__name__}": welfare(X, labels, centers, colors, distance_weight=distance_weight)
        for name, labels in assignments.items()
        for welfare in (rawlsian, utilitarian)
    }
    # The theorem: R(nearest) >= rho R* + c. c = (1 - lambda)/2 is the proof's constant, rho what is left.
    constant = (1 - distance_weight) / 2
    return [
        {
            **values,
            "ratio_rawlsian": values["nearest_rawlsian"] / values["mixed_rawlsian"],
            "ratio_utilitarian": values["nearest_utilitarian"] / values["mixed_utilitarian"],
            "constant": constant,
            "rho": (values["nearest_rawlsian"] - constant) / values["mixed_rawlsian"],
            "rho_of_proof": (1 - distance_weight) / (distance_weight * distance**2),
        }
    ]


def _appendix_f_grid(quick: bool) -> list[dict[str, Any]]:
    return [{"majority": majority, "minority": minority} for majority, minority in ((100, 1), (100, 5), (1000, 10))]


@experiment(
    "welfare-appendix-f",
    paper="welfare",
    title="Appendix F: a clustering of lower cost that is worse for every welfare objective",
    datasets=(),
    grid=_appendix_f_grid,
)
def appendix_f(*, majority: int, minority: int) -> list[dict[str, Any]]:
    """Three groups at the unit vectors, k = 1, k-median, Hamming distance: center at the origin or at the majority.

    The text of the appendix lost its symbols; this instance has every property that its words state. Hamming distance
    on 0/1 vectors is the squared Euclidean one, so ``power=2`` of the library is the paper's d.
    """
    sizes = (majority, minority, minority)
    X = np.repeat(np.eye(3), sizes, axis=0)
    colors = np.repeat(["red", "blue", "green"], sizes)
    labels = np.zeros(len(X), dtype=int)
    rows = []
    for solution, center in (("equitable", np.zeros((1, 3))), ("less_equitable", np.eye(3)[:1])):
        arguments = (X, labels, center, colors)
        rows.append(
            {
                "solution": solution,
                "rawlsian": float(rawlsian(*arguments, distance_weight=1.0)),
                "utilitarian": float(utilitarian(*arguments, distance_weight=1.0)),
                "clustering_cost": float(np.sum((X - center) ** 2)),
            }
        )
    return rows
