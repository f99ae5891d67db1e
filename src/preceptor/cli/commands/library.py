"""``preceptor library``: read, decide on and keep the strategies that were learned."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from preceptor.cli.commands import library_decide, library_keep
from preceptor.cli.options import flags, json_option, project_options
from preceptor.cli.out import console, write_json
from preceptor.cli.story import render_story
from preceptor.cli.strategies import entry_json, write_list
from preceptor.core.errors import LibraryError
from preceptor.core.ids import plain
from preceptor.library.entry import Entry, State
from preceptor.library.law import moment
from preceptor.library.paging import Filter, Terms
from preceptor.library.store import Library
from preceptor.project import Project
from preceptor.project.deciding import read_as_of
from preceptor.project.story import Story, story_of

_STATUS = click.Choice(["proposed", "approved", "rejected", "retired"])
_ORDER = click.Choice(["oldest", "newest", "review"])
_SEVERITY = click.Choice(["blocking", "warning", "info", "clean"])
_AS_OF = "As it was after this change or at this time: 120, 2026-03-01 (that day's end) or 2026-03-01T12:30 (UTC)."


@click.group("library")
def command() -> None:
    """Read, decide on and keep the strategies that were learned."""


for part in (*library_decide.COMMANDS, *library_keep.COMMANDS):
    command.add_command(part)


@command.command("list")
@click.option("--status", type=_STATUS, help="Only these.")
@click.option("--scope", type=click.Choice(["scenario", "domain"]), help="Bound to situations, or domain-wide.")
@click.option("--severity", type=_SEVERITY, help="Only with this as the worst finding on record.")
@click.option("--check", metavar="NAME", help="Only where this check found something.")
@click.option("--run", "run_id", metavar="RUN", help="Only what this run proposed.")
@click.option("--words", metavar="TEXT", help="Only where all these words stand.")
@click.option("--usable", is_flag=True, help="Only what a run may use.")
@click.option("--expired", is_flag=True, help="Only what was approved until a time that has passed.")
@click.option("--half-approved", is_flag=True, help="Only what one of two people has approved.")
@click.option("--order", type=_ORDER, default="oldest", show_default=True, help="review: worst findings first.")
@click.option("--limit", type=click.IntRange(1), help="Strategies at most; default: all.")
@click.option("--offset", type=click.IntRange(0), default=0, help="Leave out so many at the beginning.")
@click.option("--as-of", metavar="WHEN", help=_AS_OF)
@project_options
@json_option
def list_entries(folder: Path, sets: tuple[str, ...], as_json: bool, **given: Any) -> None:
    """List strategies."""
    which = Filter(
        status=(given["status"],) if given["status"] else (),
        scope=given["scope"] or "",
        severity=given["severity"] or "",
        check=given["check"] or "",
        run=given["run_id"] or "",
        text=given["words"] or "",
        usable=True if given["usable"] else None,
        expired=True if given["expired"] else None,
        half_approved=True if given["half_approved"] else None,
    )
    order, offset, limit = given["order"], given["offset"], given["limit"]
    with _open(folder, sets) as library:
        if given["as_of"] is None:
            page = library.page(which, order=order, offset=offset, limit=limit or library.head())
            found, terms, total = page.entries, page.terms, page.total
        else:
            state, terms = _then(library, given["as_of"])
            every = [e for e in _ordered(state, order) if which.fits(e, terms)]
            total, found = len(every), every[offset : offset + (limit or len(every))]
    write_list(found, terms, folder, total=total, as_json=as_json)


@command.command("search")
@click.argument("words", nargs=-1, required=True)
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1), help="Strategies at most.")
@project_options
@json_option
def search(words: tuple[str, ...], limit: int, folder: Path, sets: tuple[str, ...], as_json: bool) -> None:
    """Find strategies by their words, best first."""
    with _open(folder, sets) as library:
        found, terms = library.search(" ".join(words), limit), library.terms()
    write_list(found, terms, folder, total=len(found), as_json=as_json)


@command.command("show")
@click.argument("id")
@click.option("--as-of", metavar="WHEN", help=_AS_OF)
@project_options
@json_option
def show(id: str, as_of: str | None, folder: Path, sets: tuple[str, ...], as_json: bool) -> None:
    """Show one strategy in full: its words, evidence, and the lesson it came from.

    The beginning of the ID is enough.
    """
    with _open(folder, sets) as library:
        if as_of is None:
            story, terms = story_of(library, id), library.terms()
        else:
            state, terms = _then(library, as_of)
            story = story_of(library, id, state)
    if as_json:
        write_json(_story_json(story, terms))
        return
    console().print(render_story(story, terms))


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


def _then(library: Library, as_of: str) -> tuple[State, Terms]:
    """The state of the past, with the law and the time of then."""
    when = read_as_of(as_of)
    if isinstance(when, int) and when > library.head():
        raise LibraryError(
            f"there is no change {when} yet: the log ends with {library.head()}",
            hint="give a smaller number, or leave out --as-of for the present",
        )
    state = library.as_of(when)
    last = max((e.changed_at for e in state.entries.values()), default=library.terms().now)
    return state, Terms(state.law, last if isinstance(when, int) else moment(when))


def _ordered(state: State, order: str) -> list[Entry]:
    found = sorted(state.entries.values(), key=lambda e: e.first_seq, reverse=order == "newest")
    return sorted(found, key=lambda e: -e.priority) if order == "review" else found


def _story_json(story: Story, terms: Terms) -> dict[str, object]:
    entry = story.entry
    return {
        **entry_json(entry, terms),
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
