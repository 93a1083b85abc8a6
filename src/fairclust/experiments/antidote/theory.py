"""What section 3 proves, put to the test: Theorem 3's number of queries, the number of rounds, and convexity."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fairclust.antidote import AntidoteClustering, AntidoteProblem, FixedStartKMeans, constructive_antidote
from fairclust.baselines import FairLloyd
from fairclust.experiments.antidote.questions import sample_of
from fairclust.experiments.antidote.table_2 import paired
from fairclust.experiments.antidote.vanilla import PREPARED
from fairclust.experiments.runner import experiment
from fairclust.metrics import social_cost
from fairclust.solvers.zeroth_order import minimize

__all__ = ["convexity", "rounds", "small_problem", "theorem_3"]

#: V's that are drawn to find the best one and how likely a good one is.
DRAWS = 10_000

#: Standard errors by which a counted share may fall short of the promised probability.
ERRORS = 3.0


def small_problem(seed: int) -> AntidoteProblem:
    """Sixty people in the plane, two groups, two clusters, social cost: few enough to know the best V by trying."""
    rng = np.random.default_rng(seed)
    X = np.concatenate([rng.normal(size=(40, 2)), rng.normal(size=(20, 2)) + np.array([4.0, 1.0])])
    groups = np.where(rng.random(60) < np.repeat((0.2, 0.7), (40, 20)), "b", "a")
    return AntidoteProblem(X, groups, FixedStartKMeans(2, start="vanilla", random_state=seed), "social")


def _theorem_3_grid(quick: bool) -> list[dict[str, Any]]:
    return [
        {
            "optimizer": optimizer,
            "n_antidote": size,
            "epsilon": epsilon,
            "delta": delta,
            "seed": seed,
            "runs": 5 if quick else 100 if optimizer == "random" else 25,
            "draws": 500 if quick else DRAWS,
        }
        for optimizer, deltas in (("random", (0.2, 0.05)), ("racos", (0.05,)))
        for size in (1, 3)
        for epsilon in (0.3, 0.5)
        for delta in deltas
        for seed in range(1 if quick else 2)
    ]


@experiment(
    "antidote-theorem-3",
    paper="antidote",
    title="Theorem 3: ln(1/delta) / P_X queries come within epsilon of the best V with probability 1 - delta",
    grid=_theorem_3_grid,
)
def theorem_3(
    *,
    optimizer: Literal["random", "racos"],
    n_antidote: int,
    epsilon: float,
    delta: float,
    seed: int,
    runs: int,
    draws: int,
) -> list[dict[str, Any]]:
    """How often a search with the theorem's number of queries succeeds, on a problem whose best V is known.

    A V is good if f(V) is within ``epsilon`` times the largest possible gain of the smallest f. P_X is the share of
    good V's among ``draws`` of random search, which samples independently; for RACOS, whose own P_X changes as it
    learns, the same number of queries is allowed. ``required`` is 1 - delta less three standard errors of the count.
    """
    problem = small_problem(seed)
    middle, spread = problem.X.mean(axis=0), problem.X.std(axis=0)

    def f(z: NDArray[np.float64]) -> float:
        return problem(middle + spread * z.reshape(n_antidote, 2))

    rng = np.random.default_rng(seed)
    values = np.array([f(z) for z in rng.standard_normal((draws, 2 * n_antidote))])
    least = float(values.min())
    threshold = least + epsilon * (problem.vanilla.fairness - least)
    likely = float((values <= threshold).mean())
    queries = int(np.ceil(np.log(1.0 / delta) / likely))
    budget = queries if optimizer == "random" else max(queries, 20)
    successes = sum(
        minimize(f, 2 * n_antidote, method=optimizer, budget=budget, random_state=1000 * (seed + 1) + run).value
        <= threshold
        for run in range(runs)
    )
    return [
        {
            "probability": likely,
            "queries": budget,
            "success": successes / runs,
            "required": 1.0 - delta - ERRORS * float(np.sqrt(delta * (1.0 - delta) / runs)),
        }
    ]


def _rounds_grid(quick: bool) -> list[dict[str, Any]]:
    return [
        {"dataset": dataset, "n": 200 if quick else 1000, "seed": seed, "budget": 50 if quick else 200}
        for dataset in list(PREPARED)[: 1 if quick else None]
        for seed in range(1 if quick else 3)
    ]


#: The largest feasible V that is looked for: Algorithm 2 has to try every size up to it.
MOST = 15


@experiment(
    "antidote-rounds",
    paper="antidote",
    title="Section 3.2: is the target met after |V*| / xi rounds, where a feasible V* of that size is known?",
    datasets=tuple(PREPARED),
    grid=_rounds_grid,
)
def rounds(*, dataset: str, n: int, seed: int, budget: int) -> list[dict[str, Any]]:
    """Algorithm 2 from one point, one more each round, with a target that a known V* of ``v_star`` points meets.

    V* is the constructive antidote for centers on the way to Fair-Lloyd's: the farthest way that takes at most 15
    points and that k-means, started at the vanilla centers, does come to.
    """
    data = sample_of(dataset, n, seed)
    C = FixedStartKMeans(2, start="vanilla", random_state=seed)
    problem = AntidoteProblem(data.X, data.groups, C, "social")
    fair = FairLloyd(2, random_state=seed).fit(data.X, sensitive_features=data.groups)
    ends = paired(problem.vanilla.centers, fair.cluster_centers_)
    best, size = problem.vanilla.fairness, 0
    for t in np.linspace(0.01, 1.0, 100):
        V = constructive_antidote(data.X, (1.0 - t) * problem.vanilla.centers + t * ends).antidote
        value = problem(V) if len(V) <= MOST else np.inf
        if value < best:
            best, size = value, len(V)
    if size == 0:
        return []
    model = AntidoteClustering(
        C,
        "social",
        n_antidote=1,
        max_antidote=size,
        patience=size,
        target=best,
        stop_at_target=True,
        budget=budget,
        random_state=seed,
    ).fit(data.X, sensitive_features=data.groups)
    return [
        {
            "v_star": size,
            "vanilla_fairness": problem.vanilla.fairness,
            "target": best,
            "fairness": model.fairness_,
            "rounds": int(model.history_["n_antidote"].nunique()),
            "reached": model.target_reached_,
        }
    ]


def _convexity_grid(quick: bool) -> list[dict[str, Any]]:
    return [{"k": k, "segments": 50 if quick else 200, "seed": seed} for k in (1, 2, 3) for seed in range(3)]


@experiment(
    "antidote-convexity",
    paper="antidote",
    title="Section 3.1: is the social cost convex in the centers? Midpoints of random segments",
    grid=_convexity_grid,
)
def convexity(*, k: int, segments: int, seed: int) -> list[dict[str, Any]]:
    r"""The largest :math:`F(\tfrac12 (\mu + \nu)) - \tfrac12 (F(\mu) + F(\nu))`; convex functions have none above 0.

    Forty people in the plane, two groups; centers are standard normal, k of them.
    """
    rng = np.random.default_rng(seed)
    X, groups = rng.normal(size=(40, 2)), np.arange(40) % 2
    worst, violated = -np.inf, 0
    for _ in range(segments):
        ends = rng.normal(size=(2, k, 2))
        middle = social_cost(X, ends.mean(axis=0), groups)
        excess = middle - 0.5 * (social_cost(X, ends[0], groups) + social_cost(X, ends[1], groups))
        worst, violated = max(worst, excess), violated + (excess > 1e-12)
    return [{"largest_excess": worst, "share_violated": violated / segments}]
