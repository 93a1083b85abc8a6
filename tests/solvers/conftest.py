"""What several tests of solvers build their instances with."""

import numpy as np
import pytest

from fairclust.solvers.facility_program import Program


@pytest.fixture
def program():
    """Makes a facility LP from a matrix of costs."""

    def from_costs(costs, k, outside=None):
        """From a dense matrix of costs, infinite where there is no edge."""
        costs = np.asarray(costs, dtype=float)
        demand, node = np.nonzero(np.isfinite(costs))
        start = np.searchsorted(demand, np.arange(len(costs) + 1)).astype(np.int64)
        cost = costs[demand, node]
        nearest = np.lexsort((node, cost, demand)).astype(np.int64)
        none = np.full(len(costs), np.inf)
        return Program(
            start,
            node.astype(np.int32),
            cost,
            nearest,
            none if outside is None else np.array(outside),
            costs.shape[1],
            k,
        )

    return from_costs
