"""The queue: what waits for a decision, one strategy at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.responses import Response
from starlette.routing import BaseRoute

from preceptor.library.entry import Entry
from preceptor.review.decisions import ConflictError, Words
from preceptor.review.dossier import dossier
from preceptor.review.filters import CHOICES, Filter
from preceptor.review.ranking import worst
from preceptor.review.visit import Visit, get, post

REASONS = ("Too specific", "Against policy", "Wrong", "Too vague", "Duplicate", "Unsafe")
_AROUND = 40
"""Strategies that the list beside shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One strategy in the list beside."""

    entry: Entry
    worst: str
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
    found = _ordered(visit, chosen.chosen(visit.desk.shelf.view()))
    at = visit.query.get("at", "")
    number = next((n for n, e in enumerate(found) if e.strategy.id == at), 0)
    beside = _beside(found, number, chosen)
    if not found:
        return visit.page("queue_empty.html", filter=chosen, choices=CHOICES)
    entry = found[number]
    return visit.page(
        "queue.html",
        filter=chosen,
        choices=CHOICES,
        item=dossier(visit.desk.library, visit.desk.shelf, entry, lesson_id=visit.query.get("lesson", "")),
        beside=beside,
        number=number + 1,
        total=len(found),
        next_url=chosen.url("/queue", at=found[number + 1].strategy.id) if number + 1 < len(found) else "",
        previous_url=chosen.url("/queue", at=found[number - 1].strategy.id) if number else "",
        query=chosen.url("", at=entry.strategy.id).lstrip("?"),
        reasons=REASONS,
    )


def _approve(visit: Visit) -> Response:
    despite = visit.form.get("despite") == "yes"
    after = _after(visit)
    try:
        visit.desk.decisions.approve(
            visit.account.name,
            visit.path("id"),
            expect=visit.seen(),
            reason=visit.form.get("reason", ""),
            despite=despite,
        )
    except ConflictError as error:
        return visit.wrong(error, after)
    return visit.see(after, told="Approved.", link=f"/strategies/{visit.path('id')}")


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
        visit.desk.decisions.edit(
            visit.account.name,
            visit.path("id"),
            Words.read(visit.form),
            expect=visit.seen(),
            reason=visit.form.get("reason", ""),
            approve=approve,
        )
    except ConflictError as error:
        return visit.wrong(error, _same(visit))
    told = "Edited and approved." if approve else "Edited: a new version, to be approved."
    return visit.see(after, told=told, link=f"/strategies/{visit.path('id')}")


def _skip(visit: Visit) -> Response:
    after = _after(visit)
    visit.session.skipped[visit.path("id")] = visit.seen()
    return visit.see(after)


def _undo(visit: Visit) -> Response:
    done = visit.desk.decisions.undo(visit.account.name)
    visit.session.skipped.pop(done.strategy_id, None)
    chosen = Filter.read(visit.query)
    return visit.see(chosen.url("/queue", at=done.strategy_id), told=f"Taken back: {done.what}.")


def _ordered(visit: Visit, found: Sequence[Entry]) -> tuple[Entry, ...]:
    """What was skipped goes to the end, until it changes."""
    skipped = visit.session.skipped
    if not skipped:
        return tuple(found)
    return tuple(sorted(found, key=lambda e: skipped.get(e.strategy.id) == e.changed_seq))


def _after(visit: Visit) -> str:
    """Where to go on: the strategy after this one, found before the decision moves anything."""
    chosen = Filter.read(visit.query)
    found = _ordered(visit, chosen.chosen(visit.desk.shelf.view()))
    ids = [e.strategy.id for e in found]
    here = visit.path("id")
    if here not in ids:
        return chosen.url("/queue")
    at = ids.index(here)
    following = ids[at + 1] if at + 1 < len(ids) else ""
    return chosen.url("/queue", at=following)


def _same(visit: Visit) -> str:
    return Filter.read(visit.query).url("/queue", at=visit.path("id"))


def _beside(found: Sequence[Entry], number: int, chosen: Filter) -> tuple[Place, ...]:
    start = max(0, min(number - 6, len(found) - _AROUND))
    return tuple(
        Place(entry=e, worst=worst(e) or "", url=chosen.url("/queue", at=e.strategy.id))
        for e in found[start : start + _AROUND]
    )
