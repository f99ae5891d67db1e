"""Screening one strategy as it stands in a library: with its conversations, and beside what is approved."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from threading import Lock

from preceptor.core.records import Domain, Finding, Strategy
from preceptor.library.near import Near
from preceptor.library.screening import ALIKE, alike_findings, screen
from preceptor.library.store import Library

_MOST_KEPT = 32
MOST_SCENARIOS = 3
"""Scenarios of a strategy whose words it is screened against; those in which it was learned first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Screened:
    """What was found."""

    findings: tuple[Finding, ...]
    against: tuple[tuple[Finding, Strategy], ...] = ()
    """Those of the findings that speak of an approved strategy, each with that strategy."""
    seq: int = 0
    """Number of the last change that was known of."""

    @property
    def blocked(self) -> bool:
        """Whether it must not be used."""
        return any(f.severity == "blocking" for f in self.findings)


class Screener:
    """Runs the checks by code. Safe to share between threads."""

    def __init__(self, library: Library, domain: Domain | None, near: Near) -> None:
        self._library = library
        self._domain = domain
        self._near = near
        self._lock = Lock()
        self._kept: OrderedDict[object, Screened] = OrderedDict()

    def look(self, strategy: Strategy, known: Sequence[Finding] = (), *, without: Collection[str] = ()) -> Screened:
        """What the checks by code find in it now, and of ``known`` what the teacher found before.

        Where no domain is known, what other checks found before stands, and approved strategies are compared.

        Args:
            strategy: what is looked at; its words may be others than the library holds.
            known: findings about the same words from before.
            without: ids of approved strategies that it may repeat: those that are about to go.
        """
        # What a person looked at is what they decide on next, most often with nothing changed meanwhile.
        seq = self._near.seq()
        key = (seq, strategy, tuple(known), frozenset(without))
        with self._lock:
            found = self._kept.get(key)
        if found is None:
            found = self._looked(strategy, known, without, seq)
        with self._lock:
            self._kept[key] = found
            while len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
        return found

    def _looked(self, strategy: Strategy, known: Sequence[Finding], without: Collection[str], seq: int) -> Screened:
        named = self._library.named(self._near.against(strategy, without=without, at=seq).ids)
        against = tuple(alike_findings(strategy, tuple(e.strategy for e in named.values())))
        if self._domain is None:
            kept = tuple(f for f in known if f.check not in ALIKE)
            return Screened(findings=(*kept, *(f for f, _ in against)), against=against, seq=seq)
        ids = strategy.scenarios[:MOST_SCENARIOS]
        turns = [t for s in (self._library.scenarios(ids) if ids else ()) for t in s.turns]
        by_code = screen(strategy, turns=turns, domain=self._domain)
        by_teacher = tuple(f for f in known if f.check.startswith("teacher"))
        return Screened(findings=(*by_code, *(f for f, _ in against), *by_teacher), against=against, seq=seq)
