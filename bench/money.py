"""The cap and the count over random schedules: concurrency, faults, retries, hedges, missing usage, crashes.

``python -m bench.money``: each schedule makes up to 40 calls through the whole stack (seats, journal on disk,
ledger, retries), with a cap in tokens, calls or US dollars or none, on a server that keeps its own count and fails
in nine ways; up to two crashes leave the disk as ``kill -9`` would. Fails where a cap was passed, by our count or
by the server's; where the server did work that the account does not show; where an answer that came with its usage
is not counted to the token; or where an answered call was made again.

``python -m bench.money --workers``: the same for up to four workers that share a cap through one PostgreSQL journal
and die at random moments.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
import time
from pathlib import Path

from tests import worker_schedules
from tests.money_schedules import check, random_schedule, run

from bench.postgres import database
from preceptor.core.settings import BudgetConfig


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.money", description=__doc__)
    parser.add_argument("--schedules", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", action="store_true", help="workers that share a cap")
    options = parser.parse_args()
    if options.workers:
        return workers(options.schedules, random.Random(options.seed))
    rng = random.Random(options.seed)
    began = time.perf_counter()
    crashed = capped = ended = exact = 0
    for number in range(options.schedules):
        schedule = random_schedule(rng)
        with tempfile.TemporaryDirectory() as folder:
            found = run(schedule, Path(folder))
        try:
            check(schedule, found)
        except AssertionError as error:
            print(f"schedule {number}: {error}\n{schedule}\n{found}")
            return 1
        crashed += bool(schedule.crashes)
        capped += (schedule.cap_tokens, schedule.cap_calls, schedule.cap_usd) != (None, None, None)
        ended += found.over_budget
        exact += found.ledger_tokens == found.server_tokens
    print(
        f"{options.schedules} schedules, {crashed} with crashes, {capped} with a cap, {ended} ended by it: no cap "
        f"passed, no work unaccounted, no answered call made again; {exact} to the token, the others above it by "
        f"what was lost on the way ({time.perf_counter() - began:.0f} s)"
    )
    return 0


def workers(schedules: int, rng: random.Random) -> int:
    """Random schedules of workers that die."""
    began = time.perf_counter()
    died = capped = ended = exact = 0
    with database() as place:
        for number in range(schedules):
            schedule = worker_schedules.random_schedule(rng)
            found = asyncio.run(worker_schedules.run(schedule, place, f"schedule-{number}"))
            try:
                worker_schedules.check(schedule, found)
            except AssertionError as error:
                print(f"schedule {number}: {error}\n{schedule}\n{found}")
                return 1
            died += found.died
            capped += schedule.budget != BudgetConfig()
            ended += found.over_budget
            exact += found.rows_tokens == found.server_tokens
    print(
        f"{schedules} schedules, {died} workers killed, {capped} with a cap, {ended} ended by it: no cap passed "
        f"over all workers, no work unaccounted; {exact} to the token, the rest above it by what was lost "
        f"({time.perf_counter() - began:.0f} s)"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
