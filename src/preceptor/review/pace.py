"""How long decisions took: seconds from a strategy shown in the queue to the key that decided on it.

How many took how long is kept, and nothing else: no account, no strategy, no time of day, no order. The clock is
the app's own, from its answer to the request that decides, so it holds what the way there and back takes too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import MutableMapping
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from preceptor.review.small_file import SmallFile

AWAY = timedelta(minutes=5)
"""Who takes longer did something else meanwhile: not counted."""
_MOST_SHOWN = 50
"""Strategies of one session that are waited for."""
_SCHEMA = "create table if not exists pace (tenths integer primary key, decisions integer not null) without rowid"
_ADD = "insert into pace values (?, 1) on conflict do update set decisions = decisions + 1"


class Took(NamedTuple):
    """What came of all decisions."""

    seconds: float
    """Median; of an even number the lower one of the two in the middle."""
    decisions: int


class Pace:
    """The seconds in one file; ``:memory:`` for none that stay. Safe to share between threads."""

    def __init__(self, path: Path | str) -> None:
        self._file = SmallFile(path, _SCHEMA, "reading times")
        self._lock = Lock()
        with self._file.used() as db:
            self._tenths = Counter[int](dict(db.execute("select tenths, decisions from pace").fetchall()))

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def add(self, shown: datetime | None, decided: datetime) -> None:
        """Counts a decision; None, and longer than :data:`AWAY`, is not counted."""
        if shown is None or not timedelta() <= decided - shown <= AWAY:
            return
        tenths = round(10 * (decided - shown).total_seconds())
        with self._lock:
            self._tenths[tenths] += 1
        with self._file.used() as db:
            db.execute(_ADD, (tenths,))

    def told(self) -> Took | None:
        """The median of all; None before the first."""
        with self._lock:
            counts = sorted(self._tenths.items())
        total = sum(count for _, count in counts)
        before = 0
        for tenths, count in counts:
            before += count
            if 2 * before >= total:
                return Took(tenths / 10, total)
        return None


def note(shown: MutableMapping[str, datetime], strategy_id: str, now: datetime) -> None:
    """A session has this strategy before it from now on."""
    shown.pop(strategy_id, None)
    shown[strategy_id] = now
    while len(shown) > _MOST_SHOWN:
        del shown[next(iter(shown))]
