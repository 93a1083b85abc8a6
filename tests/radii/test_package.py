"""What `fairclust.radii` offers: the radii of both conventions beside the methods that need them."""

import numpy as np
import pytest

from fairclust import metrics, radii


def test_every_name_is_there_and_documented() -> None:
    for name in radii.__all__:
        assert getattr(radii, name).__doc__, name
    assert sorted(radii.__all__) == radii.__all__


@pytest.mark.parametrize("k", [1, 2, 4, 7, 19, 20])
def test_fair_radii_in_both_conventions(k: int) -> None:
    assert radii.fair_radii is metrics.fair_radii
    X = np.random.default_rng(0).normal(size=(20, 2))
    away = np.sort(np.sqrt(((X[:, None] - X[None]) ** 2).sum(axis=2)), axis=1)  # itself first
    # The authors' code: the floor(n/k)-th neighbor without itself; of n points there are n - 1 neighbors.
    np.testing.assert_allclose(radii.fair_radii(X, k), away[:, min(20 // k, 19)], rtol=1e-12)
    # The textbook: the smallest ball with ceil(n/k) points, itself among them.
    np.testing.assert_allclose(
        radii.fair_radii(X, k, convention="include_self"), away[:, -(-20 // k) - 1], rtol=1e-12, atol=1e-15
    )
