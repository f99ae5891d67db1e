"""``preceptor library``: read the strategies that were learned."""

from __future__ import annotations

from pathlib import Path

import click
from rich.text import Text

from preceptor.cli.options import flags, json_option, project_options
from preceptor.cli.out import console, line, table, write_json
from preceptor.cli.story import render_story
from preceptor.core.errors import LibraryError
from preceptor.core.ids import plain
from preceptor.library.entry import Entry
from preceptor.library.store import Library
from preceptor.project import Project
from preceptor.project.story import Story, story_of

_STATUS = click.Choice(["proposed", "approved", "rejected", "retired"])


@click.group("library")
def command() -> None:
    """Read the strategies that were learned."""


@command.command("list")
@click.option("--status", type=_STATUS, help="Only these.")
@click.option("--scope", type=click.Choice(["scenario", "domain"]), help="Bound to situations, or domain-wide.")
@click.option("--run", "run_id", metavar="RUN", help="Only what this run proposed.")
@click.option("--usable", is_flag=True, help="Only what a run may use.")
@project_options
@json_option
def list_entries(
    status: str | None,
    scope: str | None,
    run_id: str | None,
    usable: bool,
    folder: Path,
    sets: tuple[str, ...],
    as_json: bool,
) -> None:
    """List strategies, oldest first."""
    with _open(folder, sets) as library:
        found = [
            entry
            for entry in library.entries(run=run_id)
            if (status is None or entry.status == status)
            and (scope is None or entry.strategy.scope == scope)
            and (entry.usable or not usable)
        ]
    _write(found, as_json)


@command.command("search")
@click.argument("words", nargs=-1, required=True)
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1), help="Strategies at most.")
@project_options
@json_option
def search(words: tuple[str, ...], limit: int, folder: Path, sets: tuple[str, ...], as_json: bool) -> None:
    """Find strategies by their words, best first."""
    with _open(folder, sets) as library:
        found = library.search(" ".join(words), limit)
    _write(list(found), as_json)


@command.command("show")
@click.argument("id")
@project_options
@json_option
def show(id: str, folder: Path, sets: tuple[str, ...], as_json: bool) -> None:
    """Show one strategy in full: its words, evidence, and the lesson it came from.

    The beginning of the ID is enough.
    """
    with _open(folder, sets) as library:
        story = story_of(library, id)
    if as_json:
        write_json(_story_json(story))
        return
    console().print(render_story(story))


@command.command("verify")
@project_options
@json_option
def verify(folder: Path, sets: tuple[str, ...], as_json: bool) -> None:
    """Recompute the library from its log and compare: nothing was changed by another door."""
    with _open(folder, sets) as library:
        found = library.verify()
    if as_json:
        write_json({"ok": found.ok, "changes": found.changes, "head": found.head, "problem": found.problem})
    if not found.ok:
        raise LibraryError(f"the library does not hold: {found.problem}", hint="restore the file from a backup")
    if not as_json:
        click.echo(f"ok: {found.changes} changes hold; head {found.head}")


@command.command("digest")
@project_options
@json_option
def digest(folder: Path, sets: tuple[str, ...], as_json: bool) -> None:
    """Print the digest of the content: equal for equal runs."""
    with _open(folder, sets) as library:
        found = library.digest()
    if as_json:
        write_json({"digest": found})
    else:
        click.echo(found)


@command.command("dump")
@project_options
def dump(folder: Path, sets: tuple[str, ...]) -> None:
    """Print the log of changes as JSON lines, oldest first."""
    with _open(folder, sets) as library:
        for text in library.dump():
            click.echo(text)


def _open(folder: Path, sets: tuple[str, ...]) -> Library:
    return Project.open(folder, flags=flags(sets, {})).library()


def _write(found: list[Entry], as_json: bool) -> None:
    if as_json:
        write_json({"strategies": [_entry_json(entry) for entry in found]})
        return
    if not found:
        click.echo("no strategies")
        return
    rows = [(_short(entry), _standing(entry), line(entry.strategy.text(), 300)) for entry in found]
    console().print(table(["id", "standing", "strategy"], rows))
    click.echo(f"{len(found)} strategies. One in full: preceptor library show ID")


def _short(entry: Entry) -> Text:
    """The id without its kind: as much as the other commands ask for."""
    return line(entry.strategy.id.rpartition("-")[2], style="bold")


def _standing(entry: Entry) -> Text:
    parts = [entry.status, entry.verdict]
    parts += ["general"] * (entry.strategy.scope == "domain") + ["blocked"] * entry.blocked
    return Text("\n".join(parts), style="red" if entry.blocked else "")


def _entry_json(entry: Entry) -> dict[str, object]:
    return {
        "id": entry.strategy.id,
        "when": entry.strategy.when,
        "do": entry.strategy.do,
        "avoid": entry.strategy.avoid,
        "why": entry.strategy.why,
        "scope": entry.strategy.scope,
        "scenarios": list(entry.strategy.scenarios),
        "version": entry.version,
        "status": entry.status,
        "evidence": entry.verdict,
        "usable": entry.usable,
        "blocked": entry.blocked,
        "lesson": entry.lesson_id,
        "merged_into": entry.merged_into,
        "changed_at": entry.changed_at,
        "changed_by": entry.changed_by,
    }


def _story_json(story: Story) -> dict[str, object]:
    entry = story.entry
    return {
        **_entry_json(entry),
        "measured": plain(entry.evidence),
        "findings": plain(entry.findings),
        "flags": plain(entry.flags),
        "provenance": plain(entry.provenance),
        "lessons": plain(story.lessons),
        "history": [
            {"seq": r.seq, "kind": r.kind, "author": r.author, "at": r.at, "reason": r.reason}
            for r in story.history
        ],
    }
