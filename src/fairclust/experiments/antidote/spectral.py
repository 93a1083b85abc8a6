"""Combination 3 of Tables 1 and 2: unnormalised spectral clustering of samples of 1,000 points, and its fair version.

The paper does not state the graph. Two readings are run: the nearest-neighbor graph with scikit-learn's default of ten
neighbors, and a Gaussian kernel as wide as the data, which on these data sets cuts off a few outliers. Searches use the
first; the second has no balance that could be improved (a cluster of outliers lacks a group).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fairclust.antidote import AntidoteProblem
from fairclust.baselines.fair_spectral import FairSpectralClustering
from fairclust.experiments.antidote.cluster_quality import indices
from fairclust.experiments.antidote.questions import sample_of
from fairclust.experiments.antidote.setting import cost_of, other_seed
from fairclust.experiments.antidote.vanilla import PREPARED
from fairclust.experiments.preparation import Prepared
from fairclust.experiments.runner import experiment
from fairclust.metrics import social_cost
from fairclust.solvers.zeroth_order import minimize

__all__ = [
    "SPECTRAL_1",
    "SPECTRAL_2",
    "fair_spectral_size",
    "spectral",
    "spectral_clusterer",
    "spectral_more_clusters",
    "spectral_table_2",
    "spectral_vanilla",
]

Floats = NDArray[np.float64]

#: Table 1 of the paper, combination 3: F(mu_vanilla, U), F(mu, U), and the number of points that |V| / |U| stands for.
SPECTRAL_1 = {
    "adult": (-0.6458, -0.6911, 10),
    "bank_full": (-0.4811, -0.5489, 10),
    "credit_card": (-0.8384, -0.8407, 10),
    "lfw": (-0.9279, -0.9389, 10),
}

#: Table 2 of the paper, combination 3: F(mu_SOTA, U), F(mu, U), and the number of points, of a sample of 1,000.
SPECTRAL_2 = {
    "adult": (-0.5973, -0.6911, 10),
    "bank_full": (-0.6086, -0.6899, 500),
    "credit_card": (-0.8407, -0.9990, 380),
    "lfw": (-0.9926, -0.9997, 400),
}

#: Points of a sample.
POINTS = 1000


@contextmanager
def _quietly() -> Iterator[None]:
    """Graphs that fall apart are expected for some V, and clustered as they are."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=UserWarning, module="fairclust")
        yield


def spectral_clusterer(data: Prepared, affinity: str, seed: int, k: int = 2) -> FairSpectralClustering:
    """Unnormalised spectral clustering with k clusters; fair only if it is fitted with groups.

    The width of the Gaussian kernel is the total variance of the data, which for standardised columns is gamma = 1 / d.
    """
    gamma = 1.0 / float(data.X.var(axis=0).sum())
    return FairSpectralClustering(k, affinity=affinity, gamma=gamma, random_state=seed)  # type: ignore[arg-type]


def _of_clusters(data: Prepared, model: FairSpectralClustering) -> float:
    """The balance cost of the clusters as the algorithm returns them."""
    return cost_of(data, "balance_cost", model.labels_, model.cluster_centers_)


def _of_centers(data: Prepared, model: FairSpectralClustering) -> float:
    """The paper's F(mu, U): each point belongs to the nearest mean."""
    return cost_of(data, "balance_cost", model.predict(data.X), model.cluster_centers_)


def _elsewhere(data: Prepared, seed: int, V: Floats, k: int = 2) -> float:
    """The gain of V under another seed of C, on the same sample and the nearest-neighbor graph."""
    model = spectral_clusterer(data, "nearest_neighbors", other_seed(seed), k)
    problem = AntidoteProblem(data.X, data.groups, model, "balance")
    return problem.vanilla.fairness - problem(V)


def _spectral_grid(quick: bool) -> list[dict[str, Any]]:
    return [
        {
            "dataset": dataset,
            "affinity": affinity,
            "method": method,
            "n": 200 if quick else POINTS,
            "seed": seed,
            "budget": 20 if quick else 100,
        }
        for dataset in list(SPECTRAL_1)[: 1 if quick else None]
        for affinity in ("nearest_neighbors", "rbf")
        for method in (
            ("vanilla", "fair", "racos", "cmaes", "random") if affinity == "nearest_neighbors" else ("vanilla", "fair")
        )
        for seed in range(1 if quick else 5)
    ]


