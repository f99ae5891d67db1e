"""Releases over the API."""

from __future__ import annotations

from preceptor.core.errors import LibraryError
from preceptor.library.publishing import Published
from preceptor.library.publishing_rows import ReleaseRow
from preceptor.review.api.endpoint import Call, Endpoint, MissingError, Part
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
from preceptor.review.pages.releases import against_of, shown


def endpoints() -> tuple[Endpoint, ...]:
    """Those of this module."""
    return (
        Endpoint(
            method="GET",
            path="/api/releases",
            summary="All releases, newest first",
            answer=_list,
            gives=tuple[ReleaseRow, ...],
            query=Listing,
        ),
        Endpoint(
            method="POST",
            path="/api/releases",
            summary="Freeze what is approved now",
            answer=_create,
            gives=ReleaseRow,
            body=Releasing,
            role="publisher",
            status=201,
        ),
        Endpoint(
            method="GET",
            path="/api/releases/next",
            summary="What a release made now would change",
            answer=_next,
            gives=MovesTold,
        ),
        Endpoint(
            method="POST",
            path="/api/releases/rollback",
            summary="Make current what was current before",
            answer=_rollback,
            gives=PublishedTold,
            body=Publishing,
            role="publisher",
        ),
        Endpoint(
            method="GET",
            path="/api/releases/{id}",
            summary="A release and what it changes",
            answer=_one,
            gives=ReleaseTold,
            query=ReleaseQuery,
        ),
        Endpoint(
            method="POST",
            path="/api/releases/{id}/publish",
            summary="Make a release current",
            answer=_publish,
            gives=PublishedTold,
            body=Publishing,
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
    found, left_out = call.desk.counter.next(current.digest if current else "")
    told = _moves(call, found, current)
    return told.model_copy(update={"left_out": tuple(e.strategy.id for e in left_out)})


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
    return ReleaseTold(release=row, moves=_moves(call, moves, against), acts=acts)


def _moves(call: Call, found: Moves, against: ReleaseRow | None) -> MovesTold:
    told = tuple(
        MoveTold(
            kind=m.kind,
            strategy=m.strategy,
            before=m.before,
            version=m.version,
            decided_by=record.author if record else None,
            decided_at=record.at if record else None,
            reason=record.reason if record else None,
        )
        for m, record in shown(call.desk, found)
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
