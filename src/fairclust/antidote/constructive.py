r"""Antidote data by a formula: where V must lie for k-means to have given centers, and the least ``|V|`` that does it.

What V can do to k-means is low-dimensional. If m rows of V fall into cluster i and add up to s, its center becomes
:math:`(S_i + s) / (n_i + m)`, where :math:`S_i` and :math:`n_i` are the sum and number of its rows of U: the other
:math:`|V| d - k (d + 1)` numbers do nothing. So for target centers one can write V down, and otherwise search over the
:math:`(m_i, s_i)` alone. Neither is in the paper.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairclust._validation import check_centers, check_number, check_points
from fairclust.antidote.problem import AntidoteProblem
from fairclust.distances import nearest_centers
from fairclust.groups import encode_groups
from fairclust.metrics import social_cost
from fairclust.solvers.kmeans import lloyd
from fairclust.solvers.zeroth_order import minimize

__all__ = ["ConstructiveAntidote", "constructive_antidote", "constructive_path", "stacked_antidote"]

Floats = NDArray[np.float64]

#: A shift this small, as a share of the spread of U, is rounding.
ROUNDING = 1e-12

#: How close to the target the centers must come, as a share of the spread of U, to count as there.
CLOSE = 1e-9


@dataclass(frozen=True, eq=False)
class ConstructiveAntidote:
    """What :func:`constructive_antidote` returns.

    Attributes
    ----------
    antidote : ndarray of shape (m, d)
        V: ``counts[i]`` copies of ``positions[i]``, cluster after cluster.
    counts : ndarray of intp, shape (k,)
        How many rows of V each cluster needs.
    positions : ndarray of shape (k, d)
        Where they lie; NaN for a cluster that needs none.
    targets : ndarray of shape (k, d)
        The centers that were asked for.
    centers : ndarray of shape (k, d)
        Where Lloyd's algorithm on U and V, started at the targets, ends.
    labels : ndarray of intp, shape (n,)
        The cluster of each row of U there.
    distance : float
        The largest distance between a center and its target.
    is_fixed_point : bool
        The proof: every row of U and V is where it was meant to be, and ``distance`` is rounding.
    """

    antidote: Floats
    counts: NDArray[np.intp]
    positions: Floats
    targets: Floats
    centers: Floats
    labels: NDArray[np.intp]
    distance: float
    is_fixed_point: bool

    @property
    def n_antidote(self) -> int:
        """``|V|``."""
        return len(self.antidote)


def constructive_antidote(X: Any, target_centers: Any, *, margin: float = 1e-6) -> ConstructiveAntidote:
    r"""The smallest V for which given centers are a fixed point of k-means on :math:`U \cup V`.

    .. math::
        \min_V \; |V| \quad \text{such that} \quad
        \operatorname{mean}\{x \in U \cup V : x \text{ is nearest to } \mu^*_i\} = \mu^*_i \quad \text{for all } i

    With :math:`U_i` the rows of U nearest to :math:`\mu^*_i`, :math:`n_i` their number and :math:`g_i = \mu^*_i -
    \operatorname{mean}(U_i)`, cluster i needs :math:`m_i` rows around

    .. math:: p_i = \mu^*_i + \frac{n_i}{m_i} \, g_i ,

    which must be nearer to :math:`\mu^*_i` than to any other target:
    :math:`2 \frac{n_i}{m_i} \langle g_i, \mu^*_l - \mu^*_i \rangle < \|\mu^*_l - \mu^*_i\|^2` for all l. The smallest
    :math:`m_i` is therefore known.

    Parameters
    ----------
    X : array or DataFrame of shape (n, d)
        U.
    target_centers : array of shape (k, d)
        :math:`\mu^*`, no two the same: for instance the centers of
        :func:`fairclust.solvers.minimax_centers.socially_fair_kmeans`.
    margin : float, default=1e-6
        V keeps clear of the cells' borders by this share of the distance between centers, so that rounding cannot undo
        it; in [0, 1).

    Returns
    -------
    ConstructiveAntidote
        The proof included: Lloyd's algorithm is run from the targets.

    Raises
    ------
    ValueError
        For NaN or infinite entries, targets that coincide, or another number of features.

    See Also
    --------
    constructive_path : Targets on the way from one set of centers to another, and what each antidote point buys.
    fairclust.antidote.AntidoteClustering : The paper's search, which needs no target.

    Notes
    -----
    *Why it is the smallest (for margin 0).* Rows of V in the cell of :math:`\mu^*_i` have their mean there too, since
    the cell is convex; and their mean must be :math:`p_i`. So if fewer rows could do it, their common mean would do it
    as well, and that is what the condition rules out. Clusters do not compete: each needs its own.

    That the targets are *a* fixed point does not mean that k-means ends there from every start;
    :class:`~fairclust.antidote.AntidoteProblem` tells where it ends from yours. O(n k d) time per pass of Lloyd, of
    which there are two if all is well.

    References
    ----------
    Beyond Chhabra, Singla and Mohapatra, *Fair clustering using antidote data*, 2022, who search for V.

    Examples
    --------
    Pull the right center from 9.5 to 9 and leave the left one: one row will do, at 9 + (4 / 1) (9 - 9.5).

    >>> found = constructive_antidote([[0.0], [1.0], [8.0], [9.0], [10.0], [11.0]], [[0.5], [9.0]])
    >>> found.counts.tolist(), found.antidote.tolist(), found.is_fixed_point
    ([0, 1], [[7.0]], True)
    """
    points = check_points(X)
    targets = check_centers(target_centers, points.shape[1], name="target_centers")
    margin = check_number(margin, "margin", low=0.0, high=1.0)
    k = len(targets)
    between = targets[None] - targets[:, None]  # [i, l] leads from target i to target l
    squared = (between**2).sum(axis=2)
    for i in range(k):
        for l in range(i):
            if squared[i, l] == 0.0:
                raise ValueError(f"target_centers {l} and {i} coincide; no point can be nearest to both")
    labels, _ = nearest_centers(points, targets)
    sizes = np.bincount(labels, minlength=k)
    spread = float(np.linalg.norm(np.ptp(np.vstack([points, targets]), axis=0)))
    counts, positions = np.zeros(k, dtype=np.intp), np.full(targets.shape, np.nan)
    for i in range(k):
        pull = targets[i] - points[labels == i].mean(axis=0) if sizes[i] else np.zeros(points.shape[1])
        if sizes[i] and np.linalg.norm(pull) <= ROUNDING * spread:
            continue
        counts[i] = _fewest(sizes[i] * pull, between[i], squared[i], margin)
        positions[i] = targets[i] + (sizes[i] / counts[i]) * pull
    antidote = np.repeat(np.where(np.isnan(positions), 0.0, positions), counts, axis=0)
    meant = np.append(labels, np.repeat(np.arange(k), counts))
    run = lloyd(np.vstack([points, antidote]), targets)
    distance = float(np.linalg.norm(run.centers - targets, axis=1).max())
    return ConstructiveAntidote(
        antidote,
        counts,
        positions,
        targets,
        run.centers,
        run.labels[: len(points)],
        distance,
        bool(run.converged and np.array_equal(run.labels, meant) and distance <= CLOSE * spread),
    )


def _fewest(pull: Floats, ways: Floats, squared: Floats, margin: float) -> int:
    """The smallest m >= 1 with 2 <pull, way> / m < (1 - margin) |way|^2 for all ways to other targets."""
    others = squared > 0.0
    if not others.any():
        return 1
    needed = 2.0 * (ways[others] @ pull) / ((1.0 - margin) * squared[others]) if margin < 1.0 else np.array([np.inf])
    least = float(needed.max())
    if not least < 2.0**53:
        raise ValueError("the targets are so close to each other, or margin so close to 1, that no V can be told apart")
    return max(1, int(np.floor(least)) + 1)


def constructive_path(
    X: Any, sensitive_features: Any, start_centers: Any, end_centers: Any, *, n_steps: int = 50, margin: float = 1e-6
) -> pd.DataFrame:
    r"""What each antidote point buys: targets on the straight way from one set of centers to another.

    .. math:: \mu^*(t) = (1 - t)\, \mu^{\text{start}} + t\, \mu^{\text{end}}, \qquad t = 0, 1/s, \dots, 1

    From the vanilla centers to socially fair ones, ``|V|`` and the social cost trace how fair k-means can be made with
    how few points, by this construction.

    Parameters
    ----------
    X : array or DataFrame of shape (n, d)
    sensitive_features : None, Groups, array, Series or list of n hashable labels
    start_centers, end_centers : array of shape (k, d)
        Center i of one goes to center i of the other; put them in the order you want.
    n_steps : int, default=50
        s; there are s + 1 rows.
    margin : float, default=1e-6
        As in :func:`constructive_antidote`.

    Returns
    -------
    DataFrame
        Columns ``t``, ``n_antidote``, ``social_cost`` (of the targets, on U), ``is_fixed_point``.

    Raises
    ------
    ValueError
        As :func:`constructive_antidote`, or if the two have different numbers of centers.

    Notes
    -----
    O(n k d) time per step.

    Examples
    --------
    >>> X, groups = [[0.0], [1.0], [8.0], [9.0], [10.0], [11.0]], ["a", "a", "a", "a", "b", "b"]
    >>> path = constructive_path(X, groups, [[0.5], [9.5]], [[0.5], [10.0]], n_steps=2)
    >>> path["n_antidote"].tolist(), path["social_cost"].round(3).tolist()
    ([0, 1, 1], [1.25, 1.031, 1.375])
    """
    points = check_points(X)
    groups = encode_groups(sensitive_features, len(points))
    start = check_centers(start_centers, points.shape[1], name="start_centers")
    end = check_centers(end_centers, points.shape[1], name="end_centers")
    if start.shape != end.shape:
        raise ValueError(f"start_centers has {len(start)} centers and end_centers has {len(end)}; pair them up")
    steps = check_number(n_steps, "n_steps", low=1, integer=True)
    rows = []
    for t in np.linspace(0.0, 1.0, steps + 1):
        found = constructive_antidote(points, (1.0 - t) * start + t * end, margin=margin)
        value = social_cost(points, found.targets, groups)
        rows.append((float(t), found.n_antidote, value, found.is_fixed_point))
    return pd.DataFrame(rows, columns=["t", "n_antidote", "social_cost", "is_fixed_point"])


def stacked_antidote(
    problem: AntidoteProblem,
    n_antidote: int,
    *,
    optimizer: Literal["racos", "cmaes", "random"] = "cmaes",
    budget: int = 500,
    scale: Any = None,
    random_state: Any = None,
) -> tuple[Floats, float]:
    r"""Search for V among k stacks of identical points: k (d + 1) numbers in place of :math:`|V| d`.

    .. math:: \min_{p_1, \dots, p_k;\; m_1 + \dots + m_k = |V|} \;
              f\bigl(m_1 \times p_1 \,\cup\, \dots \,\cup\, m_k \times p_k\bigr)

    For a fixed point of k-means this loses nothing: the rows of V in a cluster can be replaced by copies of their mean.

    Parameters
    ----------
    problem : AntidoteProblem
        f.
    n_antidote : int
        ``|V|``.
    optimizer : {"racos", "cmaes", "random"}, default="cmaes"
    budget : int, default=500
        Evaluations of f.
    scale : float or array of shape (d,), optional
        Stacks are searched around the vanilla centers on this scale; by default the columns' standard deviations.
    random_state : None, int or Generator

    Returns
    -------
    V : ndarray of shape (n_antidote, d)
        The best that was found.
    value : float
        f(V); it may be above the vanilla fairness.

    Raises
    ------
    ValueError
        As :func:`fairclust.solvers.zeroth_order.minimize`, or if scale is not positive.

    Notes
    -----
    The sizes are shares :math:`e^{a_i} / \sum_l e^{a_l}` of ``|V|``, rounded by largest remainders (ties to the lower
    i).

    Examples
    --------
    >>> from fairclust.antidote import FixedStartKMeans
    >>> X, groups = [[0.0], [1.0], [2.0], [6.0], [7.0], [12.0]], ["a", "a", "a", "a", "a", "b"]
    >>> problem = AntidoteProblem(X, groups, FixedStartKMeans(2, random_state=0))
    >>> V, value = stacked_antidote(problem, 4, budget=200, random_state=0)
    >>> V.shape, bool(value == problem(V) < problem.vanilla.fairness)
    ((4, 1), True)
    """
    size = check_number(n_antidote, "n_antidote", low=1, integer=True)
    spread = problem.X.std(axis=0) if scale is None else np.asarray(scale, dtype=np.float64)
    if scale is not None and not (np.isfinite(spread).all() and (spread > 0).all()):
        raise ValueError(f"scale must be positive and finite, got {scale!r}")
    middle = problem.vanilla.centers
    k, d = middle.shape

    def stacks(x: Floats) -> Floats:
        return np.repeat(middle + spread * x[: k * d].reshape(k, d), _split(size, x[k * d :]), axis=0)

    found = minimize(
        lambda x: problem(stacks(x)), k * (d + 1), method=optimizer, budget=budget, random_state=random_state
    )
    return stacks(found.x), found.value


def _split(size: int, logits: Floats) -> NDArray[np.intp]:
    """Whole numbers in proportion to the exponentials, adding up to the size."""
    shares = np.exp(logits - logits.max())
    exact = size * shares / shares.sum()
    whole = np.floor(exact).astype(np.intp)
    left = size - int(whole.sum())
    whole[np.argsort(whole - exact, kind="stable")[:left]] += 1
    return whole
