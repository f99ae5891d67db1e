"""The whole of learning: stage after stage, each over a frozen snapshot, each committed once."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from preceptor.core.decode import decode
from preceptor.core.ids import derive_seed, plain
from preceptor.core.records import Scenario
from preceptor.learn.context import Candidate, Context, Snapshot
from preceptor.learn.generate import generate
from preceptor.learn.primer import PrimerReport, prime
from preceptor.learn.sample import prefixes
from preceptor.learn.stage import Source, StageReport, run_stage
from preceptor.library.changes import Checkpoint
from preceptor.library.store import Library

AUTHOR = "preceptor learn"
PRIMER = "primer"


class Notes(Protocol):
    """Where a run keeps what it needs to go on after a crash (:class:`preceptor.runs.Run`)."""

    def write_result(self, name: str, data: Any) -> object: ...

    def read_result(self, name: str) -> Any: ...

    def has_result(self, name: str) -> bool: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """What a learning run did, stage by stage."""

    stages: tuple[StageReport, ...]
    primer: PrimerReport | None = None
    """What came before the first stage; None where there was no primer."""

    @property
    def failed(self) -> int:
        """Scenarios lost to failures of models."""
        return sum(s.failed for s in self.stages)


async def learn(
    context: Context, library: Library, notes: Notes, *, logged: Sequence[Scenario] | None = None
) -> Learned:
    """Learns into ``library``; goes on where an earlier try of the same run ended.

    A library that holds nothing yet begins with the primer, where ``learn.primer`` asks for it and the scenarios
    are not from a log: a log tells what people said, and the domain may not be that of its desk. A stage that is in
    the library is not run again. The snapshot of a stage that was begun is read from ``notes``, so that it sees
    what it saw before, whatever people changed in the library meanwhile.

    Args:
        logged: scenarios from real dialogues, instead of simulated ones.

    Raises:
        PreceptorError: what ends the run; all that was paid for is in the journal.
    """
    source = _simulated(context) if logged is None else _logged(context, logged)
    primer = await _primed(context, library, notes) if logged is None else None
    reports: list[StageReport] = []
    for stage in range(len(context.settings.teacher_share)):
        token = _token(context.run, f"stage-{stage}")
        if library.has_token(token):
            reports.append(decode(StageReport, notes.read_result(f"stage-{stage}")))
            continue
        snapshot = _snapshot(library, notes, stage)
        changes, report = await run_stage(context, stage, snapshot, source, tainted=logged is not None)
        notes.write_result(f"stage-{stage}", plain(report))
        library.apply(
            changes or [Checkpoint()], author=AUTHOR, reason=f"stage {stage + 1} of {context.run}", token=token
        )
        reports.append(report)
    return Learned(stages=tuple(reports), primer=primer)


def begun(library: Library, run: str) -> bool:
    """Whether the library holds something of this run."""
    return any(library.has_token(_token(run, part)) for part in (PRIMER, "stage-0"))


def _token(run: str, part: str) -> str:
    return f"{run}:{part}"


async def _primed(context: Context, library: Library, notes: Notes) -> PrimerReport | None:
    token = _token(context.run, PRIMER)
    if library.has_token(token):
        return decode(PrimerReport, notes.read_result(PRIMER))
    if not notes.has_result("primer-begun"):
        if not context.settings.primer or library.entries():
            return None
        # What is begun is ended, whatever people put into the library meanwhile: it is paid for.
        notes.write_result("primer-begun", {"issues": context.settings.primer_issues})
    changes, report = await prime(context)
    notes.write_result(PRIMER, plain(report))
    library.apply(changes or [Checkpoint()], author=AUTHOR, reason=f"primer of {context.run}", token=token)
    return report


def _snapshot(library: Library, notes: Notes, stage: int) -> Snapshot:
    name = f"stage-{stage}-snapshot"
    if notes.has_result(name):
        return decode(Snapshot, notes.read_result(name))
    strategies = library.snapshot()
    helpful = tuple(e.strategy.id for e in library.entries() if e.verdict == "helpful")
    snapshot = Snapshot(strategies=strategies, scenarios={s.id: s for s in library.scenarios()}, helpful=helpful)
    notes.write_result(name, plain(snapshot))
    return snapshot


def _simulated(context: Context) -> Source:
    async def source(stage: int, snapshot: Snapshot) -> list[Candidate]:
        dialogues = await generate(context, stage, snapshot)
        return [c for dialogue in dialogues for c in prefixes(dialogue, stage)]

    return source


def _logged(context: Context, scenarios: Sequence[Scenario]) -> Source:
    """Each stage gets its share of the log, in a seeded order."""
    order = list(scenarios)
    random.Random(derive_seed(context.settings.seed, "log")).shuffle(order)
    stages = len(context.settings.teacher_share)

    async def source(stage: int, snapshot: Snapshot) -> list[Candidate]:
        del snapshot
        return [Candidate(scenario=s) for s in order[stage::stages]]

    return source
