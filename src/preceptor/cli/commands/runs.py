"""``preceptor runs``: what was run, how it ended, what it took."""

from __future__ import annotations

from pathlib import Path

import click

from preceptor.cli.failures import failure_kinds, lost_items
from preceptor.cli.options import flags, json_option, project_options
from preceptor.cli.out import console, line, table, write_json
from preceptor.cli.run_screen import modes_json, modes_of, run_screen, state
from preceptor.cli.spend import usd
from preceptor.cli.tally import short
from preceptor.core.ids import plain
from preceptor.project import Project
from preceptor.runs.run import Run


@click.group("runs")
def command() -> None:
    """Look at runs and what they spent."""


@command.command("list")
@project_options
@json_option
def list_runs(folder: Path, sets: tuple[str, ...], as_json: bool) -> None:
    """List runs, oldest first."""
    store = Project.open(folder, flags=flags(sets, {})).runs()
    runs, broken = store.list(), store.broken()
    if as_json:
        write_json({"runs": [_run_json(run) for run in runs], "broken": [str(e) for e in broken]})
        return
    if runs:
        rows = [
            (line(r.id, style="bold"), state(r), r.info.started[:19].replace("T", " "), *_sums(r)) for r in runs
        ]
        columns = ["run", "status", "started (UTC)", "calls", "tokens", "USD"]
        console().print(table(columns, rows, right=columns[3:]))
    else:
        click.echo("no runs")
    for error in broken:
        click.echo(f"not readable: {line(error)}")


@command.command("show")
@click.argument("id", default="last")
@project_options
@json_option
def show(id: str, folder: Path, sets: tuple[str, ...], as_json: bool) -> None:
    """Show one run: how it ended and why, what it took, what went wrong how often, what to do.

    Without ID the last one.
    """
    project = Project.open(folder, flags=flags(sets, {}))
    run = project.runs().open(id)
    modes = modes_of(project, run)
    if not as_json:
        console().print(run_screen(project, run, modes))
        return
    events = [told.event for told in run.events()]
    full = {
        "seed": run.info.seed,
        "models": dict(run.info.models),
        "prompts": dict(run.info.prompts),
        "config": plain(run.info.config),
        "results": plain(run.info.results),
        "stored": list(run.results()),
        "failures": plain(lost_items(events)),
        "failure_kinds": plain(failure_kinds(events)),
        "modes": modes_json(modes),
    }
    write_json({**_run_json(run), **full})


def _sums(run: Run) -> tuple[str, str, str]:
    spend = run.info.spend
    costs = [row["usd"] for row in spend]
    total = None if None in costs else float(sum(costs))
    return short(sum(r["calls"] for r in spend)), short(sum(r["input"] + r["output"] for r in spend)), usd(total)


def _run_json(run: Run) -> dict[str, object]:
    return {
        "id": run.id,
        "job": run.info.job,
        "status": run.info.status,
        "under_way": bool(run.process),
        "started": run.info.started,
        "ended": run.info.ended,
        "resumes": run.info.resumes,
        "message": run.info.message,
        "hint": run.info.hint,
        "spend": plain(run.info.spend),
        "folder": str(run.folder),
    }
