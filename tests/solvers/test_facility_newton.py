"""Newton's system of the facility LP: against the whole system solved by numpy, and the steps it allows."""

import numpy as np
import pytest

from fairclust.solvers.facility_newton import WEIGHTS, Newton
from fairclust.solvers.facility_program import Program


def at_random(seed, outside=False, warm=False):
    """A program over nine demands and six facilities, and an iterate of it."""
    rng = np.random.default_rng(seed)
    sees = rng.uniform(size=(9, 6)) < 0.6
    sees[np.arange(9), np.arange(9) % 6] = True
    demand, node = np.nonzero(sees)
    cost = rng.exponential(size=len(node))
    program = Program(
        np.searchsorted(demand, np.arange(10)).astype(np.int64),
        node.astype(np.int32),
        cost,
        np.lexsort((node, cost, demand)).astype(np.int64),
        np.where(np.arange(9) % 2 == 0, 3.0, np.inf) if outside else np.full(9, np.inf),
        6,
        2,
    )
    y, price = (rng.dirichlet(np.ones(6)) * 2 + 0.01, rng.exponential(size=9)) if warm else (None, None)
    return program, demand, Newton(program, y, price)


@pytest.mark.parametrize("outside", [False, True])
@pytest.mark.parametrize("warm", [False, True])
def test_the_first_place_is_inside_all_bounds(outside, warm):
    program, demand, newton = at_random(3, outside, warm)
    for inside in (newton.x, newton.s, newton.z, newton.b, newton.y):
        assert (inside > 0.0).all()
    np.testing.assert_allclose(newton.s, newton.y[program.node] - newton.x)
    np.testing.assert_allclose(newton.z, program.cost - newton.price[demand] + newton.b)
    assert ((newton.z0 > 0.0) == newton.has_outside).all()
    np.testing.assert_allclose(newton.z0[newton.has_outside], (program.outside - newton.price)[newton.has_outside])


@pytest.mark.parametrize("outside", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_direction_solves_every_equation_of_newtons_system(outside, seed):
    program, demand, newton = at_random(seed, outside)
    rng = np.random.default_rng(seed)
    newton.tx[:], newton.ts[:] = rng.normal(size=(2, len(demand)))
    newton.t0[:] = np.where(newton.has_outside, rng.normal(size=9), 0.0)
    short, missing = rng.normal(size=9), 0.7
    excess = rng.normal(size=6)
    assert newton.factorise()
    d = newton.step
    newton.direction(d, short, missing, excess)
    np.testing.assert_allclose(np.bincount(demand, d.x, 9) + d.x0, short, atol=1e-9)
    np.testing.assert_allclose(d.y.sum(), missing, atol=1e-9)
    np.testing.assert_allclose(d.s, d.y[program.node] - d.x, atol=1e-9)
    np.testing.assert_allclose(d.z, d.b - d.price[demand], atol=1e-9)
    np.testing.assert_allclose(np.bincount(program.node, d.b, 6) - d.mu, -excess, atol=1e-9)
    np.testing.assert_allclose(newton.x * d.z + newton.z * d.x, newton.x * newton.tx, atol=1e-9)
    np.testing.assert_allclose(newton.s * d.b + newton.b * d.s, newton.s * newton.ts, atol=1e-9)
    np.testing.assert_allclose(newton.x0 * d.z0 + newton.z0 * d.x0, newton.x0 * newton.t0, atol=1e-9)


def test_lengths_are_the_farthest_that_stay_inside():
    _, _, newton = at_random(5)
    rng = np.random.default_rng(5)
    d, c = newton.step, newton.correction
    for direction in (d, c):
        for name in ("x", "s", "z", "b"):
            getattr(direction, name)[:] = rng.normal(size=len(newton.x)) * 3
    primal, dual = newton.lengths(d, c)
    for w, p, q in zip(WEIGHTS, primal, dual, strict=True):
        for names, length in ((("x", "s"), p), (("z", "b"), q)):
            ends = [getattr(newton, n) + length * (getattr(d, n) + w * getattr(c, n)) for n in names]
            assert 0.0 < length <= 1.0
            assert abs(min(float(end.min()) for end in ends)) < 1e-12 or length == 1.0


def test_a_move_keeps_the_prices_true():
    program, demand, newton = at_random(1)
    newton.tx[:], newton.ts[:], newton.t0[:] = -newton.z, -newton.b, 0.0
    newton.factorise()
    newton.direction(newton.step, np.zeros(9), 0.0, 0.0)
    before = newton.complementarity()
    primal, dual = (float(lengths[0]) for lengths in newton.lengths(newton.step, newton.step))
    newton.move(0.5 * primal, 0.5 * dual)
    np.testing.assert_allclose(newton.z, program.cost - newton.price[demand] + newton.b)
    assert (newton.x > 0).all()
    assert 0.0 < newton.complementarity() < before
