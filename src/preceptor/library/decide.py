"""Decisions of people, each screened anew and held against what the person saw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from preceptor.core.errors import LibraryError
from preceptor.core.records import Domain, Finding, Strategy
from preceptor.library.changes import Approve, Change, Edit, Reject, Reopen, Retire, Screen
from preceptor.library.entry import Entry
from preceptor.library.near import Near
from preceptor.library.screener import Screener
from preceptor.library.store import Library


class Decider:
    """Takes one person's decisions on strategies of a library."""

    def __init__(self, library: Library, domain: Domain, *, author: str) -> None:
        self._library = library
        self._screener = Screener(library, domain, Near(library, status="approved"))
        self._author = author

    def findings(self, strategy: Strategy, known: Sequence[Finding] = ()) -> tuple[Finding, ...]:
        """What the checks by code find now, and of ``known`` what the teacher found before."""
        return self._screener.look(strategy, known).findings

    def approve(self, id: str, *, reason: str = "", despite: bool = False, until: str = "") -> Entry:
        """Approves, after screening once more; what was found is recorded either way.

        Args:
            id: of the strategy, or how it begins.
            reason: kept with the change.
            despite: although screening found something that blocks; needs a reason.
            until: when the approval ends; see :class:`~preceptor.library.changes.Approve`.

        Raises:
            LibraryError: screening found what blocks it; not allowed in its status; it changed meanwhile.
        """
        entry = self._library.entry(id)
        found = self.findings(entry.strategy, entry.findings)
        blocking = next((f for f in found if f.severity == "blocking"), None)
        if blocking is not None and not despite:
            if found != entry.findings:
                self._apply(entry, [Screen(strategy_id=entry.strategy.id, findings=found)], "screened")
            raise LibraryError(
                f"screening ({blocking.check}) stands against {entry.strategy.id}: {blocking.reason}",
                hint="edit the words, or approve with --despite and --reason",
            )
        if despite and not reason.strip():
            raise LibraryError(
                "approving despite a finding needs a reason", hint="say why the finding is wrong, with --reason"
            )
        kept = tuple(f for f in found if f.severity != "blocking")
        changes = [
            Screen(strategy_id=entry.strategy.id, findings=kept),
            Approve(strategy_id=entry.strategy.id, until=until),
        ]
        return self._apply(entry, changes, reason or "approved")

    def reject(self, id: str, *, reason: str) -> Entry:
        """Rejects; needs a reason."""
        if not reason.strip():
            raise LibraryError("a rejection needs a reason", hint="say why, with --reason")
        entry = self._library.entry(id)
        return self._apply(entry, [Reject(strategy_id=entry.strategy.id)], reason)

    def retire(self, id: str, *, reason: str = "") -> Entry:
        """Takes it out of use."""
        entry = self._library.entry(id)
        return self._apply(entry, [Retire(strategy_id=entry.strategy.id)], reason or "retired")

    def reopen(self, id: str, *, reason: str = "") -> Entry:
        """Takes decisions back: it waits again."""
        entry = self._library.entry(id)
        return self._apply(entry, [Reopen(strategy_id=entry.strategy.id)], reason or "reopened")

    def edit(self, id: str, words: Mapping[str, str], *, reason: str = "") -> Entry:
        """Other words for some of ``when``, ``do``, ``avoid``, ``why``: a new version, screened, that waits."""
        entry = self._library.entry(id)
        old = entry.strategy
        edit = Edit(
            strategy_id=old.id,
            when=words.get("when"),
            do=words.get("do"),
            avoid=words.get("avoid"),
            why=words.get("why"),
        )
        new = replace(
            old,
            when=words.get("when", old.when),
            do=words.get("do", old.do),
            avoid=words.get("avoid", old.avoid),
            why=words.get("why", old.why),
        )
        if new == old:
            return entry
        screened = Screen(strategy_id=old.id, findings=self.findings(new))
        return self._apply(entry, [edit, screened], reason or "edited")

    def _apply(self, entry: Entry, changes: Sequence[Change], reason: str) -> Entry:
        id = entry.strategy.id
        self._library.apply(changes, author=self._author, reason=reason, expect={id: entry.changed_seq})
        return self._library.entry(id)
