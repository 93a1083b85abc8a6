import gzip
import hashlib
import os
import signal
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fairclust.datasets import fetch as module
from fairclust.datasets.catalogue import Provenance, provenance
from fairclust.datasets.fetch import ChecksumError, DatasetUnavailable, cache_folder, data_folder, fetch, locate

CONTENT = b'"age";"job";"marital";"balance";"duration"\n' + b"".join(
    b'%d;"x";"%s";%d;%d\n' % (i % 80, (b"single", b"married")[i % 2], i * 7, i) for i in range(20_000)
)
DIGEST = hashlib.sha256(CONTENT).hexdigest()


def entry(*addresses: str, **changes: Any) -> Provenance:
    """bank_full, but with our content and our addresses."""
    whole = provenance("bank_full")
    raw = replace(whole.raw, sha256=DIGEST, addresses=addresses)
    return replace(whole, raw=raw, openml=None, **changes)


def nested() -> bytes:
    """As UCI serves Bank: a zip of zips."""
    outer = Path("bank+marketing.zip")
    with zipfile.ZipFile("bank.zip", "w") as archive:
        archive.writestr("bank.csv", b"other")
        archive.writestr("bank-full.csv", CONTENT)
    with zipfile.ZipFile(outer, "w") as archive:
        archive.writestr("bank-additional.zip", b"")
        archive.write("bank.zip")
    return outer.read_bytes()


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = tmp_path / "data"
    made.mkdir()
    monkeypatch.setenv("FAIRCLUST_DATA", str(made))
    return made


def left(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.iterdir()) if cache.exists() else []


# FAIRCLUST_DATA


