r"""The conditions that make centroids and multipliers a solution of sum-of-norms clustering, and how far they fail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairclust._validation import check_number, check_points
from fairclust.solvers.sum_of_norms_graph import PairGraph, complete_graph, incidence_matrix

__all__ = ["KKTResiduals", "kkt_residuals"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class KKTResiduals:
    r"""The largest violation of each condition, in the unit of X; all 0 at a solution.

    Attributes
    ----------
    stationarity : float
        :math:`\max_i \|(\theta + \mu - Z)_i\|`
    arcs : float
        :math:`\max_l \|(\mu^\top I - \eta)_l\|`
    flow : float
        :math:`\max_i \|(I \zeta^\top - \theta)_i\|`
    proximity : float
        :math:`\max_l \|\eta_l - \operatorname{prox}_{\lambda w_l \|\cdot\|}(\eta_l + \zeta_l)\|`, or of the relaxed
        condition, :math:`\max_l \|\eta_l - \gamma (\eta_l + \zeta_l)\|`.
    """

    stationarity: float
    arcs: float
    flow: float
    proximity: float

    @property
    def largest(self) -> float:
        """The largest of the four."""
        return max(self.stationarity, self.arcs, self.flow, self.proximity)


def kkt_residuals(
    points: Any,
    centroids: Any,
    multipliers: Any,
    regularization: float,
    *,
    graph: PairGraph | None = None,
    gamma: float | None = None,
    eta: Any = None,
    theta: Any = None,
) -> KKTResiduals:
    r"""How far centroids and multipliers are from solving sum-of-norms clustering of the points Z.

    .. math::
        \theta + \mu - Z = 0, \qquad \mu^\top I = \eta, \qquad I \zeta^\top = \theta, \qquad
        \eta_l = \max\Bigl\{0, 1 - \frac{\lambda w_l}{\|\eta_l + \zeta_l\|}\Bigr\} (\eta_l + \zeta_l)

    The last one says that :math:`\zeta_l` is a subgradient of :math:`\lambda w_l \|\cdot\|` at :math:`\eta_l`. The
    paper prints it with 1 for :math:`\lambda w_l`, and relaxes it to :math:`\eta = \gamma (\eta + \zeta)`.

    Parameters
    ----------
    points : array of shape (m, d)
        Z, which is U and V together.
    centroids : array of shape (m, d)
        :math:`\mu`.
    multipliers : array of shape (n_pairs, d)
        :math:`\zeta^\top`, a row per pair of the graph.
    regularization : float
        :math:`\lambda \ge 0`; not used with ``gamma``.
    graph : PairGraph, optional
        All pairs with weight 1 by default.
    gamma : float in [0, 1], optional
        Judge the relaxed condition instead of the proximal one.
    eta : array of shape (n_pairs, d), optional
        By default :math:`\mu^\top I`, which satisfies the second condition.
    theta : array of shape (m, d), optional
        By default :math:`I \zeta^\top`, which satisfies the third one.

    Returns
    -------
    KKTResiduals

    Raises
    ------
    ValueError
        If an array is not finite or of the wrong shape, or a number out of range.

    Notes
    -----
    ``O(|O| d)`` time and memory. The problem is strongly convex, so the conditions are necessary and sufficient.

    References
    ----------
    Chhabra, Singla and Mohapatra, *Fair clustering using antidote data*, 2022, Section 3.1.

    Examples
    --------
    >>> kkt_residuals([[0.0], [4.0]], [[1.0], [3.0]], [[-1.0]], 1.0).largest
    0.0
    >>> kkt_residuals([[0.0], [4.0]], [[1.0], [3.0]], [[-1.0]], 1.5).proximity
    0.5
    """
    Z = check_points(points, name="points")
    lam = float(check_number(regularization, "regularization", low=0.0))
    pairs = complete_graph(len(Z)) if graph is None else graph
    if pairs.n_nodes != len(Z):
        raise ValueError(f"the graph has {pairs.n_nodes} nodes but points has {len(Z)} rows")
    mu = _shaped(centroids, Z.shape, "centroids")
    zeta = _shaped(multipliers, (len(pairs), Z.shape[1]), "multipliers")
    incidence = incidence_matrix(pairs)
    along, out = incidence.T @ mu, incidence @ zeta
    arcs = along if eta is None else _shaped(eta, along.shape, "eta")
    flow = out if theta is None else _shaped(theta, out.shape, "theta")
    both = arcs + zeta
    if gamma is None:
        length = np.linalg.norm(both, axis=1)
        radius = lam * pairs.weights
        # max(0, 1 - radius / length), without dividing by 0.
        keep = np.where(length > radius, 1.0 - radius / np.where(length > radius, length, 1.0), 0.0)
        wanted = keep[:, None] * both
    else:
        wanted = float(check_number(gamma, "gamma", low=0.0, high=1.0)) * both
    return KKTResiduals(
        stationarity=_longest(flow + mu - Z),
        arcs=_longest(along - arcs),
        flow=_longest(out - flow),
        proximity=_longest(arcs - wanted),
    )


def _shaped(values: Any, shape: tuple[int, ...], name: str) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    if array.shape != shape:
        raise ValueError(f"{name} has shape {array.shape}; it must be {shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite")
    return array


def _longest(rows: Floats) -> float:
    return float(np.linalg.norm(rows, axis=1).max()) if len(rows) else 0.0
