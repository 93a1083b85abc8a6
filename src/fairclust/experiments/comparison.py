r"""Every method by every notion on every data set: what it costs to be fair in one sense, seen in all the others.

The three papers compare each method by the notion that it was made for. Here each of them is judged by all of them, on
the same points, with the same k, from the same seeds, by :class:`~fairclust.metrics.FairnessReport`. Every column is
standardised, whatever the paper of a method does with its own data, since the methods share one input.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from fairclust.experiments.preparation import (
    Prepared,
    antidote_lfw,
    radii_diabetes,
    welfare_adult,
    welfare_bank,
    welfare_census_income,
    welfare_credit_card,
)
from fairclust.experiments.runner import experiment
from fairclust.methods import METHODS
from fairclust.metrics import FairnessReport, fair_radii

__all__ = ["CLUSTERS", "FULL_SIZE", "NOTIONS", "PREPARED", "SAMPLE_SIZE", "full_size", "samples"]

#: The data sets of the papers, by the name of their loader; groups: sex, marital status (bank, credit card).
PREPARED = {
    "adult": welfare_adult,
    "bank": welfare_bank,
    "credit_card": welfare_credit_card,
    "census_income": welfare_census_income,
    "diabetes": radii_diabetes,
    "lfw": antidote_lfw,
}

#: The third paper's sample size; every method answers within seconds.
SAMPLE_SIZE = 1000
CLUSTERS = (5, 10)

#: Samples drawn from each data set: one from those that are not embedded, so that all of it takes minutes.
SEEDS = {"adult": 2, "bank": 2, "credit_card": 2, "census_income": 1, "diabetes": 1, "lfw": 1}

#: Methods whose work grows no faster than n k, up to logarithms and the number of their iterations; searches for
#: antidotes at full size have experiments of their own.
FULL_SIZE = ("kmeans", "rawlsian", "utilitarian", "fair_lloyd", "bera", "bounded_cost")

#: What each column measures, and whether more is better.
NOTIONS = {
    "mean_cost": ("k-means cost per point", False),
    "social_cost": ("social cost", False),
    "balance": ("balance", True),
    "violation": ("mean proportional violation", False),
    "rawlsian": ("Rawlsian disutility", False),
    "utilitarian": ("utilitarian disutility", False),
    "max_radius_violation": ("largest violation of a fair radius", False),
}

#: lambda and delta of the welfare paper's disutility: the middle of its range, and its tolerance.
DISTANCE_WEIGHT, SLACK = 0.5, 0.1


def _samples_grid(quick: bool) -> list[dict[str, Any]]:
    return [
        {"dataset": dataset, "method": method, "k": k, "seed": seed}
        for dataset in (("bank",) if quick else PREPARED)
        for method in METHODS
        for k in CLUSTERS[: 1 if quick else None]
        for seed in range(1 if quick else SEEDS[dataset])
    ]


@experiment(
    "comparison",
    paper="comparison",
    title="Every method by every notion on samples of 1,000 points of six data sets",
    datasets=tuple(PREPARED),
    grid=_samples_grid,
    measured=("seconds",),
)
def samples(*, dataset: str, method: str, k: int, seed: int) -> list[dict[str, Any]]:
    """One method on one sample: its value under every notion, and its processor seconds."""
    X, groups = _standardised(PREPARED[dataset](), SAMPLE_SIZE, seed)
    return [_judged(X, groups, method, k, seed, radii=fair_radii(X, k))]


def _full_size_grid(quick: bool) -> list[dict[str, Any]]:
    return [
        {"dataset": dataset, "method": method, "k": k, "seed": 0}
        for dataset in (("bank",) if quick else ("adult", "bank", "credit_card"))
        for method in FULL_SIZE
        for k in CLUSTERS[: 1 if quick else None]
    ]


@experiment(
    "comparison-full-size",
    paper="comparison",
    title="The methods that scale, by every group notion, on all points of three data sets",
    datasets=("adult", "bank", "credit_card"),
    grid=_full_size_grid,
    measured=("seconds",),
)
def full_size(*, dataset: str, method: str, k: int, seed: int) -> list[dict[str, Any]]:
    """One method on all points: its value under every notion of groups, and its processor seconds."""
    X, groups = _standardised(PREPARED[dataset](), None, seed)
    return [_judged(X, groups, method, k, seed, radii=None)]


def _standardised(data: Prepared, size: int | None, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows drawn without replacement, each column standardised over them (a constant one becomes 0); their groups."""
    rows = np.arange(len(data.X))
    if size is not None:
        rows = np.sort(np.random.default_rng(seed).choice(len(data.X), size=min(size, len(rows)), replace=False))
    X = data.X[rows]
    spread = X.std(axis=0)
    return (X - X.mean(axis=0)) / np.where(spread > 0, spread, 1.0), data.groups.to_numpy()[rows]


def _judged(
    X: np.ndarray, groups: np.ndarray, method: str, k: int, seed: int, radii: np.ndarray | None
) -> dict[str, Any]:
    start = time.process_time()
    model = METHODS[method].make(k, seed).fit(X, sensitive_features=groups)
    seconds = time.process_time() - start
    centers = X[model.center_indices_] if hasattr(model, "center_indices_") else model.cluster_centers_
    report = FairnessReport(
        X, model.labels_, centers, groups, distance_weight=DISTANCE_WEIGHT, slack=SLACK, radii=radii
    )
    row = {
        "n": len(X),
        "n_groups": len(report.by_group),
        "n_centers": len(centers),
        "mean_cost": float(report.overall["mean_cost"]),
        "social_cost": float(report.objectives["social_cost"]),
        "balance": float(report.objectives["balance"]),
        "violation": float(report.overall["proportional_violation"]),
        "rawlsian": float(report.objectives["rawlsian"]),
        "utilitarian": float(report.objectives["utilitarian"]),
    }
    if radii is not None:
        row["max_radius_violation"] = float(report.objectives["max_radius_violation"])
    return {**row, "seconds": seconds}
