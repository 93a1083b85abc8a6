"""Find the raw content of a data set: FAIRCLUST_DATA, then the cache, then the internet. Always checked, never a
substitute.

The folder that ``FAIRCLUST_DATA`` names belongs to the user: a wrong file there is an error. The cache belongs to
fairclust: a wrong file there is replaced.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO
from urllib.parse import unquote, urlsplit

from platformdirs import user_cache_path

from fairclust.datasets.catalogue import Provenance, RawFile
from fairclust.datasets.formats import compress, kept_columns
from fairclust.datasets.openml import download_table
from fairclust.datasets.transfer import transfer
from fairclust.datasets.unpack import BROKEN, SUFFIXES, unpack

__all__ = ["ChecksumError", "Content", "DatasetUnavailable", "cache_folder", "data_folder", "fetch", "locate"]

#: Temporary files of a killed process older than this many seconds are removed from the cache.
STALE = 3600.0

_TEMPORARY = ".fairclust-"


class DatasetUnavailable(OSError):
    """A data set is not here and could not be had; says what was tried, with each result, and what to do."""


class ChecksumError(OSError):
    """A file is not what its name promises; names both digests."""


@dataclass(frozen=True)
class Content:
    """What was found: the checked bytes, where they came from, and the SHA-256 by which results name them.

    `is_table` says that `data` is the canonical CSV of the kept columns (as embedded, or by way of OpenML) and not the
    raw file. Its `sha256` is the raw file's all the same, since the table's digest proves that the columns are its.
    """

    data: bytes
    origin: str
    sha256: str
    is_table: bool = False


def data_folder() -> Path | None:
    """The folder that the environment variable ``FAIRCLUST_DATA`` names; ``None`` if it is not set or empty."""
    name = os.environ.get("FAIRCLUST_DATA", "").strip()
    return Path(name).expanduser() if name else None


def cache_folder() -> Path:
    """The folder for what can be had again: ``FAIRCLUST_CACHE``, or the system's place. It need not exist."""
    name = os.environ.get("FAIRCLUST_CACHE", "").strip()
    return Path(name).expanduser() if name else user_cache_path("fairclust")


def locate(folder: Path, raw: RawFile) -> list[Path]:
    """The files in a folder that may hold a raw file, best first: plain, compressed, in an archive."""
    names = [raw.name, *(raw.name + suffix for suffix in SUFFIXES), *raw.archives]
    paths = [folder / name for name in names]
    with contextlib.suppress(OSError):
        return [path for path in paths if path.is_file()]
    return []


def table_name(entry: Provenance) -> str:
    """What a table that came by way of OpenML is called in the cache."""
    return f"{entry.name}.table.csv.xz"


def fetch(entry: Provenance, *, download: bool = True, progress: bool = True) -> Content:
    """The raw content of a data set, or of its sample, with its SHA-256 checked.

    Parameters
    ----------
    entry : Provenance
        From :func:`fairclust.datasets.provenance`.
    download : bool, default=True
        Whether the internet may be asked.
    progress : bool, default=True
        Whether to draw a progress bar on a terminal.

    Returns
    -------
    Content

    Raises
    ------
    ChecksumError
        If the file in FAIRCLUST_DATA has another content, or is damaged.
    DatasetUnavailable
        If nothing was found anywhere; lists every place with its result.

    Notes
    -----
    A download is written to a file without a name, checked, and only then put into the cache under its name, in one
    step. Whatever happens in between, the cache holds the whole file or none. Several processes may do so at once.
    """
    tried: list[str] = []
    found = _from_data_folder(entry, tried) or _from_cache(entry, tried)
    if found is None and download:
        found = _from_internet(entry, tried, progress)
    elif found is None:
        tried.append("internet: not asked, because of download=False")
    if found is not None:
        return found
    raise DatasetUnavailable(_unavailable(entry, tried))


def _from_data_folder(entry: Provenance, tried: list[str]) -> Content | None:
    folder = data_folder()
    if folder is None:
        tried.append("FAIRCLUST_DATA: not set")
        return None
    if not folder.is_dir():
        tried.append(f"FAIRCLUST_DATA={folder}: there is no such folder")
        warnings.warn(f"FAIRCLUST_DATA names {folder}, which is not a folder; it is ignored", stacklevel=4)
        return None
    for path in locate(folder, entry.raw):
        content, problem = _read(path, entry.raw)
        if problem:
            raise ChecksumError(
                f"{path}: {problem}. The file is damaged or another version and was not used; put the original from "
                f"{entry.source} in its place, or remove it"
            )
        if content is not None:
            return Content(content, "FAIRCLUST_DATA", hashlib.sha256(content).hexdigest())
    tried.append(f"FAIRCLUST_DATA={folder}: {_missing(entry.raw)}")
    return None


def _from_cache(entry: Provenance, tried: list[str]) -> Content | None:
    folder = cache_folder()
    paths = locate(folder, entry.raw)
    for path in paths:
        content, problem = _read(path, entry.raw)
        if problem:
            tried.append(f"cache {path}: {problem}")
        elif content is not None:
            return Content(content, "cache", hashlib.sha256(content).hexdigest())
    table = _cached_table(folder / table_name(entry), entry, tried)
    if table is None and not paths:
        tried.append(f"cache {folder}: {_missing(entry.raw)}")
    return table


def _cached_table(path: Path, entry: Provenance, tried: list[str]) -> Content | None:
    if entry.table is None or entry.raw.sha256 is None or not path.is_file():
        return None
    expected = RawFile(path.name.removesuffix(".xz"), entry.table.sha256, (), ())
    content, problem = _read(path, expected)
    if problem:
        tried.append(f"cache {path}: {problem}")
        return None
    return Content(content or b"", "cache", entry.raw.sha256, is_table=True)


