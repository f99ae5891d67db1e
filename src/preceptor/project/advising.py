"""Which coach advises: that of the current release, of a named one, or over all that a run may use."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock

from preceptor.coach import Coach
from preceptor.core.errors import InputError
from preceptor.library.publishing import Releases
from preceptor.library.release import SUFFIX, Release, read_release
from preceptor.library.store import Library
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
        self._fixed = _of(self._named(release)) if release and release != "current" else None

    def now(self) -> Advising:
        """The coach that holds now.

        Raises:
            InputError: no release is current; or it cannot be used.
        """
        if self._fixed is not None:
            return self._fixed
        digest = "" if self._trial else self._releases.pointed().digest
        if not digest and not self._trial and not self._or_trial:
            raise InputError("no release is published", hint="preceptor release publish ID; or try --trial")
        key = digest or f"library-{self._library.head()}"
        with self._lock:
            if self._known is None or self._known[0] != key:
                self._known = (key, _of(self._releases.read(digest)) if digest else self._over_library())
            return self._known[1]

    def _named(self, name: str) -> Release:
        if name.endswith(SUFFIX) or "/" in name:
            return read_release(name)
        return self._releases.read(name)

    def _over_library(self) -> Advising:
        reviewed = all(e.status == "approved" for e in self._library.entries() if e.usable)
        return Advising(coach=build_coach(self._project, self._library), source="library", reviewed=reviewed)


def _of(release: Release) -> Advising:
    return Advising(coach=Coach.from_release(release), source=release.id, reviewed=not release.trial)
