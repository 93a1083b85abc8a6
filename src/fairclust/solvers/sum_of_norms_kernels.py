"""Compiled passes over the pairs of points for sum-of-norms clustering.

A pair l = (i, j) carries a vector of d numbers. There are up to n(n-1)/2 pairs, so each iteration makes one pass over
them and keeps one array of their size. All sums run in the order of the pairs, on one thread, so that the same input
gives the same bytes.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = [
    "add_internal_flow",
    "clip_internal",
    "clip_rows",
    "exact_multipliers",
    "flow_divergence",
    "fused_blocks",
    "fused_product",
    "fused_value",
    "slackness",
    "splitting_pass",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@njit(cache=True, nogil=True)
def splitting_pass(
    mu: Floats, v: Floats, tails: Ints, heads: Ints, radii: Floats, rho: float, over: float, rhs: Floats
) -> None:
    """One over-relaxed step of the method of multipliers on every pair.

    ``v`` (|O|, d) is the state: the multiplier is v clipped to the ball of the pair's radius, and rho eta is what the
    clipping cut off. On return ``rhs`` (n, d) is the divergence of rho eta - zeta, for the next mu.
    """
    d = mu.shape[1]
    rhs[:] = 0.0
    for l in range(tails.shape[0]):
        i, j, radius = tails[l], heads[l], radii[l]
        squared = 0.0
        for f in range(d):
            squared += v[l, f] * v[l, f]
        keep = 1.0 if squared <= radius * radius else radius / np.sqrt(squared)
        # v + over (rho D mu - (v - zeta)) = rho (over D mu + (1 - over) eta) + zeta
        squared = 0.0
        for f in range(d):
            t = v[l, f]
            t += over * (rho * (mu[i, f] - mu[j, f]) - t + keep * t)
            v[l, f] = t
            squared += t * t
        keep = 1.0 if squared <= radius * radius else radius / np.sqrt(squared)
        factor = 1.0 - 2.0 * keep
        for f in range(d):
            t = factor * v[l, f]
            rhs[i, f] += t
            rhs[j, f] -= t


@njit(cache=True, nogil=True)
def clip_rows(v: Floats, radii: Floats) -> float:
    """Scale every row of v that is longer than its radius to that length; the largest length / radius before."""
    worst = 0.0
    for l in range(v.shape[0]):
        squared = 0.0
        for f in range(v.shape[1]):
            squared += v[l, f] * v[l, f]
        ratio = np.sqrt(squared) / radii[l]
        worst = max(worst, ratio)
        if ratio > 1.0:
            for f in range(v.shape[1]):
                v[l, f] /= ratio
    return worst


@njit(cache=True, nogil=True)
def clip_internal(zeta: Floats, labels: Ints, tails: Ints, heads: Ints, radii: Floats) -> float:
    """:func:`clip_rows` for the pairs within clusters only; 0 if there are none."""
    worst = 0.0
    for l in range(zeta.shape[0]):
        if labels[tails[l]] != labels[heads[l]]:
            continue
        squared = 0.0
        for f in range(zeta.shape[1]):
            squared += zeta[l, f] * zeta[l, f]
        ratio = np.sqrt(squared) / radii[l]
        worst = max(worst, ratio)
        if ratio > 1.0:
            for f in range(zeta.shape[1]):
                zeta[l, f] /= ratio
    return worst


@njit(cache=True, nogil=True)
def flow_divergence(zeta: Floats, tails: Ints, heads: Ints, out: Floats) -> None:
    """I zeta': what leaves each node minus what enters it, shape (n, d)."""
    out[:] = 0.0
    for l in range(tails.shape[0]):
        i, j = tails[l], heads[l]
        for f in range(zeta.shape[1]):
            out[i, f] += zeta[l, f]
            out[j, f] -= zeta[l, f]


@njit(cache=True, nogil=True)
def slackness(mu: Floats, zeta: Floats, tails: Ints, heads: Ints, radii: Floats) -> tuple[float, float]:
    """The penalty, and how far it is above the inner products with the multipliers.

    The second sum has no negative terms, so nothing cancels between pairs.
    """
    penalty = 0.0
    slack = 0.0
    for l in range(tails.shape[0]):
        i, j = tails[l], heads[l]
        squared = 0.0
        inner = 0.0
        for f in range(mu.shape[1]):
            t = mu[i, f] - mu[j, f]
            squared += t * t
            inner += t * zeta[l, f]
        term = radii[l] * np.sqrt(squared)
        penalty += term
        slack += max(0.0, term - inner)
    return penalty, slack


