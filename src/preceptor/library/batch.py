"""One batch of changes inside one transaction: reads what it touches, plays it, writes what became of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, Table, bindparam, delete, insert, select, update

from preceptor.core.errors import InputError, LibraryError
from preceptor.core.untrusted import one_line
from preceptor.library import chain, rows
from preceptor.library.changes import Change, RecordLesson, RecordScenario
from preceptor.library.entry import Stamp, State
from preceptor.library.schema import CHANGES, FORMS, HEAD, LABELS, LAW, LESSONS, SCENARIOS, STRATEGIES, TOUCHED
from preceptor.library.state import step, touched
from preceptor.library.summary import laws
from preceptor.library.tally import moved, tally_text

_CHUNK = 500
"""Ids in one query; databases limit the number of parameters."""
_HEAD = select(HEAD).with_for_update()


class Batch:
    """The head and the entries that the changes need are read once; nothing is written before :meth:`write`."""

    def __init__(self, connection: Connection, changes: Sequence[Change], also: Iterable[str] = ()) -> None:
        self._connection = connection
        head = connection.execute(_HEAD).mappings().one_or_none()
        if head is None:
            raise LibraryError("the library has lost its head", hint=rows.DAMAGED)
        self._seq: int = head["seq"]
        self._hash: str = head["hash"]
        self._touched: list[dict[str, Any]] = []
        self.log: list[dict[str, Any]] = []
        """Rows of the changes that changed something."""
        self.state = State()
        self._load(changes, also)
        state = self.state
        self._was = State(
            dict(state.entries), dict(state.lessons), dict(state.scenarios), law=state.law, asked=state.asked
        )

    def play(self, change: Change, *, author: str, at: str, reason: str, token: str) -> None:
        """Plays and logs one change; a change that changes nothing is dropped."""
        stamp = Stamp(self._seq + 1, author, at)
        if not step(change, self.state, stamp):
            return
        row = chain.link(self._hash, change, stamp, reason=reason, token=token)
        self._seq, self._hash = row["seq"], row["hash"]
        self.log.append(row)
        self._touched += [{"strategy": strategy, "seq": stamp.seq} for strategy in touched(change)]

    def write(self) -> None:
        """The log, the new head, and every row that became another."""
        if not self.log:
            return
        self._insert(CHANGES, self.log)
        self._connection.execute(update(HEAD).values(seq=self._seq, hash=self._hash))
        self._insert(TOUCHED, self._touched)
        now, was = self.state, self._was
        pairs = [(was.entries.get(i), e) for i, e in now.entries.items() if e is not was.entries.get(i)]
        tally = moved(self._tally, (new for _, new in pairs), (old for old, _ in pairs if old is not None))
        if (now.law, now.asked, tally) != (was.law, was.asked, self._tally):
            self._connection.execute(update(LAW).values(doc=rows.law_doc(now), tally=tally_text(tally)))
        changed = [(old, new) for old, new in pairs if old is not None]
        fresh = [new for old, new in pairs if old is None]
        self._insert(STRATEGIES, [rows.entry_row(e) for e in fresh])
        self._insert(FORMS, [rows.forms_row(e) for e in fresh])
        self._update(STRATEGIES, "id", [rows.entry_row(e) for _, e in changed])
        self._update(FORMS, "strategy", [rows.forms_row(e) for _, e in changed])
        labelled = [(old, new) for old, new in changed if rows.label_rows(old) != rows.label_rows(new)]
        for ids in _chunks([e.strategy.id for _, e in labelled]):
            self._connection.execute(delete(LABELS).where(LABELS.c.strategy.in_(ids)))
        self._insert(LABELS, [row for e in (*fresh, *(e for _, e in labelled)) for row in rows.label_rows(e)])
        self._insert(LESSONS, [rows.lesson_row(r) for i, r in now.lessons.items() if i not in was.lessons])
        new = ((i, pair) for i, pair in now.scenarios.items() if i not in was.scenarios)
        self._insert(SCENARIOS, [rows.scenario_row(*pair) for _, pair in new])

    def _load(self, changes: Sequence[Change], also: Iterable[str]) -> None:
        lessons = [c.lesson for c in changes if isinstance(c, RecordLesson)]
        lesson_ids = [lesson.id for lesson in lessons]
        lesson_ids += [i for i in (getattr(c, "lesson_id", None) for c in changes) if i]
        self.state.law, self.state.asked, self._tally, _ = laws(self._connection)
        for row in self._found(STRATEGIES, [*(i for c in changes for i in touched(c)), *also]):
            self.state.entries[row["id"]] = rows.entry_of(row)
        for row in self._found(LESSONS, lesson_ids):
            self.state.lessons[row["id"]] = rows.lesson_of(row)
        scenario_ids = [lesson.scenario.id for lesson in lessons]
        scenario_ids += [c.scenario.id for c in changes if isinstance(c, RecordScenario)]
        for row in self._found(SCENARIOS, scenario_ids):
            self.state.scenarios[row["id"]] = (row["seq"], rows.scenario_of(row))

    def _found(self, table: Table, ids: Iterable[str]) -> Iterator[RowMapping]:
        for part in _chunks(list(dict.fromkeys(ids))):
            yield from self._connection.execute(select(table).where(table.c.id.in_(part))).mappings()

    def _update(self, table: Table, key: str, values: list[dict[str, Any]]) -> None:
        """Rows that are there, each found by its key: those of an unchanged index stay where they are."""
        if values:
            found = update(table).where(table.c[key] == bindparam("of"))
            parts = [{**{n: v for n, v in row.items() if n != key}, "of": row[key]} for row in values]
            self._connection.execute(found, parts)

    def _insert(self, table: Table, values: list[dict[str, Any]]) -> None:
        if values:
            self._connection.execute(insert(table), values)


def normal(change: Change) -> Change:
    """The change as it is stored. LibraryError where it cannot be."""
    try:
        change = chain.normal(change)
    except (InputError, ValueError, TypeError) as error:
        raise LibraryError(f"this change cannot be stored ({error})", hint="fix the value that is named") from error
    ids = list(touched(change))
    if isinstance(change, RecordLesson):
        ids += [change.lesson.id, change.lesson.scenario.id]
    if isinstance(change, RecordScenario):
        ids.append(change.scenario.id)
    for name in ids:
        if not name or len(name) > 200 or not name.isprintable():
            raise LibraryError(f"'{one_line(name, 80)}' cannot be an id", hint="1 to 200 printable characters")
    return change


def check_expected(state: State, expect: Mapping[str, int]) -> None:
    """LibraryError where an entry is not the one that was seen."""
    for strategy_id, seq in expect.items():
        entry = state.entry(strategy_id)
        if entry.changed_seq != seq:
            raise LibraryError(
                f"{strategy_id} was changed by {entry.changed_by} at {entry.changed_at}: it is now {entry.status}, "
                f"version {entry.version}",
                hint="look at it again, then decide",
            )


def _chunks(ids: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(ids), _CHUNK):
        yield ids[start : start + _CHUNK]
