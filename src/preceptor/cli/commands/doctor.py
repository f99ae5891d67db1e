"""``preceptor doctor``: will a run work, and if not, why."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import click

from preceptor.cli.options import flags, json_option, project_options, seat_options
from preceptor.cli.out import console, line, table, write_json
from preceptor.cli.spend import spend_table
from preceptor.core.errors import ConfigError
from preceptor.core.ids import plain
from preceptor.project import Project
from preceptor.project.doctor import SEATS, diagnose

_STYLE = {"ok": "green", "warn": "yellow", "fail": "bold red"}


@click.command("doctor")
@click.option("--seat", "only", type=click.Choice(SEATS), multiple=True, help="Only this seat; may be repeated.")
@seat_options
@project_options
@json_option
def command(only: tuple[str, ...], folder: Path, sets: tuple[str, ...], as_json: bool, **named: str | None) -> None:
    """Try every seat: key, model, answers, usage, price. Says what to change.

    Then what else a run needs: folder, library, embedder, journal, workers.
    Makes about ten calls a seat; they are paid for like any others. Ends with exit code 1 where learn would fail.
    """
    project = Project.open(folder, flags=flags(sets, named))
    found = asyncio.run(diagnose(project, timer=time.monotonic, seats=only))
    told = [*((s.seat, s.checks) for s in found.seats), *([("run", found.run)] if found.run else [])]
    if as_json:
        write_json(
            {"ok": found.ok, "seats": plain(found.seats), "run": plain(found.run), "spend": plain(found.spend)}
        )
    else:
        out = console()
        rows = [
            (
                line(who if number == 0 else "", style="bold"),
                line(c.name),
                line(c.state, style=_STYLE[c.state]),
                line(c.told, 160),
            )
            for who, checks in told
            for number, c in enumerate(checks)
        ]
        out.print(table(("seat", "check", "", "found"), rows))
        for who, checks in told:
            for c in checks:
                if c.advice:
                    out.print(line(f"{who}, {c.name}: {c.advice}", style=_STYLE[c.state]), soft_wrap=True)
        if found.spend:
            out.print(spend_table(found.spend))
    if not found.ok:
        bad = [who for who, checks in told if any(c.state == "fail" for c in checks)]
        raise ConfigError(
            f"learn would fail: see to {', '.join(bad)}", hint="change what is said above, and try again"
        )
