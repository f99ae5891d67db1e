"""Checking the judge of an evaluation: its calls stand in the evaluation's journal, and the result with it."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from preceptor.core.errors import InputError, PreceptorError, unreadable
from preceptor.core.events import Emit, Event, RunEnded, RunStarted
from preceptor.core.ids import plain
from preceptor.evaluate.judge_check import PHASE, Bench, Given, JudgeCheck, check_judge, sentences
from preceptor.evaluate.judge_votes import Vote
from preceptor.llm import Ledger, LedgerRow
from preceptor.llm.ledger import seat_budgets
from preceptor.project.journal_places import open_journal
from preceptor.project.seating import opener
from preceptor.project.session import spend_rows, status_of, traced, with_next
from preceptor.project.stopping import Stop
from preceptor.review.ratings import read_lines

if TYPE_CHECKING:
    from preceptor.project.project import Project

RESULT = "judge-check"


def read_ratings(path: Path, run: str) -> tuple[tuple[Given, ...], tuple[Vote, ...]]:
    """People's ratings of a run's dialogues, and their votes on pairs of them, from the review app's export (JSON
    lines).

    Raises:
        InputError: the file cannot be read, a line is no rating, or none is of ``run``.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path} cannot be read: {unreadable(error)}", hint="name the export of the review app's ratings"
        ) from error
    told = read_lines(text)
    mine = [r for r in told if r.run == run]
    given = tuple(Given(unit=r.unit, arm=r.arm, by=r.by, score=r.score) for r in mine if r.score is not None)
    votes = tuple(
        Vote(unit=r.unit, first=r.arm, second=r.other, by=r.by, better=r.better) for r in mine if r.better
    )
    if not given and not votes:
        runs = ", ".join(sorted({r.run for r in told})) or "none"
        raise InputError(
            f"{path}: no rating of {run} in it; it rates: {runs}", hint="name the evaluation that was rated"
        )
    return given, votes


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A finished check of a judge."""

    run: str
    """The evaluation whose judge it is."""
    check: JudgeCheck
    spend: tuple[LedgerRow, ...]
    """What this and earlier checks of the same evaluation took."""


async def judge_job(
    project: Project, run_id: str, *, ratings: Path | None, dialogues: int, seed: int, emit: Emit, stop: Stop
) -> Judged:
    """Checks the judge of an evaluation (the last one if none is named).

    What was paid for is kept in the evaluation's journal and never asked again, so that a check that was ended by a
    cap goes on where it stood. The caps of ``[budget]`` and of the judge's seat hold for an evaluation's checks by
    themselves.

    Raises:
        PreceptorError: what ended it. An earlier check's result stays.
    """
    runs = project.runs()
    run = runs.open(run_id) if run_id else runs.latest("evaluate", resumable=False)
    found = project.evaluation(run.id)
    given, votes = read_ratings(ratings, run.id) if ratings else ((), ())
    ledger = Ledger(project.config.budget, by_seat=seat_budgets(dict(project.config.seats)))
    stop.when(ledger.stop)
    with run.locked(), traced(project) as beside, open_journal(project, run) as journal:
        ledger.restore(row for row in journal.spent() if row.phase == PHASE)

        def tell(event: Event) -> None:
            beside.trace.listen(event)
            emit(event)

        with _ending(run.id, tell):
            open_with = opener(project.environ, journal=journal, ledger=ledger, emit=tell, beside=beside)
            async with open_with(project.config.seats) as ready:
                bench = Bench(
                    domain=project.domain,
                    judge=ready.judge,
                    prompts=project.prompts,
                    concurrency=project.config.run.concurrency,
                    emit=tell,
                )
                check = await check_judge(bench, found, dialogues=dialogues, seed=seed, given=given, votes=votes)
            run.write_result(RESULT, {**plain(check), "sentences": list(sentences(check))})
    return Judged(run=run.id, check=check, spend=spend_rows(ledger))


@contextmanager
def _ending(run: str, tell: Emit) -> Generator[None]:
    """Tells of the beginning and the end, and of errors how to go on."""
    tell(RunStarted(run=run, job="judge check", resumed=False))
    status, message = "failed", "ended by an unexpected error"
    try:
        yield
        status, message = "done", ""
    except PreceptorError as error:
        status, message = status_of(error), error.message
        with_next(error, f"preceptor judge check {run}")
        raise
    finally:
        tell(RunEnded(run=run, status=status, message=message))
