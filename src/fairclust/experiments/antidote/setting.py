"""What the parameters of a cell stand for: a definition of C, a notion F, a data set U."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans

from fairclust.antidote import AntidoteProblem, FixedStartKMeans
from fairclust.experiments.preparation import Prepared
from fairclust.metrics import balance, social_cost

__all__ = ["KINDS", "NOTIONS", "STARTS", "clusterer_of", "cost_of", "other_seed", "problem_of"]

#: Columns of the results, which are costs, and what the library calls the notion behind them.
KINDS: dict[str, Literal["balance", "social"]] = {"balance_cost": "balance", "social_cost": "social"}
NOTIONS = tuple(KINDS)

#: The readings of "k-means", in the words of the result tables.
STARTS = {
    "best_of_10": "the best of ten k-means++ starts that V cannot move, run to a fixed point",
    "single_start": "one k-means++ start that V cannot move, run to a fixed point",
    "vanilla_start": "from the vanilla solution (best of ten) to a fixed point: only V can drive C away from it",
    "scikit_learn": "scikit-learn's KMeans(n_init=10), tolerance 1e-4: starts are drawn anew for every V",
}


def clusterer_of(definition: str, k: int, seed: int) -> Any:
    """C by its name in :data:`STARTS`.

    Examples
    --------
    >>> clusterer_of("vanilla_start", 2, 0)
    FixedStartKMeans(n_clusters=2, random_state=0, start='vanilla')
    """
    if definition == "scikit_learn":
        return KMeans(k, n_init=10, random_state=seed)
    if definition == "vanilla_start":
        return FixedStartKMeans(k, start="vanilla", n_init=10, random_state=seed)
    if definition not in STARTS:
        raise ValueError(f"definition must be one of {', '.join(STARTS)}, got {definition!r}")
    return FixedStartKMeans(k, n_init=10 if definition == "best_of_10" else 1, random_state=seed)


def problem_of(data: Prepared, notion: str, definition: str, k: int, seed: int) -> AntidoteProblem:
    """f on one data set."""
    return AntidoteProblem(data.X, data.groups, clusterer_of(definition, k, seed), KINDS[notion], random_state=seed)


def cost_of(data: Prepared, notion: str, labels: NDArray[np.intp], centers: NDArray[np.float64]) -> float:
    """F of clusters that are given with their centers: the social cost looks at the centers, balance at the labels.

    An empty cluster is the worst balance there is, as in :class:`~fairclust.antidote.AntidoteProblem`.
    """
    if notion == "social_cost":
        return social_cost(data.X, centers, data.groups)
    return 0.0 if len(np.unique(labels)) < len(centers) else 0.0 - balance(labels, data.groups)


def other_seed(seed: int) -> int:
    """A seed of C that lies far from those of the searches, for "another seed of C".

    Examples
    --------
    >>> other_seed(3)
    1003
    """
    return 1000 + seed
