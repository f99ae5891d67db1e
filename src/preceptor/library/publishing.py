"""Releases in the database: made, listed, published, rolled back; every act with who, when and why.

The bytes of a release are stored beside its rows, so that any machine that reaches the database can write the
file. What is current is one row, and for those without a database the file ``current.json`` beside the releases.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from sqlalchemy import Connection, select, update

from preceptor.core.clock import Clock
from preceptor.core.errors import InputError, LibraryError
from preceptor.core.untrusted import clean, one_line
from preceptor.library import publishing_rows as stored
from preceptor.library import rows
from preceptor.library.conversation_state import state_text
from preceptor.library.database import Database, open_database
from preceptor.library.entry import Entry
from preceptor.library.index import Embedder, IndexSettings
from preceptor.library.law import moment
from preceptor.library.paging import Terms
from preceptor.library.publishing_audit import problem
from preceptor.library.publishing_rows import Act, ReleaseRow
from preceptor.library.release import (
    Release,
    Released,
    file_name,
    parse_release,
    read_release,
    release_id,
    write_release,
)
from preceptor.library.release_make import Contents, make_release
from preceptor.library.release_pointer import Pointed, write_pointer
from preceptor.library.schema import SCENARIOS, STRATEGIES
from preceptor.library.summary import laws
from preceptor.library.truth import Truth, releasable

Demand = Literal["any", "measured", "helpful"]
_TRIES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What a release needs beside strategies."""

    coach: Mapping[str, Any]
    """Limits on advice by name; see ``CoachSettings``."""
    template: str
    """Body of the ``advice`` prompt."""
    trial: bool = False
    """True: also strategies that nobody reviewed. Can never be published."""
    retrieval: IndexSettings = field(default_factory=IndexSettings)
    embedder: Embedder | None = None
    evidence: Demand = "any"
    """Which it takes of what is approved and not harmful: any, what was measured, or what was measured to help."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """A release that was made."""

    release: ReleaseRow
    path: Path
    left_out: tuple[str, ...]
    """Approved strategies that must not be used, since screening or measurement speaks against them, or that lack
    the evidence which the recipe demands."""
    expired: tuple[str, ...]
    """Approved strategies whose approval has ended: left out too."""
    new: bool
    """False: the same release was there already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What is current now."""

    current: ReleaseRow | None
    """None: nothing is, after the first release was rolled back."""
    previous: ReleaseRow | None
    withdrawn: tuple[str, ...] = ()
    """After a roll-back: strategies in it that are no longer approved."""


class Releases:
    """The releases of one library. Safe to share between threads; close it, or use it in a ``with``."""

    def __init__(self, database: Database, folder: Path, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self.folder = folder
        """Holds the release files and ``current.json``."""

    @classmethod
    def open(cls, path_or_url: str | Path, folder: Path, *, clock: Clock) -> Self:
        """The releases of the library at a path or URL; files go to ``folder``. LibraryError as for a library."""
        return cls(open_database(path_or_url, create=False), folder, clock)

    def close(self) -> None:
        """Gives all connections back."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def create(self, recipe: Recipe, *, author: str, reason: str) -> Created:
        """Freezes what is approved now (for a trial: what a run may use) into a file and into rows.

        What is approved is read from the log, checked link by link, which takes seconds for a large library.

        Raises:
            InputError: there is nothing to release, or the file cannot be written.
            LibraryError: the library kept changing meanwhile, its log is broken, or the database fails.
        """
        truth = Truth()
        for _ in range(_TRIES):
            with self._database.reading() as connection:
                truth.follow(connection)
                entries = truth.entries(trial=recipe.trial)
                states = _states(connection, {i for e in entries for i in e.strategy.scenarios})
            terms = Terms(truth.state.law, moment(self._clock()))
            expired = [] if recipe.trial else [e for e in entries if terms.expired(e)]
            bad = [e for e in entries if not _taken(e, recipe.evidence)]
            out = {e.strategy.id for e in (*expired, *bad)}
            held = [e for e in entries if e.strategy.id not in out]
            data = make_release(_contents(recipe, held, states))
            release = parse_release(data, "the new release")
            with self._database.writing() as connection:
                stored.lock(connection)
                if truth.follow(connection, alone=True) and truth.entries(trial=recipe.trial) != entries:
                    continue
                known = stored.find(connection, release.digest)
                if known is None:
                    seq = self._log(connection, "create", release.digest, author=author, reason=reason)
                    stored.insert_release(connection, release, data, seq)
                row = stored.only(connection, release.digest)
            return Created(
                release=row,
                path=write_release(self.folder, data),
                left_out=tuple(e.strategy.id for e in bad),
                expired=tuple(e.strategy.id for e in expired),
                new=known is None,
            )
        raise LibraryError(
            "the library kept changing while the release was made", hint="try again when it is quiet"
        )

    def list(self) -> tuple[ReleaseRow, ...]:
        """All releases, oldest first."""
        with self._database.reading() as connection:
            return stored.releases(connection)

    def find(self, id_or_prefix: str) -> ReleaseRow:
        """The release with this id or digest, or the only one that begins so. LibraryError: none, or several."""
        with self._database.reading() as connection:
            return stored.only(connection, id_or_prefix)

    def holding(self, strategy_id: str) -> tuple[tuple[ReleaseRow, int], ...]:
        """The releases that hold this strategy, oldest first, each with the version that it holds."""
        with self._database.reading() as connection:
            return stored.holding(connection, strategy_id)

    def current(self) -> ReleaseRow | None:
        """The published release; None where none is."""
        with self._database.reading() as connection:
            digest = stored.pointer(connection).digest
            return stored.find(connection, digest) if digest else None

    def pointed(self) -> Pointed:
        """What the pointer's row says: one short query."""
        with self._database.reading() as connection:
            return stored.pointer(connection)

    def log(self) -> tuple[Act, ...]:
        """Every act, oldest first."""
        with self._database.reading() as connection:
            return stored.acts(connection)

    def read(self, id_or_prefix: str) -> Release:
        """A release, from its file or, where that is missing or damaged, from the database, every byte checked.

        Raises:
            LibraryError: no such release, or the database's copy was altered.
        """
        with self._database.reading() as connection:
            row = stored.only(connection, id_or_prefix)
            try:
                return read_release(self.folder / file_name(row.digest), digest=row.digest)
            except InputError:
                release, data = stored.bytes_of(connection, row.digest)
        write_release(self.folder, data)
        return release

    def publish(self, id_or_prefix: str, *, author: str, reason: str, expect: str | None = None) -> Published:
        """Makes a release current, for every replica.

        Args:
            expect: digest of the release that the author saw as current (empty: none); None: whatever it is.

        Raises:
            LibraryError: no such release; a trial; altered; it holds what the log does not show as approved, in
                these words, until now; the log is broken; or another one is current than was expected.
        """
        truth = Truth()
        with self._database.reading() as connection:  # most of the log, before others have to wait
            stored.only(connection, id_or_prefix)
            truth.follow(connection)
        with self._database.writing() as connection:
            before = stored.lock(connection)
            _check_expected(before, expect)
            row = stored.only(connection, id_or_prefix)
            release, data = stored.bytes_of(connection, row.digest)
            truth.follow(connection, alone=True)
            _check_publishable(truth, release, moment(self._clock()))
            previous = stored.find(connection, before.digest)
            write_release(self.folder, data)
            if before.digest != row.digest:
                self._point(connection, "publish", row.digest, before, author=author, reason=reason)
        self._tell()
        return Published(current=self.current(), previous=previous)

    def rollback(self, *, author: str, reason: str, expect: str | None = None) -> Published:
        """Makes current what was current before; nothing, after the first. Always possible, and told what of it
        has been withdrawn since. ``expect`` as in :meth:`publish`.

        Raises:
            LibraryError: nothing is published, the database's copy was altered, or another one is current than was
                expected.
        """
        with self._database.writing() as connection:
            before = stored.lock(connection)
            _check_expected(before, expect)
            if not before.digest:
                raise LibraryError("no release is published", hint="publish one with: preceptor release publish ID")
            target = stored.earlier(stored.acts(connection))
            withdrawn: tuple[str, ...] = ()
            if target:
                release, data = stored.bytes_of(connection, target)
                withdrawn = tuple(_withdrawn(connection, release, moment(self._clock())))
                write_release(self.folder, data)
            previous = stored.find(connection, before.digest)
            self._point(connection, "rollback", target, before, author=author, reason=reason)
        self._tell()
        return Published(current=self.current(), previous=previous, withdrawn=withdrawn)

    def withdrawn(self, id_or_prefix: str) -> tuple[str, ...]:
        """Ids of strategies in a release that could not be released now: rejected, edited, expired, ... since."""
        release = self.read(id_or_prefix)
        with self._database.reading() as connection:
            return tuple(_withdrawn(connection, release, moment(self._clock())))

    def verify(self) -> str:
        """The first thing that does not hold, in words: log, pointer, rows, bytes; empty when all does."""
        with self._database.reading() as connection:
            return problem(connection)

    def _log(self, connection: Connection, act: str, digest: str, *, author: str, reason: str) -> int:
        author = one_line(author)
        if not author:
            raise LibraryError("a release needs an author", hint="tell who does it")
        at = moment(self._clock())
        return stored.append(connection, act, digest, author=author, at=at, reason=clean(reason))

    def _point(
        self, connection: Connection, act: str, digest: str, before: Pointed, *, author: str, reason: str
    ) -> None:
        seq = self._log(connection, act, digest, author=author, reason=reason)
        assert seq > before.seq
        connection.execute(update(stored.POINTER).values(seq=seq, digest=digest))

    def refresh(self) -> None:
        """Writes the pointer's file and the current release's file anew: after the library was restored."""
        current = self.current()
        if current is not None:
            self.read(current.digest)
        self._tell()

    def _tell(self) -> None:
        """Writes the pointer's file from the row, alone among writers: of two publishers the later one's stays."""
        with self._database.writing() as connection:
            write_pointer(self.folder, stored.lock(connection))


