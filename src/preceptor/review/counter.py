"""Releases as people look at them: what one would change, why, and what the next one would hold."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Literal, TypeVar

from preceptor.core.records import Strategy
from preceptor.library.entry import Record
from preceptor.library.publishing import Releases
from preceptor.library.release import Release, Released
from preceptor.library.store import Library
from preceptor.review.diff import Piece, joined

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
    """That one strategy is added, changed or removed."""

    kind: Kind
    id: str
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A move with the words that it is about."""

    kind: Kind
    strategy: Strategy
    """As it is after the move; for what is removed, as it was."""
    before: Strategy | None = None
    version: int
    record: Record | None
    """The decision behind it: the last one of its kind."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Following:
    """What a release made now would change."""

    moves: Moves
    left_out: tuple[str, ...]
    """Approved strategies that screening or measurement speaks against."""
    expired: tuple[str, ...]
    """Approved strategies whose approval has ended."""


class Counter:
    """Reads releases, keeps the last few in memory (they never change), and compares. Safe to share."""

    def __init__(self, releases: Releases, library: Library) -> None:
        self._releases = releases
        self._library = library
        self._lock = Lock()
        self._read: OrderedDict[str, Release] = OrderedDict()
        self._compared: OrderedDict[tuple[str, str], Moves] = OrderedDict()
        self._held: OrderedDict[str, Mapping[str, Held]] = OrderedDict()

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
            was, now = self.held(before), self.held(after)
            known = moves(_versions(was), _versions(now), _settings(old, self.read(after)))
        with self._lock:
            _keep(self._compared, (before, after), known)
        return known

    def next(self, before: str) -> Following:
        """What a release made now would change. Asks the library each time: approvals also end by themselves."""
        approved = self._library.approved()
        return Following(
            moves=moves(_versions(self.held(before)), approved.versions, ()),
            left_out=approved.left_out,
            expired=approved.expired,
        )

    def shown(self, found: Sequence[Move], before: str, after: str | None) -> tuple[Shown, ...]:
        """Moves with their words and decisions; ``after`` None: of the release that would be made now."""
        old = self.held(before)
        gone = {m.id: old[m.id].strategy for m in found if m.kind == "removed"}
        ids = [m.id for m in found if m.kind != "removed"]
        if after is None:
            now = {i: e.strategy for i, e in self._library.named(ids).items()}
        else:
            held = self.held(after)
            now = {i: held[i].strategy for i in ids}
        behind = {
            kind: self._library.last_changes([m.id for m in found if m.kind == kind], wanted)
            for kind, wanted in _DECIDING.items()
        }
        return tuple(
            Shown(
                kind=m.kind,
                strategy=gone[m.id] if m.id in gone else now[m.id],
                before=old[m.id].strategy if m.kind == "changed" else None,
                version=m.version,
                record=behind[m.kind].get(m.id),
            )
            for m in found
            if m.id in gone or m.id in now
        )

    def held(self, digest: str) -> Mapping[str, Held]:
        """What a release holds, by id; nothing for an empty digest."""
        with self._lock:
            found = self._held.get(digest)
        if found is None:
            found = _held(self.read(digest) if digest else None)
        with self._lock:
            _keep(self._held, digest, found)
        return found


def moves(before: Mapping[str, int], after: Mapping[str, int], settings: tuple[str, ...]) -> Moves:
    """Of strategy ids with their versions; each part in order of id. Other words are always another version, and
    one that only met more scenarios is the same to people."""
    both = before.keys() & after.keys()
    changed = _moved("changed", after, (i for i in both if before[i] != after[i]))
    return Moves(
        added=_moved("added", after, after.keys() - both),
        removed=_moved("removed", before, before.keys() - both),
        changed=changed,
        same=len(both) - len(changed),
        settings=settings,
    )


def _moved(kind: Kind, where: Mapping[str, int], ids: Iterable[str]) -> tuple[Move, ...]:
    return tuple(Move(kind=kind, id=i, version=where[i]) for i in sorted(ids))


def _versions(held: Mapping[str, Held]) -> dict[str, int]:
    return {i: h.version for i, h in held.items()}


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
