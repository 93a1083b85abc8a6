"""A prepared data set: points and groups as one paper used them, and how they are made from a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.preprocessing import StandardScaler

from fairclust._validation import as_generator, check_number
from fairclust.datasets import Dataset

__all__ = ["BANK", "BERA_ADULT", "Prepared", "drawn", "prepared", "row_count"]

#: The five columns of Adult that Bera et al. (2019) cluster by, and after them all three papers.
BERA_ADULT = ("age", "fnlwgt", "education-num", "capital-gain", "hours-per-week")

#: The columns of Bank that all papers cluster by.
BANK = ("age", "balance", "duration")


@dataclass(frozen=True, eq=False)
class Prepared:
    """Points and groups as one paper used them.

    Attributes
    ----------
    name : str
        The name of the preparation, which is the name of its function.
    dataset : str
        The name of the data set's loader, in ``fairclust.datasets.LOADERS``; ``"census_1990_head"`` for the excerpt.
    sha256 : str
        The digest of the data set that was read.
    X : ndarray of float64, shape (n, d)
        The points.
    groups : Series of shape (n,)
        The label of each row's group, index 0 to n - 1.
    feature_names : tuple of str, length d
        The columns of `X` by UCI's names.
    rows : ndarray of intp, shape (n,)
        Which row of the data set each row of `X` is.
    note : str
        What the paper says, and what was chosen where it is silent.
    """

    name: str
    dataset: str
    sha256: str
    X: NDArray[np.float64]
    groups: pd.Series
    feature_names: tuple[str, ...]
    rows: NDArray[np.intp]
    note: str

    def sizes(self) -> dict[str, int]:
        """The numbers that papers print about a data set: points, features, groups."""
        n_samples, n_features = self.X.shape
        return {"n_samples": n_samples, "n_features": n_features, "n_groups": int(self.groups.nunique())}


def prepared(
    name: str,
    data: Dataset,
    columns: Sequence[str] | pd.Index,
    groups: pd.Series,
    *,
    note: str,
    rows: NDArray[Any] | None = None,
    standardise: bool = True,
) -> Prepared:
    """The chosen columns and rows of a data set, standardised over these rows unless told otherwise."""
    kept = np.arange(len(data.X)) if rows is None else rows
    names = tuple(str(column) for column in columns)
    X = data.X[list(names)].to_numpy(dtype=np.float64)[kept]
    if standardise:
        X = StandardScaler().fit_transform(X)
    return Prepared(
        name=name,
        dataset=data.name,
        sha256=data.sha256,
        X=np.ascontiguousarray(X),
        groups=groups.iloc[kept].reset_index(drop=True),
        feature_names=names,
        rows=kept.astype(np.intp),
        note=note,
    )


def row_count(n: Any, n_rows: int) -> int:
    """How many rows are wanted: `n`, checked, or all of them."""
    return n_rows if n is None else int(check_number(n, "n", low=1, high=n_rows, integer=True))


def drawn(n: int | None, n_rows: int, seed: int) -> NDArray[np.intp]:
    """`n` of the rows, without replacement, in increasing order."""
    return np.sort(as_generator(seed).choice(n_rows, size=row_count(n, n_rows), replace=False))
