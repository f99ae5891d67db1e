"""Between releases and rows: bytes in parts, a log chained by hash, and the pointer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select, update

from preceptor.core.errors import InputError, LibraryError
from preceptor.core.ids import digest as digest_of
from preceptor.core.untrusted import one_line
from preceptor.library.release import Release, parse_release, release_id
from preceptor.library.release_pointer import Pointed
from preceptor.library.release_schema import (
    LOG_TABLE,
    PART_TABLE,
    POINTER_TABLE,
    RELEASE_TABLE,
    STRATEGY_TABLE,
)
from preceptor.library.schema import METADATA

RELEASES = METADATA.tables[RELEASE_TABLE]
STRATEGIES = METADATA.tables[STRATEGY_TABLE]
PARTS = METADATA.tables[PART_TABLE]
LOG = METADATA.tables[LOG_TABLE]
POINTER = METADATA.tables[POINTER_TABLE]

Row = dict[str, Any]

PART = 4 * 1024 * 1024
"""Bytes in one row: databases dislike single values of hundreds of megabytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One line of the log of releases."""

    seq: int
    act: str
    """``create``, ``publish`` or ``rollback``."""
    release: str
    """Id of the release it is about; for a roll-back: the one that is current since, empty for none."""
    digest: str
    author: str
    at: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRow:
    """What is known of a release without reading it."""

    id: str
    digest: str
    trial: bool
    strategies: int
    scenarios: int
    bytes: int
    seq: int
    """Number of the act that made it."""
    created_at: str
    created_by: str
    reason: str
    current: bool


def lock(connection: Connection) -> Pointed:
    """The pointer, held until the transaction ends: one act at a time."""
    row = connection.execute(select(POINTER).with_for_update()).mappings().one_or_none()
    if row is None:
        raise LibraryError("the library has lost its release pointer", hint="restore it from a backup")
    return Pointed(digest=row["digest"], seq=row["seq"])


def pointer(connection: Connection) -> Pointed:
    """What the pointer says."""
    row = connection.execute(select(POINTER.c.digest, POINTER.c.seq)).one()
    return Pointed(digest=row[0], seq=row[1])


def releases(connection: Connection, *conditions: Any) -> tuple[ReleaseRow, ...]:
    """Releases in the order in which they were made."""
    current = pointer(connection).digest
    query = select(RELEASES, LOG.c.author, LOG.c.at, LOG.c.reason).join(LOG, LOG.c.seq == RELEASES.c.seq)
    found = connection.execute(query.where(*conditions).order_by(RELEASES.c.seq)).mappings()
    return tuple(
        ReleaseRow(
            id=release_id(row["digest"]),
            digest=row["digest"],
            trial=bool(row["trial"]),
            strategies=row["strategies"],
            scenarios=row["scenarios"],
            bytes=row["bytes"],
            seq=row["seq"],
            created_at=row["at"],
            created_by=row["author"],
            reason=row["reason"],
            current=row["digest"] == current,
        )
        for row in found
    )


def holding(connection: Connection, strategy_id: str) -> tuple[tuple[ReleaseRow, int], ...]:
    """Releases that hold the strategy, oldest first, each with the version that it holds."""
    query = select(STRATEGIES.c.digest, STRATEGIES.c.version).where(STRATEGIES.c.strategy == strategy_id)
    versions = {row[0]: row[1] for row in connection.execute(query)}
    if not versions:
        return ()
    return tuple((row, versions[row.digest]) for row in releases(connection, RELEASES.c.digest.in_(versions)))


def find(connection: Connection, digest: str) -> ReleaseRow | None:
    """The release with exactly this digest."""
    found = releases(connection, RELEASES.c.digest == digest)
    return found[0] if found else None


def only(connection: Connection, id_or_prefix: str) -> ReleaseRow:
    """The release with this id or digest, or the only one that begins so. LibraryError: none, or several."""
    prefix = id_or_prefix.removeprefix("release-")
    found: tuple[ReleaseRow, ...] = ()
    if prefix:
        found = releases(connection, RELEASES.c.digest.startswith(prefix, autoescape=True))
    if not found:
        raise LibraryError(
            f"there is no release '{one_line(id_or_prefix, 80)}'", hint="see: preceptor release list"
        )
    if len(found) > 1:
        some = ", ".join(row.id for row in found[:3])
        raise LibraryError(
            f"more than one release begins with '{one_line(id_or_prefix, 80)}': {some}", hint="give more of the id"
        )
    return next(iter(found))


def release_row(release: Release, length: int, seq: int) -> Row:
    """The row of ``releases``."""
    manifest = release.manifest
    return {
        "digest": release.digest,
        "trial": int(manifest.trial),
        "strategies": manifest.strategies,
        "scenarios": manifest.scenarios,
        "bytes": length,
        "seq": seq,
    }


def held_rows(release: Release) -> list[Row]:
    """The rows of ``release_strategies``."""
    return [
        {"digest": release.digest, "strategy": r.strategy.id, "version": r.version}
        for r in release.strategies().all()
    ]


def insert_release(connection: Connection, release: Release, data: bytes, seq: int) -> None:
    """All rows of a release."""
    insert_rows(connection, release, len(data), seq)
    for number, start in enumerate(range(0, len(data), PART)):
        part = data[start : start + PART]
        connection.execute(insert(PARTS).values(digest=release.digest, number=number, data=part))


def insert_rows(connection: Connection, release: Release, length: int, seq: int) -> None:
    """The rows that tell of a release, beside its bytes."""
    connection.execute(insert(RELEASES).values(release_row(release, length, seq)))
    connection.execute(insert(STRATEGIES), held_rows(release))


def bytes_of(connection: Connection, digest: str) -> tuple[Release, bytes]:
    """A release from its rows, checked.

    Raises:
        LibraryError: its bytes are not those that the digest names.
    """
    query = select(PARTS.c.number, PARTS.c.data).where(PARTS.c.digest == digest).order_by(PARTS.c.number)
    parts = list(connection.execute(query))
    if [part[0] for part in parts] != list(range(len(parts))) or any(type(part[1]) is not bytes for part in parts):
        raise LibraryError(
            f"the bytes of {release_id(digest)} were altered", hint="restore the library from a backup"
        )
    data = b"".join(part[1] for part in parts)
    try:
        release = parse_release(data, release_id(digest))
    except InputError as error:
        raise LibraryError(error.message, hint="restore the library from a backup") from error
    if release.digest != digest:
        raise LibraryError(f"the rows of {release_id(digest)} hold {release.id}", hint="restore from a backup")
    return release, data


def append(connection: Connection, act: str, digest: str, *, author: str, at: str, reason: str) -> int:
    """One more line of the log; its number. The pointer must be locked."""
    last = connection.execute(select(LOG.c.seq, LOG.c.hash).order_by(LOG.c.seq.desc()).limit(1)).one_or_none()
    seq, previous = (last[0] + 1, last[1]) if last else (1, "")
    row = {
        "seq": seq,
        "act": act,
        "digest": digest,
        "previous": previous,
        "author": author,
        "at": at,
        "reason": reason,
    }
    row["hash"] = digest_of("release-act", row)
    connection.execute(insert(LOG).values(row))
    connection.execute(update(POINTER).values(hash=row["hash"]))
    return seq


def acts(connection: Connection) -> tuple[Act, ...]:
    """The log, oldest first."""
    found = connection.execute(select(LOG).order_by(LOG.c.seq)).mappings()
    return tuple(
        Act(
            seq=row["seq"],
            act=row["act"],
            release=release_id(row["digest"]) if row["digest"] else "",
            digest=row["digest"],
            author=row["author"],
            at=row["at"],
            reason=row["reason"],
        )
        for row in found
    )


def earlier(log: Sequence[Act]) -> str:
    """Digest of what was current before what is; empty for none. Rolled back twice goes back two."""
    stack: list[str] = []
    for act in log:
        if act.act == "publish":
            stack.append(act.digest)
        elif act.act == "rollback" and stack:
            stack.pop()
    return stack[-2] if len(stack) > 1 else ""
