"""Sensitive features as codes, sizes and shares: the only place where labels become integers.

Every other module sees groups through :class:`Groups`. A *group* is the set of rows that carry the same label of
the sensitive feature (the papers also say *color*); each row belongs to exactly one.
"""

from __future__ import annotations

import numbers
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["Groups", "encode_groups"]

#: The label of the only group when no sensitive feature is given.
EVERYONE = "all"


@dataclass(frozen=True, eq=False)
class Groups:
    r"""A partition of :math:`n` rows into :math:`H` non-empty groups :math:`C^1, \dots, C^H`.

    Attributes
    ----------
    codes : ndarray of intp, shape (n,)
        ``codes[j]`` is the position in ``labels`` of row j's label. Read-only.
    labels : tuple of length H
        The labels, in an order that does not depend on the order of the rows: sorted if they can be compared with each
        other; else numbers first, then tuples and frozensets by their parts, then all others by type and text.
    sizes : ndarray of intp, shape (H,)
        :math:`n_h = |C^h|`, every entry at least 1. Read-only.

    Examples
    --------
    >>> groups = encode_groups(["f", "m", "m", "f", "m"])
    >>> len(groups), groups.labels, groups.sizes.tolist(), groups.shares.tolist()
    (2, ('f', 'm'), [2, 3], [0.4, 0.6])
    """

    codes: NDArray[np.intp]
    labels: tuple[Hashable, ...]
    sizes: NDArray[np.intp]

    def __len__(self) -> int:
        """The number of groups, H."""
        return len(self.labels)

    @property
    def n_samples(self) -> int:
        """The number of rows, n."""
        return len(self.codes)

    @property
    def shares(self) -> NDArray[np.float64]:
        """Each group's share of the rows, :math:`r_h = n_h / n`, shape (H,); they add up to 1."""
        return self.sizes / self.n_samples

    def series(self, values: Any, name: str | None = None) -> pd.Series:
        """One value per group, as a Series indexed by the labels."""
        return pd.Series(
            np.asarray(values), index=pd.Index(list(self.labels), name="group", tupleize_cols=False), name=name
        )


def encode_groups(sensitive_features: Any, n_samples: int | None = None, *, name: str = "sensitive_features") -> Groups:
    """Turn labels of any hashable kind into :class:`Groups`.

    Parameters
    ----------
    sensitive_features : None, Groups, Series, Index, array of shape (n,) or (n, 1), or sequence of n hashable labels
        ``None`` puts every row into one group called ``"all"`` (then ``n_samples`` is needed). A pandas categorical
        keeps the order of its categories; categories that no row carries are no groups. ``Groups`` pass through.
    n_samples : int, optional
        The number of rows of X; a different number of labels is an error.
    name : str, default="sensitive_features"
        What error messages call the argument.

    Returns
    -------
    Groups

    Raises
    ------
    ValueError
        If the number of labels is not ``n_samples``, if there are none, if a label is missing (None, NaN, NaT), or
        if there is more than one column.
    TypeError
        If a label is not hashable, or a single string or number, or what has no order (a set, a mapping), is given in
        place of a sequence.

    Notes
    -----
    O(n) time and memory.

    Examples
    --------
    >>> encode_groups([3, 1, 3]).codes.tolist()
    [1, 0, 1]
    >>> encode_groups(["a", None])
    Traceback (most recent call last):
        ...
    ValueError: sensitive_features has a missing label at row 1; give that row a label of its own or drop it
    """
    if sensitive_features is None:
        if n_samples is None:
            raise ValueError(f"{name} is None, and the number of rows is not known; give one label per row")
        return _groups(np.zeros(n_samples, dtype=np.intp), (EVERYONE,), name)
    if isinstance(sensitive_features, Groups):
        _check_length(sensitive_features.n_samples, n_samples, name)
        return sensitive_features
    column = _one_column(sensitive_features, name)
    _check_length(len(column), n_samples, name)
    missing = np.flatnonzero(column.isna().to_numpy())
    if len(missing):
        raise ValueError(
            f"{name} has a missing label at row {missing[0]}"
            + (f" and in {len(missing) - 1} more" if len(missing) > 1 else "")
            + "; give that row a label of its own or drop it"
        )
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.cat.remove_unused_categories()
        return _groups(column.cat.codes.to_numpy().astype(np.intp), tuple(column.cat.categories.tolist()), name)
    try:
        codes, found = pd.factorize(column, sort=False)
    except TypeError as error:
        raise TypeError(f"{name} has a label that cannot be hashed ({error}); use strings, numbers or tuples") from None
    labels = list(found.tolist())
    order = _stable_order(labels)
    rank = np.empty(len(order), dtype=np.intp)
    rank[order] = np.arange(len(order))
    return _groups(rank[codes], tuple(labels[i] for i in order), name)


