"""Zeroth-order search: standard functions, budgets, seeds to the last bit, and zoopt's traps."""

# ruff: noqa: NPY002 (numpy's global generator is what zoopt uses)

from __future__ import annotations

import threading

import numpy as np
import pytest
import zoopt
from zoopt.utils.tool_function import ToolFunction
from zoopt.utils.zoo_global import gl

from fairclust.solvers.zeroth_order import METHODS, minimize, smallest_budget


def sphere(x):
    return float(((x - 0.3) ** 2).sum())


def ellipsoid(x):
    return float((10.0 ** np.linspace(0, 6, len(x)) * (x - 0.2) ** 2).sum())


def rosenbrock(x):
    return float((100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum())


def record(function):
    asked = []

    def recording(x):
        asked.append(np.array(x))
        return function(x)

    return recording, asked


@pytest.mark.parametrize("method", METHODS)
def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(method):
    runs = []
    for seed in (0, 0, 1):
        function, asked = record(sphere)
        result = minimize(function, 12, method=method, budget=120, embedding_dim=8, random_state=seed)
        runs.append((np.array(asked).tobytes(), result.x.tobytes(), result.value))
    assert runs[0] == runs[1]
    assert runs[0][0] != runs[2][0]


@pytest.mark.parametrize("method", METHODS)
def test_what_is_reported_is_what_happened(method):
    function, asked = record(sphere)
    result = minimize(function, 5, method=method, budget=203, random_state=3)
    values = [sphere(x) for x in asked]
    assert len(asked) == result.n_evaluations == (200 if method == "racos" else 203)
    assert result.value == min(values)
    assert result.evaluation == int(np.argmin(values)) + 1
    np.testing.assert_array_equal(result.x, asked[result.evaluation - 1])
    assert result.status == "budget"
    assert result.x.shape == (5,)


@pytest.mark.parametrize("method", METHODS)
def test_a_target_ends_the_search_at_the_first_value_that_is_not_above_it(method):
    function, asked = record(sphere)
    result = minimize(function, 4, method=method, budget=1000, target=0.8, random_state=0)
    assert result.status == "target"
    assert result.value <= 0.8
    assert all(sphere(x) > 0.8 for x in asked[:-1])
    assert result.n_evaluations == result.evaluation == len(asked)


@pytest.mark.parametrize("budget", [20, 21, 50, 51, 99, 100, 101, 1000, 1001])
def test_racos_never_spends_more_than_its_budget(budget):
    result = minimize(sphere, 6, budget=budget, random_state=0)
    assert result.n_evaluations == budget - budget % 5


@pytest.mark.parametrize(("method", "factor"), [("racos", 1.05), ("cmaes", 1.5)])
def test_learning_beats_guessing(method, factor):
    values = {
        m: np.mean([minimize(sphere, 20, method=m, budget=500, random_state=s).value for s in range(8)])
        for m in (method, "random")
    }
    assert values[method] * factor < values["random"]


@pytest.mark.parametrize(
    ("function", "n", "budget", "tolerance"),
    [(sphere, 1, 400, 1e-10), (sphere, 10, 2500, 1e-10), (ellipsoid, 8, 6000, 1e-8), (rosenbrock, 6, 9000, 1e-8)],
)
def test_cmaes_solves_the_standard_functions(function, n, budget, tolerance):
    solved = [minimize(function, n, method="cmaes", budget=budget, random_state=s).value < tolerance for s in range(5)]
    # Rosenbrock's function has a second, local minimum from five dimensions on.
    assert sum(solved) >= 4


def test_cmaes_does_not_depend_on_the_axes_or_on_the_scale_of_the_values():
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(5, 5)))[0]
    straight = minimize(ellipsoid, 5, method="cmaes", budget=3000, random_state=0)
    rotated = minimize(lambda x: ellipsoid(rotation @ (x - 0.2) + 0.2), 5, method="cmaes", budget=3000, random_state=0)
    assert max(straight.value, rotated.value) < 1e-8
    # Only the order of the values counts.
    _, first = run = record(sphere)
    minimize(run[0], 4, method="cmaes", budget=200, random_state=1)
    other, second = record(lambda x: np.sqrt(sphere(x)) - 7)
    minimize(other, 4, method="cmaes", budget=200, random_state=1)
    np.testing.assert_array_equal(first, second)


