"""The cost of fairness as a table."""

import numpy as np
import pytest

from fairclust.distances import nearest_centers
from fairclust.metrics.radius import fair_radii
from fairclust.radii import cost_violation_curve, fair_radii_lp, fair_round
from fairclust.radii.curve import MULTIPLES


@pytest.fixture(scope="module")
def cloud() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(70, 2))


@pytest.mark.parametrize("power", [1, 2])
def test_columns_agree_with_their_parts(cloud, power) -> None:
    table = cost_violation_curve(cloud, 6, power=power)
    radii = fair_radii(cloud, 6)
    assert table["theta"].tolist() == list(MULTIPLES)
    assert (np.diff(table["lower_bound"]) <= 1e-4 * table["lower_bound"][0]).all()
    assert (table["lower_bound"] <= table["lp_cost"]).all()
    for row in table.itertuples():
        lp = fair_radii_lp(cloud, 6, power=power, radii=row.theta * radii, gap=1e-6)
        found = fair_round(cloud, 6, lp, power=power)
        _, near = nearest_centers(cloud, cloud[found.center_indices])
        assert row.lp_cost == lp.norm
        assert row.cost == pytest.approx((near**power).sum() ** (1 / power))
        assert row.max_violation == pytest.approx((near / radii).max())
        assert row.n_centers == len(found.center_indices)
        assert row.branch == found.branch
        assert row.polished_cost <= row.cost * (1 + 1e-12)
        assert row.polished_violation <= max(row.max_violation, row.theta) * (1 + 1e-8)


def test_both_methods_give_the_same_bounds(cloud) -> None:
    """Interior and Benders agree on every multiple; another method does not exist."""
    one, other = (cost_violation_curve(cloud, 6, (1, 2), gap=1e-8, method=method) for method in ("interior", "benders"))
    np.testing.assert_allclose(one["lower_bound"], other["lower_bound"], rtol=1e-7)
    np.testing.assert_allclose(one["lp_cost"], other["lp_cost"], rtol=1e-7)
    with pytest.raises(ValueError, match="method must be"):
        cost_violation_curve(cloud, 6, method="simplex")


def test_options(cloud) -> None:
    radii = np.full(70, 1.5)
    table = cost_violation_curve(cloud, 6, [2], radii=radii, weights=np.ones(70), shortcut=False, polish=False)
    assert table.columns.tolist() == ["theta", "lower_bound", "lp_cost", "cost", "max_violation", "n_centers", "branch"]
    assert table["branch"].tolist() == ["filter"]
    double = cost_violation_curve(cloud, 6, [2], radii=radii, weights=np.full(70, 4.0), shortcut=False, polish=False)
    assert double["cost"][0] == pytest.approx(2.0 * table["cost"][0])
    assert double["lower_bound"][0] == pytest.approx(2.0 * table["lower_bound"][0], rel=1e-5)


def test_radii_that_cannot_be_kept_are_a_row_of_their_own(cloud) -> None:
    table = cost_violation_curve(cloud, 6, (0.01, 1.0))
    assert table["branch"][0] == "infeasible"
    assert table["lower_bound"][0] == np.inf
    assert table.loc[0, ["lp_cost", "cost", "max_violation", "polished_cost"]].isna().all()
    assert np.isfinite(table["lower_bound"][1])


@pytest.mark.parametrize(
    ("multiples", "error", "message"),
    [
        ((), ValueError, "multiples is empty"),
        ((1.0, 0.0), ValueError, "multiples must be greater than 0"),
        ((np.inf,), ValueError, "multiples must be greater than 0"),
        (("two",), TypeError, "multiples must be a number"),
        (2.0, TypeError, "multiples must be several numbers"),
        ("12", TypeError, "multiples must be several numbers"),
    ],
)
def test_bad_multiples(cloud, multiples, error, message) -> None:
    with pytest.raises(error, match=message):
        cost_violation_curve(cloud, 6, multiples)
