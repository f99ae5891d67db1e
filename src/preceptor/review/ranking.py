"""What to look at first: worst findings, then strongest evidence, then the order in which it was learned."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from preceptor.core.records import Finding, Severity
from preceptor.library.entry import Entry

_WEIGHT: Mapping[Severity, int] = {"blocking": 100, "warning": 10, "info": 1}


def worst(entry: Entry) -> Severity | None:
    """The worst severity among the findings."""
    return worst_of(entry.findings)


def worst_of(findings: Iterable[Finding]) -> Severity | None:
    """The worst severity; None without findings."""
    return max((f.severity for f in findings), key=lambda s: _WEIGHT[s], default=None)


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


def ranked(entries: Iterable[Entry]) -> tuple[str, ...]:
    """Ids in the order in which to look at them."""
    keyed = sorted((-concern(e), -strength(e), e.first_seq, e.strategy.id) for e in entries)
    return tuple(key[3] for key in keyed)
