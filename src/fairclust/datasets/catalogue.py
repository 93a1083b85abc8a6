"""The catalogue of data sets: origin, licence, checksums, what was kept. People read it as ``provenance.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

import yaml

__all__ = ["OpenML", "Provenance", "RawFile", "Table", "catalogue", "provenance"]


@dataclass(frozen=True)
class RawFile:
    """An original file and how to recognise its content.

    Attributes
    ----------
    name : str
        The file's own name, which is also its name inside archives.
    sha256 : str or None
        SHA-256 of the uncompressed content; ``None`` where nobody published it, then `lines` and `head` are checked.
    archives : tuple of str
        Names of archives that hold it.
    addresses : tuple of str
        Public addresses of it or of such an archive, in the order in which they are tried.
    no_address : str
        Why there is no address, where there is none.
    lines : int or None
        Number of lines, for files without `sha256`.
    head : tuple of (int, str) or None
        Number of first lines and the SHA-256 of them, for files without `sha256`.
    """

    name: str
    sha256: str | None
    archives: tuple[str, ...]
    addresses: tuple[str, ...]
    no_address: str = ""
    lines: int | None = None
    head: tuple[int, str] | None = None


@dataclass(frozen=True)
class Table:
    """The kept columns as canonical CSV: their SHA-256, and the embedded file's name if there is one."""

    sha256: str
    name: str | None = None


@dataclass(frozen=True)
class OpenML:
    """The same data at OpenML: its number there, and UCI's name of each column that OpenML calls otherwise."""

    id: int
    columns: Mapping[str, str]


@dataclass(frozen=True)
class Provenance:
    """One entry of the catalogue; the fields are explained at the top of ``provenance.yaml``."""

    name: str
    title: str
    source: str
    doi: str | None
    licence: str
    citation: str
    rows: int
    features: tuple[str, ...]
    groups: tuple[str, ...]
    target: str | None
    raw: RawFile
    table: Table | None
    openml: OpenML | None
    sample: Provenance | None
    kept: str
    obtained: str
    context: str

    @property
    def embedded(self) -> bool:
        """Whether the package holds the kept columns."""
        return self.table is not None and self.table.name is not None

    @property
    def description(self) -> str:
        """What the data are, what was kept, what harm they can do, and how to cite them."""
        doi = f" https://doi.org/{self.doi}" if self.doi else ""
        return f"{self.title}: {self.rows:,} rows. {self.kept}\n\n{self.context}\n\nCite: {self.citation}{doi}"


@lru_cache(maxsize=1)
def catalogue() -> Mapping[str, Provenance]:
    """All data sets by name, in the order of ``provenance.yaml``. Read-only.

    Examples
    --------
    >>> list(catalogue())
    ['adult', 'bank', 'credit_card', 'bank_full', 'diabetes', 'census_income', 'census_1990', 'lfw']
    """
    text = files("fairclust.datasets").joinpath("provenance.yaml").read_text(encoding="utf-8")
    entries = yaml.safe_load(text)
    return MappingProxyType({name: _entry(name, entry) for name, entry in entries.items()})


def provenance(name: str) -> Provenance:
    """The catalogue's entry for a data set.

    Parameters
    ----------
    name : str
        One of the names of :func:`catalogue`.

    Raises
    ------
    ValueError
        If there is no such data set; the message lists all names.

    Examples
    --------
    >>> provenance("bank").licence
    'CC BY 4.0'
    >>> provenance("iris")
    Traceback (most recent call last):
        ...
    ValueError: no data set is called 'iris'; there are adult, bank, credit_card, bank_full, diabetes, census_income, \
census_1990, lfw
    """
    entries = catalogue()
    if name not in entries:
        raise ValueError(f"no data set is called {name!r}; there are {', '.join(entries)}")
    return entries[name]


def _entry(name: str, entry: dict[str, Any]) -> Provenance:
    features = entry["features"]
    if isinstance(features, dict):
        features = [f"{features['prefix']}{i:02d}" for i in range(features["count"])]
    sample = entry.get("sample")
    openml = entry.get("openml")
    return Provenance(
        name=name,
        title=entry["title"],
        source=entry["source"],
        doi=entry["doi"],
        licence=entry["licence"],
        citation=entry["citation"],
        rows=entry["rows"],
        features=tuple(features),
        groups=tuple(entry["groups"]),
        target=entry.get("target"),
        raw=_raw(entry["raw"]),
        table=Table(**entry["table"]) if "table" in entry else None,
        openml=OpenML(openml["id"], MappingProxyType(openml["columns"])) if openml else None,
        # A sample differs from its whole in nothing but what it says itself.
        sample=_entry(f"{name}_head", {**entry, "sample": None, **sample}) if sample else None,
        kept=entry["kept"],
        obtained=entry.get("obtained", ""),
        context=entry["context"],
    )


def _raw(entry: dict[str, Any]) -> RawFile:
    head = entry.get("head")
    return RawFile(
        name=entry["name"],
        sha256=entry["sha256"],
        archives=tuple(entry["archives"]),
        addresses=tuple(entry["addresses"]),
        no_address=entry.get("no_address", ""),
        lines=entry.get("lines"),
        head=(head["lines"], head["sha256"]) if head else None,
    )
