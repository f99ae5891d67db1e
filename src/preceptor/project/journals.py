"""The journals of a project's runs: listed, measured, checked, pruned, encrypted, repaired."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from preceptor.core.errors import InputError, RunError
from preceptor.core.records import Scenario
from preceptor.core.untrusted import one_line
from preceptor.learn.generate import dialogue_id
from preceptor.learn.primer import PHASE as PRIMER
from preceptor.llm.journal import keep
from preceptor.llm.journal.keep import Call, JournalStats, Repaired
from preceptor.project.journal_places import keep_of, named, passphrase
from preceptor.runs.run import Run

if TYPE_CHECKING:
    from preceptor.project.project import Project


_LEAST_KEY = 8
"""Characters by which a call may be named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A run's journal."""

    run: str
    status: str
    under_way: bool
    stats: JournalStats | None
    """None where it cannot be read; ``problem`` says why."""
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What became of one journal."""

    run: str
    answers: int
    """Answers whose words were dropped, or that went with the whole file."""
    bytes: int
    """What came free on the disk."""


def list_journals(project: Project) -> tuple[Kept, ...]:
    """Every run's journal, oldest run first."""
    return tuple(_kept(project, run) for run in project.runs().list() if _has(project, run))


def stats(project: Project, run: str) -> JournalStats:
    """One journal in numbers. RunError where there is none."""
    return keep_of(project, _run(project, run)).measure()


def calls(project: Project, run: str, item: str) -> tuple[Call, ...]:
    """The calls of a run that were made for an item (a scenario, a dialogue), or the call whose key begins so."""

    def wanted(its: str, key: str) -> bool:
        return item in its.split("+") or (len(item) >= _LEAST_KEY and key.startswith(item))

    return keep_of(project, _run(project, run)).calls_of(wanted)


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """What one run put behind a strategy."""

    run: str
    calls: tuple[Call, ...]
    problem: str = ""
    """Why there are none: the run's folder or journal is gone, or cannot be read."""


def calls_behind(project: Project, strategy: str) -> tuple[Behind, ...]:
    """Every call that made a strategy, run by run: the answer of the primer that it stands in, the dialogues that
    its scenarios were met in, their probing and teaching, what it was merged or generalised from, its screening.

    Raises:
        LibraryError: no such strategy, or more than one begins so.
    """
    with project.library() as library:
        entry = library.entry(strategy)
        into = {e.strategy.id: e.merged_into for e in library.entries() if e.merged_into}
        ids = {entry.strategy.id}
        while more := {one for one, target in into.items() if target in ids} - ids:
            ids |= more
        entries = [library.entry(one) for one in sorted(ids)]
        origins = [p for one in entries for p in one.provenance if p.run]
        scenarios = library.scenarios(entry.strategy.scenarios)
    told = [e.strategy.do for e in entries if any(p.from_domain for p in e.provenance)]
    found: list[Behind] = []
    for run in dict.fromkeys(p.run for p in origins):
        items = ids | {s for p in origins if p.run == run for s in p.scenarios}
        if entry.strategy.scope == "domain":
            items |= {f"general-{p.stage}" for p in origins if p.run == run and not p.from_domain}
        found.append(_behind(project, run, items, scenarios, told))
    return tuple(found)


def _behind(
    project: Project, name: str, items: set[str], scenarios: Sequence[Scenario], told: Sequence[str]
) -> Behind:
    """``told``: what the strategies tell to do that the primer wrote."""
    try:
        run = _run(project, name)
        many = int(run.info.config.get("learn", {}).get("dialogues", 0))
        met = {dialogue_id(name, s.stage, n, s.profile) for s in scenarios for n in range(many)}

        def wanted(its: str, key: str) -> bool:
            del key
            primed = bool(told) and (its == PRIMER or its.startswith(f"{PRIMER}-"))
            return primed or its in met or not items.isdisjoint(its.split("+"))

        calls = keep_of(project, run).calls_of(wanted)
        return Behind(run=name, calls=tuple(c for c in calls if c.phase != PRIMER or _says(c, told)))
    except RunError as error:
        return Behind(run=name, calls=(), problem=error.message)


