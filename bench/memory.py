"""Memory of one process over 10,000 dialogues in one run.

``python -m bench.memory``: dialogues of scenario generation, three exchanges each, through the whole stack (seats,
ledger, journal in a file, event log), with models that answer at once from within. Told: resident memory as
dialogues end, and what a dialogue adds to it beside what the run keeps of it (its turns).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import pickle
import tempfile
import time
from pathlib import Path

from preceptor import Project
from preceptor.core.events import Event, ItemDone, ItemFailed
from preceptor.learn.context import Snapshot
from preceptor.learn.generate import generate
from preceptor.llm import ChatReply, ChatRequest, Ledger, open_seats
from preceptor.llm.tokens import estimated_usage
from preceptor.project.jobs import coach_settings
from preceptor.project.journal_places import open_journal
from preceptor.project.session import start
from preceptor.project.workers.sites import Learning

REPLY = "I am sorry to hear that. Could you tell me the booking reference, so that I can look into it?"


def resident() -> float:
    """Megabytes of this process in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


class Instant:
    """Answers at once, and keeps nothing of what it was asked."""

    spec = "scripted:x"

    async def complete(self, request: ChatRequest) -> ChatReply:
        """The same to everything."""
        return ChatReply(text=REPLY, finish="stop", usage=estimated_usage(request, REPLY), model="x")

    async def aclose(self) -> None:
        """Nothing to close."""


async def measure(folder: Path, dialogues: int, marks: list[int]) -> None:
    models = {f"seats.{s}": "scripted:x" for s in ("student", "teacher", "customer", "judge")}
    project = Project.create(
        folder, settings={**models, "learn.dialogues": dialogues, "learn.max_turns": 3, "budget.calls": 10**9}
    )
    run = start(project, "learn", resume=None, inputs={})
    ended = 0
    began = time.perf_counter()
    seen: list[tuple[int, float]] = []

    def heard(event: Event) -> None:
        nonlocal ended
        run.record(event)
        if isinstance(event, ItemDone | ItemFailed) and event.kind == "dialogue":
            ended += 1
            if ended in marks:
                seen.append((ended, resident()))
                print(f"{ended:10}{seen[-1][1]:14.1f}{time.perf_counter() - began:12.0f}", flush=True)

    print(f"{'dialogues':>10}{'resident, MB':>14}{'seconds':>12}")
    with run.locked(), open_journal(project, run) as journal:
        async with open_seats(
            project.config.seats,
            environ={},
            factories={"scripted": lambda _: Instant()},
            journal=journal,
            ledger=Ledger(project.config.budget),
            emit=heard,
        ) as seats:
            around = Learning(
                run=run.id,
                domain=project.domain,
                prompts=project.prompts,
                config=project.config,
                coach=coach_settings(project),
            )
            kept = await generate(await around.open(seats, {}, heard), 0, Snapshot())
            calls = sum(r.calls for r in journal.spent())
    turns = sum(len(d.turns) for d in kept)
    size = sum(len(pickle.dumps(d)) for d in kept) / len(kept)
    (first, low), (last, high) = seen[0], seen[-1]
    print(f"\n{calls} calls, {turns} turns; the journal holds {run.journal.stat().st_size / 2**20:.0f} MB on disk")
    print(
        f"from {first} to {last} dialogues: {(high - low) * 2**20 / (last - first) / 1024:.1f} kB of memory each, "
        f"of which the dialogue itself is {size / 1024:.1f} kB (pickled; more as objects)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.memory", description=__doc__)
    parser.add_argument("--dialogues", type=int, default=10_000)
    options = parser.parse_args()
    marks = [options.dialogues // 10, *(options.dialogues * n // 4 for n in (1, 2, 3, 4))]
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        asyncio.run(measure(Path(folder) / "p", options.dialogues, marks))


if __name__ == "__main__":
    main()
