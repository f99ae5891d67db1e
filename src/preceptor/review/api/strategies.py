"""Strategies over the API: read, decide, edit, merge, take back."""

from __future__ import annotations

from preceptor.core.records import Finding, Severity, Strategy
from preceptor.library.entry import Entry
from preceptor.library.paging import Filter
from preceptor.review.api.endpoint import Call, Endpoint, MissingError, Part, reads, writes
from preceptor.review.api.shapes import (
    Account,
    Approving,
    ChangeTold,
    Decision,
    Editing,
    InRelease,
    Listing,
    Merging,
    Proposal,
    Screened,
    Screening,
    Similar,
    StrategyQuery,
    StrategyStory,
    StrategyTold,
    Undone,
    UsageTold,
    WordsGiven,
)
from preceptor.review.decisions import Words
from preceptor.review.dossier import dossier
from preceptor.review.pages.audit import as_json


def endpoints() -> tuple[Endpoint, ...]:
    """Those of this module."""
    one = "/api/strategies/{id}"
    return (
        reads("/api/me", "Who you are", _me, Account),
        *_reading(one),
        writes("/api/strategies", "Propose a strategy", _propose, StrategyTold, Proposal, status=201),
        *_deciding(one),
        writes("/api/undo", "Take back your last decision since the app began", _undo, Undone),
        writes(
            "/api/screen",
            "What screening by code finds in these words",
            _screen,
            Screened,
            Screening,
            role="viewer",
        ),
    )


def _reading(one: str) -> tuple[Endpoint, ...]:
    return (
        reads(
            "/api/queue",
            "What waits, worst findings and strongest evidence first",
            _queue,
            tuple[StrategyTold, ...],
            query=StrategyQuery,
        ),
        reads(
            "/api/strategies",
            "Strategies, in the queue's order",
            _list,
            tuple[StrategyTold, ...],
            query=StrategyQuery,
        ),
        reads(one, "A strategy with what stands behind it", _story, StrategyStory),
        reads(f"{one}/usage", "How often a strategy was given, and how it went", _usage, UsageTold),
        reads(
            f"{one}/history",
            "Every change to a strategy, oldest first",
            _history,
            tuple[ChangeTold, ...],
            query=Listing,
        ),
    )


def _deciding(one: str) -> tuple[Endpoint, ...]:
    return (
        writes(f"{one}/approve", "Approve; screening is run again first", _approve, StrategyTold, Approving),
        writes(f"{one}/reject", "Reject, with a reason", _reject, StrategyTold, Decision),
        writes(f"{one}/retire", "Take out of use", _retire, StrategyTold, Decision),
        writes(f"{one}/reopen", "Put back into the queue", _reopen, StrategyTold, Decision),
        writes(f"{one}/edit", "New words: a new version", _edit, StrategyTold, Editing),
        writes(f"{one}/merge", "Take another strategy in", _merge, StrategyTold, Merging),
    )


def entry_of(call: Call, strategy_id: str) -> Entry:
    """The entry with exactly this id. MissingError where there is none."""
    entry = call.desk.library.named([strategy_id]).get(strategy_id)
    if entry is None:
        raise MissingError(f"there is no strategy {strategy_id[:80]}", hint="see GET /api/strategies")
    return entry


def _me(call: Call) -> object:
    csrf = call.session.csrf if call.session else None
    return Account(name=call.account.name, role=call.account.role, csrf=csrf)


def _queue(call: Call) -> Part:
    asked: StrategyQuery = call.query
    return _listed(call, asked.filter().waiting(call.account.name))


def _list(call: Call) -> Part:
    asked: StrategyQuery = call.query
    return _listed(call, asked.filter().every())


def _listed(call: Call, which: Filter) -> Part:
    asked: StrategyQuery = call.query
    found = call.desk.library.page(which, order=asked.filter().sorted, offset=asked.start, limit=asked.limit)
    return Part(
        data=tuple(StrategyTold.of(e, found.terms) for e in found.entries),
        total=found.total,
        next=str(asked.start + asked.limit) if found.more else None,
    )


