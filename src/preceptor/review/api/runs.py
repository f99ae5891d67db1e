"""Runs over the API: read, follow, stop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from preceptor.core.errors import RunError
from preceptor.core.ids import plain
from preceptor.review.api.endpoint import Call, Endpoint, MissingError, Part, reads, writes
from preceptor.review.api.shapes import Given, Listing, Told
from preceptor.review.pages.runs import stop
from preceptor.review.progress import Progress, progress_of
from preceptor.runs.run import Run, RunInfo

_MOST_EVENTS = 1000


class RunTold(Told):
    """A run, without its settings."""

    id: str
    job: str
    status: str
    under_way: bool
    started: str
    ended: str | None
    message: str
    models: Mapping[str, str]
    results: Mapping[str, Any]


class PhaseTold(Told):
    """One phase of one stage."""

    name: str
    stage: int
    total: int
    done: int
    failed: int


class ProgressTold(Told):
    """A run with its events in numbers."""

    run: RunTold
    phases: tuple[PhaseTold, ...]
    items: Mapping[str, int]
    outcomes: Mapping[str, int]
    failures: Mapping[str, int]
    calls: int
    usd: float
    unpriced: bool
    cursor: int
    """Pass it on to /events."""


class EventTold(Told):
    """One event."""

    at: str
    kind: str
    cursor: int
    event: Any


class EventQuery(Given):
    """Where to go on."""

    since: int = Field(default=0, ge=0, le=2**53, description="``cursor`` of the last event that you have; 0: all")


class Stopping(Told):
    """Which process was asked to stop."""

    asked: bool


def endpoints() -> tuple[Endpoint, ...]:
    """Those of this module."""
    one = "/api/runs/{id}"
    return (
        reads("/api/runs", "Runs, newest first", _list, tuple[RunTold, ...], query=Listing),
        reads(one, "A run in numbers", _one, ProgressTold),
        reads(
            f"{one}/events",
            f"A run's events, {_MOST_EVENTS} at most; ask again from the last cursor",
            _events,
            tuple[EventTold, ...],
            query=EventQuery,
        ),
        writes(f"{one}/stop", "Ask a run to stop; nothing paid is lost", _stop, Stopping, role="publisher"),
    )


def _run(call: Call) -> Run:
    run = call.desk.runs.open(call.path["id"])
    if run.id != call.path["id"]:
        raise MissingError("there is no such run", hint="see GET /api/runs")
    return run


def _list(call: Call) -> Part:
    asked: Listing = call.query
    found = tuple(reversed(call.desk.runs.list()))
    end = asked.start + asked.limit
    data = tuple(_told(r) for r in found[asked.start : end])
    return Part(data=data, total=len(found), next=str(end) if end < len(found) else None)


def _told(run: Run) -> RunTold:
    info: RunInfo = run.info
    names = ("id", "job", "status", "started", "ended", "message", "models", "results")
    values: dict[str, Any] = {name: getattr(info, name) for name in names}
    return RunTold.model_construct(under_way=bool(run.process), **values)


def _one(call: Call) -> object:
    run = _run(call)
    found: Progress = progress_of(run)
    return ProgressTold(
        run=_told(run),
        phases=tuple(
            PhaseTold(name=p.begun.name, stage=p.begun.stage, total=p.begun.total, done=p.done, failed=p.failed)
            for p in found.phases
        ),
        items=found.items,
        outcomes=found.outcomes,
        failures=found.failures,
        calls=found.calls,
        usd=found.usd,
        unpriced=found.unpriced,
        cursor=found.cursor,
    )


def _events(call: Call) -> Part:
    asked: EventQuery = call.query
    try:
        found = _run(call).events(asked.since)[:_MOST_EVENTS]
    except RunError as error:
        raise MissingError(error.message, hint="pass a cursor that an event had") from error
    told = tuple(
        EventTold(at=t.at, kind=type(t.event).__name__, cursor=t.cursor, event=plain(t.event)) for t in found
    )
    return Part(data=told)


def _stop(call: Call) -> object:
    stop(_run(call))
    return Stopping(asked=True)