@experiment(
    "antidote-spectral",
    paper="antidote",
    title="Tables 1 and 2, Combination 3: spectral and fair spectral clustering of 1,000 points, and Algorithm 2",
    datasets=tuple(PREPARED),
    grid=_spectral_grid,
)
def spectral(*, dataset: str, affinity: str, method: str, n: int, seed: int, budget: int) -> list[dict[str, Any]]:
    """One clustering of one sample; the seed draws the sample, too.

    ``fairness`` is the paper's F(mu, U): the centers are the means of the clusters (for the antidote, of U and V), and
    each point of U belongs to the nearest. ``fairness_of_clusters`` is that of the clusters as the algorithm returns
    them. The search takes as many points as the paper, ten; ``gain`` is over vanilla clustering of the same sample,
    and ``other_seed_gain`` what the same V gains where k-means in the embedding has another seed.
    """
    data = sample_of(dataset, n, seed)
    model = spectral_clusterer(data, affinity, seed)
    row: dict[str, Any] = {}
    with _quietly():
        if method in ("vanilla", "fair"):
            model.fit(data.X, sensitive_features=data.groups if method == "fair" else None)
            centers, chosen, fairness = model.cluster_centers_, model.labels_, _of_centers(data, model)
            row["fairness_of_clusters"] = _of_clusters(data, model)
            row["n_components"] = model.n_connected_components_
        else:
            problem = AntidoteProblem(data.X, data.groups, model, "balance")
            V, fairness = _best(problem, SPECTRAL_1[dataset][2], method, budget, seed)  # type: ignore[arg-type]
            found = problem.evaluate(V)
            centers, chosen = found.centers, found.labels
            row |= {
                "n_antidote": len(V),
                "gain": problem.vanilla.fairness - fairness,
                "other_seed_gain": _elsewhere(data, seed, V),
            }
    return [
        {
            "fairness": fairness + 0.0,
            "social_cost": social_cost(data.X, centers, data.groups),
            "smallest_cluster": int(np.bincount(chosen, minlength=2).min()),
            **row,
            **indices(data.X, chosen),
        }
    ]


def _best(
    problem: AntidoteProblem, size: int, optimizer: Literal["racos", "cmaes", "random"], budget: int, seed: int
) -> tuple[Floats, float]:
    """The best V of one round of Algorithm 2 and its f; the empty one if none is better."""
    middle, spread = problem.X.mean(axis=0), problem.X.std(axis=0)
    found = minimize(
        lambda z: problem(middle + spread * z.reshape(size, -1)),
        size * len(middle),
        method=optimizer,
        budget=budget,
        random_state=seed,
    )
    if found.value < problem.vanilla.fairness:
        return middle + spread * found.x.reshape(size, -1), found.value
    return np.empty((0, len(middle))), problem.vanilla.fairness


def _spectral_table_2_grid(quick: bool) -> list[dict[str, Any]]:
    return [
        {
            "dataset": dataset,
            "method": "racos",
            "n": 200 if quick else POINTS,
            "n_antidote": size,
            "seed": seed,
            "budget": 20 if quick else 50,
        }
        for dataset in list(SPECTRAL_2)[: 1 if quick else None]
        for size in sorted({10, 50, 200, SPECTRAL_2[dataset][2]})
        for seed in range(1 if quick else 5)
    ]


@experiment(
    "antidote-spectral-table-2",
    paper="antidote",
    title="Table 2, Combination 3: how many antidote points beat fair spectral clustering on 1,000 points",
    datasets=tuple(PREPARED),
    grid=_spectral_table_2_grid,
)
def spectral_table_2(
    *, dataset: str, method: Literal["racos"], n: int, n_antidote: int, seed: int, budget: int
) -> list[dict[str, Any]]:
    """One round of Algorithm 2 on the nearest-neighbor graph, beside fair spectral clustering of the same sample.

    ``comparator`` is the balance cost of its clusters, ``comparator_of_centers`` the paper's F of their means.
    """
    data = sample_of(dataset, n, seed)
    with _quietly():
        fair = spectral_clusterer(data, "nearest_neighbors", seed).fit(data.X, sensitive_features=data.groups)
        problem = AntidoteProblem(data.X, data.groups, spectral_clusterer(data, "nearest_neighbors", seed), "balance")
        V, value = _best(problem, n_antidote, method, budget, seed)
        return [
            {
                "is_papers_size": n_antidote == SPECTRAL_2[dataset][2],
                "n_used": len(V),
                "vanilla_fairness": problem.vanilla.fairness + 0.0,
                "fairness": value + 0.0,
                "comparator": _of_clusters(data, fair),
                "comparator_of_centers": _of_centers(data, fair),
            }
        ]


#: Seeds of C on each sample, of which the first is the one that the other experiments take.
RESTARTS = 5


