r"""What rounding does: inequalities (11), (12), (14) to (16), claims B.5 to B.8 and B.13 to B.16, Lemmas 4.4 and 4.10.

Every quantity is taken from the fractional assignment and the rounded labels directly, not from what the library checks
on the way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairclust.distances import cost_matrix
from fairclust.experiments.preparation import welfare_adult
from fairclust.experiments.runner import experiment
from fairclust.experiments.welfare.enumeration import settled
from fairclust.groups import Groups, encode_groups
from fairclust.metrics.disutility import disutility_from_costs, resolve_slack
from fairclust.solvers.assignment import AssignmentSolution, solve_assignment
from fairclust.solvers.assignment_problems import rawlsian_terms, utilitarian_terms
from fairclust.solvers.flow import Rounding, rawlsian_flow, utilitarian_flow
from fairclust.solvers.kmeans import kmeans
from fairclust.welfare import assign

__all__ = ["INSTANCES", "NETWORKS", "adult_rounding", "rounding"]

Floats = NDArray[np.float64]

#: Which LP is rounded by which network. "Mixed" is the remark after 4.12; "plain" is the network of appendix D.
NETWORKS: dict[str, tuple[str, Callable[..., Rounding]]] = {
    "rawlsian": ("rawlsian", rawlsian_flow),
    "utilitarian": ("utilitarian", utilitarian_flow),
    "mixed": ("utilitarian", rawlsian_flow),
    "plain": ("utilitarian", lambda *a: utilitarian_flow(*a, cost_weight=np.ones(len(a[2].terms.class_sizes)))),
}
INSTANCES = ("cloud", "towns", "ties", "duplicates", "many scales", "pure noise", "real")


def make(kind: str, instance: int) -> tuple[Floats, Groups, float, Any]:
    """Costs (n, k), groups, distance weight and slack: 10 to 400 points, 2 to 8 centers, 1 to 5 groups."""
    rng = np.random.default_rng([INSTANCES.index(kind), instance])
    n, k, n_groups = int(rng.integers(10, 400)), int(rng.integers(2, 9)), int(rng.integers(1, 6))
    shares = rng.dirichlet(np.full(n_groups, 2.0))
    codes = np.concatenate([np.arange(n_groups), rng.choice(n_groups, n - n_groups, p=shares)])
    power = int(rng.integers(1, 3))
    if kind == "real":
        data = welfare_adult(2000)
        rows = rng.choice(len(data.X), n, replace=False)
        X = np.asarray(data.X, dtype=float)[rows]
        codes = encode_groups(data.groups).codes[rows]
    elif kind == "towns":
        X = (rng.normal(size=(n_groups, 2)) * 4)[codes] + rng.normal(size=(n, 2))
    elif kind == "ties":
        X = rng.integers(0, 5, (n, 2)).astype(float)
    elif kind == "duplicates":
        X = rng.normal(size=(k + 2, 2))[rng.integers(0, k + 2, n)]
    else:
        X = rng.normal(size=(n, 3))
    if kind == "pure noise":
        costs = rng.random((n, k))  # no metric at all: the rounding needs none
    else:
        costs = cost_matrix(X, X[rng.choice(n, k, replace=False)], power=float(power))
    if kind == "many scales":
        costs = costs * 10.0 ** rng.uniform(-6, 3)
    groups = encode_groups(codes)
    slack: Any = (0.0, 0.1, 0.5)[instance % 3]
    if instance % 4 == 3:
        alpha, beta = rng.random(len(groups)) * 0.2, rng.random(len(groups)) * 0.2
        slack = (np.zeros(len(groups)), beta) if instance % 8 == 3 else (alpha, np.zeros(len(groups)))
    weight = (0.5, 0.1, 0.9, 0.01, 0.0, 0.99)[instance % 6]
    return costs, groups, weight, slack


def _grid(quick: bool) -> list[dict[str, Any]]:
    return [{"kind": kind, "instance": i} for kind in INSTANCES for i in range(2 if quick else 24)]


@experiment(
    "welfare-rounding",
    paper="welfare",
    title="Inequalities (11), (12), (14)-(16), claims B.5-B.8 and B.13-B.16, Lemmas 4.4 and 4.10 on random instances",
    datasets=("adult",),
    grid=_grid,
)
def rounding(*, kind: str, instance: int) -> list[dict[str, Any]]:
    """One instance, rounded by each network; a row per network."""
    costs, groups, weight, slack = make(kind, instance)
    alpha, beta = resolve_slack(slack, groups)
    rows = []
    for network, (objective, flow) in NETWORKS.items():
        terms = (rawlsian_terms if objective == "rawlsian" else utilitarian_terms)(
            groups, distance_weight=weight, alpha=alpha, beta=beta
        )
        solution = solve_assignment(costs, groups, terms)
        found = flow(costs, groups, solution)
        rows.append(
            {
                "network": network,
                "n": len(costs),
                "k": costs.shape[1],
                "n_groups": len(groups),
                "distance_weight": weight,
                **measure(costs, groups, solution, found, alpha, beta, weight, network),
            }
        )
    return rows


def measure(
    costs: Floats,
    groups: Groups,
    solution: AssignmentSolution,
    found: Rounding,
    alpha: Floats,
    beta: Floats,
    weight: float,
    network: str,
) -> dict[str, Any]:
    """How far each inequality is from failing."""
    n, k = costs.shape
    n_groups, shares = len(groups), groups.shares
    objective, flow = NETWORKS[network]
    # What a cluster's size may move by.
    reach = n_groups if flow is rawlsian_flow else 1
    x = np.zeros((n, k))
    x[np.arange(n), solution.labels] = 1.0
    x[solution.split] = solution.shares
    y = np.zeros((n, k))
    y[np.arange(n), found.labels] = 1.0
    member = groups.codes[:, None] == np.arange(n_groups)
    fractional, whole = member.T @ x, member.T @ y  # (H, k)
    distance_lp = member.T @ (x * costs).sum(axis=1)
    distance = member.T @ (y * costs).sum(axis=1)
    # Counts that are whole numbers but for the LP's last digits count as whole.
    low, high = np.floor(fractional + 1e-7), np.ceil(fractional - 1e-7)
    size_lp, size = fractional.sum(axis=0), whole.sum(axis=0)
    low_size, high_size = np.floor(size_lp + 1e-7), np.ceil(size_lp - 1e-7)
    upper, lower = (shares + alpha)[:, None], (shares - beta)[:, None]

    def cells(counts: Floats) -> Floats:
        total = counts.sum(axis=0)
        return np.maximum(0.0, np.maximum(counts - upper * total, lower * total - counts))

    rise = cells(whole) - cells(fractional)
    moved = np.abs(size - size_lp)
    value_lp = _value(distance_lp, cells(fractional).sum(axis=1), groups, weight, objective)
    value = _value(distance, cells(whole).sum(axis=1), groups, weight, objective)
    # What Lemma 4.4 (a cluster's size moves by at most H) and Lemma 4.10 (by at most 1) allow each group.
    allowed = (1 - weight) * k / n * (1 + upper[:, 0] * reach) / shares
    unit = max(float(costs.max()), 1e-300)

    def relative_rise(after: Floats, before: Floats) -> Floats:
        return (after - before) / np.maximum(before, unit)

    # Each network's own cost: every group's for itself, the sum of the groups' means, or the plain sum.
    own = {"utilitarian": 1.0 / groups.sizes, "plain": np.ones(n_groups)}.get(network)
    own_rise = relative_rise(distance, distance_lp) if own is None else relative_rise(own @ distance, own @ distance_lp)
    return {
        "n_split": len(solution.split),
        "distance_rise": settled(relative_rise(distance, distance_lp).max()),
        "network_cost_rise": settled(np.max(own_rise)),
        "count_outside": float(np.maximum(whole - high, low - whole).max()),
        "size_outside": float(np.maximum(size - high_size, low_size - size).max()),
        "size_moved": float(moved.max()),
        # Left side minus right side of claims B.6 to B.8, or B.14 to B.16, at the worst group and cluster.
        "target_excess": settled((np.maximum(upper, np.abs(lower)) * (moved - reach)).max()),
        "cell_rise_excess": settled((rise - 1 - upper * reach).max()),
        "group_rise_excess": settled((rise.sum(axis=1) - k * (1 + upper[:, 0] * reach)).max()),
        "lp_value": value_lp,
        "value": value,
        "rounding_loss": settled(value - value_lp),
        "rounding_bound": float(allowed.max() if objective == "rawlsian" else allowed.sum()),
    }


def _value(distance: Floats, violation: Floats, groups: Groups, weight: float, objective: str) -> float:
    each = (weight * distance + (1 - weight) * violation) / groups.sizes
    return float(each.max() if objective == "rawlsian" else each.sum())


def _adult_grid(quick: bool) -> list[dict[str, Any]]:
    sizes = (500, 1000, 2000) if quick else (500, 1000, 2000, 4000, 8000, 16000, 32561)
    cells = [{"part": "n", "rows": rows, "k": 10, "seed": seed} for rows in sizes for seed in range(1 if quick else 5)]
    return cells + [
        {"part": "k", "rows": 2000 if quick else 32561, "k": k, "seed": seed}
        for k in range(4, 16)
        for seed in range(1 if quick else 3)
    ]


@experiment(
    "welfare-rounding-adult",
    paper="welfare",
    title="Remarks 4.6 and 4.12: what rounding costs on Adult, against n and against k, beside its bound",
    datasets=("adult",),
    grid=_adult_grid,
)
def adult_rounding(*, part: str, rows: int, k: int, seed: int) -> list[dict[str, Any]]:
    r"""LP and rounding on Adult's first rows; k-means centers, :math:`\delta = 0.1`, five weights, both objectives.

    ``part`` "n" is the growth in n at k = 10, "k" all of Adult at the paper's numbers of clusters.
    """
    data = welfare_adult(rows)
    groups = encode_groups(data.groups)
    costs = cost_matrix(data.X, kmeans(data.X, k, n_init=1, random_state=seed).centers)
    table = []
    for objective in ("rawlsian", "utilitarian"):
        for weight in (0.1, 0.3, 0.5, 0.7, 0.9):
            found = assign(costs, groups, objective=objective, distance_weight=weight, slack=0.1)  # type: ignore[arg-type]
            each = disutility_from_costs(costs, found.labels, groups, distance_weight=weight, slack=0.1)
            table.append(
                {
                    "objective": objective,
                    "distance_weight": weight,
                    "n_split": found.n_split,
                    "lp_value": found.lp_value,
                    "value": float(each.max() if objective == "rawlsian" else each.sum()),
                    "rounding_loss": settled(found.rounding_loss),
                    "relative_loss": settled(found.rounding_loss / found.value),
                    "rounding_bound": found.rounding_bound,
                }
            )
    return table
