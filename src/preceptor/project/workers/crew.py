"""The workers of a run as Ray's actors: each is handed one item after the other, and what comes back is kept.

A worker that dies is ended in the journal (its calls under way count at their worst case, its lease is free again),
another takes its place, and its items begin anew: what was answered stands in the journal, so that only calls that
were in flight are made again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any, TypeVar

from preceptor.core.errors import PreceptorError, RunError
from preceptor.core.events import Emit
from preceptor.core.executor import Work
from preceptor.core.untrusted import one_line
from preceptor.llm import Ledger
from preceptor.llm.journal.pg import PostgresJournal
from preceptor.project.workers.beside import Known, Shared
from preceptor.project.workers.worker import Outcome, Site, Worker

Around = TypeVar("Around")
Item = TypeVar("Item")
Result = TypeVar("Result")

_STARTS = 120.0
"""Seconds that a worker may take to start."""
_TRIES = 4
"""Workers that an item may outlive before it is taken to be what kills them."""
_EACH = 0.02
"""Seconds a worker, at least, between two questions to all of them: the driver has items to send."""
_SHARE = 0.01
"""Of a processor, as Ray counts: workers wait for models, and where a machine dies the others take its workers."""


@dataclass(slots=True)
class _Place:
    """Where a worker stands; another takes it when it dies."""

    actor: Any = None
    session: str = ""
    told: int = 0
    """The latest outcome whose spend is known."""
    renewing: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(slots=True)
class _Phase:
    """One phase under way."""

    number: int
    work: Any
    """Its work, in Ray's store."""
    known: Any
    """What workers begin it with, in Ray's store."""
    items: Sequence[Any]
    left: list[int]
    """Items to begin, last first."""
    results: list[Any]
    errors: dict[int, PreceptorError] = field(default_factory=dict[int, PreceptorError])
    tries: dict[int, int] = field(default_factory=dict[int, int])


