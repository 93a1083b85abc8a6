"""The contract that all clusterers share: what fit takes and records, how groups travel, what predict promises."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import sklearn
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.exceptions import NotFittedError, UnsetMetadataPassedError
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from fairclust._estimator import FairClusterer
from fairclust.baselines import FairLloyd, JungKannanLutz
from fairclust.distances import nearest_centers
from fairclust.groups import Groups, encode_groups


class FirstRows(FairClusterer):
    """The smallest clusterer that keeps the contract: its centers are the first k rows."""

    def __init__(self, n_clusters: int = 2) -> None:
        self.n_clusters = n_clusters

    def _fit(self, X: NDArray[np.float64], groups: Groups) -> None:
        self.cluster_centers_ = X[: self.n_clusters]
        self.labels_ = nearest_centers(X, self.cluster_centers_)[0]
        self.groups_ = groups


#: Methods that send every row to its nearest center.
NEAREST = [FirstRows(2), FairLloyd(3, n_init=2, random_state=0), JungKannanLutz(3)]


@pytest.fixture
def people() -> tuple[pd.DataFrame, pd.Series]:
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"age": rng.integers(18, 80, 40).astype(float), "income": rng.normal(30, 9, 40)})
    return X, pd.Series(rng.choice(["f", "m"], 40), index=rng.permutation(40))


def groups_of(model: Any) -> list[Any]:
    """The labels of the groups that a model was fitted with."""
    return list(model.groups_.labels) if isinstance(model, FirstRows) else model.report_.by_group.index.tolist()


def test_scikit_learns_own_checks() -> None:
    """Those of the subclasses are with them; this one shows that the base alone keeps the contract."""
    check_estimator(FirstRows(1))


class TestFit:
    @pytest.mark.parametrize("model", NEAREST, ids=lambda model: type(model).__name__)
    def test_groups_come_as_anything(self, model: FairClusterer, people: tuple[pd.DataFrame, pd.Series]) -> None:
        X, groups = people
        labels = clone(model).fit(X, sensitive_features=groups).labels_
        for given in (
            groups.tolist(),
            groups.to_numpy(),
            groups.to_frame(),
            pd.Categorical(groups),
            encode_groups(groups),
        ):
            fitted = clone(model).fit(X, sensitive_features=given)
            assert groups_of(fitted) == ["f", "m"]
            assert fitted.labels_.tolist() == labels.tolist()

    @pytest.mark.parametrize("model", NEAREST, ids=lambda model: type(model).__name__)
    def test_without_groups_there_is_one(self, model: FairClusterer, people: tuple[pd.DataFrame, pd.Series]) -> None:
        assert groups_of(clone(model).fit(people[0])) == ["all"]

    def test_returns_itself_and_ignores_y(self, people: tuple[pd.DataFrame, pd.Series]) -> None:
        model = FirstRows()
        assert model.fit(people[0], ["anything"]) is model
        assert model.fit(people[0], y=None).labels_.shape == (40,)

    def test_groups_are_given_by_name_only(self, people: tuple[pd.DataFrame, pd.Series]) -> None:
        with pytest.raises(TypeError, match="positional"):
            FirstRows().fit(people[0], None, people[1])  # type: ignore[misc]

    def test_frames_arrays_and_lists_give_the_same(self, people: tuple[pd.DataFrame, pd.Series]) -> None:
        X, _ = people
        frozen = X.to_numpy().copy()
        frozen.flags.writeable = False
        expected = FirstRows().fit(X)
        for other in (frozen, np.asfortranarray(frozen), frozen.tolist(), X.astype(object)):
            fitted = FirstRows().fit(other)
            assert fitted.labels_.tolist() == expected.labels_.tolist()
            assert fitted.n_features_in_ == 2

    def test_fit_predict(self, people: tuple[pd.DataFrame, pd.Series]) -> None:
        X, groups = people
        model = FirstRows()
        assert model.fit_predict(X, sensitive_features=groups) is model.labels_
        assert model.groups_.labels == ("f", "m")

    @pytest.mark.parametrize(
        ("X", "groups", "error", "message"),
        [
            ([[0.0], [np.nan]], None, ValueError, "X contains NaN at row 1, column 0;"),
            (pd.DataFrame({"age": [1.0], "wage": [np.inf]}), None, ValueError, r"infinity at row 0, column 1 \(wage\)"),
            (pd.DataFrame({"age": [1.0], "sex": ["f"]}), None, ValueError, r"not numeric, column 1 \(sex\): .*'f'"),
            (
                np.ma.masked_array([[1.0], [2.0]], mask=[[0], [1]]),
                None,
                ValueError,
                "X contains NaN at row 1, column 0",
            ),
            ([[0.0], [1.0]], ["a"], ValueError, "sensitive_features has 1 entries but X has 2 rows"),
            ([[0.0], [1.0]], ["a", None], ValueError, "sensitive_features has a missing label at row 1"),
            ([[0.0], [1.0]], "ab", TypeError, r"sensitive_features is a single value \('ab'\)"),
            ([0.0, 1.0], None, ValueError, "Expected 2D array, got 1D array"),
            (np.zeros((0, 2)), None, ValueError, r"0 sample\(s\)"),
            (scipy.sparse.eye_array(3, format="csr"), None, TypeError, "Sparse data was passed"),
            (np.array([[1j]]), None, ValueError, "Complex data not supported"),
        ],
    )
    def test_bad_input(self, X: Any, groups: Any, error: type[Exception], message: str) -> None:
        with pytest.raises(error, match=message):
            FirstRows(1).fit(X, sensitive_features=groups)

    def test_a_subclass_must_say_how(self) -> None:
        class Idle(FairClusterer):
            pass

        with pytest.raises(NotImplementedError, match="Idle must define _fit"):
            Idle().fit([[0.0]])


class TestPredict:
    @pytest.mark.parametrize("model", NEAREST, ids=lambda model: type(model).__name__)
    def test_the_rows_of_fit_get_their_labels(
        self, model: FairClusterer, people: tuple[pd.DataFrame, pd.Series]
    ) -> None:
        X, groups = people
        fitted = clone(model).fit(X, sensitive_features=groups)
        assert fitted.predict(X).tolist() == fitted.labels_.tolist()
        assert pickle.loads(pickle.dumps(fitted)).predict(X[:5]).tolist() == fitted.labels_[:5].tolist()

    @pytest.mark.parametrize("model", NEAREST, ids=lambda model: type(model).__name__)
    def test_new_rows_go_to_the_nearest_center(
        self, model: FairClusterer, people: tuple[pd.DataFrame, pd.Series]
    ) -> None:
        X, groups = people
        fitted = clone(model).fit(X, sensitive_features=groups)
        new = X.sample(frac=1.0, random_state=1) + 1.0
        by_hand = ((new.to_numpy()[:, None] - fitted.cluster_centers_) ** 2).sum(axis=2).argmin(axis=1)
        assert fitted.predict(new).tolist() == by_hand.tolist()

    def test_before_fit(self) -> None:
        with pytest.raises(NotFittedError, match="FirstRows instance is not fitted yet"):
            FirstRows().predict([[0.0]])

    @pytest.mark.filterwarnings("ignore:X does not have valid feature names")
    @pytest.mark.parametrize(
        ("X", "message"),
        [
            ([[0.0], [1.0]], "X has 1 features, but FirstRows is expecting 2 features as input"),
            ([[0.0, 1.0], [np.nan, 1.0]], "X contains NaN at row 1, column 0"),
            (pd.DataFrame({"age": [1.0], "income": ["high"]}), r"not numeric, column 1 \(income\)"),
            (pd.DataFrame({"income": [1.0], "age": [1.0]}), "feature names should match those that were passed"),
        ],
    )
    def test_bad_input(self, X: Any, message: str, people: tuple[pd.DataFrame, pd.Series]) -> None:
        with pytest.raises(ValueError, match=message):
            FirstRows().fit(people[0]).predict(X)


class TestFeatureNames:
    def test_are_kept(self, people: tuple[pd.DataFrame, pd.Series]) -> None:
        model = FirstRows().fit(people[0])
        assert model.feature_names_in_.tolist() == ["age", "income"]
        assert model.n_features_in_ == 2

    def test_of_the_last_fit_count(self, people: tuple[pd.DataFrame, pd.Series]) -> None:
        X, _ = people
        model = FirstRows().fit(X).fit(X.rename(columns={"age": "years"}))
        assert model.feature_names_in_.tolist() == ["years", "income"]
        assert not hasattr(model.fit(X.to_numpy()), "feature_names_in_")

    def test_a_frame_after_an_array_warns(self, people: tuple[pd.DataFrame, pd.Series]) -> None:
        X, _ = people
        with pytest.warns(UserWarning, match="X has feature names, but FirstRows was fitted without"):
            FirstRows().fit(X.to_numpy()).predict(X)
        with pytest.warns(UserWarning, match="X does not have valid feature names, but FirstRows was fitted with"):
            FirstRows().fit(X).predict(X.to_numpy())


class TestMetadataRouting:
    @pytest.mark.parametrize("model", NEAREST, ids=lambda model: type(model).__name__)
    def test_through_a_pipeline(self, model: FairClusterer, people: tuple[pd.DataFrame, pd.Series]) -> None:
        X, groups = people
        scaled = StandardScaler().set_output(transform="pandas").fit_transform(X)
        expected = clone(model).fit(scaled, sensitive_features=groups)
        with sklearn.config_context(enable_metadata_routing=True):
            pipeline = self.pipeline(clone(model).set_fit_request(sensitive_features=True))
            pipeline.fit(X, sensitive_features=groups)
            together = clone(pipeline).fit_predict(X, sensitive_features=groups)
        assert groups_of(pipeline[-1]) == ["f", "m"]
        assert pipeline[-1].labels_.tolist() == expected.labels_.tolist() == together.tolist()
        assert pipeline.predict(X).tolist() == expected.labels_.tolist()
        assert pipeline[-1].feature_names_in_.tolist() == ["age", "income"]

    def test_under_another_name(self, people: tuple[pd.DataFrame, pd.Series]) -> None:
        X, groups = people
        with sklearn.config_context(enable_metadata_routing=True):
            pipeline = self.pipeline(FirstRows().set_fit_request(sensitive_features="sex"))
            assert groups_of(pipeline.fit(X, sex=groups)[-1]) == ["f", "m"]

    def test_what_was_not_asked_for_is_not_passed(self, people: tuple[pd.DataFrame, pd.Series]) -> None:
        X, groups = people
        with sklearn.config_context(enable_metadata_routing=True):
            with pytest.raises(UnsetMetadataPassedError, match="sensitive_features"):
                self.pipeline(FirstRows()).fit(X, sensitive_features=groups)
            silent = self.pipeline(FirstRows().set_fit_request(sensitive_features=False))
            with pytest.raises(TypeError, match="sensitive_features"):
                silent.fit(X, sensitive_features=groups)

    def test_without_routing_the_step_is_named(self, people: tuple[pd.DataFrame, pd.Series]) -> None:
        X, groups = people
        pipeline = self.pipeline(FirstRows()).fit(X, firstrows__sensitive_features=groups)
        assert groups_of(pipeline[-1]) == ["f", "m"]

    @staticmethod
    def pipeline(model: FairClusterer) -> Pipeline:
        return make_pipeline(StandardScaler(), model).set_output(transform="pandas")


def test_parameters_are_kept_as_given() -> None:
    radii = [1, 2]
    model = JungKannanLutz("three", radii=radii)
    assert model.n_clusters == "three"
    assert model.radii is radii
    assert clone(model).get_params() == model.get_params()
    with pytest.raises(TypeError, match="n_clusters must be an integer, got 'three'"):
        model.fit([[0.0], [1.0]])
