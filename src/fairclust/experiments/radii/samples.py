"""The ten samples of 1,000 points: violation and cost by method, and histograms of the violation."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairclust.baselines import JungKannanLutz
from fairclust.distances import nearest_centers
from fairclust.experiments.preparation import Prepared, radii_bank, radii_census, radii_diabetes
from fairclust.experiments.runner import experiment
from fairclust.metrics import fair_radii, radius_violation
from fairclust.solvers.kmeans import kmeans

__all__ = ["HISTOGRAM_BINS", "histograms", "samples"]

#: The data sets of the paper, by the name of their loader.
PREPARED = {"bank": radii_bank, "adult": radii_census, "diabetes": radii_diabetes}

#: What the paper calls them.
PAPER_NAMES = {"bank": "bank", "adult": "census", "diabetes": "diabetes"}

#: Bins of the paper's histograms: 0.1, 0.2, ..., 2.0; what lies beyond falls into the last bin.
HISTOGRAM_BINS = np.round(np.arange(0.0, 2.1, 0.1), 1)

CLUSTERS = (5, 10, 15, 20, 25, 30)
METHODS = ("kmeans", "jkl")


def _samples_grid(quick: bool) -> list[dict[str, Any]]:
    return [
        {"dataset": dataset, "sample": sample, "k": k}
        for dataset in PREPARED
        for sample in range(2 if quick else 10)
        for k in (CLUSTERS[::3] if quick else CLUSTERS)
    ]


@experiment(
    "radii-samples",
    paper="radii",
    title="Figures 1 and 3 so far: violation and cost of vanilla k-means and of Jung, Kannan and Lutz, ten samples",
    datasets=tuple(PREPARED),
    grid=_samples_grid,
)
def samples(*, dataset: str, sample: int, k: int) -> list[dict[str, Any]]:
    """Violations and costs of vanilla k-means and of JKL on one sample of 1,000 points, raw units."""
    data = PREPARED[dataset](sample)
    radii = fair_radii(data.X, k)
    rows = []
    for method, centers in _solutions(data, radii, k, seed=sample):
        _, distances = nearest_centers(data.X, centers)
        theta = radius_violation(data.X, centers, radii)
        # 0/0 is NaN: a point that coincides with k^-1 n others and with a center. The authors' code ignores it too.
        known = theta[~np.isnan(theta)]
        rows.append(
            {
                "method": method,
                "paper_name": PAPER_NAMES[dataset],
                "max_violation": float(known.max()),
                "mean_violation": float(known.mean()) if np.isfinite(known).all() else float("inf"),
                "share_violated": float((known > 1.0).sum() / len(theta)),
                "cost": float(np.sqrt(np.sum(distances**2))),
                "cost_median": float(np.sum(distances)),
                "n_centers": len(centers),
            }
        )
    return rows


def _histogram_grid(quick: bool) -> list[dict[str, Any]]:
    return [{"dataset": dataset, "k": k} for dataset in PREPARED for k in ((10,) if quick else (10, 20))]


@experiment(
    "radii-histogram",
    paper="radii",
    title="Figures 5 to 7 so far: histograms of the violation of vanilla k-means and of JKL, mean of ten samples",
    datasets=tuple(PREPARED),
    grid=_histogram_grid,
)
def histograms(*, dataset: str, k: int) -> list[dict[str, Any]]:
    """How many of 1,000 points see each level of violation, averaged over the paper's ten samples."""
    counts = {method: np.zeros(len(HISTOGRAM_BINS) - 1) for method in METHODS}
    for sample in range(10):
        data = PREPARED[dataset](sample)
        radii = fair_radii(data.X, k)
        for method, centers in _solutions(data, radii, k, seed=sample):
            counts[method] += violation_counts(radius_violation(data.X, centers, radii)) / 10
    return [
        {
            "method": method,
            "paper_name": PAPER_NAMES[dataset],
            "bin_left": left,
            "bin_right": right,
            "mean_count": count,
        }
        for method in METHODS
        for left, right, count in zip(HISTOGRAM_BINS[:-1], HISTOGRAM_BINS[1:], counts[method], strict=True)
    ]


def violation_counts(theta: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points per bin of :data:`HISTOGRAM_BINS`; what exceeds the last edge counts in the last bin, NaN nowhere."""
    known = theta[~np.isnan(theta)]
    return np.histogram(np.minimum(known, HISTOGRAM_BINS[-1]), bins=HISTOGRAM_BINS)[0].astype(np.float64)


def _solutions(data: Prepared, radii: NDArray[np.float64], k: int, seed: int) -> list[tuple[str, NDArray[np.float64]]]:
    """The centers that each method chooses: (method, (k, d) array)."""
    vanilla = kmeans(data.X, k, n_init=10, random_state=seed).centers
    fair = JungKannanLutz(k, radii=radii).fit(data.X).cluster_centers_
    return [("kmeans", vanilla), ("jkl", fair)]
