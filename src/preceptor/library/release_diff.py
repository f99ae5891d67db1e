"""What sets one release apart from another."""

from __future__ import annotations

from dataclasses import dataclass

from preceptor.library.release import Release, Released


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """One strategy in both releases, with other words, version or scenarios."""

    before: Released
    after: Released


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseDiff:
    """From one release to another, each part in order of id."""

    added: tuple[Released, ...]
    removed: tuple[Released, ...]
    changed: tuple[Changed, ...]
    same: int
    settings: tuple[str, ...]
    """Which of ``coach``, ``template``, ``retrieval``, ``embedder``, ``trial`` differ."""


def diff(before: Release, after: Release) -> ReleaseDiff:
    """What became of ``before`` in ``after``."""
    old = {r.strategy.id: r for r in before.strategies().all()}
    new = {r.strategy.id: r for r in after.strategies().all()}
    both = [i for i in old if i in new]
    changed = tuple(Changed(before=old[i], after=new[i]) for i in both if old[i] != new[i])
    names = ("coach", "template", "retrieval", "embedder", "trial")
    return ReleaseDiff(
        added=tuple(r for i, r in new.items() if i not in old),
        removed=tuple(r for i, r in old.items() if i not in new),
        changed=changed,
        same=len(both) - len(changed),
        settings=tuple(n for n in names if getattr(before.manifest, n) != getattr(after.manifest, n)),
    )
