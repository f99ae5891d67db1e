"""``preceptor evaluate``: arms, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from preceptor.cli.next_step import as_typed
from preceptor.cli.options import flags, json_option, project_options, seat_options, worker_options
from preceptor.cli.out import console, line, write_json
from preceptor.cli.progress import Progress
from preceptor.cli.screens import evaluated_screen
from preceptor.core.ids import plain
from preceptor.evaluate.markdown import markdown
from preceptor.evaluate.result import Evaluation
from preceptor.project import Project
from preceptor.project.results import EvaluateResult
from preceptor.project.seating import unknown_to_practice


@click.command("evaluate")
@click.option("--resume", is_flag=True, help="Go on with the last evaluation that did not come to its end.")
@click.option("--run", "run_id", metavar="RUN", default="", help="With --resume: which run.")
@click.option("--seed", metavar="N", help="Everything random derives from it.")
@click.option("--profiles", metavar="N", help="Held-out customers at most.")
@click.option("--arms", metavar="ARMS", help="Of student, coached, guide, all, random, examples, teacher.")
@click.option("--arm-file", "arm_files", multiple=True, metavar="NAME=FILE", help="A further arm: any prompt text.")
@click.option("--release", metavar="RELEASE", help="Coach by this release: an id, its beginning, or a file.")
@click.option("--pairwise", is_flag=True, help="Compare dialogues in pairs too, in both orders.")
@click.option("--aa", is_flag=True, help="Meet every customer twice with the baseline: how often does noise pass?")
@click.option("--until-precise", metavar="POINTS", help="Add customers until this precise, or the budget ends.")
@click.option("--markdown", "as_markdown", is_flag=True, help="Print a full report in Markdown.")
@seat_options
@worker_options
@project_options
@json_option
def command(
    resume: bool,
    run_id: str,
    as_markdown: bool,
    as_json: bool,
    folder: Path,
    sets: tuple[str, ...],
    **named: Any,
) -> None:
    """Measure the student without and with the library.

    All arms meet the same held-out customers with the same seeds; differences are paired.
    """
    seed = named.pop("seed", None)
    project = Project.open(folder, flags=flags([*sets, *_given(named)], named, seed=("evaluate.seed", seed)))
    project.typed = as_typed()
    if run_id and not resume:
        raise click.UsageError("--run goes with --resume")
    if strange := unknown_to_practice(project.config.seats, project.domain):
        click.echo(f"note: {line(strange)}", err=True)
    with Progress("measuring", quiet=as_json) as progress:
        result = project.evaluate(resume=run_id if resume else None, emit=progress, stopping=progress.stopping)
    if as_json:
        write_json(evaluated_json(result))
    elif as_markdown:
        click.echo(markdown(result.evaluation))
    else:
        console().print(evaluated_screen(result, folder))


def _given(named: Mapping[str, Any]) -> list[str]:
    """Flags of this command as settings."""
    names = ("profiles", "arms", "release", "until_precise")
    found = [f"evaluate.{name}={named[name]}" for name in names if named.get(name) is not None]
    found += [f"evaluate.arm_files={','.join(named['arm_files'])}"] if named["arm_files"] else []
    found += ["evaluate.pairwise=true"] if named["pairwise"] else []
    return found + (["evaluate.aa=1000000"] if named["aa"] else [])


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
        "release": found.release,
        "measures": plain(found.measures),
        "lengths": plain(found.lengths),
        "again": plain(found.again),
        "preferences": _preferences(found),
        "stopping": plain(found.stopping),
        "unseen": plain(found.unseen),
        "latency": plain(result.latency),
        "spend": plain(result.spend),
    }


def _preferences(found: Evaluation) -> object:
    """Without the single pairs: these are in the run's folder."""
    return None if found.preferences is None else plain(replace(found.preferences, pairs=()))
