"""How long each page of the review app takes over a library of 20,000 strategies, half of them decided, on SQLite
and on PostgreSQL.

``python -m bench.review [--count N] [--folder DIR] [--only sqlite|postgresql]``: server time of each page, in
process: from request to last byte, a session's cookie and all, no network. Beside it stands the processor's time of
this process. Of both the least is told too: a busy machine makes all of them longer, the least one by the least.
``DIR`` keeps the library for the next time; making it takes minutes. ``next item`` is what a reviewer waits for
after a key: the decision with its change in the log, then the page of the strategy that follows.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from sqlalchemy import create_engine, delete, insert, select
from starlette.testclient import TestClient
from tests.postgres import postgres_schema, postgres_server
from tests.review_app import Browser, browser, open_desk
from tests.review_data import DOMAIN, make_run

from preceptor.core.clock import system_clock
from preceptor.library.changes import Approve, Change, Reject
from preceptor.library.decide import Decider
from preceptor.library.entry import Entry
from preceptor.library.paging import Filter
from preceptor.library.schema import METADATA, REVISION_TABLE
from preceptor.library.store import Library
from preceptor.review.desk import Desk

TIMES = 21


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.review", description=__doc__)
    parser.add_argument("--count", type=int, default=20_000, help="strategies")
    parser.add_argument("--folder", type=Path, help="where the library is kept")
    parser.add_argument("--only", choices=["sqlite", "postgresql"], help="one of the databases")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder: Path = options.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        prepare(folder, options.count)
        if options.only != "postgresql":
            with open_desk(folder, 0) as desk:
                measure("SQLite", desk)
        if options.only != "sqlite":
            on_postgresql(folder)
    return 0


def on_postgresql(folder: Path) -> None:
    """The same over a real server, whose commits wait for the disk."""
    try:
        with postgres_server() as server, postgres_schema(server, sync=True) as url:
            copy(folder / "library.db", url)
            with open_desk(folder, 0, place=url) as desk:
                measure("PostgreSQL", desk)
    except ImportError as error:
        print(f"\nno PostgreSQL here ({error}): install the group dev")


def copy(source: Path, url: str) -> None:
    """Every row as it is: restoring a backup would verify all of it once more."""
    with Library.open(url, clock=system_clock, create=True):
        pass
    sqlite, postgresql = create_engine(f"sqlite:///{source}"), create_engine(url)
    with sqlite.connect() as reader, postgresql.begin() as writer:
        for table in METADATA.sorted_tables:
            if table.name == REVISION_TABLE:
                continue
            writer.execute(delete(table))
            for part in reader.execute(select(table)).mappings().partitions(1000):
                writer.execute(insert(table), [dict(row) for row in part])
        writer.exec_driver_sql("ANALYZE")
    sqlite.dispose()
    postgresql.dispose()


def prepare(folder: Path, count: int) -> None:
    """Makes the library, decides half of it, makes two releases and a run."""
    if (folder / "library.db").exists():
        with open_desk(folder, 0):  # brings one that an earlier version made up to date
            return
    started = time.perf_counter()
    with open_desk(folder, count) as desk:
        found = desk.library.page(limit=count).entries
        usable = [e.strategy.id for e in found if e.usable][: count // 2]
        changes: list[Change] = [
            Reject(strategy_id=i) if n % 5 == 4 else Approve(strategy_id=i) for n, i in enumerate(usable)
        ]
        half = len(changes) // 2
        for part in (changes[:half], changes[half:]):
            desk.library.apply(part, author="mara", reason="fits the policy")
            made = desk.releases.create(desk.recipe(), author="mara", reason="as far as decided")
            current = desk.releases.current()
            desk.releases.publish(
                made.release.id, author="mara", reason="", expect=current.digest if current else ""
            )
        make_run(desk.runs)
    print(f"library of {count:,} made in {time.perf_counter() - started:.0f} s", flush=True)


def measure(name: str, desk: Desk) -> None:
    """Prints the table."""
    waits = [e.strategy.id for e in desk.library.page(Filter(status=("proposed",)), limit=500).entries]
    approved = desk.library.page(Filter(status=("approved",)), limit=1).entries[0].strategy.id
    started = time.perf_counter()
    desk.near.against(desk.library.entry(approved).strategy)
    print(f"\n{name}: what strategies say is read in {time.perf_counter() - started:.2f} s, once a start")
    subject = desk.library.entry(waits[3]).strategy
    started = time.perf_counter()
    Decider(desk.library, DOMAIN, author="mara").findings(subject)
    print(f"a decision on the command line is screened in {time.perf_counter() - started:.2f} s")
    mara = browser(desk)
    print(f"\n{name:<36} {'median ms':>9} {'worst ms':>9} {'least ms':>9} {'cpu ms':>7} {'least cpu':>9} {'kB':>6}")
    for page, path in pages(desk, waits, approved).items():
        tell(page, lambda path=path: mara.get(path).content)
    tell("nothing: what asking itself takes", lambda: mara.get("/healthz").content)
    client, csrf = mara.client, mara.csrf
    ids = iter(waits[50:])
    mara.get("/queue?severity=clean")
    tell("next item, its page alone", lambda: part(mara, f"/queue?at={next(ids)}"))
    for act in ("approve", "reject"):
        tell(f"next item ({act}, then its page)", lambda first, act=act: decide(client, first, csrf, act), desk)
    tell("screening while words are typed", lambda: typed(client, desk, csrf))


def pages(desk: Desk, waits: list[str], approved: str) -> dict[str, str]:
    """Every page, by name."""
    releases = desk.releases.list()
    return {
        "queue, first item": "/queue",
        "queue, filtered": "/queue?severity=clean&evidence=helpful&q=insulin",
        "queue, in the middle": f"/queue?at={waits[-1]}",
        "strategies": "/strategies",
        "strategies, searched": "/strategies?q=refund+emergency&status=approved",
        "strategies, last page": f"/strategies?page={-(-desk.library.page(limit=0).total // 100)}",
        "strategies, by end of approval": "/strategies?order=ends",
        "strategy": f"/strategies/{approved}",
        "strategy, edit": f"/strategies/{waits[5]}/edit",
        "merge": f"/strategies/{waits[0]}/merge?with={waits[1]}",
        "releases, with the next one's diff": "/releases",
        "release, against the current one": f"/releases/{releases[0].id}",
        "runs": "/runs",
        "run": "/runs/learn-001",
        "try it": "/try",
        "rate": "/rate",
        "audit log": "/audit",
        "audit log, searched": "/audit?q=policy&author=mara&kind=approve",
        "law": "/law",
    }


def tell(name: str, ask: Callable[..., bytes], desk: Desk | None = None) -> None:
    """One row; with ``desk``, of asking about what stands first among the clean ones, which is looked up before."""
    took: list[tuple[float, float]] = []
    size = 0
    for _ in range(TIMES + 1):
        given = (clean(desk),) if desk else ()
        started, busy = time.perf_counter(), time.process_time()
        size = len(ask(*given))
        took.append((1000 * (time.perf_counter() - started), 1000 * (time.process_time() - busy)))
    wall, cpu = zip(*took[1:], strict=True)
    clock = f"{median(wall):>9.1f} {max(wall):>9.1f} {min(wall):>9.1f}"
    print(f"{name:<36} {clock} {median(cpu):>7.1f} {min(cpu):>9.1f} {size / 1000:>6.1f}", flush=True)


def clean(desk: Desk) -> Entry:
    """What a reviewer who goes through the clean ones has before them."""
    return desk.library.page(Filter(status=("proposed",), severity="clean", usable=True), limit=1).entries[0]


def part(mara: Browser, path: str) -> bytes:
    """What htmx asks for."""
    answer = mara.get(path, headers={"hx-request": "true", "hx-target": "main"})
    assert answer.status_code == 200
    return answer.content


def decide(client: TestClient, entry: Entry, csrf: str, act: str) -> bytes:
    """Decides, and takes the page that follows: two requests, as the browser sends them."""
    answer = client.post(
        f"/queue/{entry.strategy.id}/{act}?severity=clean",
        data={"csrf": csrf, "expect": str(entry.changed_seq), "reason": "Too vague"},
        headers={"hx-request": "true", "hx-target": "main"},
    )
    assert answer.status_code == 200, answer.status_code
    return answer.content


def typed(client: TestClient, desk: Desk, csrf: str) -> bytes:
    """What is asked for after each pause in typing."""
    entry = desk.library.page(Filter(status=("proposed",)), limit=1, offset=time.perf_counter_ns() % 900).entries[0]
    s = entry.strategy
    told = {"csrf": csrf, "id": s.id, "when": s.when, "do": f"{s.do}, and say so", "avoid": s.avoid, "why": s.why}
    return client.post("/screen", data=told).content


if __name__ == "__main__":
    raise SystemExit(main())
