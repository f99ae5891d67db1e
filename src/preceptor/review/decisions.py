"""What a reviewer can decide: each is one batch of changes, held against what the reviewer saw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from threading import Lock

from preceptor.core.errors import LibraryError, PreceptorError
from preceptor.core.ids import short_id
from preceptor.core.records import Finding, Strategy
from preceptor.core.untrusted import clean
from preceptor.library.changes import (
    Approve,
    Change,
    Edit,
    Merge,
    Propose,
    Provenance,
    Reject,
    Reopen,
    Retire,
    Screen,
)
from preceptor.library.entry import Entry
from preceptor.library.law import moment, read_time
from preceptor.library.screener import Screener
from preceptor.library.store import Library

_LONGEST = 2000
_MOST_UNDO = 200


class ConflictError(PreceptorError):
    """Another person decided first; nothing was changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """A strategy's words as a person typed them."""

    when: str
    do: str
    avoid: str = ""
    why: str = ""

    @classmethod
    def read(cls, form: Mapping[str, str]) -> Words:
        """From a form, cleaned. LibraryError where a field is longer than any rule should be."""
        values = {name: clean(form.get(name, "")) for name in ("when", "do", "avoid", "why")}
        for name, text in values.items():
            if len(text) > _LONGEST:
                raise LibraryError(f"'{name}' has {len(text)} characters", hint=f"{_LONGEST} at most")
        return cls(**values)

    def on(self, strategy: Strategy) -> Strategy:
        """``strategy`` with these words."""
        return replace(strategy, when=self.when, do=self.do, avoid=self.avoid, why=self.why)


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A decision that can be taken back."""

    what: str
    strategy_id: str
    before: tuple[Entry, ...]
    """The entries that it changed, as they were; the first is the strategy's own."""
    seen: tuple[tuple[str, int], ...]
    """Each entry's ``changed_seq`` after it."""


