"""Every method's row is the best of its ten starts by the final objective, as the library's estimators find it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from fairclust.baselines import BoundedCostFairClustering
from fairclust.experiments.welfare.methods import (
    BOUNDED,
    CLUSTERS,
    DISTANCE_WEIGHTS,
    OBJECTIVES,
    PRICE,
    SLACK,
    STARTS,
    Objective,
    Solution,
    compare,
    digits,
    normalisation,
    objective_value,
    only_start,
    random_states,
    terms,
    vanilla_starts,
)
from fairclust.groups import Groups, encode_groups
from fairclust.metrics import proportional_violation, rawlsian, utilitarian
from fairclust.solvers.kmeans import kmeans
from fairclust.solvers.minimax_centers import socially_fair_kmeans
from fairclust.welfare import RawlsianClustering, UtilitarianClustering

K, SEED, WEIGHTS = 3, 4, (0.2, 0.8)
SCALES: dict[Objective, float] = {"rawlsian": 7.0, "utilitarian": 9.0}
ESTIMATORS = {"rawlsian": RawlsianClustering, "utilitarian": UtilitarianClustering}
WELFARES = {"rawlsian": rawlsian, "utilitarian": utilitarian}


def instance(n_groups: int = 2) -> tuple[NDArray[np.float64], Groups]:
    """Four towns with different mixes of the groups."""
    rng = np.random.default_rng(11)
    town = rng.integers(0, 4, 240)
    mixes = rng.dirichlet(np.ones(n_groups), size=4)
    groups = encode_groups([int(rng.choice(n_groups, p=mixes[t])) for t in town])
    return rng.normal(size=(4, 2))[town] * 3 + rng.normal(size=(240, 2)), groups


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    X, groups = instance()
    return pd.DataFrame(compare(X, groups, K, SEED, SCALES, WEIGHTS))


def row(table: pd.DataFrame, **where: Any) -> dict[str, Any]:
    wanted = np.logical_and.reduce([table[name] == value for name, value in where.items()])
    (found,) = table[wanted].to_dict("records")
    return {str(name): value for name, value in found.items()}


class TestSettings:
    def test_are_the_papers(self) -> None:
        assert tuple(range(4, 16)) == CLUSTERS
        assert (SLACK, STARTS) == (0.1, 10)
        assert max(DISTANCE_WEIGHTS) < 1

    def test_no_two_seeds_share_a_start(self) -> None:
        assert [state for seed in range(4) for state in random_states(seed)] == list(range(40))


class TestNormalisation:
    @pytest.mark.parametrize("how", ["mean", "median"])
    def test_is_the_average_ratio_of_the_objective_at_both_ends(self, how: Any) -> None:
        X, groups = instance(3)
        found = normalisation(X, groups, (3, 4, 6), how)
        for objective in OBJECTIVES:
            ratios = []
            for k in (3, 4, 6):
                vanilla = kmeans(X, k, n_init=10, random_state=0)
                ends = [
                    WELFARES[objective](X, vanilla.labels, vanilla.centers, groups, distance_weight=weight, slack=SLACK)
                    for weight in (1.0, 0.0)
                ]
                ratios.append(ends[0] / ends[1])
            assert found[objective] == pytest.approx(getattr(np, how)(ratios), rel=1e-12)

    def test_dividing_by_it_makes_the_mean_ratio_one(self) -> None:
        X, groups = instance()
        eta = normalisation(X, groups, (3, 4))["rawlsian"]
        assert normalisation(X / np.sqrt(eta), groups, (3, 4))["rawlsian"] == pytest.approx(1.0, rel=1e-9)


class TestObjectiveValue:
    @pytest.mark.parametrize("objective", OBJECTIVES)
    def test_is_the_librarys_objective_of_the_scaled_points(self, objective: Objective) -> None:
        X, groups = instance(3)
        found = kmeans(X, 4, n_init=1, random_state=0)
        value = objective_value(terms(X, found.labels, found.centers, groups), objective, 0.3, 5.0)
        scaled = X / np.sqrt(5.0), found.labels, found.centers / np.sqrt(5.0)
        assert value == pytest.approx(WELFARES[objective](*scaled, groups, distance_weight=0.3, slack=SLACK))

    def test_of_known_numbers(self) -> None:
        solution = Solution(np.array([4.0, 8.0]), np.array([1.0, 0.0]))
        assert objective_value(solution, "rawlsian", 0.5, 4.0) == 1.0
        assert objective_value(solution, "utilitarian", 0.5, 4.0) == 2.0

    def test_digits(self) -> None:
        assert digits(1 / 3) == 0.333333333
        assert digits(123456789012.0) == 123456789000.0


class TestCompare:
    def test_every_method_once_for_each_lambda(self, table: pd.DataFrame) -> None:
        methods = {
            "rawlsian": {"vanilla", "socially_fair", "fcbc_rawl", "rawlsian", "rawlsian_refined"},
            "utilitarian": {"vanilla", "weighted", "fcbc_util", "utilitarian", "utilitarian_refined"},
        }
        assert not table[["objective", "method", "distance_weight"]].duplicated().any()
        for (objective, weight), rows in table.groupby(["objective", "distance_weight"]):
            assert weight in WEIGHTS
            assert set(rows["method"]) == methods[str(objective)]

    @pytest.mark.parametrize("weight", WEIGHTS)
    @pytest.mark.parametrize("objective", OBJECTIVES)
    def test_the_papers_algorithms_are_the_best_of_ten_estimators(
        self, table: pd.DataFrame, objective: Objective, weight: float
    ) -> None:
        """One center search for all lambdas gives what the estimator finds for each by itself."""
        X, groups = instance()
        points = X / np.sqrt(SCALES[objective])
        fitted = [
            ESTIMATORS[objective](K, distance_weight=weight, slack=SLACK, n_init=1, random_state=state).fit(
                points, sensitive_features=groups
            )
            for state in random_states(SEED)
        ]
        values = [model.objective_ for model in fitted]
        best = fitted[int(np.argmin(values))]
        found = row(table, objective=objective, method=objective, distance_weight=weight)
        assert found[objective] == pytest.approx(best.objective_, rel=1e-8)
        assert found["worst_start"] == pytest.approx(max(values), rel=1e-8)
        assert found["lower_bound"] == pytest.approx(best.lower_bound_, rel=1e-8)
        assert [found[f"disutility_{h}"] for h in (1, 2)] == pytest.approx(best.disutilities_.tolist(), rel=1e-8)

    @pytest.mark.parametrize("objective", OBJECTIVES)
    def test_the_refined_one_goes_on_from_the_winning_start(self, table: pd.DataFrame, objective: Objective) -> None:
        X, groups = instance()
        for weight in WEIGHTS:
            found = row(table, objective=objective, method=objective, distance_weight=weight)
            refined = row(table, objective=objective, method=f"{objective}_refined", distance_weight=weight)
            model = ESTIMATORS[objective](
                K,
                distance_weight=weight,
                slack=SLACK,
                n_init=1,
                refine=True,
                random_state=random_states(SEED)[int(found["start"])],
            ).fit(X / np.sqrt(SCALES[objective]), sensitive_features=groups)
            assert refined[objective] == pytest.approx(model.objective_, rel=1e-8)
            assert refined["refinements"] == model.n_refinements_
            assert refined[objective] <= found[objective] * (1 + 1e-8)

    @pytest.mark.parametrize("weight", WEIGHTS)
    @pytest.mark.parametrize("objective", OBJECTIVES)
    def test_baselines_are_their_best_start_by_the_same_objective(
        self, table: pd.DataFrame, objective: Objective, weight: float
    ) -> None:
        X, groups = instance()
        points = X / np.sqrt(SCALES[objective])
        member = 1.0 / groups.sizes[groups.codes]
        name, fairness = BOUNDED[objective]
        values: dict[str, list[float]] = {"vanilla": [], "socially_fair": [], "weighted": [], name: []}
        for state in random_states(SEED):
            # Single starts as the estimators make them.
            for method, found in {
                "vanilla": kmeans(points, K, n_init=1, random_state=only_start(state)),
                "weighted": kmeans(points, K, weights=member, n_init=1, random_state=only_start(state)),
                "socially_fair": socially_fair_kmeans(points, K, groups, n_init=1, random_state=only_start(state)),
            }.items():
                values[method].append(
                    WELFARES[objective](
                        points, found.labels, found.centers, groups, distance_weight=weight, slack=SLACK
                    )
                )
        for centers in vanilla_starts(points, K, SEED):
            bounded = BoundedCostFairClustering(
                K, objective=fairness, price_of_fairness=PRICE, slack=SLACK, centers=centers
            ).fit(points, sensitive_features=groups)
            values[name].append(
                WELFARES[objective](points, bounded.labels_, centers, groups, distance_weight=weight, slack=SLACK)
            )
        for method in ("vanilla", name, "socially_fair" if objective == "rawlsian" else "weighted"):
            found_row = row(table, objective=objective, method=method, distance_weight=weight)
            assert found_row[objective] == pytest.approx(min(values[method]), rel=1e-7)
            assert found_row["worst_start"] == pytest.approx(max(values[method]), rel=1e-7)

    def test_values_are_those_of_their_columns(self, table: pd.DataFrame) -> None:
        weight = table["distance_weight"]
        for h in (1, 2):
            expected = weight * table[f"distance_{h}"] + (1 - weight) * table[f"violation_{h}"]
            np.testing.assert_allclose(table[f"disutility_{h}"], expected, rtol=1e-7)
        by_group = table[["disutility_1", "disutility_2"]]
        np.testing.assert_array_equal(table["rawlsian"], by_group.max(axis=1))
        np.testing.assert_allclose(table["utilitarian"], by_group.sum(axis=1), rtol=1e-8)

    def test_certificates(self, table: pd.DataFrame) -> None:
        for objective in OBJECTIVES:
            rows = table[table["method"].isin([objective, f"{objective}_refined"])]
            assert (rows[objective] >= rows["lower_bound"] * (1 - 1e-8)).all()
            assert (rows["rounding_loss"] <= rows["rounding_bound"]).all()
            np.testing.assert_allclose(rows[objective] - rows["lp_value"], rows["rounding_loss"], atol=1e-8)
        assert table.loc[table["method"].isin(["vanilla", "weighted", "fcbc_rawl"]), "lp_value"].isna().all()

    def test_cost_ratio_is_over_the_cheapest_vanilla_start(self, table: pd.DataFrame) -> None:
        X, groups = instance()
        costs = [kmeans(X, K, n_init=1, random_state=only_start(s)).cost for s in random_states(SEED)]
        least = min(costs)
        found = row(table, objective="rawlsian", method="rawlsian", distance_weight=0.8)
        cost = sum(found[f"distance_{h}"] * SCALES["rawlsian"] * n for h, n in enumerate(groups.sizes, start=1))
        assert found["cost_ratio"] == pytest.approx(cost / least, rel=1e-6)
        plain = table[table["method"].isin(["vanilla", "fcbc_rawl", "fcbc_util"])]
        assert (plain["cost_ratio"] >= 1 - 1e-8).all()
        for _, bounded in table[table["method"].isin(["fcbc_rawl", "fcbc_util"])].iterrows():
            budget = PRICE**2 * costs[int(bounded["start"])]
            assert bounded["cost_ratio"] * least <= budget * (1 + 1e-8)

    def test_for_two_groups_both_variants_of_fcbc_are_one_problem(self) -> None:
        """One violation determines the other, so that the least sum and the least maximum are reached together."""
        X, groups = instance()
        for centers in vanilla_starts(X, K, 1)[:3]:
            found = [
                BoundedCostFairClustering(
                    K, objective=fairness, price_of_fairness=1.05, slack=SLACK, centers=centers
                ).fit(X, sensitive_features=groups)
                for fairness in ("egalitarian", "utilitarian")
            ]
            largest = [model.lp_violations_.max() for model in found]
            assert abs(largest[0] - largest[1]) <= 2 / 128

    def test_three_groups_have_three_columns(self) -> None:
        X, groups = instance(3)
        found = pd.DataFrame(compare(X[:80], encode_groups(groups.codes[:80]), 3, 0, SCALES, (0.5,)))
        assert len(found) == 10
        np.testing.assert_allclose(
            found["utilitarian"], found[["disutility_1", "disutility_2", "disutility_3"]].sum(axis=1), rtol=1e-8
        )

    def test_a_seed_gives_the_same_rows(self, table: pd.DataFrame) -> None:
        X, groups = instance()
        again = pd.DataFrame(compare(X, groups, K, SEED, SCALES, WEIGHTS))
        pd.testing.assert_frame_equal(table, again)

    def test_violations_are_the_papers_v_over_n(self) -> None:
        X, groups = instance()
        found = kmeans(X, 4, n_init=1, random_state=3)
        solution = terms(X, found.labels, found.centers, groups)
        np.testing.assert_array_equal(solution.violation, proportional_violation(found.labels, groups, slack=SLACK))
