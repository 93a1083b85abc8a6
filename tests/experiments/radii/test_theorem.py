"""The instances of the theorem's experiments: what they are, and that its factors hold on them."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from fairclust.experiments.radii.theorem import FAMILIES, INSTANCES, best_fair_cost, given, instance, theorem
from fairclust.radii import fair_round


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("power", [1, 2])
def test_instances(family: str, power: int) -> None:
    for number in range(5):
        X, k, lp = instance(family, power, number)
        again = instance(family, power, number)
        np.testing.assert_array_equal(X, again[0])
        np.testing.assert_array_equal(lp.openings, again[2].openings)
        assert 1 <= k < len(X)
        assert lp.openings.sum() <= k + 1e-6
        assert ((lp.openings >= -1e-12) & (lp.openings <= 1 + 1e-12)).all()
        # A whole center is open within every radius.
        away = np.linalg.norm(X[:, None] - lp.points[None], axis=2)
        assert (((away <= lp.radii[:, None] * (1 + 1e-9)) * lp.openings).sum(axis=1) >= 1 - 1e-6).all()
        assert len(X) <= 9 or family != "tiny"


def test_families_are_different_and_blocks_too() -> None:
    first = [instance(family, 1, 0)[0] for family in FAMILIES]
    assert not any(a.shape == b.shape and np.allclose(a, b) for a, b in combinations(first, 2))
    one, two = (theorem.run_cell({"family": "tiny", "power": 1, "block": block}) for block in (0, 1))
    assert one["instance"].tolist() == list(range(INSTANCES))
    assert two["instance"].tolist() == list(range(INSTANCES, 2 * INSTANCES))


@pytest.mark.parametrize("family", ["simplices", "towns", "lattice"])
@pytest.mark.parametrize("power", [1, 2])
def test_the_rounding_is_needed_and_keeps_the_bounds(family: str, power: int) -> None:
    frame = theorem.run_cell({"family": family, "power": power, "block": 0})
    rounded = frame[frame["branch"] == "half-integral"]
    assert len(rounded) >= 0.7 * len(frame)
    assert (rounded["n_filtered"] > rounded["k"]).all()
    assert (frame["n_centers"] <= frame["k"]).all()
    assert (frame["violation"] <= 8).all()
    assert (frame["cost_factor"] <= frame["published_bound"]).all()
    assert (frame["published_bound"] <= frame["proved_bound"]).all() or (frame["branch"] == "filter").any()
    assert set(frame["optimal"]) == {family == "simplices"}
    assert frame["optimum_factor"].isna().all()


@pytest.mark.parametrize("power", [1, 2])
def test_against_all_center_sets(power: int) -> None:
    frame = theorem.run_cell({"family": "tiny", "power": power, "block": 0})
    known = frame.dropna(subset=["integrality_gap"])
    assert len(known) >= 40
    assert (known["integrality_gap"] >= 1 - 1e-6).all()  # the LP is a lower bound
    known = known[known["cost_factor"] > 0]  # where nothing is paid, there is no factor
    np.testing.assert_allclose(known["optimum_factor"] * known["integrality_gap"], known["cost_factor"], rtol=1e-5)
    X, k, lp = instance("tiny", power, 0)
    found = fair_round(X, k, lp, power=power, shortcut=False)
    assert frame["n_centers"].iloc[0] == len(found.center_indices)


def test_best_fair_cost_by_hand() -> None:
    X = np.array([[0.0], [1.0], [2.0], [10.0]])
    free = np.full(4, 20.0)
    assert best_fair_cost(X, free, 1, 1.0) == 11.0
    assert best_fair_cost(X, free, 2, 2.0) == 2.0
    assert best_fair_cost(X, np.array([0.0, 20.0, 20.0, 20.0]), 1, 1.0) == 13.0
    assert best_fair_cost(X, np.array([0.0, 0.0, 20.0, 0.0]), 2, 2.0) == np.inf


def test_given_openings_by_hand() -> None:
    X, openings = np.array([[0.0], [2.0], [3.0]]), np.array([0.5, 0.5, 1.0])
    lp = given(X, openings, np.array([1.0, 1.0, 2.0]), 2)
    np.testing.assert_allclose(lp.radii, [2.0, 1.0, 0.0])
    np.testing.assert_allclose(lp.cost_shares, [2.0, 0.5, 0.0])
    assert lp.value == pytest.approx(2.5)
