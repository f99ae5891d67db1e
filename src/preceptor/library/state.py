"""What a library holds, as a pure function of its changes.

:func:`step` plays one change into a :class:`State`. The store plays changes into the few entries that they
touch; ``verify`` and ``as_of`` play the whole log. Same function, so they cannot disagree.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import singledispatch
from typing import Literal

from preceptor.core.errors import LibraryError
from preceptor.core.ids import digest
from preceptor.core.records import Lesson, Scope, Status, Strategy
from preceptor.library.changes import (
    Approve,
    Change,
    Checkpoint,
    Edit,
    Evidence,
    Flag,
    Merge,
    Override,
    Propose,
    Provenance,
    RecordLesson,
    RecordScenario,
    Reject,
    Reopen,
    Retire,
    Screen,
    SetLaw,
)
from preceptor.library.entry import Entry, Flagged, LessonRow, Measured, Stamp, State
from preceptor.library.law import RUN, Approval, Asked, check_moment, same_person

Act = Literal["edit", "approve", "reject", "retire", "reopen", "merge"]

TRANSITIONS: Mapping[Act, Mapping[Status, Status]] = {
    "edit": {"proposed": "proposed", "approved": "proposed", "rejected": "proposed"},
    "approve": {"proposed": "approved"},
    "reject": {"proposed": "rejected", "approved": "rejected"},
    "retire": {"proposed": "retired", "approved": "retired"},
    "reopen": {"approved": "proposed", "rejected": "proposed", "retired": "proposed"},
    "merge": {"proposed": "retired", "approved": "retired"},
}
"""Every way in which a status may change; what is not here is refused."""


def same_words(one: Strategy, other: Strategy) -> bool:
    """Whether two strategies say the same to the student, word for word."""
    return (one.when, one.do, one.avoid) == (other.when, other.do, other.avoid)


def touched(change: Change) -> tuple[str, ...]:
    """Ids of the strategies that a change concerns, each once, in the order in which it names them."""
    match change:
        case Propose():
            ids: tuple[str, ...] = (change.strategy.id,)
        case Merge():
            ids = (change.into.id, *change.of)
        case Flag():
            ids = change.strategy_ids
        case RecordLesson() | RecordScenario() | SetLaw() | Checkpoint():
            ids = ()
        case _:
            ids = (change.strategy_id,)
    return tuple(dict.fromkeys(ids))


@singledispatch
def step(change: Change, state: State, stamp: Stamp) -> bool:  # noqa: ARG001 (one function per change below)
    """Plays one change. False: it changed nothing and shall not be logged.

    Raises:
        LibraryError: the change is not allowed in this state; the state is then as it was.
    """
    raise TypeError(f"not a change: {change!r} (as change {stamp.seq})")


@step.register
def _(change: Checkpoint, state: State, stamp: Stamp) -> bool:
    del change, state, stamp
    return True


@step.register
def _(change: RecordLesson, state: State, stamp: Stamp) -> bool:
    lesson = change.lesson
    row = LessonRow(
        id=lesson.id,
        seq=stamp.seq,
        run=change.run,
        stage=change.stage,
        outcome=lesson.outcome,
        scenario=lesson.scenario.id,
        digest=lesson_digest(lesson),
    )
    known = state.lessons.get(lesson.id)
    if known is not None:
        if known.digest == row.digest:
            return False
        raise LibraryError(
            f"the library already holds another lesson {lesson.id}, from run {known.run or '-'}",
            hint="ids are derived from content: give the two lessons different ids",
        )
    state.lessons[lesson.id] = row
    state.scenarios.setdefault(lesson.scenario.id, (stamp.seq, lesson.scenario))
    return True


@step.register
def _(change: RecordScenario, state: State, stamp: Stamp) -> bool:
    scenario = change.scenario
    known = state.scenarios.get(scenario.id)
    if known is None:
        state.scenarios[scenario.id] = (stamp.seq, scenario)
        return True
    if known[1] != scenario:
        raise LibraryError(
            f"the library already holds another scenario {scenario.id}",
            hint="ids are derived from content: give the two scenarios different ids",
        )
    return False


@step.register
def _(change: Propose, state: State, stamp: Stamp) -> bool:
    _check_words(change.strategy)
    if change.lesson_id is not None and change.lesson_id not in state.lessons:
        raise LibraryError(
            f"strategy {change.strategy.id} names lesson {change.lesson_id}, which is not in the library",
            hint="record the lesson before what it produced",
        )
    known = state.entries.get(change.strategy.id)
    if known is None:
        state.entries[change.strategy.id] = Entry(
            strategy=change.strategy,
            version=1,
            status="proposed",
            provenance=(change.provenance,),
            lesson_id=change.lesson_id,
            findings=change.findings,
            first_seq=stamp.seq,
            changed_seq=stamp.seq,
            changed_at=stamp.at,
            changed_by=stamp.author,
        )
        return True
    if known.version == 1 and not same_words(known.strategy, change.strategy):
        raise LibraryError(
            f"the library already holds strategy {known.strategy.id} with other words",
            hint="ids are derived from content: give it an id of its own, or send an edit",
        )
    return _put(
        state,
        stamp,
        known,
        replace(
            known,
            strategy=_with_scenarios(known.strategy, change.strategy.scenarios),
            provenance=_union(known.provenance, (change.provenance,)),
            lesson_id=known.lesson_id or change.lesson_id,
        ),
    )


@step.register
def _(change: Merge, state: State, stamp: Stamp) -> bool:
    _check_words(change.into)
    away = [state.entry(i) for i in dict.fromkeys(change.of) if i != change.into.id]
    gone = [replace(e, status=_moved("merge", e), merged_into=change.into.id, approvals=(), until="") for e in away]
    provenance = tuple(p for e in away for p in e.provenance)
    scenarios = (*change.into.scenarios, *(s for e in away for s in e.strategy.scenarios))
    into = replace(change.into, scenarios=())
    known = state.entries.get(into.id)
    if known is None:
        if not away:
            raise LibraryError(f"merge into {into.id} names no strategies", hint="name at least one to merge")
        into = _with_scenarios(into, scenarios)
        state.entries[into.id] = Entry(
            strategy=into,
            version=1,
            status="proposed",
            provenance=_union((), provenance),
            lesson_id=next((e.lesson_id for e in away if e.lesson_id), None),
            first_seq=stamp.seq,
            changed_seq=stamp.seq,
            changed_at=stamp.at,
            changed_by=stamp.author,
        )
    else:
        _moved("merge", known)  # what was rejected or retired takes nothing in
        into = _with_scenarios(replace(into, scenarios=known.strategy.scenarios), scenarios)
        merged = replace(known, strategy=into, provenance=_union(known.provenance, provenance))
        if replace(into, scenarios=()) != replace(known.strategy, scenarios=()):
            merged = _new_version(merged)
        if not _put(state, stamp, known, merged) and not away:
            return False
    for before, after in zip(away, gone, strict=True):
        _put(state, stamp, before, after)
    return True


@step.register
def _(change: Flag, state: State, stamp: Stamp) -> bool:
    ids = tuple(dict.fromkeys(change.strategy_ids))
    entries = [state.entry(i) for i in ids]
    if len(entries) < 2:
        raise LibraryError("a contradiction needs at least two strategies", hint="name both")
    changed = False
    for entry in entries:
        flag = Flagged(others=tuple(i for i in ids if i != entry.strategy.id), note=change.note)
        if flag not in entry.flags:
            changed |= _put(state, stamp, entry, replace(entry, flags=(*entry.flags, flag)))
    return changed


@step.register
def _(change: Screen, state: State, stamp: Stamp) -> bool:
    entry = state.entry(change.strategy_id)
    return _put(state, stamp, entry, replace(entry, findings=change.findings))


@step.register
def _(change: Edit, state: State, stamp: Stamp) -> bool:
    entry = state.entry(change.strategy_id)
    old = entry.strategy
    scope: Scope = old.scope if change.scope is None else change.scope
    new = replace(
        old,
        when=old.when if change.when is None else change.when,
        do=old.do if change.do is None else change.do,
        avoid=old.avoid if change.avoid is None else change.avoid,
        why=old.why if change.why is None else change.why,
        scope=scope,
    )
    if new == old:
        return False
    _check_words(new)
    status = _moved("edit", entry)
    return _put(state, stamp, entry, replace(_new_version(entry), strategy=new, status=status))


@step.register
def _(change: Approve, state: State, stamp: Stamp) -> bool:
    entry = state.entry(change.strategy_id)
    _check_person(stamp, f"approve {change.strategy_id}")
    check_moment(change.until)
    if entry.status == "approved":
        if change.until in ("", entry.until) and not entry.expired(state.law, stamp.at):
            return False
        entry = replace(entry, status="proposed", approvals=(), until="")
    status = _moved("approve", entry)
    if change.until and change.until <= stamp.at:
        raise LibraryError(f"the approval of {change.strategy_id} would end before it begins", hint="a later end")
    if entry.blocked:
        found = next(f for f in entry.findings if f.severity == "blocking")
        raise LibraryError(
            f"{change.strategy_id} cannot be approved: screening ({found.check}) found: {found.reason}",
            hint="edit the strategy, or record a screening without this finding and say why",
        )
    if any(same_person(a.by, stamp.author) for a in entry.approvals):
        raise LibraryError(
            f"{stamp.author} has approved {change.strategy_id} already: it waits for a second person",
            hint="somebody else has to look at it",
        )
    approvals = (*entry.approvals, Approval(by=stamp.author, at=stamp.at))
    ends = [end for end in (entry.until, change.until) if end]
    if len(approvals) < state.law.people:
        status = entry.status
    new = replace(entry, approvals=approvals, until=min(ends, default=""), status=status)
    return _put(state, stamp, state.entries[change.strategy_id], new)


@step.register
def _(change: Reject, state: State, stamp: Stamp) -> bool:
    return _decide(state, stamp, "reject", state.entry(change.strategy_id))


@step.register
def _(change: Retire, state: State, stamp: Stamp) -> bool:
    return _decide(state, stamp, "retire", state.entry(change.strategy_id))


@step.register
def _(change: Reopen, state: State, stamp: Stamp) -> bool:
    entry = state.entry(change.strategy_id)
    if entry.half_approved:
        return _put(state, stamp, entry, replace(entry, approvals=(), until=""))
    return _decide(state, stamp, "reopen", entry)


@step.register
def _(change: Evidence, state: State, stamp: Stamp) -> bool:
    entry = state.entry(change.strategy_id)
    measured = Measured.of(change)
    if change.elsewhere:
        others = tuple(m for m in entry.elsewhere if m.student != change.student)
        return _put(state, stamp, entry, replace(entry, elsewhere=(*others, measured)))
    return _put(state, stamp, entry, replace(entry, evidence=measured, overridden=False))


@step.register
def _(change: Override, state: State, stamp: Stamp) -> bool:
    _check_person(stamp, "override evidence of harm")
    entry = state.entry(change.strategy_id)
    if entry.evidence is None or not entry.evidence.against:
        raise LibraryError(
            f"{change.strategy_id} is not held back: there is nothing to override",
            hint="see: preceptor library show",
        )
    return _put(state, stamp, entry, replace(entry, overridden=True))


@step.register
def _(change: SetLaw, state: State, stamp: Stamp) -> bool:
    _check_person(stamp, "set the law")
    change.law.check()
    asked = state.asked
    if change.law == state.law:
        state.asked = None
        return asked is not None
    if change.law.looser(state.law) and state.law.people > 1 and (asked is None or asked.law != change.law):
        state.asked = Asked(law=change.law, by=stamp.author, at=stamp.at)
        return True
    if change.law.looser(state.law) and asked is not None and same_person(asked.by, stamp.author):
        raise LibraryError(
            f"{stamp.author} has asked for this law already: it waits for a second person",
            hint="where two people approve, two have to loosen the law",
        )
    state.law, state.asked = change.law, None
    return True


def lesson_digest(lesson: Lesson) -> str:
    """Digest of a lesson with its scenario and trail."""
    return digest("lesson", lesson)


def _decide(state: State, stamp: Stamp, act: Act, entry: Entry) -> bool:
    if entry.status in TRANSITIONS[act].values():
        return False
    status = _moved(act, entry)
    merged_into = None if act == "reopen" else entry.merged_into
    new = replace(entry, status=status, merged_into=merged_into, approvals=(), until="")
    return _put(state, stamp, entry, new)


def _moved(act: Act, entry: Entry) -> Status:
    try:
        return TRANSITIONS[act][entry.status]
    except KeyError:
        raise LibraryError(
            f"cannot {act} {entry.strategy.id}: it is {entry.status}, by {entry.changed_by} at {entry.changed_at}",
            hint=f"{act} works on what is {' or '.join(TRANSITIONS[act])}",
        ) from None


def _new_version(entry: Entry) -> Entry:
    """What was found, flagged or measured was about the old words."""
    new = replace(entry, version=entry.version + 1, status="proposed", findings=(), flags=(), evidence=None)
    return replace(new, elsewhere=(), overridden=False, approvals=(), until="")


def _check_person(stamp: Stamp, act: str) -> None:
    if stamp.author.startswith(RUN):
        raise LibraryError(f"{stamp.author} cannot {act}: that is for a person", hint="tell who decides")


def _put(state: State, stamp: Stamp, before: Entry, after: Entry) -> bool:
    if after == before:
        return False
    state.entries[before.strategy.id] = replace(
        after, changed_seq=stamp.seq, changed_at=stamp.at, changed_by=stamp.author
    )
    return True


def _with_scenarios(strategy: Strategy, more: Iterable[str]) -> Strategy:
    return replace(strategy, scenarios=tuple(dict.fromkeys((*strategy.scenarios, *more))))


def _union(known: tuple[Provenance, ...], more: Iterable[Provenance]) -> tuple[Provenance, ...]:
    return tuple(dict.fromkeys((*known, *more)))


def _check_words(strategy: Strategy) -> None:
    for name in ("when", "do"):
        if not getattr(strategy, name).strip():
            raise LibraryError(f"strategy {strategy.id}: '{name}' is empty", hint="a rule needs a when and a do")
