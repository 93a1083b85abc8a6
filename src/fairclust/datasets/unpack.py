"""The content of one file, however it is wrapped: plain, gzip, xz, bzip2, zip, tar, and archives inside archives."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
import zlib
from pathlib import PurePosixPath
from typing import IO

__all__ = ["BROKEN", "SUFFIXES", "unpack"]

#: What a damaged archive raises, depending on its kind and on where it is damaged.
BROKEN = (
    EOFError,
    OSError,
    RuntimeError,
    lzma.LZMAError,
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
)

#: Suffixes under which a single file may lie compressed.
SUFFIXES = (".gz", ".xz", ".bz2", ".zip")

_ARCHIVES = (*SUFFIXES, ".tgz", ".tar")
_DEPTH = 3


def unpack(handle: IO[bytes], name: str, member: str) -> bytes | None:
    """The content of the file `member`, found in the file `name` that `handle` reads.

    Parameters
    ----------
    handle : binary file, seekable
        The file as it lies on the disk.
    name : str
        Its name. If this is `member`, the content is returned as it is, whatever its format.
    member : str
        The name of the wanted file. Folders inside archives do not matter; archives inside archives are opened.

    Returns
    -------
    bytes or None
        The content; ``None`` if `name` is an archive without such a file. A file that is no archive is returned as it
        is: what is wrong with it is for the checksum to say.

    Raises
    ------
    one of ``BROKEN``
        If the archive is damaged.

    Notes
    -----
    The content is held in memory, O(size). The kind is told from the first bytes and not from the suffix, because
    servers and browsers rename files.

    Examples
    --------
    >>> import gzip, io
    >>> unpack(io.BytesIO(gzip.compress(b"1,2")), "numbers.csv.gz", "numbers.csv")
    b'1,2'
    """
    if PurePosixPath(name).name == member:
        return handle.read()
    return _unpack(handle, name, member, _DEPTH)


def _unpack(handle: IO[bytes], name: str, member: str, depth: int) -> bytes | None:
    start = handle.read(512)
    handle.seek(0)
    if start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _from_zip(handle, member, depth)
    if start.startswith(b"\x1f\x8b"):
        with gzip.open(handle) as wrapped:
            return _inner(wrapped.read(), name, member, depth)
    if start.startswith(b"\xfd7zXZ\x00"):
        with lzma.open(handle) as wrapped:
            return _inner(wrapped.read(), name, member, depth)
    if start.startswith(b"BZh"):
        with bz2.open(handle) as wrapped:
            return _inner(wrapped.read(), name, member, depth)
    if start[257:262] == b"ustar":
        return _from_tar(handle, member, depth)
    return handle.read() if depth == _DEPTH else None


def _inner(content: bytes, name: str, member: str, depth: int) -> bytes | None:
    """What a compressed file holds: a tar archive to search, or the file itself."""
    if content[257:262] == b"ustar":
        return _from_tar(io.BytesIO(content), member, depth)
    return content if depth == _DEPTH or PurePosixPath(name).stem == member else None


def _from_zip(handle: IO[bytes], member: str, depth: int) -> bytes | None:
    with zipfile.ZipFile(handle) as archive:
        names = [entry.filename for entry in archive.infolist() if not entry.is_dir()]
        for entry in _ordered(names, member, depth):
            if PurePosixPath(entry).name == member:
                return archive.read(entry)
            with archive.open(entry) as wrapped:
                found = _unpack(io.BytesIO(wrapped.read()), entry, member, depth - 1)
            if found is not None:
                return found
    return None


def _from_tar(handle: IO[bytes], member: str, depth: int) -> bytes | None:
    with tarfile.open(fileobj=handle, mode="r:") as archive:
        names = [entry.name for entry in archive.getmembers() if entry.isfile()]
        for entry in _ordered(names, member, depth):
            wrapped = archive.extractfile(entry)
            content = wrapped.read() if wrapped is not None else b""
            if PurePosixPath(entry).name == member:
                return content
            found = _unpack(io.BytesIO(content), entry, member, depth - 1)
            if found is not None:
                return found
    return None


def _ordered(names: list[str], member: str, depth: int) -> list[str]:
    """The entries worth opening: the file itself first, then archives. Finder's shadow files (__MACOSX) are none."""
    names = [name for name in names if "__MACOSX" not in PurePosixPath(name).parts]
    exact = [name for name in names if PurePosixPath(name).name == member]
    inner = [name for name in names if name.lower().endswith(_ARCHIVES)] if depth > 1 else []
    return exact + sorted(inner)
