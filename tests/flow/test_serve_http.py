"""HTTP as clients really speak it: offers of HTTP/2, trailers, HTTP/1.0, refusals in the middle of an upload, and
answers of an upstream that no server should give."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.flow.serving import ANSWER, Got, Running, coach, proxy, put_release, response, until, upstream

ASKED = b'{"model":"m","messages":[{"role":"user","content":"I want a refund"}]}'
LENGTH = b"content-length: %d\r\n" % len(ASKED)
OFFER = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAA\r\n"
"""What Java's own client sends with its first request unless told otherwise."""


def post(*lines: bytes, path: bytes = b"/v1/chat/completions", version: bytes = b"1.1") -> bytes:
    return b"POST %b HTTP/%b\r\nhost: h\r\n%b\r\n" % (path, version, b"".join(lines))


async def said(front: Running, parts: Sequence[bytes]) -> bytes:
    """All that comes back on one connection for what is written piece by piece."""
    reader, writer = await asyncio.open_connection("127.0.0.1", front.port)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0.01)
        return await asyncio.wait_for(reader.read(), 5)
    finally:
        writer.close()


LAST = post(b"connection: close\r\n", LENGTH) + ASKED
CHUNKED = b"transfer-encoding: chunked\r\n"
PIECES = b"%x\r\n%b\r\n%x\r\n%b\r\n0\r\n\r\n" % (20, ASKED[:20], len(ASKED) - 20, ASKED[20:])


@pytest.mark.parametrize(
    "parts",
    [
        [post(OFFER, LENGTH) + ASKED + LAST],
        [post(OFFER, LENGTH), ASKED[:9], ASKED[9:], LAST],
        [post(OFFER, LENGTH)[:60], post(OFFER, LENGTH)[60:] + ASKED, LAST],
        [post(OFFER, CHUNKED) + PIECES + LAST],
        [post(OFFER, LENGTH) + ASKED + post(OFFER, b"connection: close\r\n", LENGTH) + ASKED],
    ],
    ids=["at-once", "body-later", "head-in-two", "chunked", "offered-twice"],
)
async def test_an_offer_of_http2_costs_no_body(tmp_path: Path, parts: list[bytes]) -> None:
    put_release(tmp_path)
    async with upstream() as behind, proxy(tmp_path, behind.url) as front:
        answer = await said(front, parts)
    assert answer.count(b"x-preceptor-coaching: applied") == answer.count(ANSWER) == 2
    advised = coach(tmp_path).apply(json.loads(ASKED)["messages"])
    assert [got.json["messages"] for got in behind.got] == [advised, advised]
    assert [got.header("upgrade") for got in behind.got] == [None, None]


async def test_trailers_are_no_headers(tmp_path: Path) -> None:
    async def reply(writer: asyncio.StreamWriter, got: Got) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nx-late: 1\r\n\r\n")

    put_release(tmp_path)
    trailers = b"authorization: Bearer other\r\nx-late: 1\r\nx-preceptor-coach: off\r\n\r\n"
    async with upstream(reply) as behind, proxy(tmp_path, behind.url) as front:
        for path in (b"/v1/chat/completions", b"/v1/embeddings"):
            request = post(b"connection: close\r\n", CHUNKED, path=path) + PIECES.removesuffix(b"\r\n") + trailers
            answer = await said(front, [request])
            assert b" 200 " in answer.split(b"\r\n")[0]
            assert b"x-late" not in answer
    assert [(got.header("x-late"), got.header("authorization")) for got in behind.got] == [(None, None)] * 2
    assert [line["coaching"] for line in front.requests()] == ["applied", "-"]


@pytest.mark.parametrize("told", [True, False])
async def test_a_client_of_http_1_0_gets_no_chunks(tmp_path: Path, told: bool) -> None:
    async def reply(writer: asyncio.StreamWriter, got: Got) -> None:
        stream = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"
        writer.write(response() if told else stream)

    async with upstream(reply) as behind, proxy(tmp_path, behind.url) as front:
        answer = await said(front, [post(LENGTH, version=b"1.0") + ASKED])
    head, _, body = answer.partition(b"\r\n\r\n")
    assert body == (ANSWER if told else b"onetwo")
    assert b"transfer-encoding" not in head
    assert (b"content-length" in head) is told
    assert front.requests()[0]["end"] == "done"


