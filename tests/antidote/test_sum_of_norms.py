"""Sum-of-norms clustering as an estimator."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import make_blobs
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score
from sklearn.utils.estimator_checks import check_estimator

from fairclust.antidote import SumOfNormsClustering
from fairclust.antidote.sum_of_norms import absolute_regularization
from fairclust.metrics import FairnessReport
from fairclust.solvers.sum_of_norms import fusion_bounds, sum_of_norms
from fairclust.solvers.sum_of_norms_graph import neighbor_graph

X, TRUTH = make_blobs(60, 2, centers=3, cluster_std=0.6, random_state=4)
GROUPS = np.where(np.arange(60) % 3 == 0, "b", "a")


@pytest.mark.parametrize("model", [SumOfNormsClustering(), SumOfNormsClustering(n_neighbors=10)])
def test_scikit_learn_is_satisfied(model):
    check_estimator(model)


def test_it_is_the_solver():
    model = SumOfNormsClustering(0.4).fit(X, sensitive_features=GROUPS)
    lam = 0.4 * fusion_bounds(X)[1]
    found = sum_of_norms(X, lam)
    assert model.regularization_ == lam
    np.testing.assert_array_equal(model.centroids_, found.centroids)
    np.testing.assert_array_equal(model.multipliers_, found.multipliers)
    np.testing.assert_array_equal(model.labels_, found.labels)
    np.testing.assert_array_equal(model.cluster_centers_, found.centers)
    assert (model.objective_, model.lower_bound_, model.gap_) == (found.value, found.lower_bound, found.gap)
    assert model.fusions_proven_
    assert model.n_iter_ == found.n_iterations
    pd.testing.assert_frame_equal(
        model.report_.by_group, FairnessReport(X, found.labels, found.centers, GROUPS).by_group
    )


def test_three_blobs():
    # All pairs weigh the same on the complete graph, so the blobs are together only shortly before all are.
    for model in (SumOfNormsClustering(0.36), SumOfNormsClustering(0.4, n_neighbors=15)):
        assert adjusted_rand_score(model.fit_predict(X), TRUTH) > 0.9


def test_the_ends_of_the_path():
    assert len(SumOfNormsClustering(0.0).fit(X).cluster_centers_) == 60
    assert len(SumOfNormsClustering(1.0).fit(X).cluster_centers_) == 1
    assert SumOfNormsClustering(0.0).fit(X).n_iter_ == 1
    # The paper's lambda = 1 fuses all that is not 60 wide.
    assert len(SumOfNormsClustering(1.0, relative=False).fit(X).cluster_centers_) == 1


def test_more_neighbors_than_rows_are_all_rows():
    model = SumOfNormsClustering(0.4, n_neighbors=500).fit(X[:20])
    assert model.graph_.complete
    assert SumOfNormsClustering(n_neighbors=3).fit(X[:1]).labels_.tolist() == [0]


def test_absolute_regularization():
    upper = fusion_bounds(X)[1]
    assert absolute_regularization(X, 0.3) == 0.3 * upper
    assert absolute_regularization(X, 0.3, relative=False) == 0.3
    graph = neighbor_graph(X, 5)
    assert absolute_regularization(X, 0.3, graph=graph) == pytest.approx(
        0.3 * upper * 60 / (1 + graph.weights.sum() / 30)
    )
    # The share is free of units.
    a, b = (SumOfNormsClustering(0.4).fit(points) for points in (X, 1000.0 * X))
    np.testing.assert_array_equal(a.labels_, b.labels_)


def test_it_says_when_it_did_not_converge():
    with pytest.warns(ConvergenceWarning, match="did not reach a gap of tol=1e-14 in max_iter=1 iterations"):
        SumOfNormsClustering(0.32, max_iter=1, tol=1e-14).fit(X)


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"regularization": -1.0}, ValueError, "regularization must be at least 0"),
        ({"regularization": np.nan}, ValueError, "regularization must be"),
        ({"relative": 1}, TypeError, "relative must be True or False"),
        ({"n_neighbors": 0}, ValueError, "n_neighbors must be at least 1"),
        ({"bandwidth": 1.0}, ValueError, "bandwidth is given without n_neighbors"),
        ({"n_neighbors": 3, "bandwidth": -1.0}, ValueError, "bandwidth must be greater than 0"),
        ({"tol": 0.0}, ValueError, "tol must be greater than 0"),
        ({"max_iter": 0}, ValueError, "max_iter must be at least 1"),
    ],
)
def test_bad_parameters(parameters, error, message):
    with pytest.raises(error, match=message):
        SumOfNormsClustering(**parameters).fit(X)
