r"""The main theorem on instances that need its rounding: violation and cost against the factors, and against optima.

On the paper's samples the filter of Fair-Round leaves at most k rows nearly always, so that the smudging, halves and
colors of its analysis are hardly ever used. The families here are made so that they are:

``simplices``
    Groups of s points, all equally far from each other, that share s - 1 centers. Every opening of s - 1 costs the
    same, so the even one, 1 - 1/s everywhere, which an interior-point method finds, is optimal; and the filter, with
    R small, removes nobody.
``towns``, ``lattice``
    Towns in the plane, each nearly a whole center open, one to three centers missing in all, and beside some of them
    people with no center at all. These openings are feasible, not optimal; the analysis uses no more than that. On
    the lattice most distances are tied.
``tiny``
    At most nine random points, so that the best centers that keep all radii are found by trying all.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairclust.distances import cost_matrix
from fairclust.experiments.runner import experiment
from fairclust.metrics import fair_radii
from fairclust.radii import FairRadiiLP, FairRounding, fair_radii_lp, fair_round
from fairclust.radii.sparse import served_costs

__all__ = ["FAMILIES", "POWERS", "best_fair_cost", "given", "instance", "theorem"]

Floats = NDArray[np.float64]

FAMILIES = ("simplices", "towns", "lattice", "tiny")
POWERS = (1, 2)
#: Instances of one cell.
INSTANCES = 50


def _grid(quick: bool) -> list[dict[str, Any]]:
    return [
        {"family": family, "power": power, "block": block}
        for family in FAMILIES
        for power in POWERS
        for block in range(1 if quick else 8)
    ]


@experiment(
    "radii-theorem",
    paper="radii",
    title="The main theorem where the rounding is needed: violation and cost factors on four synthetic families",
    datasets=(),
    grid=_grid,
)
def theorem(*, family: str, power: int, block: int) -> list[dict[str, Any]]:
    r"""A row per instance, rounded without the authors' shortcut, which would leave nothing to round.

    ``cost_factor`` is :math:`\sum_v d(v, S)^p / \sum_v C_v`; ``published_bound`` the paper's :math:`2^{p+2}`,
    ``proved_bound`` what :mod:`fairclust.radii.guarantees` proves for the ``branch``. ``optimal`` says whether the
    fractional solution is an optimum of the LP. In the family "tiny", ``optimum_factor`` is the same cost over that of
    the best centers that keep every radius, and ``integrality_gap`` theirs over the LP (NaN where none do).
    """
    rows = []
    for number in range(block * INSTANCES, (block + 1) * INSTANCES):
        X, k, lp = instance(family, power, number)
        found = fair_round(X, k, lp, power=power, shortcut=False)
        rows.append({"instance": number, "n": len(X), "k": k, **_row(X, k, lp, found, family, power)})
    return rows


def _row(X: Floats, k: int, lp: FairRadiiLP, found: FairRounding, family: str, power: int) -> dict[str, Any]:
    kept = found.guarantees
    row: dict[str, Any] = {
        "optimal": family in ("simplices", "tiny"),
        "branch": found.branch,
        "n_filtered": len(found.filtered),
        "n_centers": len(found.center_indices),
        "violation": kept.violation,
        "cost_factor": kept.cost_factor,
        "published_bound": kept.published_cost_bound,
        "proved_bound": kept.cost_bound,
        "optimum_factor": float("nan"),
        "integrality_gap": float("nan"),
    }
    if family == "tiny":
        best = best_fair_cost(X, lp.radii, k, power)
        if np.isfinite(best):
            away = cost_matrix(X, X[found.center_indices], power=power)
            row["optimum_factor"] = _ratio(float(away.min(axis=1).sum()), best)
            row["integrality_gap"] = _ratio(best, lp.value)
    return row


def _ratio(cost: float, least: float) -> float:
    """A cost over the least one; 1 where both are nothing but rounding."""
    return 1.0 if cost <= 1e-9 else cost / least


def instance(family: str, power: int, number: int) -> tuple[Floats, int, FairRadiiLP]:
    """Points, k and a fractional solution, the same for the same arguments.

    Examples
    --------
    >>> X, k, lp = instance("simplices", 1, 0)
    >>> len(X) - k, bool(lp.openings.sum() <= k + 1e-6)
    (2, True)
    """
    rng = np.random.default_rng([FAMILIES.index(family), power, number])
    if family == "simplices":
        return _simplices(rng, power)
    if family == "tiny":
        return _tiny(rng, power)
    return _towns(rng, power, lattice=family == "lattice")


def _simplices(rng: np.random.Generator, power: int) -> tuple[Floats, int, FairRadiiLP]:
    """One to three regular simplices, far apart, each a center short of its corners."""
    least = 2 ** (power + 1) + 1
    sizes = rng.integers(least, least + 8, int(rng.integers(1, 4)))
    # With equal edges no simplex is cheaper to leave short than another.
    edges = np.full(len(sizes), rng.uniform(0.5, 2.0))
    parts, first = [], 0
    for position, (size, edge) in enumerate(zip(sizes, edges, strict=True)):
        part = np.zeros((size, int(sizes.sum()) + 1))
        part[np.arange(size), first + np.arange(size)] = edge / np.sqrt(2.0)
        part[:, -1] = 100.0 * position
        parts.append(part)
        first += int(size)
    X, k = np.vstack(parts), int(sizes.sum()) - len(sizes)
    return X, k, fair_radii_lp(X, k, power=power, radii=np.repeat(1.5 * edges, sizes))


def _towns(rng: np.random.Generator, power: int, *, lattice: bool) -> tuple[Floats, int, FairRadiiLP]:
    missing = int(rng.integers(1, 4))
    n_towns = int(missing * (6 if power == 1 else 12) + rng.integers(0, 8))
    cells = rng.choice(64, n_towns, replace=False)
    town = 10.0 * np.column_stack([cells // 8, cells % 8])
    if not lattice:
        town += rng.uniform(-3.0, 3.0, town.shape)
    lack = rng.dirichlet(np.full(n_towns, 20.0)) * missing
    people = np.repeat(town, rng.integers(0, 4, n_towns), axis=0)
    people = people + rng.uniform(0.1, 1.5, people.shape) * rng.choice([-1.0, 1.0], people.shape)
    X, openings = np.vstack([town, people]), np.concatenate([1.0 - lack, np.zeros(len(people))])
    order = rng.permutation(len(X))
    X, openings = X[order], openings[order]
    stretch = rng.uniform(1.0, 1.5, len(X)) if rng.random() < 0.5 else np.ones(len(X))
    return X, n_towns - missing, given(X, openings, stretch, power)


def given(X: Floats, openings: Floats, stretch: Floats, power: float) -> FairRadiiLP:
    """Openings of the rows of X, no two alike, as a solution for the least radii that reach a whole center.

    ``stretch``, at least 1, is by how much each radius is more than that. The solution is feasible, not optimal.
    """
    away = cost_matrix(X, X, power=1)
    nearest = np.argsort(away, axis=1, kind="stable")
    enough = np.argmax(np.cumsum(openings[nearest], axis=1) >= 1.0 - 1e-12, axis=1)
    each = np.arange(len(X))
    radii = away[each, nearest[each, enough]] * (1.0 + 1e-12) * stretch
    shares, _ = served_costs(X, X, openings, radii, power=power)
    value = float(shares.sum())
    return FairRadiiLP(
        value=value,
        lower_bound=0.0,
        gap=1.0,
        norm=value ** (1 / power),
        norm_lower_bound=0.0,
        openings=openings,
        points=X,
        point_of_row=each,
        cost_shares=shares,
        radii=radii,
        prices=np.zeros(len(X)),
        n_iterations=0,
        status="given",
        n_clusters=round(float(openings.sum())),
        power=power,
    )


def _tiny(rng: np.random.Generator, power: int) -> tuple[Floats, int, FairRadiiLP]:
    """Random points in the plane, every other time on a small lattice; radii 1 to 1.5 times the fair ones."""
    n = int(rng.integers(4, 10))
    k = int(rng.integers(1, min(5, n)))
    X = rng.normal(size=(n, 2)) if rng.random() < 0.5 else rng.integers(0, 5, (n, 2)).astype(np.float64)
    radii = fair_radii(X, k) * rng.uniform(1.0, 1.5)
    return X, k, fair_radii_lp(X, k, power=power, radii=radii)


def best_fair_cost(X: Floats, radii: Floats, k: int, power: float) -> float:
    r"""The least :math:`\sum_v d(v, S)^p` over all sets of k rows that keep every radius; infinity if none does.

    Examples
    --------
    >>> X = np.array([[0.0], [1.0], [5.0]])
    >>> [best_fair_cost(X, np.array([1.0, 1.0, 4.0]), k, 2.0) for k in (1, 2)]
    [17.0, 1.0]
    """
    away, costs = cost_matrix(X, X, power=1), cost_matrix(X, X, power=power)
    best = float("inf")
    for rows in combinations(range(len(X)), k):
        chosen = list(rows)
        if (away[:, chosen].min(axis=1) <= radii * (1.0 + 1e-9)).all():
            best = min(best, float(costs[:, chosen].min(axis=1).sum()))
    return best
