"""Upstreams and clients that misbehave, and what the proxy makes of it."""

from __future__ import annotations

import asyncio
import json
import resource
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.flow.serving import ANSWER, Got, Running, proxy, put_release, response, until, upstream

STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def code(body: bytes) -> str:
    return json.loads(body)["error"]["code"]


async def never(writer: asyncio.StreamWriter, got: Got) -> None:
    await asyncio.Event().wait()


async def hangs_up(writer: asyncio.StreamWriter, got: Got) -> None:
    writer.close()


async def speaks_nonsense(writer: asyncio.StreamWriter, got: Got) -> None:
    writer.write(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")


async def test_an_upstream_that_is_down_is_said(tmp_path: Path) -> None:
    put_release(tmp_path)
    async with upstream() as behind:
        url = behind.url
    async with proxy(tmp_path, url) as front:
        found, body = await front.ask()
    assert (found.status, code(body)) == (502, "upstream-down")
    assert found.headers["x-preceptor-coaching"] == "applied"
    assert front.requests()[0]["end"] == "upstream-down"


@pytest.mark.parametrize(
    ("reply", "status", "kind"),
    [
        (never, 504, "upstream-timeout"),
        (hangs_up, 502, "upstream-broke-off"),
        (speaks_nonsense, 502, "upstream-broke-off"),
    ],
)
async def test_an_upstream_without_an_answer(tmp_path: Path, reply: Any, status: int, kind: str) -> None:
    async with upstream(reply) as behind, proxy(tmp_path, behind.url, idle_seconds=0.2) as front:
        found, body = await front.ask()
        assert (found.status, code(body)) == (status, kind)
        behind.reply = lambda writer, got: _write(writer, response())
        assert (await front.ask())[0].status == 200


async def _write(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(data)


@pytest.mark.parametrize("status", ["401 Unauthorized", "429 Too Many Requests", "500 Oops", "302 Found"])
async def test_errors_of_the_upstream_come_back_as_they_are(tmp_path: Path, status: str) -> None:
    async def reply(writer: asyncio.StreamWriter, got: Got) -> None:
        writer.write(response(b"<html>", status, content_type="text/html", retry_after="7", location="/else"))

    async with upstream(reply) as behind, proxy(tmp_path, behind.url) as front:
        found, body = await front.post(data=b"{}", allow_redirects=False)
    assert (found.status, body, found.headers["retry-after"]) == (int(status[:3]), b"<html>", "7")
    assert len(behind.got) == 1


@pytest.mark.parametrize("ending", ["cut", "silent"])
async def test_an_answer_that_breaks_off_is_seen_as_such(tmp_path: Path, ending: str) -> None:
    async def reply(writer: asyncio.StreamWriter, got: Got) -> None:
        writer.write(STREAM + b"5\r\ndata:\r\n")
        await writer.drain()
        if ending == "cut":
            writer.close()
        else:
            await asyncio.Event().wait()

    async with upstream(reply) as behind, proxy(tmp_path, behind.url, idle_seconds=0.2) as front:
        with pytest.raises(aiohttp.ClientPayloadError):
            await front.ask()
        await until(lambda: bool(front.requests()))
    assert front.requests()[0]["end"] == {"cut": "upstream-broke-off", "silent": "upstream-timeout"}[ending]


@pytest.mark.parametrize("when", ["before", "during"])
async def test_a_client_that_leaves_ends_the_upstreams_call(tmp_path: Path, when: str) -> None:
    async def reply(writer: asyncio.StreamWriter, got: Got) -> None:
        if when == "during":
            writer.write(STREAM + b"5\r\ndata:\r\n")

    async with upstream(reply) as behind, proxy(tmp_path, behind.url) as front:
        reader, writer = await asyncio.open_connection("127.0.0.1", front.port)
        writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}")
        if when == "during":
            await reader.readuntil(b"data:")
        else:
            await until(lambda: bool(behind.got))
        writer.close()
        await until(lambda: bool(front.requests()))
        await until(lambda: behind.open == 0)
        assert front.requests()[0]["end"] == "client-left"


async def test_large_bodies_are_refused_before_they_are_read(tmp_path: Path) -> None:
    async with upstream() as behind, proxy(tmp_path, behind.url, max_body=1000) as front:
        reader, writer = await asyncio.open_connection("127.0.0.1", front.port)
        writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\nContent-Length: 104857600\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        writer.close()
        assert b" 413 " in head
        assert b"connection: close" in head.lower()

        async def endless() -> Any:
            while True:
                yield b"x" * 400

        for path in ("/v1/chat/completions", "/v1/files"):
            try:
                found, body = await front.post(path, data=endless())
                assert (found.status, code(body)) == (413, "too-large")
            except aiohttp.ClientConnectionError:
                pass  # the refusal came while the client was still writing
        await until(lambda: len(front.requests()) == 3)
    assert [r["status"] for r in front.requests()] == [413, 413, 413]
    assert [got for got in behind.got if got.line.startswith("POST /v1/chat")] == []


async def test_a_client_that_sends_nothing_is_let_go(tmp_path: Path) -> None:
    async with upstream() as behind, proxy(tmp_path, behind.url, body_seconds=0.1) as front:
        reader, writer = await asyncio.open_connection("127.0.0.1", front.port)
        writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\nContent-Length: 20\r\n\r\n{")
        head = await reader.read()
        writer.close()
    assert b" 408 " in head
    assert behind.got == []


def breaks(*given: object) -> None:
    raise ZeroDivisionError


async def test_coaching_that_fails_lets_the_request_go_on_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_release(tmp_path)
    async with upstream() as behind, proxy(tmp_path, behind.url) as front:
        monkeypatch.setattr("preceptor.coach.Coach.advise", breaks)
        found, body = await front.ask()
    assert (found.status, body) == (200, ANSWER)
    assert found.headers["x-preceptor-coaching"] == "failed"
    assert found.headers["x-preceptor-reason"] == "error-ZeroDivisionError"
    assert front.requests()[0]["reason"] == "error-ZeroDivisionError"
    assert behind.got[0].json["messages"] == [{"role": "user", "content": "I want a refund"}]


async def test_a_named_release_that_breaks_what_reads_it_is_no_reason_to_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_release(tmp_path)
    other = put_release(tmp_path, "Quote", publish=False)
    async with upstream() as behind, proxy(tmp_path, behind.url) as front:
        monkeypatch.setattr("preceptor.coach.Coach.from_release", lambda release, **given: 1 / 0)
        found, body = await front.ask(x_preceptor_release=other)
    assert (found.status, body) == (200, ANSWER)
    assert found.headers["x-preceptor-reason"] == "error-ZeroDivisionError"


async def test_or_refuses_it_by_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_release(tmp_path)
    async with upstream() as behind, proxy(tmp_path, behind.url, refuse=True) as front:
        monkeypatch.setattr("preceptor.coach.Coach.advise", breaks)
        found, body = await front.ask()
        ignored, _ = await front.ask(x_preceptor_coach="off")
    assert (found.status, code(body)) == (503, "coaching-failed")
    assert ignored.status == 200
    assert len(behind.got) == 1


async def test_a_thousand_streams_at_once(tmp_path: Path) -> None:
    count = 1000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 6 * count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(6 * count, hard), hard))
    put_release(tmp_path)
    all_here = asyncio.Event()

    async def reply(writer: asyncio.StreamWriter, got: Got) -> None:
        writer.write(STREAM + b"5\r\nfirst\r\n")
        if len(behind.got) == count:
            all_here.set()
        await all_here.wait()
        writer.write(b"4\r\nlast\r\n0\r\n\r\n")

    async def one(front: Running, http: aiohttp.ClientSession) -> bytes:
        body = json.dumps({"stream": True, "messages": [{"role": "user", "content": "I want a refund"}]})
        async with http.post(front.url + "/v1/chat/completions", data=body) as found:
            assert found.headers["x-preceptor-coaching"] == "applied"
            return await found.read()

    async with (
        upstream(reply) as behind,
        proxy(tmp_path, behind.url) as front,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http,
    ):
        found = await asyncio.gather(*(one(front, http) for _ in range(count)))
    assert set(found) == {b"firstlast"}
    assert len(behind.got) == count