def test_cmaes_says_when_it_has_converged():
    result = minimize(sphere, 2, method="cmaes", budget=100_000, random_state=0)
    assert result.status == "converged"
    assert result.n_evaluations < 5000
    assert result.value < 1e-20


def test_cmaes_steps_off_a_plateau():
    # Nothing to see within a radius of 12, which the first step of 0.5 cannot reach.
    result = minimize(lambda x: -float(np.linalg.norm(x) > 12), 3, method="cmaes", budget=400, random_state=0)
    assert result.value == -1.0
    flat = minimize(lambda x: 1.0, 3, method="cmaes", budget=5000, random_state=0)
    assert (flat.value, flat.evaluation, flat.n_evaluations) == (1.0, 1, 5000)


def test_random_points_are_standard_normal():
    function, asked = record(sphere)
    minimize(function, 4, method="random", budget=4000, random_state=0)
    sample = np.array(asked)
    np.testing.assert_allclose(sample.mean(axis=0), 0, atol=0.06)
    np.testing.assert_allclose(np.cov(sample.T), np.eye(4), atol=0.08)


def test_the_embedding_is_zoopts():
    # First round: x = A y with y uniform on the box, so a coordinate has variance 1/3; the whole space is reached.
    function, asked = record(lambda x: 0.0)
    minimize(function, 30, budget=60, embedding_dim=100, random_state=0)
    first = np.array(asked)[:6]
    assert first.shape == (6, 30)
    assert first.var() == pytest.approx(1 / 3, rel=0.5)
    # A round searches a subspace of 3 + 1 dimensions (the 1 is the previous round's point, 0 in the first).
    function, asked = record(sphere)
    minimize(function, 30, budget=100, embedding_dim=3, random_state=0)
    ranks = [np.linalg.matrix_rank(np.array(asked)[20 * t : 20 * (t + 1)], tol=1e-9) for t in range(5)]
    assert ranks[0] == 3
    assert max(ranks[1:]) == 4


