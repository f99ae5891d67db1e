"""What stands behind, and what ours is compared with: each runs as a process of its own.

``python -m bench.serve.servers upstream | bare URL | litellm-hook ...`` prints the port it listens on.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from typing import Any

import aiohttp
import uvicorn
from starlette.types import Receive, Scope, Send

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


async def upstream() -> None:
    server = await asyncio.get_running_loop().create_server(UpstreamProtocol, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


class Bare:
    """Forwards with the same libraries as ours, and does nothing else: no limits, log, metrics or disconnects."""

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


def bare(url: str) -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    print(listening.getsockname()[1], flush=True)
    config = uvicorn.Config(Bare(url), log_level="critical", access_log=False, lifespan="off", ws="none")
    uvicorn.Server(config).run(sockets=[listening])


def main() -> None:
    if sys.argv[1] == "upstream":
        try:
            import uvloop  # noqa: PLC0415 - an extra
        except ImportError:
            asyncio.run(upstream())
        else:
            uvloop.run(upstream())
    else:
        bare(sys.argv[2])


if __name__ == "__main__":
    main()
