"""Requests over keep-alive connections, as cheap as they can be made, so that the servers are what is measured."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class Times:
    """Seconds by request."""

    first: list[float] = field(default_factory=list[float])
    """To the first byte of the body."""
    last: list[float] = field(default_factory=list[float])
    wall: float = 0.0
    advised: int = 0

    @property
    def rate(self) -> float:
        return len(self.last) / self.wall

    def middle(self, which: Sequence[float], share: float = 0.5) -> float:
        """The quantile ``share``, in milliseconds."""
        return sorted(which)[min(len(which) - 1, int(share * len(which)))] * 1000


async def run(port: int, bodies: Sequence[bytes], *, at_once: int, extra: bytes = b"") -> Times:
    """All ``bodies``, ``at_once`` at a time; ``extra`` header lines end in CRLF."""
    times = Times()
    waiting = iter(bodies)
    started = time.perf_counter()
    await asyncio.gather(*(_worker(port, waiting, times, extra) for _ in range(at_once)))
    times.wall = time.perf_counter() - started
    return times


async def _worker(port: int, waiting: Iterator[bytes], times: Times, extra: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    for body in waiting:
        head = (
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n%s"
            b"Content-Length: %d\r\n\r\n" % (extra, len(body))
        )
        started = time.perf_counter()
        writer.write(head + body)
        answer = (await reader.readuntil(b"\r\n\r\n")).lower()
        assert answer.startswith(b"http/1.1 200"), answer
        times.advised += b"x-preceptor-coaching: applied" in answer
        if b"transfer-encoding: chunked" in answer:
            first = await _chunks(reader)
        else:
            length = int(answer.partition(b"content-length: ")[2].partition(b"\r\n")[0])
            await reader.readexactly(length)
            first = time.perf_counter()
        times.first.append(first - started)
        times.last.append(time.perf_counter() - started)
    writer.close()


async def _chunks(reader: asyncio.StreamReader) -> float:
    first = 0.0
    while True:
        size = int(await reader.readline(), 16)
        first = first or time.perf_counter()
        await reader.readexactly(size + 2)
        if not size:
            return first
