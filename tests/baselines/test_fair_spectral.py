from __future__ import annotations

import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import sklearn
from sklearn.base import clone
from sklearn.cluster import SpectralClustering
from sklearn.datasets import make_blobs, make_moons
from sklearn.metrics import adjusted_rand_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from fairclust.baselines import FairSpectralClustering
from fairclust.metrics import FairnessReport, balance
from fairclust.solvers.affinity import neighbor_graph, rbf_affinity
from fairclust.solvers.spectral import cut_value

needs_data = pytest.mark.skipif("FAIRCLUST_DATA" not in os.environ, reason="FAIRCLUST_DATA not set")


def block_model(
    n: int, k: int, h: int, probabilities: tuple[float, float, float, float], seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Kleindessner et al.'s variant of the stochastic block model: affinity, true clusters, groups.

    An edge has probability a (same cluster, same group), b (another cluster, same group), c (same cluster, another
    group) or d (both differ); clusters and groups cross evenly.
    """
    rng = np.random.default_rng(seed)
    clusters, groups = np.arange(n) % k, np.arange(n) // k % h
    a, b, c, d = probabilities
    same, kin = clusters[:, None] == clusters, groups[:, None] == groups
    chance = np.where(kin, np.where(same, a, b), np.where(same, c, d))
    W = np.triu(rng.random((n, n)) < chance, 1).astype(float)
    return W + W.T, clusters, groups


@pytest.mark.parametrize(
    "model",
    [
        FairSpectralClustering(),
        FairSpectralClustering(affinity="rbf"),
        FairSpectralClustering(normalized=True),
    ],
)
@pytest.mark.filterwarnings("ignore:the graph has")
@pytest.mark.filterwarnings("ignore:.*rows have no edges")
def test_check_estimator(model: FairSpectralClustering) -> None:
    check_estimator(model)


@pytest.mark.filterwarnings("ignore:the graph has")
def test_check_estimator_precomputed() -> None:
    # scikit-learn clusters 50 points there, for pairwise estimators too; its own SpectralClustering fails likewise.
    reason = {"check_clustering": "the data of this check are not square"}
    check_estimator(FairSpectralClustering(affinity="precomputed"), expected_failed_checks=reason)


class TestBlockModel:
    """Groups, not clusters, are what the graph shows most: plain spectral clustering finds the groups."""

    @pytest.mark.parametrize("normalized", [False, True])
    @pytest.mark.parametrize("seed", [0, 1, 2])
    def test_fair_finds_the_clusters(self, normalized: bool, seed: int) -> None:
        W, clusters, groups = block_model(500, 2, 2, (0.5, 0.35, 0.25, 0.05), seed)
        model = FairSpectralClustering(2, affinity="precomputed", normalized=normalized, random_state=0)
        plain = clone(model).fit(W)
        assert adjusted_rand_score(plain.labels_, groups) > 0.9
        assert balance(plain.labels_, groups) < 0.1
        fair = clone(model).fit(W, sensitive_features=groups)
        assert adjusted_rand_score(fair.labels_, clusters) == 1.0
        assert fair.report_.balance == 1.0  # exactly
        assert fair.lower_bound_ <= fair.objective_
        assert plain.objective_ < fair.objective_
        assert fair.objective_ == pytest.approx(cut_value(W, clusters, normalized=normalized))

    def test_more_groups_than_clusters(self) -> None:
        W, clusters, groups = block_model(900, 3, 5, (0.6, 0.4, 0.3, 0.05), 0)
        model = FairSpectralClustering(3, affinity="precomputed", random_state=0)
        assert adjusted_rand_score(model.fit_predict(sp.csr_array(W), sensitive_features=groups), clusters) == 1.0
        assert model.report_.balance == 1.0

    def test_not_fair(self) -> None:
        W, _, groups = block_model(300, 2, 2, (0.5, 0.35, 0.25, 0.05), 0)
        model = FairSpectralClustering(2, affinity="precomputed", fair=False, random_state=0)
        steered = model.fit(W, sensitive_features=groups).labels_
        assert model.report_.by_group.index.tolist() == [0, 1]
        assert (
            steered.tolist()
            == FairSpectralClustering(2, affinity="precomputed", random_state=0).fit(W).labels_.tolist()
        )


class TestPlain:
    def test_moons(self) -> None:
        X, truth = make_moons(400, noise=0.04, random_state=0)
        for parameters in ({}, {"normalized": True}, {"affinity": "rbf", "gamma": 60.0, "normalized": True}):
            model = FairSpectralClustering(2, random_state=0, **parameters).fit(X)  # type: ignore[arg-type]
            assert adjusted_rand_score(model.labels_, truth) == 1.0

    @pytest.mark.parametrize("affinity", ["nearest_neighbors", "rbf"])
    def test_beside_scikit_learn(self, affinity: Any) -> None:
        # Its embedding is the normalized one, too; its k-means stops earlier.
        X, truth = make_blobs(300, centers=4, cluster_std=0.8, center_box=(-6, 6), random_state=3)
        theirs = SpectralClustering(4, affinity=affinity, random_state=0).fit(X)
        ours = FairSpectralClustering(4, affinity=affinity, normalized=True, random_state=0).fit(X)
        W = theirs.affinity_matrix_
        W = W.toarray() if sp.issparse(W) else np.array(W)
        np.fill_diagonal(W, 0.0)
        A = ours.affinity_matrix_
        np.testing.assert_allclose(A.toarray() if sp.issparse(A) else A, W, atol=1e-12)
        assert adjusted_rand_score(ours.labels_, theirs.labels_) > 0.98
        assert ours.objective_ <= cut_value(W, theirs.labels_, normalized=True) * 1.02
        assert adjusted_rand_score(ours.labels_, truth) > 0.9


def test_what_fit_leaves() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal((1e6, 0.0), size=(90, 2)), columns=["x", "y"])
    groups = rng.choice(["f", "m"], size=90)
    model = FairSpectralClustering(3, random_state=0).fit(frame, sensitive_features=groups)
    assert model.labels_.dtype == np.intp
    assert sorted(set(model.labels_)) == [0, 1, 2]
    means = [frame.to_numpy()[model.labels_ == i].mean(axis=0) for i in range(3)]
    np.testing.assert_allclose(model.cluster_centers_, means, rtol=1e-14)
    assert (model.affinity_matrix_ - neighbor_graph(frame)).nnz == 0
    assert model.embedding_.shape == (90, 3)
    assert (np.diff(model.eigenvalues_) >= 0).all()
    assert model.lower_bound_ == pytest.approx(model.eigenvalues_.sum(), abs=1e-9)
    assert model.objective_ == cut_value(model.affinity_matrix_, model.labels_)
    assert model.n_connected_components_ == 1
    assert model.n_features_in_ == 2
    assert model.feature_names_in_.tolist() == ["x", "y"]
    report = FairnessReport(frame, model.labels_, model.cluster_centers_, groups)
    assert repr(model.report_) == repr(report)
    distances = ((frame.to_numpy()[:, None] - model.cluster_centers_) ** 2).sum(axis=2)
    assert model.predict(frame).tolist() == distances.argmin(axis=1).tolist()
    assert pickle.loads(pickle.dumps(model)).labels_.tolist() == model.labels_.tolist()


def test_precomputed_is_the_same_clustering() -> None:
    rng = np.random.default_rng(0)
    X, groups = rng.normal(size=(450, 3)), rng.choice(["f", "m"], size=450)
    for affinity, W in (("nearest_neighbors", neighbor_graph(X)), ("rbf", rbf_affinity(X))):
        ours = FairSpectralClustering(3, affinity=affinity, random_state=0).fit(X, sensitive_features=groups)  # type: ignore[arg-type]
        given = FairSpectralClustering(3, affinity="precomputed", random_state=0)
        given.fit(W, sensitive_features=groups)
        assert given.labels_.tolist() == ours.labels_.tolist()
        assert given.objective_ == ours.objective_
        assert given.report_.balance == ours.report_.balance
        assert given.n_features_in_ == 450
        assert not hasattr(given, "cluster_centers_")
        assert not hasattr(given, "predict")
        # Costs are those of k-means in the embedding.
        means = np.array([given.embedding_[given.labels_ == i].mean(axis=0) for i in range(3)])
        cost = ((given.embedding_ - means[given.labels_]) ** 2).sum(axis=1).mean()
        assert given.report_.overall["mean_cost"] == pytest.approx(cost)
    ours.set_params(affinity="precomputed").fit(W)
    assert not hasattr(ours, "cluster_centers_")


def test_same_seed_same_bytes() -> None:
    X = np.random.default_rng(0).normal(size=(500, 2))
    groups = np.arange(500) % 3
    one, two = (FairSpectralClustering(4, random_state=5).fit(X, sensitive_features=groups) for _ in range(2))
    assert one.embedding_.tobytes() == two.embedding_.tobytes()
    assert one.labels_.tolist() == two.labels_.tolist()
    assert one.lower_bound_ == two.lower_bound_


def test_one_group_is_no_constraint() -> None:
    X = np.random.default_rng(0).normal(size=(100, 2))
    plain = FairSpectralClustering(3, random_state=0).fit(X)
    one = FairSpectralClustering(3, random_state=0).fit(X, sensitive_features=["a"] * 100)
    assert one.embedding_.tobytes() == plain.embedding_.tobytes()
    assert plain.report_.balance == 1.0


class TestDegenerate:
    def test_one_cluster_and_one_row(self) -> None:
        model = FairSpectralClustering(1).fit([[3.0]])
        assert (model.labels_.tolist(), model.objective_, model.cluster_centers_.tolist()) == ([0], 0.0, [[3.0]])
        model = FairSpectralClustering(1).fit([[1.0], [2.0], [6.0]], sensitive_features=["a", "b", "b"])
        assert (model.labels_.tolist(), model.objective_, model.report_.balance) == ([0, 0, 0], 0.0, 1.0)
        assert model.cluster_centers_.tolist() == [[3.0]]

    def test_as_many_clusters_as_rows(self) -> None:
        model = FairSpectralClustering(6, random_state=0).fit(np.arange(6.0)[:, None])
        assert sorted(model.labels_) == list(range(6))
        assert model.objective_ == pytest.approx(model.lower_bound_)  # each row alone: the trace of L

    def test_duplicates_and_a_constant_column(self) -> None:
        X = np.column_stack((np.repeat([0.0, 5.0, 9.0], 40), np.ones(120)))
        model = FairSpectralClustering(3, n_neighbors=5, random_state=0).fit(X)
        assert adjusted_rand_score(model.labels_, X[:, 0]) == 1.0
        assert model.objective_ == 0.0
        assert model.n_connected_components_ == 3

    def test_no_edges(self) -> None:
        W = np.zeros((4, 4))
        with pytest.warns(UserWarning, match="graph has 4 connected components, so that more than n_clusters=3"):
            model = FairSpectralClustering(3, affinity="precomputed").fit(W)
        assert model.objective_ == model.lower_bound_ == 0.0
        assert sorted(set(model.labels_)) == [0, 1, 2]

    def test_unions_of_components(self) -> None:
        X = np.concatenate([np.full(20, i * 100.0) + np.linspace(0, 1, 20) for i in range(5)])[:, None]
        with pytest.warns(UserWarning, match="graph has 5 connected components"):
            model = FairSpectralClustering(2, n_neighbors=4, random_state=0).fit(X)
        assert all(len(set(model.labels_[i * 20 : i * 20 + 20])) == 1 for i in range(5))
        assert model.objective_ == 0.0

    def test_isolated_rows(self) -> None:
        X = np.vstack((make_blobs(60, centers=2, random_state=0)[0], [[1e4, 0.0]]))
        with pytest.warns(UserWarning, match=r"1 rows have no edges or almost none \(row 60 is the first\)"):
            model = FairSpectralClustering(2, affinity="rbf", normalized=True, random_state=0).fit(X)
        assert np.isfinite(model.embedding_).all()
        assert model.labels_.tolist() == [model.labels_[0]] * 60 + [model.labels_[60]]  # NCut 0


def test_routing_and_parameters() -> None:
    rng = np.random.default_rng(0)
    X, groups = rng.normal(size=(60, 2)), rng.choice(["f", "m"], size=60)
    with sklearn.config_context(enable_metadata_routing=True):
        model = FairSpectralClustering(2, random_state=0).set_fit_request(sensitive_features=True)
        routed = make_pipeline(StandardScaler(), model).fit(X, sensitive_features=groups)
    assert routed[-1].report_.by_group.index.tolist() == ["f", "m"]
    parameters = {
        "n_clusters": 3,
        "affinity": "rbf",
        "n_neighbors": 4,
        "gamma": 2,
        "normalized": True,
        "fair": False,
        "n_init": 1,
        "random_state": 9,
    }
    assert clone(FairSpectralClustering(**parameters)).get_params() == parameters


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"n_clusters": 5}, ValueError, "n_clusters=5 is larger than the number of rows, n_samples=4"),
        ({"n_clusters": 4}, ValueError, "n_clusters=4 is too many: 4 rows in 2 groups leave .* = 3 fair dimensions"),
        ({"n_clusters": 0}, ValueError, "n_clusters must be at least 1"),
        ({"affinity": "knn"}, ValueError, "affinity must be one of 'nearest_neighbors', 'rbf', 'precomputed'"),
        ({"n_neighbors": 1}, ValueError, "n_neighbors must be at least 2"),
        ({"affinity": "rbf", "gamma": 0}, ValueError, "gamma must be greater than 0"),
        ({"normalized": "yes"}, TypeError, "normalized must be True or False, got 'yes'"),
        ({"fair": None}, TypeError, "fair must be True or False, got None"),
        ({"n_init": 0}, ValueError, "n_init must be at least 1"),
    ],
)
def test_bad_parameters(parameters: dict, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        FairSpectralClustering(**{"n_clusters": 2, **parameters}).fit(
            [[0.0], [1.0], [2.0], [4.0]], sensitive_features=["a", "a", "b", "b"]
        )


@pytest.mark.parametrize(
    ("W", "groups", "message"),
    [
        ([[0.0, 1.0], [2.0, 0.0]], None, r"X is not symmetric: entry \(0, 1\) is 1"),
        ([[0.0, -1.0], [-1.0, 0.0]], None, "Negative values in data: X has -1 at row 0, column 1"),
        (sp.csr_array([[0.0, np.nan], [np.nan, 0.0]]), None, "X contains nan at row 0, column 1"),
        ([[0.0, 1.0, 1.0]], None, "must be square"),
        ([[0.0, 1.0], [1.0, 0.0]], ["a"], "sensitive_features has 1 entries but X has 2 rows"),
        ([[0.0]], None, "n_clusters=2 is larger than the number of rows"),
    ],
)
def test_bad_affinity(W: Any, groups: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FairSpectralClustering(2, affinity="precomputed").fit(W, sensitive_features=groups)


def test_sparse_points_are_refused() -> None:
    with pytest.raises(TypeError, match="Sparse data was passed"):
        FairSpectralClustering(2).fit(sp.csr_array(np.eye(3)))


@needs_data
def test_ten_thousand_rows_of_bank() -> None:
    with (
        zipfile.ZipFile(Path(os.environ["FAIRCLUST_DATA"]) / "bank.zip") as archive,
        archive.open("bank-full.csv") as file,
    ):
        table = pd.read_csv(file, sep=";").sample(10_000, random_state=0)
    X = StandardScaler().fit_transform(table[["age", "balance", "duration"]].astype(float))
    fair, plain = (
        FairSpectralClustering(4, fair=fair, random_state=0).fit(X, sensitive_features=table["marital"])
        for fair in (True, False)
    )
    assert fair.report_.balance > plain.report_.balance
    assert plain.lower_bound_ <= min(fair.lower_bound_, plain.objective_)
    assert sp.issparse(fair.affinity_matrix_)
