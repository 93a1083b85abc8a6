"""Newton's system of the facility LP: against the whole system solved by numpy, and the steps it allows."""

import numpy as np
import pytest

from fairclust.solvers.facility_newton import SPREAD, WEIGHTS, Direction, Newton
from fairclust.solvers.facility_program import Program

N, M, K = 9, 6, 2


def at_random(seed, outside=False, warm=False):
    """A program over nine demands and six facilities, its demand of each edge, and an iterate of it."""
    rng = np.random.default_rng(seed)
    sees = rng.uniform(size=(N, M)) < 0.6
    sees[np.arange(N), np.arange(N) % M] = True
    demand, node = np.nonzero(sees)
    cost = rng.exponential(size=len(node))
    program = Program(
        np.searchsorted(demand, np.arange(N + 1)).astype(np.int64),
        node.astype(np.int32),
        cost,
        np.lexsort((node, cost, demand)).astype(np.int64),
        np.where(np.arange(N) % 2 == 0, 3.0, np.inf) if outside else np.full(N, np.inf),
        M,
        K,
    )
    y, price = (rng.dirichlet(np.ones(M)) * K + 0.01, rng.exponential(size=N)) if warm else (None, None)
    return program, demand, Newton(program, y, price)


def scattered(newton, seed):
    """Another iterate, far from the first place: every variable drawn by itself, over four orders of magnitude."""
    rng = np.random.default_rng(seed)
    for name in ("x", "s", "z", "b"):
        getattr(newton, name)[:] = 10.0 ** rng.uniform(-2.0, 2.0, len(newton.x))
    for name in ("x0", "z0"):
        getattr(newton, name)[:] = np.where(newton.has_outside, 10.0 ** rng.uniform(-2.0, 2.0, N), 0.0)
    return newton


def whole_system(newton, demand, short, missing, excess):
    """All of Newton's equations as one dense system, in the order of the docstring; returns its solution by name."""
    program, edges = newton.program, len(newton.x)
    out = np.flatnonzero(newton.has_outside)
    sizes = {"x": edges, "z": edges, "s": edges, "b": edges, "x0": len(out), "z0": len(out)}
    sizes |= {"price": N, "y": M, "mu": 1}
    ends = np.cumsum([0, *sizes.values()])
    at = {name: np.arange(first, last) for name, first, last in zip(sizes, ends[:-1], ends[1:], strict=True)}
    rows, right = [], []

    def equation(value, *terms):
        row = np.zeros(ends[-1])
        for columns, factors in terms:
            np.add.at(row, columns, factors)
        rows.append(row)
        right.append(value)

    for v in range(N):  # each demand is served once
        equation(short[v], (at["x"][demand == v], 1.0), (at["x0"][out == v], 1.0))
    equation(missing, (at["y"], 1.0))
    for u in range(M):  # what the edges of a facility pay is the price of its place among the k
        equation(-excess[u], (at["b"][program.node == u], 1.0), (at["mu"], -1.0))
    for e in range(edges):
        v, u = demand[e], program.node[e]
        equation(0.0, (at["s"][e], 1.0), (at["x"][e], 1.0), (at["y"][u], -1.0))
        equation(0.0, (at["z"][e], 1.0), (at["b"][e], -1.0), (at["price"][v], 1.0))
        equation(newton.x[e] * newton.tx[e], (at["z"][e], newton.x[e]), (at["x"][e], newton.z[e]))
        equation(newton.s[e] * newton.ts[e], (at["b"][e], newton.s[e]), (at["s"][e], newton.b[e]))
    for i, v in enumerate(out):
        equation(newton.x0[v] * newton.t0[v], (at["z0"][i], newton.x0[v]), (at["x0"][i], newton.z0[v]))
        equation(0.0, (at["z0"][i], 1.0), (at["price"][v], 1.0))
    solution = np.linalg.solve(np.array(rows), np.array(right))
    found = {name: solution[columns] for name, columns in at.items()}
    for name in ("x0", "z0"):
        spread = np.zeros(N)
        spread[out] = found[name]
        found[name] = spread
    return found


def targets(newton, seed):
    """Random targets and residuals."""
    rng = np.random.default_rng(seed)
    newton.tx[:], newton.ts[:] = rng.normal(size=(2, len(newton.x)))
    newton.t0[:] = np.where(newton.has_outside, rng.normal(size=N), 0.0)
    return rng.normal(size=N), 0.7, rng.normal(size=M)


@pytest.mark.parametrize("outside", [False, True])
@pytest.mark.parametrize("warm", [False, True])
def test_the_first_place_is_inside_all_bounds(outside, warm):
    program, demand, newton = at_random(3, outside, warm)
    for inside in (newton.x, newton.s, newton.z, newton.b, newton.y):
        assert (inside > 0.0).all()
    np.testing.assert_allclose(newton.s, newton.y[program.node] - newton.x)
    np.testing.assert_allclose(newton.z, program.cost - newton.price[demand] + newton.b)
    assert ((newton.z0 > 0.0) == newton.has_outside).all()
    assert ((newton.x0 > 0.0) == newton.has_outside).all()
    np.testing.assert_allclose(newton.z0[newton.has_outside], (program.outside - newton.price)[newton.has_outside])
    np.testing.assert_allclose(newton.mu, np.bincount(program.node, newton.b, M).mean())
    assert newton.n_pairs == 2 * len(demand) + (5 if outside else 0)
    if not warm:
        np.testing.assert_allclose(newton.y, SPREAD * K / M)


