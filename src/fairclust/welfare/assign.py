r"""Welfare-centric assignment to given centers: the LP, its certificate, and the papers' rounding."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairclust.groups import Groups, encode_groups
from fairclust.metrics.disutility import disutility_from_costs, resolve_slack
from fairclust.solvers.assignment import AssignmentSolution, solve_assignment
from fairclust.solvers.assignment_problems import rawlsian_terms, utilitarian_terms
from fairclust.solvers.assignment_sweep import CostBlocks
from fairclust.solvers.flow import RoundingError, rawlsian_flow, utilitarian_flow

__all__ = ["FairAssignment", "assign"]

#: How far a value may pass its proven bound by rounding, relative to the numbers involved.
ROUNDING_ERROR = 1e-7


@dataclass(frozen=True, eq=False)
class FairAssignment:
    r"""Every point's center, with a certificate.

    Attributes
    ----------
    labels : ndarray of int32, shape (n,)
        Each point's center, nearest or not. Read-only.
    value : float
        The objective of ``labels``.
    lp_value : float
        The objective of the optimal fractional assignment.
    lower_bound : float
        No assignment to these centers has a smaller objective; certified by the prices.
    gap : float
        ``(value - lower_bound) / value``: what rounding and the solver's tolerance may have cost together; 0 where
        the value is 0.
    prices : DataFrame, shape (H, k)
        What one more member of a group (row) pays to enter a cluster (column), in units of the objective, on top of
        ``unit_costs`` times its cost there. Almost every point is at the center where the two add up to least.
    unit_costs : Series of H floats
        What a unit of cost of a member of each group counts in the objective.
    weights : Series of H floats
        Each group's weight in the dual: for the Rawlsian objective they add up to 1, and a group below the maximum
        has none; for the Utilitarian objective they are all 1.
    disutilities : Series of H floats
        Each group's disutility under ``labels``; ``value`` is its maximum or its sum.
    rounding_loss : float
        ``value - lp_value``; negative where rounding happened to help.
    rounding_bound : float
        The proven upper bound on ``rounding_loss``, checked on every call (see :func:`assign`).
    n_split : int
        How many points the fractional assignment splits between centers.
    status : str
        Of the LP: "optimal" says that ``lp_value`` and ``lower_bound`` agree to 1e-8.
    n_iterations : int
        Of the LP.
    objective : {"rawlsian", "utilitarian"}
    solution : AssignmentSolution
        The fractional assignment in full.
    """

    labels: NDArray[np.int32]
    value: float
    lp_value: float
    lower_bound: float
    gap: float
    prices: pd.DataFrame
    unit_costs: pd.Series
    weights: pd.Series
    disutilities: pd.Series
    rounding_loss: float
    rounding_bound: float
    n_split: int
    status: str
    n_iterations: int
    objective: str
    solution: AssignmentSolution = field(repr=False)


def assign(
    costs: Any,
    groups: Any,
    *,
    objective: Literal["rawlsian", "utilitarian"] = "rawlsian",
    distance_weight: float = 0.5,
    slack: Any = 0.0,
) -> FairAssignment:
    r"""Assign points to given centers so that the groups' welfare is best.

    .. math::

        \text{Rawlsian: } \min_\phi \max_h \text{disutil}_h, \qquad \text{Utilitarian: } \min_\phi \sum_h
        \text{disutil}_h, \qquad \text{disutil}_h = \frac{\lambda D^h + (1-\lambda) V^h}{|C^h|},

    where :math:`D^h = \sum_{j \in C^h} c_{j\phi(j)}` and :math:`V^h = \sum_i \max\{0, |C_i^h| - (r_h+\alpha_h)|C_i|,
    (r_h-\beta_h)|C_i| - |C_i^h|\}`. The LP relaxation (10) or (13) is solved to optimality and rounded by min-cost
    flow.

    Parameters
    ----------
    costs : array of shape (n, k)
        :math:`c_{ji} \ge 0`: the distance of point j from center i, already raised to the power p. A memory-mapped
        array is read one block of rows at a time.
    groups : Groups, or array, Series or list of n hashable labels
        The group of each point; None means one group.
    objective : {"rawlsian", "utilitarian"}, default="rawlsian"
        The largest disutility, or their sum.
    distance_weight : float in [0, 1], default=0.5
        :math:`\lambda`: 1 counts distances only, 0 proportions only.
    slack : float, or a pair (alpha, beta), default=0.0
        A number :math:`\delta` means :math:`\alpha_h = \beta_h = \delta r_h`; in a pair each is a number, an array of
        H numbers or a mapping by label, in absolute shares.

    Returns
    -------
    FairAssignment

    Raises
    ------
    ValueError
        If a cost is negative or not finite, the number of labels is not n, or a parameter is out of range.
    TypeError
        If a parameter has the wrong type.

    Notes
    -----
    Rounding costs at most (Lemmas 4.4 and 4.10; the constants are derived from their proofs)

    .. math::

        \text{Rawlsian: } \frac{(1-\lambda) k}{n} \max_h \frac{1 + (r_h + \alpha_h) H}{r_h}, \qquad
        \text{Utilitarian: } \frac{(1-\lambda) k}{n} \sum_h \frac{1 + r_h + \alpha_h}{r_h},

    because a group's count in a cluster moves by less than 1, and a cluster's size by less than H (Rawlsian) or 1
    (Utilitarian). Both are checked on every call, as are the inequalities (11), (12), (14), (15), (16).

    O(nk) time per sweep of the LP, 5 to 30 sweeps as a rule, and O(n) memory beside the costs.

    References
    ----------
    .. [1] *Welfare-centric clustering*, 2025, LPs (10) and (13), Theorems 4.5 and 4.11.

    Examples
    --------
    Red points stand around 1, blue ones around 9, and a center is at each. Sent to the nearest center the colors stay
    apart, and each has the disutility 0.775. Exchanging half of them is dear in distance, but not as dear.

    >>> import numpy as np
    >>> places = np.array([0, 1, 2, 3, 7, 8, 9, 10]) / 10
    >>> costs = abs(places[:, None] - [0.1, 0.9])
    >>> result = assign(costs, ["red"] * 4 + ["blue"] * 4, distance_weight=0.25)
    >>> result.labels.tolist(), round(result.value, 6), round(result.lower_bound, 6)
    ([0, 0, 1, 1, 0, 0, 1, 1], 0.0875, 0.0875)
    >>> result.disutilities.round(6).to_dict()
    {'blue': 0.0875, 'red': 0.0875}
    >>> assign(costs, ["red"] * 4 + ["blue"] * 4, distance_weight=1.0).labels.tolist()
    [0, 0, 0, 0, 1, 1, 1, 1]
    """
    if objective not in ("rawlsian", "utilitarian"):
        raise ValueError(f"objective must be 'rawlsian' or 'utilitarian', got {objective!r}")
    blocks = CostBlocks(costs)
    encoded = encode_groups(groups, blocks.n_points, name="groups")
    alpha, beta = resolve_slack(slack, encoded)
    make_terms, flow = (
        (rawlsian_terms, rawlsian_flow) if objective == "rawlsian" else (utilitarian_terms, utilitarian_flow)
    )
    terms = make_terms(encoded, distance_weight=distance_weight, alpha=alpha, beta=beta)
    solution = solve_assignment(blocks.costs, encoded, terms)
    rounding = flow(blocks.costs, encoded, solution)

    chosen = np.empty(blocks.n_points)
    for start, block in blocks:
        labels = rounding.labels[start : start + len(block)]
        chosen[start : start + len(block)] = block[np.arange(len(block)), labels]
    disutilities = disutility_from_costs(
        chosen, rounding.labels, encoded, blocks.n_clusters, distance_weight=distance_weight, slack=slack
    )
    value = float(disutilities.max() if objective == "rawlsian" else disutilities.sum())
    bound = _rounding_bound(encoded, terms.upper, blocks.n_clusters, distance_weight, objective)
    if value - solution.value > bound + ROUNDING_ERROR * (value + bound):
        raise RoundingError(
            f"rounding raised the {objective} objective from {solution.value:.9g} to {value:.9g}, "
            f"more than the proven {bound:.3g}"
        )
    lower_bound = min(solution.lower_bound, value)
    return FairAssignment(
        labels=rounding.labels,
        value=value,
        lp_value=solution.value,
        lower_bound=lower_bound,
        gap=(value - lower_bound) / value if value > 0 else 0.0,
        prices=pd.DataFrame(
            solution.prices,
            index=disutilities.index,
            columns=pd.RangeIndex(blocks.n_clusters, name="cluster"),
        ),
        unit_costs=encoded.series(solution.slopes, "unit_cost"),
        weights=encoded.series(solution.multipliers.weights, "weight"),
        disutilities=disutilities,
        rounding_loss=value - solution.value,
        rounding_bound=bound,
        n_split=rounding.n_split,
        status=solution.status,
        n_iterations=solution.n_iterations,
        objective=objective,
        solution=solution,
    )


def _rounding_bound(
    groups: Groups, upper: NDArray[np.float64], n_clusters: int, distance_weight: float, objective: str
) -> float:
    """What rounding may cost at most, by Lemma 4.4 or 4.10."""
    shares = groups.shares
    factor = (1.0 - distance_weight) * n_clusters / groups.n_samples
    if objective == "rawlsian":
        return float(factor * ((1.0 + upper * len(groups)) / shares).max())
    return float(factor * ((1.0 + upper) / shares).sum())
