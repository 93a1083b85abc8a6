"""Appendix G.4: Bank with its three groups, and the Rawlsian objective that the paper leaves out there."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from fairclust.experiments.preparation import welfare_bank
from fairclust.experiments.runner import experiment
from fairclust.experiments.welfare.methods import CLUSTERS, DISTANCE_WEIGHTS, Objective, compare, normalisation
from fairclust.groups import Groups, encode_groups

__all__ = ["several_groups"]


@lru_cache(maxsize=1)
def _bank() -> tuple[Any, Groups, dict[Objective, float]]:
    data = welfare_bank()
    groups = encode_groups(data.groups)
    return data.X, groups, normalisation(data.X, groups, CLUSTERS)


def _grid(quick: bool) -> list[dict[str, Any]]:
    clusters, seeds = ((4,), 1) if quick else (CLUSTERS, 3)
    return [{"dataset": "bank", "k": k, "seed": seed} for seed in range(seeds) for k in clusters]


@experiment(
    "welfare-several-groups",
    paper="welfare",
    title="Appendix G.4: Bank with three groups, the Utilitarian and (beyond the paper) the Rawlsian objective",
    datasets=("bank",),
    grid=_grid,
)
def several_groups(*, dataset: str, k: int, seed: int) -> list[dict[str, Any]]:
    """All methods on Bank for one k and seed; columns as in ``welfare-comparison``, groups in alphabetical order.

    FCBC-Util for three groups is the library's search, which ends with a proof to 1/128; the authors' code has none.
    """
    X, groups, scales = _bank()
    return compare(X, groups, k, seed, scales, DISTANCE_WEIGHTS)
