"""The search for bad instances: it never gives back what it found, and no bound is passed."""

from __future__ import annotations

import numpy as np
import pytest

from fairclust.experiments.radii.theorem_search import OBJECTIVES, _moved, theorem_search


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("power", [1, 2])
def test_a_search(objective: str, power: int) -> None:
    cell = {"objective": objective, "power": power, "start": 0}
    short, longer = (theorem_search.run_cell({**cell, "steps": steps}) for steps in (40, 160))
    assert len(short) == len(longer) == 1
    assert short[objective].iloc[0] <= longer[objective].iloc[0]
    assert longer["first"].iloc[0] == short["first"].iloc[0] <= short[objective].iloc[0]
    for row in (short.iloc[0], longer.iloc[0]):
        assert row["violation"] <= row["violation_bound"] == 8
        assert row["cost_factor"] <= row["proved_bound"] == 2 ** (2 * power + 1)
        assert row["published_bound"] == 2 ** (power + 2)


def test_a_move_keeps_what_is_open() -> None:
    rng = np.random.default_rng(0)
    X, openings, stretch = rng.normal(size=(9, 2)), np.array([5 / 6] * 6 + [0.0] * 3), np.ones(9)
    for _ in range(200):
        X, openings, stretch = _moved(rng, X, openings, stretch)
        assert openings.sum() == pytest.approx(5.0)
        assert ((openings >= 0) & (openings <= 1 + 1e-12)).all()
        assert ((stretch >= 1) & (stretch <= 3)).all()
    assert stretch.max() > 1


def test_grid() -> None:
    assert len(theorem_search.cells()) == 32
    assert len(theorem_search.cells(quick=True)) == 4
