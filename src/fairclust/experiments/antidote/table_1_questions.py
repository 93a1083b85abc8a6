"""Questions of a reviewer about Table 1: did V shift an optimum or make k-means jump, and will any other V do as well?

Does V still help if "k-means" means something else, and how many points does the claimed gain take?
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from fairclust.antidote import AntidoteClustering
from fairclust.distances import nearest_centers
from fairclust.experiments.antidote.setting import KINDS, clusterer_of, cost_of, other_seed, problem_of
from fairclust.experiments.antidote.table_1 import TABLE_1, search
from fairclust.experiments.antidote.vanilla import PREPARED
from fairclust.experiments.runner import experiment
from fairclust.solvers.kmeans import kmeans, lloyd

__all__ = ["optima", "smallest", "transfer"]

#: Costs of k-means that differ by less than this share are those of one optimum: the fixed points around one differ by
#: less than 1e-5, the optima of these data sets by 3 % and more.
SAME_OPTIMUM = 1e-4

#: Seeds of C under which V is tried again, and how many random V's it is held against.
TRIALS = 3


def _optima_grid(quick: bool) -> list[dict[str, Any]]:
    return [
        {
            "dataset": dataset,
            "notion": notion,
            "definition": definition,
            "optimizer": optimizer,
            "seed": seed,
            "budget": 20 if quick else 1000,
        }
        for dataset, notion in TABLE_1
        if not quick or dataset == "adult"
        # Ten starts on all data sets would be Table 1 again; on Adult is where the question arose.
        for definition in (("single_start", "best_of_10") if dataset == "adult" else ("single_start",))
        for optimizer in ("racos", "cmaes")
        for seed in range(1 if quick else 3 if definition == "single_start" else 2)
    ]


@experiment(
    "antidote-optima",
    paper="antidote",
    title="Does the antidote shift an optimum of k-means, or make k-means jump to another one?",
    datasets=tuple(PREPARED),
    grid=_optima_grid,
)
def optima(
    *, dataset: str, notion: str, definition: str, optimizer: Literal["racos", "cmaes"], seed: int, budget: int
) -> list[dict[str, Any]]:
    """What is left when the antidote is taken away again: Lloyd's algorithm on U from the antidote's centers.

    ``same_optimum`` says whether that leads back to the vanilla solution (by its k-means cost).
    ``gain_of_jump`` is what the optimum found in this way gains in fairness over the vanilla one, without any antidote;
    ``gain_of_shift`` is the rest. ``best_start_gain`` is what the best of fifty starts of plain k-means, by k-means
    cost, gains over the vanilla solution.
    """
    data = PREPARED[dataset]()
    model = search(dataset, notion, definition, optimizer, seed, budget)
    plain = clusterer_of(definition, 2, seed).fit(data.X)
    vanilla = lloyd(data.X, plain.cluster_centers_)
    after = lloyd(data.X, model.cluster_centers_)
    more = kmeans(data.X, 2, n_init=50, random_state=seed)
    gain = model.vanilla_fairness_ - model.fairness_
    jump = model.vanilla_fairness_ - cost_of(data, notion, after.labels, after.centers)
    same = abs(after.cost - vanilla.cost) <= SAME_OPTIMUM * vanilla.cost
    return [
        {
            "n_antidote": len(model.antidote_),
            "vanilla_fairness": model.vanilla_fairness_ + 0.0,
            "fairness": model.fairness_ + 0.0,
            "gain": gain,
            "vanilla_sse": vanilla.cost,
            "antidote_sse": float(nearest_centers(data.X, model.cluster_centers_, squared=True)[1].sum()),
            "sse_without_antidote": after.cost,
            "same_optimum": same,
            "gain_of_jump": 0.0 if same else jump,
            "gain_of_shift": gain if same else gain - jump,
            "best_start_gain": model.vanilla_fairness_ - cost_of(data, notion, more.labels, more.centers),
        }
    ]


def _transfer_grid(quick: bool) -> list[dict[str, Any]]:
    return [
        {"dataset": dataset, "notion": notion, "optimizer": optimizer, "seed": seed, "budget": 20 if quick else 1000}
        for dataset, notion in TABLE_1
        if not quick or dataset == "adult"
        for optimizer in ("cmaes",)
        for seed in range(1)
    ]


@experiment(
    "antidote-transfer",
    paper="antidote",
    title="Does V help under another definition of k-means, and more than random points of the same number?",
    datasets=tuple(PREPARED),
    grid=_transfer_grid,
)
def transfer(
    *, dataset: str, notion: str, optimizer: Literal["racos", "cmaes"], seed: int, budget: int
) -> list[dict[str, Any]]:
    """V found for the best of ten fixed starts, judged under every definition of C and three other seeds of it.

    ``gain`` is F(C(U), U) - F(C(U + V), U) under that definition. ``random_gain`` is the same for as many standard
    normal points around the mean of U: what comes of adding points at all, which under scikit-learn's KMeans draws
    other starts.
    """
    data = PREPARED[dataset]()
    V = search(dataset, notion, "best_of_10", optimizer, seed, budget).antidote_
    rng = np.random.default_rng(seed)
    rows = []
    for definition in ("best_of_10", "vanilla_start", "single_start", "scikit_learn"):
        for trial in range(TRIALS):
            problem = problem_of(data, notion, definition, 2, other_seed(seed) + trial)
            noise = data.X.mean(axis=0) + data.X.std(axis=0) * rng.standard_normal(V.shape)
            rows.append(
                {
                    "definition": definition,
                    "trial": trial,
                    "n_antidote": len(V),
                    "vanilla_fairness": problem.vanilla.fairness + 0.0,
                    "gain": problem.vanilla.fairness - problem(V),
                    "random_gain": problem.vanilla.fairness - problem(noise),
                }
            )
    return rows


def _smallest_grid(quick: bool) -> list[dict[str, Any]]:
    return [
        {"dataset": dataset, "notion": notion, "optimizer": optimizer, "seed": seed, "budget": 20 if quick else 500}
        for dataset, notion in TABLE_1
        if not quick or dataset == "adult"
        for optimizer in ("racos", "cmaes")
        for seed in range(1 if quick else 2)
    ]


@experiment(
    "antidote-smallest",
    paper="antidote",
    title="How far |V| falls: the fewest points, from one up, with which a search gains what Table 1 claims",
    datasets=tuple(PREPARED),
    grid=_smallest_grid,
)
def smallest(
    *, dataset: str, notion: str, optimizer: Literal["racos", "cmaes"], seed: int, budget: int
) -> list[dict[str, Any]]:
    """P1 itself, by growing V from a single point: the target is the vanilla value less the gain that Table 1 claims.

    ``papers_size`` is Table 1's number of points, and nothing larger is tried; ``n_antidote`` is the first size that
    meets the target, or the last one tried if ``reached`` is false. C is the best of ten fixed starts.
    """
    data = PREPARED[dataset]()
    before, after, share = TABLE_1[dataset, notion]
    size = round(share * len(data.X))
    vanilla = problem_of(data, notion, "best_of_10", 2, seed).vanilla.fairness
    model = AntidoteClustering(
        clusterer_of("best_of_10", 2, seed),
        KINDS[notion],
        n_antidote=1,
        max_antidote=size,
        patience=size,
        target=vanilla - (before - after),
        stop_at_target=True,
        optimizer=optimizer,
        budget=budget,
        random_state=seed,
    ).fit(data.X, sensitive_features=data.groups)
    return [
        {
            "papers_size": size,
            "claimed_gain": before - after,
            "n_antidote": int(model.history_["n_antidote"].max()),
            "gain": model.vanilla_fairness_ - model.fairness_,
            "reached": model.target_reached_,
        }
    ]
