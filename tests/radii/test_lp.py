"""fair_radii_lp: the public function, the authors' numbers, and bad input."""

import os
import zipfile
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairclust.baselines import MahabadiVakilian
from fairclust.distances import nearest_centers
from fairclust.experiments.preparation import radii_bank
from fairclust.metrics.radius import fair_radii
from fairclust.radii import InfeasibleRadiiError, fair_radii_lp

DATA = os.environ.get("FAIRCLUST_DATA")


@pytest.fixture(scope="module")
def bank_sample():
    """The authors' first sample of 1,000 Bank customers: age, balance, duration, raw units."""
    if not DATA:
        pytest.skip("FAIRCLUST_DATA not set")
    with zipfile.ZipFile(Path(DATA) / "bank.zip") as archive, archive.open("bank.csv") as file:
        table = pd.read_csv(file, sep=";")[["age", "balance", "duration"]]
    return table.sample(n=1000, random_state=np.random.RandomState(0)).to_numpy(dtype=float)


@pytest.mark.parametrize(("power", "k", "norm"), [(2, 5, 47098.200), (2, 10, 32393.429), (1, 10, 441970.825)])
def test_peer_numbers_with_the_authors_neighborhoods(bank_sample, power, k, norm):
    lp = fair_radii_lp(bank_sample, k, power=power, ties="cut")
    assert lp.status == "optimal"
    assert abs(lp.norm - norm) < 6e-4
    assert abs(lp.norm_lower_bound - norm) < 6e-4


def test_bank_sample_keeping_ties(bank_sample):
    lp = fair_radii_lp(bank_sample, 20)
    # HiGHS on the whole LP (1,000 points, 51,002 edges) gives 275121747.68679.
    np.testing.assert_allclose(lp.value, 275121747.68679, rtol=2e-8)
    np.testing.assert_allclose(lp.openings.sum(), 20, rtol=1e-9)


def test_a_line_by_hand():
    # Two triples; each end needs a center within 2, so within its triple. The middles serve them at cost 1 + 1 each.
    X = pd.DataFrame({"position": [0.0, 1.0, 2.0, 8.0, 9.0, 10.0]})
    lp = fair_radii_lp(X, 2)
    np.testing.assert_allclose(lp.openings, [0, 1, 0, 0, 1, 0], atol=1e-6)
    np.testing.assert_allclose(lp.cost_shares, [1, 0, 1, 1, 0, 1], atol=1e-6)
    np.testing.assert_allclose([lp.value, lp.lower_bound, lp.norm], [4.0, 4.0, 2.0], rtol=1e-7)
    median = fair_radii_lp(X, 2, power=1, weights=[3, 1, 1, 1, 1, 1])
    # Now the first end weighs 3: its triple pays 1 + 2 with the center there, 3 + 1 with it in the middle.
    np.testing.assert_allclose(median.value, 3.0 + 2.0, rtol=1e-7)
    np.testing.assert_allclose(median.openings[0], 1.0, atol=1e-6)


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 9), st.integers(0, 2**32 - 1), st.sampled_from([1.0, 1.5, 2.0]))
def test_at_most_the_best_centers_that_keep_all_radii(n, seed, power):
    rng = np.random.default_rng(seed)
    X, k = rng.integers(0, 4, (n, 2)).astype(float), int(rng.integers(1, n))
    distances = np.linalg.norm(X[:, None] - X[None], axis=2)
    radii = 1.5 * fair_radii(X, k)
    best = np.inf
    for centers in combinations(range(n), k):
        nearest = distances[:, list(centers)].min(axis=1)
        if (nearest <= radii * (1 + 1e-12)).all():
            best = min(best, (nearest**power).sum())
    try:
        lp = fair_radii_lp(X, k, power=power, radii=radii)
    except InfeasibleRadiiError:
        assert best == np.inf
    else:
        assert lp.lower_bound <= best * (1 + 1e-9)
        assert lp.lower_bound <= lp.value


def test_rows_and_points_fit_together():
    rng = np.random.default_rng(0)
    X = rng.integers(0, 3, (50, 2)).astype(float)
    lp = fair_radii_lp(X, 4)
    np.testing.assert_array_equal(lp.points[lp.point_of_row], X)
    assert lp.openings.shape == (len(np.unique(X, axis=0)),)
    np.testing.assert_allclose(lp.cost_shares.sum(), lp.value, rtol=1e-9)
    np.testing.assert_array_equal(lp.radii, fair_radii(X, 4))
    for row in range(50):
        same = (X[row] == X).all(axis=1)
        assert np.ptp(lp.cost_shares[same]) == 0.0


