"""Figure 1 and Appendix C.2: are the clusters that an antidote gives still good ones?

Silhouette, Calinski-Harabasz and Davies-Bouldin of the k-means behind Table 1; those of spectral clustering stand in
:mod:`fairclust.experiments.antidote.spectral`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score, silhouette_score

from fairclust.distances import nearest_centers
from fairclust.experiments.antidote.setting import cost_of
from fairclust.experiments.antidote.table_1 import TABLE_1, search
from fairclust.experiments.antidote.table_2 import comparator
from fairclust.experiments.antidote.vanilla import PREPARED
from fairclust.experiments.runner import experiment
from fairclust.solvers.kmeans import kmeans

__all__ = ["clusters", "indices"]

Floats = NDArray[np.float64]

#: The silhouette compares all pairs; it is taken on this many rows, the same for all methods.
SILHOUETTE_ROWS = 10_000


def indices(X: Floats, labels: NDArray[np.intp], rows: int = SILHOUETTE_ROWS) -> dict[str, float]:
    """Three indices of a clustering's quality; NaN for a single cluster, of which they know nothing.

    Silhouette, in [-1, 1], of a sample of the rows, and Calinski-Harabasz: more is better. Davies-Bouldin: less is.

    Examples
    --------
    >>> X = np.array([[0.0], [1.0], [9.0], [10.0]])
    >>> {name: round(value, 3) for name, value in indices(X, np.array([0, 0, 1, 1])).items()}
    {'silhouette': 0.889, 'calinski_harabasz': 162.0, 'davies_bouldin': 0.111}
    """
    if len(np.unique(labels)) < 2:
        return dict.fromkeys(("silhouette", "calinski_harabasz", "davies_bouldin"), np.nan)
    chosen = np.arange(len(X))
    if len(X) > rows:
        chosen = np.sort(np.random.default_rng(0).choice(len(X), size=rows, replace=False))
    few = len(np.unique(labels[chosen])) < 2
    return {
        "silhouette": np.nan if few else float(silhouette_score(X[chosen], labels[chosen])),
        "calinski_harabasz": float(calinski_harabasz_score(X, labels)),
        "davies_bouldin": float(davies_bouldin_score(X, labels)),
    }


def _clusters_grid(quick: bool) -> list[dict[str, Any]]:
    return [
        {"dataset": dataset, "notion": notion, "method": method, "seed": seed, "budget": 20 if quick else 1000}
        for dataset, notion in TABLE_1
        if not quick or dataset == "adult"
        for method in ("vanilla", "fair", "racos", "cmaes")
        for seed in range(1 if quick else 3)
    ]


@experiment(
    "antidote-clusters",
    paper="antidote",
    title="Figure 1 and Appendix C.2: silhouette, Calinski-Harabasz and Davies-Bouldin of vanilla, fair and antidote",
    datasets=tuple(PREPARED),
    grid=_clusters_grid,
)
def clusters(*, dataset: str, notion: str, method: str, seed: int, budget: int) -> list[dict[str, Any]]:
    """Fairness and quality of one clustering of U.

    "fair" is the algorithm of Bera et al. for balance and Fair-Lloyd for the social cost, with ten starts. "racos" and
    "cmaes" are the searches of ``antidote-table-1`` again, with the same seeds (best of ten starts). All indices are
    of U alone; ``sse`` is the k-means cost of U at the method's centers.
    """
    data = PREPARED[dataset]()
    if method == "vanilla":
        found = kmeans(data.X, 2, n_init=10, random_state=seed)
        labels, centers = found.labels, found.centers
    elif method == "fair":
        fair = comparator(data, notion, 10, seed)
        labels, centers = fair.labels_, fair.cluster_centers_
    else:
        model = search(dataset, notion, "best_of_10", method, seed, budget)
        labels, centers = model.labels_, model.cluster_centers_
    return [
        {
            "fairness": cost_of(data, notion, labels, centers),
            "sse": float(nearest_centers(data.X, centers, squared=True)[1].sum()),
            "smallest_cluster": int(np.bincount(labels, minlength=2).min()),
            **indices(data.X, labels),
        }
    ]
