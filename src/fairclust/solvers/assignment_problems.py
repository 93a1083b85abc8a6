"""The four assignment problems of the papers, each as :class:`~fairclust.solvers.assignment_terms.Terms`."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairclust._validation import check_number, check_weights
from fairclust.groups import Groups, encode_groups
from fairclust.solvers.assignment_terms import Terms

__all__ = ["bounded_terms", "budgeted_terms", "rawlsian_terms", "utilitarian_terms"]

Floats = NDArray[np.float64]


def rawlsian_terms(
    groups: Any, *, distance_weight: float = 0.5, alpha: Any = 0.0, beta: Any = 0.0, weights: Any = None
) -> Terms:
    r"""The terms of the Rawlsian LP (10).

    .. math:: \min_x \max_h \frac{1}{n_h}\Bigl[\lambda D_h + (1-\lambda) \sum_i v_{hi}\Bigr],
              \qquad u_h = r_h + \alpha_h, \; l_h = r_h - \beta_h.

    Parameters
    ----------
    groups : Groups or sequence of n hashable labels
        Who belongs together.
    distance_weight : float in [0, 1], default=0.5
        :math:`\lambda`.
    alpha, beta : float, array of shape (H,) or mapping by label, default=0.0
        Absolute tolerances of a cluster's share above and below :math:`r_h`, at least 0.
    weights : array of shape (n,), optional
        Point weights :math:`\omega_j \ge 0`; sizes and shares are then sums of weights.

    Returns
    -------
    Terms

    Raises
    ------
    ValueError
        If a parameter is out of range or a group weighs nothing.

    Examples
    --------
    >>> terms = rawlsian_terms(["a", "a", "b", "b"], distance_weight=0.25, alpha=0.1)
    >>> terms.upper.tolist(), terms.cost_weight.tolist(), terms.combine
    ([0.6, 0.6], [0.125, 0.125], 'max')
    """
    return _welfare_terms(groups, "max", distance_weight, alpha, beta, weights)


def utilitarian_terms(
    groups: Any, *, distance_weight: float = 0.5, alpha: Any = 0.0, beta: Any = 0.0, weights: Any = None
) -> Terms:
    r"""The terms of the Utilitarian LP (13): as :func:`rawlsian_terms`, with the groups' terms added up.

    .. math:: \min_x \sum_h \frac{1}{n_h}\Bigl[\lambda D_h + (1-\lambda) \sum_i v_{hi}\Bigr]

    Parameters
    ----------
    groups, distance_weight, alpha, beta, weights
        See :func:`rawlsian_terms`.

    Returns
    -------
    Terms

    Examples
    --------
    >>> utilitarian_terms(["a", "b"]).combine
    'sum'
    """
    return _welfare_terms(groups, "sum", distance_weight, alpha, beta, weights)


def bounded_terms(
    groups: Any,
    *,
    lower: Any,
    upper: Any,
    membership: Any = None,
    names: Sequence[Hashable] | None = None,
    weights: Any = None,
) -> Terms:
    r"""The terms of the fair assignment LP of Bera et al.: least cost with every cluster's shares within bounds.

    .. math:: \min_x \sum_j \omega_j \sum_i c_{ji} x_{ji} \quad\text{s.t.}\quad l_h S_i \le M_{hi} \le u_h S_i

    Parameters
    ----------
    groups : Groups or sequence of n hashable labels
        The classes of the points: groups, or intersections of them when ``membership`` is given.
    lower, upper : float, array of shape (H,) or mapping by group
        l and u, with l <= u. Feasible exactly when :math:`l_h \le r_h \le u_h` for every h.
    membership : array of shape (H, T), optional
        Which of the T classes (in the order of ``groups.labels``) make up each of H overlapping groups; by default
        every class is a group.
    names : sequence of H labels, optional
        Names of the overlapping groups; by default their positions.
    weights : array of shape (n,), optional
        Point weights.

    Returns
    -------
    Terms

    Raises
    ------
    InfeasibleAssignment
        If a group's share lies outside its bounds; the message says which group and by how much.
    ValueError
        If a parameter is out of range.

    Examples
    --------
    >>> bounded_terms(["a", "a", "b", "b"], lower=0.4, upper={"a": 0.7, "b": 0.6}).upper.tolist()
    [0.7, 0.6]
    >>> bounded_terms(["a", "b", "b", "b"], lower=0.3, upper=0.8)
    Traceback (most recent call last):
        ...
    fairclust.solvers.assignment_terms.InfeasibleAssignment: no assignment meets the bounds: group 'a' has the share
    0.25, below its lower bound 0.3 by 0.05. Bounds must enclose every group's share
    """
    classes, sizes = _classes(groups, weights)
    belongs, labels = _membership(classes, membership, names)
    low, high = _bounds(lower, upper, labels)
    terms = Terms(labels, belongs, sizes, high, low, np.ones(len(classes)), np.full(len(labels), np.inf), "sum")
    terms.check_bounds()
    # A share that misses its bound only by rounding was let through, and the LP must not undo that.
    return replace(terms, upper=np.maximum(high, terms.shares), lower=np.minimum(low, terms.shares))


def budgeted_terms(
    groups: Any,
    budget: float,
    *,
    lower: Any,
    upper: Any,
    combine: Literal["sum", "max"] = "sum",
    violation_weight: Any = None,
    membership: Any = None,
    names: Sequence[Hashable] | None = None,
    weights: Any = None,
) -> Terms:
    r"""The terms of fair assignment under bounded cost: least violation that a budget can buy.

    .. math:: \min_x \sum_h \nu_h \sum_i v_{hi} \;\text{ or }\; \min_x \max_h \nu_h \sum_i v_{hi}
              \quad\text{s.t.}\quad \sum_j \omega_j \sum_i c_{ji} x_{ji} \le \text{budget}

    Parameters
    ----------
    groups, lower, upper, membership, names, weights
        See :func:`bounded_terms`; the bounds are soft here, so any will do.
    budget : float
        The most that the total cost may be, at least the cost of sending every point to its nearest center (the
        solver checks that, since it depends on the costs).
    combine : {"sum", "max"}, default="sum"
        Add the groups' violations or take the largest.
    violation_weight : float, array of shape (H,) or mapping by group, optional
        :math:`\nu_h > 0`; by default :math:`1 / n_h`.

    Returns
    -------
    Terms

    Notes
    -----
    FCBC's violation :math:`\Delta_h` is the largest *proportional* one over the clusters, which is not linear in x
    together with :math:`S_i`. For a fixed vector :math:`\Delta` it is the bounded LP of :func:`bounded_terms` with
    bounds :math:`l_h - \Delta_h` and :math:`u_h + \Delta_h`, whose value is compared with the budget; the violations
    here are counted in points.

    Examples
    --------
    >>> budgeted_terms(["a", "a", "b"], 3.0, lower=0.3, upper=0.6).violation_weight.tolist()
    [0.5, 1.0]
    """
    classes, sizes = _classes(groups, weights)
    belongs, labels = _membership(classes, membership, names)
    low, high = _bounds(lower, upper, labels)
    most = float(check_number(budget, "budget", low=0.0))
    if combine not in ("sum", "max"):
        raise ValueError(f"combine must be 'sum' or 'max', got {combine!r}")
    group_sizes = belongs @ sizes
    if violation_weight is None:
        _check_sizes(group_sizes, labels)
        counted = 1.0 / group_sizes
    else:
        counted = _per_group(violation_weight, labels, "violation_weight")
        if (counted <= 0).any():
            raise ValueError(f"violation_weight must be positive, got {counted.min():g}")
    return Terms(labels, belongs, sizes, high, low, np.zeros(len(classes)), counted, combine, most)


def _welfare_terms(
    groups: Any, combine: Literal["sum", "max"], distance_weight: float, alpha: Any, beta: Any, weights: Any
) -> Terms:
    classes, sizes = _classes(groups, weights)
    _check_sizes(sizes, classes.labels)
    lam = float(check_number(distance_weight, "distance_weight", low=0.0, high=1.0))
    above, below = _per_group(alpha, classes.labels, "alpha"), _per_group(beta, classes.labels, "beta")
    for name, slack in (("alpha", above), ("beta", below)):
        if (slack < 0).any():
            raise ValueError(f"{name} must not be negative, got {slack.min():g}")
    shares = sizes / sizes.sum()
    return Terms(
        classes.labels,
        np.eye(len(classes)),
        sizes,
        shares + above,
        shares - below,
        lam / sizes,
        (1.0 - lam) / sizes,
        combine,
    )


def _classes(groups: Any, weights: Any) -> tuple[Groups, Floats]:
    classes = encode_groups(groups, name="groups")
    if weights is None:
        return classes, classes.sizes.astype(np.float64)
    mass = check_weights(weights, classes.n_samples)
    return classes, np.bincount(classes.codes, weights=mass, minlength=len(classes)).astype(np.float64)


def _check_sizes(sizes: Floats, labels: tuple[Hashable, ...]) -> None:
    empty = np.flatnonzero(sizes <= 0)
    if len(empty):
        raise ValueError(f"group {labels[empty[0]]!r} has total weight 0; leave its points out or give them weight")


def _membership(
    classes: Groups, membership: Any, names: Sequence[Hashable] | None
) -> tuple[Floats, tuple[Hashable, ...]]:
    if membership is None:
        return np.eye(len(classes)), classes.labels if names is None else _named(names, len(classes))
    belongs = np.asarray(membership, dtype=np.float64)
    if belongs.ndim != 2 or belongs.shape[1] != len(classes):
        raise ValueError(
            f"membership has shape {belongs.shape} but there are {len(classes)} classes; give one row per group and "
            "one column per class"
        )
    if not np.isin(belongs, (0.0, 1.0)).all():
        raise ValueError("membership must contain only 0 and 1 (or booleans)")
    if not belongs.any(axis=1).all():
        raise ValueError(
            f"membership gives group {int(np.argmin(belongs.any(axis=1)))} no class; leave such groups out"
        )
    return belongs, tuple(range(len(belongs))) if names is None else _named(names, len(belongs))


def _named(names: Sequence[Hashable], n_groups: int) -> tuple[Hashable, ...]:
    if len(names) != n_groups:
        raise ValueError(f"names has {len(names)} entries but there are {n_groups} groups")
    return tuple(names)


def _bounds(lower: Any, upper: Any, labels: tuple[Hashable, ...]) -> tuple[Floats, Floats]:
    low, high = _per_group(lower, labels, "lower"), _per_group(upper, labels, "upper")
    crossed = np.flatnonzero(low > high)
    if len(crossed):
        h = crossed[0]
        raise ValueError(f"lower must not exceed upper; group {labels[h]!r} has {low[h]:g} and {high[h]:g}")
    return low, high


def _per_group(values: Any, labels: tuple[Hashable, ...], name: str) -> Floats:
    if isinstance(values, (Mapping, pd.Series)):
        given = dict(values.items())
        if set(given) != set(labels):
            odd = sorted(set(given) ^ set(labels), key=repr)
            raise ValueError(f"{name} must name every group once; missing or unknown: {', '.join(map(repr, odd))}")
        values = [given[label] for label in labels]
    array = np.asarray(values, dtype=np.float64)
    if array.ndim == 0:
        array = np.full(len(labels), float(array))
    if array.shape != (len(labels),):
        raise ValueError(f"{name} has shape {array.shape} but there are {len(labels)} groups; give one number for each")
    bad = np.flatnonzero(~np.isfinite(array))
    if len(bad):
        raise ValueError(f"{name} must be finite; group {labels[bad[0]]!r} has {array[bad[0]]:g}")
    return array