def _from_internet(entry: Provenance, tried: list[str], progress: bool) -> Content | None:
    raw = entry.raw
    if not raw.addresses:
        tried.append(f"internet: {raw.no_address}")
    with _cache_for_writing() as (folder, file):
        for address in raw.addresses:
            name = unquote(PurePosixPath(urlsplit(address).path).name)
            try:
                file.seek(0)
                transfer(address, file, label=name, progress=progress)
                content, problem = _unpacked(file, name, raw)
            except OSError as error:
                tried.append(f"{address}: {error}")
                continue
            if problem or content is None:
                tried.append(f"{address}: {problem or f'an archive without {raw.name}'}")
                continue
            file.seek(0)
            _publish(folder, name, lambda target: shutil.copyfileobj(file, target))
            return Content(content, "downloaded", hashlib.sha256(content).hexdigest())
        if entry.openml is not None and entry.table is not None and raw.sha256 is not None:
            try:
                data = download_table(entry, kept_columns(entry), file, progress=progress)
            except (OSError, ValueError) as error:
                tried.append(f"OpenML {entry.openml.id}: {error}")
                return None
            _publish(folder, table_name(entry), lambda target: target.write(compress(data)))
            return Content(data, "downloaded", raw.sha256, is_table=True)
    return None


def _read(path: Path, raw: RawFile) -> tuple[bytes | None, str]:
    """Content and what is wrong with it; (None, "") for an archive that holds another file."""
    with path.open("rb") as file:
        return _unpacked(file, path.name, raw)


def _unpacked(file: IO[bytes], name: str, raw: RawFile) -> tuple[bytes | None, str]:
    file.seek(0)
    try:
        content = unpack(file, name, raw.name)
    except BROKEN as error:
        file.seek(0)
        digest = hashlib.sha256(file.read()).hexdigest()
        return None, (
            f"cannot be unpacked ({type(error).__name__}: {error}); the content of {raw.name} must have SHA-256 "
            f"{_expected(raw)}, the damaged file itself has {digest}"
        )
    return content, "" if content is None else _problem(content, raw)


def _problem(content: bytes, raw: RawFile) -> str:
    """What is wrong with the content of a raw file; empty if nothing is."""
    if raw.sha256 is not None:
        digest = hashlib.sha256(content).hexdigest()
        return "" if digest == raw.sha256 else f"{raw.name} has SHA-256 {digest}, expected {raw.sha256}"
    if raw.head is not None:
        count, expected = raw.head
        # Line ends and blanks are left out of account: this digest was made from an excerpt that may differ in them.
        first = content[: 4096 * count].replace(b"\r", b"").replace(b" ", b"").split(b"\n")[:count]
        digest = hashlib.sha256(b"".join(line + b"\n" for line in first)).hexdigest()
        if digest != expected:
            return f"the first {count} lines of {raw.name} have SHA-256 {digest}, expected {expected}"
    lines = content.count(b"\n") + (not content.endswith(b"\n"))
    return "" if raw.lines in (None, lines) else f"{raw.name} has {lines:,} lines, expected {raw.lines:,}"


def _expected(raw: RawFile) -> str:
    return raw.sha256 if raw.sha256 is not None else "(not known)"


@contextlib.contextmanager
def _cache_for_writing() -> Iterator[tuple[Path | None, IO[bytes]]]:
    """The cache folder, or None if nothing can be written there, and a file without a name on the same disk."""
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _sweep(folder)
        nameless = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 (closed below; only opening it may be forgiven)
    except OSError as error:
        warnings.warn(
            f"the cache {folder} cannot be written ({error.strerror or error}): what is downloaded is used but not "
            "kept; FAIRCLUST_CACHE may name another folder",
            stacklevel=5,
        )
        with tempfile.TemporaryFile() as file:
            yield None, file
    else:
        with nameless as file:
            yield folder, file


def _publish(folder: Path | None, name: str, write: Callable[[IO[bytes]], object]) -> None:
    """Put a file into the cache in one step. If the disk says no, the data are used all the same."""
    if folder is None:
        return
    temporary = None
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=_TEMPORARY, delete=False) as target:
            temporary = Path(target.name)
            write(target)
            target.flush()
            os.fsync(target.fileno())
        os.replace(temporary, folder / name)
    except OSError as error:
        warnings.warn(f"{folder / name} could not be kept: {error}", stacklevel=5)
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def _sweep(folder: Path) -> None:
    """Remove what a process left that was killed in the moment of publishing."""
    for path in folder.glob(f"{_TEMPORARY}*"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > STALE:
                path.unlink()


def _missing(raw: RawFile) -> str:
    archives = f", and it is not in {' or '.join(raw.archives)}" if raw.archives else ""
    return f"no {raw.name}, plain or compressed{archives}"


def _unavailable(entry: Provenance, tried: list[str]) -> str:
    lines = [f"the data set {entry.name} ({entry.title}) is not available. Tried:"]
    lines += [f"  {number}. {result}" for number, result in enumerate(tried, start=1)]
    if entry.raw.addresses:
        lines.append(
            f"What to do: on a machine with internet, download {entry.raw.addresses[0]} (page: {entry.source}), put it "
            "unchanged into a folder, and set the environment variable FAIRCLUST_DATA to that folder."
        )
    else:
        lines.append(
            f"What to do: put {entry.raw.name} into a folder and set the environment variable FAIRCLUST_DATA to it "
            f"(about the data: {entry.source})."
        )
    if entry.sample is not None:
        lines.append(f"For tests, load_{entry.name}(head=True) reads its first {entry.sample.rows} rows.")
    return "\n".join(lines)
