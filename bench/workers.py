"""Calls a second against workers on this machine, with a model that answers after 200 ms.

``python -m bench.workers``: items of ten calls each, one after the other (a dialogue's shape), through the whole
stack: seats, ledger, journal, a loopback server in a process of its own. First in this process with the journal in
a file and in PostgreSQL, then on Ray with more and more workers. The ideal is the calls in flight over 200 ms.
Last, what the driver can feed: items without a call, each with a dialogue-sized thing to send and to take back.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.llm_rate import MESSAGES, server
from bench.postgres import database
from preceptor import Project
from preceptor.core.events import Emit, ignore
from preceptor.core.executor import Executor
from preceptor.library.embedder import Embedder
from preceptor.llm import Seats
from preceptor.project.session import session, start
from preceptor.project.stopping import Stop
from preceptor.project.workers import executor_of

CALLS = 10
DIALOGUE = "I am sorry to hear that. Could you tell me the booking reference, so that I can look into it? " * 24
"""As many bytes as a dialogue of six turns."""


@dataclass(frozen=True)
class Bare:
    """Seats and nothing else around an item."""

    async def open(self, seats: Seats, embedder: Embedder | None, emit: Emit) -> Seats:
        del embedder, emit
        return seats


@dataclass(frozen=True)
class Talking:
    """Ten calls, one after the other."""

    def at(self, seats: Seats, /) -> Callable[[int], Awaitable[int]]:
        async def one(number: int) -> int:
            for turn in range(CALLS):
                await seats.student.say(MESSAGES, seed=number * CALLS + turn, phase="bench", item=str(number))
            return number

        return one


@dataclass(frozen=True)
class Nothing:
    """No call: what goes to a worker comes back."""

    def at(self, seats: Seats, /) -> Callable[[str], Awaitable[str]]:
        del seats

        async def one(item: str) -> str:
            return item

        return one


@contextlib.asynccontextmanager
async def opened(folder: Path, settings: Mapping[str, Any]) -> AsyncGenerator[tuple[Executor, Seats]]:
    project = Project.create(folder, settings=settings)
    run = start(project, "learn", resume=None, inputs={})
    stop = Stop()
    async with (
        session(project, run, resume=False, emit=ignore, stop=stop) as now,
        executor_of(project, now, stop, Bare()) as executor,
    ):
        yield executor, now.seats


async def rate(folder: Path, settings: Mapping[str, Any], items: int, width: int) -> float:
    """Calls a second."""
    async with opened(folder, settings) as (executor, seats):
        await executor.run(Talking(), seats, list(range(10**6, 10**6 + width)), concurrency=width)  # warm
        began = time.perf_counter()
        await executor.run(Talking(), seats, list(range(items)), concurrency=width)
        return items * CALLS / (time.perf_counter() - began)


async def feed(folder: Path, settings: Mapping[str, Any], items: int, width: int) -> tuple[float, float]:
    """Items a second, and milliseconds of the driver's processor an item."""
    async with opened(folder, settings) as (executor, seats):
        await executor.run(Nothing(), seats, [DIALOGUE] * width, concurrency=width)
        began, cpu = time.perf_counter(), time.process_time()
        await executor.run(Nothing(), seats, [f"{n} {DIALOGUE}" for n in range(items)], concurrency=width)
        spent = time.process_time() - cpu
        return items / (time.perf_counter() - began), 1000 * spent / items


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.workers", description=__doc__)
    parser.add_argument("--items", type=int, default=1000, help="items of ten calls")
    parser.add_argument("--width", type=int, default=256, help="items under way at once, over all workers")
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 2, 4])
    parser.add_argument("--feed", action="store_true", help="only what the driver can feed")
    parser.add_argument("--latency", type=float, default=0.2, help="seconds a call takes")
    options = parser.parse_args()
    width, ideal = options.width, options.width / options.latency
    load = os.getloadavg()[0]
    print(f"{os.cpu_count()} processors, load {load:.1f}; {width} items under way: ideally {ideal:.0f} calls/s")
    print(f"{'where':24}{'journal':>12}{'calls/s':>10}{'of ideal':>10}")
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as root, server(options.latency) as url, database() as place:
        seats = {f"seats.{s}": f"{url}#bench" for s in ("student", "teacher", "customer", "judge")}
        base = {**seats, "seats.student.concurrency": width, "run.concurrency": width, "budget.calls": 10**9}
        base.pop("seats.student")
        base["seats.student.model"] = f"{url}#bench"
        cases: list[tuple[str, str, dict[str, Any]]] = [
            ("this process", "file", {}),
            ("this process", "PostgreSQL", {"journal.path": place}),
        ]
        for n in options.workers:
            on_ray = {"journal.path": place, "run.executor": "ray", "run.workers": n}
            cases.append((f"{n} worker{'s' if n > 1 else ''} on Ray", "PostgreSQL", on_ray))
        for number, (name, journal, more) in enumerate([] if options.feed else cases):
            found = asyncio.run(rate(Path(root) / f"p{number}", {**base, **more}, options.items, width))
            print(f"{name:24}{journal:>12}{found:10.0f}{found / ideal:10.1%}", flush=True)
        on_ray = {"journal.path": place, "run.executor": "ray", "run.workers": 2}
        fed, cpu = asyncio.run(feed(Path(root) / "feed", {**base, **on_ray}, options.items * 4, width))
        print(f"\nthe driver feeds {fed:.0f} items/s, {cpu:.2f} ms of its processor each")


if __name__ == "__main__":
    main()
