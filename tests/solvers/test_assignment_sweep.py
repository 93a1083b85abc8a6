"""The kernels: ties, chunks, weights, and the reading of cost matrices."""

import numpy as np
import pytest

from fairclust.solvers.assignment_sweep import CostBlocks, agree, classify, cut, patterns, send, spread

UNIT = np.empty(0)


def run_send(costs, codes, cells, n_cells, slopes, prices, weights=UNIT, chunk_rows=None):
    cost, mass = np.zeros(n_cells), np.zeros((n_cells, costs.shape[1]))
    for start, block in CostBlocks(costs, chunk_rows):
        send(block, start, codes, cells, weights, slopes, prices, cost, mass)
    return cost, mass


def test_every_point_goes_to_its_cheapest_center():
    rng = np.random.default_rng(0)
    costs, codes = rng.random((200, 4)), rng.integers(0, 3, 200).astype(np.int32)
    slopes, prices, weights = rng.random(3), 0.3 * rng.normal(size=(3, 4)), rng.random(200)
    cost, mass = run_send(costs, codes, codes, 3, slopes, prices, weights)
    best = (slopes[codes][:, None] * costs + prices[codes]).argmin(axis=1)
    np.testing.assert_allclose(cost, np.bincount(codes, weights * costs[np.arange(200), best]))
    expected = np.zeros((3, 4))
    np.add.at(expected, (codes, best), weights)
    np.testing.assert_allclose(mass, expected)
    for chunk_rows in (1, 7, 199):
        again = run_send(costs, codes, codes, 3, slopes, prices, weights, chunk_rows)
        assert again[0].tobytes() == cost.tobytes()
        assert again[1].tobytes() == mass.tobytes()


def test_ties_go_to_the_smaller_cost_then_the_smaller_index():
    codes = cells = np.zeros(1, dtype=np.int32)
    # Slope 0: all centers look alike, and the nearest one is taken.
    _, mass = run_send(np.array([[3.0, 1.0, 2.0]]), codes, cells, 1, np.zeros(1), np.zeros((1, 3)))
    assert mass.tolist() == [[0.0, 1.0, 0.0]]
    # Equal costs and prices: the first.
    _, mass = run_send(np.array([[2.0, 1.0, 1.0]]), codes, cells, 1, np.ones(1), np.zeros((1, 3)))
    assert mass.tolist() == [[0.0, 1.0, 0.0]]
    # A price makes up for a cost exactly: the smaller cost.
    _, mass = run_send(np.array([[2.0, 1.0, 5.0]]), codes, cells, 1, np.ones(1), np.array([[-1.0, 0.0, 0.0]]))
    assert mass.tolist() == [[0.0, 1.0, 0.0]]


def test_classify_and_cut():
    costs = np.array([[1.0, 4.0, 2.0], [5.0, 5.0, 9.0], [3.0, 0.0, 0.5]])
    codes = np.array([0, 0, 1], dtype=np.int32)
    nearest, margins, totals = np.empty(3, np.int32), np.empty(3), np.zeros((2, 2))
    assert classify(costs, 0, codes, UNIT, nearest, margins, totals) == -1
    assert nearest.tolist() == [0, 0, 1]
    assert margins.tolist() == [1.0, 0.0, 0.5]
    np.testing.assert_allclose(totals, [[6.0, 7 / 3 + 19 / 3], [0.0, 3.5 / 3]])
    cells = np.empty(3, np.int32)
    cut(codes, nearest, margins, np.full((2, 3, 1), 0.5), cells)
    # Pairs (0, 0), (0, 0), (1, 1), two bins each; a margin at the threshold stays below it.
    assert cells.tolist() == [1, 0, 8]
    alone = np.array([[2.0]])
    assert classify(alone, 0, codes[:1], UNIT, nearest[:1], margins[:1], totals) == -1
    assert margins[0] == 0.0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, -1e-300])
def test_classify_names_the_first_bad_row(bad):
    costs = np.ones((5, 2))
    costs[3, 1] = bad
    found = classify(costs, 0, np.zeros(5, np.int32), UNIT, np.empty(5, np.int32), np.empty(5), np.zeros((1, 2)))
    assert found == 3


def test_spread_sends_equal_parts():
    costs = np.array([[1.0, 3.0], [2.0, 4.0]])
    cost, mass = np.zeros(1), np.zeros((1, 2))
    spread(costs, 0, np.zeros(2, np.int32), np.array([2.0, 0.0]), cost, mass)
    assert cost.tolist() == [4.0]
    assert mass.tolist() == [[1.0, 1.0]]


def test_agree_finds_the_points_that_patterns_disagree_on():
    """One cell mixes two sweeps, whose prices differ by 1 on center 0, with the pattern of equal parts in another."""
    costs = np.array([[0.0, 5.0], [1.0, 1.5], [4.0, 0.0], [0.0, 5.0]])
    codes = np.zeros(4, np.int32)
    cells = np.array([0, 0, 0, 1], np.int32)
    first, sweeps = np.array([0, 2, 3]), np.array([0, 1, -1])
    slopes, prices = np.ones((2, 1)), np.array([[[0.0, 0.0]], [[1.0, 0.0]]])
    labels, cost, mass = np.empty(4, np.int32), np.zeros(1), np.zeros((1, 2))
    agree(costs, 0, codes, cells, UNIT, first, sweeps, slopes, prices, labels, cost, mass)
    assert labels.tolist() == [0, -1, 1, -1]
    assert cost.tolist() == [0.0]
    assert mass.tolist() == [[1.0, 1.0]]
    sent = np.full((2, 3), -2, np.int32)
    patterns(costs[[1, 3]], codes[:2], cells[[1, 3]], first, sweeps, slopes, prices, sent)
    assert sent.tolist() == [[0, 1, -2], [-1, -2, -2]]
    # A point without weight is not worth a split.
    weights = np.array([1.0, 0.0, 1.0, 0.0])
    agree(costs, 0, codes, cells, weights, first, sweeps, slopes, prices, labels, cost, mass)
    assert labels.tolist() == [0, 0, 1, 0]


def test_blocks_of_any_matrix_are_contiguous_floats():
    whole = np.arange(12.0).reshape(4, 3)
    ((start, block),) = CostBlocks(whole)
    assert start == 0
    assert np.shares_memory(block, whole)
    pieces = list(CostBlocks(whole.astype(np.int32), 3))
    assert [start for start, _ in pieces] == [0, 3]
    assert all(piece.dtype == np.float64 and piece.flags.c_contiguous for _, piece in pieces)
    np.testing.assert_array_equal(CostBlocks(np.asfortranarray(whole)).take(np.array([1, 3])), whole[[1, 3]])
    assert CostBlocks(whole.astype(np.float32)).take(np.array([], dtype=np.intp)).shape == (0, 3)


def test_take_reads_only_blocks_that_are_needed():
    class Slices:
        shape = (10, 2)
        asked: list = []  # noqa: RUF012

        def __getitem__(self, rows):
            self.asked.append((rows.start, rows.stop))
            return np.arange(20.0).reshape(10, 2)[rows]

    source = Slices()
    np.testing.assert_array_equal(CostBlocks(source, 3).take(np.array([4, 9])), [[8.0, 9.0], [18.0, 19.0]])
    assert source.asked == [(3, 6), (9, 10)]
