"""``preceptor evaluate``: arms, side by side."""

from __future__ import annotations

from pathlib import Path

import click

from preceptor.cli.options import flags, json_option, project_options, seat_options
from preceptor.cli.out import console, write_json
from preceptor.cli.progress import Progress
from preceptor.cli.screens import evaluated_screen
from preceptor.core.ids import plain
from preceptor.evaluate.summary import markdown
from preceptor.project import Project
from preceptor.project.results import EvaluateResult


@click.command("evaluate")
@click.option("--resume", is_flag=True, help="Go on with the last evaluation that did not come to its end.")
@click.option("--run", "run_id", metavar="RUN", default="", help="With --resume: which run.")
@click.option("--seed", metavar="N", help="Everything random derives from it.")
@click.option("--profiles", metavar="N", help="Held-out customers at most.")
@click.option("--arms", metavar="ARMS", help="For instance student,coached.")
@click.option("--markdown", "as_markdown", is_flag=True, help="Print a full report in Markdown.")
@seat_options
@project_options
@json_option
def command(
    resume: bool,
    run_id: str,
    as_markdown: bool,
    as_json: bool,
    folder: Path,
    sets: tuple[str, ...],
    **named: str | None,
) -> None:
    """Measure the student without and with the library.

    All arms meet the same held-out customers with the same seeds; differences are paired.
    """
    seed = named.pop("seed", None)
    sizes = [f"evaluate.{name}={named[name]}" for name in ("profiles", "arms") if named.get(name) is not None]
    project = Project.open(folder, flags=flags([*sets, *sizes], named, seed=("evaluate.seed", seed)))
    if run_id and not resume:
        raise click.UsageError("--run goes with --resume")
    with Progress("measuring", quiet=as_json) as progress:
        result = project.evaluate(resume=run_id if resume else None, emit=progress, stopping=progress.stopping)
    if as_json:
        write_json(evaluated_json(result))
    elif as_markdown:
        click.echo(markdown(result.evaluation))
    else:
        console().print(evaluated_screen(result, folder))


def evaluated_json(result: EvaluateResult) -> dict[str, object]:
    """The stable JSON of an evaluation, without its dialogues: these are in the run's folder."""
    found = result.evaluation
    return {
        "run": result.run,
        "folder": str(result.folder),
        "simulated": found.simulated,
        "domain": found.domain,
        "models": dict(found.models),
        "strategies": found.strategies,
        "profiles": found.profiles,
        "repeats": found.repeats,
        "seed": found.seed,
        "arms": plain(found.arms),
        "analysis": plain(found.analysis),
        "spend": plain(result.spend),
    }
