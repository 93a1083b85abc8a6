"""Sparse-Fair-Round: few representatives in the LP, all rows in the rounding."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairclust.metrics.radius import fair_radii
from fairclust.radii import InfeasibleRadiiError, fair_radii_lp, fair_round
from fairclust.radii.sparse import served_costs, sparse_fair_round


def check(X, k, delta, found, radii, power) -> None:
    """What the representatives are, and every promise of the rounding, with distances computed here."""
    rows, labels = found.representatives, found.labels
    away = np.linalg.norm(X - X[rows][labels], axis=1)
    assert (away <= delta * radii * (1 + 1e-12)).all()
    assert (radii[rows][labels] <= radii).all()
    centers = found.rounding.center_indices
    assert 1 <= len(centers) <= k
    near = np.linalg.norm(X[:, None] - X[centers][None], axis=2).min(axis=1)
    kept = found.rounding.guarantees
    assert kept.violation_bound <= (2.0 if found.rounding.branch == "shortcut" else 8.0 * (found.radii_factor + delta))
    assert (near <= kept.violation_bound * radii * (1 + 1e-8)).all()
    if found.rounding.branch == "shortcut":
        shares = found.lp.cost_shares[labels] + away**power
        assert (near**power).sum() <= 2.0**power * found.rounding.rho * shares.sum() * (1 + 1e-8) + 1e-9


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.floats(0.0, 1.0), st.sampled_from([1.0, 2.0]))
def test_promises(seed: int, k: int, delta: float, power: float) -> None:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(45, 2)) if seed % 2 else rng.integers(0, 6, (45, 2)).astype(float)
    for shortcut in (True, False):
        found = sparse_fair_round(X, k, delta, power=power, shortcut=shortcut)
        check(X, k, delta, found, fair_radii(X, k), power)


def test_without_sparsity_it_is_fair_round() -> None:
    X = np.random.default_rng(0).normal(size=(60, 2))
    for power in (1, 2):
        whole = fair_round(X, 6, fair_radii_lp(X, 6, power=power), power=power)
        sparse = sparse_fair_round(X, 6, 0.0, power=power)
        assert sorted(sparse.representatives) == list(range(60))
        assert sparse.rounding.center_indices.tolist() == whole.center_indices.tolist()
        assert sparse.rounding.rho == pytest.approx(whole.rho, abs=1e-4)


def test_real_rounding(simplices) -> None:
    # Each corner of a simplex is a village of three; the representatives' LP opens every corner by 8/9.
    corner = simplices([9], [1.0])
    rng = np.random.default_rng(1)
    X = np.repeat(corner, 3, axis=0)
    X[1::3] += 0.01 * rng.normal(size=(9, corner.shape[1]))
    X[2::3] += 0.01 * rng.normal(size=(9, corner.shape[1]))
    radii = np.where(np.arange(27) % 3 == 0, 3.0, 3.1)
    found = sparse_fair_round(X, 8, 0.05, radii=radii)
    assert found.representatives.tolist() == list(range(0, 27, 3))
    np.testing.assert_allclose(found.lp.openings, 8 / 9, atol=1e-3)
    assert found.rounding.branch == "half-integral"
    assert len(found.rounding.center_indices) == 8
    assert found.rounding.guarantees.violation_bound == pytest.approx(8.0 * 1.05)
    assert found.rounding.guarantees.violation <= 1.0
    check(X, 8, 0.05, found, radii, 2.0)


def test_larger_radii_where_unchanged_ones_cannot_be_kept() -> None:
    # Found by search: the representatives are too few to keep their radii, and (1 + 2 delta) times those suffice.
    factors = set()
    for seed in range(60):
        X = np.random.default_rng(seed).integers(0, 12, (30, 2)).astype(float)
        found = sparse_fair_round(X, 7, 1.0)
        check(X, 7, 1.0, found, fair_radii(X, 7), 2.0)
        factors.add(found.radii_factor)
    assert factors == {1.0, 3.0}


def test_fewer_representatives_than_centers() -> None:
    X = np.array([[0.0], [0.1], [10.0], [10.1]])
    found = sparse_fair_round(X, 3, 1.0, radii=np.full(4, 1.0))
    assert found.representatives.tolist() == [0, 2]
    assert found.rounding.center_indices.tolist() == [0, 2]


def test_weights_and_options() -> None:
    X = np.array([[0.0], [1.0], [2.0], [10.0], [11.0], [12.0]])
    radii = np.full(6, 3.0)
    heavy = sparse_fair_round(X, 2, 0.0, radii=radii, weights=[9, 1, 1, 1, 1, 9], gap=1e-6, method="benders")
    assert heavy.rounding.center_indices.tolist() == [0, 5]
    assert heavy.lp.value == pytest.approx(10.0)


def test_served_costs_by_brute_force() -> None:
    rng = np.random.default_rng(5)
    X, places, y = rng.normal(size=(20, 2)), rng.normal(size=(7, 2)), rng.uniform(0, 0.6, 7)
    y[2] = 0.0
    radii = rng.uniform(0.5, 3.0, 20)
    shares, worst = served_costs(X, places, y, radii, power=2.0)
    left = []
    for v in range(20):
        away, total, rest = np.linalg.norm(X[v] - places, axis=1), 0.0, 1.0
        for u in np.argsort(away):
            if away[u] <= radii[v]:
                take = min(rest, y[u])
                total, rest = total + take * away[u] ** 2, rest - take
        assert shares[v] == pytest.approx(total + rest * radii[v] ** 2)
        left.append(rest)
    assert worst == pytest.approx(max(left))


def test_radii_in_conflict_name_rows_of_x() -> None:
    X = np.array([[5.0], [0.0], [0.1], [20.0], [5.1]])
    radii = np.array([1.0, 1.0, 2.0, 1.0, 2.0])
    with pytest.raises(InfeasibleRadiiError, match=r"no 2 centers among the 3 representatives .* rows 0, 1, 3; lower"):
        sparse_fair_round(X, 2, 0.5, radii=radii)
    with pytest.raises(InfeasibleRadiiError) as raised:
        sparse_fair_round(X, 2, 0.5, radii=radii)
    assert raised.value.rows == (0, 1, 3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sparsification": -0.1}, "sparsification must be at least 0"),
        ({"sparsification": np.nan}, "sparsification must be at least 0"),
        ({"radii": [1.0]}, r"radii has shape \(1,\) but X has 3 rows"),
        ({"power": 0.0}, "power must be at least 1"),
        ({"n_clusters": 4}, "larger than the number of rows"),
        ({"weights": [0.0, 0.0, 0.0]}, "all zero"),
    ],
)
def test_bad_input(change, message) -> None:
    arguments = {"n_clusters": 1, "sparsification": 0.1} | change
    with pytest.raises(ValueError, match=message):
        sparse_fair_round([[0.0], [1.0], [4.0]], **arguments)
