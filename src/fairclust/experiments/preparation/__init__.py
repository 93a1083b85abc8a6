r"""Each paper's preparation of each data set, as one named function: columns, subset, groups, standardisation, sample.

Where a paper says how it prepared its data, this is what it says; where it is silent, what its published numbers or
its authors' public code imply; where neither helps, our choice. `Prepared.note` tells which is which, and belongs
beside every result.

*Standardised* means that each column :math:`x` becomes :math:`(x - \bar{x}) / s` over the rows that are used, with
:math:`s^2 = \frac{1}{n} \sum_j (x_j - \bar{x})^2`, as scikit-learn's ``StandardScaler`` does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from fairclust.experiments.preparation.antidote import antidote_adult, antidote_bank, antidote_credit_card, antidote_lfw
from fairclust.experiments.preparation.prepared import Prepared
from fairclust.experiments.preparation.radii import radii_bank, radii_census, radii_diabetes, sample_rows
from fairclust.experiments.preparation.welfare import (
    welfare_adult,
    welfare_bank,
    welfare_census_1990,
    welfare_census_income,
    welfare_credit_card,
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

#: Every preparation by its name. Each can be called without arguments.
PREPARATIONS: Mapping[str, Callable[..., Prepared]] = MappingProxyType(
    {
        prepare.__name__: prepare
        for prepare in (
            antidote_adult,
            antidote_bank,
            antidote_credit_card,
            antidote_lfw,
            radii_bank,
            radii_census,
            radii_diabetes,
            welfare_adult,
            welfare_bank,
            welfare_census_1990,
            welfare_census_income,
            welfare_credit_card,
        )
    }
)
