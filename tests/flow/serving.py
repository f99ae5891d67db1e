"""A proxy on a real socket in front of an upstream that records bytes and answers as told."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import uvicorn

from preceptor.cli.listening import listen
from preceptor.coach import Coach
from preceptor.core.clock import system_clock
from preceptor.core.records import Strategy
from preceptor.library.embedder import Embedder
from preceptor.library.release import Released, parse_release, write_release
from preceptor.library.release_make import Contents, make_release
from preceptor.library.release_pointer import FilePointer, Pointed, write_pointer
from preceptor.serve.app import Health, Wiring, build_app
from preceptor.serve.keys import Keys
from preceptor.serve.record import Recorder
from preceptor.serve.run import configured
from preceptor.serve.settings import ServeSettings

ANSWER = b'{"id":"x","choices":[{"index":0,"message":{"role":"assistant","content":"Hi"}}]}'
REFUND = "the customer wants a refund"


@dataclass(slots=True)
class Got:
    """One request as it reached the upstream."""

    line: str
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((v for k, v in self.headers if k.lower() == name), None)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Reply = Callable[[asyncio.StreamWriter, Got], Awaitable[None]]


def response(body: bytes = ANSWER, status: str = "200 OK", **headers: str) -> bytes:
    given = {"content-type": "application/json", **{k.replace("_", "-"): v for k, v in headers.items()}}
    lines = [f"HTTP/1.1 {status}", *(f"{k}: {v}" for k, v in given.items()), f"content-length: {len(body)}"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def answered(writer: asyncio.StreamWriter, got: Got) -> None:
    writer.write(response())


def streamed(*chunks: bytes) -> Reply:
    """A chunked event stream; the connection is cut where the last chunk is ``None``-like empty bytes."""

    async def reply(writer: asyncio.StreamWriter, got: Got) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        for chunk in chunks:
            writer.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
            await writer.drain()
            await asyncio.sleep(0)
        writer.write(b"0\r\n\r\n")

    return reply


@dataclass(slots=True)
class Upstream:
    """Answers every request with ``reply``."""

    reply: Reply = answered
    got: list[Got] = field(default_factory=list[Got])
    open: int = 0
    url: str = ""

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                line, *rest = head.decode("latin-1").split("\r\n")[:-2]
                headers = [(k, v) for k, _, v in (h.partition(": ") for h in rest)]
                got = Got(line, headers, await _body(reader, headers))
                self.got.append(got)
                await self.reply(writer, got)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.open -= 1
            writer.close()


async def _body(reader: asyncio.StreamReader, headers: list[tuple[str, str]]) -> bytes:
    told = {k.lower(): v for k, v in headers}
    if "content-length" in told:
        return await reader.readexactly(int(told["content-length"]))
    body = b""
    while told.get("transfer-encoding") == "chunked":
        size = int(await reader.readline(), 16)
        part = await reader.readexactly(size + 2)
        if not size:
            break
        body += part[:-2]
    return body


@asynccontextmanager
async def upstream(reply: Reply = answered, tls: ssl.SSLContext | None = None) -> AsyncGenerator[Upstream]:
    made = Upstream(reply)
    server = await asyncio.start_server(made.handle, "127.0.0.1", 0, limit=1 << 20, ssl=tls)
    made.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield made
    finally:
        server.close()


@dataclass(slots=True)
class Running:
    """A proxy under way."""

    port: int
    health: Health
    server: uvicorn.Server
    folder: Path
    lines: list[dict[str, Any]]
    http: aiohttp.ClientSession

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def requests(self) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["event"] == "request"]

    async def post(self, path: str = "/v1/chat/completions", **named: Any) -> tuple[aiohttp.ClientResponse, bytes]:
        async with self.http.post(self.url + path, **named) as found:
            return found, await found.read()

    async def ask(self, said: Any = "I want a refund", **headers: str) -> tuple[aiohttp.ClientResponse, bytes]:
        body = json.dumps({"model": "m", "messages": [{"role": "user", "content": said}]})
        given = {k.replace("_", "-"): v for k, v in headers.items()}
        return await self.post(data=body, headers={"content-type": "application/json", **given})


def strategies(*names: str, when: str = REFUND) -> list[Released]:
    return [
        Released(
            strategy=Strategy(id=f"strategy-{n}", when=when, do=f"{name} the refund rule"),
            version=1,
            status="approved",
        )
        for n, name in enumerate(names)
    ]


def put_release(
    folder: Path, *names: str, publish: bool = True, seq: int = 1, when: str = REFUND, **fields: Any
) -> str:
    """A release of strategies about refunds, or what ``when`` says, published through the pointer; its id."""
    contents = Contents(
        strategies=strategies(*(names or ("Explain",)), when=when),
        states={},
        coach={"strategies": 4, "floor": 0.05},
        template="<advice>\n{{ strategies }}\n</advice>",
        **fields,
    )
    data = make_release(contents)
    write_release(folder, data)
    found = parse_release(data, "x")
    if publish:
        write_pointer(folder, Pointed(digest=found.digest, seq=seq))
    return found.id


def coach(folder: Path) -> Coach:
    return Coach.from_release(next(folder.glob("*.preceptor")))


@asynccontextmanager
async def proxy(
    folder: Path,
    upstream_url: str,
    *,
    keys: Keys | None = None,
    recorder: Recorder | None = None,
    drain: float = 2,
    embedder: Embedder | None = None,
    **settings: Any,
) -> AsyncGenerator[Running]:
    lines: list[dict[str, Any]] = []
    health = Health()
    given: dict[str, Any] = {"upstream": upstream_url, "poll_seconds": 0.02, **settings}
    wiring = Wiring(
        settings=ServeSettings(**given),
        pointer=FilePointer(folder),
        folder=folder,
        clock=system_clock,
        timer=time.perf_counter,
        write=lambda text: lines.extend(map(json.loads, text.splitlines())),
        keys=keys,
        recorder=recorder,
        embedder=embedder,
    )
    listening = listen("127.0.0.1", 0)
    server = uvicorn.Server(configured(build_app(wiring, health), drain=drain))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    await until(lambda: server.started or serving.done())
    async with aiohttp.ClientSession(auto_decompress=False) as http:
        try:
            yield Running(listening.getsockname()[1], health, server, folder, lines, http)
        finally:
            await http.close()
            server.should_exit = True
            await serving
            listening.close()


async def until(holds: Callable[[], bool], seconds: float = 5.0) -> None:
    """Waits until ``holds``; fails after ``seconds``."""
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - what is waited for happens elsewhere
            await asyncio.sleep(0.005)