@pytest.mark.parametrize("value", ["", "   "])
def test_an_empty_variable_is_not_set(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIRCLUST_DATA", value)
    monkeypatch.setenv("FAIRCLUST_CACHE", value)
    assert data_folder() is None
    assert cache_folder().name == "fairclust", "an empty variable must not make the current folder the cache"
    with pytest.raises(DatasetUnavailable, match="FAIRCLUST_DATA: not set"):
        fetch(entry(), download=False)


def test_a_tilde_is_the_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIRCLUST_DATA", "~/data")
    assert data_folder() == Path.home() / "data"


def test_a_folder_that_is_not_there_is_warned_of_and_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIRCLUST_DATA", str(tmp_path / "nowhere"))
    with pytest.warns(UserWarning, match="nowhere"), pytest.raises(DatasetUnavailable, match="there is no such folder"):
        fetch(entry(), download=False)


def test_a_file_in_place_of_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("FAIRCLUST_DATA", str(tmp_path / "file"))
    with pytest.warns(UserWarning, match="not a folder"), pytest.raises(DatasetUnavailable):
        fetch(entry(), download=False)


def test_an_empty_folder_is_named_with_what_it_lacks(folder: Path) -> None:
    with pytest.raises(DatasetUnavailable, match=r"no bank-full.csv, plain or compressed, and it is not in bank.zip"):
        fetch(entry(), download=False)


@pytest.mark.parametrize("name", ["bank-full.csv", "bank-full.csv.gz", "bank.zip", "bank+marketing.zip"])
def test_the_digest_is_that_of_the_content_however_it_is_wrapped(name: str, folder: Path) -> None:
    nested()
    wrapped = {"bank-full.csv": CONTENT, "bank-full.csv.gz": gzip.compress(CONTENT)}
    (folder / name).write_bytes(wrapped.get(name) or Path(name).read_bytes())
    found = fetch(entry(), download=False)
    assert (found.data, found.origin, found.sha256) == (CONTENT, "FAIRCLUST_DATA", DIGEST)


def test_an_archive_that_lacks_the_file_does_not_hide_the_next_one(folder: Path) -> None:
    whole = nested()
    with zipfile.ZipFile(folder / "bank.zip", "w") as archive:
        archive.writestr("bank.csv", b"other")
    (folder / "bank+marketing.zip").write_bytes(whole)
    assert fetch(entry(), download=False).data == CONTENT


def test_a_corrupted_file_of_the_user_is_an_error_that_names_both_digests(folder: Path, cache: Path) -> None:
    wrong = CONTENT.replace(b"single", b"wedded", 1)
    (folder / "bank-full.csv").write_bytes(wrong)
    cache.mkdir()
    (cache / "bank-full.csv").write_bytes(CONTENT)
    with pytest.raises(ChecksumError) as error:
        fetch(entry())
    assert hashlib.sha256(wrong).hexdigest() in str(error.value)
    assert DIGEST in str(error.value)
    assert str(folder / "bank-full.csv") in str(error.value)
    assert "was not used" in str(error.value)


@pytest.mark.parametrize("name", ["bank-full.csv.gz", "bank.zip"])
def test_a_damaged_archive_of_the_user_is_a_checksum_error(name: str, folder: Path) -> None:
    nested()
    content = gzip.compress(CONTENT) if name.endswith(".gz") else Path(name).read_bytes()
    damaged = content[: len(content) // 2]
    (folder / name).write_bytes(damaged)
    with pytest.raises(ChecksumError, match=DIGEST) as error:
        fetch(entry())
    assert hashlib.sha256(damaged).hexdigest() in str(error.value)


def test_the_folder_comes_before_the_cache(folder: Path, cache: Path) -> None:
    cache.mkdir()
    for place in (folder, cache):
        (place / "bank-full.csv").write_bytes(CONTENT)
    assert fetch(entry()).origin == "FAIRCLUST_DATA"
    (folder / "bank-full.csv").unlink()
    assert fetch(entry()).origin == "cache"


def test_locate_prefers_the_plain_file(tmp_path: Path) -> None:
    for name in ("bank.zip", "bank-full.csv.xz", "bank-full.csv"):
        (tmp_path / name).write_bytes(b"")
    assert [path.name for path in locate(tmp_path, entry().raw)] == ["bank-full.csv", "bank-full.csv.xz", "bank.zip"]
    assert locate(tmp_path / "nowhere", entry().raw) == []


# Files without a published digest


def census(lines: int, head: int, content: bytes) -> Provenance:
    first = b"".join(content.replace(b"\r", b"").splitlines(keepends=True)[:head])
    raw = replace(
        provenance("census_1990").raw,
        lines=lines,
        head=(head, hashlib.sha256(first).hexdigest()),
        addresses=(),
        no_address="none",
    )
    return replace(provenance("census_1990"), raw=raw)


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("last", [True, False])
def test_without_a_digest_the_first_lines_and_their_number_are_checked(end: bytes, last: bool, folder: Path) -> None:
    content = end.join(b"%d,%d" % (i, i * i) for i in range(50)) + (end if last else b"")
    known = census(50, 10, content)
    (folder / known.raw.name).write_bytes(content)
    assert fetch(known, download=False).sha256 == hashlib.sha256(content).hexdigest()
    (folder / known.raw.name).write_bytes(content + end + b"1,2")
    with pytest.raises(ChecksumError, match="lines, expected 50"):
        fetch(known, download=False)
    (folder / known.raw.name).write_bytes(b"7" + content)
    with pytest.raises(ChecksumError, match="the first 10 lines"):
        fetch(known, download=False)


# The cache and the internet


def test_a_download_is_kept_and_found_again(server: Any, cache: Path) -> None:
    address = server.serve("/static/222/bank+marketing.zip", nested())
    first = fetch(entry(address))
    assert (first.data, first.origin, first.sha256) == (CONTENT, "downloaded", DIGEST)
    assert left(cache) == ["bank+marketing.zip"]
    again = fetch(entry(address))
    assert (again.data, again.origin) == (CONTENT, "cache")
    assert len(server.ranges) == 1


def test_an_address_with_percent_signs_gives_the_name_that_is_looked_for(server: Any, cache: Path) -> None:
    address = server.serve("/bank%2Bmarketing.zip", nested())
    assert fetch(entry(address)).data == CONTENT
    assert left(cache) == ["bank+marketing.zip"]


def test_the_next_address_is_tried_and_every_failure_is_told(server: Any, cache: Path) -> None:
    login = server.serve("/login/bank.zip", b"<html>Please log in</html>")
    other = server.serve("/other/bank-full.csv", CONTENT[:-1])
    lacking = server.serve("/lacking/bank.zip", zip_without())
    with pytest.raises(DatasetUnavailable) as error:
        fetch(entry(server.base + "/gone", login, other, lacking))
    text = str(error.value)
    tried = text.splitlines()[1:-1]
    assert [line.split()[0] for line in tried] == ["1.", "2.", "3.", "4.", "5.", "6."]
    assert "FAIRCLUST_DATA: not set" in tried[0]
    assert str(cache) in tried[1]
    assert "404" in tried[2]
    assert "an archive without bank-full.csv" in tried[5]
    assert hashlib.sha256(b"<html>Please log in</html>").hexdigest() in tried[3]
    assert hashlib.sha256(CONTENT[:-1]).hexdigest() in tried[4]
    assert text.count(DIGEST) == 2
    assert text.splitlines()[-1].startswith("What to do: ")
    assert "FAIRCLUST_DATA" in text.splitlines()[-1]
    assert left(cache) == []
    good = server.serve("/good/bank-full.csv", CONTENT)
    assert fetch(entry(server.base + "/gone", login, good)).data == CONTENT
    assert left(cache) == ["bank-full.csv"]


def zip_without() -> bytes:
    with zipfile.ZipFile("lacking.zip", "w") as archive:
        archive.writestr("bank.csv", b"other")
    return Path("lacking.zip").read_bytes()


def test_a_truncated_answer_leaves_nothing_behind(server: Any, cache: Path) -> None:
    def truncated(handler: Any) -> None:
        handler.start(200, len(CONTENT))
        handler.wfile.write(CONTENT[: len(CONTENT) // 2])

    with pytest.raises(DatasetUnavailable, match="attempts"):
        fetch(entry(server.serve("/bank-full.csv", truncated)))
    assert left(cache) == []


def test_a_truncated_answer_without_a_length_fails_its_checksum(server: Any, cache: Path) -> None:
    def truncated(handler: Any) -> None:
        handler.start(200, None)
        handler.wfile.write(CONTENT[: len(CONTENT) // 2])

    with pytest.raises(DatasetUnavailable, match=DIGEST):
        fetch(entry(server.serve("/bank-full.csv", truncated)))
    assert left(cache) == []


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT] if os.name == "posix" else [signal.SIGTERM])
def test_a_killed_process_leaves_nothing_behind(how: signal.Signals, server: Any, cache: Path) -> None:
    code = (
        "import sys; from dataclasses import replace; from fairclust.datasets.catalogue import provenance\n"
        "from fairclust.datasets.fetch import fetch\n"
        "whole = provenance('bank_full')\n"
        "fetch(replace(whole, raw=replace(whole.raw, addresses=(sys.argv[1],)), openml=None))\n"
    )
    process: list[subprocess.Popen[bytes]] = []

    def killing(handler: Any) -> None:
        handler.start(200, len(CONTENT))
        handler.wfile.write(CONTENT[: len(CONTENT) // 2])
        handler.wfile.flush()
        # The client is in the middle of the transfer; the rest of its answer never comes.
        process[0].send_signal(how)
        process[0].wait()

    address = server.serve("/bank-full.csv", killing)
    process.append(subprocess.Popen([sys.executable, "-c", code, address], stderr=subprocess.PIPE))
    _, said = process[0].communicate()
    assert len(server.ranges) == 1, said.decode()
    assert process[0].returncode != 0
    assert cache.is_dir(), "the transfer had begun"
    assert left(cache) == []


def test_what_a_process_left_that_was_killed_while_publishing_is_swept(server: Any, cache: Path) -> None:
    cache.mkdir()
    old, young = cache / ".fairclust-old", cache / ".fairclust-young"
    for path in (old, young):
        path.write_bytes(CONTENT[:100])
    os.utime(old, (1.0, 1.0))
    fetch(entry(server.serve("/bank-full.csv", CONTENT)))
    assert left(cache) == [".fairclust-young", "bank-full.csv"], "another process may be publishing the young one"


def test_a_damaged_file_in_the_cache_is_replaced(server: Any, cache: Path) -> None:
    cache.mkdir()
    (cache / "bank-full.csv").write_bytes(CONTENT[:100])
    with pytest.raises(DatasetUnavailable, match=hashlib.sha256(CONTENT[:100]).hexdigest()):
        fetch(entry())
    assert fetch(entry(server.serve("/bank-full.csv", CONTENT))).origin == "downloaded"
    assert fetch(entry()).origin == "cache"


def test_no_download_when_it_is_not_wanted(server: Any) -> None:
    with pytest.raises(DatasetUnavailable, match="internet: not asked"):
        fetch(entry(server.serve("/bank-full.csv", CONTENT)), download=False)
    assert server.ranges == []


def test_a_cache_that_cannot_be_made_does_not_stop_a_download(
    server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("FAIRCLUST_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.warns(UserWarning, match="cannot be written"):
        found = fetch(entry(server.serve("/bank-full.csv", CONTENT)))
    assert (found.data, found.origin) == (CONTENT, "downloaded")


def test_a_read_only_cache_is_read_and_does_not_stop_a_download(server: Any, cache: Path, recwarn: Any) -> None:
    cache.mkdir()
    cache.chmod(0o555)
    writable = os.access(cache, os.W_OK)  # for root it stays writable
    try:
        assert fetch(entry(server.serve("/bank-full.csv", CONTENT))).data == CONTENT
        assert bool(recwarn) != writable
        assert bool(left(cache)) == writable
    finally:
        cache.chmod(0o755)


def test_a_full_disk_while_publishing_does_not_lose_the_data(
    server: Any, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.os, "replace", full)
    with pytest.warns(UserWarning, match="could not be kept"):
        assert fetch(entry(server.serve("/bank-full.csv", CONTENT))).data == CONTENT
    assert left(cache) == []


def test_two_processes_may_download_at_once(server: Any, cache: Path) -> None:
    address = server.serve("/bank-full.csv", CONTENT)
    code = (
        "import sys; from dataclasses import replace; from fairclust.datasets.catalogue import provenance\n"
        "from fairclust.datasets.fetch import fetch\n"
        "whole = provenance('bank_full')\n"
        "raw = replace(whole.raw, addresses=(sys.argv[1],), sha256=sys.argv[2])\n"
        "fetch(replace(whole, raw=raw, openml=None))\n"
    )
    both = [subprocess.Popen([sys.executable, "-c", code, address, DIGEST]) for _ in range(2)]
    assert [process.wait() for process in both] == [0, 0]
    assert left(cache) == ["bank-full.csv"]
    assert (cache / "bank-full.csv").read_bytes() == CONTENT


def test_the_message_for_data_without_an_address_says_so() -> None:
    with pytest.raises(DatasetUnavailable, match="there is no public download of this derived file") as error:
        fetch(provenance("lfw"))
    assert "put lfw_pca80.npz into a folder" in str(error.value)


def test_the_errors_are_os_errors_and_not_each_other() -> None:
    assert issubclass(DatasetUnavailable, OSError)
    assert issubclass(ChecksumError, OSError)
    assert not issubclass(ChecksumError, DatasetUnavailable), "who skips what is not here must not skip what is damaged"
