"""Which coach advises: that of the current release, of a named one, or over all that a run may use."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from threading import Lock

from preceptor.coach import Coach
from preceptor.core.errors import InputError
from preceptor.library.embedder import Embedder
from preceptor.library.publishing import Releases
from preceptor.library.release import SUFFIX, Release, read_release
from preceptor.library.remembered import remembering
from preceptor.library.store import Library
from preceptor.project.embedding import open_embedder
from preceptor.project.jobs import build_coach
from preceptor.project.project import Project


@dataclass(frozen=True, slots=True, kw_only=True)
class Advising:
    """A coach and where its strategies come from."""

    coach: Coach
    source: str
    """Id of the release, or ``library``."""
    reviewed: bool
    """False: among the strategies are some that no person has approved."""


class Advisor:
    """Follows the current release, or stays with what was asked for. Safe to share between threads.

    Where the project has an embedder, strategies are found by meaning too, in the library and in releases that were
    made with vectors.

    Args:
        release: a release by the beginning of its id, or its file; empty: the current one.
        trial: all that a run may use, instead of a release; also where no release is current if ``or_trial``.
    """

    def __init__(
        self,
        project: Project,
        library: Library,
        releases: Releases,
        *,
        release: str = "",
        trial: bool = False,
        or_trial: bool = False,
    ) -> None:
        self._project = project
        self._library = library
        self._releases = releases
        self._trial = trial
        self._or_trial = or_trial
        self._lock = Lock()
        self._known: tuple[str, Advising] | None = None
        self._fixed = self._of(self._named(release)) if release and release != "current" else None

    def now(self) -> Advising:
        """The coach that holds now.

        Raises:
            InputError: no release is current; or it cannot be used.
            ConfigError: the project's embedder cannot be opened, or another one made the release.
        """
        if self._fixed is not None:
            return self._fixed
        digest = "" if self._trial else self._releases.pointed().digest
        if not digest and not self._trial and not self._or_trial:
            raise InputError("no release is published", hint="preceptor release publish ID; or try --trial")
        key = digest or f"library-{self._library.head()}"
        with self._lock:
            if self._known is None or self._known[0] != key:
                self._known = (key, self._of(self._releases.read(digest)) if digest else self._over_library())
            return self._known[1]

    def _named(self, name: str) -> Release:
        if name.endswith(SUFFIX) or "/" in name:
            return read_release(name)
        return self._releases.read(name)

    def _over_library(self) -> Advising:
        reviewed = all(e.status == "approved" for e in self._library.entries() if e.usable)
        coach = build_coach(self._project, self._library, embedder=self._patient)
        return Advising(coach=coach, source="library", reviewed=reviewed)

    def _of(self, release: Release) -> Advising:
        embedder = None if release.manifest.embedder is None else self._quick
        coach = Coach.from_release(release, embedder=embedder)
        return Advising(coach=coach, source=release.id, reviewed=not release.trial)

    @cached_property
    def _quick(self) -> Embedder | None:
        """For one text at a time, while somebody waits."""
        return open_embedder(self._project.config.embedder, self._project.environ, serving=True)

    @cached_property
    def _patient(self) -> Embedder | None:
        """For a whole library; each text once, however often the library changes."""
        return remembering(open_embedder(self._project.config.embedder, self._project.environ))
