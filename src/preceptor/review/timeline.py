"""A strategy's history: each change in words, and the versions that its words went through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

from preceptor.core.records import Strategy
from preceptor.library.changes import Approve, Edit, Evidence, Flag, Merge, Propose, Screen
from preceptor.library.entry import Record
from preceptor.library.state import same_words
from preceptor.review.diff import Piece, joined

WORDS = ("when", "do", "avoid", "why")
_PAST = {
    "propose": "proposed",
    "edit": "edited",
    "approve": "approved",
    "reject": "rejected",
    "retire": "retired",
    "reopen": "reopened",
    "merge": "merged",
    "override": "overrode the evidence of harm",
    "flag": "flagged a contradiction",
    "screen": "screened",
    "evidence": "measured",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """One change to a strategy."""

    record: Record
    what: str
    """In the past tense: ``approved``."""
    detail: str
    version: int
    words: tuple[tuple[str, tuple[Piece, ...]], ...]
    """Fields whose words became others, compared by word; empty where none did."""


def past(record: Record) -> str:
    """What a change did, in the past tense."""
    return _PAST.get(record.kind, record.kind)


def timeline(strategy_id: str, history: Sequence[Record]) -> tuple[Happened, ...]:
    """What happened to the strategy, newest first."""
    found: list[Happened] = []
    words: Strategy | None = None
    version = 0
    for record in history:
        after = _after(strategy_id, record, words)
        changed: tuple[tuple[str, tuple[Piece, ...]], ...] = ()
        if after is not None and (words is None or after != words):
            version += 1
            changed = _differences(words, after) if words else ()
            words = after
        what = past(record)
        found.append(
            Happened(record=record, what=what, detail=_detail(strategy_id, record), version=version, words=changed)
        )
    return tuple(reversed(found))


def _after(strategy_id: str, record: Record, words: Strategy | None) -> Strategy | None:
    """The strategy's words after this change; None where they are as before."""
    change = record.change
    match change:
        case Propose():
            return replace(change.strategy, scenarios=()) if words is None else None
        case Merge() if change.into.id == strategy_id:
            return replace(change.into, scenarios=())
        case Edit() if words is not None:
            given = {f.name: getattr(change, f.name) for f in fields(change) if f.name != "strategy_id"}
            return replace(words, **{name: value for name, value in given.items() if value is not None})
        case _:
            return None


def _differences(old: Strategy, new: Strategy) -> tuple[tuple[str, tuple[Piece, ...]], ...]:
    names = WORDS if not same_words(old, new) or old.why != new.why else ()
    return tuple((n, joined(getattr(old, n), getattr(new, n))) for n in names if getattr(old, n) != getattr(new, n))


def _detail(strategy_id: str, record: Record) -> str:
    told = ""
    match record.change:
        case Propose(provenance=provenance):
            where = "from the domain alone" if provenance.from_domain else f"stage {provenance.stage + 1}"
            told = f"by run {provenance.run}, {where}" if provenance.run else ""
        case Merge(into=into, of=of):
            others = ", ".join(i for i in of if i != strategy_id)
            told = f"took in {others}" if into.id == strategy_id else f"into {into.id}"
        case Flag(strategy_ids=ids, note=note):
            told = f"with {', '.join(i for i in ids if i != strategy_id)}: {note}"
        case Approve(until=until):
            told = f"until {until[:16].replace('T', ' ')} UTC" if until else ""
        case Screen(findings=findings):
            told = f"{len(findings)} finding{'' if len(findings) == 1 else 's'}" if findings else "nothing found"
        case Evidence(lift=lift, interval=(low, high)) as found:
            told = f"{found.verdict}: {lift:+.2f} ({low:+.2f} to {high:+.2f}), {found.n} pairs"
            told += ", held back" if found.held else ""
            told += f", with {found.student}" if found.elsewhere else ""
        case _:
            pass
    return told
