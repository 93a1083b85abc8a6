"""One loader per data set. Each call reads anew: what a caller does to its tables reaches nobody else."""

from __future__ import annotations

import hashlib
import lzma
from collections.abc import Callable, Mapping
from importlib.resources import files
from types import MappingProxyType

import pandas as pd

from fairclust.datasets.catalogue import Provenance, provenance
from fairclust.datasets.dataset import Dataset
from fairclust.datasets.fetch import ChecksumError, fetch
from fairclust.datasets.formats import parse, read_canonical

__all__ = [
    "LOADERS",
    "load_adult",
    "load_bank",
    "load_bank_full",
    "load_census_1990",
    "load_census_income",
    "load_credit_card",
    "load_diabetes",
    "load_lfw",
    "loader",
]

#: What UCI's codes of sensitive columns mean; a code that UCI does not explain keeps its number.
CODES: Mapping[str, Mapping[str, Mapping[int, str]]] = MappingProxyType(
    {
        "credit_card": {
            "SEX": {1: "male", 2: "female"},
            "EDUCATION": {1: "graduate school", 2: "university", 3: "high school", 4: "others"},
            "MARRIAGE": {1: "married", 2: "single", 3: "others"},
        },
        "census_1990": {"iSex": {0: "male", 1: "female"}},
    }
)


def load_adult() -> Dataset:
    """UCI Adult, 32,561 people: age, fnlwgt, education-num, capital-gain, capital-loss, hours-per-week.

    Groups: sex (2), race (5), marital-status (7). Embedded in the package.

    Examples
    --------
    >>> load_adult().X.iloc[0].tolist()
    [39, 77516, 13, 2174, 0, 40]
    """
    return _embedded("adult")


def load_bank() -> Dataset:
    """UCI Bank Marketing, the sample of 4,521 calls: age, balance, duration. Group: marital (3). Embedded.

    Examples
    --------
    >>> load_bank().X.shape
    (4521, 3)
    """
    return _embedded("bank")


def load_credit_card() -> Dataset:
    """UCI Default of Credit Card Clients, 30,000 people, 23 features and the label in `target`. Embedded.

    SEX, EDUCATION and MARRIAGE are in `X` as UCI's codes and in `groups` as words. Codes that UCI does not explain
    (EDUCATION 0, 5, 6 and MARRIAGE 0) read ``"unexplained code 5"`` there.

    Examples
    --------
    >>> load_credit_card().groups["EDUCATION"].value_counts().to_dict()["university"]
    14030
    """
    return _embedded("credit_card")


def load_bank_full(*, download: bool = True, progress: bool = True) -> Dataset:
    """UCI Bank Marketing, all 45,211 calls: age, balance, duration. Group: marital (3). 0.6 to 1 MB to download.

    Parameters
    ----------
    download : bool, default=True
        Whether the internet may be asked where neither FAIRCLUST_DATA nor the cache has the file.
    progress : bool, default=True
        Whether to draw a progress bar on a terminal.

    Raises
    ------
    DatasetUnavailable
        If the data are nowhere to be had; says what was tried and what to do.
    ChecksumError
        If FAIRCLUST_DATA holds another content under the file's name.
    """
    return _fetched(provenance("bank_full"), download, progress)


def load_diabetes(*, download: bool = True, progress: bool = True) -> Dataset:
    """UCI Diabetes 130-US hospitals, 101,766 stays, nine features. Groups: race (6), gender (3), age (10). 3 MB.

    ``X["age"]`` is the midpoint of the interval of ten years that ``groups["age"]`` names: 75 for ``"[70-80)"``.

    Parameters and errors are those of :func:`load_bank_full`.
    """
    return _fetched(provenance("diabetes"), download, progress)


def load_census_income(*, download: bool = True, progress: bool = True) -> Dataset:
    """UCI Census-Income (KDD), 199,523 answers to the Current Population Surveys 1994-95, seven continuous features.

    Groups: sex (2), race (5), marital stat (7). Another survey than the Census of 1990. 10 MB to download.

    Parameters and errors are those of :func:`load_bank_full`.
    """
    return _fetched(provenance("census_income"), download, progress)