@njit(cache=True, nogil=True)
def exact_multipliers(mu: Floats, labels: Ints, tails: Ints, heads: Ints, radii: Floats, zeta: Floats) -> None:
    """Set the multiplier of each pair between two clusters to its radius times the pair's direction."""
    for l in range(tails.shape[0]):
        i, j = tails[l], heads[l]
        if labels[i] == labels[j]:
            continue
        squared = 0.0
        for f in range(mu.shape[1]):
            t = mu[i, f] - mu[j, f]
            squared += t * t
        factor = radii[l] / np.sqrt(squared) if squared > 0.0 else 0.0
        for f in range(mu.shape[1]):
            zeta[l, f] = factor * (mu[i, f] - mu[j, f])


@njit(cache=True, nogil=True)
def add_internal_flow(phi: Floats, labels: Ints, tails: Ints, heads: Ints, zeta: Floats) -> None:
    """Add phi_i - phi_j to the multiplier of each pair within a cluster."""
    for l in range(tails.shape[0]):
        i, j = tails[l], heads[l]
        if labels[i] == labels[j]:
            for f in range(phi.shape[1]):
                zeta[l, f] += phi[i, f] - phi[j, f]


@njit(cache=True, nogil=True)
def fused_value(
    M: Floats, a: Floats, sizes: Floats, tails: Ints, heads: Ints, radii: Floats, grad: Floats
) -> tuple[float, float]:
    """The objective of the fused problem, its gradient, and the smallest squared distance over the pairs."""
    value = 0.0
    closest = np.inf
    for k in range(M.shape[0]):
        for f in range(M.shape[1]):
            t = M[k, f] - a[k, f]
            grad[k, f] = sizes[k] * t
            value += 0.5 * sizes[k] * t * t
    for l in range(tails.shape[0]):
        i, j = tails[l], heads[l]
        squared = 0.0
        for f in range(M.shape[1]):
            t = M[i, f] - M[j, f]
            squared += t * t
        closest = min(closest, squared)
        length = np.sqrt(squared)
        value += radii[l] * length
        if length > 0.0:
            factor = radii[l] / length
            for f in range(M.shape[1]):
                t = factor * (M[i, f] - M[j, f])
                grad[i, f] += t
                grad[j, f] -= t
    return value, closest


@njit(cache=True, nogil=True)
def fused_product(M: Floats, p: Floats, sizes: Floats, tails: Ints, heads: Ints, radii: Floats, out: Floats) -> None:
    """The Hessian of the fused problem at M times p."""
    for k in range(M.shape[0]):
        for f in range(M.shape[1]):
            out[k, f] = sizes[k] * p[k, f]
    for l in range(tails.shape[0]):
        i, j = tails[l], heads[l]
        squared = 0.0
        inner = 0.0
        for f in range(M.shape[1]):
            t = M[i, f] - M[j, f]
            squared += t * t
            inner += t * (p[i, f] - p[j, f])
        inner /= squared
        factor = radii[l] / np.sqrt(squared)
        for f in range(M.shape[1]):
            t = factor * ((p[i, f] - p[j, f]) - inner * (M[i, f] - M[j, f]))
            out[i, f] += t
            out[j, f] -= t


@njit(cache=True, nogil=True)
def fused_blocks(M: Floats, sizes: Floats, tails: Ints, heads: Ints, radii: Floats, blocks: Floats) -> None:
    """The d x d blocks on the diagonal of that Hessian, shape (k, d, d)."""
    d = M.shape[1]
    blocks[:] = 0.0
    for k in range(M.shape[0]):
        for f in range(d):
            blocks[k, f, f] = sizes[k]
    for l in range(tails.shape[0]):
        i, j = tails[l], heads[l]
        squared = 0.0
        for f in range(d):
            t = M[i, f] - M[j, f]
            squared += t * t
        factor = radii[l] / np.sqrt(squared)
        for f in range(d):
            for g in range(d):
                t = -factor * (M[i, f] - M[j, f]) * (M[i, g] - M[j, g]) / squared
                if f == g:
                    t += factor
                blocks[i, f, g] += t
                blocks[j, f, g] += t
