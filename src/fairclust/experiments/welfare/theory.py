"""The welfare paper's statements that need no data: Facts A.1 and E.1, Theorem E.2, and the example of appendix F."""

from __future__ import annotations

from typing import Any

import numpy as np

from fairclust.experiments.runner import experiment
from fairclust.groups import encode_groups
from fairclust.metrics import proportional_violation, rawlsian, utilitarian

__all__ = ["appendix_f", "fact_a1", "fact_e1", "theorem_e2"]


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


def _fact_a1_grid(quick: bool) -> list[dict[str, Any]]:
    return [{"instance": i} for i in range(20 if quick else 100)]


@experiment(
    "welfare-fact-a1",
    paper="welfare",
    title="Fact A.1: d^p(x, z) <= 2^(p-1) (d^p(x, y) + d^p(y, z)), random triples in several metrics",
    datasets=(),
    grid=_fact_a1_grid,
)
def fact_a1(*, instance: int) -> list[dict[str, Any]]:
    """Three points; every fourth time y is the midpoint of x and z, where the Euclidean distance meets the bound."""
    rng = np.random.default_rng(instance)
    scale = 10.0 ** rng.uniform(-3, 3)
    x, y, z = rng.normal(size=(3, int(rng.integers(1, 6)))) * scale
    midpoint = instance % 4 == 0
    if midpoint:
        y = (x + z) / 2
    rows = []
    for metric, norm in (("euclidean", 2), ("manhattan", 1), ("chebyshev", np.inf)):
        xz, xy, yz = (float(np.linalg.norm(a - b, norm)) for a, b in ((x, z), (x, y), (y, z)))
        for power in (1, 2):
            rows.append(
                {
                    "metric": metric,
                    "power": power,
                    "midpoint": midpoint,
                    # Relative to the bound, so that one tolerance fits every scale.
                    "share_of_bound": xz**power / (2 ** (power - 1) * (xy**power + yz**power)),
                }
            )
    return rows
