"""The ten samples of 1,000 points: violation, cost and time of every method, and histograms of the violations.

Figures 1, 3 and 4 of the paper for k-means, 13 to 15 for k-median, 8, 9, 11 and 12 for the relaxed and the sparse
variant, and 5 to 7 for the histograms: one cell computes all methods of one sample, because they share an LP.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairclust.experiments.radii.methods import PAPER_NAMES, PREPARED, SPARSIFY, judged, solutions
from fairclust.experiments.runner import experiment
from fairclust.metrics import fair_radii, radius_violation

__all__ = ["CLUSTERS", "HISTOGRAM_BINS", "HISTOGRAM_METHODS", "histograms", "samples", "violation_counts"]

#: Bins of the paper's histograms: 0.1, 0.2, ..., 2.0; what lies beyond falls into the last bin.
HISTOGRAM_BINS = np.round(np.arange(0.0, 2.1, 0.1), 1)

CLUSTERS = (5, 10, 15, 20, 25, 30)
HISTOGRAM_METHODS = ("kmeans", "jkl", "mv", "fair_round")


def _samples_grid(quick: bool) -> list[dict[str, Any]]:
    return [
        {"dataset": dataset, "sample": sample, "k": k, "power": power}
        for dataset in PREPARED
        for power in (2, 1)
        for sample in range(1 if quick else 10)
        for k in (CLUSTERS[3:4] if quick else CLUSTERS)
    ]


@experiment(
    "radii-samples",
    paper="radii",
    title="Figures 1 to 4, 8, 9 and 11 to 15: violation, cost and time of every method on the ten samples",
    datasets=tuple(PREPARED),
    grid=_samples_grid,
    measured=("seconds", "lp_seconds", "lp_gap"),
)
def samples(*, dataset: str, sample: int, k: int, power: int) -> list[dict[str, Any]]:
    """Every method on one sample of 1,000 points in raw units; violations are of the fair radii for all of them."""
    data = PREPARED[dataset](sample)
    radii = fair_radii(data.X, k)
    found = solutions(data.X, radii, k, power, sparsify=SPARSIFY[dataset], seed=sample)
    return [{"paper_name": PAPER_NAMES[dataset], **judged(data.X, radii, power, solution)} for solution in found]


def _histogram_grid(quick: bool) -> list[dict[str, Any]]:
    return [{"dataset": dataset, "k": k} for dataset in PREPARED for k in ((20,) if quick else (10, 20))]


@experiment(
    "radii-histogram",
    paper="radii",
    title="Figures 2 and 5 to 7: histograms of the violation, k-means, mean of ten samples",
    datasets=tuple(PREPARED),
    grid=_histogram_grid,
)
def histograms(*, dataset: str, k: int) -> list[dict[str, Any]]:
    """How many of 1,000 points see each level of violation: ``mean_count``, averaged over the paper's ten samples.

    ``std_count`` is the population standard deviation over the samples, ``sample_0`` to ``sample_9`` are their counts.
    ``count_of_means`` is what the authors' code draws: it averages the ten arrays place by place, so that each value is
    the mean violation of ten unrelated points (those that have one), and counts these. That pulls both tails in.
    """
    theta: dict[str, list[NDArray[np.float64]]] = {method: [] for method in HISTOGRAM_METHODS}
    for sample in range(10):
        X = PREPARED[dataset](sample).X
        radii = fair_radii(X, k)
        for found in solutions(X, radii, k, 2, sparsify=SPARSIFY[dataset], seed=sample, only=HISTOGRAM_METHODS):
            if found.method in theta:
                theta[found.method].append(radius_violation(X, found.centers, radii))
    counts = {method: np.array([violation_counts(one) for one in theta[method]]) for method in HISTOGRAM_METHODS}
    return [
        {
            "method": method,
            "paper_name": PAPER_NAMES[dataset],
            "bin_left": left,
            "bin_right": right,
            "mean_count": per_sample.mean(),
            "std_count": per_sample.std(),
            "count_of_means": of_means,
            **{f"sample_{sample}": count for sample, count in enumerate(per_sample)},
        }
        for method in HISTOGRAM_METHODS
        for left, right, per_sample, of_means in zip(
            HISTOGRAM_BINS[:-1],
            HISTOGRAM_BINS[1:],
            counts[method].T,
            violation_counts(_means(theta[method])),
            strict=True,
        )
    ]


def _means(theta: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Place by place the mean of the numbers there; NaN where there is none."""
    arrays = np.array(theta)
    known = ~np.isnan(arrays)
    with np.errstate(invalid="ignore"):
        means: NDArray[np.float64] = np.where(known, arrays, 0.0).sum(axis=0) / known.sum(axis=0)
    return means


def violation_counts(theta: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points per bin of :data:`HISTOGRAM_BINS`; what exceeds the last edge counts in the last bin, NaN nowhere."""
    known = theta[~np.isnan(theta)]
    return np.histogram(np.minimum(known, HISTOGRAM_BINS[-1]), bins=HISTOGRAM_BINS)[0].astype(np.float64)
