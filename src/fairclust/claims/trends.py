"""Criteria that follow a column along another: its growth rate, or merely its direction."""

from __future__ import annotations

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
    check_names,
    check_number,
    check_shares,
    difference,
    groups_by,
    statistic_of,
)
from fairclust.claims.tables import CriterionError, check_expression, evaluate, number, select

__all__ = ["Growth", "Monotone"]


@dataclass(frozen=True, kw_only=True)
class Growth(Criterion):
    r"""A column grows like a power of a size: :math:`\text{column} \approx c\,\text{size}^{b}`, low <= b <= high.

    b is the slope of the least-squares line of log(column) over log(size). With ``by``, one line per group,
    and every slope must lie in the range. ``our_value`` is the slope (of several, the one farthest out, or else the
    largest).

    Attributes
    ----------
    column, size : str
        Both positive and finite in every selected row.
    low, high : float, optional
        At least one of the two.
    widen : float, default=0
        How far outside of the range still counts as ``partly``.
    by : list of str

    Examples
    --------
    >>> rows = pd.DataFrame({"n": [10, 20, 40], "seconds": [1.0, 2.1, 3.9]})
    >>> Growth(results="t", column="seconds", size="n", high=1.2).judge(rows).reason
    'seconds grows like n to the power 0.982 over 3 rows; wanted at most 1.2'
    """

    kind: ClassVar[str] = "growth"

    column: str
    size: str
    low: float | None = None
    high: float | None = None
    widen: float = 0.0
    by: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        check_expression(self.column)
        check_expression(self.size)
        object.__setattr__(self, "by", check_names("by", self.by))
        if self.low is None and self.high is None:
            raise ValueError("growth needs low, high or both")
        for name, limit in (("low", self.low), ("high", self.high)):
            if limit is not None:
                check_number(name, limit)
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"low={self.low} is above high={self.high}")
        check_number("widen", self.widen, low=0.0)

    def judge(self, table: pd.DataFrame, paper_value: float | None = None) -> Outcome:
        """Fit the exponent in each group."""
        chosen = select(table, self.where)
        slopes, outside = [], []
        for group in groups_by(chosen, self.by):
            slope = self._slope(group)
            low = -np.inf if self.low is None else self.low
            high = np.inf if self.high is None else self.high
            slopes.append(slope)
            outside.append(max(low - slope, slope - high, 0.0))
        worst = int(np.argmax(outside)) if max(outside) > 0 else int(np.argmax(slopes))
        if max(outside) == 0:
            verdict = Verdict.REPRODUCED
        elif max(outside) <= self.widen:
            verdict = Verdict.PARTLY
        else:
            verdict = Verdict.NOT_REPRODUCED
        wanted = " and ".join(
            f"{text} {number(limit)}"
            for text, limit in (("at least", self.low), ("at most", self.high))
            if limit is not None
        )
        power = f"{slopes[0]:.3f}" if len(slopes) == 1 else f"{min(slopes):.3f}..{max(slopes):.3f}"
        groups = f" in {len(slopes)} groups by {', '.join(self.by)}" if self.by else ""
        over = f"over {len(chosen)} rows{groups}"
        reason = f"{self.column} grows like {self.size} to the power {power} {over}; wanted {wanted}"
        return Outcome(verdict, reason, slopes[worst])

    def _slope(self, rows: pd.DataFrame) -> float:
        size, values = evaluate(rows, self.size), evaluate(rows, self.column)
        for name, array in ((self.size, size), (self.column, values)):
            if not (np.isfinite(array).all() and (array > 0).all()):
                raise CriterionError(f"needs positive finite values of {name} for a growth rate")
        if len(np.unique(size)) < 2:
            raise CriterionError(f"needs at least two different values of {self.size} for a growth rate")
        return float(np.polyfit(np.log(size), np.log(values), 1)[0])


@dataclass(frozen=True, kw_only=True)
class Monotone(Criterion):
    r"""A column falls (or rises) along another: no step goes the wrong way by more than a share of the value before it.

    Rows with the same value of ``along`` are one point (their ``statistic``). The share of steps that hold decides,
    and is ``our_value``.

    Attributes
    ----------
    column, along : str
    direction : {"decreasing", "increasing"}
    tolerance : float, default=0
        A share of the value before the step.
    by : list of str
        One sequence per group.
    statistic : {"mean", "median", "min", "max", "sum"}, default="mean"
    reproduced, partly : float
        The share of steps that must hold, by default all and half.

    Examples
    --------
    >>> rows = pd.DataFrame({"dilation": [1.0, 1.5, 2.0], "lp": [9.0, 7.0, 7.5]})
    >>> rule = Monotone(results="t", column="lp", along="dilation", direction="decreasing")
    >>> outcome = rule.judge(rows)
    >>> print(outcome.verdict)
    partly
    >>> outcome.reason
    'lp is decreasing along dilation in 1 of 2 steps; worst step: 7 to 7.5 at dilation = 2'
    """

    kind: ClassVar[str] = "monotone"

    column: str
    along: str
    direction: str
    tolerance: float = 0.0
    by: tuple[str, ...] = ()
    statistic: str = "mean"
    reproduced: float = 1.0
    partly: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        check_expression(self.column)
        check_expression(self.along)
        check_choice("direction", self.direction, ("decreasing", "increasing"))
        check_number("tolerance", self.tolerance, low=0.0)
        object.__setattr__(self, "by", check_names("by", self.by))
        check_choice("statistic", self.statistic, STATISTICS)
        check_shares(self.reproduced, self.partly)

    def judge(self, table: pd.DataFrame, paper_value: float | None = None) -> Outcome:
        """Count the steps that go the right way."""
        sign = 1.0 if self.direction == "decreasing" else -1.0
        steps: list[tuple[float, float, float, float, bool]] = []
        for group in groups_by(select(table, self.where), self.by):
            values = pd.Series(evaluate(group, self.column)).groupby(evaluate(group, self.along))
            curve = values.agg(lambda v: statistic_of(v.to_numpy(), self.statistic))
            points = np.asarray(curve, dtype=np.float64)
            before, after = points[:-1], points[1:]
            wrong = sign * difference(after, before)
            allowed = self.tolerance * np.where(np.isinf(before), 0.0, np.abs(before))
            steps += zip(wrong, before, after, curve.index[1:], wrong <= allowed, strict=True)
        if not steps:
            raise CriterionError(f"needs at least two different values of {self.along}")
        holds = np.array([step[4] for step in steps])
        _, before_worst, after_worst, at, _ = max(steps, key=lambda step: step[0])
        share = float(holds.mean())
        reason = (
            f"{self.column} is {self.direction} along {self.along} in {int(holds.sum())} of {len(holds)} steps; "
            f"{'smallest' if holds.all() else 'worst'} step: {number(before_worst)} to {number(after_worst)} "
            f"at {self.along} = {number(at)}"
        )
        return Outcome(by_share(share, self.reproduced, self.partly), reason, share)
