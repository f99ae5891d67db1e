"""Releases: what is served, what the next one would change, publish and roll back."""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import BaseRoute

from preceptor.core.errors import LibraryError
from preceptor.library.publishing_rows import ReleaseRow
from preceptor.review.visit import Visit, get, post

MOST_MOVES = 60
"""Moves shown at once, each with the decision behind it."""
_PER_PAGE = 200


def routes() -> list[BaseRoute]:
    """The pages, and what publishers can do."""
    return [
        get("/releases", _list),
        get("/releases/{id}", _page),
        post("/releases", _create, "publisher"),
        post("/releases/rollback", _rollback, "publisher"),
        post("/releases/{id}/publish", _publish, "publisher"),
    ]


def _list(visit: Visit) -> Response:
    desk = visit.desk
    rows = desk.releases.list()
    current = next((r for r in rows if r.current), None)
    before = current.digest if current else ""
    following = desk.counter.next(before)
    return visit.page(
        "releases.html",
        rows=tuple(reversed(rows)),
        current=current,
        following=following,
        moves=desk.counter.shown(following.moves.all[:MOST_MOVES], before, None),
        log=tuple(reversed(desk.releases.log()))[:50],
    )


def _page(visit: Visit) -> Response:
    desk = visit.desk
    row = desk.releases.find(visit.path("id"))
    rows = desk.releases.list()
    against = against_of(rows, row, visit.query.get("against", ""))
    before = against.digest if against else ""
    found = desk.counter.compare(before, row.digest)
    held = desk.counter.read(row.digest).strategies()
    start, move = visit.number("from"), visit.number("move")
    return visit.page(
        "release.html",
        row=row,
        rows=[r for r in rows if r.digest != row.digest],
        against=against,
        current=next((r for r in rows if r.current), None),
        found=found,
        moves=desk.counter.shown(found.all[move : move + MOST_MOVES], before, row.digest),
        move=move,
        most=MOST_MOVES,
        held=[held.released(n) for n in range(min(start, len(held)), min(start + _PER_PAGE, len(held)))],
        start=start,
        per_page=_PER_PAGE,
        acts=[a for a in reversed(desk.releases.log()) if a.digest == row.digest],
    )


def against_of(rows: tuple[ReleaseRow, ...], row: ReleaseRow, asked: str) -> ReleaseRow | None:
    """What to compare with: as asked, else the current release, else (for the current one) the one before it."""
    if asked:
        found = next((r for r in rows if asked in (r.id, r.digest)), None)
        if found is None:
            raise LibraryError("there is no such release to compare with", hint="choose one from the list")
        return found
    current = next((r for r in rows if r.current), None)
    if current is not None and current.digest != row.digest:
        return current
    return next((r for r in reversed(rows) if r.seq < row.seq and not r.trial), None)


def _create(visit: Visit) -> Response:
    made = visit.desk.releases.create(
        visit.desk.recipe(), author=visit.account.name, reason=visit.form.get("reason", "")
    )
    told = (
        f"Made {made.release.id}." if made.new else f"{made.release.id} was there already: nothing changed since."
    )
    return visit.see(f"/releases/{made.release.id}", told=told)


def _publish(visit: Visit) -> Response:
    here = f"/releases/{visit.path('id')}"
    try:
        done = visit.desk.releases.publish(
            visit.path("id"),
            author=visit.account.name,
            reason=visit.form.get("reason", ""),
            expect=_expected(visit),
        )
    except LibraryError as error:
        return visit.wrong(error, here)
    name = done.current.id if done.current else ""
    return visit.see(here, told=f"Published: {name} is what is served now.")


def _rollback(visit: Visit) -> Response:
    try:
        done = visit.desk.releases.rollback(
            author=visit.account.name, reason=visit.form.get("reason", ""), expect=_expected(visit)
        )
    except LibraryError as error:
        return visit.wrong(error, "/releases")
    name = (
        f"{done.current.id} is current again." if done.current else "No release is current: requests go uncoached."
    )
    if done.withdrawn:
        told = f"Rolled back: {name} {len(done.withdrawn)} of its strategies are no longer approved."
        return visit.see("/releases", told=told, kind="wrong")
    return visit.see("/releases", told=f"Rolled back: {name}")


def _expected(visit: Visit) -> str | None:
    return visit.form.get("expect") if "expect" in visit.form else None
