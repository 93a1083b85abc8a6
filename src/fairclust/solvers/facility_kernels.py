"""Compiled passes over balls: everything in the facility solver that costs time in proportion to the edges.

An *edge* is a pair (v, u) with the point u in the ball of v. Edges lie in CSR order: those of v are
``start[v]:start[v + 1]``, their facilities ``node`` ascend and their costs are ``cost``; ``nearest`` lists the same
positions by (cost, facility). All sums run in a fixed order, so results do not depend on threads.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

__all__ = [
    "central_targets",
    "centrality_targets",
    "complementarity",
    "copy_kept",
    "count_kept",
    "facility_gains",
    "factors",
    "move",
    "newton_back",
    "newton_right_side",
    "ratios",
    "renumber",
    "restore_dual",
    "serve",
    "step_lengths",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Nodes = NDArray[np.int32]

# A division by zero gives infinity, as in numpy: the callers look for it.
_jit = numba.njit(cache=True, nogil=True, error_model="numpy")
# Only for loops whose sole reduction is a maximum: it is exact in any order, and this lets it be vectorised.
_jit_max = numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"nnan", "nsz", "reassoc"})


# ---------------------------------------------------------------------------------------------------- certificates


@_jit
def serve(start: Ints, node: Nodes, cost: Floats, nearest: Ints, outside: Floats, y: Floats, share: Floats) -> float:
    """The cheapest service under openings y: ``share[v]`` gets each point's cost; returns the largest mass not served.

    v takes facilities nearest first until they add up to 1; where the outside option is cheaper, it takes the rest.
    What no facility of the ball can serve is charged at the ball's largest cost.
    """
    worst = 0.0
    for v in range(len(start) - 1):
        rest = 1.0
        total = 0.0
        last = 0.0
        for e in range(start[v], start[v + 1]):
            p = nearest[e]
            if cost[p] >= outside[v]:
                break
            last = cost[p]
            take = min(rest, y[node[p]])
            total += take * last
            rest -= take
            if rest <= 0.0:
                break
        if rest > 0.0:
            if outside[v] < np.inf:
                total += rest * outside[v]
            else:
                total += rest * last
                worst = max(worst, rest)
        share[v] = total
    return worst


@_jit
def facility_gains(start: Ints, node: Nodes, cost: Floats, price: Floats, gain: Floats) -> None:
    """``gain[u]`` = sum over v with u in the ball of max(0, price[v] - cost[v, u]): what opening u is worth."""
    gain[:] = 0.0
    for v in range(len(start) - 1):
        for e in range(start[v], start[v + 1]):
            over = price[v] - cost[e]
            if over > 0.0:
                gain[node[e]] += over


# ------------------------------------------------------------------------------------------------------ restrictions


@_jit
def renumber(
    start: Ints,
    node: Nodes,
    cost: Floats,
    nearest: Ints,
    position: Ints,
    n_facilities: int,
    new_node: Nodes,
    new_cost: Floats,
    new_nearest: Ints,
) -> None:
    """The same edges with facility u called ``position[u]``, ascending within each ball again."""
    n, n_edges = len(start) - 1, len(node)
    # Facility by facility, the edges of each in the order of their demands; then each demand takes its own in turn.
    place = np.zeros(n_facilities + 1, np.int64)
    for e in range(n_edges):
        place[position[node[e]] + 1] += 1
    for u in range(n_facilities):
        place[u + 1] += place[u]
    edge, demand = np.empty(n_edges, np.int64), np.empty(n_edges, np.int32)
    for v in range(n):
        for e in range(start[v], start[v + 1]):
            u = position[node[e]]
            edge[place[u]], demand[place[u]] = e, v
            place[u] += 1
    filled, moved = start[:-1].copy(), np.empty(n_edges, np.int64)
    for i in range(n_edges):
        e, v = edge[i], demand[i]
        new_node[filled[v]], new_cost[filled[v]] = position[node[e]], cost[e]
        moved[e] = filled[v]
        filled[v] += 1
    for i in range(n_edges):
        new_nearest[i] = moved[nearest[i]]


@_jit
def count_kept(
    start: Ints, node: Nodes, cost: Floats, keep: NDArray[np.bool_], cutoff: Floats, sizes: Ints, degree: Ints
) -> None:
    """How many facilities that are kept lie in each ball below its cutoff, and in how many such balls each lies.

    Here and in :func:`copy_kept` the edges of a ball ascend by cost.
    """
    for v in range(len(start) - 1):
        count = 0
        for e in range(start[v], start[v + 1]):
            if cost[e] >= cutoff[v]:
                break
            if keep[node[e]]:
                count += 1
                degree[node[e]] += 1
        sizes[v] = count


@_jit
def copy_kept(
    start: Ints,
    node: Nodes,
    cost: Floats,
    weight: Floats,
    number: Nodes,
    cutoff: Floats,
    demands: Ints,
    new_start: Ints,
    new_node: Nodes,
    new_cost: Floats,
    nearest: Ints,
) -> None:
    """The edges of some demands below the cutoff to facilities that have a number (not -1), weights included.

    They go to ``new_start``, by ascending number; ``nearest`` lists them by cost.
    """
    for i in range(len(demands)):
        v = demands[i]
        first = new_start[i]
        size = new_start[i + 1] - first
        found = np.empty(size, np.int32)
        paid = np.empty(size)
        count = 0
        for e in range(start[v], start[v + 1]):
            if cost[e] >= cutoff[v]:
                break
            if number[node[e]] >= 0:
                found[count] = number[node[e]]
                paid[count] = cost[e] * weight[v]
                count += 1
        ascending = np.argsort(found)
        for position in range(size):
            e = ascending[position]
            new_node[first + position] = found[e]
            new_cost[first + position] = paid[e]
            nearest[first + e] = first + position


# ---------------------------------------------------------------------------------------------- interior-point passes


@_jit
def factors(
    start: Ints,
    node: Nodes,
    x: Floats,
    z: Floats,
    s: Floats,
    b: Floats,
    x0: Floats,
    z0: Floats,
    h: Floats,
    q: Floats,
    h0: Floats,
    row: Floats,
    diagonal: Floats,
) -> None:
    """Scalings of the Newton system: h = 1/(b/s + z/x), q = h b/s, their row sums, the diagonal part of the matrix."""
    diagonal[:] = 0.0
    for v in range(len(start) - 1):
        total = 0.0
        if x0[v] > 0.0:
            h0[v] = x0[v] / z0[v]
            total = h0[v]
        for e in range(start[v], start[v + 1]):
            upper = b[e] / s[e]
            lower = z[e] / x[e]
            he = 1.0 / (upper + lower)
            qe = he * upper
            h[e] = he
            q[e] = qe
            total += he
            diagonal[node[e]] += qe * lower
        row[v] = total


@_jit
def newton_right_side(
    start: Ints,
    node: Nodes,
    h: Floats,
    q: Floats,
    h0: Floats,
    row: Floats,
    short: Floats,
    tx: Floats,
    ts: Floats,
    t0: Floats,
    known: Floats,
    out: Floats,
) -> None:
    """Add to ``out`` the right-hand side in y of the Newton system; ``known[v]`` is kept for :func:`newton_back`."""
    for v in range(len(start) - 1):
        total = h0[v] * t0[v]
        for e in range(start[v], start[v + 1]):
            total += h[e] * (tx[e] - ts[e])
        known[v] = total
        f = (short[v] - total) / row[v]
        for e in range(start[v], start[v + 1]):
            out[node[e]] += q[e] * (f + tx[e] - ts[e]) + ts[e]


@_jit
def newton_back(
    start: Ints,
    node: Nodes,
    zx: Floats,
    bs: Floats,
    zx0: Floats,
    h: Floats,
    q: Floats,
    h0: Floats,
    row: Floats,
    short: Floats,
    tx: Floats,
    ts: Floats,
    t0: Floats,
    known: Floats,
    dy: Floats,
    da: Floats,
    dx: Floats,
    dz: Floats,
    ds: Floats,
    db: Floats,
    dx0: Floats,
    dz0: Floats,
) -> None:
    """From the step in y, the steps in all other variables."""
    for v in range(len(start) - 1):
        total = short[v] - known[v]
        for e in range(start[v], start[v + 1]):
            total -= q[e] * dy[node[e]]
        total /= row[v]
        da[v] = total
        dx0[v] = h0[v] * (total + t0[v])
        dz0[v] = t0[v] - zx0[v] * dx0[v]
        for e in range(start[v], start[v + 1]):
            step = dy[node[e]]
            push = total + tx[e] - ts[e]
            dxe = h[e] * push + q[e] * step
            # Not dy - dx: near the end s is tiny, b/s huge, and the rounding of that difference would spoil db.
            dse = h[e] * (zx[e] * step - push)
            dx[e] = dxe
            ds[e] = dse
            dz[e] = tx[e] - zx[e] * dxe
            db[e] = ts[e] - bs[e] * dse


@_jit
def ratios(a: Floats, b: Floats, out: Floats) -> None:
    """``out = a / b`` where b > 0, else 0."""
    for e in range(len(a)):
        out[e] = a[e] / b[e] if b[e] > 0.0 else 0.0


@_jit
def central_targets(target: float, x: Floats, dx: Floats, dz: Floats, out: Floats) -> None:
    """Mehrotra's second-order target (target - dx dz) / x; 0 where the pair does not exist (x = 0)."""
    for e in range(len(x)):
        out[e] = (target - dx[e] * dz[e]) / x[e] if x[e] > 0.0 else 0.0


