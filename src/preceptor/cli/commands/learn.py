"""``preceptor learn``: the loop."""

from __future__ import annotations

from pathlib import Path

import click

from preceptor.cli.next_step import as_typed
from preceptor.cli.options import flags, json_option, project_options, seat_options, worker_options
from preceptor.cli.out import console, line, table, write_json
from preceptor.cli.progress import Progress
from preceptor.cli.screens import learned_screen, log_lines
from preceptor.cli.tally import short
from preceptor.core.config import Flag
from preceptor.core.ids import plain
from preceptor.learn.fit import size_of
from preceptor.learn.log_report import Report
from preceptor.learn.logs import scenarios_in
from preceptor.project import Project
from preceptor.project.estimate import Estimate
from preceptor.project.results import LearnResult
from preceptor.project.seating import unknown_to_practice


@click.command("learn")
@click.option("--dry-run", is_flag=True, help="Tell the calls, tokens and cost to expect; call nothing.")
@click.option("--resume", is_flag=True, help="Go on with the last run that did not come to its end.")
@click.option("--run", "run_id", metavar="RUN", default="", help="With --resume: which run.")
@click.option(
    "--logs",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Learn from these real dialogues (JSONL) instead of simulated ones.",
)
@click.option("--seed", metavar="N", help="Everything random derives from it.")
@click.option("--fit", is_flag=True, help="Make the run as small as the budget asks, so that it ends by itself.")
@seat_options
@worker_options
@project_options
@json_option
def command(
    dry_run: bool,
    fit: bool,
    resume: bool,
    run_id: str,
    logs: Path | None,
    as_json: bool,
    folder: Path,
    sets: tuple[str, ...],
    **named: str | None,
) -> None:
    """Learn strategies: the student practises, the teacher writes.

    Ctrl-C stops cleanly, and --resume goes on; no call is paid for twice.
    """
    seed = named.pop("seed", None)
    given = flags(sets, named, seed=("learn.seed", seed))
    if fit:
        given.append(Flag(key="learn.fit", value=True, name="--fit"))
    project = Project.open(folder, flags=given)
    project.typed = as_typed()
    if run_id and not resume:
        raise click.UsageError("--run goes with --resume")
    stages = len(project.config.learn.teacher_share)
    report, found = None, None
    if logs is not None and (dry_run or (project.config.learn.fit and not resume)):
        scenarios, report = scenarios_in(logs)
        found = len(scenarios)
    if project.config.learn.fit and not resume:
        size = project.size(scenarios=found)
        stages = len(size.teacher_share)
        if size != size_of(project.config.learn):
            left_out = ", no primer" if project.config.learn.primer and not size.primer else ""
            click.echo(f"Sized to the budget: {size.text()}{left_out}.", err=as_json)
    if strange := unknown_to_practice(project.config.seats, project.domain):
        click.echo(f"note: {line(strange)}", err=True)
    if dry_run:
        _tell(project.estimate(scenarios=found), report, as_json)
        return
    with Progress("learning", stages=stages, quiet=as_json) as progress:
        result = project.learn(
            resume=run_id if resume else None, logs=logs, emit=progress, stopping=progress.stopping
        )
    if as_json:
        write_json(learned_json(result))
        return
    console().print(learned_screen(result, folder))


def learned_json(result: LearnResult) -> dict[str, object]:
    """The stable JSON of a learning run."""
    return {
        "run": result.run,
        "folder": str(result.folder),
        "simulated": result.simulated,
        "strategies": len(result.strategies),
        "lessons": result.lessons,
        "failed": result.failed,
        "primer": plain(result.primer),
        "stages": plain(result.stages),
        "spend": plain(result.spend),
        "log": plain(result.log),
    }


def _tell(estimate: Estimate, report: Report | None, as_json: bool) -> None:
    if as_json:
        write_json(
            {
                "seats": plain(estimate.seats),
                "phases": plain(estimate.phases),
                "calls": estimate.calls,
                "tokens": estimate.tokens,
                "usd": estimate.usd,
                "log": plain(report),
            }
        )
        return
    rows = [
        (
            s.seat,
            line(s.model, 50),
            short(s.calls),
            short(s.input_tokens),
            short(s.output_tokens),
            "unknown" if s.usd is None else f"{s.usd:.2f}",
        )
        for s in estimate.seats
    ]
    columns = ["seat", "model", "calls", "tokens in", "tokens out", "USD"]
    if report is not None:
        console().print(*log_lines(report), sep="\n")
    console().print(table(columns, rows, right=columns[2:]))
    total = "unknown: no price for every model" if estimate.usd is None else f"{estimate.usd:.2f} USD"
    click.echo(f"Expected: {short(estimate.calls)} calls, {short(estimate.tokens)} tokens, {total}.")
    click.echo("An estimate. A cap that holds: --max-usd, --max-calls, or [budget] in preceptor.toml.")
