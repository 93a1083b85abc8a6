r"""Affinity graphs: who is near whom, as a symmetric matrix of weights that are not negative.

Nothing here has loops: a weight on the diagonal cuts nothing, so it is left out (as in scipy's Laplacian).
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

from fairclust._validation import check_number, check_points
from fairclust.distances import check_scale, cost_matrix, squared_distance

__all__ = ["check_affinity", "neighbor_graph", "rbf_affinity"]

#: How many rows more than needed the search returns, so that ties can be seen.
SPARE = 3
#: Features up to which a tree, whose distances are exact, is faster than products of matrices, whose are not.
TREE = 15
#: Two weights that should be equal may differ by this share of the largest.
ASYMMETRY = 1e-10


def neighbor_graph(X: Any, n_neighbors: int = 10) -> sp.csr_array:
    r"""The graph of nearest neighbors, made symmetric.

    .. math:: W = \tfrac12 (A + A^\top), \qquad
              A_{ij} = 1 \text{ if row } j \neq i \text{ is one of the nearest of row } i, \text{ else } 0 .

    Parameters
    ----------
    X : array or DataFrame of shape (n, d)
        Points.
    n_neighbors : int, default=10
        At least 2. As in scikit-learn's SpectralClustering, **the row itself is one of them**: each row points at
        ``n_neighbors - 1`` others (at all others, if there are no more rows). Of several at the same distance those
        with the lowest numbers are taken.

    Returns
    -------
    scipy.sparse.csr_array of shape (n, n)
        Weights 1/2 and 1, no units; symmetric, empty diagonal, sorted indices.

    Raises
    ------
    ValueError
        For NaN or infinite entries, ``n_neighbors`` below 2, or data so wide that squared distances are no floats.

    Notes
    -----
    A KD-tree finds candidates in up to 15 features, products of matrices in more; then distances are computed anew,
    exactly, and a row whose candidates could be the wrong ones (ties, or a difference within rounding) is compared
    with all others. So the graph does not depend on the order in which a tree meets its leaves. O(n log n) where few
    rows are tied, O(n^2 d) at worst; memory O(n * n_neighbors).

    Examples
    --------
    >>> neighbor_graph([[0.0], [1.0], [3.0]], 2).toarray().tolist()
    [[0.0, 1.0, 0.0], [1.0, 0.0, 0.5], [0.0, 0.5, 0.0]]
    """
    points = check_points(X)
    check_scale(points)
    wanted = check_number(n_neighbors, "n_neighbors", low=2, integer=True)
    n, d = points.shape
    others = min(wanted, n) - 1
    if others == 0:
        return sp.csr_array((n, n), dtype=np.float64)
    if others + 1 + SPARE >= n:
        chosen = np.empty((n, others), dtype=np.intp)
        _scan(points, np.arange(n), others, chosen)
    else:
        chosen = _nearest(points, others, tree=d <= TREE)
    chosen.sort(axis=1)
    starts = np.arange(0, n * others + 1, others)
    directed = sp.csr_array((np.ones(n * others), chosen.ravel(), starts), shape=(n, n))
    graph = sp.csr_array((directed + directed.T) * 0.5)
    graph.sort_indices()
    return graph


def rbf_affinity(X: Any, gamma: float = 1.0) -> NDArray[np.float64]:
    r"""Weights that fall with the distance, :math:`W_{ij} = \exp(-\gamma \lVert x_i - x_j \rVert^2)` for i != j.

    Parameters
    ----------
    X : array or DataFrame of shape (n, d)
        Points.
    gamma : float, default=1.0
        :math:`\gamma > 0`, in the inverse squared unit of X.

    Returns
    -------
    ndarray of shape (n, n)
        In [0, 1], with a zero diagonal. Far-away rows underflow to weights of 0 and may be isolated.

    Raises
    ------
    ValueError
        For NaN or infinite entries, or ``gamma`` that is not positive.

    Notes
    -----
    O(n^2 d) time and O(n^2) memory: 800 MB for 10,000 rows. For more rows use
    :func:`neighbor_graph`.

    Examples
    --------
    >>> rbf_affinity([[0.0], [1.0]], gamma=2.0).round(4).tolist()
    [[0.0, 0.1353], [0.1353, 0.0]]
    """
    points = check_points(X)
    rate = check_number(gamma, "gamma", low=0.0, low_open=True)
    with np.errstate(over="ignore", under="ignore"):
        weights = np.exp(-rate * cost_matrix(points, points))
    np.fill_diagonal(weights, 0.0)
    return weights


def check_affinity(affinity: Any, *, name: str = "X") -> NDArray[np.float64] | sp.csr_array:
    """A given affinity as a float64 matrix without loops, dense or CSR as it came.

    Parameters
    ----------
    affinity : array, DataFrame or scipy sparse matrix of shape (n, n)
        Symmetric up to 1e-10 of its largest entry, finite, no entry negative. The diagonal is ignored.
    name : str, default="X"
        What error messages call it.

    Returns
    -------
    ndarray or scipy.sparse.csr_array of shape (n, n)
        A copy, exactly symmetric (the mean of the two halves), zero on the diagonal, no stored zeros.

    Raises
    ------
    ValueError
        If it is not square, or an entry is NaN, infinite, negative or unlike its mirror image; the message names the
        first such entry.

    Examples
    --------
    >>> check_affinity([[9.0, 2.0], [2.0, 0.0]]).tolist()
    [[0.0, 2.0], [2.0, 0.0]]
    >>> check_affinity([[0.0, 2.0], [1.0, 0.0]])
    Traceback (most recent call last):
        ...
    ValueError: X is not symmetric: entry (0, 1) is 2 but entry (1, 0) is 1; an affinity must be the same both ways
    """
    if sp.issparse(affinity):
        return _check_sparse(affinity, name)
    given = check_points(affinity, name=name)
    _check_square(given.shape, name)
    negative = given < 0
    if negative.any():
        row, column = (int(i) for i in np.argwhere(negative)[0])
        raise _negative(name, row, column, given[row, column])
    apart = np.abs(given - given.T)
    if apart.max() > ASYMMETRY * given.max():
        row, column = (int(i) for i in np.argwhere(apart > ASYMMETRY * given.max())[0])
        raise _asymmetric(name, row, column, given[row, column], given[column, row])
    # Halves are added, not sums halved: the sum of two large weights may be beyond all floats.
    weights = given * 0.5
    weights = weights + weights.T
    np.fill_diagonal(weights, 0.0)
    return weights


def _check_sparse(affinity: Any, name: str) -> sp.csr_array:
    _check_square(affinity.shape, name)
    if affinity.dtype.kind not in "buif":
        raise ValueError(f"{name} has dtype {affinity.dtype}; an affinity must consist of real numbers")
    given = sp.coo_array(sp.csr_array(affinity, dtype=np.float64))  # through CSR: it adds up entries given twice
    for bad, what in ((~np.isfinite(given.data), "not finite"), (given.data < 0, "negative")):
        if bad.any():
            at = int(np.argmax(bad))
            row, column, value = int(given.row[at]), int(given.col[at]), given.data[at]
            if what == "negative":
                raise _negative(name, row, column, value)
            raise ValueError(f"{name} contains {value:g} at row {row}, column {column}; weights must be finite")
    weights = sp.csr_array(given * 0.5)
    apart = sp.coo_array(abs(weights - weights.T))
    largest = float(weights.data.max(initial=0.0))
    unlike = apart.data > ASYMMETRY * largest
    if unlike.any():
        at = int(np.argmax(unlike))
        row, column = int(apart.row[at]), int(apart.col[at])
        raise _asymmetric(name, row, column, 2.0 * weights[row, column], 2.0 * weights[column, row])
    weights = sp.csr_array(weights + weights.T)
    weights.setdiag(0.0)
    weights.eliminate_zeros()
    weights.sort_indices()
    return weights


def _check_square(shape: tuple[int, ...], name: str) -> None:
    if len(shape) != 2 or shape[0] != shape[1]:
        raise ValueError(f"{name} has shape {shape}; a precomputed affinity must be square, (n, n)")


def _negative(name: str, row: int, column: int, value: float) -> ValueError:
    return ValueError(
        f"Negative values in data: {name} has {value:g} at row {row}, column {column}; weights must be at least 0"
    )


def _asymmetric(name: str, row: int, column: int, here: float, there: float) -> ValueError:
    return ValueError(
        f"{name} is not symmetric: entry ({row}, {column}) is {here:g} but entry ({column}, {row}) is {there:g}; an "
        "affinity must be the same both ways"
    )


def _nearest(points: NDArray[np.float64], others: int, *, tree: bool) -> NDArray[np.intp]:
    """Each row's nearest others by (distance, number), shape (n, others)."""
    centered = points - points.mean(axis=0)  # products of matrices lose digits to a far-away origin
    search = NearestNeighbors(n_neighbors=others + 1 + SPARE, algorithm="kd_tree" if tree else "brute").fit(centered)
    candidates = search.kneighbors(centered, return_distance=False).astype(np.intp)
    # What a computed squared distance may be off by: relative to itself, and for products to the rows' norms, too.
    slip = 0.0 if tree else 8.0 * (points.shape[1] + 4) * np.finfo(np.float64).eps * float((centered**2).sum(1).max())
    chosen = np.empty((len(points), others), dtype=np.intp)
    unsure = np.zeros(len(points), dtype=np.bool_)
    _rank(points, candidates, slip, chosen, unsure)
    rows = np.flatnonzero(unsure)
    if len(rows):
        found = np.empty((len(rows), others), dtype=np.intp)
        _scan(points, rows, others, found)
        chosen[rows] = found
    return chosen


