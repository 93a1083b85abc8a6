"""The data sets of *Better algorithms for individually fair k-clustering* (Chakrabarty and Negahbani, 2021)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairclust._validation import check_number
from fairclust.datasets import Dataset, load_adult, load_bank, load_diabetes
from fairclust.experiments.preparation.prepared import BANK, BERA_ADULT, Prepared, prepared

__all__ = ["radii_bank", "radii_census", "radii_diabetes", "sample_rows"]

#: How many samples Chakrabarty and Negahbani draw from each data set, and the rows of each.
RADII_SAMPLES = 10
RADII_SAMPLE_SIZE = 1000


def radii_bank(sample: int | None = None) -> Prepared:
    """Bank as in Chakrabarty and Negahbani (2021): age, balance, duration in raw units; sample 0 to 9, or all 4,521.

    Parameters
    ----------
    sample : int, optional
        Which of the ten samples of 1,000 rows (see :func:`sample_rows`); ``None`` takes all rows, which the paper
        never does.

    Raises
    ------
    ValueError
        If `sample` is not between 0 and 9.

    Examples
    --------
    >>> radii_bank(0).rows[:4].tolist()
    [4274, 72, 1065, 3185]
    """
    data = load_bank()
    return _radii("radii_bank", data, BANK, data.groups["marital"], sample)


def radii_census(sample: int | None = None) -> Prepared:
    """Adult, which Chakrabarty and Negahbani (2021) call census: five columns in raw units; sample 0 to 9, or all.

    Parameters and errors are those of :func:`radii_bank`.

    Examples
    --------
    >>> radii_census(9).X.shape
    (1000, 5)
    """
    data = load_adult()
    return _radii("radii_census", data, BERA_ADULT, data.groups["sex"], sample, " fnlwgt, the largest, dominates.")


def radii_diabetes(sample: int | None = None, *, download: bool = True) -> Prepared:
    """Diabetes as in Chakrabarty and Negahbani (2021): age and time_in_hospital in raw units; sample 0 to 9, or all.

    Parameters are those of :func:`radii_bank`; `download` says whether the internet may be asked.

    Raises
    ------
    DatasetUnavailable
        If ``diabetes`` is nowhere to be had.
    ValueError
        If `sample` is not between 0 and 9.
    """
    data = load_diabetes(download=download)
    return _radii(
        "radii_diabetes",
        data,
        ("age", "time_in_hospital"),
        data.groups["gender"],
        sample,
        " Age is the midpoint of its interval of ten years, so that there are at most 140 distinct points.",
    )


def sample_rows(n_rows: int, sample: int, *, size: int = RADII_SAMPLE_SIZE) -> NDArray[np.intp]:
    """The rows of one of the ten samples of Chakrabarty and Negahbani (2021), in the order in which they were drawn.

    Parameters
    ----------
    n_rows : int
        The rows of the whole data set, at least `size`.
    sample : int
        Which sample, 0 to 9.
    size : int, default=1000
        The rows of each sample: the length of the result, an array of intp.

    Raises
    ------
    ValueError, TypeError
        If `sample` is not an integer from 0 to 9, or there are fewer rows than a sample has.

    Notes
    -----
    The authors seed numpy's global generator with 0 and call ``DataFrame.sample(n=1000)`` ten times, in one process
    for each data set. A ``RandomState(0)`` of our own, handed to ``sample`` ten times, draws the same rows and leaves
    the global generator alone. O(n_rows) for each sample up to the one that is asked for.

    Examples
    --------
    >>> sample_rows(4521, 0)[:4].tolist()
    [4274, 72, 1065, 3185]
    """
    sample = check_number(sample, "sample", low=0, high=RADII_SAMPLES - 1, integer=True)
    if n_rows < size:
        raise ValueError(f"a sample of {size} rows cannot be drawn from {n_rows} rows")
    state = np.random.RandomState(0)
    positions = pd.Series(np.arange(n_rows, dtype=np.intp))
    for _ in range(sample):
        positions.sample(n=size, random_state=state)
    return positions.sample(n=size, random_state=state).to_numpy()


def _radii(
    name: str, data: Dataset, columns: Sequence[str], groups: pd.Series, sample: int | None, more: str = ""
) -> Prepared:
    rows = np.arange(len(data.X)) if sample is None else sample_rows(len(data.X), sample)
    drawn = (
        "All rows; the paper uses samples of 1,000."
        if sample is None
        else f"Sample {sample} of the ten that the authors' code draws (numpy's legacy seed 0)."
    )
    return prepared(
        name,
        data,
        columns,
        groups,
        rows=rows,
        standardise=False,
        note=f"Raw units, nothing standardised, as in the authors' code.{more} {drawn} The paper uses no groups; "
        f"{groups.name} is given for comparison only.",
    )