@dataclass(slots=True)
class Crew:
    """The workers of a run: an :class:`~preceptor.core.executor.Executor`."""

    ray: Any
    site: Callable[[], Site]
    journal: PostgresJournal
    ledger: Ledger
    emit: Emit
    shared: Shared
    places: list[_Place] = field(default_factory=list[_Place])
    asks: float = 2.0
    """Seconds between two questions to a worker what it has found: what it did not tell dies with it."""
    phases: int = 0
    stopped: bool = False

    async def run(
        self, work: Work[Around, Item, Result], around: Around, items: Sequence[Item], *, concurrency: int
    ) -> list[Result]:
        """See :class:`~preceptor.core.executor.Executor`."""
        del around
        self.phases += 1
        phase = _Phase(
            number=self.phases,
            work=self.ray.put(work),
            known=self.ray.put(self.shared.known()),
            items=items,
            left=list(range(len(items)))[::-1],
            results=[None] * len(items),
        )
        hands = max(1, ceil(concurrency / len(self.places)))
        ended = asyncio.Event()
        asking = asyncio.ensure_future(self._ask_all(ended))
        try:
            async with asyncio.TaskGroup() as group:
                for place in self.places:
                    group.create_task(self._hands(place, phase, min(hands, len(items))))
        finally:
            ended.set()
            await asking
        if phase.errors:
            raise phase.errors[min(phase.errors)]
        return phase.results

    async def hire(self, number: int) -> None:
        """Starts the workers. PreceptorError where one cannot open what it needs."""
        self.places = [_Place() for _ in range(number)]
        for place in self.places:  # all at once; the slowest tells
            self._start(place)
        known = self.ray.put(self.shared.known())
        await asyncio.gather(*(self._opened(place, known) for place in self.places))

    async def dismiss(self) -> None:
        """Ends the workers: what they took is known to the ledger then."""
        await asyncio.gather(*(self._dismissed(place) for place in self.places if place.actor is not None))
        self.places = []

    def stop(self) -> None:
        """No worker begins a call from now on, those that are only being started included."""
        self.stopped = True
        for place in self.places:
            if place.actor is not None:
                place.actor.stop.remote()

    async def _hands(self, place: _Place, phase: _Phase, count: int) -> None:
        async with asyncio.TaskGroup() as group:
            if await self._prepared(place, phase):
                for _ in range(count):
                    group.create_task(self._hand(place, phase))

    async def _hand(self, place: _Place, phase: _Phase) -> None:
        while phase.left and not phase.errors:
            index = phase.left.pop()
            actor = place.actor
            try:
                outcome: Outcome = await actor.do.remote(phase.number, phase.items[index])
            except self._deaths() as error:
                phase.tries[index] = phase.tries.get(index, 0) + 1
                if phase.tries[index] >= _TRIES:
                    phase.errors[index] = _deadly(index, phase.tries[index], error)
                    return
                phase.left.append(index)
                if not await self._renewed(place, actor, phase):
                    return
                continue
            self._heard(place, actor, outcome)
            if outcome.error is not None:
                phase.errors[index] = outcome.error
            phase.results[index] = outcome.result

    async def _ask_all(self, ended: asyncio.Event) -> None:
        """Hears every worker now and then until the phase has ended; what one has answered is always heard."""
        while not ended.is_set():
            try:
                async with asyncio.timeout(max(self.asks, _EACH * len(self.places))):
                    await ended.wait()
            except TimeoutError:
                await asyncio.gather(*(self._ask(place) for place in self.places))

    async def _ask(self, place: _Place) -> None:
        actor = place.actor
        try:
            outcome: Outcome = await actor.tell.remote()
        except self._deaths():
            return  # whoever waits for an item of its finds that out
        self._heard(place, actor, outcome)

    def _heard(self, place: _Place, actor: Any, outcome: Outcome) -> None:
        for event in outcome.events:
            self.emit(event)
        self.shared.hear(outcome.found)
        if place.actor is actor and outcome.number > place.told:
            place.told = outcome.number
            self.ledger.elsewhere(place.session, outcome.spend)

    async def _prepared(self, place: _Place, phase: _Phase) -> bool:
        actor = place.actor
        try:
            await actor.prepare.remote(phase.number, phase.work, phase.known)
        except self._deaths():
            return await self._renewed(place, actor, phase)
        return True

    async def _renewed(self, place: _Place, dead: Any, phase: _Phase) -> bool:
        """Another worker in the place of ``dead``, once for all who miss it. False: none can be had, which ends the
        run."""
        async with place.renewing:
            for _ in range(_TRIES):
                if place.actor is not dead:
                    return True
                try:
                    self._buried(place)
                    self._start(place)
                    dead = place.actor
                    await self._opened(place, phase.known)
                    await place.actor.prepare.remote(phase.number, phase.work, phase.known)
                except PreceptorError as error:
                    phase.errors.setdefault(len(phase.items), error)
                    return False
                except self._deaths():
                    continue
                return True
            phase.errors.setdefault(
                len(phase.items),
                RunError("workers die as soon as they are started", hint="see Ray's logs on that machine; resume"),
            )
            return False

    def _buried(self, place: _Place) -> None:
        """What a dead worker leaves: no call of its begins any more, and what it took stands in the journal."""
        self.ray.kill(place.actor)
        self.journal.fence(place.session)
        self.ledger.elsewhere(place.session, self.journal.spent_of(place.session))

    def _start(self, place: _Place) -> None:
        site = self.site()
        made = self.ray.remote(num_cpus=_SHARE, max_restarts=0, max_concurrency=100_000)(_Actor)
        place.actor, place.session, place.told = (
            made.options(scheduling_strategy="SPREAD").remote(site),
            site.session,
            0,
        )

    async def _opened(self, place: _Place, known: Any) -> None:
        try:
            async with asyncio.timeout(_STARTS):
                refused = await place.actor.open.remote(known)
        except TimeoutError as error:
            raise RunError(
                f"a worker did not start within {_STARTS:.0f} s",
                hint="see whether the cluster has room for run.workers: ray status",
            ) from error
        if refused is not None:
            raise refused
        if self.stopped:
            place.actor.stop.remote()

    async def _dismissed(self, place: _Place) -> None:
        try:
            async with asyncio.timeout(_STARTS):
                outcome: Outcome = await place.actor.close.remote()
        except (TimeoutError, *self._deaths()):
            self._buried(place)
        else:
            self._heard(place, place.actor, outcome)
            self.ray.kill(place.actor)

    def _deaths(self) -> tuple[type[Exception], ...]:
        """What Ray raises when a worker is gone, or the machine that kept what it made."""
        return self.ray.exceptions.RayActorError, self.ray.exceptions.ObjectLostError


class _Actor:
    """A worker as Ray runs it: its methods on the event loop of a process of its own."""

    def __init__(self, site: Site) -> None:
        self._worker = Worker(site)

    async def open(self, known: Known) -> PreceptorError | None:
        """What ends the run before it began is returned, so that it comes as it is."""
        try:
            await self._worker.open(known)
        except PreceptorError as error:
            return error
        return None

    async def prepare(self, phase: int, work: Work[Any, Any, Any], known: Known) -> None:
        self._worker.prepare(phase, work, known)

    async def do(self, phase: int, item: Any) -> Outcome:
        return await self._worker.do(phase, item)

    async def tell(self) -> Outcome:
        return self._worker.tell()

    async def stop(self) -> None:
        self._worker.stop()

    async def close(self) -> Outcome:
        return await self._worker.close()


def _deadly(index: int, tries: int, error: Exception) -> RunError:
    return RunError(
        f"item {index + 1} of the phase outlived {tries} workers: {one_line(str(error), 200)}",
        hint="see Ray's logs on that machine (memory?); then resume",
    )
