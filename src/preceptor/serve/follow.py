"""The release in use: follows the pointer, and keeps what works when a new one does not."""

from __future__ import annotations

import asyncio
import gc
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from preceptor.coach import Coach
from preceptor.core.errors import InputError, PreceptorError
from preceptor.library.index import Embedder
from preceptor.library.release import SUFFIX, Release, read_release
from preceptor.library.release_pointer import NOTHING, Pointed, Pointer
from preceptor.serve.log import Log
from preceptor.serve.metrics import Metrics

_AGAIN_SECONDS = 1.0
"""How long after a failure the same pointer is tried again: its file may still be on the way."""
_KEPT = 4
"""Releases kept beside the current one, for requests that name one."""


@dataclass(frozen=True, slots=True)
class InUse:
    """A release with its coach."""

    id: str
    digest: str
    trial: bool
    coach: Coach


class FixedPointer:
    """Points to one release file for ever: ``serve --release FILE``."""

    def __init__(self, path: Path) -> None:
        self._release = read_release(path)
        self._told = False

    @property
    def trial(self) -> bool:
        """Whether it is a trial release."""
        return self._release.trial

    def changed(self) -> bool:
        """Only before the first look."""
        return not self._told

    def current(self) -> Pointed:
        """The file's release."""
        self._told = True
        return Pointed(digest=self._release.digest, seq=0)

    def read(self, pointed: Pointed) -> Release:
        """The release as it was read when the proxy started."""
        del pointed
        return self._release


class Follower:
    """Keeps the current release loaded.

    Args:
        pointer: where it is told which release is current.
        folder: where releases lie that a request may name; None: none may be named.
        trial: whether a trial release may be used.
    """

    def __init__(
        self,
        pointer: Pointer,
        folder: Path | None,
        log: Log,
        metrics: Metrics,
        *,
        trial: bool = False,
        embedder: Embedder | None = None,
        student: str = "",
    ) -> None:
        self._student = student
        self._pointer = pointer
        self._folder = folder
        self._log = log
        self._metrics = metrics
        self._trial = trial
        self._embedder = embedder
        self._named: OrderedDict[str, InUse] = OrderedDict()
        self._pointed: Pointed | None = None
        self._failed_at: float | None = None
        self._failure = ""
        self.current: InUse | None = None
        """None: none is published, or none could be used yet."""

    @property
    def ready(self) -> bool:
        """True once it is known what is current, and that is in use (or nothing is)."""
        return self._pointed is not None and (self.current is not None or not self._pointed.digest)

    @property
    def problem(self) -> str:
        """What is wrong with the pointer or the newest release, in words; empty when nothing is."""
        return self._failure

    async def follow(self, seconds: float) -> None:
        """Looks every ``seconds`` until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(seconds)

    async def look(self) -> None:
        """One look at the pointer; loads what it tells where that is new. Never raises for a bad release."""
        now = asyncio.get_running_loop().time()
        if self._failed_at is None:
            if not self._pointer.changed():
                return
        elif now - self._failed_at < _AGAIN_SECONDS and not self._pointer.changed():
            return
        try:
            pointed, found = await asyncio.to_thread(self._load)
        except Exception as error:  # noqa: BLE001 - the boundary: whatever a file holds, it is followed on
            known = isinstance(error, (PreceptorError, OSError))
            told = str(error) if known else f"the release cannot be used ({type(error).__name__}: {error})"
            self._failed_at = now
            self._metrics.add("preceptor_release_errors_total")
            if told != self._failure:
                self._failure = told
                kept = self.current.id if self.current else None
                self._log("release-refused", error=self._failure, kept=kept)
            return
        self._failed_at, self._failure = None, ""
        if pointed == self._pointed:
            return
        self._pointed = pointed
        if (found.digest if found else "") != (self.current.digest if self.current else ""):
            self.current = found
            gc.freeze()  # it lives long: the garbage collector need not walk through it while requests wait
            self._metrics.add("preceptor_release_changes_total")
            self._log("release-changed", release=found.id if found else None, act=pointed.seq)
        search = "" if found is None else "compiled" if found.coach.compiled else "numpy"
        self._metrics.only("preceptor_release_info", (("release", found.id if found else ""), ("search", search)))

    async def named(self, name: str) -> InUse:
        """The release with that id, for one request.

        Raises:
            InputError: there is none, it cannot be used, or none may be named.
        """
        if self.current is not None and name in (self.current.id, self.current.digest):
            return self.current
        known = self._named.get(name)
        if known is None:
            known = await asyncio.to_thread(self._load_named, name)
            self._named[name] = known
            while len(self._named) > _KEPT:
                self._named.popitem(last=False)
        else:
            self._named.move_to_end(name)
        return known

    def _load(self) -> tuple[Pointed, InUse | None]:
        pointed = self._pointer.current()
        if pointed == NOTHING and self._pointed is not None and self._pointed != NOTHING:
            # A folder that is not mounted looks the same; what was taken back for good has an act of its own.
            raise InputError(
                "the pointer to the current release is gone", hint="publish again: preceptor release publish"
            )
        if not pointed.digest:
            return pointed, None
        if self.current is not None and pointed.digest == self.current.digest:
            return pointed, self.current
        return pointed, self._opened(lambda: self._pointer.read(pointed))

    def _load_named(self, name: str) -> InUse:
        digits = name.removeprefix("release-")
        if self._folder is None or len(digits) < 16 or not all(c in "0123456789abcdef" for c in digits):
            raise InputError("there is no such release", hint="see: preceptor release list")
        path = self._folder / f"release-{digits[:16]}{SUFFIX}"
        return self._opened(lambda: read_release(path, digest=digits if len(digits) == 64 else ""))

    def _opened(self, read: Callable[[], Release]) -> InUse:
        release = read()
        if release.trial and not self._trial:
            raise InputError(
                f"{release.id} is a trial release: strategies in it were not approved",
                hint="serve it with: --trial",
            )
        # Without the embeddings' own embedder a release is searched by words alone.
        embedder = self._embedder if release.manifest.embedder is not None else None
        coach = Coach.from_release(release, embedder=embedder, student=self._student)
        return InUse(release.id, release.digest, release.trial, coach)
