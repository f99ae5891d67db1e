"""Answers of the upstream, cut into pieces anywhere: what comes out is the same, and what is no answer is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preceptor.serve.connection import BROKE_OFF, TIMEOUT, Connection, CutError

SSE = (
    b": ping\r\n\r\n",
    b'data: {"choices":[{"delta":{"content":"H\xc3\xa9"}}]}\r\n\r\n',
    b"event: error\ndata: {}\n\ndata: \xff\xfe\n\n",
    b"data: [DONE]\n\n",
)


class Socket(asyncio.Transport):
    """What a connection writes, and whether it reads."""

    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self.sent = b""
        self.reading = True
        self.closing = False
        self._connection = connection

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent += bytes(data)

    def is_closing(self) -> bool:
        return self.closing or self._connection.closed

    def abort(self) -> None:
        if not self._connection.closed:
            self._connection.connection_lost(None)

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        assert not self.is_closing()
        self.reading = True


@dataclass(slots=True)
class Line:
    """A connection with what became of it."""

    back: list[Connection] = field(default_factory=list[Connection])
    gone: list[Connection] = field(default_factory=list[Connection])

    def open(self) -> tuple[Connection, Socket]:
        made = Connection(self.back.append, self.gone.append)
        socket = Socket(made)
        made.connection_made(socket)
        return made, socket


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What an exchange came to."""

    status: int = 0
    headers: list[tuple[bytes, bytes]] = field(default_factory=list[tuple[bytes, bytes]])
    body: bytes = b""
    error: str = ""
    kept: bool = False


async def exchange(pieces: Sequence[bytes], *, closes: bool = False, head_only: bool = False) -> Outcome:
    line = Line()
    connection, _ = line.open()
    connection.send(b"GET / HTTP/1.1\r\n\r\n", b"", chunked=False, head_only=head_only)
    found = Outcome()

    async def taken() -> None:
        try:
            await connection.answered()
            found.status, found.headers = connection.status, connection.headers
            while not connection.over:
                found.body += await connection.chunk()
        except CutError as error:
            found.error = error.kind
        finally:
            connection.finish()

    taking = asyncio.create_task(taken())
    await asyncio.sleep(0)
    for piece in pieces:
        if not connection.closed:
            connection.data_received(piece)
        await asyncio.sleep(0)
    if closes and not connection.closed:
        connection.connection_lost(None)
    await asyncio.wait_for(taking, 5)
    found.kept = bool(line.back)
    assert found.kept is not connection.closed
    return found


def chunked(*parts: bytes) -> bytes:
    return b"".join(b"%x;x=y\r\n%b\r\n" % (len(p), p) for p in parts) + b"0\r\ntrailer: t\r\n\r\n"


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
WHOLE = b"".join(SSE)
ANSWERS = {
    "length": (HEAD + b"content-length: %d\r\n\r\n" % len(WHOLE) + WHOLE, WHOLE, True),
    "chunked": (HEAD + b"transfer-encoding: chunked\r\n\r\n" + chunked(*SSE), WHOLE, True),
    "to the end": (HEAD + b"\r\n" + WHOLE, WHOLE, False),
    "close": (HEAD + b"connection: close\r\ncontent-length: 2\r\n\r\nok", b"ok", False),
    "1.0": (b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok", b"ok", False),
    "interim": (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n"
        + HEAD
        + b"content-length: 2\r\n\r\nok",
        b"ok",
        True,
    ),
    "empty": (HEAD + b"content-length: 0\r\n\r\n", b"", True),
    "bodiless": (b"HTTP/1.1 204 No Content\r\nContent-Type: text/event-stream\r\n\r\n", b"", True),
}


@pytest.mark.parametrize("kind", ANSWERS)
@given(data=st.data())
def test_an_answer_cut_anywhere_is_the_same_answer(kind: str, data: st.DataObject) -> None:
    raw, body, kept = ANSWERS[kind]
    cuts = sorted(data.draw(st.sets(st.integers(1, len(raw) - 1), max_size=12)))
    pieces = [raw[a:b] for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    found = asyncio.run(exchange(pieces, closes=kind == "to the end"))
    assert (found.body, found.error, found.kept) == (body, "", kept)
    assert found.status == (204 if kind == "bodiless" else 200)
    assert [n for n, _ in found.headers if n == b"link"] == []
    if kind != "1.0":
        assert found.headers[0] == (b"content-type", b"text/event-stream")


def test_an_answer_byte_by_byte() -> None:
    raw, body, _ = ANSWERS["chunked"]
    found = asyncio.run(exchange([raw[n : n + 1] for n in range(len(raw))]))
    assert (found.body, found.error) == (body, "")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
        HEAD,
        HEAD + b"content-length: 2\r\ncontent-length: 3\r\n\r\nok!",
        HEAD + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        HEAD + b"content-length: 20\r\n\r\nok",
        HEAD + b"transfer-encoding: chunked\r\n\r\nzz\r\nok\r\n",
        HEAD + b"transfer-encoding: chunked\r\n\r\n5\r\nok",
        HEAD + b"x: " + b"y" * 400_000 + b"\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\nhi",
    ],
    ids=range(10),
)
def test_what_is_no_whole_answer_is_told_and_the_connection_goes(raw: bytes) -> None:
    pieces = [raw[at : at + 65536] for at in range(0, len(raw), 65536)]  # as a socket gives them
    found = asyncio.run(exchange(pieces, closes=True))
    assert (found.error, found.kept) == (BROKE_OFF, False)


