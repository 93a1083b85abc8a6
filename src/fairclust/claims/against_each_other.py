"""Criteria that hold two selections of a table against each other, cell by cell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairclust.claims.criterion import (
    STATISTICS,
    Criterion,
    Outcome,
    by_share,
    check_choice,
    check_flag,
    check_names,
    check_number,
    check_shares,
    difference,
    statistic_of,
)
from fairclust.claims.tables import CriterionError, check_expression, check_where, evaluate, number, select

__all__ = ["Closeness", "Ordering"]


@dataclass(frozen=True, kw_only=True)
class _Pair(Criterion):
    """Two selections, matched cell by cell: the common part of ``ordering`` and ``closeness``.

    Attributes
    ----------
    left, right : mapping
        Each with ``where`` (added to the criterion's own) and ``column`` (instead of the criterion's own); either may
        be left out.
    column : str, optional
        The column of both sides.
    by : list of str
        The columns whose values make a cell; every cell needs rows on both sides. Empty: one cell.
    statistic : {"mean", "median", "min", "max", "sum"}, default="mean"
        How several rows of one cell become one number.
    reproduced, partly : float
        The share of cells that must hold, by default all of them and half of them.
    """

    left: Mapping[str, Any]
    right: Mapping[str, Any]
    column: str | None = None
    by: tuple[str, ...] = ()
    statistic: str = "mean"
    reproduced: float = 1.0
    partly: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "by", check_names("by", self.by))
        check_choice("statistic", self.statistic, STATISTICS)
        check_shares(self.reproduced, self.partly)
        if self.column is not None:
            check_expression(self.column)
        for name, side in (("left", self.left), ("right", self.right)):
            if not isinstance(side, Mapping) or not set(side) <= {"where", "column"}:
                raise ValueError(f"{name} must have where, column or both, got {side!r}")
            check_where(side.get("where", {}))
            if side.get("column", self.column) is None:
                raise ValueError(f"{name} names no column, and the criterion has none for both sides")
            check_expression(side.get("column", self.column))
        if self._side(self.left) == self._side(self.right):
            raise ValueError("left and right select the same rows of the same column")

    def selections(self) -> list[Mapping[str, Any]]:
        """The selection of either side."""
        return [self._side(self.left)[0], self._side(self.right)[0]]

    def _side(self, side: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
        return {**self.where, **side.get("where", {})}, side.get("column", self.column)

    def _label(self, side: Mapping[str, Any]) -> str:
        """What distinguishes this side, for the reason: the values of its selection, its column, or both."""
        values = ", ".join(str(v) for v in side.get("where", {}).values() if not isinstance(v, Mapping))
        column = side.get("column", self.column)
        return f"{column} of {values}" if values else str(column)

    def _cells(self, table: pd.DataFrame) -> pd.DataFrame:
        """One row per cell: left, right, and how many rows each is made of; indexed by the cell's name."""
        sides: dict[str, pd.Series] = {}
        for name, side in (("left", self.left), ("right", self.right)):
            where, column = self._side(side)
            rows = select(table, where)
            for key in self.by:
                if key not in rows.columns:
                    raise CriterionError(f"needs the column {key!r} to match rows by; it is not there")
            values = pd.Series(evaluate(rows, column), index=rows.index)
            keys: list[Any] = [rows[key] for key in self.by] or [np.zeros(len(rows), dtype=int)]
            grouped = values.groupby(keys, dropna=False)
            sides[name] = grouped.agg(lambda v: statistic_of(v.to_numpy(), self.statistic))
            sides[f"{name}_rows"] = grouped.size()
        alone = sides["left"].index.symmetric_difference(sides["right"].index)
        if len(alone):
            cell = self._cell_name(alone[0])
            missing = "right" if alone[0] in sides["left"].index else "left"
            raise CriterionError(f"finds no row on the {missing} side for the cell {cell}; {len(alone)} cells lack one")
        return pd.DataFrame(sides)

    def _cell_name(self, key: Any) -> str:
        keys = key if isinstance(key, tuple) else (key,)
        return ", ".join(f"{name} = {value}" for name, value in zip(self.by, keys, strict=False)) or "all rows"

    def _summary(self, cells: pd.DataFrame, worst: int) -> str:
        """The tightest or worst cell, and what the numbers are."""
        row = cells.iloc[worst]
        at = f" at {self._cell_name(cells.index[worst])}" if self.by else ""
        most = int(cells[["left_rows", "right_rows"]].to_numpy().max())
        of = f" ({self.statistic} of {most} rows a cell)" if most > 1 else ""
        return f"{at}: {number(row['left'])} against {number(row['right'])}{of}"

    def _count(self, holds: NDArray[np.bool_]) -> str:
        by = f" by {', '.join(self.by)}" if self.by else ""
        return f"in {int(holds.sum())} of {len(holds)} {'cell' if len(holds) == 1 else 'cells'}{by}"


