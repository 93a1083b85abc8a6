"""The two clusterers as scikit-learn estimators, and k-means as a function of V."""

import numpy as np
import pytest
from sklearn.utils.estimator_checks import check_estimator

from fairclust.antidote import FixedStartKMeans, KMedian
from fairclust.groups import encode_groups
from fairclust.solvers.kmeans import kmeans
from fairclust.solvers.kmedian import kmedian

X = np.random.default_rng(0).normal(size=(60, 2)) + np.repeat([[0.0, 0.0], [4.0, 1.0], [1.0, 5.0]], 20, axis=0)


@pytest.mark.parametrize("model", [FixedStartKMeans(n_clusters=3, n_init=2), KMedian(n_clusters=3)])
def test_scikit_learn_is_satisfied(model):
    check_estimator(model)


def test_kmeans_is_the_solver():
    model = FixedStartKMeans(3, n_init=4, random_state=7).fit(X)
    found = kmeans(X, 3, n_init=4, random_state=7)
    np.testing.assert_array_equal(model.cluster_centers_, found.centers)
    np.testing.assert_array_equal(model.labels_, found.labels)
    assert (model.inertia_, model.n_iter_) == (found.cost, found.n_iter)
    np.testing.assert_array_equal(model.predict(X), found.labels)


def test_kmedian_is_the_solver():
    model = KMedian(3, power=1.5, n_init=2, random_state=7).fit(X)
    found = kmedian(X, 3, power=1.5, n_init=2, random_state=7)
    np.testing.assert_array_equal(model.center_indices_, found.center_indices)
    np.testing.assert_array_equal(model.cluster_centers_, X[found.center_indices])
    assert model.inertia_ == found.cost


def test_the_oracle_starts_where_the_estimator_starts():
    model = FixedStartKMeans(3, n_init=4, random_state=7)
    oracle = model.oracle(X, encode_groups(None, 60))
    assert oracle.starts.shape == (4, 3, 2)
    assert oracle.vanilla.cost == pytest.approx(model.fit(X).inertia_, rel=1e-12)
    one = FixedStartKMeans(3, start="vanilla", n_init=4, random_state=7).oracle(X, encode_groups(None, 60))
    np.testing.assert_allclose(one.starts, oracle.vanilla.centers[None])


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (FixedStartKMeans(61), "n_clusters=61 is larger than the number of rows"),
        (FixedStartKMeans(2, start="middle"), 'start must be "seeds" or "vanilla"'),
        (FixedStartKMeans(2, init=[[0.0, 0.0]]), "init has 1 centers but n_clusters=2"),
        (KMedian(0), "n_clusters must be at least 1"),
        (KMedian(2, power=0.5), "power must be at least 1"),
    ],
)
def test_bad_parameters(model, message):
    with pytest.raises(ValueError, match=message):
        model.fit(X)
