"""The audit log: every change, searchable, exportable, and whether the chain holds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import get_args

from starlette.responses import Response
from starlette.routing import BaseRoute

from preceptor.core.ids import canonical_json
from preceptor.core.sheets import csv_line
from preceptor.core.untrusted import one_line
from preceptor.library.changes import Change, kind_of
from preceptor.library.entry import Record
from preceptor.library.state import touched
from preceptor.review.files import download
from preceptor.review.visit import Visit, get, post

KINDS = tuple(kind.__name__.lower() for kind in get_args(Change))
_PER_PAGE = 100
_FRESH = timedelta(minutes=5)
"""How long the page takes the last verification for news enough."""
_COLUMNS = ("seq", "at", "author", "kind", "strategies", "reason", "hash", "change")


def routes() -> list[BaseRoute]:
    """The page, its exports and the check."""
    return [
        get("/audit", _page),
        get("/audit/chain", _chain),
        get("/audit.jsonl", _jsonl),
        get("/audit.csv", _csv),
        post("/audit/verify", _verify),
    ]


def _page(visit: Visit) -> Response:
    query = {name: one_line(visit.query.get(name, ""), 200) for name in ("q", "author", "kind")}
    before = visit.number("before")
    kind = query["kind"] if query["kind"] in KINDS else ""
    found = visit.desk.library.changes(
        before=before, author=query["author"], kind=kind, text=query["q"], limit=_PER_PAGE + 1
    )
    return visit.page(
        "audit.html",
        found=[(r, touched(r.change)) for r in found[:_PER_PAGE]],
        more=found[_PER_PAGE - 1].seq if len(found) > _PER_PAGE else 0,
        query=query,
        kinds=KINDS,
        checked=visit.desk.checked,
        head=visit.desk.library.head(),
        stale=_stale(visit),
    )


def _chain(visit: Visit) -> Response:
    """Whether the chain holds, asked for by the page once it stands: verifying a large library takes seconds."""
    checked = visit.desk.verify() if _stale(visit) else visit.desk.checked
    return visit.part("chain.html", checked=checked, stale=False)


def _stale(visit: Visit) -> bool:
    checked = visit.desk.checked
    if checked is None:
        return True
    grown = visit.desk.library.head() > checked.found.changes
    return grown and visit.desk.clock() - datetime.fromisoformat(checked.at) > _FRESH


def _verify(visit: Visit) -> Response:
    checked = visit.desk.verify()
    if checked.found.ok:
        return visit.see("/audit", told=f"The chain holds over {checked.found.changes} changes.")
    return visit.see("/audit", told=f"The chain is broken: {checked.found.problem}", kind="wrong")


def _jsonl(visit: Visit) -> Response:
    lines = (f"{line}\n" for line in visit.desk.library.dump())
    return download(lines, "application/jsonl", "audit.jsonl")


def _csv(visit: Visit) -> Response:
    return download(_rows(visit), "text/csv; charset=utf-8", "audit.csv")


def _rows(visit: Visit) -> Iterator[str]:
    yield csv_line(_COLUMNS)
    before = 0
    # The log is asked for newest first; the file is too, so that it can be written as it is read.
    while part := visit.desk.library.changes(before=before, limit=500):
        for record in part:
            yield csv_line(
                (
                    str(record.seq),
                    record.at,
                    record.author,
                    kind_of(record.change),
                    " ".join(touched(record.change)),
                    record.reason,
                    record.hash,
                    canonical_json(record.change),
                )
            )
        before = part[-1].seq


def as_json(record: Record) -> dict[str, object]:
    """A change as the API tells it."""
    return {
        "seq": record.seq,
        "at": record.at,
        "author": record.author,
        "kind": record.kind,
        "strategies": list(touched(record.change)),
        "reason": record.reason,
        "hash": record.hash,
        "previous": record.previous,
        "change": json.loads(canonical_json(record.change)),
    }
