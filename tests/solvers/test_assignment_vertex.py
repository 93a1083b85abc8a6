"""Peeling and polishing: masses kept, cost not raised, few points left split."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairclust.solvers.assignment_problems import rawlsian_terms, utilitarian_terms
from fairclust.solvers.assignment_sweep import CostBlocks
from fairclust.solvers.assignment_vertex import Mixture, recover


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), weighted=st.booleans())
def test_recovering_a_mixture_never_raises_the_objective(seed, weighted):
    rng = np.random.default_rng(seed)
    n, k, n_cells, n_sweeps = int(rng.integers(2, 120)), int(rng.integers(1, 6)), int(rng.integers(1, 6)), 4
    cells = rng.integers(0, n_cells, n).astype(np.int32)
    cell_classes = rng.integers(0, 2, n_cells)
    cell_classes[0] = 1 - cell_classes[-1] if n_cells > 1 else 0
    codes = cell_classes[cells].astype(np.int32)
    if len(np.unique(codes)) < 2:
        codes[:] = 0
    n_classes = int(codes.max()) + 1
    costs = rng.integers(0, 4, (n, k)).astype(float) if seed % 2 else rng.random((n, k))
    weights = rng.exponential(size=n) if weighted else np.empty(0)
    mass = weights if weighted else np.ones(n)
    slopes, prices = rng.random((n_sweeps, n_classes)), rng.normal(size=(n_sweeps, n_classes, k))
    # Each cell mixes up to three sweeps and, in places, the pattern of equal parts.
    first, sweeps, shares = [0], [], []
    for _ in range(n_cells):
        chosen = rng.choice(np.arange(-1, n_sweeps), int(rng.integers(1, 4)), replace=False)
        sweeps += chosen.tolist()
        shares += np.sort(rng.dirichlet(np.ones(len(chosen))))[::-1].tolist()
        first.append(len(sweeps))
    mixture = Mixture(np.array(first), np.array(sweeps), np.array(shares), slopes, prices)

    x = np.zeros((n, k))
    for j in range(n):
        for column in range(first[cells[j]], first[cells[j] + 1]):
            s = sweeps[column]
            if s < 0:
                x[j] += shares[column] / k
            else:
                at_prices = slopes[s, codes[j]] * costs[j] + prices[s, codes[j]]
                x[j, at_prices.argmin()] += shares[column]
    before = (
        np.bincount(codes, mass * (x * costs).sum(axis=1), minlength=n_classes),
        np.array([(mass * (codes == t)) @ x for t in range(n_classes)]),
    )
    make = rawlsian_terms if seed % 3 else utilitarian_terms
    terms = make(codes, distance_weight=0.3, weights=weights if weighted else None)
    primal = recover(CostBlocks(costs), codes, cells, weights, terms, mixture, (1.0, 1.0))
    after = terms.value(primal.class_costs, primal.masses)
    assert after <= terms.value(*before) + 1e-9
    assert len(primal.split) <= n_classes * (2 * k + 1) + 1
    np.testing.assert_allclose(primal.masses.sum(axis=1), before[1].sum(axis=1))
    whole = np.delete(np.arange(n), primal.split)
    assert (primal.labels[whole] >= 0).all()


def test_peeling_keeps_masses_and_takes_the_cheapest_points():
    """Ten points, 30 % of each at center 1: the three for which that is cheapest go there, and none is split."""
    n = 10
    costs = np.c_[np.zeros(n), np.arange(n)[::-1] / 10]
    codes, cells = np.zeros(n, np.int32), np.zeros(n, np.int32)
    slopes, prices = np.zeros((2, 1)), np.array([[[0.0, 1.0]], [[1.0, 0.0]]])
    mixture = Mixture(np.array([0, 2]), np.array([0, 1]), np.array([0.7, 0.3]), slopes, prices)
    terms = utilitarian_terms(codes, distance_weight=0.5)
    primal = recover(CostBlocks(costs), codes, cells, np.empty(0), terms, mixture, (1.0, 1.0))
    assert primal.labels.tolist() == [0] * 7 + [1] * 3
    assert len(primal.split) == 0
    np.testing.assert_allclose(primal.masses, [[7.0, 3.0]])
    assert primal.class_costs[0] == pytest.approx(0.3)


def test_peeling_equal_parts_over_three_centers():
    """Thirds of six points: the cost of their mixture is an upper bound, met center by center with whole points."""
    far = np.arange(1.0, 7.0)
    costs = np.c_[0.8 * far, far, far]
    codes = cells = np.zeros(6, np.int32)
    nothing = np.zeros((0, 1)), np.zeros((0, 1, 3))
    mixture = Mixture(np.array([0, 1]), np.array([-1]), np.array([1.0]), *nothing)
    terms = utilitarian_terms(codes, distance_weight=0.5)
    primal = recover(CostBlocks(costs), codes, cells, np.empty(0), terms, mixture, (1.0, 1.0))
    np.testing.assert_allclose(primal.masses, [[2.0, 2.0, 2.0]])
    # Center 0 saves a fifth of the distance, so the two farthest points go there.
    assert primal.labels.tolist()[-2:] == [0, 0]
    assert primal.class_costs[0] == pytest.approx(21 - 0.2 * 11)
    assert primal.class_costs[0] < costs.mean(axis=1).sum()
