"""The library: typed changes in, entries, lessons and scenarios out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Table, bindparam, func, or_, select

from preceptor.core.clock import Clock
from preceptor.core.errors import LibraryError
from preceptor.core.ids import digest
from preceptor.core.records import Lesson, Scenario, Scope, Status, Strategy
from preceptor.core.untrusted import clean, one_line
from preceptor.library import chain, rows
from preceptor.library.audit import require_whole, streamed, verify_whole
from preceptor.library.batch import Batch, check_expected, normal
from preceptor.library.chain import BrokenError, Verification
from preceptor.library.changes import Change, Checkpoint, RecordLesson
from preceptor.library.counts import Counts, counts_of
from preceptor.library.database import Database, open_database
from preceptor.library.entry import Entry, LessonRow, Record, State
from preceptor.library.finding import ranked
from preceptor.library.law import Asked, Law, moment
from preceptor.library.log import FormRow, changes_query, forms_of, last_of
from preceptor.library.paging import (
    EVERY,
    Approved,
    Filter,
    Ground,
    Order,
    Page,
    Terms,
    approved_of,
    around_of,
    check_order,
    entries_of,
    next_of,
    page_of,
    position_of,
    total_of,
)
from preceptor.library.schema import CHANGES, HEAD, LESSONS, SCENARIOS, STRATEGIES, TOUCHED
from preceptor.library.summary import Summary, summary_of

_FEW = 500
"""Ids that are asked for by name; databases limit the number of parameters."""
_RECORDED = select(CHANGES).join(LESSONS, LESSONS.c.seq == CHANGES.c.seq).where(LESSONS.c.id == bindparam("id"))


class Library:
    """An open library. Safe to share between threads; close it, or use it in a ``with``."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    @classmethod
    def open(cls, path_or_url: str | Path, *, clock: Clock, create: bool = False) -> Self:
        """The library in a SQLite file or at a database URL, brought to the newest schema.

        Raises:
            LibraryError: nothing there and not ``create``; not a library; written by a newer preceptor;
                locked, damaged or not writable. ``hint`` says what to do.
        """
        return cls(open_database(path_or_url, create=create), clock)

    def close(self) -> None:
        """Gives all connections back."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def apply(
        self,
        changes: Sequence[Change],
        *,
        author: str,
        reason: str,
        token: str = "",
        expect: Mapping[str, int] | None = None,
    ) -> tuple[int, ...]:
        """All changes, in order, in one transaction; the numbers of those that changed something.

        Args:
            changes: what is wanted. Changes that change nothing are dropped.
            author: a person's account, or ``run:<id>`` for what a run does by itself.
            reason: why, in words; kept with every change.
            token: names the batch. A batch whose token is known is not applied again: the numbers that it got
                the first time are returned. So a run that was killed and resumed applies no stage twice.
            expect: strategy id to the ``changed_seq`` of the entry that the author saw.

        Raises:
            LibraryError: a change is not allowed, an expected entry has changed since (names by whom and when),
                or the database fails. Nothing is applied then.
        """
        author, reason, token = one_line(author), clean(reason), one_line(token)
        if not author:
            raise LibraryError("a change needs an author", hint="tell who makes it")
        wanted = [normal(change) for change in changes]
        with self._database.writing() as connection:
            batch = Batch(connection, wanted, expect or ())
            if token:
                known = select(CHANGES.c.seq).where(CHANGES.c.token == token).order_by(CHANGES.c.seq)
                earlier = tuple(connection.execute(known).scalars())
                if earlier:
                    return earlier
            check_expected(batch.state, expect or {})
            at = moment(self._clock())
            for change in wanted:
                batch.play(change, author=author, at=at, reason=reason, token=token)
            if token and not batch.log:
                batch.play(Checkpoint(), author=author, at=at, reason=reason, token=token)
            batch.write()
            return tuple(row["seq"] for row in batch.log)

    # Reading

    def one_view(self) -> AbstractContextManager[object]:
        """All that this thread reads inside is of one moment: what is written inside is not seen there."""
        return self._database.one_view()

    def law(self) -> Law:
        """By which rules strategies are approved."""
        return self._summary().law

    def law_asked(self) -> Asked | None:
        """A looser law that one person has asked for, where two have to."""
        return self._summary().asked

    def terms(self) -> Terms:
        """The law and the time: what decides whether an approval has ended."""
        return self._ground().terms

    def has_token(self, token: str) -> bool:
        """Whether a batch of this name has been applied."""
        return bool(self._all(select(CHANGES.c.seq).where(CHANGES.c.token == token).limit(1)))

    def entries(
        self, status: Status | None = None, scope: Scope | None = None, run: str | None = None
    ) -> tuple[Entry, ...]:
        """Entries in the order in which they were first proposed; ``run``: those that this run proposed."""
        query = select(STRATEGIES.c.id, STRATEGIES.c.doc).order_by(STRATEGIES.c.first_seq)
        if status is not None:
            query = query.where(STRATEGIES.c.status == status)
        if scope is not None:
            query = query.where(STRATEGIES.c.scope == scope)
        found = map(rows.entry_of, self._all(query))
        return tuple(e for e in found if run is None or any(p.run == run for p in e.provenance))

    def page(self, which: Filter = EVERY, *, order: Order = "review", offset: int = 0, limit: int = 50) -> Page:
        """A part of the list of strategies that ``which`` lets through, with how many there are."""
        check_order(order)
        with self._database.one_view() as connection:
            return page_of(connection, which, self._ground(), order=order, offset=offset, limit=limit)

    def waiting(self, by: str = "") -> int:
        """How many strategies wait for a decision; ``by``: without those that this person has approved already."""
        with self._database.one_view() as connection:
            return total_of(connection, Filter(status=("proposed",), not_approved_by=by), self._ground())

    def position(self, strategy_id: str, which: Filter = EVERY, *, order: Order = "review") -> int | None:
        """How many strategies of the list stand before this one; None where it is not in the list."""
        check_order(order)
        with self._database.one_view() as connection:
            return position_of(connection, which, self._ground().terms, strategy_id, order=order)

    def following(self, strategy_id: str, which: Filter = EVERY, *, order: Order = "review") -> str | None:
        """Id of the strategy that follows this one in the list; empty at its end, None where it is not in it."""
        check_order(order)
        with self._database.one_view() as connection:
            return next_of(connection, which, self._ground().terms, strategy_id, order=order)

    def around(
        self, strategy_id: str, which: Filter = EVERY, *, order: Order = "review", before: int = 0, limit: int = 50
    ) -> tuple[int | None, Page]:
        """The strategy's place as :meth:`position` tells it, and the page on which it stands after ``before``
        others; the first page where it is not in the list."""
        check_order(order)
        with self._database.one_view() as connection:
            ground = self._ground()
            return around_of(connection, which, ground, strategy_id, order=order, before=before, limit=limit)

    def counts(self, which: Filter = EVERY) -> Counts:
        """How many of each status, severity, scope, verdict, check and run the filter lets through."""
        with self._database.one_view() as connection:
            return counts_of(connection, which, self._ground().terms)

    def entry(self, id_or_prefix: str) -> Entry:
        """The entry with this id, or the only one whose id begins so (the kind before the dash may be left out).

        Raises:
            LibraryError: none, or more than one.
        """
        id_or_prefix = one_line(id_or_prefix)
        columns = select(STRATEGIES.c.id, STRATEGIES.c.doc)
        exact = self._all(columns.where(STRATEGIES.c.id == id_or_prefix))
        if exact:
            return rows.entry_of(exact[0])
        return rows.entry_of(self._only(STRATEGIES, id_or_prefix, "strategy", "preceptor library list"))

    def named(self, ids: Iterable[str]) -> Mapping[str, Entry]:
        """The entries with exactly these ids, in this order; unknown ids are left out."""
        wanted = tuple(dict.fromkeys(map(one_line, ids)))
        known: dict[str, Entry] = self._database.known().setdefault("entries", {})
        missing = [i for i in wanted if i not in known]
        if missing:
            with self._database.reading() as connection:
                known |= entries_of(connection, missing)
        return {i: known[i] for i in wanted if i in known}

    def forms(self, *, since: int = 0, status: Status | None = None) -> tuple[int, tuple[FormRow, ...]]:
        """What strategies are compared by, of those that changes after number ``since`` touched, and the number of
        the last change; ``status``: only these."""
        with self._database.one_view() as connection:
            head = self._summary().seq
            return head, forms_of(connection, since, status) if head > since else ()

    def approved(self) -> Approved:
        """What a release is made from, in the library's order, without documents."""
        with self._database.one_view() as connection:
            return approved_of(connection, self._ground().terms)

    def strategies_by_lesson(self, run: str) -> Mapping[str, str]:
        """Lesson to the first strategy that came of it, for the lessons of a run."""
        query = select(STRATEGIES.c.lesson, STRATEGIES.c.id).join(LESSONS, LESSONS.c.id == STRATEGIES.c.lesson)
        query = query.where(LESSONS.c.run == one_line(run)).order_by(STRATEGIES.c.first_seq.desc())
        return {row["lesson"]: row["id"] for row in self._all(query)}

    def snapshot(self, *, student: str = "") -> tuple[Strategy, ...]:
        """What a run may use, in a fixed order: proposed or approved, nothing blocking found, not held
        back; general and scenario-bound. ``student``: without what is withheld from this one (its seat string)."""
        query = select(STRATEGIES.c.id, STRATEGIES.c.doc).order_by(STRATEGIES.c.first_seq)
        found = map(rows.entry_of, self._all(query.where(STRATEGIES.c.usable == 1)))
        return tuple(e.strategy for e in found if student not in e.withheld_from)

    def search(self, text: str, limit: int = 20) -> tuple[Entry, ...]:
        """Entries that hold words of ``text`` (without regard to case), best first; rare words count more."""
        asked = tuple(dict.fromkeys(rows.folded(text).split()))
        if not asked:
            return ()
        held = or_(*(STRATEGIES.c.words.contains(word, autoescape=True) for word in asked))
        hits = self._all(select(STRATEGIES.c.id, STRATEGIES.c.words).where(held).order_by(STRATEGIES.c.first_seq))
        total = int(self._all(select(func.count().label("n")).select_from(STRATEGIES))[0]["n"])
        best = ranked(asked, ((row["id"], row["words"]) for row in hits), total)[:limit]
        found = self._all(select(STRATEGIES.c.id, STRATEGIES.c.doc).where(STRATEGIES.c.id.in_(best)))
        documents = {row["id"]: row for row in found}
        return tuple(rows.entry_of(documents[id]) for id in best)

    def lesson(self, id_or_prefix: str) -> Lesson:
        """The lesson with its whole trail. LibraryError: none, or more than one begins so."""
        id_or_prefix = one_line(id_or_prefix)
        logged, name = self._all(_RECORDED, id=id_or_prefix), id_or_prefix
        if not logged:
            row = self._only(LESSONS, id_or_prefix, "lesson", "preceptor library show STRATEGY")
            logged, name = self._all(select(CHANGES).where(CHANGES.c.seq == row["seq"])), row["id"]
        change = rows.record_of(logged[0]).change if logged else None
        if not isinstance(change, RecordLesson):
            raise LibraryError(f"lesson {name} is damaged", hint=rows.DAMAGED)
        return change.lesson

    def lessons(self, run: str | None = None) -> tuple[LessonRow, ...]:
        """What lessons there are, oldest first, without their trails."""
        query = select(LESSONS).order_by(LESSONS.c.seq)
        if run is not None:
            query = query.where(LESSONS.c.run == run)
        return tuple(map(rows.lesson_of, self._all(query)))

    def scenarios(self, ids: Iterable[str] | None = None) -> tuple[Scenario, ...]:
        """Scenarios that lessons were about, oldest first; ``ids``: only these (unknown ones are left out)."""
        query = select(SCENARIOS).order_by(SCENARIOS.c.seq, SCENARIOS.c.id)
        wanted = None if ids is None else frozenset(ids)
        if wanted is not None and len(wanted) <= _FEW:
            query = query.where(SCENARIOS.c.id.in_(sorted(wanted)))
        found = self._all(query)
        return tuple(rows.scenario_of(row) for row in found if wanted is None or row["id"] in wanted)

    def history(self, strategy_id: str) -> tuple[Record, ...]:
        """Every change that touched the strategy, oldest first; empty for an unknown id."""
        query = select(CHANGES).join(TOUCHED, TOUCHED.c.seq == CHANGES.c.seq)
        query = query.where(TOUCHED.c.strategy == one_line(strategy_id)).order_by(CHANGES.c.seq)
        return tuple(map(rows.record_of, self._all(query)))

    def last_changes(self, ids: Sequence[str], kinds: Sequence[str]) -> Mapping[str, Record]:
        """The last change of one of these kinds to each of these strategies, some hundred at most, by their ids."""
        with self._database.reading() as connection:
            return {i: rows.record_of(row) for i, row in last_of(connection, ids, kinds).items()}

    def head(self) -> int:
        """Number of the last change; 0 before the first. Cheap: tells a reader whether anything is new."""
        return next((row["seq"] for row in self._all(select(HEAD.c.seq))), 0)

    def changes(
        self, *, before: int = 0, author: str = "", kind: str = "", text: str = "", limit: int = 100
    ) -> tuple[Record, ...]:
        """The newest changes first; ``before`` a number (0: from the end); of one author or kind; with these words
        in reason, author or content."""
        query = changes_query(before=before, author=author, kind=kind, text=text, limit=limit)
        return tuple(map(rows.record_of, self._all(query)))

    def as_of(self, when: int | datetime) -> State:
        """What the library held after change number ``when``, or at that time.

        Raises:
            LibraryError: the log is broken before that.
        """
        state = State()
        last = when
        if isinstance(when, datetime):
            # The number decides, not the time alone: clocks can go backwards.
            (row,) = self._all(select(func.max(CHANGES.c.seq).label("seq")).where(CHANGES.c.at <= moment(when)))
            last = row["seq"] or 0
        query = select(CHANGES).where(CHANGES.c.seq <= last).order_by(CHANGES.c.seq)
        with self._database.reading() as connection:
            try:
                with streamed(connection, query) as log:
                    chain.replay(log, state)
            except BrokenError as error:
                raise rows.damaged(error) from error
        return state

    def verify(self) -> Verification:
        """Recomputes chain and state, compares every stored row with what it must be, looks at every page."""
        with self._database.reading() as connection:
            return verify_whole(connection)

    def require_whole(self) -> None:
        """LibraryError where the file has a damaged page."""
        with self._database.reading() as connection:
            require_whole(connection, self._database.name)

    def digest(self) -> str:
        """Digest of strategies, scenarios, lessons and statuses, without times, authors, runs and order: equal
        for equal runs."""
        told = self.entries()
        entries = [[e.strategy, e.version, e.status, e.verdict, e.findings, e.flags, e.merged_into] for e in told]
        lessons = [[row.id, row.stage, row.outcome, row.digest] for row in self.lessons()]
        whole = {
            "strategies": sorted(digest("entry", e) for e in entries),
            "lessons": sorted(digest("lesson", row) for row in lessons),
            "scenarios": sorted(digest("scenario", s) for s in self.scenarios()),
        }
        return digest("library", whole)

    def log(self) -> Iterator[Record]:
        """Every change, oldest first."""
        last = 0
        while part := self._all(select(CHANGES).where(CHANGES.c.seq > last).order_by(CHANGES.c.seq).limit(500)):
            yield from map(rows.record_of, part)
            last = part[-1]["seq"]

    def dump(self) -> Iterator[str]:
        """The log as lines of canonical JSON, oldest first: the same for the same changes at the same times."""
        return (chain.stored(record) for record in self.log())

    def _summary(self) -> Summary:
        known = self._database.known()
        if "summary" not in known:
            with self._database.reading() as connection:
                known["summary"] = summary_of(connection)
        return known["summary"]

    def _ground(self) -> Ground:
        told = self._summary()
        return Ground(Terms(told.law, moment(self._clock())), told.tally)

    def _all(self, query: Any, **values: Any) -> list[Any]:
        with self._database.reading() as connection:
            return list(connection.execute(query, values).mappings().all())

    def _only(self, table: Table, prefix: str, kind: str, listing: str) -> Any:
        if prefix:
            begins = table.c.id.startswith(prefix, autoescape=True)
            within = table.c.id.contains(f"-{prefix}", autoescape=True)
            found = self._all(select(table).where(or_(begins, within)).order_by(table.c.id).limit(4))
        else:
            found = []
        if not found:
            raise LibraryError(
                f"there is no {kind} '{one_line(prefix, 80)}' in the library", hint=f"see: {listing}"
            )
        if len(found) > 1:
            some = ", ".join(row["id"] for row in found[:3])
            raise LibraryError(
                f"more than one {kind} begins with '{one_line(prefix, 80)}': {some}", hint="give more of the id"
            )
        return found[0]
