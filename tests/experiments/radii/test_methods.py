"""What each method opens on a small set of points: one LP serves several, and times are of the method alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from fairclust.distances import nearest_centers
from fairclust.experiments.preparation import radii_bank
from fairclust.experiments.radii import methods
from fairclust.experiments.radii.methods import METHODS, PAPER_NAMES, PREPARED, SPARSIFY, Solution, judged, solutions
from fairclust.metrics import fair_radii
from fairclust.radii import FairRadiiLP, fair_radii_lp, fair_round, sparse_fair_round

X = np.random.default_rng(1).normal(size=(70, 2))
K = 4
RADII = fair_radii(X, K)


@pytest.fixture(scope="module")
def found() -> dict[str, Solution]:
    return {one.method: one for one in solutions(X, RADII, K, 2, sparsify=0.2, seed=0)}


def test_every_data_set_has_its_settings() -> None:
    assert set(PREPARED) == set(PAPER_NAMES) == set(SPARSIFY)
    assert SPARSIFY == {"bank": 0.3, "adult": 0.05, "diabetes": 0.01}


def test_all_methods_in_order(found: dict[str, Solution]) -> None:
    assert list(found) == list(METHODS)
    assert [one.method for one in solutions(X, RADII, K, 1, sparsify=0.2, seed=0)] == list(METHODS)[1:]


@pytest.mark.parametrize("name", ["jkl", "mv", "local_search", "kmeans"])
def test_one_alone_is_the_same(found: dict[str, Solution], name: str) -> None:
    (alone,) = solutions(X, RADII, K, 2, sparsify=0.2, seed=0, only=(name,))
    np.testing.assert_array_equal(alone.centers, found[name].centers)
    assert np.isnan([alone.lp, alone.lp_gap, alone.lp_seconds]).all()
    assert alone.branch == ""


def test_fair_round_in_all_its_roundings(found: dict[str, Solution]) -> None:
    lp = fair_radii_lp(X, K, ties="cut")
    with_search, without = fair_round(X, K, lp), fair_round(X, K, lp, shortcut=False)
    np.testing.assert_array_equal(found["fair_round"].centers, X[with_search.center_indices])
    np.testing.assert_array_equal(found["fair_round_theory"].centers, X[without.center_indices])
    assert (found["fair_round"].branch, found["fair_round_theory"].branch) == (with_search.branch, without.branch)
    assert found["fair_round"].lp == found["polished"].lp == pytest.approx(lp.norm, rel=1e-9)
    assert found["polished"].seconds >= found["fair_round"].seconds >= found["fair_round"].lp_seconds > 0


@pytest.mark.parametrize(("most", "wanted"), [(50, "interior"), (100, "benders")])
def test_how_the_relaxed_radii_are_solved(
    found: dict[str, Solution], monkeypatch: pytest.MonkeyPatch, most: int, wanted: str
) -> None:
    """Another method for some sizes, the same LP for all."""
    asked = []

    def lp(*args: Any, **options: Any) -> FairRadiiLP:
        asked.append(options["method"])
        return fair_radii_lp(*args, **options)

    monkeypatch.setattr(methods, "CUT_UP_TO", 10)
    monkeypatch.setattr(methods, "BENDERS_UP_TO", most)
    monkeypatch.setattr(methods, "fair_radii_lp", lp)
    relaxed = solutions(X, RADII, K, 2, sparsify=0.2, seed=0, only=("mv", "relaxed"))[1]
    assert asked[-1] == wanted
    assert relaxed.lp == pytest.approx(found["relaxed"].lp, rel=1e-7)


def test_many_points_keep_their_ties(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that coincide are merged where there are many: the same LP up to ties, on fewer points."""
    twice = np.repeat(X[:20], 3, axis=0)
    radii = fair_radii(twice, K)
    cut = solutions(twice, radii, K, 2, sparsify=0.2, seed=0, only=("fair_round",))[0]
    monkeypatch.setattr(methods, "CUT_UP_TO", 10)
    kept = solutions(twice, radii, K, 2, sparsify=0.2, seed=0, only=("fair_round",))[0]
    assert kept.lp == pytest.approx(fair_radii_lp(twice, K, radii=radii).norm, rel=1e-8)
    assert kept.lp <= cut.lp * (1 + 1e-8)


