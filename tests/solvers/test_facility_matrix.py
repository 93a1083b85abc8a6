"""The blockwise matrix against dense linear algebra, whatever the layout."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairclust.solvers import facility_matrix
from fairclust.solvers.facility_matrix import assemble, plan_layout


def balls_on_a_line(n, m, reach, rng):
    """Each demand sees the facilities within reach of it."""
    at, places = rng.random(n), np.sort(rng.random(m))
    away = np.abs(at[:, None] - places)
    mask = away <= np.maximum(reach, away.min(axis=1))[:, None]
    demand, node = np.nonzero(mask)
    start = np.searchsorted(demand, np.arange(n + 1)).astype(np.int64)
    nearest = np.lexsort((node, away[demand, node], demand)).astype(np.int64)
    return start, demand, node.astype(np.int32), nearest


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 90),
    m=st.integers(1, 30),
    reach=st.floats(0.0, 1.0),
    cheap=st.sampled_from([0.0, 3.0, 1e9]),
)
def test_equals_dense_algebra(seed, n, m, reach, cheap):
    rng = np.random.default_rng(seed)
    start, demand, node, nearest = balls_on_a_line(n, m, reach, rng)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(facility_matrix, "BLOCK_SIZES", (1, 5, 32))
        layout = plan_layout(start, node, nearest, m)
    # None, some or all of the blocks as matrix products.
    layout.dense[:] = {0.0: False, 3.0: rng.random(len(layout.dense)) < 0.5, 1e9: True}[cheap]
    np.testing.assert_array_equal(np.sort(layout.order), np.arange(n))
    assert layout.cut[0] == 0
    assert layout.cut[-1] == n
    assert (np.diff(layout.cut) > 0).all()
    q, row, diagonal = rng.uniform(0.1, 2.0, len(node)), rng.uniform(0.5, 2.0, n), rng.random(m)
    matrix = np.zeros((m, m))
    assemble(start, node, q, row, diagonal, layout, matrix)
    dense = np.zeros((n, m))
    dense[demand, node] = q
    expected = np.tril(np.diag(diagonal) + dense.T @ (dense / row[:, None]))
    np.testing.assert_allclose(matrix, expected, rtol=1e-12, atol=1e-12)


def test_blocks_are_neighbourhoods():
    # 2,000 points on a line, each seeing a twentieth of it: shuffled, yet a block's demands see little more than that.
    rng = np.random.default_rng(0)
    start, _, node, nearest = balls_on_a_line(2000, 400, 0.025, rng)
    layout = plan_layout(start, node, nearest, 400)
    assert layout.dense.mean() > 0.9
    seen = [
        len(np.unique(np.concatenate([node[start[v] : start[v + 1]] for v in layout.order[a:b]])))
        for a, b in zip(layout.cut[:-1], layout.cut[1:], strict=True)
    ]
    assert np.mean(seen) < 0.15 * 400


def test_scattered_demands_are_added_one_by_one():
    # Each demand sees the first facility, and four of 3,000 at random: a block would be almost all zeros.
    rng = np.random.default_rng(1)
    others = np.sort([1 + rng.choice(2999, 4, replace=False) for _ in range(40)], axis=1)
    node = np.column_stack([np.zeros(40, dtype=np.int64), others]).reshape(-1).astype(np.int32)
    layout = plan_layout(np.arange(0, 201, 5, dtype=np.int64), node, np.arange(200, dtype=np.int64), 3000)
    assert len(layout.dense) < 40
    assert not layout.dense.any()
