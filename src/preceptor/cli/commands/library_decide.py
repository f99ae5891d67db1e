"""``preceptor library approve``, ``reject``, ``retire``, ``reopen``, ``edit``, ``law``: decisions of people."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import click

from preceptor.cli.options import acting_options, flags, json_option, project_options
from preceptor.cli.out import write_json
from preceptor.cli.strategies import entry_json, standing
from preceptor.core.ids import plain
from preceptor.core.untrusted import one_line
from preceptor.library.changes import SetLaw
from preceptor.library.entry import Entry
from preceptor.library.law import Law, moment, read_time
from preceptor.library.store import Library
from preceptor.project import Project
from preceptor.project.deciding import open_decider
from preceptor.project.releasing import author


@click.command("approve")
@click.argument("id")
@click.option("--until", metavar="TIME", help="The approval ends then: 2026-12-31 is that day's end (UTC).")
@click.option("--despite", is_flag=True, help="Although screening found what blocks; needs --reason.")
@acting_options
@project_options
@json_option
def approve(id: str, until: str | None, despite: bool, **given: Any) -> None:
    """Approve a strategy, after screening it once more: it may be released.

    The beginning of the ID is enough. Approving what has expired begins anew.
    """
    project, by = _project(given)
    end = moment(read_time(until)) if until else ""
    with open_decider(project, by) as (decider, library):
        entry = decider.approve(id, reason=given["reason"], despite=despite, until=end)
        _write(entry, library, given["as_json"])


def _deciding(name: Literal["reject", "retire", "reopen"], text: str) -> click.Command:
    """A command that takes an id and a reason."""

    @click.command(name, help=text)
    @click.argument("id")
    @acting_options
    @project_options
    @json_option
    def decide(id: str, **given: Any) -> None:
        project, by = _project(given)
        with open_decider(project, by) as (decider, library):
            acts = {"reject": decider.reject, "retire": decider.retire, "reopen": decider.reopen}
            _write(acts[name](id, reason=given["reason"]), library, given["as_json"])

    return decide


reject = _deciding("reject", "Reject a strategy: it shall not be used, nor come back. Needs --reason.")
retire = _deciding("retire", "Take a strategy out of use.")
reopen = _deciding("reopen", "Take the decision on a strategy back: it waits again.")


@click.command("edit")
@click.argument("id")
@click.option("--when", metavar="TEXT", help="When it applies.")
@click.option("--do", metavar="TEXT", help="What to do.")
@click.option("--avoid", metavar="TEXT", help="What to avoid.")
@click.option("--why", metavar="TEXT", help="Why.")
@acting_options
@project_options
@json_option
def edit(id: str, **given: Any) -> None:
    """Give a strategy other words: a new version, screened, that needs approval again."""
    names = [name for name in ("when", "do", "avoid", "why") if given[name] is not None]
    if not names:
        raise click.UsageError("nothing to change: give --when, --do, --avoid or --why")
    words = {name: one_line(given[name]) for name in names}
    project, by = _project(given)
    with open_decider(project, by) as (decider, library):
        _write(decider.edit(id, words, reason=given["reason"]), library, given["as_json"])


@click.command("law")
@click.option("--people", type=click.IntRange(1, 2), help="How many different people have to approve a version.")
@click.option("--valid-days", type=click.IntRange(0), help="Days for which an approval holds; 0: for ever.")
@acting_options
@project_options
@json_option
def law(people: int | None, valid_days: int | None, **given: Any) -> None:
    """Show, or set, the rules by which strategies are approved.

    The law stands in the library's log. Where two people have to approve, a looser law needs two people to ask for
    it too.
    """
    project = Project.open(given["folder"], flags=flags(given["sets"], {}))
    with project.library() as library:
        if people is not None or valid_days is not None:
            old = library.law()
            new = Law(
                people=old.people if people is None else people,
                valid_days=old.valid_days if valid_days is None else valid_days,
            )
            by = author(project, given["by"])
            library.apply([SetLaw(law=new)], author=by, reason=given["reason"] or "set the law")
        now, asked = library.law(), library.law_asked()
    if given["as_json"]:
        write_json({**plain(now), "asked": plain(asked)})
        return
    click.echo(_told(now))
    if asked is not None:
        click.echo(f"asked for by {one_line(asked.by)}, waits for a second person: {_told(asked.law)}")


def _told(law: Law) -> str:
    people = "two people approve" if law.people == 2 else "one person approves"
    return f"{people}; an approval holds {f'for {law.valid_days} days' if law.valid_days else 'for ever'}"


def _project(given: dict[str, Any]) -> tuple[Project, str]:
    folder: Path = given["folder"]
    project = Project.open(folder, flags=flags(given["sets"], {}))
    return project, author(project, given["by"])


def _write(entry: Entry, library: Library, as_json: bool) -> None:
    terms = library.terms()
    if as_json:
        write_json({**entry_json(entry, terms), "findings": plain(entry.findings)})
        return
    end = entry.ends_at(terms.law)
    told = ", ".join(standing(entry, terms)) + (f" until {end[:16].replace('T', ' ')} UTC" if end else "")
    click.echo(f"{entry.strategy.id}: {told}, version {entry.version}")
    for finding in entry.findings:
        click.echo(f"  {finding.severity}: {finding.check}: {one_line(finding.reason)}")


COMMANDS = (approve, reject, retire, reopen, edit, law)
