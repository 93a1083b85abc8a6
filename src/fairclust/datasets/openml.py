"""The second way to a fetched table: OpenML by number, taken only if its columns equal UCI's value for value."""

from __future__ import annotations

import hashlib
import io
import json
import re
from typing import IO, Any

import pandas as pd

from fairclust.datasets.catalogue import Provenance
from fairclust.datasets.formats import canonical
from fairclust.datasets.transfer import transfer

__all__ = ["SERVER", "download_table", "parse_arff"]

#: Address of OpenML's descriptions of data sets, by number.
SERVER = "https://www.openml.org/api/v1/json/data"

_ATTRIBUTE = re.compile(r"@attribute\s+(?:'([^']*)'|\"([^\"]*)\"|(\S+))\s", re.IGNORECASE)


def download_table(entry: Provenance, columns: list[str], file: IO[bytes], *, progress: bool = True) -> bytes:
    """The kept columns of a data set as canonical CSV, by way of OpenML.

    Parameters
    ----------
    entry : Provenance
        With `openml` and `table`.
    columns : list of str
        The kept columns by UCI's names, in their order.
    file : binary file, writable and seekable
        Room for the download.
    progress : bool, default=True
        Whether to draw a progress bar on a terminal.

    Raises
    ------
    OSError
        If OpenML cannot be reached.
    ValueError
        If what it sends is not the same data: the digest of the table is not that of UCI's.

    Notes
    -----
    OpenML's files differ from UCI's in format, quoting and column names, so that only the values can be compared.
    """
    assert entry.openml is not None
    assert entry.table is not None
    file.seek(0)
    transfer(f"{SERVER}/{entry.openml.id}", file, label=f"OpenML {entry.openml.id}", progress=False)
    file.seek(0)
    address = _address(json.load(file))
    file.seek(0)
    transfer(address, file, label=address.rpartition("/")[2], progress=progress)
    file.seek(0)
    table = parse_arff(file.read().decode("utf-8"), dict(entry.openml.columns))
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise ValueError(f"{address} has no column {', '.join(missing)}")
    data = canonical(table[columns])
    digest = hashlib.sha256(data).hexdigest()
    if digest != entry.table.sha256:
        raise ValueError(f"the columns of {address} have SHA-256 {digest}, expected {entry.table.sha256}")
    return data


def parse_arff(text: str, names: dict[str, str] | None = None) -> pd.DataFrame:
    """A dense ARFF file as a table; `names` renames columns. Numbers that are whole are integers.

    Examples
    --------
    >>> parse_arff("@relation r\\n@attribute V1 numeric\\n@attribute 'a b' {x,'y z'}\\n@data\\n3,'y z'", {"V1": "age"})
       age  a b
    0    3  y z
    """
    header, found, body = re.split(r"(?im)^(@data)\s*$", text, maxsplit=1) if _has_data(text) else ("", "", "")
    columns = ["".join(match) for match in _ATTRIBUTE.findall(header)]
    if not found or not columns:
        raise ValueError("this is no ARFF file: it has no @attribute or no @data")
    lines = "\n".join(line for line in body.splitlines() if line.strip() and not line.startswith("%"))
    table = pd.read_csv(
        io.StringIO(lines),
        header=None,
        names=[(names or {}).get(column, column) for column in columns],
        quotechar="'",
        escapechar="\\",
        skipinitialspace=True,
        keep_default_na=False,
    )
    for column in table.select_dtypes("float"):
        if (table[column] == table[column].round()).all():
            table[column] = table[column].astype("int64")
    return table


def _has_data(text: str) -> bool:
    return re.search(r"(?im)^@data\s*$", text) is not None


def _address(answer: Any) -> str:
    """The address of the data in OpenML's description of a data set."""
    try:
        return str(answer["data_set_description"]["url"])
    except (KeyError, TypeError):
        raise ValueError("OpenML's description names no address of the data") from None
