"""Every clusterer of fairclust by a short name, as the command line and the comparison of all methods use them.

A method is a function ``(n_clusters, random_state) -> estimator`` with the estimator's defaults for everything else.
Estimators are imported when they are made, so that a list of the names costs nothing; by their names, so that the
digest of what a stored result depends on (:mod:`fairclust.experiments.digest`) sees them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["METHODS", "Method", "VanillaKMeans"]


@dataclass(frozen=True)
class Method:
    """How to make one clusterer, and where it comes from.

    Attributes
    ----------
    title : str
        What it is, in a few words.
    source : str
        The paper.
    notion : str
        What it optimises or bounds: "cost", "social cost", "balance", "proportions", "welfare" or "radii".
    make : callable (n_clusters, random_state) -> estimator
        The estimator, not fitted; ``random_state`` goes to those that draw.
    """

    title: str
    source: str
    notion: str
    make: Callable[[int, int], Any]


class VanillaKMeans:
    r"""k-means, best of ten k-means++ starts, each run to a fixed point: what the fair methods are compared with.

    .. math:: \min_{\mu_1, \ldots, \mu_k} \sum_j \min_i \lVert x_j - \mu_i \rVert^2

    Parameters
    ----------
    n_clusters : int
        k.
    random_state : int
        Seeds the ten starts.

    Attributes
    ----------
    labels_ : ndarray of shape (n,)
        The nearest center of each row.
    cluster_centers_ : ndarray of shape (k, d)
        The centers.

    Examples
    --------
    >>> sorted(VanillaKMeans(2, 0).fit([[0.0], [1.0], [9.0], [10.0]]).cluster_centers_.ravel().tolist())
    [0.5, 9.5]
    """

    def __init__(self, n_clusters: int, random_state: int) -> None:
        self.n_clusters = n_clusters
        self.random_state = random_state

    def fit(self, X: Any, y: None = None, *, sensitive_features: Any = None) -> VanillaKMeans:
        """Cluster the rows of X; groups play no part."""
        from fairclust.solvers.kmeans import kmeans

        found = kmeans(np.asarray(X, dtype=np.float64), self.n_clusters, n_init=10, random_state=self.random_state)
        self.labels_, self.cluster_centers_ = found.labels, found.centers
        return self


def _antidote_social(n_clusters: int, random_state: int) -> Any:
    from fairclust.antidote import AntidoteClustering, FixedStartKMeans

    clusterer = FixedStartKMeans(n_clusters, random_state=random_state)
    return AntidoteClustering(clusterer, "social", random_state=random_state)


def _antidote_balance(n_clusters: int, random_state: int) -> Any:
    from fairclust.antidote import AntidoteClustering, FixedStartKMeans

    clusterer = FixedStartKMeans(n_clusters, random_state=random_state)
    return AntidoteClustering(clusterer, "balance", random_state=random_state)


def _rawlsian(n_clusters: int, random_state: int) -> Any:
    from fairclust.welfare import RawlsianClustering

    return RawlsianClustering(n_clusters, random_state=random_state)


def _utilitarian(n_clusters: int, random_state: int) -> Any:
    from fairclust.welfare import UtilitarianClustering

    return UtilitarianClustering(n_clusters, random_state=random_state)


def _fair_radii(n_clusters: int, random_state: int) -> Any:
    from fairclust.radii import FairRadiiClustering

    return FairRadiiClustering(n_clusters)


def _fair_lloyd(n_clusters: int, random_state: int) -> Any:
    from fairclust.baselines import FairLloyd

    return FairLloyd(n_clusters, random_state=random_state)


def _bera(n_clusters: int, random_state: int) -> Any:
    from fairclust.baselines import BeraFairAssignment

    return BeraFairAssignment(n_clusters, random_state=random_state)


def _bounded_cost(n_clusters: int, random_state: int) -> Any:
    from fairclust.baselines import BoundedCostFairClustering

    return BoundedCostFairClustering(n_clusters, random_state=random_state)


def _fair_spectral(n_clusters: int, random_state: int) -> Any:
    from fairclust.baselines import FairSpectralClustering

    return FairSpectralClustering(n_clusters, random_state=random_state)


def _jungkannanlutz(n_clusters: int, random_state: int) -> Any:
    from fairclust.baselines import JungKannanLutz

    return JungKannanLutz(n_clusters)


def _mahabadi_vakilian(n_clusters: int, random_state: int) -> Any:
    from fairclust.baselines import MahabadiVakilian

    return MahabadiVakilian(n_clusters)


_ANTIDOTE, _WELFARE = "Chhabra, Singla and Mohapatra (2022)", "Zhang et al. (2025)"

#: Every method by its name.
METHODS: dict[str, Method] = {
    "kmeans": Method("vanilla k-means", "Lloyd (1982)", "cost", VanillaKMeans),
    "antidote_social": Method("antidote data, social cost", _ANTIDOTE, "social cost", _antidote_social),
    "antidote_balance": Method("antidote data, balance", _ANTIDOTE, "balance", _antidote_balance),
    "rawlsian": Method("Rawlsian welfare", _WELFARE, "welfare", _rawlsian),
    "utilitarian": Method("utilitarian welfare", _WELFARE, "welfare", _utilitarian),
    "fair_radii": Method("Fair-Round", "Chakrabarty and Negahbani (2021)", "radii", _fair_radii),
    "fair_lloyd": Method("socially fair k-means", "Ghadiri et al. (2021)", "social cost", _fair_lloyd),
    "bera": Method("fair assignment", "Bera et al. (2019)", "proportions", _bera),
    "bounded_cost": Method("fair under bounded cost", "Esmaeili et al. (2021)", "proportions", _bounded_cost),
    "fair_spectral": Method("fair spectral clustering", "Kleindessner et al. (2019)", "proportions", _fair_spectral),
    "jungkannanlutz": Method("fair radii, no cost", "Jung et al. (2020)", "radii", _jungkannanlutz),
    "mahabadi_vakilian": Method(
        "fair radii, local search", "Mahabadi and Vakilian (2020)", "radii", _mahabadi_vakilian
    ),
}
