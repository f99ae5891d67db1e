"""Proving, wired: the library's strategies in, evidence out."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from preceptor.coach import Coach
from preceptor.core.events import Emit
from preceptor.core.ids import digest, plain
from preceptor.evaluate.prove import Ground, Proof, evidence, prove, require_strategies
from preceptor.library.changes import Checkpoint, Evidence
from preceptor.library.entry import Entry
from preceptor.library.remembered import remembering
from preceptor.library.store import Library
from preceptor.project.embedding import open_embedder
from preceptor.project.jobs import coach_settings, counted
from preceptor.project.results import ProveResult
from preceptor.project.session import require_seats, session, spend_rows, start
from preceptor.project.stopping import Stop

if TYPE_CHECKING:
    from preceptor.project.project import Project


async def prove_job(project: Project, *, resume: str | None, emit: Emit, stop: Stop) -> ProveResult:
    """See :meth:`Project.prove_async`."""
    embedder = remembering(open_embedder(project.config.embedder, project.environ))
    with project.library() as library:
        library.require_whole()
        entries = [e for e in library.entries() if e.provable]
        require_strategies(entries)
        await require_seats(project)
        known = {e.strategy.id: e.version for e in entries}
        inputs = {"domain": digest("domain", project.domain), "strategies": digest("proved", sorted(known.items()))}
        run = start(project, "prove", resume=resume, inputs=inputs)
        async with session(project, run, resume=resume is not None, emit=emit, stop=stop) as now:
            counted(project, now, embedder)
            strategies = [e.strategy for e in entries]
            scenarios = {s.id: s for s in library.scenarios()}
            coach = await asyncio.to_thread(  # an embedder may be another machine
                Coach,
                strategies,
                scenarios,
                coach_settings(project),
                embedder=embedder,
                template=project.prompts["advice"].body,
            )
            found = await prove(
                Ground(
                    domain=project.domain,
                    seats=now.seats,
                    coach=coach,
                    strategies=strategies,
                    prompts=project.prompts,
                    settings=project.config.prove,
                    concurrency=project.config.run.concurrency,
                    scenarios=scenarios,
                    embedder=embedder,
                    emit=now.emit,
                )
            )
            now.write_result("proof", plain(found))
            changed = write_evidence(library, found, entries, run.id)
            counts = {v: len(found.having(v)) for v in ("helpful", "unproven", "harmful")}
            counts |= {"held": len(found.held)}
            now.summary = {**counts, "untried": len(found.untried), "simulated": found.simulated}
            return ProveResult(
                run=run.id,
                folder=run.folder,
                proof=found,
                written=len(found.strategies) - len(changed),
                changed=changed,
                spend=spend_rows(now.ledger),
            )


def write_evidence(
    library: Library, proof: Proof, entries: Sequence[Entry], run: str, *, elsewhere: bool = False
) -> tuple[str, ...]:
    """Puts the proof into the library; ids of strategies whose words have changed since ``entries`` were read."""
    versions = {e.strategy.id: e.version for e in entries}
    current = {e.strategy.id: e.version for e in library.entries()}
    changes = evidence(proof, run, elsewhere=elsewhere)
    kept: list[Evidence] = [
        c for c in changes if c.strategy_id in current and current[c.strategy_id] == versions.get(c.strategy_id)
    ]
    library.apply(
        kept or [Checkpoint()],
        author=f"run:{run}",
        reason=f"measured on {proof.situations} scenarios of {proof.domain}",
        token=f"{run}:evidence:{proof.student}" if elsewhere else f"{run}:evidence",
    )
    written = {c.strategy_id for c in kept}
    return tuple(c.strategy_id for c in changes if c.strategy_id not in written)
