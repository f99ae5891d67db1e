"""The journals of a project's runs: listed, measured, checked, pruned, encrypted, repaired."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from preceptor.core.errors import ConfigError, InputError, RunError
from preceptor.llm.journal import keep
from preceptor.llm.journal.keep import Call, JournalStats, Repaired
from preceptor.runs.run import Run

if TYPE_CHECKING:
    from preceptor.project.project import Project


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


def passphrase(project: Project) -> str:
    """What journals are encrypted under; empty where they are not. ConfigError where its variable is not set."""
    name = project.config.journal.key_env
    if not name:
        return ""
    found = project.environ.get(name, "")
    if not found:
        raise ConfigError(
            f"journal.key_env: the environment variable {name} is not set", hint=f"export {name}=... (a passphrase)"
        )
    return found


def list_journals(project: Project) -> tuple[Kept, ...]:
    """Every run's journal, oldest run first."""
    return tuple(_kept(run) for run in project.runs().list() if run.journal.exists())


def stats(project: Project, run: str) -> JournalStats:
    """One journal in numbers. RunError where there is none."""
    return keep.measure(_run(project, run).journal)


def calls(project: Project, run: str, item: str) -> tuple[Call, ...]:
    """The calls of a run that were made for an item: the scenario of a strategy, a dialogue."""
    return keep.calls_of(_run(project, run).journal, item, passphrase=passphrase(project))


def verify(project: Project, run: str) -> tuple[str, ...]:
    """Keys of damaged answers in one journal; empty: all is well."""
    found = _run(project, run)
    with found.locked():
        return keep.verify(found.journal, passphrase=passphrase(project))


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
        if not run.journal.exists():
            continue
        with run.locked():
            had = keep.measure(run.journal)
            if whole:
                if older_than is not None and (had.last or run.info.started) >= before.isoformat(
                    timespec="seconds"
                ):
                    continue
                freed = had.bytes if dry_run else keep.remove(run.journal)
                done.append(Pruned(run=run.id, answers=had.answers, bytes=freed))
            else:
                moment = None if older_than is None else before
                count = keep.drop_words(run.journal, before=moment, unknown=run.info.started, dry_run=dry_run)
                freed = 0 if dry_run else had.bytes - keep.measure(run.journal).bytes
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
        with run.locked():
            change = keep.decrypt if reverse else keep.encrypt
            changed[run.id] = change(run.journal, secret)
    return changed


def repair(project: Project, run: str) -> Repaired:
    """Saves what can be read of a damaged journal; the damaged file is kept beside it."""
    found = _run(project, run)
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
        if run.id == current.id or not run.journal.exists() or run.process:
            continue
        try:
            with run.locked():
                keep.drop_words(run.journal, before=before, unknown=run.info.started)
        except RunError:
            continue


def _run(project: Project, name: str) -> Run:
    return project.runs().open(name)


def _kept(run: Run) -> Kept:
    status = run.info.status if run.info.status != "running" or run.process else "interrupted"
    try:
        found, problem = keep.measure(run.journal), ""
    except RunError as error:
        found, problem = None, error.message
    return Kept(run=run.id, status=status, under_way=bool(run.process), stats=found, problem=problem)
