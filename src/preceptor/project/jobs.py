"""Learning and evaluation, wired."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from preceptor.coach import Coach, CoachSettings
from preceptor.core.decode import decode
from preceptor.core.errors import InputError
from preceptor.core.events import Emit, Event
from preceptor.core.ids import digest, plain
from preceptor.evaluate.latency import latency
from preceptor.evaluate.run import arms_of, evaluate
from preceptor.evaluate.spend import SpendTally
from preceptor.learn import learn
from preceptor.learn.fit import Size
from preceptor.learn.logs import scenarios_in
from preceptor.learn.loop import begun
from preceptor.library.embedder import Embedder
from preceptor.library.remembered import Remembering, remembering
from preceptor.library.store import Library
from preceptor.llm import Seats
from preceptor.project.embedding import embedder_row, open_embedder
from preceptor.project.journals import passphrase
from preceptor.project.measuring import basis_of
from preceptor.project.results import EvaluateResult, LearnResult
from preceptor.project.session import Session, require_seats, session, spend_rows, start
from preceptor.project.stopping import Stop
from preceptor.project.workers import executor_of, require_workers
from preceptor.project.workers.sites import CoachRecipe, Learning

if TYPE_CHECKING:
    from preceptor.project.project import Project


async def learn_job(
    project: Project, *, resume: str | None, logs: Path | None, emit: Emit, stop: Stop
) -> LearnResult:
    """See :meth:`Project.learn_async`."""
    require_workers(project)
    inputs = {"domain": digest("domain", project.domain), "logs": _file_digest(logs) if logs else ""}
    scenarios, report = scenarios_in(logs) if logs else (None, None)
    embedder = remembering(open_embedder(project.config.embedder, project.environ))
    await require_seats(project)
    begun_before = None if resume is None else start(project, "learn", resume=resume, inputs=inputs)
    with project.library(create=True) as library:
        library.require_whole()
        run = begun_before or start(project, "learn", resume=None, inputs=inputs)
        while resume is None and begun(library, run.id):
            run.finish("failed", "its name is that of an earlier run, in the library, whose folder is gone")
            run = start(project, "learn", resume=None, inputs=inputs)
        async with session(project, run, resume=resume is not None, emit=emit, stop=stop) as now:
            if report is not None:
                now.write_result("log-report", plain(report))
            counted(project, now, embedder)
            count = None if scenarios is None else len(scenarios)
            sized = _size(project, now, count).of(project.config.learn)
            around = Learning(
                run=run.id,
                domain=project.domain,
                prompts=project.prompts,
                config=project.config.model_copy(update={"learn": sized}),
                coach=coach_settings(project),
            )
            context = around.context(now.seats, embedder, now.emit)
            now.expected = project.estimate(scenarios=count)
            async with executor_of(project, now, stop, around, embedder) as executor:
                learned = await learn(replace(context, executor=executor), library, now, logged=scenarios)
            strategies = library.snapshot()
            now.summary = {
                "strategies": len(strategies),
                "primer": plain(learned.primer),
                "stages": plain(learned.stages),
                "digest": library.digest(),
            }
            return LearnResult(
                run=run.id,
                folder=run.folder,
                stages=learned.stages,
                strategies=strategies,
                simulated=simulated(now.seats),
                spend=spend_rows(now.ledger),
                primer=learned.primer,
                log=report,
            )


async def evaluate_job(project: Project, *, resume: str | None, emit: Emit, stop: Stop) -> EvaluateResult:
    """See :meth:`Project.evaluate_async`."""
    require_workers(project)
    embedder = remembering(open_embedder(project.config.embedder, project.environ))
    basis = basis_of(project, embedder)
    arms_of(project.config.evaluate, basis.files, basis.coach, basis.learned)
    await require_seats(project)
    run = start(project, "evaluate", resume=resume, inputs=basis.inputs)
    tally = SpendTally()

    def heard(event: Event) -> None:
        tally.listen(event)
        emit(event)

    async with session(project, run, resume=resume is not None, emit=heard, stop=stop) as now:
        counted(project, now, embedder)
        async with executor_of(project, now, stop, basis.around(project), embedder) as executor:
            found = await evaluate(
                basis.ground(project, now.seats),
                settings=project.config.evaluate,
                concurrency=project.config.run.concurrency,
                emit=now.emit,
                spend=tally.of,
                executor=executor,
            )
        now.write_result("evaluation", plain(found))
        now.summary = {
            "satisfaction": {a.arm: round(m.estimate.value, 4) for a in found.arms if (m := found.mean(a.arm))},
            "simulated": found.simulated,
        }
        return EvaluateResult(
            run=run.id,
            folder=run.folder,
            evaluation=found,
            spend=spend_rows(now.ledger),
            latency=latency((told.event for told in run.events()), [a.arm for a in found.arms]),
        )


def build_coach(project: Project, library: Library, *, embedder: Embedder | None = None) -> Coach:
    """The coach over what the library offers to a run, with ``embedder`` or the project's own."""
    return coach_recipe(project, library).coach(embedder or open_embedder(project.config.embedder, project.environ))


def coach_recipe(project: Project, library: Library) -> CoachRecipe:
    """What that coach is made of."""
    return CoachRecipe(
        strategies=library.snapshot(student=project.config.seats.student.model),
        scenarios={s.id: s for s in library.scenarios()},
        settings=coach_settings(project),
        template=project.prompts["advice"].body,
    )


def counted(project: Project, now: Session, embedder: Remembering | None) -> None:
    """What an embedder is asked goes into the run's spend, and its vectors into the run's folder, as answers do
    into the journal. Where that is encrypted they are not kept: a vector tells of its text."""
    if embedder is None:
        return
    if not passphrase(project):
        embedder.keep(now.run.folder / "vectors.jsonl")
    now.ledger.beside(partial(embedder_row, embedder, project.config.embedder))


def coach_settings(project: Project) -> CoachSettings:
    """``[coach]`` as the coach takes it: it knows no pydantic."""
    return CoachSettings(**project.config.coach.model_dump())


def simulated(seats: Seats) -> bool:
    """Whether any seat is held by a practice model."""
    return any(s.spec.startswith("practice:") for s in (seats.student, seats.teacher, seats.customer, seats.judge))


def _size(project: Project, now: Session, scenarios: int | None) -> Size:
    """The run's size: that of its first start, whatever the budget is when it goes on."""
    if now.has_result("size"):
        return decode(Size, now.read_result("size"))
    size = project.size(scenarios=scenarios)
    if project.config.learn.fit:
        now.write_result("size", plain(size))
    return size


def _file_digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:16]
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror}", hint="name a .jsonl or .jsonl.gz file"
        ) from error
