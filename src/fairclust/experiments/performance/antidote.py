"""How long the antidote takes: the k-means oracle beside scikit-learn, and all of Table 1 beside fair clustering.

Times are the processor seconds of this process, on one thread. The search asks the same questions whoever answers
them, so the two ways to evaluate f are compared on the same V's, and their answers are compared too.
"""

from __future__ import annotations

import contextlib
import time
import warnings
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans

from fairclust.antidote import AntidoteClustering, FixedStartKMeans
from fairclust.baselines import BeraFairAssignment, FairLloyd, FairSpectralClustering
from fairclust.experiments.antidote.questions import sample_of
from fairclust.experiments.antidote.spectral import POINTS as SAMPLE
from fairclust.experiments.antidote.spectral import SPECTRAL_1, spectral_clusterer
from fairclust.experiments.antidote.table_1 import TABLE_1
from fairclust.experiments.antidote.vanilla import PREPARED
from fairclust.experiments.preparation import Prepared
from fairclust.experiments.runner import experiment
from fairclust.groups import encode_groups
from fairclust.metrics import balance, social_cost
from fairclust.solvers.kmeans_oracle import KMeansOracle
from fairclust.solvers.zeroth_order import minimize

__all__ = ["curve", "oracle", "questions_of_a_search", "refit", "table_1"]

Floats = NDArray[np.float64]
Optimizer = Literal["racos", "cmaes", "random"]

#: The rows of Table 1 whose search is run twice, with the oracle and plainly.
CURVES = (("bank_full", "social_cost"), ("credit_card", "social_cost"))
#: Points of V where the oracle is timed: the paper's V_s.
POINTS = 10


def refit(X: Floats, V: Floats, start: Floats) -> KMeans:
    """C(U + V) as one would write it: scikit-learn's KMeans on all rows, from one start to the fixed point."""
    return KMeans(len(start), init=start, n_init=1, tol=0.0, max_iter=10_000, algorithm="lloyd").fit(np.vstack([X, V]))


def questions_of_a_search(
    data: Prepared, f: Callable[[Floats], float], size: int, optimizer: Optimizer, budget: int, seed: int
) -> list[Floats]:
    """The V's that a search asks for, in order; f is called for each."""
    middle, spread = data.X.mean(axis=0), data.X.std(axis=0)
    asked: list[Floats] = []

    def ask(z: Floats) -> float:
        asked.append(middle + spread * z.reshape(size, -1))
        return f(asked[-1])

    minimize(ask, size * len(middle), method=optimizer, budget=budget, random_state=seed)
    return asked


def _oracle_grid(quick: bool) -> list[dict[str, Any]]:
    return [
        {
            "dataset": dataset,
            "optimizer": optimizer,
            "seed": 0,
            "evaluations": 25 if quick else 300,
            "refits": 2 if quick else 10,
        }
        for dataset in (("credit_card",) if quick else tuple(PREPARED))
        for optimizer in ("racos", "cmaes")
    ]


@experiment(
    "performance-antidote-oracle",
    paper="performance",
    title="The k-means oracle against refitting scikit-learn's KMeans from the same start, on the V's of a search",
    datasets=tuple(PREPARED),
    grid=_oracle_grid,
    measured=("setup_seconds", "seconds", "refit_seconds", "rate", "refit_rate", "ratio"),
)
def oracle(*, dataset: str, optimizer: Optimizer, seed: int, evaluations: int, refits: int) -> list[dict[str, Any]]:
    """Evaluations per second of both, for a search of the social cost with ten points and one start.

    A fresh oracle answers all questions of the search, its learning included; making it is ``setup_seconds``.
    scikit-learn fits U and V for some of the same V's, spread over the search; that is all that is timed of it: the
    fairness cost, which the oracle gives along, would come on top. ``same_labels`` says whether the two put every row
    of U into the same cluster, for all of these V's.
    """
    data = PREPARED[dataset]()
    groups = encode_groups(data.groups)
    first = KMeansOracle(data.X, 2, groups, n_init=1, random_state=seed)
    asked = questions_of_a_search(
        data, lambda V: float(first(V).group_costs.max()), POINTS, optimizer, evaluations, seed
    )
    refit(data.X, asked[0], first.starts[0])  # whatever is loaded on first use is loaded now

    begin = time.process_time()
    fresh = KMeansOracle(data.X, 2, groups, n_init=1, random_state=seed)
    setup = time.process_time() - begin
    begin = time.process_time()
    answers = [fresh(V) for V in asked]
    seconds = time.process_time() - begin

    chosen = np.unique(np.linspace(0, len(asked) - 1, refits).astype(int))
    same, slow = 0, 0.0
    for index in chosen:
        begin = time.process_time()
        model = refit(data.X, asked[index], fresh.starts[0])
        slow += time.process_time() - begin
        same += int(np.array_equal(model.labels_[: len(data.X)], fresh.labels(answers[index])))
    rate, plain = len(asked) / seconds, len(chosen) / slow
    return [
        {
            "n_evaluations": len(asked),
            "n_refits": len(chosen),
            "same_labels": same == len(chosen),
            "n_handed_to_lloyd": fresh.n_slow,
            "setup_seconds": setup,
            "seconds": seconds,
            "refit_seconds": slow,
            "rate": rate,
            "refit_rate": plain,
            "ratio": rate / plain,
        }
    ]