class DatabasePointer:
    """Follows the pointer's row; files are kept in a folder of this machine, made from the database."""

    def __init__(self, releases: Releases) -> None:
        self._releases = releases

    def changed(self) -> bool:
        """Always: reading one row is the look."""
        return True

    def current(self) -> Pointed:
        """What the row says. LibraryError where the database fails."""
        return self._releases.pointed()

    def read(self, pointed: Pointed) -> Release:
        """The release, from this machine's file or the database."""
        return self._releases.read(pointed.digest)


def _contents(recipe: Recipe, entries: Sequence[Entry], states: Mapping[str, str]) -> Contents:
    return Contents(
        strategies=[
            Released(strategy=e.strategy, version=e.version, status=e.status, withheld_from=e.withheld_from)
            for e in entries
        ],
        states=states,
        coach=recipe.coach,
        template=recipe.template,
        trial=recipe.trial,
        retrieval=recipe.retrieval,
        embedder=recipe.embedder,
    )


def _taken(entry: Entry, demand: Demand) -> bool:
    measured = demand == "any" or entry.evidence is not None
    helps = demand != "helpful" or entry.verdict == "helpful" or entry.overridden
    return entry.usable and measured and helps


def _states(connection: Connection, ids: Iterable[str]) -> dict[str, str]:
    wanted = frozenset(ids)
    found = connection.execute(select(SCENARIOS.c.id, SCENARIOS.c.doc)).mappings()
    return {row["id"]: state_text(rows.scenario_of(row).turns) for row in found if row["id"] in wanted}


