r"""Minimise a function that can only be evaluated: RACOS in random subspaces, CMA-ES, and plain random search.

Three methods under one roof, at one price: the number of evaluations. Points are searched for around the origin, on a
scale of one; a caller whose problem lives elsewhere maps its coordinates there.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fairclust._validation import as_generator, check_number

__all__ = ["METHODS", "ZerothOrderResult", "minimize", "smallest_budget"]

Floats = NDArray[np.float64]
Objective = Callable[[Floats], float]

#: The methods of :func:`minimize`.
METHODS = ("racos", "cmaes", "random")

#: zoopt draws from numpy's global generator and keeps settings in a global object: one search at a time.
_ZOOPT = threading.RLock()


@dataclass(frozen=True, eq=False)
class ZerothOrderResult:
    """What :func:`minimize` found.

    Attributes
    ----------
    x : ndarray of shape (N,)
        The best point that was evaluated; of several with the same value the first.
    value : float
        The function there.
    n_evaluations : int
        How often the function was called; never more than the budget.
    evaluation : int
        The number of the evaluation that found ``x``, counted from 1.
    status : str
        "target" if a value at or below it ended the search, "budget" if the evaluations were used up, "converged" if
        CMA-ES had contracted to a point before.
    """

    x: Floats
    value: float
    n_evaluations: int
    evaluation: int
    status: Literal["target", "budget", "converged"]


class _Done(Exception):
    """Raised inside the function to leave a search from within."""


class _Recorder:
    """Calls the function, counts, remembers the best, and ends the search."""

    def __init__(self, function: Objective, budget: int, target: float | None) -> None:
        self.function, self.budget, self.target = function, budget, target
        self.count = self.found_at = 0
        self.x: Floats | None = None
        self.value = np.inf
        self.reached = False

    def __call__(self, x: Floats) -> float:
        if self.count == self.budget:
            raise _Done
        self.count += 1
        value = float(self.function(x))
        if np.isnan(value):
            raise ValueError(
                f"the function is NaN at evaluation {self.count}; it must be a number wherever it is asked"
            )
        if self.x is None or value < self.value:
            self.x, self.value, self.found_at = x.copy(), value, self.count
        if self.target is not None and value <= self.target:
            self.reached = True
            raise _Done
        return value


def minimize(
    function: Objective,
    n_dimensions: int,
    *,
    method: Literal["racos", "cmaes", "random"] = "racos",
    budget: int = 1000,
    target: float | None = None,
    embedding_dim: int = 100,
    n_embeddings: int = 5,
    random_state: Any = None,
) -> ZerothOrderResult:
    r"""Look for a small value of a function with a given number of evaluations.

    .. math:: \min_{x \in \mathbb{R}^N} f(x)

    - ``"racos"``: zoopt's sequential RACOS (which learns a box around good points by classification) on zoopt's
      sequential random embedding: in round t, of ``n_embeddings``, it searches over
      :math:`a \in [-1, 1]` and :math:`y \in [-1, 1]^{n'}` for :math:`x = a\, x_{t-1} + A_t y`, where the entries of
      :math:`A_t` are normal with variance :math:`1 / n'` and :math:`x_{t-1}` is what the previous round found
      (:math:`x_0 = 0`). A coordinate of x has standard deviation 0.58 in the first round, and nothing clips it.
    - ``"cmaes"``: the :math:`(\mu / \mu_w, \lambda)`-CMA-ES with its default parameters, from 0 with step 0.5.
    - ``"random"``: standard normal points, independent of each other; the control that the others must beat.

    Parameters
    ----------
    function : callable, array of shape (N,) -> float
        Deterministic. May be infinite, but not NaN.
    n_dimensions : int
        N >= 1.
    method : {"racos", "cmaes", "random"}, default="racos"
    budget : int, default=1000
        Evaluations. "racos" makes ``n_embeddings * (budget // n_embeddings)`` of them and takes the size of its
        populations from the total; it needs :func:`smallest_budget`.
    target : float, optional
        A value that is good enough: the search ends at the first evaluation that is not above it.
    embedding_dim, n_embeddings : int, default=100 and 5
        :math:`n'` and the number of rounds, for "racos" only. :math:`n' > N` is allowed, and enlarges the problem.
    random_state : None, int or numpy Generator
        Source of randomness; an int makes the search reproducible to the last bit.

    Returns
    -------
    ZerothOrderResult

    Raises
    ------
    ValueError
        If the function returns NaN, the method is unknown, or the budget is too small for it.
    TypeError
        If a number is not an integer.

    Notes
    -----
    Beside the evaluations: O(N n') each for "racos", O(N^2) for "cmaes" (and O(N^3) now and then), O(N) for "random".

    zoopt draws from numpy's global generator. Its state is put aside during the search, given back for each evaluation
    and afterwards, so that neither disturbs the other; searches in several threads wait for each other, but a thread
    that uses the global generator meanwhile would spoil the search's reproducibility. What zoopt prints is not printed.

    References
    ----------
    .. [1] Yu, Qian and Hu, *Derivative-free optimization via classification*, AAAI 2016 (RACOS).
    .. [2] Hu, Qian and Yu, *Sequential classification-based optimization for direct policy search*, AAAI 2017.
    .. [3] Qian, Hu and Yu, *Derivative-free optimization of high-dimensional non-convex functions by sequential random
       embeddings*, IJCAI 2016.
    .. [4] Hansen, *The CMA evolution strategy: a tutorial*, arXiv:1604.00772.

    Examples
    --------
    >>> result = minimize(lambda x: float(((x - 0.5) ** 2).sum()), 3, method="cmaes", budget=600, random_state=0)
    >>> result.x.round(3).tolist(), result.n_evaluations, result.status
    ([0.5, 0.5, 0.5], 600, 'budget')
    """
    n = check_number(n_dimensions, "n_dimensions", low=1, integer=True)
    budget = check_number(budget, "budget", low=1, integer=True)
    embedding_dim = check_number(embedding_dim, "embedding_dim", low=1, integer=True)
    n_embeddings = check_number(n_embeddings, "n_embeddings", low=1, integer=True)
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(map(repr, METHODS))}, got {method!r}")
    least = smallest_budget(method, n_embeddings=n_embeddings)
    if budget < least:
        raise ValueError(f"method {method!r} needs a budget of at least {least}, got {budget}")
    rng = as_generator(random_state)
    recorder = _Recorder(function, budget, target)
    converged = False
    with contextlib.suppress(_Done):
        if method == "racos":
            _racos(recorder, n, budget, embedding_dim, n_embeddings, rng)
        elif method == "cmaes":
            converged = _cmaes(recorder, n, rng)
        else:
            while True:
                recorder(rng.standard_normal(n))
    assert recorder.x is not None
    status: Literal["target", "budget", "converged"] = "converged" if converged else "budget"
    return ZerothOrderResult(
        recorder.x, recorder.value, recorder.count, recorder.found_at, "target" if recorder.reached else status
    )


def smallest_budget(method: str, *, n_embeddings: int = 5) -> int:
    """The smallest budget of :func:`minimize`: for "racos" what the first populations of all its rounds take.

    Examples
    --------
    >>> smallest_budget("racos"), smallest_budget("random")
    (20, 1)
    """
    if method != "racos":
        return 1
    # zoopt's populations: 4 for a total budget of up to 50, then 6, 12 and 22.
    return next(
        max(first, n_embeddings * size)
        for first, last, size in ((4, 50, 4), (51, 100, 6), (101, 1000, 12), (1001, np.inf, 22))
        if max(first, n_embeddings * size) <= last
    )


# ---------------------------------------------------------------------------------------------------------------------
# RACOS


def _racos(recorder: _Recorder, n: int, budget: int, low: int, n_embeddings: int, rng: np.random.Generator) -> None:
    import zoopt  # here, because it takes as long to import as all the rest of this package's solvers

    seed = rng.integers(0, 2**32, size=4, dtype=np.uint32)
    with _zoopt_alone(seed) as borrowed:
        # A plain function: zoopt deep-copies what it is given, and would copy an object with all the data in it.
        def evaluate(solution: Any) -> float:
            with borrowed():
                return recorder(np.array(solution.get_x(), dtype=np.float64))

        # Only the size of this box is used: the embedding searches another one, and never clips.
        box = zoopt.Dimension(n, [[-1, 1]] * n, [True] * n)
        parameter = zoopt.Parameter(
            budget=budget,
            high_dim_handling=True,
            reducedim=True,
            num_sre=n_embeddings,
            low_dimension=zoopt.Dimension(low, [[-1, 1]] * low, [True] * low),
            withdraw_alpha=zoopt.Dimension(1, [[-1, 1]], [True]),
            parallel=False,
        )
        zoopt.Opt.min(zoopt.Objective(evaluate, box), parameter)


@contextlib.contextmanager
def _zoopt_alone(seed: Any) -> Iterator[Callable[[], contextlib.AbstractContextManager[None]]]:
    """zoopt in a state of its own, silent and seeded; everything global is put back, whatever happens.

    Yields a context manager that gives the global generator back for as long as it is open.
    """
    from zoopt.utils.tool_function import ToolFunction
    from zoopt.utils.zoo_global import gl

    with _ZOOPT:
        theirs = np.random.get_state()  # noqa: NPY002 (it is this generator that zoopt uses)
        settings = gl.precision, gl.float_precisions
        log = ToolFunction.log
        # zoopt's own seed parameter takes 0 for "no seed". A Dimension2 made anywhere leaves its precisions behind,
        # and they would be used for this Dimension. Its printing goes through this one function.
        np.random.seed(seed)  # noqa: NPY002
        gl.precision, gl.float_precisions = 1e-17, []
        ToolFunction.log = staticmethod(_say_nothing)

        @contextlib.contextmanager
        def borrowed() -> Iterator[None]:
            nonlocal theirs
            ours = np.random.get_state()  # noqa: NPY002
            np.random.set_state(theirs)  # noqa: NPY002
            try:
                yield
            finally:
                theirs = np.random.get_state()  # noqa: NPY002
                np.random.set_state(ours)  # noqa: NPY002

        try:
            yield borrowed
        finally:
            np.random.set_state(theirs)  # noqa: NPY002
            gl.precision, gl.float_precisions = settings
            ToolFunction.log = staticmethod(log)


def _say_nothing(text: str) -> None:
    """Takes the place of zoopt's log."""


# ---------------------------------------------------------------------------------------------------------------------
# CMA-ES


def _cmaes(function: Objective, n: int, rng: np.random.Generator) -> bool:
    """Hansen's tutorial, with his names and default parameters. True if it contracted to a point; else never returns.

    Ties between values are broken by the order in which the points were drawn.
    """
    lam = 4 + int(3 * np.log(n))
    raw = np.log((lam + 1) / 2) - np.log(np.arange(1, lam + 1))
    mu = int((raw > 0).sum())
    mu_eff = raw[:mu].sum() ** 2 / (raw[:mu] ** 2).sum()
    c_c = (4 + mu_eff / n) / (n + 4 + 2 * mu_eff / n)
    c_s = (mu_eff + 2) / (n + mu_eff + 5)
    c_1 = 2 / ((n + 1.3) ** 2 + mu_eff)
    c_mu = min(1 - c_1, 2 * (mu_eff - 2 + 1 / mu_eff) / ((n + 2) ** 2 + mu_eff))
    damping = 1 + 2 * max(0.0, np.sqrt((mu_eff - 1) / (n + 1)) - 1) + c_s
    weights = raw[:mu] / raw[:mu].sum()
    chi_n = np.sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n**2))

    mean, sigma = np.zeros(n), 0.5
    path_c, path_s = np.zeros(n), np.zeros(n)
    covariance, axes, lengths = np.eye(n), np.eye(n), np.ones(n)
    generation, decomposed = 0, 0
    while True:
        generation += 1
        z = rng.standard_normal((lam, n))
        y = (z * lengths) @ axes.T
        values = np.array([function(mean + sigma * step) for step in y])
        best = np.argsort(values, kind="stable")[:mu]
        step = weights @ y[best]
        mean = mean + sigma * step
        path_s = (1 - c_s) * path_s + np.sqrt(c_s * (2 - c_s) * mu_eff) * (axes @ (weights @ z[best]))
        length = float(np.linalg.norm(path_s))
        stalled = length / np.sqrt(1 - (1 - c_s) ** (2 * generation)) >= (1.4 + 2 / (n + 1)) * chi_n
        path_c = (1 - c_c) * path_c + (0.0 if stalled else np.sqrt(c_c * (2 - c_c) * mu_eff)) * step
        keep = 1 - c_1 - c_mu + (c_1 * c_c * (2 - c_c) if stalled else 0.0)
        covariance = keep * covariance + c_1 * np.outer(path_c, path_c) + c_mu * (y[best].T * weights) @ y[best]
        sigma *= float(np.exp(min(1.0, (c_s / damping) * (length / chi_n - 1))))
        if values[best[0]] == values.max():
            # A plateau: step out, but only so far, or it would wander off for want of anything to hold it.
            sigma = max(sigma, min(sigma * float(np.exp(0.2 + c_s / damping)), 10.0))
        if generation - decomposed > 1 / (10 * n * (c_1 + c_mu)):
            decomposed = generation
            squared, axes = np.linalg.eigh((covariance + covariance.T) / 2)
            lengths = np.sqrt(np.maximum(squared, 1e-300))
        if sigma * lengths.max() < 1e-14 or lengths.max() > 1e7 * lengths.min():
            return True