class Decisions:
    """Takes decisions for the accounts. Safe to share between threads."""

    def __init__(self, library: Library, screener: Screener) -> None:
        self._library = library
        self._screener = screener
        self._lock = Lock()
        self._done: dict[str, list[Done]] = {}

    def approve(
        self,
        account: str,
        strategy_id: str,
        *,
        expect: int,
        reason: str = "",
        despite: bool = False,
        until: str = "",
    ) -> Entry:
        """Approves, after screening once more. Where the law asks for two people, the entry may still be proposed.

        Args:
            account: who approves.
            strategy_id: of what.
            expect: the ``changed_seq`` that the person saw.
            reason: kept with the change.
            despite: although screening found something blocking; needs a reason.
            until: when the approval ends, as ``read_time`` takes it; empty: as the law says.

        Raises:
            ConflictError: somebody changed it since.
            LibraryError: not allowed in its status, or screening found what blocks it.
        """
        with self._library.one_view():
            entry = self._entry(strategy_id)
            findings = self.findings(entry.strategy, entry.findings)
        if despite:
            if not clean(reason):
                raise LibraryError(
                    "approving despite a finding needs a reason", hint="say why the finding is wrong"
                )
            findings = tuple(f for f in findings if f.severity != "blocking")
        elif any(f.severity == "blocking" for f in findings):
            if findings != entry.findings:
                self._apply(
                    account, entry, [Screen(strategy_id=strategy_id, findings=findings)], expect, "screened"
                )
            first = next(f for f in findings if f.severity == "blocking")
            raise LibraryError(
                f"screening ({first.check}) stands against it: {first.reason}",
                hint="edit the words, or approve despite it with a reason",
            )
        end = moment(read_time(until)) if until.strip() else ""
        changes = [Screen(strategy_id=strategy_id, findings=findings), Approve(strategy_id=strategy_id, until=end)]
        return self._decide(account, "approved", entry, changes, expect, reason or "approved in review")

    def reject(self, account: str, strategy_id: str, *, expect: int, reason: str) -> Entry:
        """Rejects, with a reason. Errors as in :meth:`approve`."""
        if not clean(reason):
            raise LibraryError("a rejection needs a reason", hint="choose one or write one")
        entry = self._entry(strategy_id)
        return self._decide(account, "rejected", entry, [Reject(strategy_id=strategy_id)], expect, reason)

    def retire(self, account: str, strategy_id: str, *, expect: int, reason: str) -> Entry:
        """Takes it out of use."""
        entry = self._entry(strategy_id)
        return self._decide(
            account, "retired", entry, [Retire(strategy_id=strategy_id)], expect, reason or "retired"
        )

    def reopen(self, account: str, strategy_id: str, *, expect: int, reason: str) -> Entry:
        """Puts it back into the queue."""
        entry = self._entry(strategy_id)
        return self._decide(
            account, "reopened", entry, [Reopen(strategy_id=strategy_id)], expect, reason or "reopened"
        )

    def edit(
        self, account: str, strategy_id: str, words: Words, *, expect: int, reason: str = "", approve: bool = False
    ) -> Entry:
        """New words, screened; ``approve``: and approved at once, where screening finds nothing that blocks."""
        entry = self._entry(strategy_id)
        new = words.on(entry.strategy)
        changes: list[Change] = []
        if new != entry.strategy:
            changes.append(
                Edit(strategy_id=strategy_id, when=words.when, do=words.do, avoid=words.avoid, why=words.why)
            )
        if new != entry.strategy or approve:
            known = entry.findings if new == entry.strategy else ()
            changes.append(Screen(strategy_id=strategy_id, findings=self.findings(new, known)))
        if approve:
            changes.append(Approve(strategy_id=strategy_id))
        return self._decide(account, "edited", entry, changes, expect, reason or "edited in review")

    def merge(
        self, account: str, strategy_id: str, other_id: str, words: Words, *, expect: int, expect_other: int
    ) -> Entry:
        """``other_id`` goes into ``strategy_id``, which gets these words."""
        entry, other = self._entry(strategy_id), self._entry(other_id)
        into = words.on(entry.strategy)
        changes: list[Change] = [Merge(into=into, of=(other_id,), reason="the same rule")]
        if into != entry.strategy:
            findings = self._screener.look(into, without=(other_id,)).findings
            changes.append(Screen(strategy_id=strategy_id, findings=findings))
        seen = {strategy_id: expect, other_id: expect_other}
        return self._decide(account, "merged", entry, changes, seen, "merged in review", (other,))

    def propose(self, account: str, words: Words, *, reason: str = "") -> Entry:
        """A new strategy, written by a person."""
        content = [words.when, words.do, words.avoid]
        strategy = words.on(Strategy(id=short_id("strategy", content), when="", do="", scope="domain"))
        change = Propose(strategy=strategy, provenance=Provenance(run=""), findings=self.findings(strategy, ()))
        if self._library.named([strategy.id]):
            raise LibraryError("the library holds a strategy with these words", hint=f"see: {strategy.id}")
        self._library.apply([change], author=account, reason=clean(reason) or "written in review")
        return self._entry(strategy.id)

    def findings(self, strategy: Strategy, known: Sequence[Finding]) -> tuple[Finding, ...]:
        """What the checks by code find now, and what the teacher found before."""
        return self._screener.look(strategy, known).findings

    def undo(self, account: str) -> Done:
        """Takes back the account's last decision. Where the law asks for two people, an approval that it ended by
        another decision comes back as one of two: the other person's word is theirs to give again.

        Raises:
            LibraryError: there is none.
            ConflictError: somebody changed the strategy since.
        """
        with self._lock:
            stack = self._done.get(account, [])
            if not stack:
                raise LibraryError("there is nothing to undo", hint="only your own decisions since the app started")
            done = stack.pop()
        changes = [change for entry in done.before for change in self._back(entry)]
        reason = f"undo: {done.what} {done.strategy_id}"
        if changes:
            self._apply(account, done.before[0], changes, dict(done.seen), reason)
        return done

    def last(self, account: str) -> Done | None:
        """What :meth:`undo` would take back."""
        with self._lock:
            stack = self._done.get(account, [])
            return stack[-1] if stack else None

    def _back(self, was: Entry) -> list[Change]:
        now = self._entry(was.strategy.id)
        changes: list[Change] = []
        half_since = now.half_approved and now.approvals != was.approvals
        if now.status == "retired" or now.status not in {was.status, "proposed"} or half_since:
            changes.append(Reopen(strategy_id=was.strategy.id))
        old = was.strategy
        if replace(now.strategy, scenarios=()) != replace(old, scenarios=()):
            changes.append(Edit(strategy_id=old.id, when=old.when, do=old.do, avoid=old.avoid, why=old.why))
        changes.append(Screen(strategy_id=old.id, findings=was.findings))
        if was.status == "approved":
            changes.append(Approve(strategy_id=old.id, until=was.until))
        elif was.status in ("rejected", "retired"):
            changes.append((Reject if was.status == "rejected" else Retire)(strategy_id=old.id))
        return changes

    def _decide(
        self,
        account: str,
        what: str,
        entry: Entry,
        changes: Sequence[Change],
        expect: int | Mapping[str, int],
        reason: str,
        others: tuple[Entry, ...] = (),
    ) -> Entry:
        self._apply(account, entry, changes, expect, reason)
        before = (entry, *others)
        after = self._library.named(e.strategy.id for e in before)
        seen = tuple((i, e.changed_seq) for i, e in after.items())
        with self._lock:
            stack = self._done.setdefault(account, [])
            stack.append(Done(what=what, strategy_id=entry.strategy.id, before=before, seen=seen))
            del stack[:-_MOST_UNDO]
        return after[entry.strategy.id]

    def _apply(
        self, account: str, entry: Entry, changes: Sequence[Change], expect: int | Mapping[str, int], reason: str
    ) -> None:
        wanted = {entry.strategy.id: expect} if isinstance(expect, int) else expect
        try:
            self._library.apply(changes, author=account, reason=clean(reason)[:_LONGEST], expect=wanted)
        except LibraryError as error:
            for strategy_id, seq in wanted.items():
                now = self._entry(strategy_id)
                if now.changed_seq != seq:
                    raise ConflictError(
                        f"{now.changed_by} changed it meanwhile: it is now {now.status}, version {now.version}",
                        hint="your decision was not taken: look at it again",
                    ) from error
            raise

    def _entry(self, strategy_id: str) -> Entry:
        entry = self._library.named([strategy_id]).get(strategy_id)
        if entry is None:
            raise LibraryError(f"there is no strategy {strategy_id[:80]}", hint="it may be of another library")
        return entry
