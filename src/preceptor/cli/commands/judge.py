"""``preceptor judge``: is the judge any good?"""

from __future__ import annotations

from pathlib import Path

import click

from preceptor.cli.options import flags, json_option, project_options, seat_options
from preceptor.cli.out import console, line, write_json
from preceptor.cli.progress import Progress
from preceptor.cli.spend import spend_table
from preceptor.core.ids import plain
from preceptor.evaluate.judge_check import sentences
from preceptor.project import Project
from preceptor.project.judging import judge_job
from preceptor.project.stopping import run as run_job


@click.group("judge")
def command() -> None:
    """Check the judge: against people, against itself, on place and length."""


@command.command("check")
@click.argument("run", metavar="[RUN]", default="")
@click.option(
    "--ratings", type=click.Path(path_type=Path), metavar="FILE", help="People's ratings: the app's export."
)
@click.option(
    "--dialogues", type=click.IntRange(1, 100_000), default=40, show_default=True, help="How many to ask of."
)
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=1, show_default=True, help="Which are drawn.")
@seat_options
@project_options
@json_option
def check(
    run: str,
    ratings: Path | None,
    dialogues: int,
    seed: int,
    folder: Path,
    sets: tuple[str, ...],
    as_json: bool,
    **named: str | None,
) -> None:
    """Check the judge on the dialogues of an evaluation.

    RUN is an evaluation; without it the last one. The judge is asked again, with pairs in both orders and with
    padded replies. The report of the evaluation then shows what was found.
    """
    project = Project.open(folder, flags=flags(sets, named))
    with Progress("checking the judge", quiet=as_json) as progress:
        judged = run_job(
            lambda stop: judge_job(
                project, run, ratings=ratings, dialogues=dialogues, seed=seed, emit=progress, stop=stop
            ),
            progress.stopping,
        )
    told = sentences(judged.check)
    if as_json:
        write_json(
            {
                "run": judged.run,
                "sentences": list(told),
                "check": plain(judged.check),
                "spend": plain(judged.spend),
            }
        )
        return
    for text in told:
        console().print(line(f"- {text}"))
    console().print(spend_table(judged.spend))
