"""All strategies as a table; one strategy in full; editing and merging."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response
from starlette.routing import BaseRoute

from preceptor.core.errors import LibraryError
from preceptor.core.records import Strategy
from preceptor.library.entry import Entry
from preceptor.library.state import TRANSITIONS
from preceptor.review.decisions import ConflictError, Words
from preceptor.review.diff import compare
from preceptor.review.dossier import dossier
from preceptor.review.filters import CHOICES, NAMES, Filter
from preceptor.review.standing import approved, own_word
from preceptor.review.timeline import WORDS, timeline
from preceptor.review.visit import Visit, get, post

_PER_PAGE = 100


def routes() -> list[BaseRoute]:
    """The pages, and what can be decided on them."""
    return [
        get("/strategies", _table),
        get("/strategies/new", _new, "reviewer"),
        post("/strategies/new", _propose),
        post("/screen", _screen),
        get("/strategies/{id}", _page),
        get("/strategies/{id}/edit", _form, "reviewer"),
        post("/strategies/{id}/edit", _edit),
        get("/strategies/{id}/merge", _side_by_side, "reviewer"),
        post("/strategies/{id}/merge", _merge),
        post("/strategies/{id}/{act:str}", _decide),
    ]


def _table(visit: Visit) -> Response:
    chosen = Filter.read(visit.query)
    which, number = chosen.every(), max(1, visit.number("page"))
    found = visit.desk.library.page(which, order=chosen.sorted, offset=(number - 1) * _PER_PAGE, limit=_PER_PAGE)
    pages = max(1, -(-found.total // _PER_PAGE))
    if number > pages:
        return visit.see(chosen.url("/strategies", page=str(pages)))
    return visit.page(
        "strategies.html",
        filter=chosen,
        choices=CHOICES,
        names=NAMES,
        found=found.entries,
        total=found.total,
        page=number,
        pages=pages,
    )


def entry_of(visit: Visit, name: str = "id") -> Entry:
    """The entry that the URL names. LibraryError where there is none."""
    return visit.desk.library.entry(visit.path(name))


def _page(visit: Visit) -> Response:
    entry = entry_of(visit)
    return visit.page(
        "strategy.html",
        item=dossier(visit.desk.sources, entry, lesson_id=visit.query.get("lesson", "")),
        happened=timeline(entry.strategy.id, visit.desk.library.history(entry.strategy.id)),
        acts=_acts(visit, entry),
        releases=tuple(reversed(visit.desk.releases.holding(entry.strategy.id))),
        editable=entry.status in TRANSITIONS["edit"],
        usage=visit.desk.usage.of(entry.strategy.id),
    )


def _acts(visit: Visit, entry: Entry) -> list[str]:
    """What may be decided now, by this account."""
    acts = [act for act in ("approve", "reject", "retire", "reopen") if entry.status in TRANSITIONS[act]]
    if visit.desk.library.terms().expired(entry):
        acts.insert(0, "approve")
    if entry.half_approved:
        acts.append("reopen")
        if own_word(entry, visit.account):
            acts.remove("approve")
    return acts


def _form(visit: Visit) -> Response:
    entry = entry_of(visit)
    values: dict[str, Any] = {
        "entry": entry,
        "screened": visit.desk.screener.look(entry.strategy, entry.findings),
        "query": visit.request.url.query,
        "from_queue": visit.query.get("from") == "queue",
    }
    if visit.by_htmx and visit.request.headers.get("hx-target") == "rule":
        return visit.part("edit_form.html", **values)
    return visit.page("edit.html", **values)


def _new(visit: Visit) -> Response:
    return visit.page("new.html")


def _propose(visit: Visit) -> Response:
    entry = visit.desk.decisions.propose(
        visit.account.name, Words.read(visit.form), reason=visit.form.get("reason", "")
    )
    return visit.see(f"/strategies/{entry.strategy.id}", told="Proposed.")


def _screen(visit: Visit) -> Response:
    """What screening would say of words that are still being typed."""
    words = Words.read(visit.form)
    known = visit.form.get("id", "")
    entry = visit.desk.library.named([known]).get(known)
    strategy = words.on(entry.strategy if entry else Strategy(id="new", when="", do=""))
    merged = visit.form.get("other", "")
    screened = visit.desk.screener.look(strategy, without=(merged,) if merged else ())
    told = {strategy.id, merged, *(s.id for _, s in screened.against)}
    near = [a for a in visit.desk.near.like(strategy, least=0.8) if a.id not in told][:2]
    return visit.part("findings_live.html", screened=screened, near=near)


def _edit(visit: Visit) -> Response:
    here = f"/strategies/{visit.path('id')}"
    approve = visit.form.get("then") == "approve"
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
        return visit.wrong(error, here)
    return visit.see(here, told=f"Saved. {approved(entry)}" if approve else "Saved as a new version.")


def _decide(visit: Visit) -> Response:
    strategy_id, here = visit.path("id"), f"/strategies/{visit.path('id')}"
    name, reason, seen = visit.account.name, visit.form.get("reason", ""), visit.seen()
    decisions = visit.desk.decisions
    try:
        match visit.path("act"):
            case "approve":
                despite = visit.form.get("despite") == "yes"
                until = visit.form.get("until", "")
                entry = decisions.approve(
                    name, strategy_id, expect=seen, reason=reason, despite=despite, until=until
                )
                return visit.see(here, told=approved(entry))
            case "reject":
                decisions.reject(name, strategy_id, expect=seen, reason=visit.form.get("other", "") or reason)
            case "retire":
                decisions.retire(name, strategy_id, expect=seen, reason=reason)
            case "reopen":
                decisions.reopen(name, strategy_id, expect=seen, reason=reason)
            case _:
                raise LibraryError("there is no such decision", hint="approve, reject, retire or reopen")
    except ConflictError as error:
        return visit.wrong(error, here)
    return visit.see(here, told="Done.")


def _side_by_side(visit: Visit) -> Response:
    entry = entry_of(visit)
    named = visit.query.get("with", "")
    other = visit.desk.library.named([named]).get(named)
    if other is None or other.strategy.id == entry.strategy.id:
        raise LibraryError("there is no such strategy to merge with", hint="choose one from the similar ones")
    rows = [(name, *compare(getattr(entry.strategy, name), getattr(other.strategy, name))) for name in WORDS]
    return visit.page(
        "merge.html", entry=entry, other=other, rows=rows, query=visit.request.url.query,
        from_queue=visit.query.get("from") == "queue",
    )  # fmt: skip


def _merge(visit: Visit) -> Response:
    queue = Filter.read(visit.query).url("/queue", at=visit.path("id"))
    here = queue if visit.query.get("from") == "queue" else f"/strategies/{visit.path('id')}"
    try:
        visit.desk.decisions.merge(
            visit.account.name,
            visit.path("id"),
            visit.form.get("other", ""),
            Words.read(visit.form),
            expect=visit.seen(),
            expect_other=visit.seen("expect_other"),
        )
    except ConflictError as error:
        return visit.wrong(error, here)
    return visit.see(here, told="Merged; the other one is retired and points here.")
