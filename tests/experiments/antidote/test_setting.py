"""What the words in the result tables stand for."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.cluster import KMeans

from fairclust.experiments.antidote.setting import (
    KINDS,
    NOTIONS,
    STARTS,
    clusterer_of,
    cost_of,
    other_seed,
    problem_of,
)
from fairclust.experiments.preparation import antidote_adult
from fairclust.metrics import social_cost
from fairclust.solvers.kmeans import kmeans


def test_notions_are_those_of_the_result_tables() -> None:
    assert NOTIONS == tuple(KINDS) == ("balance_cost", "social_cost")


@pytest.mark.parametrize("definition", STARTS)
def test_every_definition_has_a_clusterer_with_its_seed(definition: str) -> None:
    model = clusterer_of(definition, 3, 7)
    assert (model.n_clusters, model.random_state) == (3, 7)
    assert model.n_init == (1 if definition == "single_start" else 10)
    assert isinstance(model, KMeans) == (definition == "scikit_learn")


def test_an_unknown_definition_is_named() -> None:
    with pytest.raises(ValueError, match=r"definition must be one of best_of_10.*got 'best_of_3'"):
        clusterer_of("best_of_3", 2, 0)


def test_other_seeds_are_no_seed_of_a_search() -> None:
    assert not {other_seed(seed) for seed in range(100)} & set(range(100))
    assert len({other_seed(seed) for seed in range(100)}) == 100


def test_costs_are_those_of_the_problem() -> None:
    data = antidote_adult()
    for notion in NOTIONS:
        problem = problem_of(data, notion, "single_start", 2, 0)
        found = problem.vanilla
        assert cost_of(data, notion, found.labels, found.centers) == pytest.approx(found.fairness, rel=1e-12)


def test_an_empty_cluster_is_the_worst_balance() -> None:
    data = antidote_adult()
    centers = np.vstack([np.zeros((1, 5)), np.full((1, 5), 1e6)])
    assert cost_of(data, "balance_cost", np.zeros(len(data.X), dtype=np.intp), centers) == 0


def test_the_problem_is_that_of_the_paper() -> None:
    data = antidote_adult()
    problem = problem_of(data, "social_cost", "best_of_10", 2, 0)
    vanilla = kmeans(data.X, 2, n_init=10, random_state=0)
    assert problem.vanilla.fairness == pytest.approx(social_cost(data.X, vanilla.centers, data.groups), rel=1e-9)
    again = problem_of(data, "social_cost", "vanilla_start", 2, 0)
    np.testing.assert_allclose(again.vanilla.centers, problem.vanilla.centers, rtol=1e-9)
