"""What laxer radii would save: the cost of fairness as one table."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairclust._validation import check_n_clusters, check_number, check_points, check_power, check_radii, check_weights
from fairclust.distances import nearest_centers
from fairclust.metrics.radius import fair_radii, max_violation, radius_violation
from fairclust.radii.fair_round import fair_round
from fairclust.radii.improve import improve
from fairclust.radii.lp import fair_radii_lp
from fairclust.solvers.infeasible_radii import InfeasibleRadiiError

__all__ = ["MULTIPLES", "cost_violation_curve"]

#: The multiples of the paper's figure 10.
MULTIPLES = (1.0, 1.5, 2.0, 2.5, 3.0)

Floats = NDArray[np.float64]


def cost_violation_curve(
    X: Any,
    n_clusters: int,
    multiples: Iterable[float] = MULTIPLES,
    *,
    power: float = 2,
    radii: Any = None,
    weights: Any = None,
    shortcut: bool = True,
    polish: bool = True,
    gap: float = 1e-6,
    max_iterations: int = 5000,
    method: Literal["interior", "benders"] = "interior",
    verbose: bool = False,
) -> pd.DataFrame:
    r"""Cost and violation of Fair-Round when every radius is multiplied by theta, and the least that this can cost.

    .. math::

        \mathrm{LP}(\theta) = \min \Bigl(\sum_v w_v \sum_u d(v, u)^p x_{vu}\Bigr)^{1/p}, \qquad x_{vu} > 0
        \text{ only if } d(v, u) \le \theta\, r(v)

    Parameters
    ----------
    X : array or DataFrame of shape (n, d)
        Points.
    n_clusters : int in 1..n
        k.
    multiples : numbers > 0, default=(1, 1.5, 2, 2.5, 3)
        theta; those of the paper's figure 10, which shows the LP alone.
    power : float >= 1, default=2
        p.
    radii : array of n numbers >= 0, optional
        r(v); fair radii by default.
    weights : array of n numbers >= 0, optional
        :math:`w_v` in the cost; 1 by default.
    shortcut : bool, default=True
        See :func:`fairclust.radii.fair_round`.
    polish : bool, default=True
        Add the columns about the local search that keeps Fair-Round's violation.
    gap : float >= 0, default=1e-6
        Relative gap at which each LP stops.
    max_iterations : int, default=5000
        Iterations of each LP at most.
    method : {"interior", "benders"}, default="interior"
        How each LP is solved, see :func:`fairclust.radii.fair_radii_lp`. On a few thousand points "benders" takes less
        time where the balls are much larger than the fair ones.
    verbose : bool, default=False
        Show progress bars.

    Returns
    -------
    DataFrame, one row per multiple, in the order given
        ``theta``; ``lower_bound`` and ``lp_cost``, certified from below and above; ``cost``, ``max_violation`` (against
        r itself, not theta r), ``n_centers`` and ``branch`` of Fair-Round; with ``polish`` also ``polished_cost``,
        ``polished_violation`` and ``n_swaps``. Costs are p-norms in the units of X. Where no k rows keep
        :math:`\theta\, r` (only possible for theta < 1 or given radii) ``lower_bound`` is infinite, ``branch`` is
        "infeasible" and the rest is NaN.

    Raises
    ------
    ValueError, TypeError
        If an argument is out of range, or ``multiples`` is empty.

    Notes
    -----
    ``lower_bound`` never rises with theta, up to the gap; the costs of the rounding may, the violation too. Time is
    that of one LP per multiple; balls grow with theta, and so does the LP.

    References
    ----------
    .. [1] Chakrabarty and Negahbani, *Better algorithms for individually fair k-clustering*, NeurIPS 2021, appendix
       A.3.

    Examples
    --------
    A center in the crowd at 5 is within the radius of the row at 0, but not within 0.8 times it.

    >>> X = [[0.0], [4.0], [5.0], [5.0], [5.0], [5.0]]
    >>> table = cost_violation_curve(X, 1, (0.8, 1.0), power=1, radii=[5.0] * 6)
    >>> table[["theta", "lower_bound", "cost"]].round(3).values.tolist()
    [[0.8, 8.0, 8.0], [1.0, 6.0, 6.0]]
    """
    points = check_points(X)
    k = check_n_clusters(n_clusters, len(points))
    p = check_power(power)
    if isinstance(multiples, (str, bytes)) or not isinstance(multiples, Iterable):
        raise TypeError(f"multiples must be several numbers, such as (1.0, 1.5, 2.0), got {multiples!r}")
    thetas = [float(check_number(theta, "multiples", low=0.0, low_open=True)) for theta in multiples]
    if not thetas:
        raise ValueError("multiples is empty; give at least one multiple of the radii")
    row_weights = check_weights(weights, len(points))
    base = fair_radii(points, k) if radii is None else check_radii(radii, len(points))
    records = []
    for theta in thetas:
        record: dict[str, Any] = {"theta": theta}
        records.append(record)
        try:
            lp = fair_radii_lp(
                points,
                k,
                power=p,
                radii=theta * base,
                weights=row_weights,
                gap=gap,
                max_iterations=max_iterations,
                method=method,
                verbose=verbose,
            )
        except InfeasibleRadiiError:
            record.update(lower_bound=float("inf"), branch="infeasible")
            continue
        found = fair_round(points, k, lp, power=p, weights=row_weights, shortcut=shortcut)
        record.update(lower_bound=lp.norm_lower_bound, lp_cost=lp.norm, branch=found.branch)
        cost, violation = _judged(points, found.center_indices, base, p, row_weights)
        record.update(cost=cost, max_violation=violation, n_centers=len(found.center_indices))
        if polish:
            better = improve(
                points, found.center_indices, theta * base, k, power=p, weights=row_weights, verbose=verbose
            )
            cost, violation = _judged(points, better.center_indices, base, p, row_weights)
            record.update(polished_cost=cost, polished_violation=violation, n_swaps=better.n_swaps)
    columns = ["theta", "lower_bound", "lp_cost", "cost", "max_violation", "n_centers", "branch"]
    if polish:
        columns += ["polished_cost", "polished_violation", "n_swaps"]
    return pd.DataFrame(records, columns=columns)


def _judged(X: Floats, rows: NDArray[np.intp], radii: Floats, p: float, weights: Floats) -> tuple[float, float]:
    """The p-norm cost and the largest violation of centers."""
    _, distances = nearest_centers(X, X[rows])
    return float((weights @ distances**p) ** (1.0 / p)), max_violation(radius_violation(X, X[rows], radii))
