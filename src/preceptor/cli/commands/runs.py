"""``preceptor runs``: what was run, how it ended, what it took."""

from __future__ import annotations

from pathlib import Path

import click

from preceptor.cli.failures import failure_kinds, failure_table
from preceptor.cli.options import flags, json_option, project_options
from preceptor.cli.out import console, line, table, write_json
from preceptor.cli.spend import spend_table, usd
from preceptor.cli.tally import short
from preceptor.core.decode import decode
from preceptor.core.events import ItemFailed
from preceptor.core.ids import plain
from preceptor.llm import LedgerRow
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
            (line(r.id, style="bold"), _state(r), r.info.started[:19].replace("T", " "), *_sums(r)) for r in runs
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
    """Show one run; without ID the last one."""
    run = Project.open(folder, flags=flags(sets, {})).runs().open(id)
    failures = [told.event for told in run.events() if isinstance(told.event, ItemFailed)]
    if as_json:
        full = {
            "seed": run.info.seed,
            "models": dict(run.info.models),
            "prompts": dict(run.info.prompts),
            "config": plain(run.info.config),
            "results": plain(run.info.results),
            "stored": list(run.results()),
            "failures": plain(failures),
            "failure_kinds": plain(failure_kinds(failures)),
        }
        write_json({**_run_json(run), **full})
        return
    out = console()
    out.print(
        line(f"{run.id}: {_state(run)}" + (f": {run.info.message}" if run.info.message else ""), style="bold")
    )
    out.print(line(f"started {run.info.started}, ended {run.info.ended or '-'}, resumed {run.info.resumes} times"))
    out.print(line(f"seed {run.info.seed}; " + ", ".join(f"{k}: {v}" for k, v in run.info.models.items())))
    spend = [decode(LedgerRow, row) for row in run.info.spend]
    if spend:
        out.print(spend_table(spend))
    if run.info.status == "done" and run.info.job == "learn" and not run.info.results.get("strategies", 1):
        out.print(line("nothing was learned", style="bold yellow"))
    if failures:
        out.print(failure_table(failure_kinds(failures)))
    out.print(line(f"files: {run.folder}", style="dim"), soft_wrap=True)


def _state(run: Run) -> str:
    if run.info.status != "running":
        return run.info.status.replace("_", " ")
    return f"running (process {run.process})" if run.process else "interrupted"


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
        "spend": plain(run.info.spend),
        "folder": str(run.folder),
    }
