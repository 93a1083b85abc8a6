"""No test here meets the real internet, the user's cache or the user's data, but through the fixtures below."""

from __future__ import annotations

import http.server
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests

from fairclust.datasets import transfer

REAL_DATA = os.environ.get("FAIRCLUST_DATA", "")


@pytest.fixture
def real_data() -> Path:
    """The folder of the original files."""
    if not REAL_DATA:
        pytest.skip("FAIRCLUST_DATA not set")
    return Path(REAL_DATA)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, no data folder, and no way to any server but one of this machine."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("FAIRCLUST_CACHE", str(folder))
    monkeypatch.delenv("FAIRCLUST_DATA", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(transfer, "PAUSE", 0.0)
    get = requests.get

    def local(address: str, **options: object) -> requests.Response:
        assert address.startswith("http://127.0.0.1"), f"a test asked {address}"
        return get(address, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(requests, "get", local)
    return folder


Answer = Callable[["Handler"], None]


@dataclass
class Server:
    """A server on this machine; `answers` maps paths to what is done with a request."""

    base: str
    answers: dict[str, Answer] = field(default_factory=dict)
    ranges: list[str | None] = field(default_factory=list)

    def serve(self, path: str, answer: bytes | Answer) -> str:
        self.answers[path] = whole(answer) if isinstance(answer, bytes) else answer
        return self.base + path


class Handler(http.server.BaseHTTPRequestHandler):
    server_of_test: Server

    def do_GET(self) -> None:
        self.server_of_test.ranges.append(self.headers.get("Range"))
        answer = self.server_of_test.answers.get(self.path)
        if answer is None:
            self.send_error(404)
        else:
            answer(self)

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""

    def start(self, status: int, length: int | None, **headers: str) -> None:
        self.send_response(status)
        if length is not None:
            self.send_header("Content-Length", str(length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()


def whole(content: bytes) -> Answer:
    def answer(handler: Handler) -> None:
        handler.start(200, len(content))
        handler.wfile.write(content)

    return answer


@pytest.fixture
def server() -> Iterator[Server]:
    made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {}))
    made.daemon_threads = True
    state = Server(f"http://127.0.0.1:{made.server_port}")
    made.RequestHandlerClass.server_of_test = state  # type: ignore[attr-defined]
    thread = threading.Thread(target=made.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield state
    made.shutdown()
    made.server_close()