@pytest.mark.parametrize("path", [b"/v1/chat/completions", b"/v1/files"])
async def test_a_client_in_the_middle_of_its_upload_sees_why_it_is_refused(tmp_path: Path, path: bytes) -> None:
    size = 8 << 20
    async with upstream() as behind, proxy(tmp_path, behind.url, max_body=1000) as front:
        head = post(b"content-length: %d\r\n" % size, path=path)
        answer = await said(front, [head, *[b"x" * (size // 8)] * 8])
        assert answer.split(b"\r\n")[0].endswith(b"413 Request Entity Too Large")
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"] == "too-large"
        assert behind.got == []
        assert front.requests()[0]["end"] == "too-large"


@pytest.mark.parametrize("status", ["000", "099", "600", "999"])
async def test_a_status_that_http_does_not_know_is_no_answer(tmp_path: Path, status: str) -> None:
    async def reply(writer: asyncio.StreamWriter, got: Got) -> None:
        writer.write(response(status=f"{status} Odd"))

    async with upstream(reply) as behind, proxy(tmp_path, behind.url) as front:
        found, body = await front.ask()
    assert (found.status, json.loads(body)["error"]["code"]) == (502, "upstream-broke-off")


async def test_what_is_no_http_gets_an_error_of_our_form(tmp_path: Path) -> None:
    endless = [b"GET /v1/models HTTP/1.1\r\nhost: h\r\n", *[b"x: %b\r\n" % (b"a" * 60_000)] * 5]
    asked = ([b"HELO there\r\n\r\n"], [b"GET /v1/a b HTTP/1.1\r\n\r\n"], [b"CONNECT h:1 HTTP/1.1\r\n\r\n"], endless)
    async with upstream() as behind, proxy(tmp_path, behind.url) as front:
        answers = [await said(front, parts) for parts in asked]
    codes = [json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"] for answer in answers]
    assert codes == ["bad-http", "bad-http", "bad-http", "head-too-large"]
    assert behind.got == []


async def test_no_error_of_ours_gets_into_an_answer_under_way(tmp_path: Path) -> None:
    async def reply(writer: asyncio.StreamWriter, got: Got) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n")

    async with upstream(reply) as behind, proxy(tmp_path, behind.url) as front:
        answer = await said(front, [post(LENGTH) + ASKED, b"no HTTP\r\n\r\n"])
        await until(lambda: bool(front.requests()))
    assert answer.endswith(b"\r\n\r\n3\r\none\r\n")
    assert front.requests()[0]["end"] == "client-left"


async def test_a_head_that_does_not_end_is_waited_for_no_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("preceptor.serve.protocol._HEAD_SECONDS", 0.05)
    async with upstream() as behind, proxy(tmp_path, behind.url) as front:
        for begun in (b"", b"GET /v1/models HTTP/1.1\r\n"):
            assert await said(front, [begun]) == b""
        # One that is served longer than that stays.
        assert b" 200 " in await said(front, [*[bytes([b]) for b in post(LENGTH)[:4]], LAST[4:]])


async def test_answers_that_are_cut_by_the_end_are_told_as_such(tmp_path: Path) -> None:
    async def reply(writer: asyncio.StreamWriter, got: Got) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n")

    async with upstream(reply) as behind, proxy(tmp_path, behind.url, drain=1) as front:
        reading = asyncio.create_task(said(front, [post(LENGTH) + ASKED]))
        await until(lambda: bool(behind.got))
        front.server.should_exit = True
        assert (await reading).endswith(b"3\r\none\r\n")
        await until(lambda: bool(front.requests()))
    assert front.requests()[0]["end"] == "shut-down"


@pytest.mark.parametrize(("method", "path", "status"), [("POST", "/healthz", 405), ("PUT", "/nothing", 404)])
async def test_every_page_has_one_form_of_error_and_tells_of_a_trial(
    tmp_path: Path, method: str, path: str, status: int
) -> None:
    async with (
        upstream() as behind,
        proxy(tmp_path, behind.url, trial=True) as front,
        front.http.request(method, front.url + path) as found,
    ):
        assert found.status == status
        assert found.headers["x-preceptor-trial"] == "true"
        assert (await found.json())["error"]["type"] == "preceptor_error"
