"""Checking the judge of an evaluation: its calls are journaled beside the evaluation, and the result with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from preceptor.core.errors import InputError
from preceptor.core.events import Emit
from preceptor.core.ids import plain
from preceptor.evaluate.judge_check import Bench, Given, JudgeCheck, check_judge, sentences
from preceptor.evaluate.judge_votes import Vote
from preceptor.llm import Journal, Ledger, open_seats
from preceptor.practice import open_practice
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
        raise InputError(f"{path}: {error}", hint="name the export of the review app's ratings") from error
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


async def judge_job(
    project: Project, run_id: str, *, ratings: Path | None, dialogues: int, seed: int, emit: Emit, stop: Stop
) -> tuple[str, JudgeCheck]:
    """Checks the judge of an evaluation (the last one if none is named); the run's id and what was found.

    What was paid for is kept beside the evaluation and never asked again, so that a check that was ended by a cap
    goes on where it stood. The caps of ``[budget]`` hold for the check by itself.

    Raises:
        PreceptorError: what ended it.
    """
    runs = project.runs()
    run = runs.open(run_id) if run_id else runs.latest("evaluate", resumable=False)
    found = project.evaluation(run.id)
    given, votes = read_ratings(ratings, run.id) if ratings else ((), ())
    ledger = Ledger(project.config.budget)
    stop.when(ledger.stop)
    with run.locked(), Journal.open(run.folder / f"{RESULT}.db") as journal:
        seats = open_seats(
            project.config.seats,
            environ=project.environ,
            factories={"practice": open_practice},
            journal=journal,
            ledger=ledger,
            emit=emit,
        )
        async with seats as ready:
            bench = Bench(
                domain=project.domain,
                judge=ready.judge,
                prompts=project.prompts,
                concurrency=project.config.run.concurrency,
                emit=emit,
            )
            check = await check_judge(bench, found, dialogues=dialogues, seed=seed, given=given, votes=votes)
        run.write_result(RESULT, {**plain(check), "sentences": list(sentences(check))})
    return run.id, check