@numba.njit(cache=True, nogil=True)
def _insert(values: NDArray, numbers: NDArray, value: float, number: int) -> None:
    """Put (value, number) into its place in a list ordered by both, and push the last one out."""
    last = len(values) - 1
    if value > values[last] or (value == values[last] and number > numbers[last]):
        return
    at = last
    while at > 0 and (value < values[at - 1] or (value == values[at - 1] and number < numbers[at - 1])):
        values[at] = values[at - 1]
        numbers[at] = numbers[at - 1]
        at -= 1
    values[at] = value
    numbers[at] = number


@numba.njit(cache=True, nogil=True)
def _rank(points: NDArray, candidates: NDArray, slip: float, chosen: NDArray, unsure: NDArray) -> None:
    """The best candidates by exact distance and number, and whether a row that is no candidate could be better."""
    others = chosen.shape[1]
    values = np.empty(others)
    for i in range(len(points)):
        values[:] = np.inf
        farthest = 0.0
        for j in candidates[i]:
            value = squared_distance(points, i, points, j)
            farthest = max(farthest, value)
            if j != i:
                _insert(values, chosen[i], value, j)
        # 1e-10: a tree compares sums that were added in another order.
        unsure[i] = not values[others - 1] + slip < farthest * (1.0 - 1e-10)


@numba.njit(cache=True, nogil=True)
def _scan(points: NDArray, rows: NDArray, others: int, chosen: NDArray) -> None:
    """The nearest others of some rows by comparing with every row."""
    values = np.empty(others)
    for at in range(len(rows)):
        values[:] = np.inf
        for j in range(len(points)):
            if j != rows[at]:
                _insert(values, chosen[at], squared_distance(points, rows[at], points, j), j)
