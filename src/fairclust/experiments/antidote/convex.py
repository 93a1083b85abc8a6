"""Algorithm 1 (Appendix B): sum-of-norms clustering and social fairness, what the relaxation promises and gives.

The appendix is not at hand, and with it lambda, gamma and the sizes of its data; so both parameters are swept, on
samples small enough for all pairs of points.
"""

from __future__ import annotations

import warnings
from typing import Any

from sklearn.exceptions import ConvergenceWarning

from fairclust.antidote import ConvexAntidote, gamma_lambda_study
from fairclust.experiments.antidote.questions import sample_of
from fairclust.experiments.antidote.vanilla import PREPARED
from fairclust.experiments.runner import experiment

__all__ = ["algorithm_1", "algorithm_1_rounds"]

#: gamma of the affine constraint; V is the same for all, and at 1 every V keeps the promise, which is 0.
GAMMAS = (0.0, 0.5, 0.9)
#: lambda as a share of the one that surely fuses all of U.
LAMBDAS = (0.1, 0.25, 0.5, 0.75, 1.0, 1.5)
#: Duality gap of sum-of-norms clustering, relative.
TOL = 1e-7


def _algorithm_1_grid(quick: bool) -> list[dict[str, Any]]:
    return [
        {"dataset": dataset, "n": 20 if quick else 80, "n_antidote": 3 if quick else 10, "bounds": bounds, "seed": seed}
        for dataset in list(PREPARED)[: 1 if quick else None]
        for bounds in ("none", "data")
        for seed in range(1 if quick else 2)
    ]


@experiment(
    "antidote-algorithm-1",
    paper="antidote",
    title="Algorithm 1: promise and truth by lambda and gamma, sum-of-norms clustering and social cost, small samples",
    datasets=tuple(PREPARED),
    grid=_algorithm_1_grid,
)
def algorithm_1(*, dataset: str, n: int, n_antidote: int, bounds: str, seed: int) -> list[dict[str, Any]]:
    """One sample: a row for each gamma and lambda.

    ``relaxed`` is the social cost that the convex program promises, ``own`` that of U and V clustered again, both with
    each point's own centroid; ``fairness`` is Definition 1, with the nearest center; ``vanilla_own`` and ``vanilla``
    are the same without V. With "none" V may lie anywhere, as in the paper, with "data" in the box that U spans.
    """
    data = sample_of(dataset, n, seed)
    with warnings.catch_warnings():
        # A gap that is not reached is in the column "proven".
        warnings.simplefilter("ignore", ConvergenceWarning)
        study = gamma_lambda_study(
            data.X,
            data.groups,
            GAMMAS,
            LAMBDAS,
            n_antidote=n_antidote,
            bounds=None if bounds == "none" else bounds,
            tol=TOL,
            max_iter=2_000,
        )
    study["gain"] = study["vanilla"] - study["fairness"]
    # A gap and a residual at the level of rounding are no results; "proven" says what they are good for.
    study = study.drop(columns=["n_antidote", "gap", "kkt_residual"])
    return [{str(name): value for name, value in row.items()} for row in study.to_dict("records")]


def _rounds_grid(quick: bool) -> list[dict[str, Any]]:
    return [
        {"dataset": dataset, "n": 20 if quick else 40, "v_star": 3 if quick else 6, "regularization": 1.0, "seed": 0}
        for dataset in list(PREPARED)[: 1 if quick else None]
    ]


@experiment(
    "antidote-algorithm-1-rounds",
    paper="antidote",
    title="Section 3.1: how many rounds Algorithm 1 takes where a feasible V* is known",
    datasets=tuple(PREPARED),
    grid=_rounds_grid,
)
def algorithm_1_rounds(*, dataset: str, n: int, v_star: int, regularization: float, seed: int) -> list[dict[str, Any]]:
    """Algorithm 1 from one point, one more each round, with the target that its own V* of ``v_star`` points meets."""
    data = sample_of(dataset, n, seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        known = ConvexAntidote(regularization, v_star, tol=TOL).fit(data.X, sensitive_features=data.groups)
        model = ConvexAntidote(regularization, 1, target=known.fairness_, growth=1, max_rounds=2 * v_star, tol=TOL).fit(
            data.X, sensitive_features=data.groups
        )
    return [
        {
            "target": known.fairness_,
            "vanilla_fairness": model.vanilla_fairness_,
            "fairness": model.fairness_,
            "rounds": model.n_rounds_,
            "reached": model.target_reached_,
        }
    ]
