"""What every loader returns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

import pandas as pd

__all__ = ["Dataset"]


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """A data set with its groups and its provenance; attributes can be had as items too (``data["X"]``).

    Attributes
    ----------
    name : str
        The name of its loader (``"adult"``); with ``"_head"`` at the end if it is only a sample of the first rows.
    X : DataFrame of shape (n, d)
        The numeric features under UCI's names, in UCI's units. Where papers use a sensitive column as a feature
        (credit card, Census 1990), it is in `X` too, as a code.
    groups : DataFrame of shape (n, g)
        The sensitive columns, each a feature by which rows can be put into groups.
    target : Series of shape (n,) or None
        The label, where the data set's users need one. No algorithm of fairclust looks at it.
    description : str
        What the data are, what was kept of them, what harm careless use can do, and how to cite them.
    source, licence : str
        The public page, and the terms.
    sha256 : str
        The digest that names these data in results: of the raw file's content, for embedded tables of the table's
        canonical CSV.
    origin : {"embedded", "FAIRCLUST_DATA", "cache", "downloaded"}
        Where they were found this time.
    sample : str or None
        What part of the data set this is, if it is not all of it.

    Examples
    --------
    >>> from fairclust.datasets import load_bank
    >>> data = load_bank()
    >>> data
    Dataset(bank: 4,521 rows, 3 features, groups marital, embedded)
    >>> data["groups"]["marital"].value_counts().to_dict()
    {'married': 2797, 'single': 1196, 'divorced': 528}
    """

    name: str
    X: pd.DataFrame
    groups: pd.DataFrame
    target: pd.Series | None
    description: str
    source: str
    licence: str
    sha256: str
    origin: str
    sample: str | None = None

    def __getitem__(self, key: str) -> Any:
        """The attribute of that name."""
        if key not in self.keys():
            raise KeyError(f"a data set has no {key!r}; it has {', '.join(self.keys())}")
        return getattr(self, key)

    def keys(self) -> list[str]:
        """The names of the attributes, so that ``dict(data)`` works."""
        return [field.name for field in fields(self)]

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        """The number of attributes, as of any mapping; ``len(data.X)`` is the number of rows."""
        return len(self.keys())

    def __contains__(self, key: object) -> bool:
        return key in self.keys()

    def __repr__(self) -> str:
        part = f"{self.sample}, " if self.sample else ""
        return (
            f"Dataset({self.name}: {part}{len(self.X):,} rows, {self.X.shape[1]} features, "
            f"groups {', '.join(self.groups.columns)}, {self.origin})"
        )
