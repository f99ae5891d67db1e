"""What to look at first: worst findings, then strongest evidence, then the order in which it was learned."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Mapping, Sequence

from preceptor.core.records import Finding, Severity
from preceptor.library.entry import Entry

Rank = tuple[int, float, int, str]
_MANY = 400
"""Changed entries above which sorting all of them anew is cheaper."""
_WEIGHT: Mapping[Severity, int] = {"blocking": 100, "warning": 10, "info": 1}


def worst(entry: Entry) -> Severity | None:
    """The worst severity among the findings."""
    return worst_of(entry.findings)


def worst_of(findings: Sequence[Finding]) -> Severity | None:
    """The worst severity; None without findings."""
    return max((f.severity for f in findings), key=_WEIGHT.__getitem__, default=None) if findings else None


def concern(entry: Entry) -> int:
    """How much stands against an entry: its worst finding, then contradictions and measured harm."""
    severity = worst(entry)
    found = _WEIGHT[severity] if severity else 0
    return found + (5 if entry.flags else 0) + (50 if entry.verdict == "harmful" else 0)


def strength(entry: Entry) -> float:
    """How much the evidence says: the bound of the interval that is nearer to zero, 0 when it holds zero."""
    if entry.evidence is None:
        return -1.0
    low, high = entry.evidence.interval
    return max(low, -high, 0.0)


def rank(entry: Entry) -> Rank:
    """Sorts an entry among others: the lowest comes first."""
    return -concern(entry), -strength(entry), entry.first_seq, entry.strategy.id


class Ranking:
    """Ids in the order in which to look at them, kept while entries change one by one."""

    def __init__(self) -> None:
        self._ranks: dict[str, Rank] = {}
        self._sorted: list[Rank] = []

    def put(self, entries: Sequence[Entry]) -> None:
        """Adds entries, or what became of them."""
        if len(entries) > _MANY:
            self._ranks |= {e.strategy.id: rank(e) for e in entries}
            self._sorted = sorted(self._ranks.values())
            return
        for entry in entries:
            now, was = rank(entry), self._ranks.get(entry.strategy.id)
            if now == was:
                continue
            if was is not None:
                del self._sorted[bisect_left(self._sorted, was)]
            insort(self._sorted, now)
            self._ranks[entry.strategy.id] = now

    def order(self) -> tuple[str, ...]:
        """All ids, the first to look at in front."""
        return tuple([key[3] for key in self._sorted])
