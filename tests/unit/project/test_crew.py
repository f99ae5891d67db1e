"""What the crew does when workers die, are late, or are told to stop: with workers that only play their part."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest

from preceptor.core.errors import ConfigError, RunError, StoppedError
from preceptor.core.events import Event, ItemDone
from preceptor.llm import Ledger
from preceptor.llm.amounts import LedgerRow
from preceptor.llm.seats import Beside
from preceptor.llm.trace import CallTold, NoTrace
from preceptor.project.workers.beside import Found, Shared
from preceptor.project.workers.crew import Crew
from preceptor.project.workers.worker import Outcome


class DiedError(Exception):
    """As Ray tells it."""


class LostError(Exception):
    """As Ray tells that the machine with an outcome is gone."""


@dataclass
class Actor:
    """A worker that answers as ``acts`` says; every method has ``remote``, as with Ray."""

    acts: Callable[[Actor, int], object]
    refuses: Exception | None = None
    opening: asyncio.Event | None = None
    stopped: bool = False
    dead: asyncio.Event | None = None
    """Where there is one: it dies when it is asked what it found."""
    calls: list[CallTold] = field(default_factory=list[CallTold])
    """What it has found and not told."""
    asked: list[int] = field(default_factory=list[int])
    number: int = 0

    def __getattr__(self, name: str) -> Any:
        return SimpleNamespace(remote=getattr(type(self), f"_{name}").__get__(self))

    async def _open(self, known: object) -> Exception | None:
        if self.opening is not None:
            await self.opening.wait()
        return self.refuses

    async def _prepare(self, phase: int, work: object, known: object) -> None:
        await asyncio.sleep(0)

    async def _do(self, phase: int, item: int) -> Outcome:
        await asyncio.sleep(0)
        self.asked.append(item)
        self.number += 1
        if self.stopped:
            return self._outcome(error=StoppedError("the run was stopped"))
        made = self.acts(self, item)
        if isinstance(made, Exception):
            raise made
        return self._outcome(result=made, events=(ItemDone(kind="dialogue", id=str(item)),))

    async def _tell(self) -> Outcome:
        if self.dead is not None:
            self.dead.set()
            raise DiedError("gone")
        self.number += 1
        calls, self.calls = tuple(self.calls), []
        return self._outcome(found=Found(calls=calls))

    async def _close(self) -> Outcome:
        return self._outcome()

    def _stop(self) -> None:
        self.stopped = True

    def _outcome(self, **more: Any) -> Outcome:
        row = LedgerRow(seat="student", phase="p", calls=self.number)
        return Outcome(number=self.number, spend=(row,), **more)


class FakeRay:
    """Hands out the actors that a test made, one after the other."""

    exceptions = SimpleNamespace(RayActorError=DiedError, ObjectLostError=LostError)

    def __init__(self, actors: list[Actor]) -> None:
        self.actors = actors
        self.killed: list[Actor] = []

    def put(self, value: object) -> object:
        return value

    def kill(self, actor: Actor) -> None:
        self.killed.append(actor)

    def remote(self, **_: object) -> Any:
        made = SimpleNamespace(remote=lambda site: self.actors.pop(0))
        return lambda _: SimpleNamespace(options=lambda **_: made)


class FakeJournal:
    def __init__(self) -> None:
        self.fenced: list[str] = []

    def fence(self, session: str) -> None:
        self.fenced.append(session)

    def spent_of(self, session: str) -> list[LedgerRow]:
        return [LedgerRow(seat="student", phase="p", calls=100)]


def crew(*actors: Actor) -> tuple[Crew, FakeRay, FakeJournal, list[Event]]:
    ray, journal, told = FakeRay(list(actors)), FakeJournal(), list[Event]()
    numbers = iter(range(99))
    made = Crew(
        ray=ray,
        site=lambda: cast("Any", SimpleNamespace(session=f"w{next(numbers)}")),
        journal=cast("Any", journal),
        ledger=Ledger(),
        emit=told.append,
        shared=Shared(beside=Beside(), embedder=None),
    )
    return made, ray, journal, told


def double(_: Actor, item: int) -> object:
    return item * 2


def dies(*of: int, of_kind: type[Exception] = DiedError) -> Callable[[Actor, int], object]:
    return lambda _, item: of_kind("gone") if item in of else item * 2


async def run(made: Crew, items: int, hands: int) -> list[Any]:
    return await made.run(cast("Any", object()), None, list(range(items)), concurrency=hands)


@pytest.mark.parametrize("kind", [DiedError, LostError])
async def test_items_of_a_worker_that_died_are_done_by_the_next_one(kind: type[Exception]) -> None:
    made, ray, journal, told = crew(Actor(dies(3, of_kind=kind)), Actor(double))
    await made.hire(1)
    assert await run(made, 6, 2) == [0, 2, 4, 6, 8, 10]
    await made.dismiss()
    assert journal.fenced == ["w0"]
    assert len(ray.killed) == 2
    assert sorted(e.id for e in told if isinstance(e, ItemDone)) == list("012345"), "each told once"
    (row,) = made.ledger.table()
    assert row.calls > 100, "what the journal has of the dead one, and what the next one told"


async def test_an_item_that_kills_whoever_takes_it_ends_the_run() -> None:
    made, _, journal, _ = crew(*(Actor(dies(1)) for _ in range(6)))
    await made.hire(1)
    with pytest.raises(RunError, match="item 2 of the phase outlived 4 workers"):
        await run(made, 3, 1)
    assert len(journal.fenced) == 3


async def test_a_worker_that_may_not_begin_ends_the_run_before_an_item() -> None:
    refused = ConfigError("the variable KEY is not set", hint="set it")
    made, _, _, told = crew(Actor(double), Actor(double, refuses=refused))
    with pytest.raises(ConfigError, match="KEY"):
        await made.hire(2)
    await made.dismiss()
    assert told == []


async def test_a_successor_that_may_not_begin_ends_the_run() -> None:
    made, _, _, _ = crew(Actor(dies(0)), Actor(double, refuses=RunError("no database", hint="start it")))
    await made.hire(1)
    with pytest.raises(RunError, match="no database"):
        await run(made, 2, 1)


async def test_a_stop_reaches_workers_that_are_only_being_started() -> None:
    late = asyncio.Event()
    slow = Actor(double, opening=late)
    made, _, _, _ = crew(Actor(double), slow)
    hiring = asyncio.create_task(made.hire(2))
    await asyncio.sleep(0)
    made.stop()
    slow.stopped = False  # it was told before it had a ledger to stop
    late.set()
    await hiring
    assert slow.stopped
    with pytest.raises(StoppedError):
        await run(made, 4, 2)


async def test_who_takes_the_place_of_a_dead_worker_after_a_stop_is_stopped_too() -> None:
    holder: list[Crew] = []

    def stops_and_dies(_: Actor, item: int) -> object:
        holder[0].stop()
        return DiedError("gone")

    next_one = Actor(double)
    made, _, _, _ = crew(Actor(stops_and_dies), next_one)
    holder.append(made)
    await made.hire(1)
    with pytest.raises(StoppedError):
        await run(made, 2, 1)
    assert next_one.stopped


class Spans(NoTrace):
    def __init__(self) -> None:
        self.names: list[str] = []
        self.heard = asyncio.Event()

    def told(self, call: CallTold) -> None:
        self.names.append(call.name)
        self.heard.set()


async def test_workers_are_heard_while_their_items_are_under_way() -> None:
    release = asyncio.Event()

    class Held(Actor):
        async def _do(self, phase: int, item: int) -> Outcome:
            await release.wait()
            return await super()._do(phase, item)

    actor = Held(double, calls=[CallTold(name="chat one", attributes={}, began=1, ended=2)])
    made, _, _, _ = crew(actor)
    spans = Spans()
    made.asks, made.shared = 0.001, Shared(beside=Beside(trace=spans), embedder=None)
    await made.hire(1)
    under_way = asyncio.ensure_future(run(made, 1, 1))
    await spans.heard.wait()
    assert made.ledger.table()[0].calls >= 1, "its spend too"
    actor.dead = asyncio.Event()
    await actor.dead.wait()
    actor.dead = None
    release.set()
    assert await under_way == [0]
    assert spans.names == ["chat one"], "told once"


async def test_what_a_worker_answers_at_the_end_of_a_phase_is_heard_still() -> None:
    asked, release = asyncio.Event(), asyncio.Event()

    class Slow(Actor):
        async def _tell(self) -> Outcome:
            asked.set()
            await release.wait()
            return self._outcome(found=Found(calls=(CallTold(name="late", attributes={}, began=1, ended=2),)))

        async def _do(self, phase: int, item: int) -> Outcome:
            await asked.wait()
            asyncio.get_running_loop().call_soon(release.set)
            return await super()._do(phase, item)

    made, _, _, _ = crew(Slow(double))
    spans = Spans()
    made.asks, made.shared = 0.001, Shared(beside=Beside(trace=spans), embedder=None)
    await made.hire(1)
    assert await run(made, 1, 1) == [0]
    assert "late" in spans.names
