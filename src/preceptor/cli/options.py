"""Options that several commands share, and what they stand for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from preceptor.core.config import Flag, parse_set

Command = Callable[..., Any]

_NAMED = {
    "student": "seats.student",
    "teacher": "seats.teacher",
    "customer": "seats.customer",
    "judge": "seats.judge",
    "max_usd": "budget.usd",
    "max_calls": "budget.calls",
    "concurrency": "run.concurrency",
    "executor": "run.executor",
    "ray_address": "run.ray_address",
    "workers": "run.workers",
}


def project_options(command: Command) -> Command:
    """``--project`` and ``--set``."""
    command = click.option(
        "sets", "--set", multiple=True, metavar="KEY=VALUE", help="Override a setting, as in learn.attempts=3."
    )(command)
    return click.option(
        "--project",
        "-C",
        "folder",
        type=click.Path(path_type=Path),
        default=Path(),
        metavar="DIR",
        help="The project folder; default: this one.",
    )(command)


def json_option(command: Command) -> Command:
    """``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")(command)


def acting_options(command: Command) -> Command:
    """``--by`` and ``--reason``: who decides, and why."""
    command = click.option("--by", metavar="NAME", help="Who does it; default: your account.")(command)
    return click.option("--reason", default="", metavar="TEXT", help="Why; kept in the log.")(command)


def seat_options(command: Command) -> Command:
    """``--student`` and the other seats, caps and concurrency, as named flags for settings."""
    for name, metavar, text in reversed(
        (
            ("--student", "MODEL", "The model that is taught."),
            ("--teacher", "MODEL", "The model that teaches."),
            ("--customer", "MODEL", "The model that plays the customers."),
            ("--judge", "MODEL", "The model that rates satisfaction."),
            ("--max-usd", "USD", "Cap on what the run may cost."),
            ("--max-calls", "N", "Cap on answered calls."),
            ("--concurrency", "N", "Dialogues or lessons under way at once."),
        )
    ):
        command = click.option(name, metavar=metavar, help=text)(command)
    return command


def worker_options(command: Command) -> Command:
    """``--executor`` and what goes with it."""
    for name, metavar, text in reversed(
        (
            ("--executor", "local|ray", "Where dialogues and lessons are run; see docs/scale.md."),
            ("--ray-address", "ADDRESS", "The Ray cluster; default: a Ray on this machine."),
            ("--workers", "N", "Worker processes on Ray."),
        )
    ):
        command = click.option(name, metavar=metavar, help=text)(command)
    return command


def flags(
    sets: Sequence[str], named: Mapping[str, str | None], *, seed: tuple[str, str | None] | None = None
) -> list[Flag]:
    """What the user gave as overrides; named flags come after ``--set`` and win.

    ``seed`` is the setting that ``--seed`` stands for in this command, and its text.
    """
    found = list(parse_set(sets))
    for name, key in _NAMED.items():
        value = named.get(name)
        if value is not None:
            found.append(Flag(key=key, value=value, name=f"--{name.replace('_', '-')}"))
    if seed is not None and seed[1] is not None:
        found.append(Flag(key=seed[0], value=seed[1], name="--seed"))
    return found