def _curve_grid(quick: bool) -> list[dict[str, Any]]:
    return [
        {
            "dataset": dataset,
            "notion": notion,
            "optimizer": optimizer,
            "implementation": implementation,
            "seed": 0,
            "budget": (20 if quick else 1000) if implementation == "oracle" else (2 if quick else 15),
        }
        for dataset, notion in (CURVES[1:] if quick else CURVES)
        for optimizer in ("racos", "cmaes")
        for implementation in ("oracle", "plain")
    ]


@experiment(
    "performance-antidote-curve",
    paper="performance",
    title="Fairness against seconds: the same search with the oracle and with scikit-learn refits, best of ten starts",
    datasets=tuple(PREPARED),
    grid=_curve_grid,
    measured=("seconds",),
)
def curve(
    *, dataset: str, notion: str, optimizer: Optimizer, implementation: str, seed: int, budget: int
) -> list[dict[str, Any]]:
    """The best fairness cost so far after so many seconds, a row whenever it falls, and the last evaluation.

    C is the best of ten fixed starts. "oracle" evaluates f by the k-means oracle; "plain" fits scikit-learn's KMeans
    ten times on U and V and computes F from its centers. Both are led by the same optimizer with the same seed and
    planned for 1,000 evaluations, so they see the same V's and the same values; "plain" stops after ``budget``.
    """
    data = PREPARED[dataset]()
    size = round(TABLE_1[dataset, notion][2] * len(data.X))
    groups = encode_groups(data.groups)
    begin = time.process_time()
    fast = KMeansOracle(data.X, 2, groups, n_init=10, random_state=seed)

    def by_oracle(V: Floats) -> float:
        found = fast(V)
        return float(found.group_costs.max()) if notion == "social_cost" else _balance_of_counts(found.counts)

    def plainly(V: Floats) -> float:
        fits = [refit(data.X, V, start) for start in fast.starts]
        best = min(fits, key=lambda model: model.inertia_)
        if notion == "social_cost":
            return social_cost(data.X, best.cluster_centers_, groups)
        return 0.0 - balance(best.labels_[: len(data.X)], groups)

    f = by_oracle if implementation == "oracle" else plainly
    if implementation == "plain":
        begin = time.process_time()  # it needs the starts only, not what the oracle learned about U
    rows: list[dict[str, Any]] = []
    values: list[float] = []
    middle, spread = data.X.mean(axis=0), data.X.std(axis=0)
    planned = max(budget, 20) if budget < 15 else 1000

    class _Enough(Exception):
        """The budget is spent."""

    def ask(z: Floats) -> float:
        value = f(middle + spread * z.reshape(size, -1))
        better = not values or value < min(values)
        values.append(value)
        if better or len(values) == budget:
            rows.append(
                {
                    "evaluation": len(values),
                    "value": value,
                    "best": min(values),
                    "seconds": time.process_time() - begin,
                }
            )
        if len(values) == budget:
            raise _Enough
        return value

    with contextlib.suppress(_Enough):
        minimize(ask, size * len(middle), method=optimizer, budget=planned, random_state=seed)
    return rows