def load_census_1990(*, head: bool = False, download: bool = True, progress: bool = True) -> Dataset:
    """UCI US Census Data (1990), 2,458,285 people, 68 discretised attributes. Group: iSex (2). 169 MB to download.

    Parameters
    ----------
    head : bool, default=False
        Read the first 99 rows only, from the excerpt ``USCensus1990.data.head.txt`` in FAIRCLUST_DATA or the cache
        (there is no address of it). The result says so: its name is ``"census_1990_head"`` and its `sample`
        ``"first 99 of 2,458,285 rows"``. Enough to test with, not to reproduce anything. Without `head` it is all
        rows or an error, never fewer rows.
    download, progress : bool, default=True
        As of :func:`load_bank_full`.

    Raises
    ------
    DatasetUnavailable, ChecksumError
        As :func:`load_bank_full`. The whole file's digest was never published; its number of lines and its first
        hundred lines are checked, and `sha256` is the digest of what was read.

    Notes
    -----
    Reading takes about ten seconds and 2.5 GB of memory; `X` itself is 16-bit, 0.3 GB.
    """
    entry = provenance("census_1990")
    if head:
        assert entry.sample is not None
        entry = entry.sample
    return _fetched(entry, download, progress)


def load_lfw(*, download: bool = True, progress: bool = True) -> Dataset:
    """Labeled Faces in the Wild, 13,233 photographs as 80 principal components. Group: sex (2).

    The file ``lfw_pca80.npz`` is derived data without a public address: it is read from FAIRCLUST_DATA or the cache.

    Parameters and errors are those of :func:`load_bank_full`.
    """
    return _fetched(provenance("lfw"), download, progress)


#: Every loader by the name of its data set, in the catalogue's order. Each can be called without arguments.
LOADERS: Mapping[str, Callable[..., Dataset]] = MappingProxyType(
    {
        "adult": load_adult,
        "bank": load_bank,
        "credit_card": load_credit_card,
        "bank_full": load_bank_full,
        "diabetes": load_diabetes,
        "census_income": load_census_income,
        "census_1990": load_census_1990,
        "lfw": load_lfw,
    }
)


def loader(name: str) -> Callable[..., Dataset]:
    """The loader of a data set.

    Raises
    ------
    ValueError
        If there is no such data set; the message lists all names.

    Examples
    --------
    >>> loader("bank")().name
    'bank'
    """
    return LOADERS[provenance(name).name]


def read_embedded(entry: Provenance) -> bytes:
    """The canonical CSV of an embedded table, checked."""
    assert entry.table is not None
    assert entry.table.name is not None
    packed = files("fairclust.datasets").joinpath("tables", entry.table.name).read_bytes()
    try:
        data = lzma.decompress(packed)
    except lzma.LZMAError:
        data = packed
    digest = hashlib.sha256(data).hexdigest()
    if digest != entry.table.sha256:
        raise ChecksumError(
            f"the embedded table {entry.table.name} has SHA-256 {digest}, expected {entry.table.sha256}; fairclust's "
            "installation is damaged, install it again"
        )
    return data


def _embedded(name: str) -> Dataset:
    entry = provenance(name)
    table = read_canonical(read_embedded(entry))
    assert entry.table is not None
    return _dataset(entry, table, entry.table.sha256, "embedded")


def _fetched(entry: Provenance, download: bool, progress: bool) -> Dataset:
    content = fetch(entry, download=download, progress=progress)
    table = read_canonical(content.data) if content.is_table else parse(entry, content.data)
    if len(table) != entry.rows:
        # Where the digest is known this cannot be; where it is not, it is one more check.
        raise ChecksumError(f"{entry.raw.name} gives {len(table):,} rows, expected {entry.rows:,}")
    return _dataset(entry, table, content.sha256, content.origin)


def _dataset(entry: Provenance, table: pd.DataFrame, sha256: str, origin: str) -> Dataset:
    X = table[list(entry.features)].copy()
    groups = table[list(entry.groups)].copy()
    if entry.name == "diabetes":
        X["age"] = _midpoint(table["age"])
    whole = entry.name.removesuffix("_head")
    for column, words in CODES.get(whole, {}).items():
        groups[column] = [words.get(code, f"unexplained code {code}") for code in groups[column]]
    return Dataset(
        name=entry.name,
        X=X,
        groups=groups,
        target=table[entry.target].copy() if entry.target else None,
        description=entry.description,
        source=entry.source,
        licence=entry.licence,
        sha256=sha256,
        origin=origin,
        sample=None if entry.name == whole else f"first {entry.rows} of {provenance(whole).rows:,} rows",
    )


def _midpoint(intervals: pd.Series) -> pd.Series:
    """5 for ``[0-10)``, 15 for ``[10-20)``, and so on."""
    bounds = intervals.str.extract(r"^\[(\d+)-(\d+)\)$").astype("int64")
    return ((bounds[0] + bounds[1]) // 2).rename("age")
