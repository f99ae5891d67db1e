"""Transfer, wired: the same strategies with other students and in other domains."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from preceptor.coach import Coach
from preceptor.core.errors import ConfigError
from preceptor.core.events import Emit
from preceptor.core.ids import digest, plain
from preceptor.core.records import Domain
from preceptor.core.untrusted import one_line
from preceptor.evaluate.prove import Ground
from preceptor.evaluate.transfer import Place, holding_back, transfer
from preceptor.library.entry import Entry
from preceptor.library.release import Release
from preceptor.library.store import Library
from preceptor.llm import Seats
from preceptor.practice import shipped_world, shipped_worlds
from preceptor.project.domain_folder import read_domain
from preceptor.project.jobs import coach_settings
from preceptor.project.measuring import find_release
from preceptor.project.proving import write_evidence
from preceptor.project.results import TransferResult
from preceptor.project.session import Session, session, spend_rows, start
from preceptor.project.stopping import Stop

if TYPE_CHECKING:
    from preceptor.project.project import Project


async def transfer_job(project: Project, *, resume: str | None, emit: Emit, stop: Stop) -> TransferResult:
    """See :meth:`Project.transfer_async`."""
    config = project.config
    release = find_release(project, config.evaluate.release) if config.evaluate.release else None
    domains = [project.domain, *(_domain(project, name) for name in config.transfer.domains)]
    students = list(config.transfer.students) or [config.seats.student.model]
    with project.library() as library:
        entries = _entries(library, release)
        known = sorted((e.strategy.id, e.version) for e in entries)
        inputs = {
            "domains": digest("domains", domains),
            "strategies": digest("transfer", known),
            "release": release.id if release else "",
        }
        run = start(project, "transfer", resume=resume, inputs=inputs)
        async with (
            session(project, run, resume=resume is not None, emit=emit, stop=stop) as now,
            AsyncExitStack() as stack,
        ):
            seats = {s: await stack.enter_async_context(now.with_student(s)) for s in students}
            place = Place(
                home=project.domain,
                domains=domains,
                seats=seats,
                coaches={s: _coach(project, library, release, s) for s in students},
                prompts=project.prompts,
                settings=config.evaluate.model_copy(update={"seed": config.transfer.seed}),
                concurrency=config.run.concurrency,
                emit=now.emit,
                release=release.id if release else "",
                own=config.seats.student.model,
            )
            proving = {s: _proving(project, library, entries, seats[s], now) for s in students}
            found = await transfer(place, proving if config.transfer.strategies else {})
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


def _coach(project: Project, library: Library, release: Release | None, student: str) -> Coach:
    if release is not None:
        # Where all of it is held back, all of it is tried anew.
        return Coach.from_release(release, student=student) or Coach.from_release(release)
    strategies = library.snapshot(student=student) or library.snapshot()
    scenarios = {s.id: s for s in library.scenarios()}
    return Coach(strategies, scenarios, coach_settings(project), template=project.prompts["advice"].body)


def _proving(project: Project, library: Library, entries: list[Entry], seats: Seats, now: Session) -> Ground:
    strategies = [e.strategy for e in entries]
    scenarios = {s.id: s for s in library.scenarios()}
    template = project.prompts["advice"].body
    return Ground(
        domain=project.domain,
        seats=seats,
        coach=Coach(strategies, scenarios, coach_settings(project), template=template),
        strategies=strategies,
        prompts=project.prompts,
        settings=project.config.prove,
        concurrency=project.config.run.concurrency,
        scenarios=scenarios,
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
