import io
import socket
from typing import Any

import pytest

from fairclust.datasets import transfer as module
from fairclust.datasets.transfer import TransferError, transfer

CONTENT = bytes(range(256)) * 2000


def got(address: str) -> bytes:
    file = io.BytesIO()
    transfer(address, file, label="test", progress=False)
    return file.getvalue()


def test_the_whole_content_arrives_over_what_was_there(server: Any) -> None:
    address = server.serve("/a", CONTENT)
    file = io.BytesIO(b"x" * (len(CONTENT) + 9))
    transfer(address, file, label="test")
    assert file.getvalue() == CONTENT


def test_an_answer_without_a_length_is_read_to_its_end(server: Any) -> None:
    def chunked(handler: Any) -> None:
        handler.protocol_version = "HTTP/1.1"
        handler.start(200, None, Transfer_Encoding="chunked")
        for i in range(0, len(CONTENT), 100_000):
            part = CONTENT[i : i + 100_000]
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
        handler.wfile.write(b"0\r\n\r\n")

    assert got(server.serve("/a", chunked)) == CONTENT


def test_a_redirection_is_followed(server: Any) -> None:
    server.serve("/b", CONTENT)
    address = server.serve("/a", lambda handler: handler.start(302, 0, Location="/b"))
    assert got(address) == CONTENT


def test_404_is_final(server: Any) -> None:
    with pytest.raises(TransferError, match="404"):
        got(server.base + "/nothing")
    assert len(server.ranges) == 1


def test_a_server_that_is_busy_is_asked_again(server: Any) -> None:
    def busy_once(handler: Any) -> None:
        if len(server.ranges) == 1:
            handler.start(503, 0)
        else:
            handler.start(200, len(CONTENT))
            handler.wfile.write(CONTENT)

    assert got(server.serve("/a", busy_once)) == CONTENT


def test_a_truncated_answer_is_an_error_that_says_how_much_came(server: Any) -> None:
    def truncated(handler: Any) -> None:
        handler.start(200, len(CONTENT))
        handler.wfile.write(CONTENT[:1000])

    with pytest.raises(TransferError, match=f"{module.ATTEMPTS} attempts"):
        got(server.serve("/a", truncated))
    assert server.ranges == [None] * module.ATTEMPTS, "this server offers no ranges: none may be asked for"


def half_then_ranges(server: Any, tags: list[str]) -> None:
    """Break the first answer in the middle; then serve ranges of the version whose tag is last in `tags`."""

    def answer(handler: Any) -> None:
        tag = tags[min(len(server.ranges), len(tags)) - 1]
        offered = {"Accept_Ranges": "bytes", "ETag": tag}
        wanted = handler.headers.get("Range")
        if wanted is None:
            handler.start(200, len(CONTENT), **offered)
            handler.wfile.write(CONTENT[: len(CONTENT) // 2] if len(server.ranges) == 1 else CONTENT)
        elif handler.headers.get("If-Range") == tag:
            first = int(wanted.removeprefix("bytes=").removesuffix("-"))
            span = f"bytes {first}-{len(CONTENT) - 1}/{len(CONTENT)}"
            handler.start(206, len(CONTENT) - first, Content_Range=span, **offered)
            handler.wfile.write(CONTENT[first:])
        else:
            handler.start(200, len(CONTENT), **offered)
            handler.wfile.write(CONTENT)

    server.serve("/a", answer)


def test_a_broken_transfer_is_taken_up_where_it_broke(server: Any) -> None:
    half_then_ranges(server, ['"1"'])
    assert got(server.base + "/a") == CONTENT
    first, second = server.ranges
    assert first is None
    # What had arrived of the last chunk is lost; no more than that.
    assert len(CONTENT) // 2 - 2**16 < int(second.removeprefix("bytes=").removesuffix("-")) <= len(CONTENT) // 2


def test_a_file_that_changed_meanwhile_is_read_from_its_beginning(server: Any) -> None:
    half_then_ranges(server, ['"1"', '"2"'])
    assert got(server.base + "/a") == CONTENT


def test_a_weak_tag_is_not_relied_on(server: Any) -> None:
    half_then_ranges(server, ['W/"1"'])
    assert got(server.base + "/a") == CONTENT
    assert server.ranges == [None, None]


def test_a_range_that_cannot_be_served_starts_again(server: Any) -> None:
    def answer(handler: Any) -> None:
        if len(server.ranges) == 1:
            handler.start(200, len(CONTENT), Accept_Ranges="bytes", ETag='"1"')
            handler.wfile.write(CONTENT[: 2**17])
        elif handler.headers.get("Range"):
            handler.start(416, 0)
        else:
            handler.start(200, len(CONTENT))
            handler.wfile.write(CONTENT)

    assert got(server.serve("/a", answer)) == CONTENT
    assert server.ranges == [None, f"bytes={2**17}-", None]


def test_a_server_that_sends_another_range_is_not_believed(server: Any) -> None:
    def answer(handler: Any) -> None:
        if len(server.ranges) == 1:
            handler.start(200, len(CONTENT), Accept_Ranges="bytes", ETag='"1"')
            handler.wfile.write(CONTENT[: 2**17])
        else:
            span = f"bytes 0-{len(CONTENT) - 1}/{len(CONTENT)}"
            handler.start(206, len(CONTENT), Content_Range=span, Accept_Ranges="bytes", ETag='"1"')
            handler.wfile.write(CONTENT)

    assert got(server.serve("/a", answer)) == CONTENT


def test_nobody_there_is_said_at_once() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(TransferError, match="ConnectionError"):
            got(f"http://127.0.0.1:{taken.getsockname()[1]}/a")


def test_an_address_that_is_none_is_an_error() -> None:
    with pytest.raises(TransferError, match="InvalidURL"):
        got("http://127.0.0.1:none/a")
