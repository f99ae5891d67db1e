"""The queue: what waits for a decision, one strategy at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from starlette.responses import Response
from starlette.routing import BaseRoute

from preceptor.library.entry import Entry
from preceptor.review.decisions import ConflictError, Words
from preceptor.review.dossier import dossier
from preceptor.review.filters import CHOICES, NAMES, Filter
from preceptor.review.line import MOST_SKIPPED, Line
from preceptor.review.pace import note
from preceptor.review.standing import approved, own_word
from preceptor.review.visit import Visit, get, post

REASONS = ("Too specific", "Against policy", "Wrong", "Too vague", "Duplicate", "Unsafe")
_AROUND = 30
_BEFORE = 6
"""Strategies that the list beside shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One strategy in the list beside."""

    entry: Entry
    url: str


def routes() -> list[BaseRoute]:
    """The page and what can be decided on it."""
    return [
        get("/queue", _page),
        post("/queue/{id}/approve", _approve),
        post("/queue/{id}/reject", _reject),
        post("/queue/{id}/edit", _edit),
        post("/queue/{id}/skip", _skip),
        post("/undo", _undo),
    ]


def _page(visit: Visit) -> Response:
    return _shown(visit, visit.query.get("at", ""))


def _shown(visit: Visit, at: str) -> Response:
    """The strategy ``at`` in the queue, or the first; empty: the first."""
    chosen = Filter.read(visit.query)
    line = _line(visit, chosen)
    found, part = line.around(at, before=_BEFORE, many=_AROUND)
    place = found or 0
    entry = part.at(place)
    values: dict[str, Any] = {"url": _url(visit, at), "filter": chosen, "choices": CHOICES, "names": NAMES}
    if entry is None:
        return visit.page("queue_empty.html", **values)
    before, after = part.at(place - 1), part.at(place + 1)
    note(visit.session.before, entry.strategy.id, visit.desk.clock())
    url_of = _places(chosen)
    return visit.page(
        "queue.html",
        item=dossier(visit.desk.sources, entry, lesson_id=visit.query.get("lesson", "")),
        beside=[Place(entry=e, url=url_of(e)) for e in part.entries],
        number=place + 1,
        total=part.total,
        next_url=url_of(after) if after else "",
        previous_url=url_of(before) if before else "",
        query=url_of(entry).partition("?")[2],
        reasons=REASONS,
        own=own_word(entry, visit.account),
        pace=visit.desk.pace.told(),
        **values,
    )


def _places(chosen: Filter) -> Callable[[Entry], str]:
    """Where in the filtered queue each strategy stands, as a URL: the filter's part of it is made once."""
    stem = chosen.url("/queue")
    begun = f"{stem}{'&' if '?' in stem else '?'}at="
    return lambda entry: begun + quote(entry.strategy.id)


def _approve(visit: Visit) -> Response:
    despite = visit.form.get("despite") == "yes"
    decided, after = visit.desk.clock(), _after(visit)
    try:
        entry = visit.desk.decisions.approve(
            visit.account.name,
            visit.path("id"),
            expect=visit.seen(),
            reason=visit.form.get("reason", ""),
            despite=despite,
        )
    except ConflictError as error:
        return _refused(visit, error, after)
    _timed(visit, decided)
    return _decided(visit, after, approved(entry))


def _reject(visit: Visit) -> Response:
    decided, after = visit.desk.clock(), _after(visit)
    reason = visit.form.get("other", "").strip() or visit.form.get("reason", "")
    try:
        visit.desk.decisions.reject(visit.account.name, visit.path("id"), expect=visit.seen(), reason=reason)
    except ConflictError as error:
        return _refused(visit, error, after)
    _timed(visit, decided)
    return _decided(visit, after, f"Rejected: {reason}.")


def _timed(visit: Visit, decided: datetime) -> None:
    """How long it took to read and to decide, where this session was shown it in the queue."""
    visit.desk.pace.add(visit.session.before.pop(visit.path("id"), None), decided)


def _edit(visit: Visit) -> Response:
    approve = visit.form.get("then") == "approve"
    here = visit.path("id")
    after = _after(visit) if approve else here
    try:
        entry = visit.desk.decisions.edit(
            visit.account.name,
            here,
            Words.read(visit.form),
            expect=visit.seen(),
            reason=visit.form.get("reason", ""),
            approve=approve,
        )
    except ConflictError as error:
        return _refused(visit, error, here)
    return _decided(
        visit, after, f"Edited. {approved(entry)}" if approve else "Edited: a new version, to be approved."
    )


def _skip(visit: Visit) -> Response:
    after = _after(visit)
    skipped = visit.session.skipped
    skipped.pop(visit.path("id"), None)
    skipped[visit.path("id")] = visit.seen()
    while len(skipped) > MOST_SKIPPED:
        del skipped[next(iter(skipped))]
    return _on(visit, after)


def _undo(visit: Visit) -> Response:
    done = visit.desk.decisions.undo(visit.account.name)
    visit.session.skipped.pop(done.strategy_id, None)
    entry = visit.desk.library.entry(done.strategy_id)
    visit.tell(f"Taken back: {done.what}.{' It waits for a second person.' if entry.half_approved else ''}")
    return _on(visit, done.strategy_id)


def _decided(visit: Visit, at: str, told: str) -> Response:
    visit.tell(told, link=f"/strategies/{visit.path('id')}")
    return _on(visit, at)


def _refused(visit: Visit, error: ConflictError, at: str) -> Response:
    visit.tell(f"{error.message} ({error.hint})", kind="wrong")
    return _on(visit, at)


def _on(visit: Visit, at: str) -> Response:
    """What follows: htmx has it in the same answer, and a reviewer waits for one request; others are sent there."""
    if not visit.by_htmx:
        return visit.see(_url(visit, at))
    with visit.desk.library.one_view():
        return _shown(visit, at)


def _url(visit: Visit, at: str) -> str:
    return Filter.read(visit.query).url("/queue", at=at)


def _line(visit: Visit, chosen: Filter) -> Line:
    """What was skipped goes to the end, until it changes."""
    which = chosen.waiting(visit.account.name)
    return Line(visit.desk.library, which, order=chosen.sorted, skipped=visit.session.skipped)


def _after(visit: Visit) -> str:
    """Where to go on: the strategy after this one, found before the decision moves anything."""
    return _line(visit, Filter.read(visit.query)).after(visit.path("id"))
