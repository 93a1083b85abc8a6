"""f(V) = F(C(U + V), U): the oracle against refits, every kind of clusterer, and what must not pass silently."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.cluster import (
    DBSCAN,
    AgglomerativeClustering,
    BisectingKMeans,
    KMeans,
    MeanShift,
    MiniBatchKMeans,
    SpectralClustering,
)
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fairclust.antidote import AntidoteProblem, FixedStartKMeans, KMedian
from fairclust.distances import nearest_centers
from fairclust.metrics import balance, social_cost
from fairclust.solvers.kmeans import lloyd


def instance(seed=0, n=90, d=2, n_groups=3):
    rng = np.random.default_rng(seed)
    codes = np.concatenate([np.arange(n_groups), rng.integers(0, n_groups, n - n_groups)])
    corners = np.array([[0.0, 0.0, 0.0], [5.0, 1.0, 0.0], [1.0, 6.0, 2.0]])[:, :d]
    return rng.normal(size=(n, d)) + corners[rng.integers(0, 3, n)], codes


X, GROUPS = instance()
V = np.random.default_rng(1).normal(scale=3, size=(6, 2))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 4), st.integers(0, 6), st.sampled_from(["seeds", "vanilla"]))
def test_the_oracle_gives_the_metrics_of_full_lloyd(seed, k, m, start):
    points, groups = instance(seed, n=40)
    guests = np.random.default_rng(seed).normal(scale=3, size=(m, 2))
    clusterer = FixedStartKMeans(k, n_init=1, random_state=seed, start=start)
    social = AntidoteProblem(points, groups, clusterer)
    centers = lloyd(np.vstack([points, guests]), social.oracle.starts[0]).centers
    assert social(guests) == pytest.approx(social_cost(points, centers, groups), rel=1e-10)
    labels, _ = nearest_centers(points, centers)
    expected = -balance(labels, groups) if len(np.unique(labels)) == k else 0.0
    assert AntidoteProblem(points, groups, clusterer, "balance")(guests) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize("notion", ["social", "balance", lambda c, X, g: float(c.sum()) + len(g)])
def test_scikit_learns_kmeans_goes_through_the_oracle_and_comes_out_the_same(notion):
    clusterer = KMeans(3, init=X[[0, 5, 9]], n_init=1, tol=0)
    fast = AntidoteProblem(X, GROUPS, clusterer, notion)
    slow = AntidoteProblem(X, GROUPS, clusterer, notion, oracle=False)
    assert fast.oracle is not None
    assert slow.oracle is None
    rng = np.random.default_rng(2)
    for _ in range(30):
        guests = rng.normal(scale=4, size=(5, 2))
        a, b = fast.evaluate(guests), slow.evaluate(guests)
        assert a.fairness == pytest.approx(b.fairness, rel=1e-12)
        np.testing.assert_allclose(a.centers, b.centers, rtol=1e-12)
        np.testing.assert_array_equal(a.labels, b.labels)
    assert fast.n_refits == 0
    assert slow.n_refits == slow.n_evaluations == 30


@pytest.mark.parametrize(
    "clusterer",
    [
        KMeans(3, init=X[[0, 5, 9]], n_init=1),  # a tolerance
        KMeans(3, tol=0, n_init=1, random_state=0),  # seeds that depend on V
        KMeans(3, init=X[[0, 5, 9]], n_init=1, tol=0, algorithm="elkan"),
        type("Mine", (KMeans,), {})(3, init=X[[0, 5, 9]], n_init=1, tol=0),
    ],
)
def test_other_kmeans_are_refitted(clusterer):
    problem = AntidoteProblem(X, GROUPS, clusterer)
    assert problem.oracle is None
    problem(V)
    assert problem.n_refits == 1


def test_where_the_oracle_is_unsure_scikit_learn_decides():
    line, init = np.array([[0.0], [1.0], [2.0], [9.0]]), np.array([[0.0], [2.0]])
    problem = AntidoteProblem(line, None, KMeans(2, init=init, n_init=1, tol=0))
    found = problem.evaluate([[5.0]])
    assert problem.n_refits == 1
    model = KMeans(2, init=init, n_init=1, tol=0).fit(np.vstack([line, [[5.0]]]))
    np.testing.assert_array_equal(found.centers, model.cluster_centers_)


CLUSTERERS = {
    "kmeans": KMeans(3, n_init=2),
    "minibatch": MiniBatchKMeans(3, n_init=2, batch_size=32),
    "bisecting": BisectingKMeans(3),
    "agglomerative": AgglomerativeClustering(3),
    "spectral": SpectralClustering(3),
    "meanshift": MeanShift(bandwidth=3.0),
    "kmedian": KMedian(3),
    "fixed starts": FixedStartKMeans(3),
}


@pytest.mark.parametrize("name", CLUSTERERS)
@pytest.mark.parametrize("notion", ["social", "balance"])
def test_any_clusterer_and_f_is_a_function(name, notion):
    first = AntidoteProblem(X, GROUPS, CLUSTERERS[name], notion, random_state=0)
    second = AntidoteProblem(X, GROUPS, CLUSTERERS[name], notion, random_state=0)
    rng = np.random.default_rng(3)
    batch = [rng.normal(scale=3, size=(4, 2)) for _ in range(4)]
    values = [first(guests) for guests in batch]
    assert [second(guests) for guests in reversed(batch)][::-1] == values
    found = first.evaluate(batch[0])
    assert found.fairness == values[0]
    np.testing.assert_array_equal(found.labels, nearest_centers(X, found.centers)[0])
    if notion == "social":
        judged = social_cost(X, found.centers, GROUPS)
    else:
        occupied = len(np.unique(found.labels)) == len(found.centers)
        judged = -balance(found.labels, GROUPS) if occupied else 0.0
    assert found.fairness == pytest.approx(judged, rel=1e-12)


def test_centers_are_means_of_u_and_v_where_there_are_only_labels():
    problem = AntidoteProblem(X, GROUPS, AgglomerativeClustering(3))
    everyone = np.vstack([X, V])
    labels = AgglomerativeClustering(3).fit(everyone).labels_
    means = [everyone[labels == i].mean(axis=0) for i in range(3)]
    np.testing.assert_allclose(problem.evaluate(V).centers, means, rtol=1e-12)


def test_random_states_are_fixed_once():
    loose = KMeans(3, n_init=1)
    problem = AntidoteProblem(X, GROUPS, loose, random_state=5)
    assert loose.random_state is None
    assert isinstance(problem.clusterer.random_state, int)
    again = AntidoteProblem(X, GROUPS, loose, random_state=5)
    assert again.clusterer.random_state == problem.clusterer.random_state
    other = AntidoteProblem(X, GROUPS, loose, random_state=6)
    assert other.clusterer.random_state != problem.clusterer.random_state
    kept = AntidoteProblem(X, GROUPS, KMeans(3, n_init=1, random_state=11), random_state=5)
    assert kept.clusterer.random_state == 11
    source = np.random.RandomState(3)
    assert isinstance(AntidoteProblem(X, GROUPS, KMeans(3, random_state=source)).clusterer.random_state, int)


def test_fairness_is_of_u_only():
    # A guest on top of a center changes nothing for U, whatever the number of guests there.
    problem = AntidoteProblem(X, GROUPS, FixedStartKMeans(3, random_state=0))
    guests = problem.vanilla.centers
    assert problem(guests) == pytest.approx(problem.vanilla.fairness, rel=1e-12)
    assert problem(np.repeat(guests, 5, axis=0)) == pytest.approx(problem.vanilla.fairness, rel=1e-12)


def test_a_cluster_without_anyone_of_u_is_the_worst_balance():
    problem = AntidoteProblem(X, GROUPS, FixedStartKMeans(2, random_state=0), "balance")
    far = np.full((30, 2), 1e4)
    found = problem.evaluate(far)
    assert len(np.unique(found.labels)) == 1
    assert found.fairness == 0.0
    assert str(found.fairness) == "0.0"
    refitted = AntidoteProblem(X, GROUPS, MiniBatchKMeans(2, random_state=0, n_init=3), "balance")
    assert refitted(far) == 0.0


def test_a_group_missing_from_a_cluster_is_the_worst_balance():
    points = np.array([[0.0], [0.1], [5.0], [5.2]])
    assert AntidoteProblem(points, ["a", "a", "b", "a"], FixedStartKMeans(2), "balance").vanilla.fairness == 0.0


def test_evaluations_are_counted():
    problem = AntidoteProblem(X, GROUPS, FixedStartKMeans(3, random_state=0))
    assert (problem.n_evaluations, problem.n_refits) == (0, 0)
    problem(V)
    problem.evaluate(V)
    assert (problem.n_evaluations, problem.n_refits) == (2, 0)


def test_a_callable_gets_centers_points_and_groups():
    seen = []

    def notion(centers, points, groups):
        seen.append((centers.shape, points is problem_points[0], len(groups), groups.codes.shape))
        return np.float32(2.0)

    problem_points = [None]
    problem = AntidoteProblem(X, GROUPS, FixedStartKMeans(3, random_state=0), notion)
    problem_points[0] = problem.X
    assert problem(V) == 2.0
    assert seen[-1] == ((3, 2), True, 3, (90,))


class NoCenters(ClusterMixin, BaseEstimator):
    def __init__(self, kind="nothing"):
        self.kind = kind

    def fit(self, X, y=None):
        if self.kind == "NaN":
            self.cluster_centers_ = np.full((2, X.shape[1]), np.nan)
        elif self.kind == "flat":
            self.cluster_centers_ = np.zeros(3)
        elif self.kind == "empty":
            self.cluster_centers_ = np.empty((0, X.shape[1]))
        elif self.kind == "short":
            self.labels_ = np.zeros(3, int)
        elif self.kind == "moody":
            # No random_state, and another result each time.
            self.cluster_centers_ = np.random.default_rng().normal(size=(2, X.shape[1]))
        return self


@pytest.mark.parametrize(
    ("clusterer", "message"),
    [
        (NoCenters(), "NoCenters has neither cluster_centers_ nor labels_ after fit"),
        (NoCenters("NaN"), "NoCenters has cluster_centers_ that are not finite"),
        (NoCenters("flat"), r"cluster_centers_ of shape \(3,\); it must be \(k, 2\)"),
        (NoCenters("empty"), r"cluster_centers_ of shape \(0, 2\)"),
        (NoCenters("short"), r"labels_ of shape \(3,\) for 90 rows"),
        (NoCenters("moody"), "two different results for the same data"),
        (DBSCAN(eps=0.01), "DBSCAN marks 90 rows as noise"),
        (GaussianMixture(2, random_state=0), "GaussianMixture has neither cluster_centers_ nor labels_"),
        (make_pipeline(StandardScaler(), KMeans(2)), "Pipeline has neither cluster_centers_ nor labels_"),
    ],
)
def test_a_clusterer_without_centers(clusterer, message):
    with pytest.raises(ValueError, match=message):
        AntidoteProblem(X, GROUPS, clusterer)


def test_a_notion_that_returns_nan():
    def silly(centers, points, groups):
        return float("nan") if centers[:, 0].max() > 50 else 1.0

    problem = AntidoteProblem(X, GROUPS, FixedStartKMeans(2, random_state=0), silly)
    with pytest.raises(ValueError, match="the notion silly is NaN for the centers"):
        problem(np.full((9, 2), 100.0))
    with pytest.raises(TypeError, match=r"the notion .*lambda.* must return a number, got 'high'"):
        AntidoteProblem(X, GROUPS, FixedStartKMeans(2), lambda *_: "high")


@pytest.mark.parametrize("clusterer", [FixedStartKMeans(2), AgglomerativeClustering(2)])
@pytest.mark.parametrize(
    ("guests", "message"),
    [
        ([[1.0]], "V have 1 features but X has 2"),
        ([[np.nan, 0.0]], "V contains NaN at row 0, column 0"),
        ([1.0, 2.0], "Expected 2D array"),
    ],
)
def test_bad_guests(clusterer, guests, message):
    problem = AntidoteProblem(X, GROUPS, clusterer, random_state=0)
    with pytest.raises(ValueError, match=message):
        problem(guests)
    assert problem(np.empty((0, 2))) == problem.vanilla.fairness


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"notion": "equal"}, ValueError, 'notion must be "social", "balance" or a function'),
        ({"clusterer": "kmeans"}, TypeError, "clusterer must be a scikit-learn estimator, got 'kmeans'"),
        ({"clusterer": FixedStartKMeans(91)}, ValueError, "n_clusters=91 is larger"),
        ({"sensitive_features": GROUPS[:-1]}, ValueError, "sensitive_features has 89 entries but X has 90 rows"),
        ({"X": np.array([[np.inf, 0.0]]), "sensitive_features": None}, ValueError, "X contains infinity"),
    ],
)
def test_bad_arguments(arguments, error, message):
    given_ = {"X": X, "sensitive_features": GROUPS, "clusterer": FixedStartKMeans(2), **arguments}
    with pytest.raises(error, match=message), warnings.catch_warnings():
        AntidoteProblem(**given_)