def _says(call: Call, told: Sequence[str]) -> bool:
    """Whether an answer holds one of these texts, as far as its words are kept."""
    return not call.text or any(text in one_line(call.text) for text in told)


def verify(project: Project, run: str) -> tuple[str, ...]:
    """Keys of damaged answers in one journal; empty: all is well."""
    found = _run(project, run)
    with found.locked():
        return keep_of(project, found).verify()


def prune(
    project: Project, names: Sequence[str], *, older_than: int | None, whole: bool, dry_run: bool
) -> tuple[Pruned, ...]:
    """Drops the words of answers, or whole journals: of the named runs, or of all that are done.

    Args:
        older_than: only what is older than so many days: answers by their own time, whole journals by the last.
        whole: delete the files. A run that is not done could not go on without paying again: it must be named.

    Raises:
        RunError: a run is under way, or cannot be found.
    """
    runs = [_run(project, n) for n in names] or [r for r in project.runs().list() if r.info.status == "done"]
    before = project.clock() - timedelta(days=older_than or 0)
    done: list[Pruned] = []
    for run in runs:
        if not _has(project, run):
            continue
        kept = keep_of(project, run)
        with run.locked():
            had = kept.measure()
            if whole:
                if older_than is not None and (had.last or run.info.started) >= before.isoformat(
                    timespec="seconds"
                ):
                    continue
                freed = had.bytes if dry_run else kept.remove()
                done.append(Pruned(run=run.id, answers=had.answers, bytes=freed))
            else:
                moment = None if older_than is None else before
                count = kept.drop_words(before=moment, dry_run=dry_run)
                freed = 0 if dry_run else had.bytes - kept.measure().bytes
                done.append(Pruned(run=run.id, answers=count, bytes=freed))
    return tuple(done)


def encrypt(project: Project, names: Sequence[str], *, reverse: bool = False) -> dict[str, int]:
    """Encrypts (or decrypts) the journals of the named runs, or of all; run to answers that were changed.

    Raises:
        InputError: no passphrase is named.
        RunError: a run is under way, or its journal has another passphrase.
    """
    secret = passphrase(project)
    if not secret:
        raise InputError(
            "no passphrase is named",
            hint="name its variable: --set journal.key_env=MY_JOURNAL_KEY, or in [journal]",
        )
    runs = [_run(project, n) for n in names] or [r for r in project.runs().list() if r.journal.exists()]
    changed: dict[str, int] = {}
    for run in runs:
        _require_file(run)
        with run.locked():
            change = keep.decrypt if reverse else keep.encrypt
            changed[run.id] = change(run.journal, secret)
    return changed


def repair(project: Project, run: str) -> Repaired:
    """Saves what can be read of a damaged journal; the damaged file is kept beside it."""
    found = _run(project, run)
    _require_file(found)
    with found.locked():
        return keep.repair(found.journal, passphrase=passphrase(project))


def sweep(project: Project, current: Run) -> None:
    """Drops the words that are older than ``journal.keep_days``, in the journals of all other runs.

    A run under way is left alone, and a journal that cannot be read is its own command's business.
    """
    days = project.config.journal.keep_days
    if days is None:
        return
    before = project.clock() - timedelta(days=days)
    for run in project.runs().list():
        if run.id == current.id or run.process:
            continue
        try:
            if _has(project, run):
                with run.locked():
                    keep_of(project, run).drop_words(before=before)
        except RunError:
            continue


def _run(project: Project, name: str) -> Run:
    return project.runs().open(name)


def _has(project: Project, run: Run) -> bool:
    """Whether the run has a journal, as far as can be told."""
    if run.journal.exists():
        return True
    return bool(named(run)) and (not project.config.journal.path or keep_of(project, run).there())


def _require_file(run: Run) -> None:
    if named(run):
        raise InputError(
            f"the journal of run {run.id} stands in a database",
            hint="its server's own tools back it up and mend it; answers are encrypted from the run's start where "
            "journal.key_env is set",
        )


def _kept(project: Project, run: Run) -> Kept:
    status = run.info.status if run.info.status != "running" or run.process else "interrupted"
    try:
        found, problem = keep_of(project, run).measure(), ""
    except RunError as error:
        found, problem = None, error.message
    return Kept(run=run.id, status=status, under_way=bool(run.process), stats=found, problem=problem)
