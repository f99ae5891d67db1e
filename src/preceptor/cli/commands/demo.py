"""``preceptor demo``: from nothing to a measured library, on one screen."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import click
from rich.text import Text

from preceptor.cli.commands.evaluate import evaluated_json
from preceptor.cli.commands.learn import learned_json
from preceptor.cli.next_step import in_project, where
from preceptor.cli.options import flags, json_option, seat_options
from preceptor.cli.out import console, line, program, write_json
from preceptor.cli.progress import Progress
from preceptor.cli.screens import chosen, evaluated, heading, learned
from preceptor.core.errors import PreceptorError
from preceptor.project import Project

SEATS = ("student", "teacher", "customer", "judge")
_FILES = (
    ("preceptor.toml", "settings"),
    ("domain", "brief, policy, issues, customers"),
    ("library.db", "strategies, and every lesson behind them"),
    ("runs", "every dialogue, rating and call"),
)

CUSTOMERS = 96
"""Held-out customers where all seats are practice models and cost nothing: with the usual 48 a gain of half a point
is missed now and then."""


@click.command("demo")
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@click.option("--world", default="airline", show_default=True, help="Practice world to learn in.")
@click.option("--seed", metavar="N", help="Everything random derives from it.")
@click.option(
    "sets", "--set", multiple=True, metavar="KEY=VALUE", help="Override a setting, as in learn.attempts=3."
)
@seat_options
@json_option
def command(folder: Path | None, world: str, sets: tuple[str, ...], as_json: bool, **named: str | None) -> None:
    """Learn and measure on the practice airline, offline, in a minute.

    Makes a project in DIR (default: ./demo-WORLD), which you can look at and go on with. With --student and
    --teacher the same runs on real models.
    """
    seed = named.pop("seed", None)
    paid = any(named.get(seat) for seat in SEATS)
    free = () if paid else (f"evaluate.profiles={CUSTOMERS}",)  # first: what the user sets wins
    given = flags((*free, *sets), named, seed=("learn.seed", seed))
    folder = folder or _free(world)
    project = Project.create(folder, world, flags=given)
    project.typed = lambda hint: in_project(hint, folder)
    out = console()
    if not as_json:
        out.print(
            Text.assemble(("preceptor demo", "bold"), f"  {project.domain.name}: a weak student, a strong teacher")
        )
        for seat in SEATS:
            model = line(getattr(project.config.seats, seat).model)
            out.print(Text.assemble(f"  {seat:<9}", model, style="dim"))
    try:
        with Progress("learning", stages=len(project.config.learn.teacher_share), quiet=as_json) as progress:
            result = project.learn(emit=progress, stopping=progress.stopping)
        with Progress("measuring", quiet=as_json) as progress:
            measured = project.evaluate(emit=progress, stopping=progress.stopping)
    except PreceptorError as error:
        error.hint = in_project(error.hint, folder)
        raise
    if as_json:
        write_json({"folder": str(folder), "learn": learned_json(result), "evaluate": evaluated_json(measured)})
        return
    out.print(heading("what was learned"), *learned(result, folder), sep="\n")
    out.print(heading("before and after"), *evaluated(measured.evaluation), sep="\n")
    out.print(heading("where it is"))
    widest = max(len(name) for name, _ in _FILES)
    for name, meaning in _FILES:
        pad = " " * (widest - len(name) + 2)
        out.print(Text.assemble("  ", line(folder / name), pad, (meaning, "dim")), soft_wrap=True)
    first = next(iter(chosen([], [s for s in result.strategies if s.scope != "domain"], 1)), None)
    if first is not None:
        show = f"{program()} library show {first.id}{where(folder)}"
        out.print(Text.assemble(("\nnext: ", "bold"), show), soft_wrap=True)


def _free(world: str) -> Path:
    """The first folder that is not there: nothing is ever overwritten."""
    name = f"demo-{Path(world).stem}"
    return next(p for n in count(1) if not (p := Path(name if n == 1 else f"{name}-{n}")).exists())
