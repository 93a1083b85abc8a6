"""What is here and what is not: the table that ``fairclust data`` prints."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from fairclust.datasets.catalogue import Provenance, catalogue
from fairclust.datasets.fetch import (
    ChecksumError,
    DatasetUnavailable,
    cache_folder,
    data_folder,
    fetch,
    locate,
    table_name,
)

__all__ = ["inventory"]


def inventory(*, check: bool = False) -> pd.DataFrame:
    """One row per data set: what it is, whether it is here, and where.

    Parameters
    ----------
    check : bool, default=False
        Read every file that is here and compare its digest (seconds); a wrong one has the status ``"damaged"``.
        Otherwise a file counts by its name.

    Returns
    -------
    DataFrame with columns
        name;
        rows, columns (of `X`);
        status: ``"embedded"`` in the package, ``"here"`` in FAIRCLUST_DATA, ``"cached"``, or ``"not here"`` (a loader
        would download it, where it has an address);
        where: the file, or what there is instead;
        licence; source.

    Notes
    -----
    Never asks the internet and never raises.

    Examples
    --------
    >>> print(inventory()[["name", "rows", "columns", "status"]].head(3))
              name   rows  columns    status
    0        adult  32561        6  embedded
    1         bank   4521        3  embedded
    2  credit_card  30000       23  embedded
    """
    rows = []
    for entry in catalogue().values():
        status, where = _status(entry)
        if check and status in ("here", "cached"):
            status, where = _checked(entry, status, where)
        rows.append(
            {
                "name": entry.name,
                "rows": entry.rows,
                "columns": len(entry.features),
                "status": status,
                "where": where,
                "licence": entry.licence,
                "source": entry.source,
            }
        )
    return pd.DataFrame(rows)


def _status(entry: Provenance) -> tuple[str, str]:
    if entry.table is not None and entry.table.name is not None:
        return "embedded", f"fairclust/datasets/tables/{entry.table.name}"
    found = _place(entry)
    if found is not None:
        return found
    if entry.sample is not None:
        sample = _place(entry.sample)
        if sample is not None:
            return "not here", f"only its first {entry.sample.rows} rows: {sample[1]}"
    return "not here", "can be downloaded" if entry.raw.addresses else "no public address"


def _place(entry: Provenance) -> tuple[str, str] | None:
    folder = data_folder()
    if folder is not None and (paths := locate(folder, entry.raw)):
        return "here", str(paths[0])
    folder = cache_folder()
    paths = locate(folder, entry.raw)
    table: Path = folder / table_name(entry)
    if paths or table.is_file():
        return "cached", str(paths[0] if paths else table)
    return None


def _checked(entry: Provenance, status: str, where: str) -> tuple[str, str]:
    try:
        content = fetch(entry, download=False, progress=False)
    except (ChecksumError, DatasetUnavailable) as error:
        return "damaged", str(error)
    # An archive of the right name may turn out to lack the file, which is then found elsewhere.
    return ("here" if content.origin == "FAIRCLUST_DATA" else "cached"), where
