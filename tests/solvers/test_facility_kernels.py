"""The compiled passes against dense linear algebra."""

import numpy as np

from fairclust.solvers import facility_kernels as kernels
from fairclust.solvers.facility_matrix import assemble, plan_layout


def random_system(seed, n=6, m=5):
    rng = np.random.default_rng(seed)
    mask = rng.random((n, m)) < 0.6
    mask[:, 0] = True
    mask[0] = True
    demand, node = np.nonzero(mask)
    start = np.searchsorted(demand, np.arange(n + 1)).astype(np.int64)
    edge = {name: rng.uniform(0.5, 2.0, len(node)) for name in ("x", "z", "s", "b")}
    x0 = np.where(np.arange(n) % 2, rng.uniform(0.5, 2.0, n), 0.0)
    z0 = np.where(x0 > 0, rng.uniform(0.5, 2.0, n), 0.0)
    return start, demand, node.astype(np.int32), edge, x0, z0


def test_newton_step_solves_the_newton_equations():
    for seed in range(5):
        start, demand, node, edge, x0, z0 = random_system(seed)
        n, m, edges = len(start) - 1, 5, len(node)
        x, z, s, b = (edge[name] for name in ("x", "z", "s", "b"))
        rng = np.random.default_rng(100 + seed)
        short, excess = rng.normal(size=n), rng.normal(size=m)
        tx, ts = rng.normal(size=(2, edges))
        t0 = np.where(x0 > 0, rng.normal(size=n), 0.0)
        h, q = np.empty((2, edges))
        h0, row, known, zx0 = np.zeros((4, n))
        diagonal, matrix, right = np.empty(m), np.zeros((m, m)), excess.copy()
        kernels.factors(start, node, x, z, s, b, x0, z0, h, q, h0, row, diagonal)
        nearest = np.arange(edges, dtype=np.int64)  # only a hint to which demands go together
        assemble(start, node, q, row, diagonal, plan_layout(start, node, nearest, m), matrix)
        dense = np.zeros((n, m))
        dense[demand, node] = q
        np.testing.assert_allclose(
            np.tril(matrix), np.tril(np.diag(diagonal) + dense.T @ (dense / row[:, None])), atol=1e-12
        )
        full = np.tril(matrix) + np.tril(matrix, -1).T
        kernels.ratios(z0, x0, zx0)
        kernels.newton_right_side(start, node, h, q, h0, row, short, tx, ts, t0, known, right)
        dy = np.linalg.solve(full, right)
        da, dx0, dz0 = np.empty((3, n))
        dx, dz, ds, db = np.empty((4, edges))
        kernels.newton_back(
            start, node, z / x, b / s, zx0, h, q, h0, row, short, tx, ts, t0, known, dy, da, dx, dz, ds, db, dx0, dz0
        )
        # The equations of the method, one by one.
        np.testing.assert_allclose(np.bincount(demand, dx, n) + dx0, short, atol=1e-10)
        np.testing.assert_allclose(ds, dy[node] - dx, atol=1e-12)
        np.testing.assert_allclose(-da[demand] + db - dz, 0.0, atol=1e-10)
        np.testing.assert_allclose((dz0 + da)[x0 > 0], 0.0, atol=1e-10)
        np.testing.assert_allclose(-np.bincount(node, db, m), excess, atol=1e-10)
        np.testing.assert_allclose(z * dx + x * dz, tx * x, atol=1e-10)
        np.testing.assert_allclose(b * ds + s * db, ts * s, atol=1e-10)
        np.testing.assert_allclose(z0 * dx0 + x0 * dz0, t0 * x0, atol=1e-10)


def test_step_lengths_and_complementarity():
    rng = np.random.default_rng(0)
    x, z = rng.uniform(0.1, 1.0, (2, 50))
    dx, cx, dz = rng.normal(size=(3, 50))
    out = np.zeros(3)
    kernels.step_lengths(x, dx, cx, out)
    for weight, ratio in zip((1 / 3, 2 / 3, 1.0), out, strict=True):
        after = x + (dx + weight * cx) / ratio
        assert after.min() >= -1e-12
        assert abs(after.min()) < 1e-12
    expected = ((x + 0.3 * dx) * (z + 0.2 * dz)).sum()
    np.testing.assert_allclose(kernels.complementarity(x, z, dx, dz, 0.3, 0.2), expected)


def test_centrality_targets_only_touch_outliers():
    x, z = np.ones(4), np.array([0.01, 1.0, 50.0, 0.0])
    x[3] = 0.0  # a pair that does not exist
    out = np.empty(4)
    zero = np.zeros(4)
    kernels.centrality_targets(1.0, 0.1, 10.0, 1.0, 1.0, x, z, zero, zero, out)
    np.testing.assert_allclose(out, [0.09, 0.0, -10.0, 0.0])


def test_serve_takes_the_nearest_first():
    start, node = np.array([0, 3], dtype=np.int64), np.array([0, 1, 2], dtype=np.int32)
    cost, nearest = np.array([5.0, 1.0, 2.0]), np.array([1, 2, 0], dtype=np.int64)
    share = np.empty(1)
    y = np.array([0.75, 0.25, 0.5])
    assert kernels.serve(start, node, cost, nearest, np.array([np.inf]), y, share) == 0.0
    np.testing.assert_allclose(share, 0.25 * 1 + 0.5 * 2 + 0.25 * 5)
    kernels.serve(start, node, cost, nearest, np.array([1.5]), y, share)
    np.testing.assert_allclose(share, 0.25 * 1 + 0.75 * 1.5)
    worst = kernels.serve(start, node, cost, nearest, np.array([np.inf]), 0.5 * y, share)
    np.testing.assert_allclose([worst, share[0]], [0.25, 0.125 * 1 + 0.25 * 2 + 0.375 * 5 + 0.25 * 5])
