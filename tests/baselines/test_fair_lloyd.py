"""Fair-Lloyd as an estimator: scikit-learn's contract, Ghadiri's instances, and any number of groups."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.utils.estimator_checks import check_estimator

from fairclust.baselines.fair_lloyd import FairLloyd
from fairclust.metrics import social_cost, social_costs
from fairclust.solvers.kmeans import kmeans


def people(seed=0, sizes=(60, 30, 10)):
    rng = np.random.default_rng(seed)
    X = np.vstack([rng.normal(3 * h, 1 + h, (size, 2)) for h, size in enumerate(sizes)])
    return X, np.repeat([f"group {h}" for h in range(len(sizes))], sizes)


def test_scikit_learns_own_checks():
    check_estimator(FairLloyd(n_clusters=3, n_init=2))


def test_it_is_fairer_than_k_means_and_says_by_how_much():
    X, groups = people()
    model = FairLloyd(3, random_state=0).fit(X, sensitive_features=groups)
    vanilla = kmeans(X, 3, random_state=0)
    assert model.objective_ < social_cost(X, vanilla.centers, groups)
    assert model.objective_ == pytest.approx(social_cost(X, model.cluster_centers_, groups), rel=1e-12)
    assert model.group_costs_.to_dict() == pytest.approx(social_costs(X, model.cluster_centers_, groups).to_dict())
    assert 0 <= model.gap_ <= 1e-8 * model.objective_
    assert model.report_.by_group.index.tolist() == ["group 0", "group 1", "group 2"]


def test_one_group_is_k_means():
    X, _ = people()
    model = FairLloyd(3, random_state=0).fit(X)
    assert model.objective_ * len(X) == pytest.approx(kmeans(X, 3, init=model.cluster_centers_).cost, rel=1e-9)


def test_groups_at_one_cost_share_the_weight():
    X, groups = people(sizes=(50, 50))
    model = FairLloyd(2, random_state=1).fit(X, sensitive_features=groups)
    weighed = model.group_costs_[model.group_weights_ > 1e-6]
    assert weighed.max() - weighed.min() <= 1e-7 * model.objective_


def test_frames_routing_and_cloning():
    X, groups = people()
    frame = pd.DataFrame(X, columns=["age", "income"])
    model = clone(FairLloyd(3, n_init=1, random_state=0)).fit(frame, sensitive_features=pd.Series(groups))
    assert model.feature_names_in_.tolist() == ["age", "income"]
    assert np.array_equal(model.predict(frame), model.labels_)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_clusters": 0}, "n_clusters must be at least 1"),
        ({"n_clusters": 101}, "n_clusters=101 is larger than the number of rows"),
        ({"n_init": 0}, "n_init must be at least 1"),
        ({"tol": -1.0}, "tol must be at least 0"),
    ],
)
def test_bad_parameters(change, message):
    X, groups = people()
    with pytest.raises(ValueError, match=message):
        FairLloyd(**change).fit(X, sensitive_features=groups)


def test_labels_that_do_not_fit():
    X, groups = people()
    with pytest.raises(ValueError, match="sensitive_features has 99 entries but X has 100 rows"):
        FairLloyd(3).fit(X, sensitive_features=groups[:99])
