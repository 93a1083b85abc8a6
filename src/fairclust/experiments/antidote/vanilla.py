"""Vanilla k-means on the data sets of the paper: what the antidote is to improve on, under three definitions."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.cluster import KMeans

from fairclust.distances import nearest_centers
from fairclust.experiments.preparation import (
    Prepared,
    antidote_adult,
    antidote_bank,
    antidote_credit_card,
    antidote_lfw,
)
from fairclust.experiments.runner import experiment
from fairclust.metrics import balance, social_cost
from fairclust.solvers.kmeans import kmeans

__all__ = ["DEFINITIONS", "PREPARED", "data_sizes", "vanilla"]

#: The data sets of the paper by the name of their loader, each prepared as Table 1's vanilla column implies.
PREPARED = {
    "adult": antidote_adult,
    "bank_full": antidote_bank,
    "credit_card": antidote_credit_card,
    "lfw": antidote_lfw,
}

#: Three readings of "vanilla k-means"; the paper does not say which one it used, and the answer depends on it.
DEFINITIONS = {
    "best_of_10": "best of ten k-means++ starts, each run to a fixed point",
    "single_start": "one k-means++ start, run to a fixed point",
    "scikit_learn": "scikit-learn's KMeans(n_init=10) with its default tolerance of 1e-4",
}


def _data_grid(quick: bool) -> list[dict[str, Any]]:
    return [{"dataset": dataset, "preparation": prepare.__name__} for dataset, prepare in PREPARED.items()]


@experiment(
    "antidote-data",
    paper="antidote",
    title="Section 4.1: the size of each data set as prepared here",
    datasets=tuple(PREPARED),
    grid=_data_grid,
)
def data_sizes(*, dataset: str, preparation: str) -> list[dict[str, Any]]:
    """Points, features and groups of one prepared data set."""
    return [PREPARED[dataset]().sizes()]


def _vanilla_grid(quick: bool) -> list[dict[str, Any]]:
    return [
        {"dataset": dataset, "definition": definition, "k": 2, "seed": seed}
        for dataset in PREPARED
        for definition in DEFINITIONS
        for seed in range(3 if quick else 20)
    ]


@experiment(
    "antidote-vanilla",
    paper="antidote",
    title="Table 1, the F(vanilla) column: k-means on four data sets under three definitions and twenty seeds",
    datasets=tuple(PREPARED),
    grid=_vanilla_grid,
)
def vanilla(*, dataset: str, definition: str, k: int, seed: int) -> list[dict[str, Any]]:
    """One vanilla clustering of one data set: its balance cost, social cost and k-means cost."""
    data = PREPARED[dataset]()
    centers, sse, n_iter, converged = _centers(data, definition, k, seed)
    # The labels of U are those of its nearest centers, as the paper defines them (section 2.2).
    labels, _ = nearest_centers(data.X, centers)
    return [
        {
            "balance_cost": 0.0 - balance(labels, data.groups),
            "social_cost": social_cost(data.X, centers, data.groups),
            "sse": sse,
            "n_iter": n_iter,
            "converged": converged,
        }
    ]


def _centers(data: Prepared, definition: str, k: int, seed: int) -> tuple[np.ndarray, float, int, bool]:
    if definition == "scikit_learn":
        model = KMeans(k, n_init=10, random_state=seed).fit(data.X)
        return model.cluster_centers_, float(model.inertia_), int(model.n_iter_), False
    result = kmeans(data.X, k, n_init=10 if definition == "best_of_10" else 1, random_state=seed)
    return result.centers, float(result.cost), int(result.n_iter), bool(result.converged)