def test_given_openings_are_not_changed_and_prices_stay_below_the_outside_option():
    program, _, _ = at_random(4, outside=True)
    y, price = np.full(M, K / M), np.full(N, 50.0)  # far above the outside option of 3
    newton = Newton(program, y, price)
    newton.y += 1.0
    assert (y == K / M).all()
    assert (newton.price[newton.has_outside] < 3.0).all()
    assert (newton.price[~newton.has_outside] == 50.0).all()
    assert (newton.z > 0.0).all()
    # Even where the outside option is free.
    program.outside[::2] = 0.0
    free = Newton(program, y, price)
    assert (free.z0[free.has_outside] > 0.0).all()


@pytest.mark.parametrize("refine", [False, True])
@pytest.mark.parametrize("outside", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_direction_solves_the_whole_system(outside, refine, seed):
    _, demand, newton = at_random(seed, outside)
    scattered(newton, 100 + seed)
    short, missing, excess = targets(newton, seed)
    newton.refine = refine
    assert newton.factorise()
    newton.direction(newton.step, short, missing, excess)
    expected = whole_system(newton, demand, short, missing, excess)
    for name, value in expected.items():
        scale = max(1.0, abs(value).max(initial=0.0))
        np.testing.assert_allclose(getattr(newton.step, name), value if name != "mu" else value[0], atol=1e-7 * scale)


@pytest.mark.parametrize("outside", [False, True])
def test_refining_makes_up_for_a_factor_that_is_a_little_wrong(outside):
    _, demand, newton = at_random(1, outside)
    short, missing, excess = targets(newton, 1)
    assert newton.factorise()
    expected = whole_system(newton, demand, short, missing, excess)
    # As if rounding had spoiled the fourth digit of the factor.
    entries = newton.factor.entries
    entries *= 1.0 + 1e-4 * np.random.default_rng(0).normal(size=entries.shape)
    newton.ones = newton.back_substitute(np.ones(M))
    errors = []
    for newton.refine in (False, True):
        newton.direction(newton.step, short, missing, excess)
        errors.append(max(abs(getattr(newton.step, name) - expected[name]).max() for name in ("x", "b", "y", "price")))
        np.testing.assert_allclose(newton.step.y.sum(), missing, atol=1e-9)
    assert errors[0] > 1e-6
    assert errors[1] < 1e-2 * errors[0]


@pytest.mark.parametrize("outside", [False, True])
def test_the_factor_is_that_of_the_matrix_over_the_facilities(outside):
    program, demand, newton = at_random(2, outside)
    scattered(newton, 7)
    assert newton.factorise()
    upper, lower = newton.b / newton.s, newton.z / newton.x
    h = 1.0 / (upper + lower)
    whole = np.bincount(demand, h, N) + np.divide(newton.x0, newton.z0, out=np.zeros(N), where=newton.z0 > 0)
    q = np.zeros((N, M))
    q[demand, program.node] = h * upper
    matrix = np.diag(np.bincount(program.node, h * upper * lower, M)) + q.T @ (q / whole[:, None])
    right = np.arange(1.0, M + 1.0)
    np.testing.assert_allclose(newton.back_substitute(right), np.linalg.solve(matrix, right), rtol=1e-9)
    np.testing.assert_allclose(newton.ones, np.linalg.solve(matrix, np.ones(M)), rtol=1e-9)


def one_demand():
    """One demand that sees three facilities: the matrix over the facilities is a diagonal plus one product."""
    start, node = np.array([0, 3], dtype=np.int64), np.arange(3, dtype=np.int32)
    cost = np.array([1.0, 2.0, 3.0])
    return Newton(Program(start, node, cost, np.arange(3, dtype=np.int64), np.array([np.inf]), 3, 1))


def test_a_matrix_that_is_singular_to_working_precision_is_factorised_all_the_same():
    # Prices z of 1e-200: the diagonal vanishes beside the rank one part, and y is not unique.
    newton = one_demand()
    newton.z[:] = 1e-200
    assert newton.factorise()
    assert np.isfinite(newton.ones).all()
    # What the demand needs is still given to it, however it is spread.
    newton.tx[:], newton.ts[:] = 0.0, 0.0
    newton.direction(newton.step, np.array([0.25]), 0.0, np.zeros(3))
    np.testing.assert_allclose(newton.step.x.sum(), 0.25, rtol=1e-6)


def test_a_matrix_that_cannot_be_factorised_is_said():
    # Outside its bounds there is nothing positive definite to factorise.
    newton = one_demand()
    newton.z[:] = -0.999 * newton.x * newton.b / newton.s
    assert not newton.factorise()


@pytest.mark.parametrize("outside", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_lengths_are_the_farthest_that_stay_inside(outside, seed):
    _, _, newton = at_random(seed, outside)
    rng = np.random.default_rng(seed)
    d, c = newton.step, newton.correction
    for direction in (d, c):
        for name in ("x", "s", "z", "b", "x0", "z0"):
            values = getattr(direction, name)
            values[:] = rng.normal(size=len(values)) * 3
        for name in ("x0", "z0"):
            getattr(direction, name)[~newton.has_outside] = 0.0
    primal, dual = newton.lengths(d, c)
    short = 0
    for w, p, q in zip(WEIGHTS, primal, dual, strict=True):
        for names, length in ((("x", "s", "x0"), p), (("z", "b", "z0"), q)):
            ends = [getattr(newton, n) + length * (getattr(d, n) + w * getattr(c, n)) for n in names]
            least = min(float(end.min()) for end in ends)
            assert 0.0 < length <= 1.0
            assert least >= -1e-12
            if length < 1.0:
                present = [end[getattr(newton, n) > 0.0] for n, end in zip(names, ends, strict=True)]
                assert min(float(end.min(initial=np.inf)) for end in present) < 1e-12
                short += 1
    assert short > 0


def test_lengths_are_never_more_than_one():
    _, _, newton = at_random(5, outside=True)
    primal, dual = newton.lengths(newton.step, newton.correction)  # nothing moves
    assert primal.tolist() == dual.tolist() == [1.0] * 3


@pytest.mark.parametrize("outside", [False, True])
def test_a_step_takes_its_share_off_every_residual(outside):
    """Newton's equations are linear but for the products: a step of length t leaves 1 - t of what was missing."""
    program, demand, newton = at_random(1, outside)

    def residuals():
        short = 1.0 - newton.x0 - np.bincount(demand, newton.x, N)
        excess = np.bincount(program.node, newton.b, M) - newton.mu
        return short, program.n_centers - newton.y.sum(), excess

    newton.tx[:], newton.ts[:], newton.t0[:] = -newton.z, -newton.b, -newton.z0
    short, missing, excess = residuals()
    assert min(abs(short).max(), abs(missing), abs(excess).max()) > 1e-3
    assert newton.factorise()
    newton.direction(newton.step, short, missing, excess)
    before = newton.complementarity()
    # Along d + 1 d the boundary comes twice as soon.
    primal, dual = (min(1.0, 2.0 * float(lengths[2])) for lengths in newton.lengths(newton.step, newton.step))
    primal, dual = 0.9 * primal, 0.9 * dual
    foreseen = newton.complementarity(primal, dual)
    newton.move(primal, dual)
    after = residuals()
    np.testing.assert_allclose(after[0], (1.0 - primal) * short, atol=1e-10)
    np.testing.assert_allclose(after[1], (1.0 - primal) * missing, atol=1e-10)
    np.testing.assert_allclose(after[2], (1.0 - dual) * excess, atol=1e-10)
    np.testing.assert_allclose(newton.s, newton.y[program.node] - newton.x, atol=1e-10)
    np.testing.assert_allclose(newton.z, program.cost - newton.price[demand] + newton.b, atol=1e-10)
    np.testing.assert_allclose(
        newton.z0[newton.has_outside], (program.outside - newton.price)[newton.has_outside], atol=1e-10
    )
    for inside in (newton.x, newton.s, newton.z, newton.b, newton.y):
        assert (inside > 0.0).all()
    newton.step = Direction(len(demand), N, M)  # nothing: the products as they are
    np.testing.assert_allclose(newton.complementarity(), foreseen, rtol=1e-9)
    assert 0.0 < newton.complementarity() < before


def test_complementarity_is_the_mean_product():
    _, _, newton = at_random(6, outside=True)
    total = newton.x @ newton.z + newton.s @ newton.b + newton.x0 @ newton.z0
    np.testing.assert_allclose(newton.complementarity(), total / newton.n_pairs)
    newton.step.x[:], newton.step.z[:] = 1.0, 2.0
    total += (newton.x + 0.5) @ (newton.z + 0.2) - newton.x @ newton.z
    np.testing.assert_allclose(newton.complementarity(0.5, 0.1), total / newton.n_pairs)


def test_directions_add_up():
    d, c = Direction(3, 2, 4), Direction(3, 2, 4)
    for name in ("x", "s", "x0", "y", "z", "b", "z0", "price"):
        getattr(d, name)[:] = 1.0
        getattr(c, name)[:] = 2.0
    d.mu, c.mu = 1.0, 2.0
    d.add(c, 0.5, 0.25)
    for name in ("x", "s", "x0", "y"):
        assert (getattr(d, name) == 2.0).all()
    for name in ("z", "b", "z0", "price"):
        assert (getattr(d, name) == 1.5).all()
    assert d.mu == 1.5
