r"""The exact end of sum-of-norms clustering: Newton's method on fused points, and multipliers that balance."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import scipy.linalg
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.linalg import splu

from fairclust.solvers.sum_of_norms_graph import PairGraph, incidence_matrix
from fairclust.solvers.sum_of_norms_kernels import (
    add_internal_flow,
    clip_internal,
    clip_rows,
    exact_multipliers,
    flow_divergence,
    fused_blocks,
    fused_product,
    fused_value,
)

__all__ = ["finish", "fused_problem", "newton"]

Floats = NDArray[np.float64]

#: Up to this many unknowns the Hessian is factorised; beyond, conjugate gradients.
DENSE = 600

#: A gradient this small, as a share of all points' size, is zero up to rounding.
STATIONARY = 1e-11

#: Rounds of projecting multipliers onto balance and onto their balls: as many as keep the work bounded.
FEWEST, MOST, WORK = 30, 500, 15_000_000


def fused_problem(
    points: Floats, labels: NDArray[np.intp], radii: Floats, pairs: PairGraph
) -> tuple[Floats, Floats, NDArray[np.int64], NDArray[np.int64], Floats]:
    """Means and sizes of the clusters, and the pairs of clusters with the sums of their radii."""
    sizes = np.bincount(labels).astype(np.float64)
    means = np.column_stack([np.bincount(labels, weights=column) for column in points.T]) / sizes[:, None]
    a, b = labels[pairs.tails], labels[pairs.heads]
    low, high = np.minimum(a, b), np.maximum(a, b)
    between = low < high
    k = len(sizes)
    keys, codes = np.unique(low[between] * k + high[between], return_inverse=True)
    sums = np.bincount(codes, weights=radii[between], minlength=len(keys)).astype(np.float64)
    return means, sizes, keys // k, keys % k, sums


def newton(
    means: Floats, sizes: Floats, tails: NDArray[np.int64], heads: NDArray[np.int64], radii: Floats, start: Floats
) -> Floats | None:
    r"""Minimise :math:`\sum_k \frac{n_k}{2} \|a_k - M_k\|^2 + \sum_{k<l} r_{kl} \|M_k - M_l\|` where no pair meets.

    None if a pair of centers runs into each other, so that the objective is not smooth at the optimum.
    """
    M = start.copy()
    gradient, trial_gradient = np.empty_like(M), np.empty_like(M)
    value, closest = fused_value(M, means, sizes, tails, heads, radii, gradient)
    scale = float(np.abs(means).max())
    for _ in range(50):
        if closest <= (1e-9 * scale) ** 2:
            return None
        step = _direction(M, gradient, sizes, tails, heads, radii)
        slope = float((step * gradient).sum())
        size = 1.0
        while True:
            trial = M + size * step
            trial_value, trial_closest = fused_value(trial, means, sizes, tails, heads, radii, trial_gradient)
            if trial_value <= value + 1e-4 * size * slope:
                break
            size *= 0.5
            if size < 1e-6:
                break
        if size < 1e-6:
            # Rounding hides the last step from the value; the gradient still sees it.
            trial = M + step
            _, trial_closest = fused_value(trial, means, sizes, tails, heads, radii, trial_gradient)
            if (trial_gradient**2).sum() < (gradient**2).sum() and trial_closest > (1e-9 * scale) ** 2:
                M, gradient = trial, trial_gradient
            break
        moved = float(np.abs(trial - M).max())
        M, value, closest = trial, trial_value, trial_closest
        gradient, trial_gradient = trial_gradient, gradient
        if moved <= 1e-15 * scale:
            break
    return M if np.abs(gradient).max() <= STATIONARY * scale * sizes.sum() else None


def _direction(
    M: Floats,
    gradient: Floats,
    sizes: Floats,
    tails: NDArray[np.int64],
    heads: NDArray[np.int64],
    radii: Floats,
) -> Floats:
    """Newton's step."""
    k, d = M.shape
    if k * d <= DENSE:
        hessian = _dense_hessian(M, sizes, tails, heads, radii)
        return -scipy.linalg.solve(hessian, gradient.ravel(), assume_a="pos").reshape(k, d)
    blocks = np.empty((k, d, d))
    fused_blocks(M, sizes, tails, heads, radii, blocks)
    inverse = np.linalg.inv(blocks)
    x = np.zeros_like(M)
    r = -gradient
    z = np.einsum("kfg,kg->kf", inverse, r)
    p = z.copy()
    q = np.empty_like(p)
    rz = float((r * z).sum())
    norm = float(np.linalg.norm(r))
    # Superlinear convergence: the better the point, the more exact the step.
    target = norm * min(0.1, norm / (1.0 + norm)) * 0.1
    target = max(target, 1e-15 * norm)
    for _ in range(500):
        fused_product(M, p, sizes, tails, heads, radii, q)
        alpha = rz / float((p * q).sum())
        x += alpha * p
        r -= alpha * q
        if np.linalg.norm(r) <= target:
            break
        z = np.einsum("kfg,kg->kf", inverse, r)
        rz, old = float((r * z).sum()), rz
        p = z + (rz / old) * p
    return x