def _spectral_vanilla_grid(quick: bool) -> list[dict[str, Any]]:
    return [
        {"dataset": dataset, "n": 200 if quick else POINTS, "seed": seed}
        for dataset in list(SPECTRAL_1)[: 1 if quick else None]
        for seed in range(2 if quick else 20)
    ]


@experiment(
    "antidote-spectral-vanilla",
    paper="antidote",
    title="Table 1, Combination 3: how much vanilla spectral clustering moves by itself, with its seed and the sample",
    datasets=tuple(PREPARED),
    grid=_spectral_vanilla_grid,
)
def spectral_vanilla(*, dataset: str, n: int, seed: int) -> list[dict[str, Any]]:
    """Vanilla spectral clustering of one sample on the nearest-neighbor graph, from several seeds of C.

    ``shift`` is the distance from the first restart in F(mu, U): the noise of restarts without that of sampling.
    """
    data = sample_of(dataset, n, seed)
    values = []
    with _quietly():
        for restart in range(RESTARTS):
            model = spectral_clusterer(data, "nearest_neighbors", seed + restart * other_seed(0)).fit(data.X)
            values.append(_of_centers(data, model))
    return [
        {"restart": restart, "fairness": value + 0.0, "shift": value - values[0]}
        for restart, value in enumerate(values)
    ]


def _spectral_more_clusters_grid(quick: bool) -> list[dict[str, Any]]:
    return [
        {
            "dataset": dataset,
            "k": k,
            "optimizer": optimizer,
            "n": 200 if quick else POINTS,
            "seed": seed,
            "budget": 20 if quick else 100,
        }
        for dataset in list(SPECTRAL_1)[: 1 if quick else None]
        for k in (3, 4)
        for optimizer in ("racos", "cmaes")
        for seed in range(1 if quick else 5)
    ]


@experiment(
    "antidote-spectral-more-clusters",
    paper="antidote",
    title="Appendix C.1, Combination 3: spectral and fair spectral clustering, and Algorithm 2, for k = 3 and k = 4",
    datasets=tuple(PREPARED),
    grid=_spectral_more_clusters_grid,
)
def spectral_more_clusters(
    *, dataset: str, k: int, optimizer: Literal["racos", "cmaes"], n: int, seed: int, budget: int
) -> list[dict[str, Any]]:
    """One round of Algorithm 2 with ten points on one sample and the nearest-neighbor graph, as for two clusters."""
    data = sample_of(dataset, n, seed)
    size = SPECTRAL_1[dataset][2]
    with _quietly():
        fair = spectral_clusterer(data, "nearest_neighbors", seed, k).fit(data.X, sensitive_features=data.groups)
        model = spectral_clusterer(data, "nearest_neighbors", seed, k)
        problem = AntidoteProblem(data.X, data.groups, model, "balance")
        V, value = _best(problem, size, optimizer, budget, seed)
        return [
            {
                "n_start": size,
                "n_antidote": len(V),
                "vanilla_fairness": problem.vanilla.fairness + 0.0,
                "fairness": value + 0.0,
                "gain": problem.vanilla.fairness - value,
                "other_seed_gain": _elsewhere(data, seed, V, k),
                "comparator": _of_clusters(data, fair),
                "comparator_of_centers": _of_centers(data, fair),
            }
        ]


def _fair_spectral_size_grid(quick: bool) -> list[dict[str, Any]]:
    rows = {"adult": 10_000, "bank_full": 45_211, "credit_card": 30_000, "lfw": 13_232}
    return [
        {"dataset": dataset, "n": n, "seed": 0}
        for dataset, full in rows.items()
        for n in ((200, 400) if quick else (POINTS, full))
        if not quick or dataset == "adult"
    ]


@experiment(
    "antidote-fair-spectral-size",
    paper="antidote",
    title="Section 4.2.1: fair spectral clustering on samples of 1,000 points and on data sets of full size",
    datasets=tuple(PREPARED),
    grid=_fair_spectral_size_grid,
)
def fair_spectral_size(*, dataset: str, n: int, seed: int) -> list[dict[str, Any]]:
    """Fair spectral clustering on the nearest-neighbor graph, by projection instead of a null-space basis."""
    data = sample_of(dataset, n, seed)
    with _quietly():
        model = spectral_clusterer(data, "nearest_neighbors", seed).fit(data.X, sensitive_features=data.groups)
    return [
        {
            "n_points": len(data.X),
            "finished": bool(np.isfinite(model.embedding_).all()),
            "fairness_of_clusters": _of_clusters(data, model),
            "objective": model.objective_,
            "lower_bound": model.lower_bound_,
            "n_components": model.n_connected_components_,
            "smallest_cluster": int(np.bincount(model.labels_, minlength=2).min()),
        }
    ]
