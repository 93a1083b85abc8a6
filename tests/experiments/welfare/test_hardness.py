"""The reduction from Exact Cover by 3-Sets: its instance by hand, and the quick optimum against all assignments."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from fairclust.experiments.welfare.hardness import best_assignment, draw, exact_cover, hardness, reduction
from fairclust.metrics.disutility import disutility_from_costs

YES = [(0, 1, 2), (1, 2, 3), (3, 4, 5)]
NO = [(0, 1, 2), (2, 3, 4), (1, 3, 5)]


def test_exact_cover_by_hand() -> None:
    assert exact_cover(YES, 6)
    assert not exact_cover(NO, 6)
    assert not exact_cover([(0, 1, 2)], 6)


def test_the_instance_by_hand() -> None:
    distances, colors = reduction(YES, 6)
    assert colors == ["red"] * 6 + ["blue"] * 2
    assert distances[0].tolist() == [1, 3, 3]
    assert distances[1].tolist() == [1, 1, 3]
    assert (distances[6:] == 1).all()


@pytest.mark.parametrize(("sets", "power"), [(YES, 1), (NO, 2)], ids=["yes", "no"])
def test_the_optimum_is_that_of_all_assignments(sets: list[tuple[int, ...]], power: int) -> None:
    distances, colors = reduction(sets, 6)
    values = []
    for labels in itertools.product(range(3), repeat=8):
        each = disutility_from_costs(distances**power, np.array(labels), colors, distance_weight=0.3)
        values.append((each.max(), each.sum()))
    assert best_assignment(distances, 6, 0.3, power) == pytest.approx(tuple(np.min(values, axis=0)))


@pytest.mark.parametrize("seed", range(4))
def test_reaching_the_target_answers_the_question(seed: int) -> None:
    rows = hardness.function(n_elements=6, n_sets=4, seed=seed, distance_weight=0.5)
    assert len(rows) == 4
    for row in rows:
        assert row["reaches"] == row["has_cover"]
        assert row["lp_value"] <= row["optimum"] + 1e-9
        assert row["rounded"] >= row["optimum"] - 1e-9
        assert row["target"] == (0.5 if row["objective"] == "rawlsian" else 1.0)


def test_both_answers_occur() -> None:
    cells = hardness.cells()
    answers = [exact_cover(draw(c["n_elements"], c["n_sets"], c["seed"]), c["n_elements"]) for c in cells]
    assert 10 < sum(answers) < len(answers) - 10
    for cell in cells:
        sets = draw(cell["n_elements"], cell["n_sets"], cell["seed"])
        assert len(set(sets)) == len(sets) == cell["n_sets"]
        assert all(len(set(chosen)) == 3 for chosen in sets)
