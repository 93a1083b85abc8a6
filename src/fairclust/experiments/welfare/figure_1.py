r"""An instance like Figure 1: four groupings of one color each, two far from everything and two side by side.

The figure's points are not given. Here a blue and an orange grouping stand on top, far from each other and from the
rest, and a blue and an orange grouping are neighbours at the bottom.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairclust.baselines.bera import BeraFairAssignment
from fairclust.baselines.bounded_cost import BoundedCostFairClustering
from fairclust.baselines.fair_lloyd import FairLloyd
from fairclust.experiments.runner import experiment
from fairclust.metrics import disutility
from fairclust.solvers.kmeans import kmeans
from fairclust.welfare import RawlsianClustering, UtilitarianClustering

__all__ = ["METHODS", "PRICES", "four_groupings", "judge", "mixed_clusterings", "run_method", "separation"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

GROUPINGS = ("top blue", "top orange", "bottom blue", "bottom orange")
COLORS = np.array(["blue", "orange", "blue", "orange"])
METHODS = ("vanilla", "fair_lloyd", "bera", "fcbc_utilitarian", "fcbc_egalitarian", "rawlsian", "utilitarian")
#: What FCBC may spend, as a multiple of the root of the k-means cost (the authors' reading).
PRICES = (1.1, 1.5, 2.0, 3.0, 5.0, 8.0, 12.0)
#: A cluster is mixed where both colors have this share of it, up to one point: half, less the tolerance of a tenth; a
#: point is what rounding may add.
MIXED_SHARE = 0.45


def four_groupings(far: float, size: int, seed: int) -> tuple[Floats, Ints, NDArray[Any]]:
    """Points, grouping and color of each. Groupings are squares of side 0.8; the near two are 0.2 apart."""
    rng = np.random.default_rng(seed)
    places = np.array([[-far / 2, far], [far / 2, far], [-0.5, 0.0], [0.5, 0.0]])
    grouping = np.repeat(np.arange(4), size)
    return places[grouping] + rng.uniform(-0.4, 0.4, size=(4 * size, 2)), grouping, COLORS[grouping]


def run_method(method: str, X: Floats, colors: Any, weight: float, price: float, seed: int) -> tuple[Ints, Floats]:
    """Labels and centers of one algorithm with four clusters, ten starts."""
    if method == "vanilla":
        found = kmeans(X, 4, n_init=10, random_state=seed)
        return found.labels.astype(np.intp), found.centers
    models = {
        "fair_lloyd": lambda: FairLloyd(4, random_state=seed),
        "bera": lambda: BeraFairAssignment(4, delta=0.1, random_state=seed),
        "fcbc_utilitarian": lambda: BoundedCostFairClustering(
            4, objective="utilitarian", price_of_fairness=price, slack=0.1, random_state=seed
        ),
        "fcbc_egalitarian": lambda: BoundedCostFairClustering(
            4, objective="egalitarian", price_of_fairness=price, slack=0.1, random_state=seed
        ),
        "rawlsian": lambda: RawlsianClustering(4, weight, 0.1, random_state=seed),
        "utilitarian": lambda: UtilitarianClustering(4, weight, 0.1, random_state=seed),
    }
    model = models[method]().fit(X, sensitive_features=colors)
    return model.labels_, model.cluster_centers_


def judge(X: Floats, labels: Ints, centers: Floats, grouping: Ints, colors: Any, weight: float) -> dict[str, Any]:
    """Who sits with whom, who travels how far, and what each color's disutility is."""
    apart, mixed = [], []
    for i in np.unique(labels):
        inside = grouping[labels == i]
        top, bottom = inside < 2, inside >= 2
        apart += [len(np.unique(inside)) == 1] * int(top.sum())
        counts = np.unique(colors[labels == i], return_counts=True)[1]
        rarer = counts.min() if len(counts) == 2 else 0
        mixed += [rarer > 0 and rarer >= MIXED_SHARE * len(inside) - 1] * int(bottom.sum())
    travel = np.linalg.norm(X - centers[labels], axis=1)
    each = disutility(X, labels, centers, colors, distance_weight=weight, slack=0.1)
    return {
        "top_apart": float(np.mean(apart)),
        "bottom_mixed": float(np.mean(mixed)),
        "clusters_of_both": sum(len(np.unique(colors[labels == i])) == 2 for i in np.unique(labels)),
        "top_distance": float(travel[grouping < 2].mean()),
        "least_top_distance": float(travel[grouping < 2].min()),
        "bottom_distance": float(travel[grouping >= 2].mean()),
        "clustering_cost": float((travel**2).sum()),
        "blue": float(each["blue"]),
        "orange": float(each["orange"]),
        "rawlsian": float(each.max()),
        "utilitarian": float(each.sum()),
        "inequality": float(each.max() - each.min()),
    }


