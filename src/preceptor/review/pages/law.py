"""The law: how many people approve and for how long that holds; shown to all, set by an admin."""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import BaseRoute

from preceptor.core.errors import InputError
from preceptor.core.untrusted import clean
from preceptor.library.changes import SetLaw
from preceptor.library.entry import Record
from preceptor.library.law import MOST_DAYS, Law, same_person
from preceptor.library.paging import Filter
from preceptor.review.standing import law_told
from preceptor.review.visit import Visit, get, post

_MOST_CHANGES = 50


def routes() -> list[BaseRoute]:
    """The page, and setting it."""
    return [get("/law", _page), post("/law", _set, "admin")]


def _page(visit: Visit) -> Response:
    library = visit.desk.library
    asked = library.law_asked()
    half = library.page(Filter(half_approved=True), limit=0)
    return visit.page(
        "law.html",
        law=half.terms.law,
        told=law_told,
        asked=asked,
        own=asked is not None and same_person(asked.by, visit.account.name),
        half=half.total,
        expired=library.page(Filter(expired=True), limit=0).total,
        most_days=MOST_DAYS,
        changes=[(r, law_of(r)) for r in library.changes(kind="setlaw", limit=_MOST_CHANGES)],
    )


def law_of(record: Record) -> str:
    """The law that a change asked for, in words."""
    return law_told(record.change.law) if isinstance(record.change, SetLaw) else ""


def _set(visit: Visit) -> Response:
    people, days = visit.form.get("people", ""), visit.form.get("valid_days", "").strip() or "0"
    if people not in ("1", "2") or not (days.isascii() and days.isdecimal() and len(days) < 7):
        raise InputError("this cannot be a law", hint=f"one or two people, and 0 to {MOST_DAYS} days")
    wanted, library = Law(people=int(people), valid_days=int(days)), visit.desk.library
    reason = clean(visit.form.get("reason", ""))
    if not reason:
        raise InputError("a law needs a reason", hint="say why; it stays in the log")
    library.apply([SetLaw(law=wanted)], author=visit.account.name, reason=reason)
    if library.law() == wanted:
        return visit.see("/law", told=f"This holds now: {law_told(wanted)}")
    return visit.see("/law", told="Asked for. A looser law waits for a second person, as approvals do.")
