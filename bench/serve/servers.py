"""What stands behind, and what ours is compared with: each runs as a process of its own.

``python -m bench.serve.servers upstream | embeddings | bare URL | starlette URL`` prints the port it listens on.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import zlib
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import numpy as np
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

ANSWER = (
    b'{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"m","choices":[{"index":0,'
    b'"message":{"role":"assistant","content":"I can look into that for you. May I have your booking reference?"},'
    b'"finish_reason":"stop","logprobs":null}],"usage":{"prompt_tokens":400,"completion_tokens":14,"total_tokens":414}}'
)
EVENT = b'data: {"id":"1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"word "}}]}\n\n'
EVENTS = 20
STREAM_WAIT = 0.02
"""Seconds from a streamed request to its first event: what a small model takes to read its prompt."""


class UpstreamProtocol(asyncio.Protocol):
    """The least that an HTTP server can do: reads heads and lengths, answers the same to all."""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.data = b""

    def data_received(self, data: bytes) -> None:
        self.data += data
        while True:
            head, mark, rest = self.data.partition(b"\r\n\r\n")
            if not mark:
                return
            length = next((int(h[15:]) for h in head.lower().split(b"\r\n") if h.startswith(b"content-length:")), 0)
            if len(rest) < length:
                return
            body, self.data = rest[:length], rest[length:]
            self.answer(body)

    def answer(self, body: bytes) -> None:
        if b'"stream": true' in body:
            asyncio.get_running_loop().call_later(STREAM_WAIT, self.stream)
        else:
            self.transport.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s"
                % (len(ANSWER), ANSWER)
            )

    def stream(self) -> None:
        chunk = b"%x\r\n%s\r\n" % (len(EVENT), EVENT)
        head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        self.transport.write(head + chunk)
        asyncio.get_running_loop().call_later(0.002, self.rest, chunk)

    def rest(self, chunk: bytes) -> None:
        self.transport.write(chunk * (EVENTS - 1) + b"0\r\n\r\n")


async def listen(protocol: type[asyncio.Protocol]) -> None:
    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


class EmbeddingsProtocol(UpstreamProtocol):
    """Vectors by hashed words, at once: what a dense search costs the proxy, without what a model costs."""

    def answer(self, body: bytes) -> None:
        texts = json.loads(body)["input"]
        rows = [
            {"index": n, "embedding": vector(t)} for n, t in enumerate([texts] if isinstance(texts, str) else texts)
        ]
        told = json.dumps(
            {"object": "list", "model": "hashed", "data": rows, "usage": {"prompt_tokens": 1}}
        ).encode()
        self.transport.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(told), told)
        )


def vector(text: str) -> list[float]:
    """384 numbers, as small sentence models have."""
    found = np.zeros(384, dtype=np.float32)
    for word in text.lower().split():
        code = zlib.crc32(word.encode())
        found[code % 384] += 1
        found[code // 384 % 384] -= 0.5
    return (found / max(float(np.linalg.norm(found)), 1e-6)).tolist()


class Bare:
    """Forwards with common libraries and nothing around them (no framework), and does nothing else: no limits, log,
    metrics or disconnects."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session: aiohttp.ClientSession | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), auto_decompress=False)
        body = b""
        while True:
            message = await receive()
            body += message["body"]
            if not message.get("more_body"):
                break
        headers = {"content-type": "application/json"}
        async with self._session.post(self._url + scope["path"][3:], data=body, headers=headers) as found:
            skipped = (b"transfer-encoding", b"connection")
            told = [(k.lower(), v) for k, v in found.raw_headers if k.lower() not in skipped]
            await send({"type": "http.response.start", "status": found.status, "headers": told})
            async for chunk in found.content.iter_any():
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})


def framework(url: str) -> Starlette:
    """The pass-through that most would write first: Starlette in front, aiohttp behind, an answer streamed."""
    sessions: list[aiohttp.ClientSession] = []

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), auto_decompress=False) as session:
            sessions.append(session)
            yield

    async def forward(request: Request) -> StreamingResponse:
        body = await request.body()
        headers = {k: v for k, v in request.headers.items() if k not in ("host", "content-length", "connection")}
        found = await sessions[0].request(request.method, url + request.url.path[3:], data=body, headers=headers)

        async def parts() -> AsyncIterator[bytes]:
            async with found:
                async for chunk in found.content.iter_any():
                    yield chunk

        skipped = ("transfer-encoding", "connection")
        told = {k: v for k, v in found.headers.items() if k.lower() not in skipped}
        return StreamingResponse(parts(), status_code=found.status, headers=told)

    return Starlette(routes=[Route("/v1/{path:path}", forward, methods=["GET", "POST"])], lifespan=lifespan)


def serve(app: ASGIApp, lifespan: Any) -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    print(listening.getsockname()[1], flush=True)
    config = uvicorn.Config(app, log_level="critical", access_log=False, lifespan=lifespan, ws="none")
    uvicorn.Server(config).run(sockets=[listening])


def main() -> None:
    kind = sys.argv[1]
    if kind in ("upstream", "embeddings"):
        import uvloop  # noqa: PLC0415 - an extra

        uvloop.run(listen(UpstreamProtocol if kind == "upstream" else EmbeddingsProtocol))
    elif kind == "bare":
        serve(Bare(sys.argv[2]), "off")
    else:
        serve(framework(sys.argv[2]), "on")


if __name__ == "__main__":
    main()
