"""The data sets of *Welfare-centric clustering* (Zhang et al., 2025), and two that are named beside them."""

from __future__ import annotations

import numpy as np

from fairclust.datasets import load_adult, load_bank, load_census_1990, load_census_income, load_credit_card
from fairclust.experiments.preparation.prepared import BANK, BERA_ADULT, Prepared, drawn, prepared, row_count

__all__ = ["welfare_adult", "welfare_bank", "welfare_census_1990", "welfare_census_income", "welfare_credit_card"]

#: The 14 columns of credit card that Bera et al. (2019) cluster by: amounts and age, nothing coded.
BERA_CREDIT_CARD = (
    "LIMIT_BAL",
    "AGE",
    *(f"BILL_AMT{month}" for month in range(1, 7)),
    *(f"PAY_AMT{month}" for month in range(1, 7)),
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
    rows = np.arange(row_count(n, len(data.X)))
    return prepared(
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
    return prepared(
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
    return prepared(
        "welfare_census_1990",
        data,
        [column for column in data.X.columns if column != "iSex"],
        data.groups["iSex"],
        rows=drawn(None if head else n, len(data.X), seed),
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
    return prepared(
        "welfare_census_income",
        data,
        data.X.columns,
        data.groups["sex"],
        rows=drawn(n, len(data.X), seed),
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
    return prepared(
        "welfare_bank",
        data,
        BANK,
        data.groups["marital"],
        note="Rows, columns and groups as the paper says. Standardised as its other data sets are; it does not say so.",
    )