def test_relaxed_radii_are_those_that_mv_leaves(found: dict[str, Solution]) -> None:
    lax = np.maximum(RADII, nearest_centers(X, found["mv"].centers)[1])
    lp = fair_radii_lp(X, K, radii=lax)
    assert found["relaxed"].lp == pytest.approx(lp.norm, rel=1e-9)
    np.testing.assert_array_equal(found["relaxed"].centers, X[fair_round(X, K, lp).center_indices])


def test_sparse(found: dict[str, Solution]) -> None:
    thin = sparse_fair_round(X, K, 0.2)
    assert found["sparse"].lp == pytest.approx(thin.lp.norm, rel=1e-9)
    np.testing.assert_array_equal(found["sparse"].centers, X[thin.rounding.center_indices])
    assert np.isnan(found["sparse"].lp_seconds)


@pytest.mark.parametrize("power", [1, 2])
def test_judged_by_hand(power: int) -> None:
    points, radii = np.array([[0.0], [3.0], [4.0], [4.0]]), np.array([2.0, 3.0, 0.0, 1.0])
    row = judged(points, radii, power, Solution("jkl", np.array([[4.0], [0.5]]), 1.5))
    # Distances 0.5, 1, 0, 0: theta = 1/4, 1/3, 0/0, 0.
    assert row["max_violation"] == pytest.approx(1 / 3)
    assert row["mean_violation"] == pytest.approx((1 / 4 + 1 / 3 + 0) / 3)
    assert row["share_violated"] == 0.0
    assert row["cost"] == pytest.approx(1.5 if power == 1 else np.sqrt(1.25))
    assert (row["method"], row["n_centers"], row["seconds"]) == ("jkl", 2, 1.5)


def test_beyond_a_radius_is_more_than_rounding() -> None:
    points = np.array([[0.0], [1.0], [2.0]])
    row = judged(points, np.array([1.0, 1.0 - 1e-12, 0.5]), 2, Solution("mv", points[:1], 0.0))
    assert row["share_violated"] == pytest.approx(1 / 3)
    assert row["max_violation"] == 4.0
    infinite = judged(points, np.array([0.0, 0.0, 1.0]), 2, Solution("mv", points[:1], 0.0))
    assert infinite["max_violation"] == infinite["mean_violation"] == np.inf


class TestSolved:
    def test_the_first_answer_if_it_is_good(self) -> None:
        lp = methods.solved_lp(X, K, gap=1e-8)
        assert lp.value == fair_radii_lp(X, K, gap=1e-8).value

    def test_never_from_an_lp_that_is_not_solved(self, monkeypatch: pytest.MonkeyPatch) -> None:
        lp = replace(fair_radii_lp(X, K), gap=0.2, status="iteration_limit")
        monkeypatch.setattr(methods, "fair_radii_lp", lambda *args, **options: lp)
        with pytest.raises(RuntimeError, match=r"the LP is iteration_limit at a gap of 0\.2, more than 1e-06"):
            methods.solved_lp(X, K, gap=1e-8)
        assert methods.check_solved(lp, 0.3) is lp

    def test_a_sample_on_which_the_interior_point_method_stalled(self) -> None:
        """Bank's sample 4 with MV's violations as radii: the optimum by Benders, no dearer than MV."""
        points = radii_bank(4).X
        radii = fair_radii(points, 10)
        mv = solutions(points, radii, 10, 2, sparsify=0.3, seed=4, only=("mv",))[0]
        away = nearest_centers(points, mv.centers)[1]
        lp = methods.solved_lp(points, 10, power=2, radii=np.maximum(radii, away), gap=1e-8)
        assert lp.norm == pytest.approx(13148.98794584587, rel=1e-6)
        assert lp.norm <= np.sqrt((away**2).sum())
