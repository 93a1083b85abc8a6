r"""Algorithm 2 of the antidote paper, as an estimator: grow V until clustering :math:`U \cup V` is fair enough."""

from __future__ import annotations

import numbers
from typing import Any, Literal

import joblib
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from fairclust._estimator import FairClusterer
from fairclust._validation import as_generator, check_number
from fairclust.antidote.journal import Journal
from fairclust.antidote.problem import AntidoteProblem, Notion
from fairclust.groups import Groups
from fairclust.metrics import FairnessReport
from fairclust.solvers.zeroth_order import METHODS, ZerothOrderResult, minimize, smallest_budget

__all__ = ["AntidoteClustering"]

Floats = NDArray[np.float64]


class AntidoteClustering(FairClusterer):
    r"""Fair clusters from an unfair clusterer, by clustering a few made-up points along with the data.

    .. math:: \min_V \; |V| \quad \text{such that} \quad F\bigl(C(U \cup V),\, U\bigr) \le \alpha

    Algorithm 2 fixes the size :math:`|V| = V_s`, looks for the V of that size with the smallest
    :math:`f(V) = F(C(U \cup V), U)` with a zeroth-order optimiser, and goes on with :math:`V_s + \xi` if the target
    :math:`\alpha` is not met.

    Parameters
    ----------
    clusterer : estimator, optional
        C, see :class:`~fairclust.antidote.AntidoteProblem`. By default ``FixedStartKMeans()``, k-means with 8 clusters.
    notion : {"social", "balance"} or callable (centers, X, groups) -> float, default="social"
        F, a cost.
    n_antidote : int, default=10
        :math:`V_s`, the size of V in the first round.
    growth : int, default=1
        :math:`\xi`, by how much V grows from one round to the next.
    target : float, optional
        :math:`\alpha`. By default the vanilla fairness F(C(U), U), and then V must be strictly better.
    optimizer : {"racos", "cmaes", "random"}, default="racos"
        See :func:`fairclust.solvers.zeroth_order.minimize`; "racos" is the paper's: RACOS with sequential random
        embedding.
    embedding_dim : int, default=100
        The paper's n', for "racos".
    budget : int, default=500
        Evaluations of f in each round.
    max_antidote : int, optional
        The largest ``|V|``; by default n, or ``n_antidote`` if that is more.
    patience : int, default=3
        Rounds in a row without a better V after which the search gives up.
    stop_at_target : bool, default=False
        End a round as soon as the target is met, instead of spending its budget on an even better V, as the paper does.
    scale : float or array of shape (d,), optional
        V is searched around the mean of U, on this scale in each column. By default the columns' standard deviations,
        so that for standardised data (the paper's) V is what zoopt proposes.
    checkpoint : path, optional
        A file where all evaluations are kept. If the process dies, a second fit with the same parameters and data
        replays them and goes on; the result is the same to the last bit. Needs an int as ``random_state``.
    random_state : None, int or Generator, default=None
        Seeds the search, and the clusterer where its own ``random_state`` is not an int.
    verbose : bool or int, default=0
        A progress bar for each round.

    Attributes
    ----------
    antidote_ : ndarray of shape (m, d)
        V: the best that was found in any round (ties: the first), which may be the empty one.
    fairness_ : float
        f(V).
    vanilla_fairness_ : float
        f of the empty V.
    target_ : float
        :math:`\alpha`.
    target_reached_ : bool
        Whether ``fairness_`` meets the target. If not, V is the best that the budget could find.
    stopped_ : str
        Why the search ended: "target"; "not needed" (a target was given and U alone meets it); "patience" or
        "max_antidote" (the budget has run out).
    n_evaluations_ : int
        Evaluations of f.
    history_ : DataFrame
        A row per evaluation: ``evaluation`` (from 1), ``n_antidote``, ``value``, ``best`` (so far, with the empty V)
        and ``seconds`` since the start.
    labels_ : ndarray of intp, shape (n,)
        The nearest center of each row.
    cluster_centers_ : ndarray of shape (k, d)
        C(U + V).
    objective_ : float
        ``fairness_``.
    report_ : FairnessReport

    Raises
    ------
    ValueError
        (from ``fit``) For a budget too small for the optimiser, ``max_antidote < n_antidote``, a journal of another
        search, and all that :class:`~fairclust.antidote.AntidoteProblem` raises.

    See Also
    --------
    fairclust.antidote.AntidoteProblem : f itself, to be evaluated at any V.
    fairclust.antidote.constructive_antidote : V for k-means by a formula, where centers are given.
    fairclust.baselines.FairLloyd : Centers that are socially fair themselves, without a detour.

    Notes
    -----
    Time is that of :math:`f` times ``budget`` times rounds; k-means from fixed starts is evaluated by an oracle (see
    :class:`~fairclust.solvers.kmeans_oracle.KMeansOracle`).

    f is the same deterministic function in the search and in what is reported. How much of an improvement is due to V
    and how much to k-means' local optima depends on the definition of C; compare with other seeds of C before you
    believe one.

    References
    ----------
    Chhabra, Singla and Mohapatra, *Fair clustering using antidote data*, 2022, Algorithm 2 (:math:`V_s = 10`,
    :math:`\xi = 1`, :math:`n' = 100`, RACOS; C's seeds, the budget and the bounds of V are not given).

    Examples
    --------
    >>> from fairclust.antidote import AntidoteClustering, FixedStartKMeans
    >>> X = [[0.0], [1.0], [2.0], [6.0], [7.0], [12.0]]
    >>> groups = ["a", "a", "a", "a", "a", "b"]
    >>> model = AntidoteClustering(FixedStartKMeans(2, random_state=0), n_antidote=2, budget=100, random_state=0)
    >>> model = model.fit(X, sensitive_features=groups)
    >>> round(model.vanilla_fairness_, 3), round(model.fairness_, 3), model.stopped_
    (13.444, 6.595, 'target')
    """

    cluster_centers_: Floats

    def __init__(
        self,
        clusterer: Any = None,
        notion: Notion = "social",
        *,
        n_antidote: int = 10,
        growth: int = 1,
        target: float | None = None,
        optimizer: Literal["racos", "cmaes", "random"] = "racos",
        embedding_dim: int = 100,
        budget: int = 500,
        max_antidote: int | None = None,
        patience: int = 3,
        stop_at_target: bool = False,
        scale: Any = None,
        checkpoint: Any = None,
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.clusterer = clusterer
        self.notion = notion
        self.n_antidote = n_antidote
        self.growth = growth
        self.target = target
        self.optimizer = optimizer
        self.embedding_dim = embedding_dim
        self.budget = budget
        self.max_antidote = max_antidote
        self.patience = patience
        self.stop_at_target = stop_at_target
        self.scale = scale
        self.checkpoint = checkpoint
        self.random_state = random_state
        self.verbose = verbose

    def _fit(self, X: Floats, groups: Groups) -> None:
        sizes, patience = self._check_parameters(len(X))
        rng = as_generator(self.random_state)
        problem = AntidoteProblem(X, groups, self.clusterer, self.notion, random_state=rng)
        self.vanilla_fairness_ = problem.vanilla.fairness
        self.target_ = self.vanilla_fairness_ if self.target is None else float(check_number(self.target, "target"))
        search = _Search(problem, _spread(self.scale, X), self._threshold(), self)
        with Journal(self.checkpoint, _digest(problem) if self.checkpoint is not None else "") as journal:
            self.stopped_ = search.run(sizes, patience, journal, rng)
        best = problem.evaluate(search.antidote)
        if best.fairness != search.best:
            raise ValueError(
                f"f of the best V is {best.fairness!r} now and was {search.best!r} during the search, so it is no "
                "function of V; the clusterer or the notion must be deterministic"
            )
        self.antidote_ = search.antidote
        self.fairness_ = self.objective_ = best.fairness
        self.target_reached_ = bool(self.fairness_ <= self._threshold())
        self.n_evaluations_ = len(search.rows)
        self.history_ = pd.DataFrame(search.rows, columns=["evaluation", "n_antidote", "value", "best", "seconds"])
        self.cluster_centers_ = best.centers
        self.labels_ = best.labels
        self.report_ = FairnessReport(X, best.labels, best.centers, groups)

    def _threshold(self) -> float:
        """What f must not exceed: the target, or anything below the vanilla fairness."""
        return float(np.nextafter(self.vanilla_fairness_, -np.inf)) if self.target is None else self.target_

    def _check_parameters(self, n: int) -> tuple[range, int]:
        """The sizes of V to try, and the patience; all other parameters are checked too."""
        first = check_number(self.n_antidote, "n_antidote", low=1, integer=True)
        growth = check_number(self.growth, "growth", low=1, integer=True)
        last = max(n, first)
        if self.max_antidote is not None:
            last = check_number(self.max_antidote, "max_antidote", low=1, integer=True)
            if last < first:
                raise ValueError(f"max_antidote={last} is smaller than n_antidote={first}; there is nothing to try")
        if self.optimizer not in METHODS:
            raise ValueError(f"optimizer must be one of {', '.join(map(repr, METHODS))}, got {self.optimizer!r}")
        check_number(self.embedding_dim, "embedding_dim", low=1, integer=True)
        check_number(self.budget, "budget", low=smallest_budget(self.optimizer), integer=True)
        if self.checkpoint is not None and not isinstance(self.random_state, numbers.Integral):
            raise ValueError(
                "checkpoint needs an int as random_state: a search can be resumed only if it can be repeated, "
                f"got random_state={self.random_state!r}"
            )
        return range(first, last + 1, growth), check_number(self.patience, "patience", low=1, integer=True)


class _Search:
    """The loop of Algorithm 2, and what it has seen."""

    def __init__(
        self, problem: AntidoteProblem, spread: Floats, threshold: float, settings: AntidoteClustering
    ) -> None:
        self.problem, self.threshold, self.settings = problem, threshold, settings
        self.middle, self.spread = problem.X.mean(axis=0), spread
        self.antidote = np.empty((0, problem.X.shape[1]))
        self.best = problem.vanilla.fairness
        self.rows: list[tuple[int, int, float, float, float]] = []

    def run(self, sizes: range, patience: int, journal: Journal, rng: np.random.Generator) -> str:
        """Round after round, until something ends it; the reason is returned."""
        if self.best <= self.threshold:
            return "not needed"
        without = 0
        for size in sizes:
            before = self.best
            self._round(size, journal, rng.spawn(1)[0])
            if self.best <= self.threshold:
                return "target"
            without = 0 if self.best < before else without + 1
            if without == patience:
                return "patience"
        return "max_antidote"

    def _round(self, size: int, journal: Journal, rng: np.random.Generator) -> ZerothOrderResult:
        shape = (size, len(self.middle))
        settings = self.settings
        with tqdm(total=settings.budget, desc=f"{size} antidote points", disable=not settings.verbose) as bar:

            def f(z: Floats) -> float:
                V = self.middle + self.spread * z.reshape(shape)
                known = journal.recall(V)
                if known is None:
                    value = self.problem(V)
                    seconds = journal.note(V, value)
                else:
                    value, seconds = known
                if value < self.best:
                    self.best, self.antidote = value, V
                    bar.set_postfix_str(f"best {value:.6g}", refresh=False)
                self.rows.append((len(self.rows) + 1, size, value, self.best, seconds))
                bar.update()
                return value

            return minimize(
                f,
                shape[0] * shape[1],
                method=settings.optimizer,
                budget=settings.budget,
                target=self.threshold if settings.stop_at_target else None,
                embedding_dim=settings.embedding_dim,
                random_state=rng,
            )


def _spread(scale: Any, X: Floats) -> Floats:
    """One positive number per column; 0 for a column that does not vary, if it is measured."""
    if scale is None:
        return X.std(axis=0)
    spread = np.asarray(scale, dtype=np.float64)
    if spread.ndim > 1 or spread.shape not in ((), (X.shape[1],)):
        raise ValueError(
            f"scale has shape {spread.shape}; it must be a number or have one entry per column, {X.shape[1]}"
        )
    if not (np.isfinite(spread).all() and (spread > 0).all()):
        raise ValueError(f"scale must be positive and finite, got {scale!r}")
    return np.broadcast_to(spread, X.shape[1]).copy()


def _digest(problem: AntidoteProblem) -> str:
    """What f depends on, in one word. A callable notion counts by its name only."""
    notion = problem.notion
    name = notion if isinstance(notion, str) else f"{notion.__module__}.{getattr(notion, '__qualname__', notion)}"
    parts = (problem.X, problem.groups.codes, type(problem.clusterer).__name__, problem.clusterer.get_params(), name)
    return str(joblib.hash(parts))
