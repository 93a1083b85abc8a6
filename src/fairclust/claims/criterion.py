"""What every criterion is: a frozen rule, checked when it is made, from a result table to a verdict with its reason."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairclust.claims.tables import CriterionError, check_where, number

__all__ = ["STATISTICS", "Criterion", "Outcome", "Verdict"]

#: What may be computed from several numbers.
STATISTICS = ("mean", "median", "min", "max", "sum")

#: A share of cells is compared with a required share up to this: 3/3 must count as 1.
SHARE_SLACK = 1e-12


class Verdict(StrEnum):
    """The four verdicts of the ledger. A member is its word."""

    REPRODUCED = "reproduced"
    PARTLY = "partly"
    NOT_REPRODUCED = "not reproduced"
    NOT_RUN = "not run"


@dataclass(frozen=True)
class Outcome:
    """What a criterion found.

    Attributes
    ----------
    verdict : Verdict
    reason : str
        What was compared with what, in words and numbers.
    our_value : float or None
        The one number that stands beside the paper's; each kind says which.
    """

    verdict: Verdict
    reason: str
    our_value: float | None


@dataclass(frozen=True, kw_only=True)
class Criterion(ABC):
    """A rule from a result table to a verdict. Its fields are checked when it is made, not when it is used.

    Attributes
    ----------
    results : str
        The name of the result table.
    where : mapping, optional
        Which rows count; see :func:`fairclust.claims.tables.select`.
    """

    results: str
    where: Mapping[str, Any] = field(default_factory=dict)

    kind: ClassVar[str]
    #: Whether the claim must carry the paper's number.
    needs_paper_value: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not isinstance(self.results, str) or not self.results:
            raise ValueError(f"results must name a result table, got {self.results!r}")
        check_where(self.where)

    def selections(self) -> list[Mapping[str, Any]]:
        """The selections of rows that this criterion needs."""
        return [self.where]

    @abstractmethod
    def judge(self, table: pd.DataFrame, paper_value: float | None = None) -> Outcome:
        """Judge the table.

        Parameters
        ----------
        table : DataFrame
            The result table, one tidy row per cell.
        paper_value : float, optional
            The paper's number; the kinds with ``needs_paper_value`` compare with it.

        Returns
        -------
        Outcome

        Raises
        ------
        CriterionError
            If the criterion selects no row, or needs a column that is missing or holds no number.

        Notes
        -----
        O(rows log rows).
        """


def required(paper_value: float | None) -> float:
    if paper_value is None:
        raise CriterionError("compares with the paper's number, and the claim has no paper_value")
    return paper_value


def statistic_of(values: NDArray[np.float64], name: str) -> float:
    return float(getattr(np, name)(values))


def by_share(share: float, reproduced: float, partly: float) -> Verdict:
    if share >= reproduced - SHARE_SLACK:
        return Verdict.REPRODUCED
    return Verdict.PARTLY if share >= partly - SHARE_SLACK else Verdict.NOT_REPRODUCED


def difference(left: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """left - right, with equal infinities counted as equal (their difference would be NaN)."""
    with np.errstate(invalid="ignore"):
        return np.where(left == right, 0.0, left - right)


def groups_by(rows: pd.DataFrame, by: tuple[str, ...]) -> list[pd.DataFrame]:
    for key in by:
        if key not in rows.columns:
            raise CriterionError(f"needs the column {key!r} to group by; the columns are {', '.join(rows.columns)}")
    return [group for _, group in rows.groupby(list(by), dropna=False)] if by else [rows]


def range_words(values: NDArray[np.float64]) -> str:
    low, high = number(values.min()), number(values.max())
    return low if low == high else f"{low}..{high}"


def spread_words(values: NDArray[np.float64], statistic: str) -> str:
    if len(values) == 1:
        return " (one row)"
    span = range_words(values)
    return f" ({statistic} of {len(values)} rows, {f'range {span}' if '..' in span else 'equal to six digits'})"


def check_number(name: str, value: Any, low: float = -np.inf) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not np.isfinite(value):
        raise ValueError(f"{name} must be a finite number, got {value!r}")
    if value < low:
        raise ValueError(f"{name} must be at least {low:g}, got {value!r}")


def check_flag(name: str, value: Any) -> None:
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be true or false, got {value!r}")


def check_choice(name: str, value: Any, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, got {value!r}")


def check_shares(reproduced: Any, partly: Any) -> None:
    for name, share in (("reproduced", reproduced), ("partly", partly)):
        check_number(name, share, low=0.0)
        if not 0 < share <= 1:
            raise ValueError(f"{name} is a share of cells in (0, 1], got {share!r}")
    if partly > reproduced:
        raise ValueError(f"partly={partly} asks for more cells than reproduced={reproduced}")


def check_names(name: str, value: Any) -> tuple[str, ...]:
    if isinstance(value, str) or not all(isinstance(column, str) for column in value):
        raise ValueError(f"{name} must be a list of column names, got {value!r}")
    return tuple(value)
