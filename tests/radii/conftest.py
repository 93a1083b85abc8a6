"""Instances on which the filter leaves more than k rows, so that the real rounding is at work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from fairclust.radii import FairRadiiLP
from fairclust.radii.sparse import served_costs


def simplices(sizes: list[int], edges: list[float], *, far: float = 100.0) -> np.ndarray:
    """Regular simplices with these numbers of corners and edge lengths, ``far`` apart.

    If s corners share s - 1 centers and all radii reach every corner, all openings that add up to s - 1 cost the same;
    an interior-point method opens each corner by 1 - 1/s, and Filter(R, 2) leaves every corner if 1/s < 2^(-p-1).
    """
    parts, first = [], 0
    for number, (size, edge) in enumerate(zip(sizes, edges, strict=True)):
        part = np.zeros((size, sum(sizes) + 1))
        part[np.arange(size), first + np.arange(size)] = edge / np.sqrt(2.0)
        part[:, -1] = far * number
        parts.append(part)
        first += size
    return np.vstack(parts)


def by_hand(X: np.ndarray, openings: np.ndarray, radii: np.ndarray, power: float) -> FairRadiiLP:
    """Openings of the rows of X (no two alike), given as a solution of the LP; optimal they need not be."""
    shares, worst = served_costs(X, X, openings, radii, power=power)
    assert worst < 1e-9, "the radii must reach one whole center"
    value, rows = float(shares.sum()), np.arange(len(X))
    norm, k = value ** (1 / power), round(float(openings.sum()))
    return FairRadiiLP(
        value, 0.0, 1.0, norm, 0.0, openings, X, rows, shares, radii, np.zeros(len(X)), 0, "given", k, power
    )


def towns(seed: int, power: float, *, lattice: bool) -> tuple[np.ndarray, int, FairRadiiLP]:
    """Towns in the plane, each nearly a whole center open; together one to three centers are missing.

    Beside a town live up to three people who have no center open at all. On the lattice most distances are tied.
    """
    rng = np.random.default_rng(seed)
    missing = int(rng.integers(1, 4))
    n_towns = int(missing * (6 if power == 1 else 12) + rng.integers(0, 8))
    cells = rng.choice(64, n_towns, replace=False)
    town = 10.0 * np.column_stack([cells // 8, cells % 8])
    if not lattice:
        town += rng.uniform(-3.0, 3.0, town.shape)
    lack = rng.dirichlet(np.full(n_towns, 20.0)) * missing
    people = np.repeat(town, rng.integers(0, 4, n_towns), axis=0)
    people = people + rng.uniform(0.1, 1.5, people.shape) * rng.choice([-1.0, 1.0], people.shape)
    X = np.vstack([town, people])
    openings = np.concatenate([1.0 - lack, np.zeros(len(people))])
    order = rng.permutation(len(X))
    X, openings = X[order], openings[order]
    # The least radius within which a whole center is open, and at random up to a half more.
    away = np.linalg.norm(X[:, None] - X[None], axis=2)
    nearest = np.argsort(away, axis=1, kind="stable")
    enough = np.argmax(np.cumsum(openings[nearest], axis=1) >= 1.0, axis=1)
    radii = away[np.arange(len(X)), nearest[np.arange(len(X)), enough]] * (1.0 + 1e-12)
    radii *= rng.uniform(1.0, 1.5, len(X)) if rng.random() < 0.5 else 1.0
    lp = by_hand(X, openings, radii, power)
    return X, n_towns - missing, lp


@pytest.fixture(name="simplices")
def simplices_fixture() -> Callable[..., np.ndarray]:
    return simplices


@pytest.fixture(name="by_hand")
def by_hand_fixture() -> Callable[..., FairRadiiLP]:
    return by_hand


@pytest.fixture(name="towns")
def towns_fixture() -> Callable[..., tuple[np.ndarray, int, FairRadiiLP]]:
    return towns


@pytest.fixture
def corrupted() -> Callable[[FairRadiiLP], FairRadiiLP]:
    """The same openings with cost shares a million times too small."""
    return lambda lp: replace(lp, cost_shares=lp.cost_shares * 1e-6)