def _one_column(values: Any, name: str) -> pd.Series:
    # A sequence is not asked for its dimensions: numpy has none for tuples of different lengths.
    if isinstance(values, (str, bytes)) or (not isinstance(values, Sequence) and np.ndim(values) == 0):
        if isinstance(values, Iterable) and not isinstance(values, (str, bytes, np.ndarray)):
            kind = type(values).__name__
            raise TypeError(f"{name} is a {kind}; give a list, array or Series in the order of the rows")
        raise TypeError(f"{name} is a single value ({values!r}); give one label per row")
    if isinstance(values, pd.DataFrame) or getattr(values, "ndim", 1) == 2:
        columns = values.shape[1]
        if columns != 1:
            raise ValueError(
                f"{name} has {columns} columns; give one column. For the intersection of several features, join their "
                "labels first, for example frame.agg('/'.join, axis=1)"
            )
        values = values.iloc[:, 0] if isinstance(values, pd.DataFrame) else np.asarray(values)[:, 0]
    if getattr(values, "ndim", 1) > 2:
        raise ValueError(f"{name} has {values.ndim} dimensions; give one label per row")
    if isinstance(values, pd.MultiIndex):
        values = values.to_flat_index()
    if isinstance(values, (pd.Series, pd.Index)):
        return pd.Series(values).reset_index(drop=True)
    if isinstance(values, np.ndarray) and not values.dtype.isnative:
        values = values.astype(values.dtype.newbyteorder("="))  # pandas cannot hash the other byte order
    if isinstance(values, (np.ndarray, pd.api.extensions.ExtensionArray)):
        return pd.Series(values)
    # Built element by element: a list of tuples is a column of tuples, not a table.
    cells = np.empty(len(values), dtype=object)
    for row, label in enumerate(values):
        cells[row] = label
    return pd.Series(cells, dtype=object)


def _check_length(found: int, n_samples: int | None, name: str) -> None:
    if n_samples is not None and found != n_samples:
        raise ValueError(f"{name} has {found} entries but X has {n_samples} rows")


def _stable_order(labels: list[Any]) -> list[int]:
    """Sorted positions; labels that cannot be compared are ordered by what they are, never by appearance."""
    try:
        order = sorted(range(len(labels)), key=labels.__getitem__)
        # Sets compare by inclusion and NaN with nothing: then sorting ends without an error and without an order.
        if all(labels[i] < labels[j] for i, j in pairwise(order)):
            return order
    except TypeError:
        pass
    return sorted(range(len(labels)), key=lambda i: _order_key(labels[i]))


def _order_key(label: Any) -> tuple[int, Any]:
    """What any two labels can be compared by; equal labels (1 and True) have equal keys."""
    if isinstance(label, numbers.Real) and label == label:
        return 0, label
    if isinstance(label, tuple):
        return 1, tuple(_order_key(part) for part in label)
    if isinstance(label, frozenset):
        return 2, sorted(_order_key(part) for part in label)
    return 3, (type(label).__name__, repr(label))


def _groups(codes: NDArray[np.intp], labels: tuple[Hashable, ...], name: str) -> Groups:
    if not len(codes):
        raise ValueError(f"{name} is empty; give one label per row")
    sizes = np.bincount(codes, minlength=len(labels)).astype(np.intp)
    codes.flags.writeable = False
    sizes.flags.writeable = False
    return Groups(codes, labels, sizes)
