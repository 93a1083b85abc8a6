"""One file over HTTP: streamed, with a progress bar, taken up again where a broken connection left off."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import IO

from tqdm import tqdm

__all__ = ["TransferError", "transfer"]

#: Seconds to wait for a connection, and for the next bytes.
TIMEOUT = (10.0, 60.0)

#: How often a transfer is taken up again, and the seconds before the first time (doubled each time).
ATTEMPTS = 4
PAUSE = 1.0

_CHUNK = 1 << 16


class TransferError(OSError):
    """An address could not be read to its end; says why."""


class _Interrupted(Exception):
    """The connection broke, or the server says to come back: another attempt may help."""


def transfer(address: str, handle: IO[bytes], *, label: str, progress: bool = True) -> None:
    """Write what an address serves into a file.

    Parameters
    ----------
    address : str
        An http or https address; redirections are followed.
    handle : binary file, writable and seekable
        Overwritten from its beginning. On an error it holds anything: the caller throws it away.
    label : str
        What the progress bar says.
    progress : bool, default=True
        Whether to draw a bar (on a terminal; never into a file).

    Raises
    ------
    TransferError
        If the server cannot be reached, refuses, or the transfer broke `ATTEMPTS` times.

    Notes
    -----
    After a broken connection the rest is asked for by a range request, bound (``If-Range``) to the version whose
    beginning is there; a server that does not offer ranges, as UCI's, is asked for the whole again. pooch's own
    downloader starts again each time, and leaves its temporary file behind when the process is killed.
    """
    # Imported here because it costs a tenth of a second that readers of embedded tables need not pay.
    import requests  # type: ignore[import-untyped]

    validator = ""
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(PAUSE * 2 ** (attempt - 1))
        done = handle.tell() if validator else 0
        headers = {"User-Agent": "fairclust", "Accept-Encoding": "identity"}
        if done:
            headers |= {"Range": f"bytes={done}-", "If-Range": validator}
        started = False
        try:
            with requests.get(address, stream=True, timeout=TIMEOUT, headers=headers) as response:
                started = True
                status = f"the server answered {response.status_code} {response.reason}"
                if response.status_code in (416, 429) or response.status_code >= 500:
                    # 416 says that there is nothing beyond what we have: our beginning is of no use.
                    validator = "" if response.status_code == 416 else validator
                    raise _Interrupted(status)
                if response.status_code >= 400:
                    raise TransferError(status)
                if response.status_code != 206 or _first_byte(response.headers.get("Content-Range", "")) != done:
                    done = 0
                handle.seek(done)
                handle.truncate()
                validator = _validator(response.headers)
                length = response.headers.get("Content-Length")
                total = done + int(length) if length is not None else None
                with tqdm(
                    total=total, initial=done, desc=label, unit="B", unit_scale=True, disable=None if progress else True
                ) as bar:
                    for chunk in response.iter_content(_CHUNK):
                        handle.write(chunk)
                        bar.update(len(chunk))
                if total is not None and handle.tell() != total:
                    raise _Interrupted(f"the answer ended after {handle.tell()} of {total} bytes")
                return
        except _Interrupted as error:
            reason = str(error)
        except requests.exceptions.RequestException as error:
            reason = f"{type(error).__name__}: {_innermost(error)}"
            if not started and not isinstance(error, requests.exceptions.ReadTimeout):
                # Nobody answered, or the address or the certificate is wrong: another attempt will fare no better.
                raise TransferError(reason) from error
    raise TransferError(f"{reason}, and {ATTEMPTS} attempts ended no better")


def _validator(headers: Mapping[str, str]) -> str:
    """What a later range request can be bound to; empty if the server offers no ranges or no way to tell versions."""
    if headers.get("Accept-Ranges", "").strip().lower() != "bytes":
        return ""
    tag = headers.get("ETag", "")
    return tag if tag and not tag.startswith("W/") else headers.get("Last-Modified", "")


def _first_byte(content_range: str) -> int:
    """The first number of ``bytes 100-199/200``; -1 if there is none."""
    number = content_range.removeprefix("bytes ").partition("-")[0]
    return int(number) if number.isdigit() else -1


def _innermost(error: BaseException) -> str:
    """The last words of a chain of exceptions, which say what happened; requests wraps them thrice."""
    reason = getattr(error, "reason", None) or (error.args[0] if error.args else None)
    while isinstance(reason, BaseException):
        error = reason
        reason = getattr(error, "reason", None) or (error.args[0] if error.args else None)
    return str(reason if reason is not None else error) or type(error).__name__
