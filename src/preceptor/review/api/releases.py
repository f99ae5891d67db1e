"""Releases over the API."""

from __future__ import annotations

from preceptor.core.errors import LibraryError
from preceptor.library.publishing import Published
from preceptor.library.publishing_rows import ReleaseRow
from preceptor.review.api.endpoint import Call, Endpoint, MissingError, Part, reads, writes
from preceptor.review.api.shapes import (
    Listing,
    MovesTold,
    MoveTold,
    PublishedTold,
    Publishing,
    ReleaseQuery,
    ReleaseTold,
    Releasing,
)
from preceptor.review.counter import Moves
from preceptor.review.pages.releases import MOST_MOVES, against_of


def endpoints() -> tuple[Endpoint, ...]:
    """Those of this module."""
    return (
        reads("/api/releases", "All releases, newest first", _list, tuple[ReleaseRow, ...], query=Listing),
        writes(
            "/api/releases",
            "Freeze what is approved now",
            _create,
            ReleaseRow,
            Releasing,
            role="publisher",
            status=201,
        ),
        reads("/api/next-release", "What a release made now would change", _next, MovesTold),
        writes(
            "/api/rollback",
            "Make current what was current before",
            _rollback,
            PublishedTold,
            Publishing,
            role="publisher",
        ),
        reads("/api/releases/{id}", "A release and what it changes", _one, ReleaseTold, query=ReleaseQuery),
        writes(
            "/api/releases/{id}/publish",
            "Make a release current",
            _publish,
            PublishedTold,
            Publishing,
            role="publisher",
        ),
    )


def _found(call: Call) -> ReleaseRow:
    try:
        return call.desk.releases.find(call.path["id"])
    except LibraryError as error:
        raise MissingError(error.message, hint="see GET /api/releases") from error


def _list(call: Call) -> Part:
    asked: Listing = call.query
    rows = tuple(reversed(call.desk.releases.list()))
    end = asked.start + asked.limit
    return Part(data=rows[asked.start : end], total=len(rows), next=str(end) if end < len(rows) else None)


def _create(call: Call) -> object:
    given: Releasing = call.body
    return call.desk.releases.create(call.desk.recipe(), author=call.account.name, reason=given.reason).release


def _next(call: Call) -> object:
    current = call.desk.releases.current()
    found = call.desk.counter.next(current.digest if current else "")
    told = _moves(call, found.moves, current, None)
    return told.model_copy(update={"left_out": found.left_out, "expired": found.expired})


def _one(call: Call) -> object:
    asked: ReleaseQuery = call.query
    row = _found(call)
    rows = call.desk.releases.list()
    try:
        against = against_of(rows, row, asked.against)
    except LibraryError as error:
        raise MissingError(error.message, hint=error.hint) from error
    moves = call.desk.counter.compare(against.digest if against else "", row.digest)
    acts = tuple(a for a in call.desk.releases.log() if a.digest == row.digest)
    return ReleaseTold(release=row, moves=_moves(call, moves, against, row.digest), acts=acts)


def _moves(call: Call, found: Moves, against: ReleaseRow | None, after: str | None) -> MovesTold:
    before = against.digest if against else ""
    told = tuple(
        MoveTold(
            kind=m.kind,
            strategy=m.strategy,
            before=m.before,
            version=m.version,
            decided_by=m.record.author if m.record else None,
            decided_at=m.record.at if m.record else None,
            reason=m.record.reason if m.record else None,
        )
        for m in call.desk.counter.shown(found.all[:MOST_MOVES], before, after)
    )
    return MovesTold(
        against=against.id if against else None,
        added=len(found.added),
        changed=len(found.changed),
        removed=len(found.removed),
        same=found.same,
        settings=found.settings,
        moves=told,
    )


def _publish(call: Call) -> object:
    given: Publishing = call.body
    row = _found(call)
    return _told(
        call.desk.releases.publish(row.digest, author=call.account.name, reason=given.reason, expect=given.expect)
    )


def _rollback(call: Call) -> object:
    given: Publishing = call.body
    return _told(call.desk.releases.rollback(author=call.account.name, reason=given.reason, expect=given.expect))


def _told(done: Published) -> PublishedTold:
    return PublishedTold(current=done.current, previous=done.previous, withdrawn=done.withdrawn)
