"""Transfer, wired: the same strategies with other students and in other domains."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from preceptor.coach import Coach
from preceptor.core.errors import ConfigError
from preceptor.core.events import Emit
from preceptor.core.ids import digest, plain
from preceptor.core.records import Domain, Strategy
from preceptor.core.untrusted import one_line
from preceptor.evaluate.prove import Ground
from preceptor.evaluate.transfer import Place, holding_back, nothing_to_transfer, transfer
from preceptor.library.embedder import Embedder
from preceptor.library.entry import Entry
from preceptor.library.release import Release
from preceptor.library.remembered import remembering
from preceptor.library.store import Library
from preceptor.practice import shipped_world, shipped_worlds
from preceptor.project.domain_folder import read_domain
from preceptor.project.embedding import open_embedder
from preceptor.project.jobs import coach_settings, counted
from preceptor.project.measuring import find_release
from preceptor.project.proving import write_evidence
from preceptor.project.results import TransferResult
from preceptor.project.session import Session, require_seats, session, spend_rows, start
from preceptor.project.stopping import Stop
from preceptor.project.workers.sites import CoachRecipe

if TYPE_CHECKING:
    from preceptor.project.project import Project


async def transfer_job(project: Project, *, resume: str | None, emit: Emit, stop: Stop) -> TransferResult:
    """See :meth:`Project.transfer_async`."""
    config = project.config
    release = find_release(project, config.evaluate.release) if config.evaluate.release else None
    domains = [project.domain, *(_domain(project, name) for name in config.transfer.domains)]
    # A release is searched with vectors where it was made with them, as it is served.
    dense = release is None or release.manifest.embedder is not None
    embedder = remembering(open_embedder(config.embedder, project.environ)) if dense else None
    students = list(config.transfer.students) or [config.seats.student.model]
    with project.library() as library:
        library.require_whole()
        entries = _entries(library, release)
        known = sorted((e.strategy.id, e.version) for e in entries)
        inputs = {
            "domains": digest("domains", domains),
            "strategies": digest("transfer", known),
            "release": release.id if release else "",
        }
        if release is None and not library.snapshot():
            raise nothing_to_transfer()
        await require_seats(project, students)
        run = start(project, "transfer", resume=resume, inputs=inputs)
        async with (
            session(project, run, resume=resume is not None, emit=emit, stop=stop) as now,
            AsyncExitStack() as stack,
        ):
            counted(project, now, embedder)
            seats = {s: await stack.enter_async_context(now.with_student(s)) for s in students}
            place = Place(
                home=project.domain,
                domains=domains,
                seats=seats,
                coaches={s: await _coach(project, library, release, s, embedder) for s in students},
                prompts=project.prompts,
                settings=config.evaluate.model_copy(update={"seed": config.transfer.seed}),
                concurrency=config.run.concurrency,
                emit=now.emit,
                release=release.id if release else "",
                own=config.seats.student.model,
            )
            proving: dict[str, Ground] = {}
            if config.transfer.strategies:
                ground = await _proving(project, library, entries, embedder, now)
                proving = {s: replace(ground, seats=seats[s]) for s in students}
            found = await transfer(place, proving)
            now.write_result("transfer", plain(found))
            ungained = {c.student for c in found.without_gain}
            for student, proof in zip(proving, found.proofs, strict=False):
                elsewhere = proof.student != seats_own(now)
                told = holding_back(proof) if student in ungained else proof
                write_evidence(library, told, entries, run.id, elsewhere=elsewhere)
            now.summary = {
                "gain": {f"{c.student} in {c.domain}": round(c.gain.value, 4) for c in found.cells},
                "simulated": found.simulated,
            }
            return TransferResult(run=run.id, folder=run.folder, transfer=found, spend=spend_rows(now.ledger))


def seats_own(now: Session) -> str:
    """Seat string of the project's own student, as proofs name it."""
    return now.seats.student.spec


def _entries(library: Library, release: Release | None) -> list[Entry]:
    """What is measured one by one: usable entries, of a release those that still have its words."""
    provable = [e for e in library.entries() if e.provable]
    if release is None:
        return provable
    held = {r.strategy.id: r.version for r in release.strategies().all()}
    return [e for e in provable if held.get(e.strategy.id) == e.version]


async def _coach(
    project: Project, library: Library, release: Release | None, student: str, embedder: Embedder | None
) -> Coach:
    """Without what harms the student; where all of it is held back, all of it is tried anew."""
    if release is None:
        strategies = library.snapshot(student=student) or library.snapshot()
        return await _over(project, library, strategies, embedder)

    def opened() -> Coach:
        own = Coach.from_release(release, embedder=embedder, student=student)
        return own or Coach.from_release(release, embedder=embedder)

    return await asyncio.to_thread(opened)


async def _over(
    project: Project, library: Library, strategies: Sequence[Strategy], embedder: Embedder | None
) -> Coach:
    recipe = CoachRecipe(
        strategies=tuple(strategies),
        scenarios={s.id: s for s in library.scenarios()},
        settings=coach_settings(project),
        template=project.prompts["advice"].body,
    )
    return await asyncio.to_thread(recipe.coach, embedder)  # which may be another machine


async def _proving(
    project: Project, library: Library, entries: Sequence[Entry], embedder: Embedder | None, now: Session
) -> Ground:
    """With the project's own student; the others take its place in turn."""
    strategies = [e.strategy for e in entries]
    return Ground(
        domain=project.domain,
        seats=now.seats,
        coach=await _over(project, library, strategies, embedder),
        strategies=strategies,
        prompts=project.prompts,
        settings=project.config.prove,
        concurrency=project.config.run.concurrency,
        scenarios={s.id: s for s in library.scenarios()},
        embedder=embedder,
        emit=now.emit,
    )


def _domain(project: Project, name: str) -> Domain:
    """A practice world's, or that of a project or domain folder.

    Raises:
        ConfigError: neither.
        InputError: a file of the domain is wrong.
    """
    if name in shipped_worlds():
        return shipped_world(name).domain()
    for base in (Path(name), project.folder / name):
        for folder in (base / "domain", base):
            if (folder / "brief.md").is_file():
                return read_domain(folder)
    raise ConfigError(
        f"'{one_line(name, 80)}' is neither a practice world nor the folder of a project or domain",
        hint=f"practice worlds: {', '.join(shipped_worlds())}",
    )
