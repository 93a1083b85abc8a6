"""Criteria that hold a column against a number: the paper's value, a bound, a count, or a claimed gain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from fairclust.claims.criterion import (
    STATISTICS,
    Criterion,
    Outcome,
    Verdict,
    by_share,
    check_choice,
    check_flag,
    check_number,
    check_shares,
    difference,
    range_words,
    required,
    spread_words,
    statistic_of,
)
from fairclust.claims.tables import CriterionError, check_expression, evaluate, number, select

__all__ = ["Bound", "Exact", "GainOverSpread", "Value"]


@dataclass(frozen=True, kw_only=True)
class Value(Criterion):
    r"""A statistic :math:`s` of a column is the paper's number :math:`p`: :math:`|s - p| \le` tolerance.

    ``reproduced`` within ``tolerance``, ``partly`` within ``partly_tolerance``. ``our_value`` is :math:`s`; the reason
    reports the range over the selected rows, so that a lucky median cannot hide a wide spread.

    Attributes
    ----------
    column : str
        A column or arithmetic over columns.
    tolerance, partly_tolerance : float
        As shares of :math:`|p|` if ``relative``, else in the column's unit. ``partly_tolerance`` defaults to
        ``tolerance``: no ``partly``.
    relative : bool, default=False
    statistic : {"mean", "median", "min", "max", "sum"}, default="median"

    Examples
    --------
    >>> rows = pd.DataFrame({"cost": [19.739, 19.740, 19.742]})
    >>> Value(results="t", column="cost", tolerance=0.001).judge(rows, 19.74).reason
    "ours 19.74 (median of 3 rows, range 19.739..19.742) against the paper's 19.74: off by 0, within 0.001"
    """

    kind: ClassVar[str] = "value"
    needs_paper_value: ClassVar[bool] = True

    column: str
    tolerance: float
    partly_tolerance: float | None = None
    relative: bool = False
    statistic: str = "median"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_expression(self.column)
        check_number("tolerance", self.tolerance, low=0.0)
        if self.partly_tolerance is not None:
            check_number("partly_tolerance", self.partly_tolerance, low=self.tolerance)
        check_flag("relative", self.relative)
        check_choice("statistic", self.statistic, STATISTICS)

    def judge(self, table: pd.DataFrame, paper_value: float | None = None) -> Outcome:
        """Compare the statistic with the paper's number."""
        paper = required(paper_value)
        values = evaluate(select(table, self.where), self.column)
        ours = statistic_of(values, self.statistic)
        scale = abs(paper) if self.relative else 1.0
        near = self.tolerance * scale
        wide = (self.tolerance if self.partly_tolerance is None else self.partly_tolerance) * scale
        off = abs(ours - paper)
        if off <= 1e-14 * abs(paper):
            off = 0.0  # the same number up to the last bit
        # A difference of exactly the tolerance must not fail for its last bit.
        if off <= near * (1 + 1e-9):
            verdict, how = Verdict.REPRODUCED, f"within {number(near)}"
        elif off <= wide * (1 + 1e-9):
            verdict, how = Verdict.PARTLY, f"more than {number(near)} but within {number(wide)}"
        else:
            verdict, how = Verdict.NOT_REPRODUCED, f"more than {number(wide)}"
        reason = f"ours {number(ours)}{spread_words(values, self.statistic)} against the paper's {number(paper)}: "
        return Outcome(verdict, f"{reason}off by {number(off)}, {how}", ours)


@dataclass(frozen=True, kw_only=True)
class Bound(Criterion):
    r"""In every selected row, at_least :math:`\le` column :math:`\le` at_most.

    A theorem is refuted by one row, so by default there is no ``partly``. ``our_value`` is the column where a bound is
    tightest (for a constant upper bound: the largest value), and the reason reports the slack there.

    Attributes
    ----------
    column : str
    at_most, at_least : float or str, optional
        A number, a column, or arithmetic over columns; at least one of the two.
    rounding : float, default=1e-9
        How far a row may pass the bound, as a share of max(1, abs(bound)): floating-point error, not tolerance.
    rows : {"all", "any"}, default="all"
        "any": one row is enough ("some restart reaches ...").
    partly : float, optional
        The share of rows that earns a ``partly``; not with ``rows="any"``.

    Examples
    --------
    >>> rows = pd.DataFrame({"violation": [0.3, 1.0], "share": [0.7, 0.5]})
    >>> Bound(results="t", column="violation", at_most="2 * (1 - share)").judge(rows).reason
    'violation is at most 2 * (1 - share) in 2 of 2 rows; tightest: 1 against 1'
    """

    kind: ClassVar[str] = "bound"

    column: str
    at_most: float | str | None = None
    at_least: float | str | None = None
    rounding: float = 1e-9
    rows: str = "all"
    partly: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_expression(self.column)
        if self.at_most is None and self.at_least is None:
            raise ValueError("bound needs at_most, at_least or both")
        for limit in (self.at_most, self.at_least):
            if limit is not None:
                check_expression(limit)
        check_number("rounding", self.rounding, low=0.0)
        check_choice("rows", self.rows, ("all", "any"))
        if self.partly is not None:
            check_shares(1.0, self.partly)
            if self.rows == "any":
                raise ValueError("partly has no meaning with rows: any, where one row is enough")

    def judge(self, table: pd.DataFrame, paper_value: float | None = None) -> Outcome:
        """Find the row that is closest to its bound, or farthest beyond it."""
        chosen = select(table, self.where)
        values = evaluate(chosen, self.column)
        # slack >= 0 where the row keeps its bound; of two bounds the tighter one counts.
        slack = np.full(len(values), np.inf)
        limits = np.full(len(values), np.inf)
        allowance = np.zeros(len(values))
        for expression, sign in ((self.at_most, 1.0), (self.at_least, -1.0)):
            if expression is None:
                continue
            limit = evaluate(chosen, expression)
            room = difference(sign * limit, sign * values)
            tighter = room < slack
            allowed = self.rounding * np.maximum(1.0, np.where(np.isinf(limit), 1.0, np.abs(limit)))
            slack, limits, allowance = (
                np.where(tighter, new, old) for new, old in ((room, slack), (limit, limits), (allowed, allowance))
            )
        holds = slack >= -allowance
        # "any" is decided by the row that comes closest to keeping the bound, "all" by the one closest to breaking it.
        decisive = int(np.argmax(slack) if self.rows == "any" else np.argmin(slack))
        share = float(holds.mean())
        if self.rows == "any":
            verdict = Verdict.REPRODUCED if holds.any() else Verdict.NOT_REPRODUCED
        else:
            verdict = by_share(share, 1.0, 1.0 if self.partly is None else self.partly)
        limits_text = " and ".join(
            f"{text} {expression if isinstance(expression, str) else number(expression)}"
            for text, expression in (("at least", self.at_least), ("at most", self.at_most))
            if expression is not None
        )
        best = "best" if self.rows == "any" else "tightest" if holds.all() else "worst"
        reason = (
            f"{self.column} is {limits_text} in {int(holds.sum())} of {len(holds)} rows; "
            f"{best}: {number(values[decisive])} against {number(limits[decisive])}"
        )
        return Outcome(verdict, reason, float(values[decisive]))


