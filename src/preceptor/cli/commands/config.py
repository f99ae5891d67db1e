"""``preceptor config``: what holds, and where it came from."""

from __future__ import annotations

from pathlib import Path

import click
from rich.text import Text

from preceptor.cli.options import flags, json_option, project_options
from preceptor.cli.out import console, line, table, write_json
from preceptor.core.errors import InputError
from preceptor.core.fields import settings
from preceptor.core.ids import plain
from preceptor.project import Project


@click.command("config")
@click.argument("section", required=False)
@project_options
@json_option
def command(section: str | None, folder: Path, sets: tuple[str, ...], as_json: bool) -> None:
    """Print the settings that hold and where each came from.

    SECTION shows one table only, for instance learn or seats.student.
    """
    project = Project.open(folder, flags=flags(sets, {}))
    rows: list[dict[str, object]] = []
    for setting in settings():
        if section and not f"{setting.key}.".startswith(f"{section}."):
            continue
        rows.append(
            {"key": setting.key, "value": plain(project.value(setting.key)), "origin": project.origins[setting.key]}
        )
    if not rows:
        tables = sorted({s.key.rpartition(".")[0] for s in settings()} | {"seats"})
        raise InputError(f"there is no section '{section}'", hint=f"sections are: {', '.join(tables)}")
    if as_json:
        write_json({"settings": rows})
        return
    made = [(line(r["key"]), line(_shown(r["value"]), 60), _origin(str(r["origin"]))) for r in rows]
    console().print(table(["setting", "value", "from"], made))


def _shown(value: object) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, list):
        return ", ".join(str(v) for v in value)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return str(value).lower() if isinstance(value, bool) else str(value)


def _origin(origin: str) -> Text:
    return line(origin, style="dim" if origin == "default" else "bold")
