import bz2
import gzip
import io
import lzma
import tarfile
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairclust.datasets.unpack import BROKEN, unpack


def zipped(entries: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def tarred(entries: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in entries.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def found(content: bytes, name: str, member: str = "a.csv") -> bytes | None:
    return unpack(io.BytesIO(content), name, member)


WRAPPINGS = {
    "a.csv": lambda content: content,
    "a.csv.gz": gzip.compress,
    "a.csv.xz": lzma.compress,
    "a.csv.bz2": bz2.compress,
    "a.zip": lambda content: zipped({"folder/b.csv": b"other", "folder/a.csv": content}),
    "a.tar": lambda content: tarred({"./a.csv": content}),
    "a.tar.gz": lambda content: gzip.compress(tarred({"b.csv": b"other", "x/a.csv": content})),
    "zip in zip": lambda content: zipped({"z.zip": zipped({"b.csv": b""}), "bank.zip": zipped({"a.csv": content})}),
    "tar.gz in zip": lambda content: zipped({"names.txt": b"", "c.tar.gz": gzip.compress(tarred({"a.csv": content}))}),
    "gz in zip": lambda content: zipped({"b.csv.gz": gzip.compress(b"other"), "a.csv.gz": gzip.compress(content)}),
}


@pytest.mark.parametrize("name", WRAPPINGS)
@settings(max_examples=20, deadline=None)
@given(content=st.binary(max_size=2000))
def test_the_content_comes_out_of_every_wrapping(name: str, content: bytes) -> None:
    if name != "a.csv" and content[257:262] == b"ustar":
        return
    assert found(WRAPPINGS[name](content), name) == content


def test_a_file_of_the_wanted_name_is_not_opened_even_if_it_is_an_archive() -> None:
    archive = zipped({"X.npy": b"1"})
    assert found(archive, "faces.npz", "faces.npz") == archive
    assert found(zipped({"faces.npz": archive}), "all.zip", "faces.npz") == archive


def test_an_archive_without_the_file_gives_none() -> None:
    assert found(zipped({"b.csv": b"1"}), "a.zip") is None
    assert found(tarred({"b.csv": b"1"}), "a.tar") is None
    assert found(zipped({}), "a.zip") is None


def test_shadow_files_of_the_finder_are_not_taken() -> None:
    assert found(zipped({"__MACOSX/a.csv": b"shadow", "d/a.csv": b"1"}), "a.zip") == b"1"


def test_a_file_that_is_no_archive_is_left_to_the_checksum() -> None:
    assert found(b"<html>Please log in", "a.zip") == b"<html>Please log in"


def test_archives_are_not_opened_without_end() -> None:
    content = zipped({"a.csv": b"1"})
    for _ in range(4):
        content = zipped({"inner.zip": content})
    assert found(content, "a.zip") is None


@pytest.mark.parametrize("name", ["a.csv.gz", "a.csv.xz", "a.csv.bz2", "a.zip", "a.tar.gz"])
def test_a_truncated_archive_raises(name: str) -> None:
    content = WRAPPINGS[name](bytes(range(256)) * 200)
    with pytest.raises(BROKEN):
        found(content[: len(content) // 2], name)


def test_a_zip_with_a_flipped_bit_raises() -> None:
    content = bytearray(zipped({"a.csv": bytes(range(256)) * 20}))
    content[120] ^= 1
    with pytest.raises(BROKEN):
        found(bytes(content), "a.zip")
