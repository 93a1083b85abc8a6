"""FCBC against its cost bound: the grid, one small cell, and what holds of the stored table."""

from __future__ import annotations

import pandas as pd
import pytest

from fairclust.baselines import BoundedCostFairClustering
from fairclust.claims import Verdict, judge, load_ledger
from fairclust.experiments import read_results
from fairclust.experiments.preparation import welfare_adult
from fairclust.experiments.welfare.methods import CLUSTERS, DISTANCE_WEIGHTS, PRICE, SLACK, normalisation
from fairclust.experiments.welfare.price_of_fairness import PRICES, SETTINGS, price_of_fairness
from fairclust.groups import encode_groups
from fairclust.metrics import rawlsian
from fairclust.solvers.kmeans import kmeans


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """The first 400 rows of Adult, five clusters."""
    return price_of_fairness.run_cell({"dataset": "adult", "k": 5, "seed": 3, "rows": 400})


class TestGrid:
    def test_every_k(self) -> None:
        cells = price_of_fairness.cells()
        for dataset, seeds in SETTINGS:
            mine = sorted((cell["k"], cell["seed"]) for cell in cells if cell["dataset"] == dataset)
            assert mine == [(k, seed) for k in CLUSTERS for seed in range(seeds)]
        assert all(seeds >= 3 for _, seeds in SETTINGS)
        assert {dataset for dataset, _ in SETTINGS} == {"adult", "credit_card", "census_1990"}

    def test_the_prices_enclose_the_chosen_one_and_the_authors(self) -> None:
        assert PRICE in PRICES
        assert min(PRICES) < 1.05 < PRICE < max(PRICES) == 1.5


class TestCell:
    def test_every_combination_once(self, table: pd.DataFrame) -> None:
        assert not table[["method", "price", "distance_weight"]].duplicated().any()
        assert len(table) == 2 * len(PRICES) * len(DISTANCE_WEIGHTS)

    def test_a_row_is_what_fcbc_finds_for_the_cheapest_vanilla_centers(self, table: pd.DataFrame) -> None:
        data = welfare_adult(400)
        groups = encode_groups(data.groups)
        centers = kmeans(data.X, 5, n_init=10, random_state=3).centers
        model = BoundedCostFairClustering(
            5, objective="egalitarian", price_of_fairness=1.02, slack=SLACK, centers=centers
        ).fit(data.X, sensitive_features=groups)
        scale = normalisation(data.X, groups, CLUSTERS)["rawlsian"] ** 0.5
        value = rawlsian(data.X / scale, model.labels_, centers / scale, groups, distance_weight=0.3, slack=SLACK)
        (row,) = table[
            (table["method"] == "fcbc_rawl") & (table["price"] == 1.02) & (table["distance_weight"] == 0.3)
        ].to_dict("records")
        assert row["value"] == pytest.approx(value, rel=1e-7)
        assert row["bounded_violation"] == pytest.approx(model.objective_, rel=1e-8)
        assert row["cost_ratio"] == pytest.approx(model.cost_ / model.vanilla_cost_, rel=1e-8)

    def test_the_cost_is_within_its_bound(self, table: pd.DataFrame) -> None:
        assert (table["cost_ratio"] <= table["price"] ** 2 * (1 + 1e-8)).all()
        assert (table["cost_ratio"] >= 1 - 1e-8).all()


class TestStored:
    def test_a_larger_budget_buys_less_violation_on_adult(self) -> None:
        """Up to the search's precision, 1/128 of the objective and the same again for what rounding adds."""
        stored = read_results("welfare-price-of-fairness")
        adult = stored[(stored["dataset"] == "adult") & (stored["distance_weight"] == 0.5)]
        for _, rows in adult.groupby(["method", "k", "seed"]):
            violation = rows.sort_values("price")["bounded_violation"].to_numpy()
            assert len(violation) == len(PRICES)
            assert (violation[1:] <= violation[:-1] + 2 / 128).all()
            assert violation[-1] < violation[0]

    def test_the_claims_are_judged_where_there_is_data(self) -> None:
        used = [c for c in load_ledger() if c.criterion and c.criterion.results == price_of_fairness.name]
        assert len(used) >= 6
        for claim in used:
            assert (judge(claim).verdict is Verdict.NOT_RUN) == claim.id.endswith(".census")
