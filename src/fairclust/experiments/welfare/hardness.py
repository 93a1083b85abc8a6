r"""Appendix C: with the centers fixed, the best assignment answers Exact Cover by 3-Sets.

The text lost the instance's numbers; this is one with every property that its words state. Given m sets of three out of
3q elements: a center per set; a red point per element, at distance 1 from the centers of the sets that hold it; q blue
points at distance 1 from every center; all other distances are those of that graph's shortest paths. So
:math:`r_{red} = 3/4` and :math:`r_{blue} = 1/4`, and :math:`\alpha = \beta = 0`. Each group's disutility is at least
:math:`\lambda`. It is exactly that for both groups if and only if nobody travels farther than 1 and every cluster that
is not empty has three red points for each blue one: then it holds a whole set and one blue point, and these sets are an
exact cover. So the objectives reach :math:`\lambda` and :math:`2\lambda` if and only if there is one.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairclust.experiments.runner import experiment
from fairclust.welfare import assign

__all__ = ["best_assignment", "exact_cover", "hardness", "reduction"]

Floats = NDArray[np.float64]
Sets = list[tuple[int, ...]]
Counts = tuple[int, ...]


def exact_cover(sets: Sets, n_elements: int) -> bool:
    """Whether some of the sets hold every element exactly once, by trying all that could."""
    return any(
        len(set().union(*chosen)) == n_elements for chosen in itertools.combinations(sets, n_elements // len(sets[0]))
    )


def reduction(sets: Sets, n_elements: int) -> tuple[Floats, list[str]]:
    """Distances of the points to the centers, shape (4q, m), and the points' colors: first elements, then blue."""
    holds = np.array([[element in chosen for chosen in sets] for element in range(n_elements)])
    # Element - set - blue point - other set: a center that does not hold an element is three steps away.
    red = np.where(holds, 1.0, 3.0)
    blue = np.ones((n_elements // 3, len(sets)))
    return np.vstack([red, blue]), ["red"] * n_elements + ["blue"] * (n_elements // 3)


def best_assignment(distances: Floats, n_elements: int, weight: float, power: int) -> tuple[float, float]:
    r"""The least Rawlsian and the least Utilitarian objective over all :math:`m^{4q}` assignments.

    For given numbers of red and blue points in each cluster only the red points' total cost is left to choose, and its
    minimum is found point by point for all numbers at once.
    """
    n, m = distances.shape
    n_blue = n - n_elements
    costs = distances**power
    cheapest: dict[Counts, float] = {(0,) * m: 0.0}
    for j in range(n_elements):
        following: dict[Counts, float] = {}
        for counts, cost in cheapest.items():
            for i in range(m):
                key = (*counts[:i], counts[i] + 1, *counts[i + 1 :])
                total = cost + costs[j, i]
                if total < following.get(key, np.inf):
                    following[key] = total
        cheapest = following
    red = np.array(list(cheapest))
    red_cost = np.array(list(cheapest.values()))
    rawlsian, utilitarian = np.inf, np.inf
    for chosen in itertools.combinations_with_replacement(range(m), n_blue):
        blue = np.bincount(chosen, minlength=m)
        # With two groups and no tolerance both have the same violation: |C_i^red| - 3/4 |C_i| up to its sign.
        violation = np.abs(red - 0.75 * (red + blue)).sum(axis=1)
        of_red = (weight * red_cost + (1 - weight) * violation) / n_elements
        of_blue = (weight * n_blue + (1 - weight) * violation) / n_blue
        rawlsian = min(rawlsian, float(np.maximum(of_red, of_blue).min()))
        utilitarian = min(utilitarian, float((of_red + of_blue).min()))
    return rawlsian, utilitarian


def draw(n_elements: int, n_sets: int, seed: int) -> Sets:
    """Distinct sets of three; half of the seeds contain a cover, the others may."""
    rng = np.random.default_rng([n_elements, n_sets, seed])
    every = list(itertools.combinations(range(n_elements), 3))
    sets: Sets = []
    if seed % 2 == 0:
        mixed = rng.permutation(n_elements).reshape(-1, 3)
        sets = [tuple(sorted(int(e) for e in row)) for row in mixed]
    others = [chosen for chosen in every if chosen not in sets]
    drawn = rng.choice(len(others), n_sets - len(sets), replace=False)
    return sets + [others[i] for i in drawn]


def _grid(quick: bool) -> list[dict[str, Any]]:
    sizes = [(6, 3), (6, 5)] if quick else [(6, 2), (6, 3), (6, 4), (6, 5), (6, 6), (9, 4), (9, 5)]
    return [
        {"n_elements": n, "n_sets": m, "seed": seed, "distance_weight": (0.5, 0.2, 0.8)[seed % 3]}
        for n, m in sizes
        for seed in range(2 if quick else 8)
    ]


@experiment(
    "welfare-hardness",
    paper="welfare",
    title="Appendix C: the reduction from Exact Cover by 3-Sets, both answers by brute force",
    datasets=(),
    grid=_grid,
)
def hardness(*, n_elements: int, n_sets: int, seed: int, distance_weight: float) -> list[dict[str, Any]]:
    """One family of sets, p = 1 and 2: is there a cover, and do the objectives reach lambda and 2 lambda?"""
    sets = draw(n_elements, n_sets, seed)
    covered = exact_cover(sets, n_elements)
    distances, colors = reduction(sets, n_elements)
    rows = []
    for power in (1, 2):
        best = best_assignment(distances, n_elements, distance_weight, power)
        for objective, optimum, target in zip(
            ("rawlsian", "utilitarian"), best, (distance_weight, 2 * distance_weight), strict=True
        ):
            found = assign(distances**power, colors, objective=objective, distance_weight=distance_weight)  # type: ignore[arg-type]
            rows.append(
                {
                    "power": power,
                    "objective": objective,
                    "has_cover": int(covered),
                    "optimum": optimum,
                    "target": target,
                    "reaches": int(optimum <= target + 1e-9),
                    "lp_value": found.lp_value,
                    "rounded": found.value,
                    "rounding_bound": found.rounding_bound,
                    # What makes the problem hard for the LP: half of a set here and half of another there.
                    "lp_reaches": int(found.lp_value <= target + 1e-7),
                }
            )
    return rows
