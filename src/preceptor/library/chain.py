"""The chain of hashes over the log: each change carries the hash of the one before it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from preceptor.core.errors import PreceptorError
from preceptor.core.ids import canonical_json, digest, short_id
from preceptor.library.changes import Change, from_json, kind_of, to_json
from preceptor.library.entry import Record, Stamp, State
from preceptor.library.state import step

Row = Mapping[Any, Any]
"""A row of a table: column name to value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What ``verify`` found."""

    changes: int
    """Changes that were looked at and hold."""
    head: str
    """Hash of the last of them; empty for none. Kept elsewhere, it proves that nothing was rewritten."""
    problem: str = ""
    """The first break, in words; empty when all holds."""
    seq: int | None = None
    """Number of the change at the break; None when the break is in a table that follows from the log."""

    @property
    def ok(self) -> bool:
        """True: chain and state hold."""
        return not self.problem


class BrokenError(Exception):
    """The log does not hold at this change. Internal: ends as a :class:`Verification` or a LibraryError."""

    def __init__(self, seq: int, problem: str) -> None:
        super().__init__(f"change {seq}: {problem}")
        self.seq = seq
        self.problem = problem


def stored(value: Any) -> str:
    """Canonical JSON that any database and any UTF-8 file can hold: lone surrogates as JSON escapes."""
    return canonical_json(value).encode("utf-8", "backslashreplace").decode("utf-8")


def normal(change: Change) -> Change:
    """The change as it will be read back, so that what is applied is what the log says.

    Raises:
        InputError: a field has the wrong type.
    """
    return from_json(kind_of(change), json.loads(stored(to_json(change))))


def link(previous: str, change: Change, stamp: Stamp, *, reason: str, token: str) -> dict[str, Any]:
    """The row that follows ``previous`` (a hash) in the log."""
    kind, payload = kind_of(change), stored(to_json(change))
    row = {
        "seq": stamp.seq,
        "id": short_id("change", [previous, kind, payload]),
        "previous": previous,
        "kind": kind,
        "payload": payload,
        "author": stamp.author,
        "at": stamp.at,
        "reason": reason,
        "token": token,
    }
    return {**row, "hash": digest("change", row)}


def record(row: Row) -> Record:
    """A row of the log with its change decoded; BrokenError where it cannot be."""
    try:
        change = from_json(row["kind"], json.loads(row["payload"]))
    except (PreceptorError, ValueError, TypeError, RecursionError) as error:
        raise BrokenError(row["seq"], f"its content cannot be read ({error})") from error
    values = {name: row[name] for name in ("seq", "id", "previous", "kind", "author", "at", "reason", "token")}
    return Record(change=change, hash=row["hash"], **values)


def replay(
    rows: Iterable[Row],
    state: State,
    watch: Callable[[Record], None] | None = None,
    *,
    after: tuple[int, str] = (0, ""),
) -> tuple[int, str]:
    """Plays the rows into ``state``, checking every link; the number and hash of the last.

    Args:
        rows: of the log, in order.
        state: what the changes before them led to.
        watch: is told each change after it was played.
        after: number and hash of the change before the first row.

    Raises:
        BrokenError: at the first row that does not hold.
    """
    seq, previous = after
    for row in rows:
        seq += 1
        _check(row, seq, previous)
        told = record(row)
        try:
            changed = step(told.change, state, Stamp(seq, told.author, told.at))
        except PreceptorError as error:
            raise BrokenError(seq, f"it is not allowed in the state before it ({error})") from error
        if not changed:
            raise BrokenError(seq, "it changes nothing, and such changes are never logged")
        previous = told.hash
        if watch is not None:
            watch(told)
    return seq, previous


def _check(row: Row, seq: int, previous: str) -> None:
    if row["seq"] != seq:
        raise BrokenError(seq, f"it is missing; the next one is {row['seq']}")
    if row["previous"] != previous:
        raise BrokenError(seq, "it does not follow the change before it")
    try:
        expected = digest("change", {name: value for name, value in row.items() if name != "hash"})
        named = short_id("change", [previous, row["kind"], row["payload"]])
    except TypeError as error:  # a column that holds bytes instead of text
        raise BrokenError(seq, f"a column has the wrong type ({error})") from error
    if row["hash"] != expected or row["id"] != named:
        raise BrokenError(seq, "its content was altered: the hash does not fit")
