"""Figure 10: what the fair-radii LP costs when every radius is multiplied by a constant, and what Fair-Round pays."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from fairclust.baselines import MahabadiVakilian
from fairclust.experiments.radii.methods import PAPER_NAMES, PREPARED
from fairclust.experiments.runner import experiment
from fairclust.metrics import fair_radii
from fairclust.radii import cost_violation_curve

__all__ = ["MULTIPLES", "cost_gap", "cost_of_fairness"]

#: By what the paper multiplies the radii.
MULTIPLES = (1.0, 1.5, 2.0, 2.5, 3.0)
CLUSTERS = 20
#: All of the paper's samples.
SAMPLES = 10


def _grid(quick: bool) -> list[dict[str, Any]]:
    return [
        {"dataset": dataset, "sample": sample, "k": CLUSTERS}
        for dataset in PREPARED
        for sample in range(1 if quick else SAMPLES)
    ]


@experiment(
    "radii-cost-of-fairness",
    paper="radii",
    title="Figure 10: the LP's cost against a multiple of the fair radii, k = 20, with Fair-Round and MV",
    datasets=tuple(PREPARED),
    grid=_grid,
)
def cost_of_fairness(*, dataset: str, sample: int, k: int) -> list[dict[str, Any]]:
    """One sample: a row per multiple; ``lower_bound`` is certified to a relative gap of 1e-6 in squares.

    ``relative_bound`` is the bound as a share of that for the fair radii themselves; ``mv_cost`` what MV pays.
    """
    X = PREPARED[dataset](sample).X
    curve = _curve(X, k, MULTIPLES, polish=True)
    first = float(curve["lower_bound"].iloc[0])
    cheap = _mv_cost(X, k)
    return [
        {
            "paper_name": PAPER_NAMES[dataset],
            **{str(name): value for name, value in row.items()},
            "relative_bound": float(row["lower_bound"]) / first,
            "mv_cost": cheap,
        }
        for row in curve.to_dict("records")
    ]


def _curve(X: np.ndarray[Any, Any], k: int, multiples: tuple[float, ...], *, polish: bool) -> pd.DataFrame:
    """The curve; RuntimeError if one of its LPs is not solved: a bound that is too low would be drawn as a saving."""
    curve = cost_violation_curve(X, k, multiples, polish=polish)
    for theta, low, high in zip(curve["theta"], curve["lower_bound"], curve["lp_cost"], strict=True):
        if low < (1.0 - 1e-5) * high:
            raise RuntimeError(f"at {theta} times the radii the LP is only known to lie in {low:g} .. {high:g}")
    return curve


def _mv_cost(X: np.ndarray[Any, Any], k: int) -> float:
    return float(MahabadiVakilian(k, radii=fair_radii(X, k)).fit(X).cost_)


def _gap_grid(quick: bool) -> list[dict[str, Any]]:
    return [{"k": CLUSTERS, "n_samples": 1 if quick else SAMPLES}]


@experiment(
    "radii-cost-gap",
    paper="radii",
    title="Appendix A.3: where violations save little, is Fair-Round's cost closer to MV's? Pairs of data sets, k = 20",
    datasets=tuple(PREPARED),
    grid=_gap_grid,
)
def cost_gap(*, k: int, n_samples: int) -> list[dict[str, Any]]:
    r"""A row per pair of data sets; ``paper_name`` is the one of the two whose LP falls less, ``other`` the other.

    ``saved`` is the mean over the samples of :math:`1 - \mathrm{LP}(3 r) / \mathrm{LP}(r)`, between the ends of figure
    10; ``gap`` the mean cost of Fair-Round over the mean cost of MV, both with the fair radii, as figure 3 shows them.
    """
    saved, gap = {}, {}
    for dataset in PREPARED:
        shares, ours, theirs = [], [], []
        for sample in range(n_samples):
            X = PREPARED[dataset](sample).X
            curve = _curve(X, k, (MULTIPLES[0], MULTIPLES[-1]), polish=False)
            bounds = curve["lower_bound"].to_numpy()
            shares.append(1.0 - bounds[1] / bounds[0])
            ours.append(float(curve["cost"].iloc[0]))
            theirs.append(_mv_cost(X, k))
        saved[dataset] = float(np.mean(shares))
        gap[dataset] = float(np.mean(ours) / np.mean(theirs))
    ranked = sorted(PREPARED, key=lambda dataset: saved[dataset])
    return [
        {
            "paper_name": PAPER_NAMES[less],
            "other": PAPER_NAMES[more],
            "saved": saved[less],
            "other_saved": saved[more],
            "gap": gap[less],
            "other_gap": gap[more],
        }
        for less, more in combinations(ranked, 2)
    ]
