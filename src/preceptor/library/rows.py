"""Between values and rows of the tables that follow from the log."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from sqlalchemy import Table

from preceptor.core.decode import decode
from preceptor.core.errors import InputError, LibraryError
from preceptor.core.ids import plain
from preceptor.core.records import Scenario, Strategy
from preceptor.core.untrusted import one_line
from preceptor.library.chain import BrokenError, record, stored
from preceptor.library.entry import Entry, LessonRow, Record, State
from preceptor.library.law import Asked, Law
from preceptor.library.schema import FORMS, LABELS, LAW, LESSONS, SCENARIOS, STRATEGIES, TOUCHED
from preceptor.library.screening_alike import Forms
from preceptor.library.tally import Tally, moved, tally_of, tally_text

Row = Mapping[Any, Any]
"""A row of a table: column name to value."""

DAMAGED = "run: preceptor library verify"
_DAMAGE = (InputError, ValueError, TypeError, RecursionError)
"""What a document that was altered raises."""
_KEPT = 2048
"""Entries kept as they were read."""


def entry_row(entry: Entry) -> dict[str, Any]:
    """The row of ``strategies``; ``doc`` holds all of it, the other columns are for finding."""
    strategy = entry.strategy
    return {
        "id": strategy.id,
        "first_seq": entry.first_seq,
        "status": entry.status,
        "scope": strategy.scope,
        "usable": int(entry.usable),
        "lesson": entry.lesson_id or "",
        "words": folded(" ".join(words_of(strategy))),
        "doc": stored(entry),
        "severity": entry.severity,
        "verdict": entry.verdict,
        "tainted": int(entry.tainted),
        "flagged": int(bool(entry.flags)),
        "rank": -entry.priority,
        "approved_at": entry.approved_at,
        "until": entry.until,
        "half_approved": int(entry.half_approved),
        "version": entry.version,
    }


def words_of(strategy: Strategy) -> tuple[str, ...]:
    """What is searched in a strategy."""
    return strategy.when, strategy.do, strategy.avoid, strategy.why


def label_rows(entry: Entry) -> list[dict[str, Any]]:
    """The rows of ``labels``: what lists are filtered by, and a strategy may have several of."""
    found = [("check", f.check) for f in entry.findings]
    found += [("half", approval.by) for approval in entry.approvals if entry.half_approved]
    for origin in entry.provenance:
        if origin.run:
            found += [("run", origin.run), ("stage", str(origin.stage))]
    told = dict.fromkeys((kind, one_line(value)) for kind, value in found)
    return [{"kind": kind, "value": value, "strategy": entry.strategy.id} for kind, value in told]


def forms_row(entry: Entry) -> dict[str, Any]:
    """The row of ``forms``: apart from documents, since all of them are read at once."""
    return {
        "strategy": entry.strategy.id,
        "first_seq": entry.first_seq,
        "status": entry.status,
        "forms": Forms.of(entry.strategy).packed(),
    }


def lesson_row(lesson: LessonRow) -> dict[str, Any]:
    """The row of ``lessons``."""
    return {**plain(lesson), "run": one_line(lesson.run)}


def scenario_row(seq: int, scenario: Scenario) -> dict[str, Any]:
    """The row of ``scenarios``."""
    return {
        "id": scenario.id,
        "seq": seq,
        "stage": scenario.stage,
        "profile": one_line(scenario.profile),
        "doc": stored(scenario),
    }


def law_row(state: State) -> dict[str, Any]:
    """The only row of ``law``, with how many strategies of each kind there are."""
    return {"id": 1, "doc": law_doc(state), "tally": tally_text(moved({}, state.entries.values(), ()))}


def law_doc(state: State) -> str:
    """The law, and the looser one that was asked for, as they are stored."""
    return stored({"law": state.law, "asked": state.asked})


def law_of(found: Row | None) -> tuple[Law, Asked | None, Tally]:
    """The law, the looser one that was asked for, and how many strategies of each kind there are.

    Raises:
        LibraryError: the row is missing or was damaged.
    """
    try:
        law, asked = _laws(found["doc"] if found is not None else "{}")
        return law, asked, tally_of(found["tally"] if found is not None else "")
    except (InputError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise LibraryError(f"the library's law is damaged ({error})", hint=DAMAGED) from error


@lru_cache(maxsize=8)
def _laws(text: str) -> tuple[Law, Asked | None]:
    doc: dict[str, Any] = json.loads(text)
    asked = doc["asked"]
    return decode(Law, doc["law"]), None if asked is None else decode(Asked, asked)


def folded(text: str) -> str:
    """Text as it is searched: one line, without case."""
    return one_line(text).casefold()


def entry_of(row: Row) -> Entry:
    """The entry of a row; LibraryError where its document was damaged."""
    try:
        return _entry(row["doc"])
    except _DAMAGE as error:
        raise LibraryError(f"{row['id']} is damaged ({error})", hint=DAMAGED) from error


@lru_cache(maxsize=_KEPT)
def _entry(doc: str) -> Entry:
    """Lists are looked at again and again, and entries never change."""
    return decode(Entry, json.loads(doc))


def record_of(row: Row) -> Record:
    """The change of a row of ``changes``; LibraryError where it was damaged."""
    try:
        return record(row)
    except BrokenError as error:
        raise damaged(error) from error


def damaged(error: BrokenError) -> LibraryError:
    """What a person is told of a log that does not hold."""
    return LibraryError(f"the library is damaged at {error}", hint=DAMAGED)


def lesson_of(row: Row) -> LessonRow:
    """What a row of ``lessons`` tells; LibraryError where it was damaged."""
    try:
        return decode(LessonRow, dict(row))
    except InputError as error:
        raise LibraryError(f"lesson {row['id']} is damaged ({error})", hint=DAMAGED) from error


def scenario_of(row: Row) -> Scenario:
    """The scenario of a row; LibraryError where its document was damaged."""
    return _document(Scenario, row)


def _document(kind: Any, row: Row) -> Any:
    try:
        return decode(kind, json.loads(row["doc"]))
    except _DAMAGE as error:
        raise LibraryError(f"{row['id']} is damaged ({error})", hint=DAMAGED) from error


def expected(state: State, touches: Iterable[tuple[str, int]]) -> Iterator[tuple[Table, list[dict[str, Any]]]]:
    """Every row that the tables must hold, and no other, when the log led to ``state``."""
    yield STRATEGIES, [entry_row(entry) for entry in state.entries.values()]
    yield FORMS, [forms_row(entry) for entry in state.entries.values()]
    yield LABELS, [row for entry in state.entries.values() for row in label_rows(entry)]
    yield LAW, [law_row(state)]
    yield LESSONS, [lesson_row(lesson) for lesson in state.lessons.values()]
    yield SCENARIOS, [scenario_row(seq, scenario) for seq, scenario in state.scenarios.values()]
    yield TOUCHED, [{"strategy": strategy, "seq": seq} for strategy, seq in touches]
