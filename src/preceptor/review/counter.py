"""Releases as people look at them: what one would change, why, and what the next one would hold."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Literal, TypeVar

from preceptor.core.records import Strategy
from preceptor.library.entry import Entry, Record
from preceptor.library.publishing import Releases
from preceptor.library.release import Release, Released
from preceptor.library.store import Library
from preceptor.review.diff import Piece, joined
from preceptor.review.shelf import Shelf

_MOST_READ = 3
"""Releases kept in memory; one of 20,000 strategies takes some dozen megabytes."""
_FIELDS = ("when", "do", "avoid", "why")

Key = TypeVar("Key")
Value = TypeVar("Value")
Kind = Literal["added", "changed", "removed"]
_DECIDING: Mapping[Kind, tuple[str, ...]] = {
    "added": ("approve",),
    "changed": ("approve", "edit", "merge"),
    "removed": ("reject", "retire", "merge", "edit", "reopen", "screen", "evidence"),
}


@dataclass(frozen=True, slots=True)
class Held:
    """A strategy in the version that a release holds."""

    strategy: Strategy
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One strategy that is added, changed or removed."""

    kind: Kind
    strategy: Strategy
    """As it is after the move; for what is removed, as it was."""
    before: Strategy | None = None
    version: int

    def words(self) -> tuple[tuple[str, tuple[Piece, ...]], ...]:
        """Each field that is not empty, with what differs from before."""
        old = self.before or self.strategy
        pairs = [(n, getattr(old, n), getattr(self.strategy, n)) for n in _FIELDS]
        return tuple((n, joined(was, now)) for n, was, now in pairs if was or now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moves:
    """From one release to another, or to the next one."""

    added: tuple[Move, ...] = ()
    changed: tuple[Move, ...] = ()
    removed: tuple[Move, ...] = ()
    same: int = 0
    settings: tuple[str, ...] = ()
    """Names of other parts that differ: limits on advice, prompt, retrieval."""

    @property
    def all(self) -> tuple[Move, ...]:
        """Every move, what is removed first: it is what people look for."""
        return (*self.removed, *self.changed, *self.added)

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed or self.settings)


class Counter:
    """Reads releases, keeps the last few in memory (they never change), and compares. Safe to share."""

    def __init__(self, releases: Releases, shelf: Shelf) -> None:
        self._releases = releases
        self._shelf = shelf
        self._lock = Lock()
        self._read: OrderedDict[str, Release] = OrderedDict()
        self._compared: OrderedDict[tuple[str, str], Moves] = OrderedDict()
        self._held: OrderedDict[str, Mapping[str, Held]] = OrderedDict()
        self._next: tuple[tuple[int, str], tuple[Moves, tuple[Entry, ...]]] | None = None

    def read(self, digest: str) -> Release:
        """The release, checked when it is first read. LibraryError where it was altered."""
        with self._lock:
            found = self._read.get(digest)
        if found is None:
            found = self._releases.read(digest)
        with self._lock:
            _keep(self._read, digest, found)
        return found

    def compare(self, before: str, after: str) -> Moves:
        """What became of one release (a digest; empty: of nothing) in another."""
        with self._lock:
            known = self._compared.get((before, after))
        if known is None:
            old = self.read(before) if before else None
            known = moves(self.held(before), self.held(after), _settings(old, self.read(after)))
        with self._lock:
            _keep(self._compared, (before, after), known)
        return known

    def next(self, before: str) -> tuple[Moves, tuple[Entry, ...]]:
        """What a release made now would change, and which approved strategies it would leave out."""
        view = self._shelf.view()
        with self._lock:
            if self._next is not None and self._next[0] == (view.seq, before):
                return self._next[1]
        approved = [e for e in view.entries.values() if e.status == "approved"]
        after = {e.strategy.id: Held(e.strategy, e.version) for e in approved if e.usable}
        found = moves(self.held(before), after, ()), tuple(e for e in approved if not e.usable)
        with self._lock:
            self._next = (view.seq, before), found
        return found

    def held(self, digest: str) -> Mapping[str, Held]:
        """What a release holds, by id; nothing for an empty digest."""
        with self._lock:
            found = self._held.get(digest)
        if found is None:
            found = _held(self.read(digest) if digest else None)
        with self._lock:
            _keep(self._held, digest, found)
        return found


def moves(before: Mapping[str, Held], after: Mapping[str, Held], settings: tuple[str, ...]) -> Moves:
    """Each part in order of id. A strategy that only met more scenarios is the same to people."""
    changed: list[Move] = []
    for strategy_id in sorted(before.keys() & after.keys()):
        old, new = before[strategy_id], after[strategy_id]
        if old.version != new.version or _words(old.strategy) != _words(new.strategy):
            changed.append(Move(kind="changed", strategy=new.strategy, before=old.strategy, version=new.version))
    return Moves(
        added=tuple(_moved("added", after, after.keys() - before.keys())),
        removed=tuple(_moved("removed", before, before.keys() - after.keys())),
        changed=tuple(changed),
        same=len(before.keys() & after.keys()) - len(changed),
        settings=settings,
    )


def reason_of(library: Library, move: Move) -> Record | None:
    """The decision that stands behind a move: the last one of its kind."""
    wanted = _DECIDING[move.kind]
    return next((r for r in reversed(library.history(move.strategy.id)) if r.kind in wanted), None)


def _moved(kind: Kind, where: Mapping[str, Held], ids: Iterable[str]) -> list[Move]:
    return [Move(kind=kind, strategy=where[i].strategy, version=where[i].version) for i in sorted(ids)]


def _words(strategy: Strategy) -> Sequence[str]:
    return (strategy.when, strategy.do, strategy.avoid, strategy.why, strategy.scope)


def _held(release: Release | None) -> dict[str, Held]:
    if release is None:
        return {}

    def held(released: Released) -> Held:
        return Held(released.strategy, released.version)

    return {r.strategy.id: held(r) for r in release.strategies().all()}


def _settings(before: Release | None, after: Release) -> tuple[str, ...]:
    if before is None:
        return ()
    names = ("coach", "template", "retrieval", "embedder", "trial")
    return tuple(n for n in names if getattr(before.manifest, n) != getattr(after.manifest, n))


def _keep(kept: OrderedDict[Key, Value], key: Key, value: Value) -> None:
    kept[key] = value
    kept.move_to_end(key)
    while len(kept) > _MOST_READ:
        kept.popitem(last=False)
