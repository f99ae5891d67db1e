"""The proxy as operators run it: a process with flags, a collector of spans, records, and a signal that ends it."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import stat
import sys
from pathlib import Path

import aiohttp
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from tests.flow.serving import Got, put_release, response, upstream

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
DONE = b'data: {"choices":[{"index":0,"delta":{"content":"there"}}]}\n\ndata: [DONE]\n\n'


def spans_of(got: list[Got]) -> list[Span]:
    found: list[Span] = []
    for one in got:
        request = ExportTraceServiceRequest()
        request.ParseFromString(one.body)
        found += [s for r in request.resource_spans for scope in r.scope_spans for s in scope.spans]
    return found


async def test_a_process_drains_and_leaves_nothing_behind(tmp_path: Path) -> None:
    go = asyncio.Event()

    async def reply(writer: asyncio.StreamWriter, got: Got) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n: hi\n\r\n")
        await writer.drain()
        await go.wait()
        writer.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(DONE), DONE))

    async def collected(writer: asyncio.StreamWriter, got: Got) -> None:
        writer.write(response(b"", content_type="application/x-protobuf"))

    put_release(tmp_path / "releases")
    records = tmp_path / "records"
    async with upstream(reply) as behind, upstream(collected) as collector:
        command = [
            "-m",
            "preceptor.cli",
            "serve",
            "--upstream",
            behind.url,
            "--releases",
            str(tmp_path / "releases"),
        ]
        started = await asyncio.create_subprocess_exec(
            sys.executable, *command, "--port", "0", "--record", str(records), "--notice", "60", "--otel",
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url.removesuffix("/v1")},
        )  # fmt: skip
        try:
            assert started.stderr is not None
            first = (await asyncio.wait_for(started.stderr.readline(), 30)).decode()
            found = re.search(r"http://127\.0\.0\.1:\d+", first)
            assert found, first
            url = found[0]
            async with aiohttp.ClientSession() as http:
                body = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "I want a refund"}]}
                async with http.post(
                    f"{url}/v1/chat/completions", json=body, headers={"traceparent": PARENT}
                ) as answer:
                    assert await answer.content.readany() == b": hi\n"
                    started.send_signal(signal.SIGTERM)
                    async with asyncio.timeout(5):
                        while (await _ready(http, url)) != (503, "draining"):
                            pass
                    started.send_signal(signal.SIGTERM)  # the second one does not wait for the notice
                    go.set()
                    assert await answer.content.read() == DONE
            log = (await asyncio.wait_for(started.stderr.read(), 20)).decode()
            await started.wait()
        finally:
            if started.returncode is None:
                started.kill()
                await started.wait()
    (line,) = [one for one in map(json.loads, log.splitlines()) if one["event"] == "request"]
    assert (line["status"], line["end"], line["coaching"]) == (200, "done", "applied")
    assert "refund" not in log
    (record,) = records.iterdir()
    assert stat.S_IMODE(record.stat().st_mode) == 0o600
    assert json.loads(record.read_text())["messages"][-1] == {"role": "assistant", "content": "there"}
    (span,) = spans_of(collector.got)
    assert (span.name, span.trace_id.hex()) == ("chat m", PARENT.split("-")[1])
    assert "refund" not in str(span)
    assert behind.got[0].header("traceparent") != PARENT


async def _ready(http: aiohttp.ClientSession, url: str) -> tuple[int, str]:
    async with http.get(f"{url}/readyz") as found:
        return found.status, (await found.json())["status"]
