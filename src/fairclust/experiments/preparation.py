r"""Each paper's preparation of each data set, as one named function: columns, subset, groups, standardisation, sample.

Where a paper says how it prepared its data, this is what it says; where it is silent, what its published numbers or
its authors' public code imply; where neither helps, our choice. `Prepared.note` tells which is which, and belongs
beside every result.

*Standardised* means that each column :math:`x` becomes :math:`(x - \bar{x}) / s` over the rows that are used, with
:math:`s^2 = \frac{1}{n} \sum_j (x_j - \bar{x})^2`, as scikit-learn's ``StandardScaler`` does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.preprocessing import StandardScaler

from fairclust._validation import as_generator, check_number
from fairclust.datasets import (
    Dataset,
    load_adult,
    load_bank,
    load_bank_full,
    load_census_1990,
    load_census_income,
    load_credit_card,
    load_diabetes,
    load_lfw,
)

__all__ = [
    "PREPARATIONS",
    "Prepared",
    "antidote_adult",
    "antidote_bank",
    "antidote_credit_card",
    "antidote_lfw",
    "radii_bank",
    "radii_census",
    "radii_diabetes",
    "sample_rows",
    "welfare_adult",
    "welfare_bank",
    "welfare_census_1990",
    "welfare_census_income",
    "welfare_credit_card",
]

#: The five columns of Adult that Bera et al. (2019) cluster by, and after them all three papers.
BERA_ADULT = ("age", "fnlwgt", "education-num", "capital-gain", "hours-per-week")

#: The columns of Bank that all papers cluster by.
BANK = ("age", "balance", "duration")

#: The 14 columns of credit card that Bera et al. (2019) cluster by: amounts and age, nothing coded.
BERA_CREDIT_CARD = (
    "LIMIT_BAL",
    "AGE",
    *(f"BILL_AMT{month}" for month in range(1, 7)),
    *(f"PAY_AMT{month}" for month in range(1, 7)),
)

#: How many samples Chakrabarty and Negahbani draw from each data set, and the rows of each.
RADII_SAMPLES = 10
RADII_SAMPLE_SIZE = 1000


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


def antidote_credit_card() -> Prepared:
    r"""Credit card as in Chhabra, Singla and Mohapatra (2022), Tables 1 and 2: 30,000 x 23, two groups by education.

    Examples
    --------
    >>> data = antidote_credit_card()
    >>> data.X.shape, data.groups.value_counts().to_dict()
    ((30000, 23), {'higher education': 24615, 'lower education': 5385})
    """
    data = load_credit_card()
    higher = data.X["EDUCATION"].isin([1, 2])
    return _prepared(
        "antidote_credit_card",
        data,
        data.X.columns,
        pd.Series(np.where(higher, "higher education", "lower education"), name="EDUCATION"),
        note=(
            "The paper gives 23 features and groups of higher and lower education. That all columns are standardised, "
            "that SEX, EDUCATION and MARRIAGE are among the features, and that graduate school and university "
            "(EDUCATION 1 and 2) are the higher group while every other code, 0 included, is the lower one, follows "
            "from its Table 1, whose vanilla values come out this way (Ghadiri et al. draw the same line)."
        ),
    )


def antidote_bank(*, download: bool = True) -> Prepared:
    """Bank as in Chhabra, Singla and Mohapatra (2022): all 45,211 rows, age, balance and duration, marital status.

    Raises
    ------
    DatasetUnavailable
        If ``bank_full`` is nowhere to be had.
    """
    data = load_bank_full(download=download)
    return _prepared(
        "antidote_bank",
        data,
        BANK,
        data.groups["marital"],
        note=(
            "The paper gives the size, 45211 x 3, and the groups. The columns are those of Backurs et al. (2019), and "
            "that they are standardised follows from Table 1, whose vanilla values come out this way."
        ),
    )


def antidote_adult() -> Prepared:
    """Adult as in Chhabra, Singla and Mohapatra (2022): 10,000 rows, five columns, five groups by race.

    Examples
    --------
    >>> antidote_adult().X.shape
    (10000, 5)
    """
    data = load_adult()
    return _prepared(
        "antidote_adult",
        data,
        BERA_ADULT,
        data.groups["race"],
        rows=np.arange(10_000),
        note=(
            "The paper gives the size, 10000 x 5, and the groups, and not which rows: the first 10,000 are our choice, "
            "the closest of those tried to its vanilla values and not equal to them. The columns are those of Bera et "
            "al. (2019), standardised over these rows."
        ),
    )


def antidote_lfw(*, download: bool = True) -> Prepared:
    """LFW as in Chhabra, Singla and Mohapatra (2022): 80 principal components of the pixels, two groups by sex.

    Raises
    ------
    DatasetUnavailable
        If ``lfw_pca80.npz`` is neither in FAIRCLUST_DATA nor in the cache.
    """
    data = load_lfw(download=download)
    return _prepared(
        "antidote_lfw",
        data,
        data.X.columns,
        data.groups["sex"],
        standardise=False,
        note=(
            "Each pixel standardised, then 80 principal components, which are not scaled again, as Ghadiri et al. do. "
            "The images are aligned and cropped in another way than the paper's, and 13,233 instead of its 13,232: "
            "compare shapes with it, not digits."
        ),
    )


def welfare_adult(n: int | None = None) -> Prepared:
    """Adult as in Zhang et al. (2025): the first `n` rows (all 32,561 by default), five columns, two groups by sex.

    Parameters
    ----------
    n : int, optional
        How many of the first rows. The paper uses all; the authors' public results are of the first 10,000.

    Raises
    ------
    ValueError
        If `n` is not between 1 and 32,561.

    Examples
    --------
    >>> data = welfare_adult()
    >>> data.X.shape, data.groups.value_counts(normalize=True).round(4).to_dict()
    ((32561, 5), {'Male': 0.6692, 'Female': 0.3308})
    """
    data = load_adult()
    rows = np.arange(_row_count(n, len(data.X)))
    return _prepared(
        "welfare_adult",
        data,
        BERA_ADULT,
        data.groups["sex"],
        rows=rows,
        note=(
            "Columns and groups as the paper says, after Bera et al. (2019). Standardised over the rows used, as the "
            "authors' code does. The paper's further normalisation (G.3) is a matter of the experiment."
        ),
    )


def welfare_credit_card() -> Prepared:
    """Credit card as in Zhang et al. (2025): 29,623 rows x 14 columns, married (13,659) and single (15,964).

    Examples
    --------
    >>> data = welfare_credit_card()
    >>> data.X.shape, data.groups.value_counts().to_dict()
    ((29623, 14), {'single': 15964, 'married': 13659})
    """
    data = load_credit_card()
    rows = np.flatnonzero(data.X["MARRIAGE"].isin([1, 2]))
    return _prepared(
        "welfare_credit_card",
        data,
        BERA_CREDIT_CARD,
        data.groups["MARRIAGE"],
        rows=rows,
        note=(
            "The paper gives 29623 x 14 and marital status. That size is what is left when only MARRIAGE 1 (married) "
            "and 2 (single) are kept; the 14 columns are those of Bera et al. (2019): LIMIT_BAL, AGE, BILL_AMT1-6 and "
            "PAY_AMT1-6, standardised."
        ),
    )


def welfare_census_1990(
    n: int | None = 20_000, *, seed: int = 0, head: bool = False, download: bool = True
) -> Prepared:
    """Census 1990 as in Zhang et al. (2025): 20,000 of 2,458,285 rows, 67 columns, two groups by sex.

    Parameters
    ----------
    n : int or None, default=20_000
        How many rows are drawn, without replacement; ``None`` takes all.
    seed : int, default=0
        Seed of the draw, ``numpy.random.default_rng(seed)``; the rows keep their order.
    head : bool, default=False
        Prepare the excerpt of 99 rows instead, all of it: a test of this function, no result. `n` and `seed` do not
        matter then, and `Prepared.dataset` is ``"census_1990_head"``.
    download : bool, default=True
        Whether the internet may be asked.

    Raises
    ------
    DatasetUnavailable
        If the whole file (or with `head` the excerpt) is nowhere to be had.
    ValueError
        If `n` is not between 1 and the number of rows.
    """
    data = load_census_1990(head=head, download=download)
    return _prepared(
        "welfare_census_1990",
        data,
        [column for column in data.X.columns if column != "iSex"],
        data.groups["iSex"],
        rows=_drawn(None if head else n, len(data.X), seed),
        note=(
            "The paper gives 20,000 rows, all attributes but the group's (67, the identifier caseid aside) and gender. "
            f"Which rows is not known: drawn here without replacement (seed {seed}). Standardised over the rows used; "
            "codes are taken for numbers, as in the paper."
            + (" THIS IS ONLY THE EXCERPT OF THE FIRST 99 ROWS." if head else "")
        ),
    )


def welfare_census_income(n: int | None = 20_000, *, seed: int = 0, download: bool = True) -> Prepared:
    """Census-Income (KDD), a survey that Zhang et al. (2025) do NOT use: 20,000 rows, 7 columns, two groups by sex.

    `n`, `seed` and `download` are as for :func:`welfare_census_1990`, out of 199,523 rows, and so are the errors.
    """
    data = load_census_income(download=download)
    return _prepared(
        "welfare_census_income",
        data,
        data.X.columns,
        data.groups["sex"],
        rows=_drawn(n, len(data.X), seed),
        note=(
            "NOT a data set of the paper and no stand-in for its Census 1990: the Current Population Survey, 1994-95. "
            "Everything is our choice: the seven continuous columns, standardised, sex as the group, "
            f"rows drawn without replacement (seed {seed})."
        ),
    )


def welfare_bank() -> Prepared:
    """Bank as in Zhang et al. (2025), the setting of several groups: 4,521 x 3, marital status.

    Examples
    --------
    >>> welfare_bank().groups.value_counts().to_dict()
    {'married': 2797, 'single': 1196, 'divorced': 528}
    """
    data = load_bank()
    return _prepared(
        "welfare_bank",
        data,
        BANK,
        data.groups["marital"],
        note="Rows, columns and groups as the paper says. Standardised as its other data sets are; it does not say so.",
    )


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


#: Every preparation by its name. Each can be called without arguments.
PREPARATIONS: Mapping[str, Callable[..., Prepared]] = MappingProxyType(
    {name: globals()[name] for name in __all__ if name.startswith(("antidote_", "welfare_", "radii_"))}
)


def _radii(
    name: str, data: Dataset, columns: Sequence[str], groups: pd.Series, sample: int | None, more: str = ""
) -> Prepared:
    rows = np.arange(len(data.X)) if sample is None else sample_rows(len(data.X), sample)
    drawn = (
        "All rows; the paper uses samples of 1,000."
        if sample is None
        else f"Sample {sample} of the ten that the authors' code draws (numpy's legacy seed 0)."
    )
    return _prepared(
        name,
        data,
        columns,
        groups,
        rows=rows,
        standardise=False,
        note=f"Raw units, nothing standardised, as in the authors' code.{more} {drawn} The paper uses no groups; "
        f"{groups.name} is given for comparison only.",
    )


def _prepared(
    name: str,
    data: Dataset,
    columns: Sequence[str] | pd.Index,
    groups: pd.Series,
    *,
    note: str,
    rows: NDArray[Any] | None = None,
    standardise: bool = True,
) -> Prepared:
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


def _row_count(n: Any, n_rows: int) -> int:
    return n_rows if n is None else int(check_number(n, "n", low=1, high=n_rows, integer=True))


def _drawn(n: int | None, n_rows: int, seed: int) -> NDArray[np.intp]:
    return np.sort(as_generator(seed).choice(n_rows, size=_row_count(n, n_rows), replace=False))
