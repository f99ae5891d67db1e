"""A judge beside human labels: Taskmaster's reward_tm3, replies that people marked as right (1) or not (0).

    python -m bench.judge_tm3 --judge openai:gpt-5-mini --data reward_tm3.jsonl.gz [--rows 200]

The judge rates each conversation, ended by the reply in question, from 1 to 5. Printed: the area under the curve
(how often a reply that people marked right is rated above one that they did not; 0.5 is chance) with a bootstrap
interval, and the mean rating of both kinds. Paid calls: one a row. A practice judge reads its own worlds only, so
this does not apply to it. Data: Byrne et al., CC BY 4.0; labels of "PERL", arXiv 2403.10704.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from preceptor.core.events import ignore
from preceptor.core.ids import derive_seed
from preceptor.core.pool import run_all
from preceptor.core.records import Domain, Issue, Profile, Turn
from preceptor.core.settings import BudgetConfig, SeatConfig, SeatsConfig
from preceptor.judge import Case, rate
from preceptor.llm import Ledger, open_seats
from preceptor.llm.journal import NullJournal
from preceptor.prompts import load_prompts

POLICY = "Say only what the actions found. Answer what the customer asked; ask for what is needed to book a ticket."
ISSUE = Issue(
    key="film", title="Film tickets", story="I want to see a film.", goal="To find and book film tickets."
)
PROFILE = Profile(id="caller", style="plain", emotion="calm", demanding=False, issue="film")
DOMAIN = Domain(
    name="Film tickets", brief="You book film tickets.", policy=POLICY, issues=(ISSUE,), profiles=(PROFILE,)
)


def turns(row: dict[str, Any]) -> tuple[Turn, ...]:
    """The conversation, ended by the reply in question."""
    who = {"user": "customer", "assistant": "agent", "action": "action"}
    said: list[dict[str, Any]] = [*row["messages"], row["candidate"]]
    return tuple(Turn(speaker=who[m["role"]], text=m["content"], by=str(m.get("name", ""))) for m in said)  # type: ignore[arg-type]


def area(good: NDArray[np.float64], bad: NDArray[np.float64]) -> float:
    """How often a good one is rated above a bad one, ties counting one half."""
    above, level = good[:, None] > bad[None, :], good[:, None] == bad[None, :]
    return float(above.mean() + 0.5 * level.mean())


async def ratings(judge: str, rows: list[dict[str, Any]]) -> list[float]:
    """The judge's rating of every row."""
    prompts = load_prompts()
    seats = open_seats(
        SeatsConfig(judge=SeatConfig(model=judge)),
        environ=dict(os.environ),
        factories={},
        journal=NullJournal(),
        ledger=Ledger(BudgetConfig()),
        emit=ignore,
    )
    async with seats as ready:

        async def one(row: dict[str, Any]) -> float:
            case = Case(domain=DOMAIN, profile=PROFILE, turns=turns(row))
            found = await rate(ready.judge, prompts, case, seed=1, phase="bench", item=row["id"])
            return found.satisfaction

        return await run_all(rows, one, concurrency=16)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--judge", default="")
    parser.add_argument("--data", type=Path, default=Path("../shared/data/taskmaster/reward_tm3.jsonl.gz"))
    parser.add_argument("--rows", type=int, default=200)
    options = parser.parse_args()
    if not options.judge or options.judge.startswith("practice:"):
        print("does not apply: a practice judge reads its own worlds only; name a real one with --judge MODEL")
        return 0
    with gzip.open(options.data, "rt", encoding="utf-8") as file:
        rows = [row for line in file if (row := json.loads(line))["kind"] == "text"]
    rows = sorted(rows, key=lambda r: derive_seed(1, "tm3", r["id"]))[: options.rows]
    told: NDArray[np.float64] = np.array(asyncio.run(ratings(options.judge, rows)))
    labels = np.array([row["reward"] for row in rows])
    good, bad = told[labels == 1], told[labels == 0]
    rng = np.random.default_rng(1)
    drawn = [area(rng.choice(good, len(good)), rng.choice(bad, len(bad))) for _ in range(2000)]
    low, high = np.quantile(drawn, (0.025, 0.975))
    print(f"{options.judge}: {len(good)} right, {len(bad)} not; mean rating {good.mean():.2f} and {bad.mean():.2f}")
    print(f"area under the curve {area(good, bad):.3f} (95% {low:.3f} to {high:.3f})")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
