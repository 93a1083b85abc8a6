r"""Groups of facilities that count as one: a smaller facility LP whose optimum no solution of the whole undercuts.

Let each group U be as near to a demand as its nearest member, and in its ball if any member is:

.. math:: c(v, U) = \min_{u \in U \cap B(v)} c(v, u), \qquad y_U = \sum_{u \in U} y_u .

Every solution of the whole is one of the grouped program at no greater cost, and every price is worth as much:
:math:`\rho_u(\alpha) \le \rho_U(\alpha)` for u in U, so prices of the grouped program bound the whole without any
facility having been left out. Groups that are opened, or nearly, are split: there the program
(:mod:`~fairclust.solvers.facility_demands`) is too hopeful.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from fairclust.solvers.facility_problem import FacilityProblem

__all__ = ["Groups"]

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]
Labels = NDArray[np.int32]

_jit = numba.njit(cache=True, nogil=True)


@_jit
def _nearest_chosen(
    start: NDArray[np.int64],
    node: NDArray[np.int32],
    home: Indices,
    chosen: NDArray[np.bool_],
    useful: NDArray[np.bool_],
    leader: Indices,
) -> None:
    for u in range(len(home)):
        leader[u] = u if useful[u] else -1
        if useful[u]:
            for e in range(start[home[u]], start[home[u] + 1]):
                if chosen[node[e]]:
                    leader[u] = node[e]
                    break


@_jit
def _from_the_edge(
    start: NDArray[np.int64],
    node: NDArray[np.int32],
    distance: Floats,
    home: Indices,
    members: Indices,
    away: Floats,
) -> Floats:
    """Distances of the members from one at the edge of the group; infinite outside that one's ball.

    ``away`` is work space, one entry per facility, -1 throughout.
    """
    pivot = members[0]
    found = np.empty(len(members))
    for _ in range(2):
        for u in members:
            away[u] = np.inf
        left = len(members)
        for e in range(start[home[pivot]], start[home[pivot] + 1]):
            if away[node[e]] == np.inf:
                away[node[e]] = distance[e]
                left -= 1
                if left == 0:
                    break
        farthest = -1.0
        for i in range(len(members)):
            found[i] = away[members[i]]
            away[members[i]] = -1.0
            if found[i] > farthest:
                farthest = found[i]
                pivot = members[i]
    return found


def _homes(problem: FacilityProblem) -> Indices:
    """A demand at the place of each facility: its ball tells what is near the facility."""
    return problem.balls.demand_of_row[problem.balls.row_of_facility]


class Groups:
    """A partition of the useful facilities that can be made finer.

    Parameters
    ----------
    problem : FacilityProblem
    count : int
        At least so many groups at first (every useful facility on its own, if fewer): the facilities nearest to each
        of a cover.

    Attributes
    ----------
    members : list of ndarray of intp
        The facilities of each group.
    """

    def __init__(self, problem: FacilityProblem, count: int) -> None:
        self.problem, self.home = problem, _homes(problem)
        self.away = np.full(len(self.home), -1.0)
        leader = np.empty(len(self.home), dtype=np.intp)
        share = 0.5
        while True:
            chosen = problem.cover(share) if share > 1e-9 else problem.useful
            _nearest_chosen(problem.start, problem.node, self.home, chosen, problem.useful, leader)
            if len(np.unique(leader[leader >= 0])) >= min(count, problem.useful.sum()) or share <= 1e-9:
                break
            share *= 0.5
        order = np.argsort(leader, kind="stable")
        order = order[leader[order] >= 0]
        self.members: list[Indices] = np.split(order, np.flatnonzero(np.diff(leader[order])) + 1)

    @property
    def label(self) -> Labels:
        """The group of each facility, shape (m,): 0, 1, ...; -1 for those of no use."""
        label = np.full(len(self.home), -1, dtype=np.int32)
        for g, members in enumerate(self.members):
            label[members] = g
        return label

    @property
    def sizes(self) -> NDArray[np.int64]:
        """The number of members of each group."""
        return np.array([len(members) for members in self.members])

    def _halves(self, members: Indices) -> tuple[Indices, ...]:
        """What is nearer to a member at the edge of the group than the median is, and the rest.

        Only distances within balls are used: members outside each other's balls count as far.
        """
        if len(members) == 1:
            return (members,)
        balls = self.problem.balls
        far = _from_the_edge(balls.start, balls.facilities, balls.distances, self.home, members, self.away)
        by_distance = members[np.argsort(far, kind="stable")]
        return by_distance[: len(members) // 2], by_distance[len(members) // 2 :]

    def split(self, which: NDArray[np.bool_], halvings: int) -> None:
        """Split the groups marked in halves, each half again, and so on ``halvings`` times."""
        parts: list[Indices] = []
        for members, marked in zip(self.members, which, strict=True):
            pieces = [members]
            for _ in range(halvings if marked else 0):
                pieces = [half for piece in pieces for half in self._halves(piece)]
            parts += pieces
        self.members = parts
