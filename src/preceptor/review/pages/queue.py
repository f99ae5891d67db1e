"""The queue: what waits for a decision, one strategy at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from starlette.responses import Response
from starlette.routing import BaseRoute

from preceptor.library.entry import Entry
from preceptor.review.decisions import ConflictError, Words
from preceptor.review.dossier import dossier
from preceptor.review.filters import CHOICES, NAMES, Filter
from preceptor.review.line import MOST_SKIPPED, Line
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
    chosen = Filter.read(visit.query)
    line = _line(visit, chosen)
    found, part = line.around(visit.query.get("at", ""), before=_BEFORE, many=_AROUND)
    place = found or 0
    entry = part.at(place)
    values: dict[str, Any] = {"filter": chosen, "choices": CHOICES, "names": NAMES}
    if entry is None:
        return visit.page("queue_empty.html", **values)
    before, after = part.at(place - 1), part.at(place + 1)
    at = _places(chosen)
    return visit.page(
        "queue.html",
        item=dossier(visit.desk.sources, entry, lesson_id=visit.query.get("lesson", "")),
        beside=[Place(entry=e, url=at(e)) for e in part.entries],
        number=place + 1,
        total=part.total,
        next_url=at(after) if after else "",
        previous_url=at(before) if before else "",
        query=at(entry).partition("?")[2],
        reasons=REASONS,
        own=own_word(entry, visit.account),
        **values,
    )


def _places(chosen: Filter) -> Callable[[Entry], str]:
    """Where in the filtered queue each strategy stands, as a URL: the filter's part of it is made once."""
    stem = chosen.url("/queue")
    begun = f"{stem}{'&' if '?' in stem else '?'}at="
    return lambda entry: begun + quote(entry.strategy.id)


def _approve(visit: Visit) -> Response:
    despite = visit.form.get("despite") == "yes"
    after = _after(visit)
    try:
        entry = visit.desk.decisions.approve(
            visit.account.name,
            visit.path("id"),
            expect=visit.seen(),
            reason=visit.form.get("reason", ""),
            despite=despite,
        )
    except ConflictError as error:
        return visit.wrong(error, after)
    return visit.see(after, told=approved(entry), link=f"/strategies/{visit.path('id')}")


def _reject(visit: Visit) -> Response:
    after = _after(visit)
    reason = visit.form.get("other", "").strip() or visit.form.get("reason", "")
    try:
        visit.desk.decisions.reject(visit.account.name, visit.path("id"), expect=visit.seen(), reason=reason)
    except ConflictError as error:
        return visit.wrong(error, after)
    return visit.see(after, told=f"Rejected: {reason}.", link=f"/strategies/{visit.path('id')}")


def _edit(visit: Visit) -> Response:
    approve = visit.form.get("then") == "approve"
    after = _after(visit) if approve else _same(visit)
    try:
        entry = visit.desk.decisions.edit(
            visit.account.name,
            visit.path("id"),
            Words.read(visit.form),
            expect=visit.seen(),
            reason=visit.form.get("reason", ""),
            approve=approve,
        )
    except ConflictError as error:
        return visit.wrong(error, _same(visit))
    told = f"Edited. {approved(entry)}" if approve else "Edited: a new version, to be approved."
    return visit.see(after, told=told, link=f"/strategies/{visit.path('id')}")


def _skip(visit: Visit) -> Response:
    after = _after(visit)
    skipped = visit.session.skipped
    skipped.pop(visit.path("id"), None)
    skipped[visit.path("id")] = visit.seen()
    while len(skipped) > MOST_SKIPPED:
        del skipped[next(iter(skipped))]
    return visit.see(after)


def _undo(visit: Visit) -> Response:
    done = visit.desk.decisions.undo(visit.account.name)
    visit.session.skipped.pop(done.strategy_id, None)
    chosen = Filter.read(visit.query)
    entry = visit.desk.library.entry(done.strategy_id)
    told = f"Taken back: {done.what}.{' It waits for a second person.' if entry.half_approved else ''}"
    return visit.see(chosen.url("/queue", at=done.strategy_id), told=told)


def _line(visit: Visit, chosen: Filter) -> Line:
    """What was skipped goes to the end, until it changes."""
    which = chosen.waiting(visit.account.name)
    return Line(visit.desk.library, which, order=chosen.sorted, skipped=visit.session.skipped)


def _after(visit: Visit) -> str:
    """Where to go on: the strategy after this one, found before the decision moves anything."""
    chosen = Filter.read(visit.query)
    return chosen.url("/queue", at=_line(visit, chosen).after(visit.path("id")))


def _same(visit: Visit) -> str:
    return Filter.read(visit.query).url("/queue", at=visit.path("id"))
