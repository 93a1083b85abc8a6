r"""How bad can the rounding be? A random search for instances with a large violation or a large cost factor.

Random instances show what is usual, not what is possible. From towns with nearly whole centers, the search moves
points, shifts what is open and stretches radii, and keeps what makes the factor larger.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairclust.experiments.radii.theorem import given
from fairclust.experiments.runner import experiment
from fairclust.radii import FairRounding, fair_round

__all__ = ["OBJECTIVES", "theorem_search"]

Floats = NDArray[np.float64]
#: Points, openings, and by how much each radius is more than the least.
State = tuple[Floats, Floats, Floats]

#: What the search makes large.
OBJECTIVES = ("violation", "cost_factor")


def _grid(quick: bool) -> list[dict[str, Any]]:
    return [
        {"objective": objective, "power": power, "start": start, "steps": 50 if quick else 3000}
        for objective in OBJECTIVES
        for power in (1, 2)
        for start in range(1 if quick else 8)
    ]


@experiment(
    "radii-theorem-search",
    paper="radii",
    title="The main theorem: the worst violations and cost factors of the half-integral rounding that a search finds",
    datasets=(),
    grid=_grid,
)
def theorem_search(*, objective: str, power: int, start: int, steps: int) -> list[dict[str, Any]]:
    """One search; a row for the worst instance that it found, with the bounds that it did not pass.

    Only instances on which the filter leaves more than k rows count. The fractional solutions are feasible, not
    optimal: the analysis uses no more. ``first`` is the factor of the start.
    """
    rng = np.random.default_rng([OBJECTIVES.index(objective), power, start])
    # The filter keeps all towns only if each lacks less than 2^(-p-1) of a center.
    n_towns, n_people = int(rng.integers(9, 15)), int(rng.integers(2, 8))
    k = n_towns - (int(rng.integers(1, 3)) if power == 1 else 1)
    X = rng.uniform(0.0, 10.0, (n_towns + n_people, 2))
    openings = np.concatenate([np.full(n_towns, k / n_towns), np.zeros(n_people)])
    state: State = (X, openings, np.ones(len(X)))
    first = best = float("nan")
    kept: FairRounding | None = None
    for _ in range(steps):
        moved = _moved(rng, *state)
        found = _rounded(*moved, k, power)
        if found is None:
            continue
        factor = float(getattr(found.guarantees, objective))
        if kept is None:
            first = factor
        if kept is None or factor >= best:
            best, kept, state = factor, found, moved
    if kept is None:
        return []
    return [
        {
            "n": len(X),
            "k": k,
            "first": first,
            "violation": kept.guarantees.violation,
            "violation_bound": kept.guarantees.violation_bound,
            "cost_factor": kept.guarantees.cost_factor,
            "published_bound": kept.guarantees.published_cost_bound,
            "proved_bound": kept.guarantees.cost_bound,
        }
    ]


def _rounded(X: Floats, openings: Floats, stretch: Floats, k: int, power: int) -> FairRounding | None:
    """The half-integral rounding, or None where the filter leaves at most k rows."""
    found = fair_round(X, k, given(X, openings, stretch, power), power=power, shortcut=False)
    return found if found.branch == "half-integral" else None


def _moved(rng: np.random.Generator, X: Floats, openings: Floats, stretch: Floats) -> State:
    """A neighbouring instance: some points elsewhere, some of a center shifted, some radii stretched."""
    scale = 10.0 ** rng.uniform(-3.0, 0.5)
    touched = rng.random(len(X)) < rng.uniform(0.1, 0.6)
    X = X + scale * touched[:, None] * rng.normal(size=X.shape)
    openings = openings.copy()
    for _ in range(int(rng.integers(0, 3))):
        giver, taker = rng.choice(len(X), 2, replace=False)
        most = min(openings[giver], 1.0 - openings[taker])
        part = most * min(1.0, scale * rng.random())
        openings[giver] -= part
        openings[taker] += part
    if rng.random() < 0.3:
        stretch = np.clip(stretch * np.exp(0.3 * touched * rng.normal(size=len(X))), 1.0, 3.0)
    return X, openings, stretch
