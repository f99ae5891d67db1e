"""A library with some of everything, and filters over it with the same done by hand."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from tests.unit.library.made import apply, evidence, finding, propose, provenance

from preceptor.library.changes import Approve, Flag, Reject
from preceptor.library.entry import Entry
from preceptor.library.paging import Filter
from preceptor.library.store import Library

FILTERS: list[tuple[Filter, Callable[[Entry], bool]]] = [
    (Filter(), lambda e: True),
    (Filter(status=("proposed",)), lambda e: e.status == "proposed"),
    (Filter(status=("approved", "rejected")), lambda e: e.status in ("approved", "rejected")),
    (Filter(severity="warning"), lambda e: e.severity == "warning"),
    (Filter(severity="clean"), lambda e: not e.findings),
    (Filter(scope="domain"), lambda e: e.strategy.scope == "domain"),
    (Filter(verdict="helpful"), lambda e: e.verdict == "helpful"),
    (Filter(text="REFUND 1"), lambda e: "1" in e.strategy.when + e.strategy.id),
    (Filter(text="strategy-0011"), lambda e: e.strategy.id == "strategy-0011"),
    (Filter(text="%"), lambda e: False),
    (Filter(run="learn-002"), lambda e: any(p.run == "learn-002" for p in e.provenance)),
    (Filter(stage=3), lambda e: any(p.stage == 3 for p in e.provenance)),
    (Filter(check="name"), lambda e: any(f.check == "name" for f in e.findings)),
    (Filter(tainted=True), lambda e: e.tainted),
    (Filter(flagged=True), lambda e: bool(e.flags)),
    (Filter(usable=False), lambda e: not e.usable),
    (Filter(without=("strategy-0003", "strategy-0004")),
     lambda e: e.strategy.id not in ("strategy-0003", "strategy-0004")),
    (Filter(status=("proposed",), severity="blocking", run="learn-001"), lambda e: e.status == "proposed"
     and e.severity == "blocking" and any(p.run == "learn-001" for p in e.provenance)),
]  # fmt: skip


def full(made: Library) -> None:
    found = itertools.cycle([(), (finding("warning"),), (finding(check="name"), finding("info"))])
    for n in range(18):
        origin = provenance(n, run=f"learn-00{1 + n % 2}", stage=n % 4, tainted=n % 5 == 0)
        scope = "domain" if n % 6 == 0 else "scenario"
        apply(made, propose(n, findings=next(found), provenance=origin, scope=scope))
    apply(made, *(evidence(n, ("helpful", "harmful", "unproven")[n % 3]) for n in range(0, 18, 2)))
    ends = ("", "2098-01-01", "2097-01-01", "2097-01-01")
    for n, end in zip((0, 3, 4, 15), ends, strict=True):
        until = end and f"{end}T00:00:00.000000+00:00"
        apply(made, Approve(strategy_id=f"strategy-{n:04}", until=until))
    apply(
        made, Reject(strategy_id="strategy-0007"), Flag(strategy_ids=("strategy-0001", "strategy-0003"), note="x")
    )