def _dense_hessian(
    M: Floats, sizes: Floats, tails: NDArray[np.int64], heads: NDArray[np.int64], radii: Floats
) -> Floats:
    k, d = M.shape
    blocks = np.empty((k, d, d))
    fused_blocks(M, sizes, tails, heads, radii, blocks)
    hessian = np.zeros((k, d, k, d))
    difference = M[tails] - M[heads]
    length = np.linalg.norm(difference, axis=1)
    unit = difference / length[:, None]
    off = (radii / length)[:, None, None] * (unit[:, :, None] * unit[:, None, :] - np.eye(d))
    hessian[tails, :, heads, :] = off
    hessian[heads, :, tails, :] = off
    hessian[np.arange(k), :, np.arange(k), :] = blocks
    return hessian.reshape(k * d, k * d)


def finish(
    points: Floats, mu: Floats, v: Floats, labels: NDArray[np.intp], radii: Floats, pairs: PairGraph
) -> Iterator[tuple[Floats, Floats, bool]]:
    """Candidates (mu, zeta, whether zeta proves the fusions) from a state of the splitting method.

    The plain state always; the exact finish for its partition, if the fused problem is smooth at its optimum.
    """
    zeta = v.copy()
    clip_rows(zeta, radii)
    divergence = np.empty_like(points)
    flow_divergence(zeta, pairs.tails, pairs.heads, divergence)
    yield points - divergence, zeta, False
    means, sizes, tails, heads, sums = fused_problem(points, labels, radii, pairs)
    start = np.column_stack([np.bincount(labels, weights=column) for column in mu.T]) / sizes[:, None]
    centers = newton(means, sizes, tails, heads, sums, start)
    if centers is None:
        return
    exact = centers[labels]
    zeta = zeta.copy()
    exact_multipliers(exact, labels, pairs.tails, pairs.heads, radii, zeta)
    ratio = _balance(points - exact, zeta, labels, radii, pairs)
    yield exact, zeta, ratio <= 1.0


def _balance(wanted: Floats, zeta: Floats, labels: NDArray[np.intp], radii: Floats, pairs: PairGraph) -> float:
    """Change multipliers within clusters until their divergence is as wanted; the largest length / radius that remains.

    Alternating projections: onto balance (a Laplace equation in each cluster), then onto the balls.
    """
    potential = _potentials(labels, pairs)
    divergence = np.empty_like(wanted)
    ratio = np.inf
    for _ in range(int(np.clip(WORK // len(pairs), FEWEST, MOST))):
        flow_divergence(zeta, pairs.tails, pairs.heads, divergence)
        add_internal_flow(potential(wanted - divergence), labels, pairs.tails, pairs.heads, zeta)
        ratio = clip_internal(zeta, labels, pairs.tails, pairs.heads, radii)
        if ratio <= 1.0:
            break
    return ratio


def _potentials(labels: NDArray[np.intp], pairs: PairGraph) -> Callable[[Floats], Floats]:
    """Solve L phi = r on the pairs within clusters, for r that adds up to nothing in each cluster."""
    sizes = np.bincount(labels)[labels]
    if pairs.complete:
        return lambda r: r / sizes[:, None]
    inside = labels[pairs.tails] == labels[pairs.heads]
    within = incidence_matrix(pairs)[:, np.flatnonzero(inside)]
    laplacian = sp.csc_array(within @ within.T)
    # One node of each cluster is held at 0; it takes what rounding leaves over.
    free = np.ones(len(labels), dtype=bool)
    free[np.unique(labels, return_index=True)[1]] = False
    rows = np.flatnonzero(free)
    if not len(rows):
        return np.zeros_like
    factor = splu(sp.csc_matrix(laplacian[rows][:, rows]))

    def solve(r: Floats) -> Floats:
        phi = np.zeros_like(r)
        phi[rows] = factor.solve(np.ascontiguousarray(r[rows]))
        return phi

    return solve
