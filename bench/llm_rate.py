"""How fast one process drives a seat, by the path to the model: ``python bench/llm_rate.py``.

Two questions, over a loopback server in a process of its own:

- a server that answers at once: calls a second that ``Seat.say`` reaches, so the client's own cost;
- a server that answers in one second: the share of the ideal rate (concurrency / 1 s) that is kept.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from preceptor.core.events import ignore
from preceptor.core.settings import SeatConfig, SeatsConfig
from preceptor.llm import ChatMessage, Journal, Ledger, NullJournal, ScriptedModel, Seat, open_seats

REPLY = "I am sorry to hear that. Could you tell me the booking reference, so that I can look into it?"
MESSAGES = (
    ChatMessage("system", "You are a customer-service agent of an airline. " + "Follow the policy. " * 60),
    ChatMessage("user", "My luggage did not arrive in Lisbon and nobody tells me anything. " * 4),
)


class Answers(asyncio.Protocol):
    """As little HTTP as a client needs, so that the server is not what is measured."""

    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._buffer = b""
        body = json.dumps(
            {
                "model": "bench",
                "choices": [
                    {"index": 0, "message": {"role": "assistant", "content": REPLY}, "finish_reason": "stop"}
                ],
                "usage": {"prompt_tokens": 340, "completion_tokens": 24, "total_tokens": 364},
                "id": "x",
                "object": "chat.completion",
                "created": 0,
            }
        ).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self._answer = head.encode() + body

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end].lower()
            at = head.find(b"content-length:")
            size = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self._buffer) < end + 4 + size:
                return
            self._buffer = self._buffer[end + 4 + size :]
            if self._delay:
                asyncio.get_running_loop().call_later(self._delay, self._transport.write, self._answer)
            else:
                self._transport.write(self._answer)


async def serve(delay: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Answers(delay), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def server(delay: float) -> Generator[str]:
    """The URL of a server in its own process."""
    process = subprocess.Popen([sys.executable, __file__, "--serve", str(delay)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}/v1"
    finally:
        process.kill()
        process.wait()


@asynccontextmanager
async def seat(spec: str, journal: Journal | NullJournal, concurrency: int) -> AsyncGenerator[Seat]:
    one = SeatConfig(model=spec, concurrency=concurrency, price_input=0.0, price_output=0.0)
    async with open_seats(
        SeatsConfig(student=one, teacher=one, customer=one, judge=one),
        environ={"OPENAI_API_KEY": "sk-bench"},
        factories={"scripted": lambda _: ScriptedModel(lambda _: REPLY)},
        journal=journal,
        ledger=Ledger(),
        emit=ignore,
    ) as seats:
        yield seats.student


async def drive(student: Seat, calls: int, concurrency: int) -> tuple[float, float]:
    """Calls a second, and milliseconds of this process's CPU a call, after a warm-up."""
    numbers = iter(range(calls + 2 * concurrency))

    async def worker(most: int) -> None:
        for number in numbers:
            await student.say(MESSAGES, seed=number, phase="bench", item=str(number))
            if number >= most:
                return

    await asyncio.gather(*(worker(0) for _ in range(2 * concurrency)))
    left = calls
    numbers = iter(range(10_000_000, 10_000_000 + left))
    start, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(worker(10**9) for _ in range(concurrency)))
    return left / (time.perf_counter() - start), 1000 * (time.process_time() - cpu) / left


async def measure(spec: str, calls: int, concurrency: int, *, on_disk: bool) -> tuple[float, float]:
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        journal = Journal.open(Path(folder) / "journal.db") if on_disk else NullJournal()
        try:
            async with seat(spec, journal, concurrency) as student:
                return await drive(student, calls, concurrency)
        finally:
            journal.close()


def specs(url: str) -> dict[str, str]:
    os.environ["OPENAI_BASE_URL"] = url
    return {
        "in process": "scripted:bench",
        "by URL (aiohttp)": f"{url}#bench",
        "by provider (pydantic-ai, openai)": "openai-chat:bench",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=3000)
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=8, help="calls per worker with the one-second server")
    parser.add_argument("--serve", type=float, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve is not None:
        asyncio.run(serve(options.serve))
        return
    width = options.concurrency
    print(f"concurrency {width}\n")
    print(f"{'path to the model':36}{'journal':>10}{'calls/s':>10}{'CPU ms/call':>13}")
    with server(0.0) as url:
        for name, spec in specs(url).items():
            for on_disk in (False, True):
                rate, cpu = asyncio.run(measure(spec, options.calls, width, on_disk=on_disk))
                print(f"{name:36}{'file' if on_disk else 'none':>10}{rate:10.0f}{cpu:13.3f}")
    print(f"\n{'a model that answers in 1 s':36}{'journal':>10}{'calls/s':>10}{'of ideal':>10}")
    with server(1.0) as url:
        for name, spec in list(specs(url).items())[1:]:
            rate, _ = asyncio.run(measure(spec, options.rounds * width, width, on_disk=True))
            print(f"{name:36}{'file':>10}{rate:10.1f}{rate / width:10.1%}")


if __name__ == "__main__":
    main()
