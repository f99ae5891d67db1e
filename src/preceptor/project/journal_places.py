"""Where a run's journal stands: a file in its folder, or a database that several machines share."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Protocol, cast

from preceptor.core.errors import ConfigError, RunError
from preceptor.llm import Journal
from preceptor.llm.journal import AnyJournal, keep
from preceptor.llm.journal.keep import Call, JournalStats
from preceptor.llm.leases import Lender
from preceptor.llm.ledger import seat_budgets
from preceptor.runs.run import Run

if TYPE_CHECKING:
    from preceptor.llm.journal.pg import PostgresJournal
    from preceptor.project.project import Project

_NAME = "journal"
"""The result of a run that keeps the name of its journal in a database."""


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


def open_journal(project: Project, run: Run) -> Journal | PostgresJournal:
    """The run's journal, where ``journal.path`` says, or where it was begun.

    Raises:
        RunError: it was begun elsewhere, or cannot be used.
        ConfigError: no URL of PostgreSQL, or an extra is not installed.
    """
    place, name = project.config.journal.path, named(run)
    if not place:
        if name:
            raise RunError(
                f"the journal of run {run.id} stands in a database", hint="set journal.path to it, then resume"
            )
        return Journal.open(run.journal, passphrase=passphrase(project), clock=project.clock)
    if run.journal.exists():
        raise RunError(
            f"the journal of run {run.id} is the file {run.journal}",
            hint="leave journal.path empty to go on with this run, or start a new run",
        )
    from preceptor.llm.journal.pg import PostgresJournal  # noqa: PLC0415 - an ORM, only where it is used

    if not name:
        # Of chance: projects that share the database have runs of the same id.
        name = f"{run.id}-{secrets.token_hex(6)}"
        run.write_result(_NAME, {"name": name})
    return PostgresJournal.open(place, name, passphrase=passphrase(project), clock=project.clock)


def named(run: Run) -> str:
    """The name of the run's journal in a database; empty where it has none there."""
    return str(run.read_result(_NAME)["name"]) if _NAME in run.results() else ""


def lender(project: Project, journal: AnyJournal) -> Lender:
    """Who lends from the caps of the run to this process; the journal is a database's."""
    from preceptor.llm.journal.pg_lend import Caps  # noqa: PLC0415 - as above

    config = project.config
    caps = Caps(total=config.budget, seats=seat_budgets(dict(config.seats)))
    return cast("PostgresJournal", journal).lender(caps)


Wanted = Callable[[str, str], bool]
"""Whether a call is wanted, by its item and its key."""


class JournalKeep(Protocol):
    """What looks after a journal that no run has open, wherever it stands. RunError where that fails."""

    def there(self) -> bool: ...

    def measure(self) -> JournalStats: ...

    def calls_of(self, wanted: Wanted) -> tuple[Call, ...]: ...

    def verify(self) -> tuple[str, ...]: ...

    def drop_words(self, *, before: datetime | None = None, dry_run: bool = False) -> int: ...

    def remove(self) -> int: ...


class _FileKeep:
    """A journal in its file: see :mod:`preceptor.llm.journal.keep`."""

    def __init__(self, project: Project, run: Run) -> None:
        self._project = project
        self._run = run
        self._path = run.journal

    def there(self) -> bool:
        return self._path.exists()

    def measure(self) -> JournalStats:
        return keep.measure(self._path)

    def calls_of(self, wanted: Wanted) -> tuple[Call, ...]:
        return keep.calls_of(self._path, wanted, passphrase=passphrase(self._project))

    def verify(self) -> tuple[str, ...]:
        return keep.verify(self._path, passphrase=passphrase(self._project))

    def drop_words(self, *, before: datetime | None = None, dry_run: bool = False) -> int:
        return keep.drop_words(self._path, before=before, unknown=self._run.info.started, dry_run=dry_run)

    def remove(self) -> int:
        return keep.remove(self._path)


def keep_of(project: Project, run: Run) -> JournalKeep:
    """Who looks after the run's journal.

    Raises:
        RunError: it stands in a database that the settings do not name.
    """
    name = named(run)
    if not name:
        return _FileKeep(project, run)
    if not project.config.journal.path:
        raise RunError(f"the journal of run {run.id} stands in a database", hint="set journal.path to it")
    from preceptor.llm.journal.pg_keep import DatabaseKeep  # noqa: PLC0415 - as above

    return DatabaseKeep(project.config.journal.path, name, lambda: passphrase(project))