def _check_expected(before: Pointed, expect: str | None) -> None:
    if expect is not None and expect != before.digest:
        name = release_id(before.digest) if before.digest else "none"
        raise LibraryError(f"the current release changed meanwhile: it is {name}", hint="look again, then decide")


def _check_publishable(truth: Truth, release: Release, now: str) -> None:
    if release.trial:
        raise LibraryError(
            f"{release.id} is a trial release and can never be published",
            hint="approve its strategies, then: preceptor release create",
        )
    if any(r.status != "approved" for r in release.strategies().all()):
        raise LibraryError(
            f"{release.id} holds what was not approved", hint="make it again: preceptor release create"
        )
    gone = list(truth.withdrawn(release, now))
    if gone:
        more = f" and {len(gone) - 3} more" if len(gone) > 3 else ""
        raise LibraryError(
            f"{release.id} holds what is no longer approved: {', '.join(gone[:3])}{more}",
            hint="make a new one: preceptor release create",
        )


def _withdrawn(connection: Connection, release: Release, now: str) -> list[str]:
    """Ids of strategies in the release that are not releasable any more in that version, as the tables tell it."""
    terms = Terms(laws(connection).law, now)
    query = select(STRATEGIES.c.id, STRATEGIES.c.doc).where(STRATEGIES.c.status == "approved")
    entries = map(rows.entry_of, connection.execute(query).mappings())
    good = {e.strategy.id: e.version for e in entries if releasable(e, terms)}
    return [r.strategy.id for r in release.strategies().all() if good.get(r.strategy.id) != r.version]
