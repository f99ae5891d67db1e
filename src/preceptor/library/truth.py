"""What the log says, played anew and checked link by link: releases rest on it, not on tables that follow from it.

So a table that was edited by hand, or a log that was, brings nothing into a release.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from sqlalchemy import Connection, select

from preceptor.core.errors import LibraryError
from preceptor.core.records import Strategy
from preceptor.library import rows
from preceptor.library.audit import streamed
from preceptor.library.chain import BrokenError, replay
from preceptor.library.entry import Entry, State
from preceptor.library.paging import Terms
from preceptor.library.release import Release
from preceptor.library.schema import CHANGES, HEAD


class Truth:
    """The state that the log leads to, as far as it was read."""

    def __init__(self) -> None:
        self.state = State()
        self._at = (0, "")

    def follow(self, connection: Connection, *, alone: bool = False) -> bool:
        """Reads what was logged since; whether there was anything.

        Args:
            connection: with one view of the log, or
            alone: in a transaction that writes: nothing is logged until it ends.

        Raises:
            LibraryError: the log is broken, or its end was cut off.
        """
        if alone:  # else a change could come between the log and its head
            connection.execute(select(HEAD.c.id).with_for_update())
        before = self._at
        query = select(CHANGES).where(CHANGES.c.seq > before[0]).order_by(CHANGES.c.seq)
        try:
            with streamed(connection, query) as log:
                self._at = replay(log, self.state, after=before)
        except BrokenError as error:
            raise LibraryError(f"the library is damaged at {error}", hint=rows.DAMAGED) from error
        head = connection.execute(select(HEAD.c.seq, HEAD.c.hash)).one_or_none()
        if head is None or tuple(head) != self._at:
            raise LibraryError(f"the library is damaged: its log ends at change {self._at[0]}", hint=rows.DAMAGED)
        return self._at != before

    def entries(self, *, trial: bool) -> list[Entry]:
        """What is approved, for a trial proposed too, in the library's order; those that must not be used, or
        whose approval has ended, are among them."""
        statuses = ("approved", "proposed") if trial else ("approved",)
        found = (e for e in self.state.entries.values() if e.status in statuses)
        return sorted(found, key=lambda e: e.first_seq)

    def withdrawn(self, release: Release, now: str) -> Iterator[str]:
        """Ids of what the release holds and what is not releasable now in that version and those words."""
        terms = Terms(self.state.law, now)
        for held in release.strategies().all():
            entry = self.state.entries.get(held.strategy.id)
            good = entry is not None and releasable(entry, terms) and entry.version == held.version
            if entry is None or not good or _words(entry.strategy) != _words(held.strategy):
                yield held.strategy.id


def _words(strategy: Strategy) -> Strategy:
    """All but the scenarios, which may grow without another version."""
    return replace(strategy, scenarios=())


def releasable(entry: Entry, terms: Terms) -> bool:
    """Whether a release that can be published may hold it: approved, not expired, and nothing speaks against it."""
    return entry.status == "approved" and entry.usable and not terms.expired(entry)