@_jit
def centrality_targets(
    target: float,
    low: float,
    high: float,
    primal: float,
    dual: float,
    x: Floats,
    z: Floats,
    dx: Floats,
    dz: Floats,
    out: Floats,
) -> None:
    """Gondzio's correction: push the products after the step back into [low, high] times the target."""
    for e in range(len(x)):
        out[e] = 0.0
        if x[e] > 0.0:
            product = (x[e] + primal * dx[e]) * (z[e] + dual * dz[e])
            if product < low * target:
                out[e] = (low * target - product) / x[e]
            elif product > high * target:
                out[e] = max(high * target - product, -high * target) / x[e]


@_jit_max
def step_lengths(x: Floats, dx: Floats, cx: Floats, out: Floats) -> None:
    """Raise ``out[j]`` to the largest -(dx + w_j cx)/x for w = 1/3, 2/3, 1: its inverse is the step to the boundary."""
    p1, p2, p3 = out[0], out[1], out[2]
    for e in range(len(x)):
        inverse = -1.0 / x[e] if x[e] > 0.0 else 0.0
        c = cx[e] * inverse * (1.0 / 3.0)
        r1 = dx[e] * inverse + c
        r2 = r1 + c
        r3 = r2 + c
        p1, p2, p3 = max(p1, r1), max(p2, r2), max(p3, r3)
    out[0], out[1], out[2] = p1, p2, p3


@_jit
def complementarity(x: Floats, z: Floats, dx: Floats, dz: Floats, primal: float, dual: float) -> float:
    """Sum of the products of complementary pairs after a step."""
    total = 0.0
    for e in range(len(x)):
        total += (x[e] + primal * dx[e]) * (z[e] + dual * dz[e])
    return total


@_jit
def restore_dual(start: Ints, cost: Floats, price: Floats, z: Floats, b: Floats) -> None:
    """Undo the drift in z = cost - price + b, on the larger of z and b, where it is harmless."""
    for v in range(len(start) - 1):
        for e in range(start[v], start[v + 1]):
            drift = (cost[e] - price[v] + b[e]) - z[e]
            if z[e] > b[e]:
                if z[e] + drift > 0.5 * z[e]:
                    z[e] += drift
            elif b[e] - drift > 0.5 * b[e]:
                b[e] -= drift


@_jit
def move(x: Floats, dx: Floats, length: float) -> None:
    """``x += length * dx`` in place, without a temporary array."""
    for e in range(len(x)):
        x[e] += length * dx[e]
