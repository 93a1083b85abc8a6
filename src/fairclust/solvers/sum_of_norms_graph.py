r"""The graph of sum-of-norms clustering: which pairs of points pull each other together, and how strongly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from fairclust._validation import check_number, check_points
from fairclust.distances import cost_matrix

__all__ = ["PairGraph", "complete_graph", "incidence_matrix", "neighbor_graph"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PairGraph:
    r"""Pairs (i, j) with i < j in lexicographic order (the paper's O) and a weight :math:`w_{ij} > 0` for each.

    Attributes
    ----------
    tails, heads : ndarray of int64, shape (|O|,)
        i and j of each pair.
    weights : ndarray of shape (|O|,)
    n_nodes : int
    complete : bool
        Whether all n(n-1)/2 pairs are there: then the Laplacian without weights is n Id - 1 1', and nothing needs to be
        factorised.
    """

    tails: NDArray[np.int64]
    heads: NDArray[np.int64]
    weights: Floats
    n_nodes: int
    complete: bool

    def __len__(self) -> int:
        """The number of pairs, ``|O|``."""
        return len(self.tails)

    def components(self, keep: NDArray[np.bool_]) -> NDArray[np.intp]:
        """Labels of the connected components over the pairs that are kept, numbered by their first node; shape (n,)."""
        i, j = self.tails[keep], self.heads[keep]
        adjacency = sp.coo_array((np.ones(len(i), dtype=np.int8), (i, j)), shape=(self.n_nodes, self.n_nodes))
        _, raw = connected_components(adjacency, directed=False)
        _, first, labels = np.unique(raw, return_index=True, return_inverse=True)
        rank = np.empty(len(first), dtype=np.intp)
        rank[np.argsort(first)] = np.arange(len(first))
        return rank[labels]


def complete_graph(n_nodes: int) -> PairGraph:
    """All pairs of n nodes with weight 1, as in the paper.

    Parameters
    ----------
    n_nodes : int
        n, at least 1.

    Returns
    -------
    PairGraph
        n(n-1)/2 pairs.

    Raises
    ------
    ValueError, TypeError
        If n is not a positive integer.

    Examples
    --------
    >>> graph = complete_graph(3)
    >>> list(zip(graph.tails.tolist(), graph.heads.tolist()))
    [(0, 1), (0, 2), (1, 2)]
    """
    n = check_number(n_nodes, "n_nodes", low=1, integer=True)
    tails, heads = np.triu_indices(n, 1)
    return PairGraph(tails.astype(np.int64), heads.astype(np.int64), np.ones(len(tails)), n, True)


def neighbor_graph(X: Any, n_neighbors: int, *, bandwidth: float | None = None) -> PairGraph:
    r"""Pairs of which one is among the other's k nearest neighbours, with Gaussian weights.

    .. math:: w_{ij} = \exp\bigl(-\|x_i - x_j\|^2 / h^2\bigr)

    Parameters
    ----------
    X : array or DataFrame of shape (n, d)
    n_neighbors : int
        k, between 1 and n - 1; ties go to the row with the lower number.
    bandwidth : float, optional
        h > 0, in the unit of X. By default the root of the mean squared distance over the pairs of the graph, so that
        the weights do not depend on the unit of X.

    Returns
    -------
    PairGraph

    Raises
    ------
    ValueError
        If X is bad, k > n - 1, h is not positive, or a weight is too small for a float.
    TypeError
        If ``n_neighbors`` is not an integer.

    Notes
    -----
    O(n^2 (d + log n)) time, O(n^2) memory. Points in different components of the graph are never fused, whatever
    :math:`\lambda`.

    Examples
    --------
    >>> graph = neighbor_graph([[0.0], [1.0], [5.0]], 1)
    >>> list(zip(graph.tails.tolist(), graph.heads.tolist())), graph.complete
    ([(0, 1), (1, 2)], False)
    """
    points = check_points(X)
    n = len(points)
    k = check_number(n_neighbors, "n_neighbors", low=1, integer=True)
    if k > n - 1:
        raise ValueError(f"n_neighbors={k} is larger than the number of other rows, {n - 1}")
    squared = cost_matrix(points, points)
    np.fill_diagonal(squared, np.inf)
    near = np.argsort(squared, axis=1, kind="stable")[:, :k]
    pairs = np.zeros((n, n), dtype=bool)
    np.put_along_axis(pairs, near, True, axis=1)
    tails, heads = np.nonzero(np.triu(pairs | pairs.T))
    lengths = squared[tails, heads]
    if bandwidth is None:
        mean = float(lengths.mean())
        width = mean if mean > 0 else 1.0  # all points in one place: every weight is 1
    else:
        width = float(check_number(bandwidth, "bandwidth", low=0, low_open=True)) ** 2
    weights = np.exp(-lengths / width)
    if not (weights > 1e-100).all():
        worst = int(np.argmin(weights))
        raise ValueError(
            f"the weight of rows {tails[worst]} and {heads[worst]} is {weights[worst]:g}, too small to compute with; "
            f"their distance is {np.sqrt(lengths[worst]):g}, raise bandwidth"
        )
    return PairGraph(tails.astype(np.int64), heads.astype(np.int64), weights, n, bool(len(tails) == n * (n - 1) // 2))


def incidence_matrix(graph: PairGraph) -> sp.csr_array:
    r"""The node-arc incidence matrix I of shape (n, |O|): column (i, j) has 1 in row i and -1 in row j.

    Then :math:`(\mu^\top I)_l = \mu_i - \mu_j` and :math:`(I \zeta^\top)_i` adds up what leaves node i and subtracts
    what enters it.

    Parameters
    ----------
    graph : PairGraph

    Returns
    -------
    scipy.sparse.csr_array

    Examples
    --------
    >>> incidence_matrix(complete_graph(3)).toarray().astype(int).tolist()
    [[1, 1, 0], [-1, 0, 1], [0, -1, -1]]
    """
    pairs = np.arange(len(graph))
    ones = np.ones(len(graph))
    entries = (np.concatenate([graph.tails, graph.heads]), np.concatenate([pairs, pairs]))
    return sp.csr_array((np.concatenate([ones, -ones]), entries), shape=(graph.n_nodes, len(graph)))
