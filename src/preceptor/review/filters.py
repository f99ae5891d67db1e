"""What a list shows, as it stands in the URL."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from urllib.parse import urlencode

from preceptor.core.untrusted import one_line
from preceptor.library.entry import Entry
from preceptor.library.rows import folded
from preceptor.review.ranking import worst
from preceptor.review.shelf import View

_MOST_KEPT = 8
CHOICES: Mapping[str, tuple[str, ...]] = {
    "status": ("proposed", "approved", "rejected", "retired", "all"),
    "severity": ("blocking", "warning", "clean"),
    "scope": ("scenario", "domain"),
    "evidence": ("helpful", "unproven", "harmful"),
    "mark": ("tainted", "flagged"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Fields are empty where they don't restrict."""

    q: str = ""
    status: str = ""
    severity: str = ""
    scope: str = ""
    evidence: str = ""
    mark: str = ""
    check: str = ""
    run: str = ""

    @classmethod
    def read(cls, query: Mapping[str, str]) -> Filter:
        """From a URL; what is not a choice is left out."""
        values: dict[str, str] = {}
        for name in (f.name for f in fields(cls)):
            value = one_line(query.get(name, ""), 200)
            if value and (name not in CHOICES or value in CHOICES[name]):
                values[name] = value
        return cls(**values)

    def url(self, path: str, **more: str) -> str:
        """``path`` with this filter, and ``more``, as its query."""
        pairs = {f.name: getattr(self, f.name) for f in fields(self)} | more
        query = urlencode({k: v for k, v in pairs.items() if v})
        return f"{path}?{query}" if query else path

    def without(self, name: str) -> Filter:
        """The same filter, not restricted by ``name``."""
        return replace(self, **{name: ""})

    def active(self) -> tuple[tuple[str, str], ...]:
        """Names and values that restrict."""
        return tuple((f.name, getattr(self, f.name)) for f in fields(self) if getattr(self, f.name))

    def chosen(self, view: View, default_status: str = "proposed") -> tuple[Entry, ...]:
        """The entries that fit, those to look at first in front."""
        status = self.status or default_status
        key = (self, status)
        known = view.chosen.get(key)
        if known is None:
            entries = (view.entries[i] for i in view.order)
            known = tuple(self._fitting(entries, status))
            if len(view.chosen) >= _MOST_KEPT:
                view.chosen.clear()
            view.chosen[key] = known
        return known

    def _fitting(self, entries: Iterable[Entry], status: str) -> Iterator[Entry]:
        words = folded(self.q).split()
        for entry in entries:
            if status not in ("all", entry.status):
                continue
            if self.severity and (worst(entry) or "clean") != self.severity:
                continue
            if self.scope and entry.strategy.scope != self.scope:
                continue
            if self.evidence and entry.verdict != self.evidence:
                continue
            if self.mark and not (entry.tainted if self.mark == "tainted" else entry.flags):
                continue
            if self.check and all(f.check != self.check for f in entry.findings):
                continue
            if self.run and all(p.run != self.run for p in entry.provenance):
                continue
            if words and not _has(entry, words):
                continue
            yield entry


def _has(entry: Entry, words: list[str]) -> bool:
    strategy = entry.strategy
    text = " ".join((strategy.id, strategy.when, strategy.do, strategy.avoid, strategy.why)).casefold()
    return all(word in text for word in words)
