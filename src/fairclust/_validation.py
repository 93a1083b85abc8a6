"""Checks of arguments that every floor shares. Each error says what was wrong, where, and what would be right."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_array

__all__ = [
    "as_generator",
    "check_centers",
    "check_labels",
    "check_n_clusters",
    "check_number",
    "check_points",
    "check_power",
    "check_radii",
    "check_weights",
]


def check_points(X: Any, *, name: str = "X", min_samples: int = 1) -> NDArray[np.float64]:
    """X as a C-contiguous float64 array of shape (n, d), finite; a DataFrame, list or array comes in."""
    columns = [str(c) for c in X.columns] if hasattr(X, "columns") else None
    if isinstance(X, np.ma.MaskedArray):
        # scikit-learn would use what lies under the mask.
        X = np.ma.filled(X.astype(np.float64), np.nan)
    try:
        array = check_array(
            X, dtype=np.float64, order="C", input_name=name, ensure_min_samples=min_samples, ensure_all_finite=False
        )
    except (ValueError, TypeError) as error:
        if columns is not None and hasattr(X, "iloc"):
            _check_columns_are_numbers(X, columns, name, error)
        raise
    bad = ~np.isfinite(array)
    if bad.any():
        row, column = (int(i) for i in np.argwhere(bad)[0])
        kind = "NaN" if np.isnan(array[row, column]) else "infinity"
        where = f"row {row}, column {column}" + (f" ({columns[column]})" if columns else "")
        more = int(bad.sum()) - 1
        raise ValueError(
            f"{name} contains {kind} at {where}"
            + (f" and {more} more entries that are not finite" if more else "")
            + "; impute or drop such rows first"
        )
    return array


def _check_columns_are_numbers(frame: Any, columns: list[str], name: str, error: Exception) -> None:
    """Raise an error that names the first column of a DataFrame that does not convert to floats, if there is one."""
    for position, column in enumerate(columns):
        try:
            np.asarray(frame.iloc[:, position], dtype=np.float64)
        except (ValueError, TypeError) as reason:
            raise ValueError(
                f"{name} has a column that is not numeric, column {position} ({column}): {reason}; encode or drop it"
            ) from error


def check_number(
    value: Any,
    name: str,
    *,
    low: float = -np.inf,
    high: float = np.inf,
    integer: bool = False,
    low_open: bool = False,
) -> Any:
    """A finite number in [low, high] (or (low, high]), an int if ``integer``; else an error that names the range."""
    kind = numbers.Integral if integer else numbers.Real
    word = "an integer" if integer else "a number"
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, kind):
        raise TypeError(f"{name} must be {word}, got {value!r} of type {type(value).__name__}")
    try:
        number = int(value) if integer else float(value)  # type: ignore[call-overload]
    except OverflowError:
        number = np.inf
    finite = abs(number) < np.inf  # False for NaN
    inside = (low < number if low_open else low <= number) and number <= high
    if not (finite and inside):
        if high == np.inf:
            wanted = f"greater than {low:g}" if low_open else f"at least {low:g}"
        else:
            wanted = f"in {'(' if low_open else '['}{low:g}, {high:g}]"
        if high == np.inf and not finite:
            wanted = "finite" if low == -np.inf else f"{wanted} and finite"
        raise ValueError(f"{name} must be {wanted}, got {value!r}")
    return number


def check_n_clusters(n_clusters: Any, n_samples: int) -> int:
    """An integer between 1 and the number of rows."""
    k = check_number(n_clusters, "n_clusters", low=1, integer=True)
    if k > n_samples:
        raise ValueError(f"n_clusters={k} is larger than the number of rows, n_samples={n_samples}")
    return int(k)


def check_power(power: Any) -> float:
    """The p of d^p: any finite number of at least 1 (1 is k-median, 2 is k-means)."""
    return float(check_number(power, "power", low=1.0))


def check_weights(weights: Any, n_samples: int, *, name: str = "weights") -> NDArray[np.float64]:
    """One finite weight >= 0 per row, not all zero; ``None`` means 1 for each."""
    if weights is None:
        return np.ones(n_samples)
    array = _numbers(weights, name)
    if array.shape != (n_samples,):
        raise ValueError(f"{name} has shape {array.shape} but X has {n_samples} rows; give one weight per row")
    bad = np.flatnonzero(~(np.isfinite(array) & (array >= 0)))
    if len(bad):
        raise ValueError(f"{name} must be finite and not negative; row {bad[0]} has {array[bad[0]]}")
    if not array.any():
        raise ValueError(f"{name} are all zero; at least one row must count")
    return np.ascontiguousarray(array)


def _numbers(values: Any, name: str) -> NDArray[np.float64]:
    """Any array of numbers as float64; else an error that names the argument, where numpy's would not."""
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be numbers, one per row: {error}") from None


