r"""The spectral relaxation of RatioCut and NCut, with or without fairness, by Lanczos on a projected operator.

A partition into k clusters that have a member is a matrix H of k orthonormal columns, the scaled indicators of the
clusters; it costs :math:`\operatorname{tr} H^\top L H`, and every cluster has everyone's mix of groups exactly if
:math:`F^\top H = 0` (column h of F: 1 for members of group h, less the group's share). Dropping "indicators" leaves an
eigenproblem on the null space of :math:`F^\top`.

Kleindessner et al. (2019) build a dense basis of that space: O(n^3) time, O(n^2) memory. With P the projector onto it,

.. math:: P L P + \sigma (I - P), \qquad \sigma \ge \lambda_{\max}(L),

has the same smallest eigenvalues and vectors (Wang et al., 2023), and Lanczos needs only products with L.

What the originals leave to chance is settled here. Zero eigenvalues come from connected components, and are computed
from them: Lanczos sees one copy of a repeated eigenvalue at a time. Copies of others that it may have missed are
searched for. Where it converges too slowly, the graph has small cuts, and thus a sparse factorisation.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh, splu

from fairclust._validation import as_generator, check_labels, check_n_clusters
from fairclust.groups import encode_groups
from fairclust.solvers.affinity import check_affinity

__all__ = ["SpectralEmbedding", "cut_value", "spectral_embedding"]

Floats = NDArray[np.float64]

#: Up to so many rows the whole matrix is decomposed.
DENSE = 400
#: Residuals of Lanczos, as a share of sigma.
TOL = 1e-12
#: Residual at which the search for missed copies stops, and how far below the others counts as missed.
TOL_SEARCH, MISSED = 1e-6, 1e-10
#: Products with the matrix before another method is tried.
PATIENCE = 6_000
#: Degrees below this share of their mean are raised to it, where they are divided by.
LEAST_DEGREE = 1e-6


@dataclass(frozen=True, eq=False)
class SpectralEmbedding:
    r"""What :func:`spectral_embedding` found.

    Attributes
    ----------
    embedding : ndarray of shape (n, k)
        H: eigenvectors as columns, in the order of their values; multiplied by :math:`D^{-1/2}` if normalized. In each
        column the entry that is largest in absolute value (of several within 1e-6, the first) is positive.
    eigenvalues : ndarray of shape (k,)
        Ascending, at least 0; in the unit of the weights, or without unit if normalized.
    lower_bound : float
        No more than the sum of the exact k smallest eigenvalues: theirs, less what the residuals leave open.
    residual : float
        :math:`\lVert R \rVert_F`, R being P L V - V Theta; in the unit of the eigenvalues.
    n_components : int
        Connected components of the graph.
    n_isolated : int
        Rows whose degree is below ``LEAST_DEGREE`` of the mean.
    """

    embedding: Floats
    eigenvalues: Floats
    lower_bound: float
    residual: float
    n_components: int
    n_isolated: int


def spectral_embedding(
    affinity: Any,
    n_clusters: int,
    *,
    sensitive_features: Any = None,
    normalized: bool = False,
    random_state: Any = None,
) -> SpectralEmbedding:
    r"""The k smallest eigenvectors of a graph's Laplacian among those that treat all groups alike.

    .. math:: \min_{H \in \mathbb{R}^{n \times k}} \operatorname{tr} H^\top L H \quad \text{s.t.} \quad
              F^\top H = 0, \; H^\top B H = I, \qquad L = D - W,

    where D is the diagonal of the degrees :math:`\sum_j W_{ij}`, B = I, or B = D if normalized, and column h of F is
    :math:`\mathbf{1}[j \in C^h] - n_h / n`.

    Parameters
    ----------
    affinity : array or scipy sparse matrix of shape (n, n)
        W: symmetric, not negative; its diagonal is ignored.
    n_clusters : int
        k, at most n - (H - 1): fairness towards H groups takes H - 1 dimensions.
    sensitive_features : None, Groups, array, Series or list of n hashable labels, optional
        The groups; with one group, or None, this is plain spectral clustering.
    normalized : bool, default=False
        Divide by degrees: NCut instead of RatioCut.
    random_state : None, int or Generator, default=None
        Source of the start vector; an int makes the result the same to the last bit.

    Returns
    -------
    SpectralEmbedding

    Raises
    ------
    ValueError
        If the affinity is not square, finite, symmetric and >= 0, k is out of range, or the number of labels is not n.

    Warns
    -----
    UserWarning
        If the graph has so many components that the k smallest eigenvalues are all 0 and more vectors share them (the
        largest components are then told apart, and the rest stay together at 0); or if degrees that are divided by had
        to be raised.

    Notes
    -----
    *Isolated rows.* For B = D, degrees below 1e-6 of their mean are raised to it, as a loop at the row would do: the
    problem stays well-defined and the bound holds for the NCut with these degrees (see :func:`cut_value`).

    *Repeated eigenvalues.* Their vectors are any basis of one space, and if the k-th eigenvalue equals the next one,
    not even the space is determined: compare partitions, not vectors.

    *Cost.* A product with the matrix takes O(nnz + nH); a few hundred are needed, more (at most ``PATIENCE``) if
    eigenvalues lie close together. Then 2 passes for what was missed. Up to 400 rows, or if k is not small against n,
    O(n^3). Memory O(nnz + n (k + H)).

    References
    ----------
    .. [1] M. Kleindessner, S. Samadi, P. Awasthi, J. Morgenstern. *Guarantees for spectral clustering with fairness
       constraints*. ICML 2019, Algorithms 2 and 3.
    .. [2] J. Wang, D. Lu, I. Davidson, Z. Bai. *Scalable spectral clustering with group fairness constraints*.
       AISTATS 2023.

    Examples
    --------
    A cycle of four; the fair eigenvectors do not tell the two groups of neighbors apart.

    >>> W = [[0, 1, 0, 1], [1, 0, 1, 0], [0, 1, 0, 1], [1, 0, 1, 0]]
    >>> found = spectral_embedding(W, 2, sensitive_features=["a", "a", "b", "b"], random_state=0)
    >>> found.eigenvalues.round(6).tolist(), found.embedding[:, 1].round(6).tolist()
    ([0.0, 2.0], [0.5, -0.5, -0.5, 0.5])
    """
    weights = check_affinity(affinity, name="affinity")
    n = weights.shape[0]
    groups = encode_groups(sensitive_features, n)
    k = check_n_clusters(n_clusters, n)
    if k > n - (len(groups) - 1):
        raise ValueError(
            f"n_clusters={k} is too many: {n} rows in {len(groups)} groups leave n - (H - 1) = "
            f"{n - len(groups) + 1} fair dimensions"
        )
    rng = as_generator(random_state)
    weights, exponent = _unit_weights(weights)
    problem = _Problem(weights, normalized)
    fairness = (groups.codes[:, None] == np.arange(len(groups) - 1)) - groups.shares[:-1]
    problem.forbid(_orthonormal(problem.scale[:, None] * fairness))
    count, members = connected_components(weights, directed=False)
    kernel = _kernel(problem, members, count, k)
    if count > k + problem.forbidden.shape[1] or kernel.shape[1] > k:
        warnings.warn(
            f"the graph has {count} connected components, so that more than n_clusters={k} eigenvalues are 0 and the "
            "embedding is not unique; a larger n_neighbors, or a wider affinity, connects them",
            UserWarning,
            stacklevel=2,
        )
    vectors = kernel[:, :k]
    if vectors.shape[1] < k:
        vectors = np.hstack((vectors, _smallest(problem.without(kernel), k - kernel.shape[1], rng)))
    vectors, values, residual = problem.rayleigh_ritz(vectors)
    n_isolated = int(problem.raised.sum())
    if normalized and n_isolated:
        warnings.warn(
            f"{n_isolated} rows have no edges or almost none (row {int(np.argmax(problem.raised))} is the first); "
            f"their degrees are taken to be {LEAST_DEGREE:g} of the mean",
            UserWarning,
            stacklevel=2,
        )
    # The matrix has eigenvalues whose distances to these have a root of squares of at most sqrt(2) |R| (Kahan), and
    # rounding of the products adds to it.
    open_ = np.sqrt(2.0 * k) * residual + 8.0 * k * np.finfo(np.float64).eps * problem.sigma
    bound = max(0.0, float(values.sum() - open_))
    embedding = problem.scale[:, None] * vectors
    size = np.abs(embedding)
    at = np.argmax(size >= (1.0 - 1e-6) * size.max(axis=0), axis=0)
    embedding *= np.where(embedding[at, np.arange(k)] < 0.0, -1.0, 1.0)
    if normalized:
        embedding *= float(np.exp2(-0.5 * exponent))  # columns have length 1 in the measure of the degrees
    back = 0 if normalized else exponent
    return SpectralEmbedding(
        np.ascontiguousarray(embedding),
        np.ldexp(np.maximum(values, 0.0), back),
        float(np.ldexp(bound, back)),
        float(np.ldexp(residual, back)),
        int(count),
        n_isolated,
    )


def cut_value(affinity: Any, labels: Any, *, normalized: bool = False) -> float:
    r"""RatioCut, or NCut, of a partition: how much weight runs between clusters, against their sizes.

    .. math:: \sum_{i} \frac{\sum_{j \in C_i, l \notin C_i} W_{jl}}{|C_i|}, \qquad
              \text{normalized:}\quad \sum_i \frac{\sum_{j \in C_i, l \notin C_i} W_{jl}}{\sum_{j \in C_i} D_{jj}} .

    Parameters
    ----------
    affinity : array or scipy sparse matrix of shape (n, n)
        W: symmetric, not negative; its diagonal is ignored.
    labels : array of n integers in 0..k-1
        Numbers that no row carries are skipped.
    normalized : bool, default=False
        NCut. Degrees below 1e-6 of their mean are raised to it, as in :func:`spectral_embedding`.

    Returns
    -------
    float
        At least 0; 0 if no edge runs between clusters. In the unit of the weights, or without unit if normalized.

    Raises
    ------
    ValueError
        If the affinity is not square, finite, symmetric and >= 0, or the number of labels is not n.

    Notes
    -----
    O(nnz + nk). Each edge between two clusters counts once for either of them, as in Kleindessner et al. (2019).

    Examples
    --------
    >>> W = [[0, 1, 0], [1, 0, 2], [0, 2, 0]]
    >>> cut_value(W, [0, 1, 1]), cut_value(W, [0, 1, 1], normalized=True)
    (1.5, 1.2)
    """
    weights, exponent = _unit_weights(check_affinity(affinity, name="affinity"))
    codes = check_labels(labels, weights.shape[0])
    count = int(codes.max()) + 1
    if sp.issparse(weights):
        edges = sp.coo_array(weights)
        between = codes[edges.row] != codes[edges.col]
        cuts = np.bincount(codes[edges.row[between]], weights=edges.data[between], minlength=count)
    else:
        cuts = np.array([weights[np.ix_(codes == i, codes != i)].sum() for i in range(count)])
    size = _Problem(weights, normalized).degrees if normalized else np.ones(len(codes))
    sizes = np.bincount(codes, weights=size)
    found = sizes > 0
    return float(np.ldexp((cuts[found] / sizes[found]).sum(), 0 if normalized else exponent))


class _Problem:
    """The Laplacian (symmetrically normalized, if asked) and the directions that are forbidden."""

    def __init__(self, weights: Any, normalized: bool) -> None:
        self.n = weights.shape[0]
        degrees = np.asarray(weights.sum(axis=1), dtype=np.float64).ravel()
        least = LEAST_DEGREE * float(degrees.mean()) or 1.0
        self.raised = degrees < least
        self.degrees = np.maximum(degrees, least)
        #: D^(-1/2), or ones: what turns an eigenvector into a column of the embedding.
        self.scale = 1.0 / np.sqrt(self.degrees) if normalized else np.ones(self.n)
        if normalized and sp.issparse(weights):
            weights = sp.diags_array(self.scale) @ weights @ sp.diags_array(self.scale)
        elif normalized:
            weights = self.scale[:, None] * weights * self.scale
        diagonal = degrees * self.scale**2
        if sp.issparse(weights):
            self.laplacian: Any = sp.csr_array(sp.diags_array(diagonal) - weights)
        else:
            self.laplacian = np.diag(diagonal) - weights
        #: No less than the largest eigenvalue (Gershgorin; for the normalized Laplacian it is 2).
        self.sigma = 2.0 * float(diagonal.max()) or 1.0
        self.forbidden = np.zeros((self.n, 0))

    def forbid(self, directions: Floats) -> None:
        """Take orthonormal directions, orthogonal to the earlier ones, out of the space."""
        self.forbidden = np.hstack((self.forbidden, directions))

    def without(self, directions: Floats) -> _Problem:
        """The same problem with more directions forbidden."""
        other = object.__new__(_Problem)
        other.__dict__.update(self.__dict__)
        other.forbid(directions)
        return other

    def project(self, x: Floats) -> Floats:
        """P x."""
        return x - self.forbidden @ (self.forbidden.T @ x) if self.forbidden.shape[1] else x

    def rayleigh_ritz(self, vectors: Floats) -> tuple[Floats, Floats, float]:
        """The best orthonormal eigenvectors in a span, their values (ascending), and the residual."""
        basis = np.linalg.qr(self.project(vectors))[0]
        basis = np.linalg.qr(self.project(basis))[0]
        image = self.project(self.laplacian @ basis)
        small = basis.T @ image
        values, rotation = np.linalg.eigh((small + small.T) / 2.0)
        return basis @ rotation, values, float(np.linalg.norm(image @ rotation - (basis @ rotation) * values))


def _unit_weights(weights: Any) -> tuple[Any, int]:
    """Weights divided by a power of two such that the largest lies in [1/2, 1), and the exponent of that power."""
    largest = float(weights.data.max(initial=0.0)) if sp.issparse(weights) else float(weights.max())
    exponent = int(np.frexp(largest)[1])
    if not sp.issparse(weights):
        return np.ldexp(weights, -exponent), exponent
    scaled = weights.copy()
    scaled.data = np.ldexp(weights.data, -exponent)
    return scaled, exponent


def _orthonormal(columns: Floats) -> Floats:
    """An orthonormal basis of the span of some columns."""
    if not columns.shape[1]:
        return columns
    lengths = np.linalg.norm(columns, axis=0)
    left, values, _ = np.linalg.svd(columns / np.where(lengths > 0.0, lengths, 1.0), full_matrices=False)
    return left[:, values > 1e-12 * values[0]]


def _kernel(problem: _Problem, members: NDArray[np.int32], count: int, k: int) -> Floats:
    """Orthonormal fair vectors of eigenvalue 0, shape (n, z): all of them, or at least k.

    They are constant on components (times the root of the degree). With m forbidden directions, any k + m components
    carry k of them, so only the largest are looked at: there may be as many components as rows.
    """
    sizes = np.bincount(members, minlength=count)
    largest = np.argsort(-sizes, kind="stable")[: k + problem.forbidden.shape[1]]
    flat = (members[:, None] == largest) / problem.scale[:, None]
    flat /= np.linalg.norm(flat, axis=0)
    overlap = problem.forbidden.T @ flat
    if not len(overlap):
        return flat
    _, values, right = np.linalg.svd(overlap, full_matrices=True)
    rank = int((values > 1e-10).sum())
    # Of the null space, a basis that starts with what is left of the largest components.
    free = right[rank:].T @ right[rank:]
    basis, _, _ = scipy.linalg.qr(free, pivoting=True)
    return problem.project(flat @ basis[:, : len(largest) - rank])


def _smallest(problem: _Problem, k: int, rng: np.random.Generator) -> Floats:
    """Orthonormal vectors of the k smallest eigenvalues on the space that is not forbidden, shape (n, k)."""
    taken = problem.forbidden.shape[1]
    start = rng.standard_normal(problem.n)
    if problem.n <= DENSE or 4 * (k + taken) >= problem.n:
        return _by_decomposition(problem, k)
    vectors = _by_lanczos(problem, k, start, TOL)
    if vectors is None:
        vectors = _by_factorisation(problem, k, start) if sp.issparse(problem.laplacian) else None
    if vectors is None:
        return _by_decomposition(problem, k)
    return _with_missed_copies(problem, vectors, rng)


def _with_missed_copies(problem: _Problem, vectors: Floats, rng: np.random.Generator) -> Floats:
    """Exchange vectors for others of smaller eigenvalues until none is left outside."""
    k = vectors.shape[1]
    while True:
        vectors, values, _ = problem.rayleigh_ritz(vectors)
        rest = problem.without(vectors)
        start = rng.standard_normal(problem.n)
        more = _by_lanczos(rest, 1, start, TOL_SEARCH)
        if more is None:
            # Too slow: what is left lies close together, and a factorisation has no trouble with it.
            more = _by_factorisation(rest, 1, start) if sp.issparse(problem.laplacian) else None
        if more is None:
            return _by_decomposition(problem, k)
        if rest.rayleigh_ritz(more)[1][0] >= values[-1] - MISSED * problem.sigma:
            return vectors
        exact = _by_lanczos(rest, 1, more[:, 0], TOL)
        vectors = problem.rayleigh_ritz(np.hstack((vectors, more if exact is None else exact)))[0][:, :k]


def _by_lanczos(problem: _Problem, k: int, start: Floats, tol: float) -> Floats | None:
    """By restarted Lanczos; None if it takes too long.

    The largest eigenvalues of sigma - (P L P + sigma (I - P)) are asked for, so that the tolerance is one against
    sigma: against eigenvalues near 0 it could not be met.
    """

    def product(x: Floats) -> Floats:
        inside = problem.project(x.ravel())
        return problem.sigma * inside - problem.project(problem.laplacian @ inside)

    space = min(problem.n, 2 * k + 32)
    operator = LinearOperator((problem.n, problem.n), matvec=product, dtype=np.float64)
    try:
        return eigsh(
            operator,
            k=k,
            which="LA",
            v0=problem.project(start),
            ncv=space,
            tol=tol,
            maxiter=max(10, PATIENCE // (space - k)),
        )[1]
    except ArpackNoConvergence:
        return None


def _by_factorisation(problem: _Problem, k: int, start: Floats) -> Floats | None:
    """By Lanczos on the inverse of L + epsilon on the space, from one sparse factorisation; None if that fails.

    With S the inverse and U the forbidden directions, the inverse on the space is S - S U (U'SU)^-1 U'S.
    """
    shift = 1e-9 * problem.sigma
    shifted = sp.csc_array(problem.laplacian + shift * sp.eye_array(problem.n))
    factor = splu(shifted, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
    forbidden = problem.forbidden
    solved = factor.solve(np.ascontiguousarray(forbidden)) if forbidden.shape[1] else forbidden
    inner = forbidden.T @ solved

    def product(x: Floats) -> Floats:
        y = factor.solve(problem.project(x.ravel()))
        if forbidden.shape[1]:
            y = y - solved @ np.linalg.solve(inner, forbidden.T @ y)
        return problem.project(y)

    operator = LinearOperator((problem.n, problem.n), matvec=product, dtype=np.float64)
    try:
        return eigsh(
            operator,
            k=k,
            which="LA",
            v0=problem.project(start),
            ncv=min(problem.n, 2 * k + 32),
            tol=TOL,
            maxiter=PATIENCE // 32,
        )[1]
    except ArpackNoConvergence:
        return None


def _by_decomposition(problem: _Problem, k: int) -> Floats:
    """By decomposing the whole projected matrix, O(n^3)."""
    laplacian = problem.laplacian
    matrix = laplacian.toarray() if sp.issparse(laplacian) else laplacian
    matrix = problem.project(problem.project(matrix).T)
    # Above all other eigenvalues, so that forbidden directions come last even where k is all there is.
    matrix += (2.0 * problem.sigma) * (problem.forbidden @ problem.forbidden.T)
    return scipy.linalg.eigh((matrix + matrix.T) / 2.0, subset_by_index=[0, k - 1])[1]