@dataclass(frozen=True, kw_only=True)
class Ordering(_Pair):
    r"""Cell by cell, left :math:`\le` factor :math:`\cdot` right + margin (``<`` if ``strict``).

    The share of cells in which it holds decides: ``reproduced`` and ``partly`` are its thresholds, and ``our_value``
    is that share. The other fields are those of both sides: ``left``, ``right``, ``column``, ``by``, ``statistic``.

    Attributes
    ----------
    factor : float, default=1
        Above 0: 0.5 says "at most half of".
    margin : float, default=0
    strict : bool, default=False

    Examples
    --------
    >>> rows = pd.DataFrame({"method": ["ours", "theirs"] * 2, "k": [5, 5, 10, 10], "cost": [1.0, 2.0, 1.5, 1.4]})
    >>> ours, theirs = {"where": {"method": "ours"}}, {"where": {"method": "theirs"}}
    >>> rule = Ordering(results="t", column="cost", by=["k"], left=ours, right=theirs)
    >>> outcome = rule.judge(rows)
    >>> print(outcome.verdict, outcome.our_value)
    partly 0.5
    >>> outcome.reason
    'cost of ours is at most cost of theirs in 1 of 2 cells by k; worst at k = 10: 1.5 against 1.4'
    """

    kind: ClassVar[str] = "ordering"

    factor: float = 1.0
    margin: float = 0.0
    strict: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("factor", self.factor, low=0.0)
        if self.factor == 0:
            raise ValueError("factor must be greater than 0")
        check_number("margin", self.margin)
        check_flag("strict", self.strict)

    def judge(self, table: pd.DataFrame, paper_value: float | None = None) -> Outcome:
        """Count the cells in which the order holds."""
        cells = self._cells(table)
        left, right = cells["left"].to_numpy(), self.factor * cells["right"].to_numpy() + self.margin
        holds = left < right if self.strict else left <= right
        excess = difference(left, right)
        worst = int(np.argmax(excess))
        share = float(holds.mean())
        relation = "below" if self.strict else "at most"
        multiple = "" if self.factor == 1 else f"{number(self.factor)} times "
        margin = "" if self.margin == 0 else f" plus {number(self.margin)}"
        reason = (
            f"{self._label(self.left)} is {relation} {multiple}{self._label(self.right)}{margin} {self._count(holds)}; "
            f"{'tightest' if holds.all() else 'worst'}{self._summary(cells, worst)}"
        )
        return Outcome(by_share(share, self.reproduced, self.partly), reason, share)


@dataclass(frozen=True, kw_only=True)
class Closeness(_Pair):
    r"""Cell by cell, :math:`|\text{left} - \text{right}| \le` tolerance :math:`\cdot |\text{right}|`.

    The share of cells in which it holds decides, as for ``ordering``, and is ``our_value``. For claims that two curves
    "match closely".

    Attributes
    ----------
    tolerance : float
        A share of the right side.

    Examples
    --------
    >>> rows = pd.DataFrame({"lp": [10.0, 20.0], "ours": [10.1, 20.2], "k": [5, 10]})
    >>> rule = Closeness(results="t", left={"column": "ours"}, right={"column": "lp"}, by=["k"], tolerance=0.02)
    >>> rule.judge(rows).reason
    'ours is within 2 % of lp in 2 of 2 cells by k; farthest at k = 5: 10.1 against 10'
    """

    kind: ClassVar[str] = "closeness"

    tolerance: float

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("tolerance", self.tolerance, low=0.0)

    def judge(self, table: pd.DataFrame, paper_value: float | None = None) -> Outcome:
        """Count the cells in which the two sides agree."""
        cells = self._cells(table)
        left, right = cells["left"].to_numpy(), cells["right"].to_numpy()
        gap = np.abs(difference(left, right))
        allowed = self.tolerance * np.where(np.isinf(right), 0.0, np.abs(right))
        holds = gap <= allowed
        with np.errstate(divide="ignore", invalid="ignore"):
            relative = np.where(gap == 0, 0.0, gap / np.where(np.isinf(right), 1.0, np.abs(right)))
        worst = int(np.argmax(relative))
        share = float(holds.mean())
        reason = (
            f"{self._label(self.left)} is within {number(100 * self.tolerance)} % of {self._label(self.right)} "
            f"{self._count(holds)}; farthest{self._summary(cells, worst)}"
        )
        return Outcome(by_share(share, self.reproduced, self.partly), reason, share)
