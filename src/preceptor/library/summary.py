"""What holds of the whole library at one moment: where its log ends, its law, how many strategies of each kind."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, select, true

from preceptor.library import rows
from preceptor.library.law import Asked, Law
from preceptor.library.schema import HEAD, LAW
from preceptor.library.tally import Tally

_LAW = select(LAW)
_ALL = select(LAW, HEAD.c.seq.label("head")).select_from(LAW.outerjoin(HEAD, true()))


class Summary(NamedTuple):
    """Read as one row."""

    law: Law
    asked: Asked | None
    """A looser law that one person has asked for."""
    tally: Tally
    seq: int = 0
    """Number of the last change."""


def summary_of(connection: Connection) -> Summary:
    """All of it, in one statement. LibraryError where it was damaged."""
    found = connection.execute(_ALL).mappings().one_or_none()
    return Summary(*rows.law_of(found), int(found["head"] or 0) if found is not None else 0)


def laws(connection: Connection) -> Summary:
    """All but where the log ends: what a writer reads, who holds the head."""
    return Summary(*rows.law_of(connection.execute(_LAW).mappings().one_or_none()))