def _balance_of_counts(counts: NDArray[np.int64]) -> float:
    shares, sizes = counts.sum(axis=0) / counts.sum(), counts.sum(axis=1, keepdims=True)
    if not sizes.all():
        return 0.0
    found = counts / sizes
    return 0.0 - float((np.minimum(found, shares) / np.maximum(found, shares)).min())


def _table_1_grid(quick: bool) -> list[dict[str, Any]]:
    return [
        {"dataset": dataset, "notion": notion, "optimizer": optimizer, "seed": 0, "budget": 20 if quick else 1000}
        for dataset, notion in _rows_of_table_1()[:: 8 if quick else 1]
        for optimizer in ("racos",)
    ]


def _rows_of_table_1() -> list[tuple[str, str]]:
    """Combinations 1 and 2, then 3."""
    return [*TABLE_1, *((dataset, "spectral") for dataset in SPECTRAL_1)]


@experiment(
    "performance-antidote",
    paper="performance",
    title="All of Table 1 at 1,000 evaluations a round: seconds, beside vanilla and fair clustering",
    datasets=tuple(PREPARED),
    grid=_table_1_grid,
    measured=("seconds", "fair_seconds", "vanilla_seconds", "times_fair"),
)
def table_1(*, dataset: str, notion: str, optimizer: Optimizer, seed: int, budget: int) -> list[dict[str, Any]]:
    """The seconds of one row of Table 1, of the fair algorithm of its combination, and of vanilla clustering.

    k-means and its fair algorithms have ten starts each. "spectral" is combination 3, on a sample of 1,000 points.
    """
    vanilla: FixedStartKMeans | FairSpectralClustering = FixedStartKMeans(2, random_state=seed)
    fair: BeraFairAssignment | FairLloyd | FairSpectralClustering = FairLloyd(2, n_init=10, random_state=seed)
    if notion == "spectral":
        data = sample_of(dataset, SAMPLE, seed)
        vanilla = fair = spectral_clusterer(data, "nearest_neighbors", seed)
        size = SPECTRAL_1[dataset][2]
    else:
        data = PREPARED[dataset]()
        size = round(TABLE_1[dataset, notion][2] * len(data.X))
    if notion == "balance_cost":
        fair = BeraFairAssignment(2, n_init=10, random_state=seed)
    search = AntidoteClustering(
        vanilla,
        "social" if notion == "social_cost" else "balance",
        n_antidote=size,
        optimizer=optimizer,
        budget=budget,
        random_state=seed,
    )
    _warm_up()
    with warnings.catch_warnings():
        # Graphs that fall apart are expected for some V, and clustered as they are.
        warnings.filterwarnings("ignore", category=UserWarning, module="fairclust")
        plain = _seconds(lambda: vanilla.fit(data.X))
        theirs = _seconds(lambda: fair.fit(data.X, sensitive_features=data.groups))
        ours = _seconds(lambda: search.fit(data.X, sensitive_features=data.groups))
    return [
        {
            "n_evaluations": search.n_evaluations_,
            "vanilla_fairness": search.vanilla_fairness_ + 0.0,
            "fairness": search.fairness_ + 0.0,
            "seconds": ours,
            "fair_seconds": theirs,
            "vanilla_seconds": plain,
            "times_fair": ours / theirs,
        }
    ]


def _seconds(run: Callable[[], Any]) -> float:
    begin = time.process_time()
    run()
    return time.process_time() - begin


def _warm_up() -> None:
    """Load compiled functions and zoopt: that is done once per process and is no part of a fit."""
    rng = np.random.default_rng(0)
    X, groups = rng.normal(size=(60, 2)), np.arange(60) % 2
    for notion in ("social", "balance"):
        AntidoteClustering(FixedStartKMeans(2, random_state=0), notion, n_antidote=2, budget=25, random_state=0).fit(
            X, sensitive_features=groups
        )
    FairLloyd(2, n_init=2, random_state=0).fit(X, sensitive_features=groups)
    BeraFairAssignment(2, n_init=2, random_state=0).fit(X, sensitive_features=groups)
