"""``preceptor journal``: the answers that runs keep."""

from __future__ import annotations

from pathlib import Path

import click

from preceptor.cli.options import flags, json_option, project_options
from preceptor.cli.out import console, line, table, text, write_json
from preceptor.cli.spend import spend_table
from preceptor.cli.tally import short
from preceptor.core.errors import LibraryError, RunError
from preceptor.core.ids import plain
from preceptor.llm.journal.keep import Call, JournalStats
from preceptor.project import Project, journals


@click.group("journal")
def command() -> None:
    """Look after the answers that runs keep: measure, prune, encrypt, repair.

    Each run keeps every answer it paid for, so that it can go on after a crash. Customers' words are in them.
    """


@command.command("list")
@project_options
@json_option
def list_journals(folder: Path, sets: tuple[str, ...], as_json: bool) -> None:
    """List the journals of all runs, oldest first."""
    found = journals.list_journals(_project(folder, sets))
    if as_json:
        write_json({"journals": plain(found)})
        return
    if not found:
        click.echo("no journals")
        return
    rows = [(line(k.run, style="bold"), k.status, *_cells(k.stats)) for k in found]
    columns = ["run", "status", "answers", "size", "words", "from", "to"]
    console().print(table(columns, rows, right=("answers", "size")))
    for k in found:
        if k.problem:
            click.echo(f"not readable: {line(k.problem)}")


@command.command("stats")
@click.argument("run", default="last")
@project_options
@json_option
def stats(run: str, folder: Path, sets: tuple[str, ...], as_json: bool) -> None:
    """Measure one journal; without RUN the last one."""
    found = journals.stats(_project(folder, sets), run)
    if as_json:
        write_json(found)
        return
    console().print(table(("answers", "size", "words", "from", "to"), [_cells(found)]))
    if found.rows:
        console().print(spend_table(found.rows))


@command.command("calls")
@click.argument("item")
@click.option("--run", default=None, metavar="RUN", help="Which run; default: a strategy's own, else the last one.")
@project_options
@json_option
def calls(item: str, run: str | None, folder: Path, sets: tuple[str, ...], as_json: bool) -> None:
    """Show every call that was made for ITEM, with its answer.

    ITEM is the id of a strategy, or its beginning: then all calls that made it, from the dialogues it was met in to
    its screening. Or the id of a scenario or a dialogue, or the key of a call.
    """
    project = _project(folder, sets)
    found = _behind(project, item, run)
    if as_json:
        write_json({"calls": [{"run": b.run, **_plain(c)} for b in found for c in b.calls]})
        return
    if not any(b.calls or b.problem for b in found):
        click.echo(f"no call was made for {line(item)} in {found[0].run if found else 'any run'}")
        return
    out = console()
    for behind in found:
        out.print(line(f"{behind.run}: {len(behind.calls)} calls{_why(behind)}", style="bold cyan"))
        for c in behind.calls:
            tokens = f"{short(c.input)} tokens in, {short(c.output)} out"
            out.print(line(f"{c.seat}, {c.phase}, {c.item}: {tokens}, {c.model}, call {c.key[:12]}", style="bold"))
            out.print(text(c.text))


def _behind(project: Project, item: str, run: str | None) -> tuple[journals.Behind, ...]:
    if run is None and project.has_library():
        try:
            return journals.calls_behind(project, item)
        except LibraryError as error:
            if item.startswith("strategy-") or "more than one" in error.message:
                raise
    name = project.runs().open(run or "last").id
    return (journals.Behind(run=name, calls=journals.calls(project, name, item)),)


def _why(behind: journals.Behind) -> str:
    return f" ({behind.problem})" if behind.problem else ""


def _plain(call: Call) -> dict[str, object]:
    found: dict[str, object] = plain(call)
    return found


@command.command("verify")
@click.argument("run", default="last")
@project_options
@json_option
def verify(run: str, folder: Path, sets: tuple[str, ...], as_json: bool) -> None:
    """Check every answer of a journal against its checksum."""
    damaged = journals.verify(_project(folder, sets), run)
    if as_json:
        write_json({"ok": not damaged, "damaged": list(damaged)})
    elif not damaged:
        click.echo("every answer is what was written")
    if damaged:
        raise RunError(
            f"{len(damaged)} answers are not what was written",
            hint=f"save the rest: preceptor journal repair {run}",
        )


@command.command("prune")
@click.argument("runs", nargs=-1)
@click.option("--older-than", type=click.IntRange(min=0), metavar="DAYS", help="Only what is older than this.")
@click.option("--whole", is_flag=True, help="Delete whole journals, counts and all.")
@click.option("--dry-run", is_flag=True, help="Tell what would go; change nothing.")
@project_options
@json_option
def prune(
    runs: tuple[str, ...],
    older_than: int | None,
    whole: bool,
    dry_run: bool,
    folder: Path,
    sets: tuple[str, ...],
    as_json: bool,
) -> None:
    """Drop the words of answers; what they cost stays.

    Without RUNS: of every run that is done. A run whose words are gone cannot be resumed; name it to prune it all
    the same. journal.keep_days does this by itself whenever a run starts.
    """
    done = journals.prune(_project(folder, sets), runs, older_than=older_than, whole=whole, dry_run=dry_run)
    if as_json:
        write_json({"dry_run": dry_run, "pruned": plain(done)})
        return
    for p in done:
        click.echo(
            f"{p.run}: {p.answers} answers{' would go' if dry_run else ' dropped'}, {short(p.bytes)} bytes free"
        )
    if not done:
        click.echo("nothing to prune")


@command.command("encrypt")
@click.argument("runs", nargs=-1)
@click.option("--decrypt", is_flag=True, help="The opposite.")
@project_options
@json_option
def encrypt(runs: tuple[str, ...], decrypt: bool, folder: Path, sets: tuple[str, ...], as_json: bool) -> None:
    """Encrypt the answers of RUNS, or of all, under the passphrase that journal.key_env names.

    New runs encrypt by themselves once journal.key_env is set.
    """
    changed = journals.encrypt(_project(folder, sets), runs, reverse=decrypt)
    if as_json:
        write_json({"decrypt": decrypt, "answers": changed})
        return
    for run, count in changed.items():
        click.echo(f"{run}: {count} answers {'decrypted' if decrypt else 'encrypted'}")


@command.command("repair")
@click.argument("run")
@project_options
@json_option
def repair(run: str, folder: Path, sets: tuple[str, ...], as_json: bool) -> None:
    """Save what can be read of a damaged journal; the damaged file is kept beside it."""
    found = journals.repair(_project(folder, sets), run)
    if as_json:
        write_json({"kept": found.kept, "damaged": found.damaged, "aside": str(found.aside)})
        return
    click.echo(f"{found.kept} answers saved, {found.damaged} damaged; the old file is {line(found.aside)}")


def _project(folder: Path, sets: tuple[str, ...]) -> Project:
    return Project.open(folder, flags=flags(sets, {}))


def _cells(found: JournalStats | None) -> tuple[str, ...]:
    if found is None:
        return ("?", "?", "?", "", "")
    words = "plain"
    if found.encrypted:
        words = "encrypted" if found.encrypted == found.answers - found.dropped else "partly encrypted"
    if found.dropped:
        words = "dropped" if found.dropped == found.answers else f"{found.dropped} dropped"
    return (short(found.answers), f"{short(found.bytes)}B", words, found.first[:10], found.last[:10])
