"""Killing ``preceptor`` without warning, and what must hold afterwards: for tests and ``python -m bench kills``."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from tests.killable import start
from tests.servers.chat_server import ChatServer

from preceptor import Project
from preceptor.llm import ChatMessage, ChatRequest
from preceptor.llm.replay import call_key
from preceptor.practice import open_practice

EPOCH = {"SOURCE_DATE_EPOCH": "1767225600"}
SIZE: dict[str, object] = {
    "learn.dialogues": 3,
    "learn.scenarios": 4,
    "learn.max_turns": 3,
    "learn.teacher_share": (1.0, 0.5),
    "learn.primer": True,
    "learn.primer_issues": 3,
    "learn.primer_strategies": 2,
}
NAMES = {"student": "student-small", "teacher": "teacher", "customer": "customer", "judge": "judge"}
MARKS = (
    "primer-begun.json",
    "primer.json",
    "stage-0-snapshot.json",
    "stage-0.json",
    "stage-1-snapshot.json",
    "stage-1.json",
)
"""Files that a run writes around the commit of a stage."""


@dataclass
class Watched:
    """The practice models behind HTTP, in a thread, with a record of every call."""

    url: str = ""
    arrivals: list[str] = field(default_factory=list[str])
    """Journal keys of the calls, as they arrive."""
    embedded: list[list[str]] = field(default_factory=list[list[str]])
    """The texts of each call for vectors."""
    server: ChatServer | None = None
    """The server itself, for faults."""

    def answer(self, body: dict[str, Any]) -> str:
        """What the practice model says; the call is recorded."""
        messages = tuple(ChatMessage(m["role"], m["content"]) for m in body["messages"])
        title = body.get("response_format", {}).get("json_schema", {}).get("schema", {}).get("title", "")
        for tool in body.get("tools", ()):
            title = tool["function"]["name"]
        schema = next((s.model_json_schema() for s in BaseModel.__subclasses__() if s.__name__ == title), None)
        request = ChatRequest(
            messages=messages,
            seed=body["seed"],
            max_tokens=body["max_tokens"],
            temperature=body.get("temperature"),
            schema=schema,
        )
        self.arrivals.append(call_key(f"{self.url}#{body['model']}", request))
        return _models(body["model"]).answer(messages, body["seed"])


_models = cache(open_practice)
"""Practice models hold no state: one of each for the process."""


@contextmanager
def watched(*, takes_schema: bool = True) -> Generator[Watched]:
    """The server, running in a thread."""
    record = Watched()
    ready = threading.Event()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve() -> None:
        async with ChatServer(record.answer, models=tuple(NAMES.values()), takes_schema=takes_schema) as server:
            record.url, record.embedded, record.server = server.url, server.embedded, server
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    if not ready.wait(30):
        raise TimeoutError("the server did not start")
    try:
        yield record
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()


def settings(url: str) -> dict[str, object]:
    """A small run with all seats on the server."""
    return {**SIZE, **{f"seats.{seat}": f"{url}#{model}" for seat, model in NAMES.items()}}


def dump(folder: Path) -> str:
    """Every byte of the library that a run decides."""
    with Project.open(folder, environ=EPOCH).library() as library:
        assert library.verify().ok
        return "\n".join(library.dump())


def journal_keys(folder: Path) -> set[str]:
    """The answers that the run's journal holds."""
    path = folder / "runs" / "learn-001" / "journal.db"
    if not path.exists():
        return set()
    with closing(sqlite3.connect(path)) as connection:
        try:
            return {key for (key,) in connection.execute("SELECT key FROM answers")}
        except sqlite3.OperationalError:  # killed before its tables were made
            return set()


@dataclass
class Killed:
    """What came of one run that was killed again and again."""

    kills: int
    asked_again: int
    """Calls that were made again although the journal held their answer."""
    same: bool


def learn_with_kills(folder: Path, server: Watched, whole: str, rng: random.Random, kills: int) -> Killed:
    """Learns in ``folder``, killed ``kills`` times at random moments, then to the end."""
    Project.create(folder, settings=settings(server.url), environ=EPOCH)
    done = again = 0
    known: set[str] = set()
    for _ in range(kills):
        began = len(server.arrivals)
        process = start(folder, ("learn", *_resume(folder)), EPOCH)
        if not process.kill_when(_moment(folder, server, rng), rng.random() * 0.03):
            break
        done += 1
        again += len(known & set(server.arrivals[began:]))
        known = journal_keys(folder)
    began = len(server.arrivals)
    project = Project.open(folder, environ=EPOCH)
    if not _finished(project):
        if project.runs().list():
            project.learn(resume="")
        else:
            project.learn()
    again += len(known & set(server.arrivals[began:]))
    return Killed(kills=done, asked_again=again, same=dump(folder) == whole)


def _resume(folder: Path) -> Sequence[str]:
    return ["--resume"] if list((folder / "runs").glob("learn-*")) else []


def _finished(project: Project) -> bool:
    return any(run.info.status == "done" for run in project.runs().list())


def _moment(folder: Path, server: Watched, rng: random.Random) -> Callable[[], bool]:
    """After some calls, around the commit of a stage, or at the very start."""
    kind = rng.random()
    if kind < 0.75:
        target = len(server.arrivals) + rng.randrange(1, 25)
        return lambda: len(server.arrivals) >= target
    if kind < 0.9:
        results = folder / "runs" / "learn-001" / "results"
        there = {p.name for p in results.glob("*.json")} if results.exists() else set[str]()
        awaited = next((m for m in MARKS if m not in there), MARKS[-1])
        return (results / awaited).exists
    until = time.monotonic() + rng.random() * 0.3
    return lambda: time.monotonic() >= until


def unkilled(folder: Path, server: Watched) -> str:
    """The library of a run that nobody killed."""
    Project.create(folder, settings=settings(server.url), environ=EPOCH).learn()
    return dump(folder)
