"""``preceptor import``: strategies that others wrote."""

from __future__ import annotations

from pathlib import Path

import click

from preceptor.cli.next_step import in_project
from preceptor.cli.options import flags, json_option, project_options
from preceptor.cli.out import console, counted, line, table, write_json
from preceptor.core.ids import plain
from preceptor.exchange.taking import Taken
from preceptor.project import Project
from preceptor.project.exchanging import take_file
from preceptor.project.releasing import author

_MOST_SHOWN = 20


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Only tell what would be taken.")
@click.option("--strict", is_flag=True, help="Take nothing where anything in the file cannot be taken.")
@click.option("--by", metavar="NAME", help="Who does it; default: your account.")
@click.option("--reason", default="", metavar="TEXT", help="Why; kept in the log.")
@project_options
@json_option
def command(
    file: Path,
    dry_run: bool,
    strict: bool,
    by: str | None,
    reason: str,
    folder: Path,
    sets: tuple[str, ...],
    as_json: bool,
) -> None:
    """Propose strategies that others wrote, from JSONL, JSON or YAML.

    FILE is an export of ours, or a list of {scenario, guidelines}. What is taken is proposed, screened and marked
    as foreign; a person decides. What cannot be read is counted and told, and the rest is taken.
    """
    project = Project.open(folder, flags=flags(sets, {}))
    who = by or "" if dry_run else author(project, by)
    taken = take_file(project, file, author=who, reason=reason, dry=dry_run, strict=strict)
    if as_json:
        write_json({**plain(taken), "lost": taken.lost, "dry_run": dry_run})
        return
    _tell(taken, folder, dry_run=dry_run)


def _tell(taken: Taken, folder: Path, *, dry_run: bool) -> None:
    verb = "would be proposed" if dry_run else "proposed"
    blocked = f" ({len(taken.blocked)} of them blocked by screening)" if taken.blocked else ""
    click.echo(f"{counted(taken.entries, 'entry')}, {counted(taken.found, 'strategy')}")
    click.echo(f"{len(taken.new)} {verb}{blocked}, {taken.known} known already")
    click.echo(f"with {counted(taken.scenarios, 'new scenario')} and {counted(taken.lessons, 'new lesson')}")
    if taken.remarks:
        click.echo(f"{counted(taken.lost, 'place')} could not be taken:" if taken.lost else "remarks:")
        rows = [
            (r.where, "not taken" if r.lost else "taken", line(r.kind), line(r.reason, 120))
            for r in sorted(taken.remarks, key=lambda r: not r.lost)[:_MOST_SHOWN]
        ]
        console().print(table(["where", "", "kind", "what"], rows))
        if len(taken.remarks) > _MOST_SHOWN:
            click.echo(f"and {len(taken.remarks) - _MOST_SHOWN} more; all of them: --json")
    if taken.new and not dry_run:
        then = f"preceptor library list --run {taken.name}; then decide: preceptor review"
        click.echo(f"next: {in_project(then, folder)}")
