"""How long lists of a large library take. ``python -m bench.library [STRATEGIES]``."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from statistics import median

from preceptor.core.clock import system_clock
from preceptor.core.records import Finding, Strategy
from preceptor.library.changes import Approve, Change, Evidence, Propose, Provenance
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
        told = Path(folder) / "library.db"
        with Library.open(told, clock=system_clock, create=True) as library:
            library.apply(changes(count), author="bench", reason="bench")
            _measure(library, count)
    return 0


def _measure(library: Library, count: int) -> None:
    waiting = ("proposed",)
    asked: dict[str, Callable[[], object]] = {
        "the queue's next strategy": lambda: library.page(Filter(status=waiting), limit=1),
        "its place in the queue": lambda: library.position(f"strategy-{count // 2 + 1:012x}"),
        "a page of 50, first": lambda: library.page(Filter(status=waiting)),
        "a page of 50, last": lambda: library.page(offset=count - 50),
        "a page of 50 by two words": lambda: library.page(Filter(text="loyalty invoice")),
        "a page of 50 by run, stage, check": lambda: library.page(Filter(run="learn-003", stage=2, check="number")),
        "counts of all": library.counts,
        "counts of what waits": lambda: library.counts(Filter(status=waiting)),
        "all entries, decoded": library.entries,
        "verify": library.verify,
    }
    print(f"{count} strategies, SQLite; median and most of {_TIMES}, ms")
    for name, ask in asked.items():
        took: list[float] = []
        for _ in range(_TIMES if name not in ("verify", "all entries, decoded") else 3):
            started = time.perf_counter()
            ask()
            took.append((time.perf_counter() - started) * 1000)
        print(f"{name:36} {median(took):9.1f} {max(took):9.1f}", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