def _told(call: Call, entry: Entry) -> StrategyTold:
    return StrategyTold.of(entry, call.desk.library.terms())


def _story(call: Call) -> object:
    entry = entry_of(call, call.path["id"])
    item = dossier(call.desk.sources, entry)
    return StrategyStory(
        strategy=_told(call, entry),
        lessons=item.lessons,
        lesson=item.lesson,
        similar=tuple(
            Similar(
                id=n.entry.strategy.id,
                score=min(1.0, n.score),
                status=n.entry.status,
                text=n.entry.strategy.text(),
            )
            for n in item.near
        ),
        screened=_screened(item.findings),
        releases=tuple(
            InRelease(release=row.id, version=version, current=row.current)
            for row, version in call.desk.releases.holding(entry.strategy.id)
        ),
    )


def _usage(call: Call) -> object:
    found = call.desk.usage.of(entry_of(call, call.path["id"]).strategy.id)
    return UsageTold(served=found.served, evaluated=found.evaluated)


def _history(call: Call) -> Part:
    asked: Listing = call.query
    found = call.desk.library.history(entry_of(call, call.path["id"]).strategy.id)
    end = asked.start + asked.limit
    told = tuple(ChangeTold.of(r, as_json(r)["change"]) for r in found[asked.start : end])
    return Part(data=told, total=len(found), next=str(end) if end < len(found) else None)


def _words(given: WordsGiven) -> Words:
    return Words.read({"when": given.when, "do": given.do, "avoid": given.avoid, "why": given.why})


def _propose(call: Call) -> object:
    given: Proposal = call.body
    return _told(call, call.desk.decisions.propose(call.account.name, _words(given), reason=given.reason))


def _approve(call: Call) -> object:
    given: Approving = call.body
    entry = entry_of(call, call.path["id"])
    done = call.desk.decisions.approve(
        call.account.name,
        entry.strategy.id,
        expect=given.expect,
        reason=given.reason,
        despite=given.despite,
        until=given.until,
    )
    return _told(call, done)


def _reject(call: Call) -> object:
    return _decided(call, "reject")


def _retire(call: Call) -> object:
    return _decided(call, "retire")


def _reopen(call: Call) -> object:
    return _decided(call, "reopen")


def _decided(call: Call, act: str) -> object:
    given: Decision = call.body
    entry, decide = entry_of(call, call.path["id"]), call.desk.decisions
    acts = {"reject": decide.reject, "retire": decide.retire, "reopen": decide.reopen}
    return _told(call, acts[act](call.account.name, entry.strategy.id, expect=given.expect, reason=given.reason))


def _edit(call: Call) -> object:
    given: Editing = call.body
    entry = entry_of(call, call.path["id"])
    done = call.desk.decisions.edit(
        call.account.name,
        entry.strategy.id,
        _words(given),
        expect=given.expect,
        reason=given.reason,
        approve=given.approve,
    )
    return _told(call, done)


def _merge(call: Call) -> object:
    given: Merging = call.body
    entry, other = entry_of(call, call.path["id"]), entry_of(call, given.other)
    done = call.desk.decisions.merge(
        call.account.name,
        entry.strategy.id,
        other.strategy.id,
        _words(given),
        expect=given.expect,
        expect_other=given.expect_other,
    )
    return _told(call, done)


def _undo(call: Call) -> object:
    done = call.desk.decisions.undo(call.account.name)
    return Undone(what=done.what, strategy=_told(call, entry_of(call, done.strategy_id)))


def _screen(call: Call) -> object:
    given: Screening = call.body
    entry = call.desk.library.named([given.id]).get(given.id)
    strategy = _words(given).on(entry.strategy if entry else Strategy(id="new", when="", do=""))
    findings = call.desk.screener.look(strategy).findings
    return _screened(findings)


def _screened(findings: tuple[Finding, ...]) -> Screened:
    order: tuple[Severity, ...] = ("blocking", "warning", "info")
    return Screened(
        findings=findings, worst=next((s for s in order if any(f.severity == s for f in findings)), None)
    )
