"""How long each page of the review app takes over a library of 20,000 strategies, half of them decided.

``python -m bench.review [--count N] [--folder DIR]``: server time of each page, in process: from request to last
byte, a session's cookie and all, no network. Beside it stands the processor's time, the same on an idle machine.
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

from starlette.testclient import TestClient
from tests.review_app import Browser, browser, open_desk
from tests.review_data import make_run

from preceptor.library.changes import Approve, Change, Reject
from preceptor.review.desk import Desk

TIMES = 15


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.review", description=__doc__)
    parser.add_argument("--count", type=int, default=20_000, help="strategies")
    parser.add_argument("--folder", type=Path, help="where the library is kept")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder: Path = options.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        fresh = not (folder / "library.db").exists()
        started = time.perf_counter()
        with open_desk(folder, options.count) as desk:
            if fresh:
                prepare(desk)
                print(f"library of {options.count:,} made in {time.perf_counter() - started:.0f} s", flush=True)
            started = time.perf_counter()
            view = desk.shelf.view()
            took = time.perf_counter() - started
            print(f"first look at {len(view.entries):,} strategies: {took:.1f} s (once a start)")
            measure(desk)
    return 0


def prepare(desk: Desk) -> None:
    """Decides half of it, makes two releases and a run."""
    view = desk.shelf.view()
    usable = [i for i in view.order if view.entries[i].usable][: len(view.order) // 2]
    changes: list[Change] = [
        Reject(strategy_id=i) if n % 5 == 4 else Approve(strategy_id=i) for n, i in enumerate(usable)
    ]
    half = len(changes) // 2
    for part in (changes[:half], changes[half:]):
        desk.library.apply(part, author="mara", reason="fits the policy")
        made = desk.releases.create(desk.recipe(), author="mara", reason="as far as decided")
        current = desk.releases.current()
        desk.releases.publish(made.release.id, author="mara", reason="", expect=current.digest if current else "")
    make_run(desk.runs)


def measure(desk: Desk) -> None:
    """Prints the table."""
    mara = browser(desk)
    view = desk.shelf.view()
    waits = [i for i in view.order if view.entries[i].status == "proposed"]
    approved = next(i for i in view.order if view.entries[i].status == "approved")
    releases = desk.releases.list()
    pages = {
        "queue, first item": "/queue",
        "queue, filtered": "/queue?severity=clean&evidence=helpful&q=insulin",
        "strategies": "/strategies",
        "strategies, searched": "/strategies?q=refund+emergency&status=approved",
        "strategies, last page": "/strategies?page=400",
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
    }
    print(f"\n{'page':<36} {'median ms':>9} {'worst ms':>9} {'cpu ms':>7} {'kB':>6}")
    for name, path in pages.items():
        tell(name, lambda path=path: mara.get(path).content)
    client, csrf = mara.client, mara.csrf
    tell("next item (approve, then its page)", lambda: decide(client, desk, csrf))
    ids = iter(waits[50:])
    tell("next item, its page alone", lambda: part(mara, f"/queue?at={next(ids)}"))


def tell(name: str, ask: Callable[[], bytes]) -> None:
    """One row."""
    took: list[tuple[float, float]] = []
    size = 0
    for _ in range(TIMES + 1):
        started, busy = time.perf_counter(), time.process_time()
        size = len(ask())
        took.append((1000 * (time.perf_counter() - started), 1000 * (time.process_time() - busy)))
    wall, cpu = zip(*took[1:], strict=True)
    print(f"{name:<36} {median(wall):>9.1f} {max(wall):>9.1f} {median(cpu):>7.1f} {size / 1000:>6.1f}", flush=True)


def part(mara: Browser, path: str) -> bytes:
    """What htmx asks for."""
    answer = mara.get(path, headers={"hx-request": "true", "hx-target": "main"})
    assert answer.status_code == 200
    return answer.content


def decide(client: TestClient, desk: Desk, csrf: str) -> bytes:
    """Approves what stands first among the clean ones, and takes the page that follows."""
    view = desk.shelf.view()
    entry = next(
        e for i in view.order if (e := view.entries[i]).status == "proposed" and e.usable and not e.findings
    )
    answer = client.post(
        f"/queue/{entry.strategy.id}/approve?severity=clean",
        data={"csrf": csrf, "expect": str(entry.changed_seq)},
        headers={"hx-request": "true", "hx-target": "main"},
    )
    assert answer.status_code == 200, answer.status_code
    return answer.content


if __name__ == "__main__":
    raise SystemExit(main())
