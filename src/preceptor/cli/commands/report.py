"""``preceptor report``: an evaluation as a file to read, keep and send."""

from __future__ import annotations

from pathlib import Path

import click

from preceptor.cli.options import flags, json_option, project_options
from preceptor.cli.out import console, line, write_json
from preceptor.project import Project
from preceptor.project.reporting import write_report


@click.command("report")
@click.argument("run", metavar="[RUN]", default="")
@click.option(
    "--out",
    "out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where to write; default: the run's folder.",
)
@project_options
@json_option
def command(run: str, out: Path | None, folder: Path, sets: tuple[str, ...], as_json: bool) -> None:
    """Write an evaluation's report: one HTML file, Markdown and JSON.

    RUN is an evaluation; without it the last one. The HTML file needs nothing else: no script, no network.
    """
    written = write_report(Project.open(folder, flags=flags(sets, {})), run, out)
    if as_json:
        told = {
            "run": written.run,
            "headline": written.report.headline,
            "simulated": written.report.evaluation.simulated,
            "html": str(written.html),
            "markdown": str(written.markdown),
            "json": str(written.json),
        }
        write_json(told)
        return
    screen = console()
    screen.print(line(written.report.headline))
    for path in (written.html, written.markdown, written.json):
        screen.print(line(path, style="dim"), soft_wrap=True)
