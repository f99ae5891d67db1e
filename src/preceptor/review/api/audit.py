"""The log of changes over the API."""

from __future__ import annotations

from preceptor.review.api.endpoint import Call, Endpoint, Part, reads, writes
from preceptor.review.api.shapes import ChangeQuery, ChangeTold, Verified
from preceptor.review.pages.audit import as_json


def endpoints() -> tuple[Endpoint, ...]:
    """Those of this module."""
    return (
        reads("/api/changes", "The log, newest first", _changes, tuple[ChangeTold, ...], query=ChangeQuery),
        writes("/api/verify", "Recompute chain and state; takes seconds for a large library", _verify, Verified),
    )


def _changes(call: Call) -> Part:
    asked: ChangeQuery = call.query
    found = call.desk.library.changes(
        before=int(asked.cursor or 0),
        author=asked.author,
        kind=asked.kind,
        text=asked.q,
        limit=asked.limit + 1,
    )
    shown = found[: asked.limit]
    more = len(found) > asked.limit
    return Part(
        data=tuple(ChangeTold.of(r, as_json(r)["change"]) for r in shown), next=str(shown[-1].seq) if more else None
    )


def _verify(call: Call) -> object:
    found = call.desk.verify().found
    return Verified(ok=found.ok, changes=found.changes, head=found.head, problem=found.problem)
