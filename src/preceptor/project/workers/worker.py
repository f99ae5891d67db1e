"""A worker: one process that runs items of a run, with seats, a ledger and a session of the journal of its own.

It knows nothing of what started it. What it is started with holds no secret: keys and passphrases come from its own
environment, by the names that the settings tell.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Protocol

from preceptor.core import config as core_config
from preceptor.core.errors import ConfigError, PreceptorError
from preceptor.core.events import Emit, Event
from preceptor.core.executor import Work
from preceptor.core.settings import Config
from preceptor.library.embedder import Embedder
from preceptor.llm import Ledger, Seats
from preceptor.llm.amounts import LedgerRow
from preceptor.llm.journal.pg import PostgresJournal
from preceptor.llm.journal.pg_lend import Caps
from preceptor.llm.ledger import seat_budgets
from preceptor.project.embedding import open_embedder
from preceptor.project.seating import opener
from preceptor.project.workers.beside import Found, Known, Notes


class Surroundings(Protocol):
    """What a job's items need around them, as data (pickle)."""

    async def open(self, seats: Seats, embedder: Embedder | None, emit: Emit) -> Any:
        """What :meth:`preceptor.core.executor.Work.at` is handed in a worker."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What a worker is started with."""

    config: Config
    """The project's, with the worker's share of every limit; caps are the run's own, and leases keep them."""
    place: str
    """URL of the journal's database."""
    run: str
    """Name of the run's journal."""
    session: str
    surroundings: Surroundings


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one item."""

    result: Any = None
    error: PreceptorError | None = None
    """What ends the run."""
    events: tuple[Event, ...] = ()
    """What the item told. An item that dies with its worker tells nothing, so that none is told twice."""
    number: int = 0
    """Counts a worker's outcomes."""
    spend: tuple[LedgerRow, ...] = ()
    """All that the worker took until then."""
    found: Found = field(default_factory=Found)
    """What it found since its last outcome."""


_TOLD: ContextVar[list[Event] | None] = ContextVar("told", default=None)
"""The events of the item at hand."""


def _emit(event: Event) -> None:
    told = _TOLD.get()
    if told is not None:
        told.append(event)


class Worker:
    """Runs items, many at once on one event loop."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._stack = AsyncExitStack()
        self._work: dict[int, Callable[[Any], Awaitable[Any]]] = {}
        self._ledger: Ledger | None = None
        self._around: Any = None
        self._notes = Notes(traces=site.config.run.traces)
        self._number = 0

    async def open(self, known: Known) -> None:
        """Joins the run. PreceptorError where that cannot be."""
        site, environ = self._site, core_config.environ()
        embedder = self._notes.remembering(open_embedder(site.config.embedder, environ))
        self._notes.begin_with(known)
        caps = Caps(total=site.config.budget, seats=seat_budgets(dict(site.config.seats)))
        journal = self._stack.enter_context(
            PostgresJournal.open(
                site.place,
                site.run,
                session=site.session,
                lead=False,
                passphrase=_passphrase(site.config, environ),
                clock=core_config.clock(environ),
            )
        )
        self._ledger = Ledger(caps.total, by_seat=caps.seats, lender=journal.lender(caps))
        seats = await self._stack.enter_async_context(
            opener(environ, journal=journal, ledger=self._ledger, emit=_emit, beside=self._notes.beside)(
                site.config.seats
            )
        )
        self._around = await site.surroundings.open(seats, embedder, _emit)

    def prepare(self, phase: int, work: Work[Any, Any, Any], known: Known) -> None:
        """The work of a phase, ready for its items; that of the phase before is forgotten."""
        self._notes.begin_with(known)
        self._work = {phase: work.at(self._around)}

    async def do(self, phase: int, item: Any) -> Outcome:
        """The work of ``phase`` on one item. Raises nothing but what is a fault of ours."""
        told: list[Event] = []
        _TOLD.set(told)
        result, failed = None, None
        try:
            result = await self._work[phase](item)
        except PreceptorError as error:
            failed = error
        return self._outcome(result=result, error=failed, events=tuple(told))

    def tell(self) -> Outcome:
        """What was found and taken since it was told last, items under way included."""
        return self._outcome()

    def stop(self) -> None:
        """No call begins from now on; those under way come to their end."""
        if self._ledger is not None:
            self._ledger.stop()

    async def close(self) -> Outcome:
        """Leaves the run; returns what is left to tell."""
        await self._stack.aclose()
        return self._outcome()

    def _outcome(self, **of_item: Any) -> Outcome:
        self._number += 1
        spend = () if self._ledger is None else self._ledger.table()
        return Outcome(number=self._number, spend=spend, found=self._notes.found(), **of_item)


def _passphrase(config: Config, environ: Mapping[str, str]) -> str:
    name = config.journal.key_env
    if name and not environ.get(name):
        raise ConfigError(
            f"journal.key_env: the environment variable {name} is not set for a worker",
            hint="set it on every machine of the cluster, before Ray is started there",
        )
    return environ.get(name, "") if name else ""
