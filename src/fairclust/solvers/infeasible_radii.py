"""The error that every method raises when no k centers can keep the radii that it was given."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["InfeasibleRadiiError", "disjoint_error", "listed", "number_of_centers"]


class InfeasibleRadiiError(ValueError):
    """No k centers, not even fractional ones, give every point a center within its radius.

    Attributes
    ----------
    rows : tuple of int
        Rows of X that cannot all have a center within their radius, ascending: more than k of them with disjoint balls
        where ``disjoint``, else some that the prices of the linear program prove.
    disjoint : bool

    Examples
    --------
    >>> from fairclust.radii import fair_radii_lp
    >>> try:
    ...     fair_radii_lp([[0.0], [5.0], [9.0]], 2, radii=[1.0, 1.0, 1.0])
    ... except InfeasibleRadiiError as error:
    ...     print(error.rows, error.disjoint)
    (0, 1, 2) True
    """

    def __init__(self, message: str, rows: tuple[int, ...], disjoint: bool) -> None:
        super().__init__(message)
        self.rows = rows
        self.disjoint = disjoint

    def __reduce__(self) -> tuple[type, tuple[str, tuple[int, ...], bool]]:
        # An exception is rebuilt from its message alone unless it says otherwise; parallel jobs send theirs home.
        return type(self), (str(self), self.rows, self.disjoint)


def disjoint_error(rows: Iterable[int], n_clusters: int) -> InfeasibleRadiiError:
    """The error for rows of pairwise disjoint balls that are more than k.

    Examples
    --------
    >>> error = disjoint_error([4, 1], 1)
    >>> str(error).split(";")[0], error.rows
    ('no 1 center can satisfy the radii: the balls of rows 1, 4 are disjoint', (1, 4))
    """
    named = tuple(sorted(int(row) for row in rows))
    return InfeasibleRadiiError(
        f"no {number_of_centers(n_clusters)} can satisfy the radii: the balls of rows {listed(named)} are disjoint; "
        f"enlarge their radii or raise n_clusters to at least {len(named)}",
        named,
        True,
    )


def number_of_centers(k: int) -> str:
    """``"1 center"``, ``"2 centers"``."""
    return f"{k} center{'s' if k > 1 else ''}"


def listed(rows: tuple[int, ...], limit: int = 12) -> str:
    """The first few rows, and how many more.

    Examples
    --------
    >>> listed((3, 5, 8), limit=2)
    '3, 5 and 1 more'
    """
    more = f" and {len(rows) - limit} more" if len(rows) > limit else ""
    return ", ".join(map(str, rows[:limit])) + more