def test_the_answer_to_head_has_no_body() -> None:
    raw = b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n"
    found = asyncio.run(exchange([raw], head_only=True))
    assert (found.status, found.body, found.error, found.kept) == (200, b"", "", False)


@pytest.mark.parametrize("when", ["with the answer", "later"])
async def test_a_second_answer_makes_the_connection_unfit(when: str) -> None:
    raw = ANSWERS["length"][0]
    line = Line()
    connection, _ = line.open()
    connection.send(b"", b"", chunked=False, head_only=False)
    connection.data_received(raw + raw if when == "with the answer" else raw)
    await connection.answered()
    assert await connection.chunk() == WHOLE
    connection.finish()
    if when == "later":
        assert line.back == [connection]
        connection.data_received(raw)
    assert connection.closed
    assert line.gone == [connection]


async def test_exchanges_follow_each_other_on_one_connection() -> None:
    line = Line()
    connection, socket = line.open()
    for kind in ("length", "chunked", "interim", "bodiless", "empty", "length"):
        raw, body, _ = ANSWERS[kind]
        connection.send(b"ask\r\n", b"body", chunked=False, head_only=False)
        connection.data_received(raw)
        await connection.answered()
        assert (b"" if connection.over else await connection.chunk()) == body
        assert connection.over
        connection.finish()
    assert socket.sent == b"ask\r\nbody" * 6
    assert line.back == [connection] * 6


async def test_a_slow_client_stops_the_reading_and_is_not_taken_for_a_silent_upstream() -> None:
    connection, socket = Line().open()
    connection.send(b"", b"", chunked=False, head_only=False)
    connection.data_received(b"HTTP/1.1 200 OK\r\ncontent-length: 600000\r\n\r\n")
    late = connection.heard + 1
    assert connection.silent(late)
    connection.data_received(b"x" * 300_000)
    assert not socket.reading
    assert not connection.silent(late + 1000)
    assert len(await connection.chunk()) == 300_000
    assert socket.reading
    connection.fail(TIMEOUT)
    with pytest.raises(CutError, match=TIMEOUT):
        await connection.chunk()


async def test_what_was_read_ahead_comes_out_of_a_connection_that_is_gone() -> None:
    connection, _ = Line().open()
    connection.send(b"", b"", chunked=False, head_only=False)
    connection.data_received(b"HTTP/1.1 200 OK\r\ncontent-length: 300000\r\n\r\n" + b"x" * 300_000)
    connection.connection_lost(None)
    assert len(await connection.chunk()) == 300_000
    assert connection.over


async def test_a_connection_that_is_about_to_close_is_not_given_back() -> None:
    line = Line()
    connection, socket = line.open()
    connection.send(b"", b"", chunked=False, head_only=False)
    connection.data_received(ANSWERS["empty"][0])
    await connection.answered()
    socket.closing = True
    connection.finish()
    assert line.back == []
    assert connection.closed


async def test_uploads_go_in_chunks_wait_for_the_socket_and_fail_as_they_fail() -> None:
    class GoneAwayError(Exception):
        pass

    async def parts(*, break_off: bool) -> AsyncIterator[bytes]:
        yield b"one"
        yield b"three"
        if break_off:
            raise GoneAwayError

    connection, socket = Line().open()
    connection.pause_writing()
    connection.send(b"h", parts(break_off=False), chunked=True, head_only=False)
    await asyncio.sleep(0)
    assert socket.sent == b"h3\r\none\r\n"
    connection.resume_writing()
    connection.data_received(ANSWERS["empty"][0])
    await connection.answered()
    for _ in range(3):
        await asyncio.sleep(0)
    assert socket.sent == b"h3\r\none\r\n5\r\nthree\r\n0\r\n\r\n"
    connection.finish()
    assert not connection.closed
    connection.send(b"h", parts(break_off=True), chunked=False, head_only=False)
    with pytest.raises(GoneAwayError):
        await connection.answered()
    assert connection.closed


async def test_an_answer_before_the_upload_is_over_ends_both() -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x"
            await asyncio.sleep(0)

    connection, _ = Line().open()
    connection.send(b"h", endless(), chunked=True, head_only=False)
    connection.data_received(b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n")
    await connection.answered()
    assert connection.status == 413
    connection.finish()
    assert connection.closed
