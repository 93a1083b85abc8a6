"""Proved bounds are enforced on the instance: a result that breaks one must not come back."""

import numpy as np
import pytest

from fairclust.radii.guarantees import Guarantees, check_guarantees, published_cost_bound

ONES = np.ones(3)


def check(distances, radii, shares, **changes) -> Guarantees:
    options = {"weights": ONES, "power": 2.0, "violation_bound": 8.0, "cost_bound": 32.0} | changes
    return check_guarantees(np.array(distances), np.array(radii), np.array(shares), **options)


def test_measured_factors() -> None:
    found = check([1.0, 2.0, 0.0], [1.0, 1.0, 0.0], [1.0, 0.5, 0.0], weights=np.array([1.0, 3.0, 1.0]))
    assert found == Guarantees(2.0, 8.0, 13.0 / 2.5, 32.0, 16.0)
    assert found.keeps_published


def test_broken_fairness() -> None:
    with pytest.raises(RuntimeError, match=r"row 1 is 8\.1 away .* more than 8 times its radius 1; this contradicts"):
        check([1.0, 8.1, 9.0], [1.0, 1.0, 1.0], [99.0, 99.0, 99.0])
    with pytest.raises(RuntimeError, match=r"row 2 is 0\.1 away from its center, more than 8 times its radius 0"):
        check([1.0, 1.0, 0.1], [1.0, 1.0, 0.0], [1.0, 1.0, 1.0])


def test_broken_cost() -> None:
    with pytest.raises(RuntimeError, match="the cost 12 is more than 2 times the 3 of the LP; this contradicts"):
        check([2.0, 2.0, 2.0], [2.0, 2.0, 2.0], [1.0, 1.0, 1.0], cost_bound=2.0)
    with pytest.raises(RuntimeError, match="more than 32 times the 0 of the LP"):
        check([0.1, 0.0, 0.0], [1.0, 1.0, 1.0], [0.0, 0.0, 0.0])


def test_a_tiny_program_does_not_void_the_bound() -> None:
    near, radii, shares = np.full(10, 0.1), np.full(10, 100.0), np.full(10, 1e-9)
    options = {"weights": np.ones(10), "power": 2.0, "violation_bound": 2.0, "cost_bound": 8.0}
    with pytest.raises(RuntimeError, match="is more than 8 times the 1e-08 of the LP"):
        check_guarantees(near, radii, shares, mass_tolerance=0.0, **options)
    # Where openings were rounded to 1e-6 of a center, that much is allowed for.
    assert check_guarantees(near, radii, shares, **options).cost_factor > 1e6


def test_nothing_to_pay() -> None:
    found = check([0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0])
    assert (found.violation, found.cost_factor) == (0.0, 0.0)
    # A cost that openings known to 1e-6 may cause, where the LP says nothing is paid.
    assert check([1e-3, 0.0, 0.0], [1.0, 1.0, 1.0], [0.0, 0.0, 0.0]).cost_factor == np.inf


def test_published_factor_is_recorded_and_the_proved_one_enforced() -> None:
    found = check([2.0, 2.0, 2.0], [2.0, 2.0, 2.0], [0.2, 0.2, 0.2])
    assert found.cost_factor == pytest.approx(20.0)
    assert not found.keeps_published
    assert [published_cost_bound(p) for p in (1, 2, 3)] == [8.0, 16.0, 32.0]
    assert Guarantees(8.1, 9.0, 1.0, 32.0, 16.0).keeps_published is False
