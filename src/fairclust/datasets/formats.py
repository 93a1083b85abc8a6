"""From the original files to the kept columns, as UCI writes them; and those columns as canonical CSV.

The canonical CSV of a table (UTF-8, commas, one header line, ``\\n``) is what the package embeds, xz-compressed, and
what the digests of tables are of: unlike the original file it does not depend on the separator, the quotes and the
columns nobody uses.
"""

from __future__ import annotations

import io
import lzma
from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
import pandas as pd

from fairclust.datasets.catalogue import Provenance

__all__ = ["canonical", "compress", "kept_columns", "parse", "read_canonical"]

_ADULT = [
    *("age", "workclass", "fnlwgt", "education", "education-num", "marital-status", "occupation", "relationship"),
    *("race", "sex", "capital-gain", "capital-loss", "hours-per-week", "native-country", "income"),
]

# The names that census-income.names gives, in the order of the data; the instance weight is in the data only.
_CENSUS_INCOME = [
    *("age", "class of worker", "detailed industry recode", "detailed occupation recode", "education", "wage per hour"),
    *("enroll in edu inst last wk", "marital stat", "major industry code", "major occupation code", "race"),
    *("hispanic origin", "sex", "member of a labor union", "reason for unemployment"),
    *("full or part time employment stat", "capital gains", "capital losses", "dividends from stocks"),
    *("tax filer stat", "region of previous residence", "state of previous residence"),
    *("detailed household and family stat", "detailed household summary in household", "instance weight"),
    *("migration code-change in msa", "migration code-change in reg", "migration code-move within reg"),
    *("live in this house 1 year ago", "migration prev res in sunbelt", "num persons worked for employer"),
    *("family members under 18", "country of birth father", "country of birth mother", "country of birth self"),
    *("citizenship", "own business or self employed", "fill inc questionnaire for veteran's admin"),
    *("veterans benefits", "weeks worked in year", "year", "income"),
]


def kept_columns(entry: Provenance) -> list[str]:
    """The names of the kept columns, each once: features, then groups, then the target."""
    names = [*entry.features, *entry.groups, *([entry.target] if entry.target else [])]
    return list(dict.fromkeys(names))


def parse(entry: Provenance, content: bytes) -> pd.DataFrame:
    """The kept columns of a raw file, values as UCI writes them.

    Parameters
    ----------
    entry : Provenance
        The data set, or its sample.
    content : bytes
        The whole content of its raw file.

    Returns
    -------
    DataFrame
        One row per row of the file, in its order; columns as :func:`kept_columns` orders them.

    Raises
    ------
    ValueError
        If the content cannot be read as this data set.
    """
    columns = kept_columns(entry)
    table = _PARSERS[entry.name.removesuffix("_head")](content, columns)
    return table[columns]


def canonical(table: pd.DataFrame) -> bytes:
    """A table as canonical CSV.

    Examples
    --------
    >>> canonical(pd.DataFrame({"age": [39], "marital": ["single"]}))
    b'age,marital\\n39,single\\n'
    """
    return table.to_csv(index=False, lineterminator="\n").encode("utf-8")


def read_canonical(data: bytes) -> pd.DataFrame:
    """The table that :func:`canonical` wrote: integers and text, nothing taken for missing."""
    return pd.read_csv(io.BytesIO(data), keep_default_na=False)


def compress(data: bytes) -> bytes:
    """xz at its strongest. The bytes hold no time and no name: the same content gives the same file."""
    return lzma.compress(data, preset=9 | lzma.PRESET_EXTREME)


def _adult(content: bytes, columns: list[str]) -> pd.DataFrame:
    return pd.read_csv(
        io.BytesIO(content), header=None, names=_ADULT, usecols=columns, skipinitialspace=True, keep_default_na=False
    )


def _bank(content: bytes, columns: list[str]) -> pd.DataFrame:
    return pd.read_csv(io.BytesIO(content), sep=";", usecols=columns, keep_default_na=False)


def _with_header(content: bytes, columns: list[str]) -> pd.DataFrame:
    return pd.read_csv(io.BytesIO(content), usecols=columns, keep_default_na=False)


def _census_income(content: bytes, columns: list[str]) -> pd.DataFrame:
    return pd.read_csv(
        io.BytesIO(content),
        header=None,
        names=_CENSUS_INCOME,
        usecols=columns,
        skipinitialspace=True,
        keep_default_na=False,
    )


def _census_1990(content: bytes, columns: list[str]) -> pd.DataFrame:
    # Two and a half million rows: sixteen bits for codes below a thousand save a gigabyte.
    return pd.read_csv(io.BytesIO(content), usecols=columns, dtype=np.int16, skipinitialspace=True)


def _lfw(content: bytes, columns: list[str]) -> pd.DataFrame:
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        table = pd.DataFrame(arrays["X"].astype(np.float64), columns=columns[:-1])
        table["sex"] = arrays["sex"]
    return table


_PARSERS: Mapping[str, Callable[[bytes, list[str]], pd.DataFrame]] = MappingProxyType(
    {
        "adult": _adult,
        "bank": _bank,
        "credit_card": _with_header,
        "bank_full": _bank,
        "diabetes": _with_header,
        "census_income": _census_income,
        "census_1990": _census_1990,
        "lfw": _lfw,
    }
)
