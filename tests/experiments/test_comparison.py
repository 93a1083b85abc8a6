"""Every method by every notion: the cells that there are, and a row against the library, notion by notion."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fairclust.experiments.comparison import (
    CLUSTERS,
    FULL_SIZE,
    NOTIONS,
    PREPARED,
    SEEDS,
    _standardised,
    full_size,
    samples,
)
from fairclust.experiments.preparation import welfare_bank
from fairclust.methods import METHODS
from fairclust.metrics import balance, fair_radii, radius_violation, rawlsian, social_cost, utilitarian


def row_of(**parameters: Any) -> dict[str, Any]:
    (row,) = samples.run_cell(parameters).to_dict("records")
    return {str(name): value for name, value in row.items()}


def test_the_grid_is_every_method_on_every_data_set() -> None:
    cells = {(c["dataset"], c["method"], c["k"], c["seed"]) for c in samples.cells()}
    assert cells == {(d, m, k, s) for d in PREPARED for m in METHODS for k in CLUSTERS for s in range(SEEDS[d])}
    assert len(samples.cells(quick=True)) == len(METHODS)
    assert {c["method"] for c in full_size.cells()} == set(FULL_SIZE) <= set(METHODS)


@pytest.mark.parametrize("method", ["kmeans", "rawlsian", "jungkannanlutz"])
def test_a_row_is_what_the_library_says(method: str) -> None:
    row = row_of(dataset="bank", method=method, k=5, seed=1)
    X, groups = _standardised(welfare_bank(), 1000, 1)
    model = METHODS[method].make(5, 1).fit(X, sensitive_features=groups)
    centers = X[model.center_indices_] if method == "jungkannanlutz" else model.cluster_centers_
    violations = radius_violation(X, centers, fair_radii(X, 5))
    arguments, setting = (X, model.labels_, centers, groups), {"distance_weight": 0.5, "slack": 0.1}
    assert row["n"] == 1000
    assert row["n_groups"] == 3
    assert row["social_cost"] == pytest.approx(social_cost(X, centers, groups), rel=1e-12)
    assert row["balance"] == pytest.approx(balance(model.labels_, groups), rel=1e-12)
    assert row["rawlsian"] == pytest.approx(rawlsian(*arguments, **setting), rel=1e-12)
    assert row["utilitarian"] == pytest.approx(utilitarian(*arguments, **setting), rel=1e-12)
    assert row["max_radius_violation"] == pytest.approx(np.nanmax(violations), rel=1e-12)
    assert set(NOTIONS) <= set(row)


def test_each_method_is_best_where_it_is_made_to_be() -> None:
    """On one sample of Bank; what is guaranteed, not what usually happens."""
    vanilla, fair, mixed = (row_of(dataset="bank", method=m, k=5, seed=0) for m in ("kmeans", "fair_lloyd", "bera"))
    assert fair["social_cost"] < vanilla["social_cost"]
    assert vanilla["mean_cost"] < min(fair["mean_cost"], mixed["mean_cost"])
    assert mixed["violation"] < vanilla["violation"]


def test_samples_are_standardised_rows_of_the_data() -> None:
    X, groups = _standardised(welfare_bank(), 1000, 2)
    assert X.shape == (1000, 3)
    assert len(groups) == 1000
    np.testing.assert_allclose(X.mean(axis=0), 0.0, atol=1e-12)
    np.testing.assert_allclose(X.std(axis=0), 1.0, rtol=1e-12)
    again, _ = _standardised(welfare_bank(), 1000, 2)
    np.testing.assert_array_equal(X, again)
    assert not np.array_equal(X, _standardised(welfare_bank(), 1000, 3)[0])
    assert len(_standardised(welfare_bank(), None, 0)[0]) == 4521
