"""How many strategies of each kind there are: kept with every change, so that a list tells its length without
counting. Follows from the log like every other row."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

from preceptor.core.errors import LibraryError
from preceptor.library.chain import stored
from preceptor.library.entry import Entry

DAMAGED = "run: preceptor library verify"


class Kind(NamedTuple):
    """All that lists ask for which few values are known of."""

    status: str
    scope: str
    severity: str
    """Of the worst finding; empty for none."""
    verdict: str
    tainted: bool
    flagged: bool
    usable: bool
    half_approved: bool

    @classmethod
    def of(cls, entry: Entry) -> Kind:
        """The entry's."""
        marks = (entry.tainted, bool(entry.flags), entry.usable, entry.half_approved)
        return cls(entry.status, entry.strategy.scope, entry.severity, entry.verdict, *marks)


Tally = Mapping[Kind, int]
"""Kind to how many there are; never 0."""


def moved(tally: Tally, came: Iterable[Entry], went: Iterable[Entry]) -> Tally:
    """With these entries, and without those."""
    found = Counter[Kind](tally)
    found.update(map(Kind.of, came))
    found.subtract(map(Kind.of, went))
    return {kind: count for kind, count in found.items() if count}


def tally_text(tally: Tally) -> str:
    """As it is stored, the same for the same numbers."""
    return stored(sorted([*kind[:4], *map(int, kind[4:]), count] for kind, count in tally.items()))


@lru_cache(maxsize=8)
def tally_of(text: str) -> Tally:
    """As it was stored; LibraryError where that was damaged."""
    try:
        found = {_kind(row): row[8] for row in json.loads(text)}
        if any(type(count) is not int for count in found.values()):
            raise TypeError("a count is no number")
    except (ValueError, TypeError, KeyError, IndexError, RecursionError) as error:
        raise LibraryError(f"the library's counts are damaged ({error})", hint=DAMAGED) from error
    return found


def _kind(row: list[object]) -> Kind:
    status, scope, severity, verdict = map(str, row[:4])
    tainted, flagged, usable, half_approved = map(bool, row[4:8])
    return Kind(status, scope, severity, verdict, tainted, flagged, usable, half_approved)
