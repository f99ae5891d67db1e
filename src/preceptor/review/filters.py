"""What a list shows and in which order, as it stands in the URL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import cast
from urllib.parse import urlencode

from preceptor.core.records import Scope, Severity, Status
from preceptor.core.untrusted import one_line
from preceptor.library import paging
from preceptor.library.changes import EvidenceVerdict
from preceptor.library.paging import Order

CHOICES: Mapping[str, Mapping[str, str]] = {
    "status": {s: s for s in ("proposed", "approved", "rejected", "retired", "all")},
    "severity": {"blocking": "blocking", "warning": "warning", "info": "info", "clean": "none on record"},
    "scope": {"scenario": "situation", "domain": "domain-wide"},
    "evidence": {v: v for v in ("helpful", "unproven", "harmful")},
    "mark": {
        "half": "half approved",
        "expired": "expired",
        "tainted": "customers' text",
        "flagged": "contradiction",
    },
    "order": {"newest": "newest first", "oldest": "oldest first", "ends": "ends soonest"},
}
"""Values of each field, with the words that a page has for them; the first order of all is not to choose one.
Findings are those on record, of the last screening: to screen a whole list anew would take seconds."""
NAMES: Mapping[str, str] = {
    "status": "Status",
    "severity": "Findings",
    "scope": "Scope",
    "evidence": "Evidence",
    "mark": "Marks",
    "order": "Worst first",
}
"""What stands in a field that does not restrict."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Fields are empty where they don't restrict."""

    q: str = ""
    status: str = ""
    severity: str = ""
    scope: str = ""
    evidence: str = ""
    mark: str = ""
    order: str = ""
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

    def active(self) -> tuple[tuple[str, str], ...]:
        """Names and values that restrict, or order."""
        return tuple((f.name, getattr(self, f.name)) for f in fields(self) if getattr(self, f.name))

    @property
    def sorted(self) -> Order:
        """The list's order."""
        return cast("Order", self.order or "review")

    def every(self) -> paging.Filter:
        """As the library asks, of any status where none is chosen."""
        return self._asked(() if self.status in ("", "all") else (cast("Status", self.status),))

    def waiting(self, by: str = "") -> paging.Filter:
        """The same, of what waits where no status is chosen; ``by``: without what this person has approved already,
        unless that is what is looked for. What has expired waits to be approved anew."""
        if self.status or self.mark == "expired":
            return self.every()
        found = self._asked(("proposed",))
        return found if self.mark == "half" else replace(found, not_approved_by=by)

    def _asked(self, status: tuple[Status, ...]) -> paging.Filter:
        return paging.Filter(
            status=status,
            text=self.q,
            severity=cast("Severity", self.severity),
            scope=cast("Scope", self.scope),
            verdict=cast("EvidenceVerdict", self.evidence),
            tainted=True if self.mark == "tainted" else None,
            flagged=True if self.mark == "flagged" else None,
            expired=True if self.mark == "expired" else None,
            half_approved=True if self.mark == "half" else None,
            check=self.check,
            run=self.run,
        )
