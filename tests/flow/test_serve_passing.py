"""The Responses API, and all else under ``/v1``: methods, uploads, upgrades."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.flow.serving import ANSWER, Got, coach, proxy, put_release, response, streamed, upstream

EVENTS = (
    b'event: response.created\ndata: {"type":"response.created","response":{"id":"resp_1"}}\n\n',
    b'event: response.output_text.delta\r\ndata: {"type":"response.output_text.delta","delta":"H\xc3',
    b'\xa9"}\r\n\r\n: ping\n\n',
    b'data: {"type":"response.completed","response":{"output":[]}}\n\n',
)
REFUND = {"role": "user", "content": [{"type": "input_text", "text": "I want a refund"}]}
CALL = {"type": "function_call", "call_id": "1", "name": "find", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "1", "output": "the customer wants a refund"}


async def test_responses_are_coached_and_their_streams_come_back_byte_for_byte(tmp_path: Path) -> None:
    put_release(tmp_path)
    request = {"stream": True, "previous_response_id": "resp_0", "store": True, "tools": [{"type": "web_search"}]}
    inputs: tuple[Any, ...] = (
        "I want a refund",
        [{"role": "developer", "content": "be kind"}, REFUND, CALL, OUTPUT],
    )
    async with upstream(streamed(*EVENTS)) as behind, proxy(tmp_path, behind.url) as front:
        for given in inputs:
            found, body = await front.post("/v1/responses", json={**request, "input": given})
            assert body == b"".join(EVENTS)
            assert found.headers["content-type"] == "text/event-stream"
            assert found.headers["x-preceptor-coaching"] == "applied"
    text, items = (got.json for got in behind.got)
    block = coach(tmp_path).advise([{"role": "user", "content": "I want a refund"}]).text
    assert text == {**request, "input": f"I want a refund\n\n{block}"}
    assert items["input"][1]["content"] == [*REFUND["content"], {"type": "input_text", "text": block}]
    assert [items["input"][0], *items["input"][2:]] == [inputs[1][0], CALL, OUTPUT]
    assert {**items, "input": 0} == {**request, "input": 0}
    assert {r["route"] for r in front.requests()} == {"/v1/responses"}


@pytest.mark.parametrize("path", ["/v1//chat/completions", "/v1/chat/completions/", "/v1/chat%2Fcompletions?a=b"])
async def test_a_slash_too_many_goes_on_and_costs_no_advice(tmp_path: Path, path: str) -> None:
    put_release(tmp_path)
    async with upstream() as behind, proxy(tmp_path, behind.url) as front:
        body = json.dumps({"messages": [{"role": "user", "content": "I want a refund"}]})
        found, _ = await front.post(path, data=body)
        assert found.headers["x-preceptor-coaching"] == "applied"
        assert behind.got[0].line == f"POST {path} HTTP/1.1"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"previous_response_id": "resp_1", "input": [OUTPUT]}, "no-user-message"),
        ({"conversation": "conv_1"}, "no-messages"),
        ({"input": [{"type": "item_reference", "id": "m"}]}, "no-user-message"),
    ],
)
async def test_responses_that_bring_no_word_of_the_customer_go_on_as_they_came(
    tmp_path: Path, body: Any, reason: str
) -> None:
    put_release(tmp_path)
    async with upstream() as behind, proxy(tmp_path, behind.url) as front:
        found, _ = await front.post("/v1/responses", data=json.dumps(body))
    assert (found.status, found.headers["x-preceptor-reason"]) == (200, reason)
    assert behind.got[0].body == json.dumps(body).encode()


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "DELETE", "PATCH", "PUT", "GET", "POST"])
@pytest.mark.parametrize("path", ["/v1/responses/resp_1", "/v1/files/f", "/v1/responses/resp_1/cancel"])
async def test_methods_pass_through(tmp_path: Path, method: str, path: str) -> None:
    async def reply(writer: asyncio.StreamWriter, got: Got) -> None:
        whole = response(allow="GET, HEAD")
        writer.write(whole.removesuffix(ANSWER) if got.line.startswith("HEAD") else whole)

    put_release(tmp_path)
    async with upstream(reply) as behind, proxy(tmp_path, behind.url) as front:
        for _ in range(2):  # the connection is still good, or another is made
            async with front.http.request(method, front.url + path) as found:
                assert (found.status, found.headers["allow"]) == (200, "GET, HEAD")
                assert found.headers["content-length"] == str(len(ANSWER))
                assert await found.read() == (b"" if method == "HEAD" else ANSWER)
                assert "x-preceptor-coaching" not in found.headers
    assert [got.line for got in behind.got] == [f"{method} {path} HTTP/1.1"] * 2


async def test_only_posts_are_coached(tmp_path: Path) -> None:
    put_release(tmp_path)
    async with (
        upstream() as behind,
        proxy(tmp_path, behind.url) as front,
        front.http.get(front.url + "/v1/chat/completions?limit=2") as found,
    ):
        assert "x-preceptor-coaching" not in found.headers
    assert behind.got[0].line == "GET /v1/chat/completions?limit=2 HTTP/1.1"


async def test_a_form_is_uploaded_byte_for_byte(tmp_path: Path) -> None:
    form = aiohttp.FormData({"purpose": "batch"})
    form.add_field("file", b'{"custom_id":"\xff"}\r\n--x\r\n', filename="a b.jsonl")
    async with upstream() as behind, proxy(tmp_path, behind.url) as front:
        found, body = await front.post("/v1/files", data=form)
    (got,) = behind.got
    assert (found.status, body) == (200, ANSWER)
    boundary = (got.header("content-type") or "").partition("boundary=")[2]
    assert got.body.startswith(b"--" + boundary.encode())
    assert b'{"custom_id":"\xff"}\r\n--x\r\n' in got.body


@pytest.mark.parametrize(
    ("wanted", "status"), [("websocket", b" 501 "), ("WebSocket", b" 501 "), ("h2c", b" 200 ")]
)
async def test_websockets_are_refused_in_words_and_other_upgrades_are_left_out(
    tmp_path: Path, wanted: str, status: bytes
) -> None:
    async with upstream() as behind, proxy(tmp_path, behind.url) as front:
        reader, writer = await asyncio.open_connection("127.0.0.1", front.port)
        writer.write(
            f"GET /v1/realtime?model=m HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: {wanted}\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        head = await reader.readuntil(b"\r\n\r\n")
        writer.close()
    assert status in head.split(b"\r\n")[0]
    assert [got.header("upgrade") for got in behind.got] == ([] if b"501" in status else [None])
    assert front.requests()[0]["end"] == ("no-websockets" if b"501" in status else "done")