def check_radii(radii: Any, n_samples: int, *, name: str = "radii") -> NDArray[np.float64]:
    """One finite radius >= 0 per row, as a C-contiguous float64 array of shape (n,); else a ValueError."""
    if np.iscomplexobj(radii):
        raise ValueError(f"{name} must be numbers, one per row: complex numbers are no radii")
    array = _numbers(radii, name)
    if array.shape != (n_samples,):
        raise ValueError(f"{name} has shape {array.shape} but X has {n_samples} rows; give one radius per row")
    bad = np.flatnonzero(~(np.isfinite(array) & (array >= 0)))
    if len(bad):
        raise ValueError(f"{name} must be finite and not negative; row {bad[0]} has {array[bad[0]]}")
    return np.ascontiguousarray(array)


def check_centers(centers: Any, n_features: int, *, name: str = "centers") -> NDArray[np.float64]:
    """Centers as a float64 array of shape (k, d) with k >= 1 and the d of X."""
    array = check_points(centers, name=name)
    if array.shape[1] != n_features:
        raise ValueError(f"{name} have {array.shape[1]} features but X has {n_features}")
    return array


def check_rows(rows: Any, n: int, *, name: str = "center_indices", empty: bool = False) -> NDArray[np.intp]:
    """Distinct row numbers as an array of intp; at least one, unless ``empty`` is allowed."""
    array = np.asarray(rows)
    if array.ndim != 1 or not (len(array) or empty):
        raise ValueError(f"{name} must be a list of row numbers, at least one, got shape {array.shape}")
    if len(array) and not np.issubdtype(array.dtype, np.integer):
        raise TypeError(f"{name} must hold row numbers (integers), got dtype {array.dtype}")
    outside = np.flatnonzero((array < 0) | (array >= n))
    if len(outside):
        raise ValueError(f"{name} must hold row numbers from 0 to {n - 1}; entry {outside[0]} is {array[outside[0]]}")
    values, counts = np.unique(array, return_counts=True)
    if len(values) < len(array):
        raise ValueError(f"{name} must hold distinct row numbers; row {values[np.argmax(counts > 1)]} is repeated")
    return array.astype(np.intp)


def check_labels(
    labels: Any, n_samples: int | None = None, n_clusters: int | None = None, *, name: str = "labels"
) -> NDArray[np.intp]:
    """Cluster numbers 0..k-1, one per row, as intp; gaps (empty clusters) are allowed."""
    array = np.asarray(labels)
    if array.ndim != 1:
        raise ValueError(f"{name} must have one dimension, got shape {array.shape}")
    if n_samples is not None and len(array) != n_samples:
        raise ValueError(f"{name} has {len(array)} entries but X has {n_samples} rows")
    if not len(array):
        raise ValueError(f"{name} is empty; give one cluster number per row")
    if array.dtype == bool or not np.issubdtype(array.dtype, np.integer):
        whole = (
            np.issubdtype(array.dtype, np.floating) and np.isfinite(array).all() and (array == np.round(array)).all()
        )
        if not whole:
            raise TypeError(f"{name} must be integers 0..k-1, got dtype {array.dtype}")
    # Both ends are checked before the cast, which would wrap around.
    if array.min() < 0:
        row = int(np.argmax(array < 0))
        raise ValueError(f"{name} must not be negative; row {row} has {array[row]}")
    most = np.iinfo(np.intp).max if n_clusters is None else n_clusters
    if array.max() >= most:
        row = int(np.argmax(array >= most))
        what = f"{most}" if n_clusters is None else f"the number of centers, {n_clusters}"
        raise ValueError(f"{name} must be below {what}; row {row} has {array[row]}")
    return array.astype(np.intp)


def as_generator(random_state: Any) -> np.random.Generator:
    """A Generator from None, an int, a Generator, a SeedSequence, or (for scikit-learn's sake) a RandomState."""
    if isinstance(random_state, np.random.RandomState):
        return np.random.default_rng(random_state.randint(0, 2**31, size=4))
    if isinstance(random_state, numbers.Integral) and random_state < 0:
        raise ValueError(f"random_state must not be negative, got {random_state!r}")
    try:
        if not isinstance(random_state, (bool, float, str)):
            return np.random.default_rng(random_state)
    except TypeError:
        pass
    raise TypeError(f"random_state must be None, an int or a numpy Generator, got {random_state!r}")
