"""Every method by its name: it is made with the k and the seed that were asked for, and clusters points in groups."""

from __future__ import annotations

import re
from importlib import import_module

import numpy as np
import pytest
from numpy.typing import NDArray

from fairclust import antidote, baselines, radii, welfare
from fairclust.methods import METHODS, VanillaKMeans
from fairclust.solvers.kmeans import kmeans

Points = tuple[NDArray[np.float64], NDArray[np.int64]]


@pytest.fixture(scope="module")
def points() -> Points:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2)) + 4.0 * rng.integers(0, 3, size=(60, 1))
    return X, np.arange(60) % 2


@pytest.mark.parametrize("name", METHODS)
def test_each_method_clusters_points_in_groups(
    name: str, points: tuple[NDArray[np.float64], NDArray[np.int64]]
) -> None:
    X, groups = points
    model = METHODS[name].make(3, 5)
    model.fit(X, sensitive_features=groups)
    assert model.labels_.shape == (60,)
    assert 1 <= len(np.unique(model.labels_)) <= 3
    centers = X[model.center_indices_] if hasattr(model, "center_indices_") else model.cluster_centers_
    assert centers.shape[1] == 2
    assert len(centers) <= 3
    again = METHODS[name].make(3, 5).fit(X, sensitive_features=groups)
    np.testing.assert_array_equal(model.labels_, again.labels_)


def test_every_exported_clusterer_of_k_clusters_has_a_name() -> None:
    """The command line offers what the library has."""
    made = {type(method.make(2, 0)).__name__ for method in METHODS.values()}
    # Clusterers whose number of clusters is an outcome, and C's that are clustered with antidotes.
    apart = {"ConvexAntidote", "SumOfNormsClustering", "FixedStartKMeans", "KMedian"}
    exported = {
        name
        for package in (antidote, baselines, radii, welfare)
        for name in package.__all__
        if hasattr(getattr(package, name), "fit_predict")
    }
    assert exported - apart == made - {"VanillaKMeans"}


def test_the_seed_reaches_the_estimators_that_draw() -> None:
    for name in ("rawlsian", "utilitarian", "fair_lloyd", "fair_spectral"):
        assert METHODS[name].make(2, 7).get_params()["random_state"] == 7
    assert METHODS["antidote_social"].make(2, 7).random_state == 7


def test_vanilla_is_the_librarys_k_means(points: Points) -> None:
    X, groups = points
    model = VanillaKMeans(3, 1).fit(X, sensitive_features=groups)
    found = kmeans(X, 3, n_init=10, random_state=1)
    np.testing.assert_array_equal(model.labels_, found.labels)
    np.testing.assert_array_equal(model.cluster_centers_, found.centers)


def test_each_method_says_what_it_is_made_for_and_its_paper() -> None:
    """The list on the page that compares all methods and in the help of the command ``fairclust fit``."""
    notions = {"cost", "social cost", "balance", "proportions", "welfare", "radii"}
    for method in METHODS.values():
        assert method.notion in notions
        assert re.fullmatch(r"[A-Z].* \((19|20)\d\d\)", method.source), method.source
    assert {method.notion for method in METHODS.values()} == notions
    assert len({method.title for method in METHODS.values()}) == len(METHODS)


@pytest.mark.parametrize("name", METHODS)
def test_each_class_can_be_imported_from_its_package(name: str) -> None:
    kind = type(METHODS[name].make(5, 0))
    package = ".".join(kind.__module__.split(".")[:2])
    assert getattr(import_module(package), kind.__name__) is kind