class TestZooptsTraps:
    def test_it_is_silent_and_leaves_its_log_alone(self, capfd):
        log = ToolFunction.log
        minimize(sphere, 5, budget=50, random_state=0)
        out, err = capfd.readouterr()
        assert out == err == ""
        assert ToolFunction.log is log
        ToolFunction.log("still speaks")
        assert "still speaks" in capfd.readouterr().out

    def test_what_the_function_prints_is_printed(self, capsys):
        minimize(lambda x: print("seen") or 1.0, 5, budget=20, random_state=0)
        assert capsys.readouterr().out == "seen\n" * 20

    def test_the_global_generator_is_neither_used_up_nor_listened_to(self):
        np.random.seed(42)
        expected = np.random.random(21)
        drawn = []

        def function(x):
            drawn.append(np.random.random())
            return sphere(x)

        np.random.seed(42)
        first = minimize(function, 5, budget=20, random_state=0)
        np.testing.assert_array_equal([*drawn, np.random.random()], expected)
        np.random.seed(7)
        assert minimize(sphere, 5, budget=20, random_state=0).x.tobytes() == first.x.tobytes()

    def test_seed_zero_is_a_seed(self):
        values = {minimize(sphere, 5, budget=20, random_state=0).value for _ in range(3)}
        assert len(values) == 1

    def test_the_settings_a_dimension2_leaves_behind_do_not_matter(self):
        alone = minimize(sphere, 5, budget=50, random_state=0)
        try:
            zoopt.Dimension2([(zoopt.ValueType.CONTINUOUS, [-1, 1], 1)] * 2)
            left = list(gl.float_precisions)
            assert len(left) == 2
            assert minimize(sphere, 5, budget=50, random_state=0).x.tobytes() == alone.x.tobytes()
            assert gl.float_precisions == left
        finally:
            gl.float_precisions = []

    def test_everything_is_put_back_after_an_error(self):
        state, log = np.random.get_state(), ToolFunction.log

        def fails(x):
            raise RuntimeError("no such value")

        with pytest.raises(RuntimeError, match="no such value"):
            minimize(fails, 5, budget=50, random_state=0)
        assert ToolFunction.log is log
        after = np.random.get_state()
        assert after[2] == state[2]
        np.testing.assert_array_equal(after[1], state[1])

    def test_what_the_function_belongs_to_is_not_copied(self):
        class Heavy:
            copies = 0

            def __deepcopy__(self, memo):
                Heavy.copies += 1
                return self

            def value(self, x):
                return sphere(x)

        minimize(Heavy().value, 5, budget=20, random_state=0)
        assert Heavy.copies == 0

    def test_searches_in_threads_and_within_each_other(self):
        alone = [minimize(sphere, 5, budget=100, random_state=s).x.tobytes() for s in range(4)]
        together: dict[int, bytes] = {}

        def search(seed):
            together[seed] = minimize(sphere, 5, budget=100, random_state=seed).x.tobytes()

        threads = [threading.Thread(target=search, args=(s,)) for s in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [together[s] for s in range(4)] == alone

        def nested(x):
            assert minimize(sphere, 5, budget=100, random_state=2).x.tobytes() == alone[2]
            return sphere(x)

        assert (
            minimize(nested, 5, budget=20, random_state=0).x.tobytes()
            == minimize(sphere, 5, budget=20, random_state=0).x.tobytes()
        )


@pytest.mark.parametrize("method", METHODS)
def test_a_function_that_is_not_a_number(method):
    count = iter(range(100))
    with pytest.raises(ValueError, match="the function is NaN at evaluation 3"):
        minimize(lambda x: float("nan") if next(count) == 2 else 1.0, 4, method=method, budget=50, random_state=0)


@pytest.mark.parametrize("method", METHODS)
def test_infinite_values_are_the_worst(method):
    result = minimize(
        lambda x: sphere(x) if x[0] > 0 else np.inf, 3, method=method, budget=60, random_state=1
    )  # fmt: skip
    assert np.isfinite(result.value)
    assert minimize(lambda x: np.inf, 3, method=method, budget=20, random_state=0).value == np.inf


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"method": "adam"}, ValueError, "method must be one of 'racos', 'cmaes', 'random', got 'adam'"),
        ({"budget": 19}, ValueError, "method 'racos' needs a budget of at least 20, got 19"),
        ({"budget": 79, "n_embeddings": 20}, ValueError, "at least 240"),
        ({"budget": 0}, ValueError, "budget must be at least 1"),
        ({"budget": 1e3}, TypeError, "budget must be an integer"),
        ({"embedding_dim": 0}, ValueError, "embedding_dim must be at least 1"),
        ({"n_embeddings": 0}, ValueError, "n_embeddings must be at least 1"),
        ({"n_dimensions": 0}, ValueError, "n_dimensions must be at least 1"),
        ({"random_state": "x"}, TypeError, "random_state must be"),
    ],
)
def test_bad_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        minimize(sphere, arguments.pop("n_dimensions", 3), **arguments)


def test_smallest_budgets():
    assert [smallest_budget("racos", n_embeddings=t) for t in (1, 5, 12, 13, 17, 100)] == [4, 20, 48, 78, 204, 2200]
    assert smallest_budget("cmaes") == smallest_budget("random") == 1
    for method in METHODS:
        assert minimize(sphere, 3, method=method, budget=smallest_budget(method), random_state=0).value < np.inf
