"""RawlsianClustering and UtilitarianClustering: the estimator contract, brute force, certificates, refinement."""

import sys
from itertools import pairwise, product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.utils.estimator_checks import check_estimator

from fairclust.metrics import disutility, rawlsian, social_cost, utilitarian
from fairclust.welfare.estimators import RawlsianClustering, UtilitarianClustering

BOTH = pytest.mark.parametrize("estimator", [RawlsianClustering, UtilitarianClustering])
WELFARE = {RawlsianClustering: rawlsian, UtilitarianClustering: utilitarian}


def people(seed=0, sizes=(50, 30, 20), d=2):
    rng = np.random.default_rng(seed)
    X = np.vstack([rng.normal(h, 1, (size, d)) for h, size in enumerate(sizes)])
    return X, np.repeat([f"group {h}" for h in range(len(sizes))], sizes)


@BOTH
@pytest.mark.parametrize("more", [{}, {"power": 1}, {"refine": True}], ids=["k-means", "k-median", "refined"])
def test_scikit_learns_own_checks(estimator, more):
    check_estimator(estimator(n_clusters=3, n_init=1, **more))


@BOTH
@pytest.mark.parametrize("power", [1, 2])
def test_attributes_agree_with_the_metrics(estimator, power):
    X, groups = people()
    model = estimator(4, distance_weight=0.3, slack=0.1, power=power, n_init=3, random_state=0)
    model.fit(X, sensitive_features=groups)
    arguments = {"distance_weight": 0.3, "slack": 0.1, "power": power}
    expected = WELFARE[estimator](X, model.labels_, model.cluster_centers_, groups, **arguments)
    assert model.objective_ == pytest.approx(expected, rel=1e-9)
    each = disutility(X, model.labels_, model.cluster_centers_, groups, **arguments)
    assert model.disutilities_.to_dict() == pytest.approx(each.to_dict(), rel=1e-9)
    assert model.lower_bound_ <= model.lp_value_ * (1 + 1e-7)
    assert model.lower_bound_ <= model.objective_ <= model.lp_value_ + model.rounding_bound_ + 1e-9
    assert model.objective_ == model.start_values_.min()
    assert model.prices_.shape == (3, 4)
    assert hasattr(model, "center_indices_") == (power == 1)
    if power == 1:
        assert np.array_equal(X[model.center_indices_], model.cluster_centers_)


@BOTH
@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.sampled_from([0.0, 0.2, 0.8, 1.0]))
def test_no_assignment_to_its_centers_beats_the_lower_bound(estimator, seed, weight):
    rng = np.random.default_rng(seed)
    X, groups = rng.normal(size=(7, 1)), np.array(["a", "b", "a", "b", "b", "c", "a"])
    model = estimator(2, distance_weight=weight, n_init=1, random_state=0).fit(X, sensitive_features=groups)
    best = min(
        WELFARE[estimator](X, np.array(labels), model.cluster_centers_, groups, distance_weight=weight)
        for labels in product(range(2), repeat=7)
    )
    assert model.lower_bound_ <= best + 1e-9
    assert best - 1e-9 <= model.objective_ <= best + model.rounding_bound_ + 1e-9


@BOTH
@pytest.mark.parametrize("seed", range(4))
def test_refinement_never_hurts(estimator, seed):
    X, groups = people(seed)
    plain, refined = (
        estimator(4, distance_weight=0.2, n_init=1, refine=refine, random_state=seed).fit(X, sensitive_features=groups)
        for refine in (False, True)
    )
    assert refined.objective_ <= plain.objective_
    assert refined.n_refinements_ == 0 or refined.objective_ < plain.objective_


@BOTH
def test_every_round_of_refinement_lowers_the_objective(estimator, monkeypatch):
    """Stopped after 0, 1, 2, ... rounds; each is a solution with a certificate of its own."""
    X, groups = people(1)
    values = []
    for most in range(6):
        monkeypatch.setattr(sys.modules[estimator.__module__], "MOST_REFINEMENTS", most)
        model = estimator(4, distance_weight=0.2, n_init=1, refine=True, random_state=1)
        model.fit(X, sensitive_features=groups)
        assert model.n_refinements_ <= most
        assert model.lower_bound_ <= model.objective_
        values.append(model.objective_)
    assert all(later <= earlier for earlier, later in pairwise(values))
    assert values[1] < values[0]


@BOTH
def test_refinement_moves_something_somewhere(estimator):
    X, groups = people(0)
    model = estimator(4, distance_weight=0.2, n_init=1, refine=True, random_state=0)
    assert model.fit(X, sensitive_features=groups).n_refinements_ > 0


def test_distance_alone_is_social_fairness():
    X, groups = people()
    model = RawlsianClustering(3, distance_weight=1.0, random_state=0).fit(X, sensitive_features=groups)
    assert model.objective_ == pytest.approx(social_cost(X, model.cluster_centers_, groups), rel=1e-7)


def test_proportions_alone_can_be_kept_to_a_point():
    X, groups = people(sizes=(40, 20))
    model = RawlsianClustering(4, distance_weight=0.0, random_state=0).fit(X, sensitive_features=groups)
    assert model.lp_value_ == pytest.approx(0.0, abs=1e-9)
    assert model.objective_ <= model.rounding_bound_


@BOTH
def test_one_group_has_no_violation(estimator):
    X, _ = people()
    model = estimator(3, random_state=0).fit(X)
    assert model.disutilities_.index.tolist() == ["all"]
    assert model.rounding_loss_ == pytest.approx(0.0, abs=1e-9)


@BOTH
def test_frames_duplicates_and_the_same_bytes(estimator):
    X, groups = people()
    frame = pd.DataFrame(np.vstack([X, X]), columns=["age", "income"])
    twice = np.concatenate([groups, groups])
    first, second = (estimator(3, random_state=5).fit(frame, sensitive_features=twice) for _ in range(2))
    assert first.labels_.tobytes() == second.labels_.tobytes()
    assert first.feature_names_in_.tolist() == ["age", "income"]


@BOTH
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_clusters": 101}, "n_clusters=101 is larger than the number of rows"),
        ({"distance_weight": 1.5}, r"distance_weight must be in \[0, 1\]"),
        ({"power": 3}, "power must be 1 .* or 2"),
        ({"n_init": 0}, "n_init must be at least 1"),
        ({"power": 1, "refine": True}, "refine=True needs power=2"),
    ],
)
def test_bad_parameters(estimator, change, message):
    X, groups = people()
    with pytest.raises(ValueError, match=message):
        estimator(**change).fit(X, sensitive_features=groups)


@BOTH
def test_labels_that_do_not_fit(estimator):
    X, groups = people()
    with pytest.raises(ValueError, match="sensitive_features has 99 entries but X has 100 rows"):
        estimator(3).fit(X, sensitive_features=groups[:99])