@dataclass(frozen=True, kw_only=True)
class GainOverSpread(Criterion):
    r"""The gain that the paper claims is larger than the noise: gain :math:`> \max - \min` of a column.

    The claim's ``paper_value`` is the gain. The column holds the same quantity, repeated over seeds without the method
    that claims the gain. ``reproduced`` if the gain exceeds the whole range, ``partly`` if it exceeds only the range
    of the middle half of the rows. ``our_value`` is the range.

    Attributes
    ----------
    column : str

    Examples
    --------
    >>> rows = pd.DataFrame({"balance": [-0.3052, -0.3060, -0.3061, -0.3068]})
    >>> outcome = GainOverSpread(results="t", column="balance").judge(rows, 0.0011)
    >>> print(outcome.verdict)
    partly
    >>> outcome.reason
    'claimed gain 0.0011 against a range of 0.0016 over 4 rows (-0.3068..-0.3052), 0.000475 for their middle half'
    """

    kind: ClassVar[str] = "gain_over_spread"
    needs_paper_value: ClassVar[bool] = True

    column: str

    def __post_init__(self) -> None:
        super().__post_init__()
        check_expression(self.column)

    def judge(self, table: pd.DataFrame, paper_value: float | None = None) -> Outcome:
        """Compare the claimed gain with the range of the column."""
        gain = required(paper_value)
        values = evaluate(select(table, self.where), self.column)
        if len(values) < 2:
            raise CriterionError("needs at least two rows: one row has no spread")
        if not np.isfinite(values).all():
            raise CriterionError(f"needs finite values of {self.column}; a spread with an infinity has no meaning")
        spread = float(values.max() - values.min())
        low, high = np.quantile(values, [0.25, 0.75])
        middle = float(high - low)
        if gain > spread:
            verdict = Verdict.REPRODUCED
        elif gain > middle:
            verdict = Verdict.PARTLY
        else:
            verdict = Verdict.NOT_REPRODUCED
        reason = (
            f"claimed gain {number(gain)} against a range of {number(spread)} over {len(values)} rows "
            f"({number(values.min())}..{number(values.max())}), {number(middle)} for their middle half"
        )
        return Outcome(verdict, reason, spread)


@dataclass(frozen=True, kw_only=True)
class Exact(Criterion):
    """Columns have exactly the stated numbers in every selected row: for counts, such as the size of a data set.

    ``partly`` if some of the columns are right. ``our_value`` is the first column's (its median).

    Attributes
    ----------
    expected : mapping of str to float

    Examples
    --------
    >>> rows = pd.DataFrame({"n_samples": [13233], "n_features": [80]})
    >>> outcome = Exact(results="t", expected={"n_samples": 13232, "n_features": 80}).judge(rows)
    >>> print(outcome.verdict, "-", outcome.reason)
    partly - n_samples is 13233, not 13232; n_features is 80
    """

    kind: ClassVar[str] = "exact"

    expected: Mapping[str, float]

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.expected, Mapping) or not self.expected:
            raise ValueError(f"expected must map columns to numbers, got {self.expected!r}")
        for column, wanted in self.expected.items():
            check_expression(column)
            check_number(f"expected[{column}]", wanted)

    def judge(self, table: pd.DataFrame, paper_value: float | None = None) -> Outcome:
        """Compare each column with its number."""
        chosen = select(table, self.where)
        found = {column: evaluate(chosen, column) for column in self.expected}
        right = {column: bool((found[column] == wanted).all()) for column, wanted in self.expected.items()}
        reason = "; ".join(
            f"{column} is {range_words(found[column])}" + ("" if right[column] else f", not {number(wanted)}")
            for column, wanted in self.expected.items()
        )
        share = sum(right.values()) / len(right)
        verdict = Verdict.REPRODUCED if share == 1 else Verdict.PARTLY if share > 0 else Verdict.NOT_REPRODUCED
        return Outcome(verdict, reason, float(np.median(next(iter(found.values())))))