def _grid(quick: bool) -> list[dict[str, Any]]:
    cells = []
    for method in METHODS:
        for weight in (0.25, 0.5, 0.75):
            for price in PRICES if method.startswith("fcbc") else (1.0,):
                for seed in range(1 if quick else 5):
                    cells.append({"method": method, "distance_weight": weight, "price": price, "seed": seed})
    return cells


@experiment(
    "welfare-figure-1",
    paper="welfare",
    title="An instance like Figure 1: who separates the far groupings and who mixes the near ones",
    datasets=(),
    grid=_grid,
)
def figure_1(*, method: str, distance_weight: float, price: float, seed: int) -> list[dict[str, Any]]:
    """One algorithm on ten points a grouping, four clusters, the far groupings 8 away."""
    X, grouping, colors = four_groupings(8.0, 10, seed)
    labels, centers = run_method(method, X, colors, distance_weight, price, seed)
    return [judge(X, labels, centers, grouping, colors, distance_weight)]


def _mixed_grid(quick: bool) -> list[dict[str, Any]]:
    return [
        {"far": far, "seed": seed}
        for far in ((4.0, 8.0) if quick else (2.0, 4.0, 8.0, 16.0, 32.0))
        for seed in range(3)
    ]


@experiment(
    "welfare-figure-1-mixed",
    paper="welfare",
    title="Figure 1: every proportionally mixed clustering of two points a grouping, by brute force",
    datasets=(),
    grid=_mixed_grid,
)
def mixed_clusterings(*, far: float, seed: int) -> list[dict[str, Any]]:
    """All partitions into at most four clusters, each half blue and half orange, with each cluster's mean as center."""
    X, grouping, colors = four_groupings(far, 2, seed)
    top, blue = grouping < 2, colors == "blue"
    least, cheapest, count = np.inf, np.inf, 0
    # New names appear in order, so that each partition is tried once.
    for labels in itertools.product(range(4), repeat=len(X)):
        chosen = np.array(labels)
        if chosen[0] != 0 or (chosen[1:] > np.maximum.accumulate(chosen)[:-1] + 1).any():
            continue
        sizes = np.bincount(chosen, minlength=4)
        if (2 * np.bincount(chosen, weights=blue, minlength=4) != sizes).any():
            continue
        count += 1
        sums = np.stack([np.bincount(chosen, weights=X[:, axis], minlength=4) for axis in (0, 1)], axis=1)
        travel = np.linalg.norm(X - (sums / np.maximum(sizes, 1)[:, None])[chosen], axis=1)
        least = min(least, float(travel[top].min()))
        cheapest = min(cheapest, float((travel**2).sum()))
    unmixed = np.stack([X[grouping == g].mean(axis=0) for g in range(4)])[grouping]
    at_home = np.linalg.norm(X - unmixed, axis=1)
    return [
        {
            "n_clusterings": count,
            "least_top_distance": least,
            "separation": separation(X, grouping),
            "farthest_from_own_grouping": float(at_home.max()),
            "cheapest_mixed": cheapest,
            "own_groupings": float((at_home**2).sum()),
        }
    ]


def separation(X: Floats, grouping: Ints) -> float:
    """The least distance of a point of a far grouping to a point of another grouping."""
    apart = np.linalg.norm(X[:, None] - X[None], axis=2)
    other = (grouping[:, None] != grouping[None]) & (grouping[:, None] < 2)
    return float(apart[other].min())
