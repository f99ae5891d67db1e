"""How long lists of a large library take, on SQLite and on PostgreSQL. ``python -m bench.library [STRATEGIES]``."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from statistics import median

from tests.postgres import postgres_schema, postgres_server

from preceptor.core.clock import system_clock
from preceptor.core.records import Domain, Finding, Strategy
from preceptor.library.changes import Approve, Change, Evidence, Propose, Provenance
from preceptor.library.decide import Decider
from preceptor.library.paging import Filter
from preceptor.library.store import Library

_WORDS = (
    "refund",
    "ticket",
    "bag",
    "delay",
    "voucher",
    "change",
    "name",
    "seat",
    "order",
    "size",
    "invoice",
    "loyalty",
)
_TIMES = 15
_LONG = ("verify", "all entries, decoded")
DOMAIN = Domain(name="Bench", brief="b", policy="p", issues=(), profiles=())


def changes(count: int) -> list[Change]:
    """Strategies with findings, evidence and decisions, as a large library has them."""
    random = Random(1)
    found: list[Change] = []
    for n in range(count):
        some = " ".join(random.choices(_WORDS, k=12))
        strategy = Strategy(
            id=f"strategy-{n:012x}",
            when=f"the customer asks about {some}",
            do=f"say what happens next with {some} and confirm it",
            avoid="promising what is not known",
            why="customers want to know where they stand",
            scenarios=(f"scenario-{n % 900}",),
        )
        severity = random.choice(("", "", "", "info", "warning", "blocking"))
        findings = (
            (Finding(check="number", severity=severity, field="do", quote="next", reason="a number"),)
            if severity
            else ()
        )
        provenance = Provenance(
            run=f"learn-{n % 7:03}", stage=n % 4, scenarios=strategy.scenarios, prompts=(("teach", "0" * 64),) * 8
        )
        found.append(Propose(strategy=strategy, provenance=provenance, findings=findings))
        if n % 3 == 0:
            low = random.uniform(-0.2, 0.4)
            found.append(
                Evidence(
                    strategy_id=strategy.id,
                    verdict="helpful" if low > 0 else "unproven",
                    lift=low + 0.2,
                    interval=(low, low + 0.4),
                    n=48,
                    run="evaluate-001",
                )
            )
        if n % 4 == 0 and severity != "blocking":
            found.append(Approve(strategy_id=strategy.id))
    return found


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    with tempfile.TemporaryDirectory() as folder:
        _on("SQLite", str(Path(folder) / "library.db"), count)
    try:
        with postgres_server() as server, postgres_schema(server, sync=True) as url:
            _on("PostgreSQL", url, count)
    except ImportError as error:
        print(f"no PostgreSQL here ({error}): install the group dev")
    return 0


def _on(name: str, place: str, count: int) -> None:
    with Library.open(place, clock=system_clock, create=True) as library:
        library.apply(changes(count), author="bench", reason="bench")
        _measure(library, count, name)


def _measure(library: Library, count: int, name: str) -> None:
    waiting = ("proposed",)
    subject = library.page(Filter(status=waiting), limit=1).entries[0].strategy
    asked: dict[str, Callable[[], object]] = {
        "the queue's next strategy": lambda: library.page(Filter(status=waiting), limit=1),
        "its place in the queue": lambda: library.position(f"strategy-{count // 2 + 1:012x}"),
        "a page of 50, first": lambda: library.page(Filter(status=waiting)),
        "a page of 50, last": lambda: library.page(offset=count - 50),
        "a page of 50 by two words": lambda: library.page(Filter(text="loyalty invoice")),
        "a page of 50 by run, stage, check": lambda: library.page(Filter(run="learn-003", stage=2, check="number")),
        "counts of all": library.counts,
        "counts of what waits": lambda: library.counts(Filter(status=waiting)),
        "a page of 50 by the end of approvals": lambda: library.page(order="ends"),
        "what follows in the queue": lambda: library.following(subject.id, Filter(status=waiting)),
        "screening one against what is approved": lambda: Decider(library, DOMAIN, author="ann").findings(subject),
        "all entries, decoded": library.entries,
        "verify": library.verify,
    }
    print(f"\n{count} strategies, {name}; ms: median and most, and processor time of this process")
    for what, ask in asked.items():
        took: list[tuple[float, float]] = []
        for _ in range(3 if what in _LONG else _TIMES):
            started, busy = time.perf_counter(), time.process_time()
            ask()
            took.append(((time.perf_counter() - started) * 1000, (time.process_time() - busy) * 1000))
        wall, cpu = zip(*took, strict=True)
        print(f"{what:40} {median(wall):9.1f} {max(wall):9.1f} {median(cpu):9.1f}", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
