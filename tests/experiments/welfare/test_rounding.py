"""What is said of the rounding, measured from the fractional assignment itself."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from fairclust.experiments.welfare.rounding import INSTANCES, NETWORKS, adult_rounding, make, measure, rounding
from fairclust.groups import encode_groups


@pytest.mark.parametrize("kind", INSTANCES)
@pytest.mark.parametrize("instance", [0, 3, 7])
def test_every_inequality(kind: str, instance: int) -> None:
    table = pd.DataFrame(rounding.function(kind=kind, instance=instance)).set_index("network")
    assert list(table.index) == list(NETWORKS)
    assert table.loc[["rawlsian", "mixed"], "distance_rise"].max() <= 1e-9
    assert table["network_cost_rise"].max() <= 1e-9
    assert table["count_outside"].max() <= 0
    assert table.loc[["utilitarian", "plain"], "size_outside"].max() <= 0
    assert (table["size_moved"] <= np.where(table.index.isin(["rawlsian", "mixed"]), table["n_groups"], 1)).all()
    excess = ["target_excess", "cell_rise_excess", "group_rise_excess"]
    assert (table[excess] <= 1e-9).to_numpy().all()
    assert (table["rounding_loss"] <= table["rounding_bound"] + 1e-9).all()


def test_instances_are_of_every_size() -> None:
    made = [make(kind, i) for kind in INSTANCES for i in range(24)]
    assert {costs.shape[1] for costs, *_ in made} == set(range(2, 9))
    assert {len(groups) for _, groups, *_ in made} == {1, 2, 3, 4, 5}
    assert all((costs >= 0).all() and len(costs) == groups.n_samples for costs, groups, *_ in made)
    assert len({costs.tobytes() for costs, *_ in made}) == len(made)


def test_a_bad_rounding_is_seen() -> None:
    """Four points, half and half in both clusters; everyone to the first cluster breaks (12), (16) and the bound."""
    costs = np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    groups = encode_groups(["a", "a", "b", "b"])
    solution = SimpleNamespace(
        labels=np.array([0, 1, 0, 1]), split=np.array([], dtype=int), shares=np.zeros((0, 2)), masses=np.ones((2, 2))
    )
    none = np.zeros(2)
    same = SimpleNamespace(labels=np.array([0, 1, 0, 1]))
    bad = SimpleNamespace(labels=np.zeros(4, dtype=int))
    good = measure(costs, groups, solution, same, none, none, 0.5, "utilitarian")  # type: ignore[arg-type]
    assert good["rounding_loss"] == good["distance_rise"] == good["size_moved"] == 0
    seen = measure(costs, groups, solution, bad, none, none, 0.5, "utilitarian")  # type: ignore[arg-type]
    assert seen["distance_rise"] == seen["network_cost_rise"] == 1.0
    assert seen["count_outside"] == 1.0
    assert seen["size_outside"] == seen["size_moved"] == 2.0
    assert seen["target_excess"] == pytest.approx(0.5)
    # Half of each group now travels 1; the violation stays 0, since everyone is in one cluster.
    assert seen["rounding_loss"] == pytest.approx(0.5)


def test_adult() -> None:
    table = pd.DataFrame(adult_rounding.function(part="n", rows=500, k=4, seed=0))
    assert len(table) == 10
    assert (table["rounding_loss"] <= table["rounding_bound"]).all()
    np.testing.assert_allclose(table["value"], table["lp_value"] + table["rounding_loss"], rtol=1e-9)
    shares = make("real", 0)[1].shares
    assert 0.5 < shares.max() < 0.8
    full = adult_rounding.cells()
    assert {cell["k"] for cell in full if cell["part"] == "k"} == set(range(4, 16))
    assert max(cell["rows"] for cell in full) == 32561
    assert len(adult_rounding.cells(quick=True)) < len(full)
