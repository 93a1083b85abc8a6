"""An instance like Figure 1: its shape, the judge by hand, and each algorithm's way with it."""

from __future__ import annotations

import numpy as np
import pytest

from fairclust.experiments.welfare.figure_1 import (
    METHODS,
    figure_1,
    four_groupings,
    judge,
    mixed_clusterings,
    run_method,
    separation,
)


def test_the_instance() -> None:
    X, grouping, colors = four_groupings(8.0, 50, 0)
    means = np.stack([X[grouping == g].mean(axis=0) for g in range(4)])
    np.testing.assert_allclose(means, [[-4, 8], [4, 8], [-0.5, 0], [0.5, 0]], atol=0.2)
    assert [set(colors[grouping == g]) for g in range(4)] == [{"blue"}, {"orange"}, {"blue"}, {"orange"}]
    assert 6 < separation(X, grouping) < 8


def test_the_judge_by_hand() -> None:
    X = np.array([[-4.0, 8], [-4, 8], [4, 8], [4, 8], [-0.5, 0], [-0.5, 0], [0.5, 0], [0.5, 0]])
    grouping = np.repeat(np.arange(4), 2)
    colors = np.array(["blue", "orange", "blue", "orange"])[grouping]
    centers = X[::2]
    home = judge(X, grouping, centers, grouping, colors, 0.5)
    assert (home["top_apart"], home["bottom_mixed"], home["clusters_of_both"]) == (1.0, 0.0, 0)
    assert home["top_distance"] == home["bottom_distance"] == 0.0
    assert home["blue"] == home["orange"] == pytest.approx(0.5 * (1 - 0.1))
    mixed = judge(X, np.array([0, 0, 1, 1, 2, 3, 2, 3]), centers, grouping, colors, 0.5)
    assert (mixed["top_apart"], mixed["bottom_mixed"], mixed["clusters_of_both"]) == (1.0, 1.0, 2)
    assert mixed["bottom_distance"] == 0.5
    everyone = judge(X, np.zeros(8, dtype=int), centers, grouping, colors, 0.5)
    assert (everyone["top_apart"], everyone["bottom_mixed"]) == (0.0, 1.0)


@pytest.mark.parametrize("method", METHODS)
def test_methods(method: str) -> None:
    X, grouping, colors = four_groupings(8.0, 6, 1)
    labels, centers = run_method(method, X, colors, 0.5, 1.5, 0)
    assert labels.shape == (24,)
    assert centers.shape == (4, 2)
    found = judge(X, labels, centers, grouping, colors, 0.5)
    assert found["rawlsian"] == max(found["blue"], found["orange"])
    assert found["utilitarian"] == pytest.approx(found["blue"] + found["orange"])
    if method in ("vanilla", "fair_lloyd"):
        assert found["clusters_of_both"] == 0
    if method in ("rawlsian", "utilitarian"):
        assert (found["top_apart"], found["bottom_mixed"]) == (1.0, 1.0)
    if method == "bera":
        assert found["top_apart"] == 0.0


def test_every_mixed_clustering_is_tried() -> None:
    """Matching 4 blue with 4 orange points in pairs, pairs of pairs and so on: 131 partitions with at most 4 clusters.

    Each color is partitioned into blocks (sizes 4; 3+1; 2+2; 2+1+1; 1+1+1+1 in 1, 4, 3, 6 and 1 ways), and blocks of
    equal sizes are matched in m! ways for m blocks of one size: 1 + 16 + 9 * 2 + 36 * 2 + 24 = 131.
    """
    (row,) = mixed_clusterings.function(far=8.0, seed=0)
    assert row["n_clusterings"] == 131
    assert row["least_top_distance"] > 0.4 * row["separation"] > row["farthest_from_own_grouping"]
    assert row["cheapest_mixed"] > row["own_groupings"]


def test_grids() -> None:
    assert all(cell in figure_1.cells() for cell in figure_1.cells(quick=True))
    assert {cell["method"] for cell in figure_1.cells(quick=True)} == set(METHODS)
    assert len(mixed_clusterings.cells()) == 15
