"""``preceptor library backup``, ``restore``, ``export-log``: a library as files."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import click

from preceptor.cli.options import flags, json_option, project_options
from preceptor.cli.out import write_json
from preceptor.core.errors import InputError
from preceptor.core.ids import plain
from preceptor.core.untrusted import one_line
from preceptor.library.backup import back_up
from preceptor.library.backup import restore as restore_library
from preceptor.library.export import Format, log_lines
from preceptor.project import Project
from preceptor.project.releasing import library_place, open_releases

_FILE = click.Path(path_type=Path)


@click.command("backup")
@click.argument("file", type=_FILE)
@project_options
@json_option
def backup(file: Path, folder: Path, sets: tuple[str, ...], as_json: bool) -> None:
    """Write the whole library with its releases into FILE, verified.

    Others may work meanwhile. The file is there whole or not at all.
    """
    project = Project.open(folder, flags=flags(sets, {}))
    done = back_up(library_place(project), file)
    if as_json:
        write_json(plain(done))
        return
    size = f"{done.size / 1024:,.0f} KiB"
    click.echo(f"{one_line(str(file))}: {done.changes} changes, {done.acts} acts on releases, {size}")
    click.echo(f"head {done.head}: kept elsewhere, it proves that nothing was rewritten")


@click.command("restore")
@click.argument("file", type=_FILE)
@click.option("--replace", is_flag=True, help="Although a library stands there; what it held is gone then.")
@project_options
@json_option
def restore(file: Path, replace: bool, folder: Path, sets: tuple[str, ...], as_json: bool) -> None:
    """Make the library in the backup FILE anew, verified, all or nothing.

    The database is the one that the setting library.path names: a backup of SQLite can be restored into PostgreSQL,
    and the other way.
    """
    project = Project.open(folder, flags=flags(sets, {}))
    done = restore_library(file, library_place(project), replace=replace)
    with open_releases(project) as releases:
        releases.refresh()
    if as_json:
        write_json(plain(done))
        return
    click.echo(f"restored: {done.changes} changes hold, {done.acts} acts on releases; head {done.head}")


@click.command("export-log")
@click.argument("file", type=_FILE, required=False)
@click.option(
    "--format", "form", type=click.Choice(["jsonl", "csv"]), help="Default: as FILE's name ends, else jsonl."
)
@project_options
def export_log(file: Path | None, form: Format | None, folder: Path, sets: tuple[str, ...]) -> None:
    """Write the log of changes, oldest first, into FILE, or to the screen.

    In CSV no cell begins as a formula does: such text has ' in front.
    """
    named: Format = "csv" if file is not None and file.suffix.lower() == ".csv" else "jsonl"
    with Project.open(folder, flags=flags(sets, {})).library() as library:
        lines = log_lines(library, form or named)
        if file is None:
            _print(lines)
            return
        try:
            with file.open("w", encoding="utf-8", newline="") as out:
                out.writelines(lines)
        except OSError as error:
            name = one_line(str(file))
            raise InputError(f"{name} cannot be written: {error.strerror or error}", hint="name another") from error
    click.echo(one_line(str(file)))


def _print(lines: Iterable[str]) -> None:
    terminal = sys.stdout.isatty()
    for line in lines:
        click.echo(one_line(line) if terminal else line.rstrip("\r\n"))


COMMANDS = (backup, restore, export_log)