def test_wider_radii_and_more_centers_cost_no_more():
    X = np.random.default_rng(1).normal(size=(60, 2))
    radii = fair_radii(X, 6)
    values = [fair_radii_lp(X, 6, radii=factor * radii).value for factor in (1.0, 1.5, 2.0, 3.0)]
    assert (np.diff(values) <= 1e-7).all()
    assert fair_radii_lp(X, 7, radii=radii).value <= values[0] * (1 + 1e-7)


def test_k_is_one_and_k_is_n():
    X = np.random.default_rng(2).normal(size=(12, 2))
    one = fair_radii_lp(X, 1)
    distances = np.linalg.norm(X[:, None] - X[None], axis=2) ** 2
    np.testing.assert_allclose(one.value, distances.sum(axis=0).min(), rtol=1e-7)
    assert fair_radii_lp(X, 12).value == 0.0


def test_both_methods_and_ties_without_ties():
    X = np.random.default_rng(3).normal(size=(90, 3))
    keep = fair_radii_lp(X, 7)
    np.testing.assert_allclose(fair_radii_lp(X, 7, method="benders").value, keep.value, rtol=1e-7)
    np.testing.assert_allclose(fair_radii_lp(X, 7, ties="cut").value, keep.value, rtol=1e-7)


def test_callback_and_progress_bar(capfd):
    X = np.random.default_rng(4).normal(size=(60, 2))
    calls = []
    lp = fair_radii_lp(X, 5, verbose=True, callback=lambda *call: calls.append(call))
    assert calls[-1][0] == lp.n_iterations
    assert "fair-radii LP" in capfd.readouterr().err


def test_infeasible_radii_name_rows():
    with pytest.raises(InfeasibleRadiiError, match="no 2 centers can satisfy the radii: the balls of rows 0, 1, 3"):
        fair_radii_lp([[0.0], [5.0], [5.5], [9.0]], 2, radii=[1.0, 1.0, 1.0, 1.0])


@pytest.mark.parametrize(
    ("X", "arguments", "error", "message"),
    [
        ([[0.0], [np.nan]], {}, ValueError, "NaN at row 1"),
        ([[0.0], [np.inf]], {}, ValueError, "infinity at row 1"),
        ([[0.0]], {}, ValueError, "larger than the number of rows"),
        ([[0.0], [1.0]], {"radii": [1.0]}, ValueError, "radii has shape"),
        ([[0.0], [1.0]], {"radii": [1.0, -1.0]}, ValueError, "row 1 has -1"),
        ([[0.0], [1.0]], {"radii": ["a", "b"]}, ValueError, "could not convert string to float: 'a'"),
        ([[0.0], [1.0]], {"power": 0.9}, ValueError, "power"),
        ([[0.0], [1.0]], {"power": "two"}, TypeError, "power"),
        ([[0.0], [1.0]], {"weights": [1.0]}, ValueError, "weights"),
        ([[0.0], [1.0]], {"ties": "first"}, ValueError, "ties must be 'keep' or 'cut'"),
        ([[0.0], [1.0]], {"ties": "cut", "radii": [1.0, 1.0]}, ValueError, "cannot be combined with radii"),
        ([[0.0], [1.0]], {"method": "simplex"}, ValueError, "method must be"),
        ([[0.0], [1.0]], {"gap": np.nan}, ValueError, "gap"),
    ],
)
def test_bad_input(X, arguments, error, message):
    with pytest.raises(error, match=message):
        fair_radii_lp(X, 2, **arguments)


def test_a_program_on_which_the_interior_point_method_stalls_is_solved_all_the_same() -> None:
    """Sample 4 of bank with radii relaxed by MV's distances: the first method stops at a relative gap of 0.9."""
    X = radii_bank(4).X
    cheap = MahabadiVakilian(10).fit(X)
    laxer = np.maximum(fair_radii(X, 10), nearest_centers(X, cheap.cluster_centers_)[1])
    lp = fair_radii_lp(X, 10, radii=laxer)
    assert lp.gap <= 1e-5
    assert lp.norm <= cheap.cost_ * (1 + 1e-9)  # MV's centers keep these radii
