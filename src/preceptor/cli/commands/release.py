"""``preceptor release``: freeze, compare, publish and roll back what is served."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from preceptor.cli.next_step import in_project
from preceptor.cli.options import acting_options, flags, json_option, project_options
from preceptor.cli.out import console, counted, line, table, write_json
from preceptor.core.ids import plain
from preceptor.library.publishing import Published, Releases
from preceptor.library.publishing_rows import ReleaseRow
from preceptor.library.release import Released
from preceptor.library.release_diff import diff
from preceptor.project import Project
from preceptor.project.releasing import author, open_releases, override, recipe


@click.group("release")
def command() -> None:
    """Freeze approved strategies, publish them, roll back.

    A release is one file in the folder "releases", named by its hash, and rows in the library.
    """


@command.command("create")
@click.option("--trial", is_flag=True, help="Also strategies that nobody reviewed; can never be published.")
@click.option(
    "--override",
    "overridden",
    multiple=True,
    metavar="STRATEGY",
    help="Take this one although it was measured to harm; needs --reason.",
)
@acting_options
@project_options
@json_option
def create(  # one parameter an option
    trial: bool,
    overridden: tuple[str, ...],
    by: str | None,
    reason: str,
    folder: Path,
    sets: tuple[str, ...],
    as_json: bool,
) -> None:
    """Freeze the approved strategies into a release.

    What was measured to harm is left out; release.evidence can demand that all of it was measured to help.
    """
    project = Project.open(folder, flags=flags(sets, {}))
    if overridden:
        override(project, overridden, author=author(project, by), reason=reason)
    with open_releases(project) as releases:
        made = releases.create(recipe(project, trial=trial), author=author(project, by), reason=reason)
    if as_json:
        out = {"left_out": list(made.left_out), "expired": list(made.expired)}
        write_json({**_json(made.release), "new": made.new, "path": str(made.path), **out})
        return
    click.echo(f"{made.release.id}: {_sizes(made.release)}" + ("" if made.new else " (was there already)"))
    click.echo(str(made.path))
    if made.left_out:
        why = "screening or evidence speaks against them, or the evidence that is demanded is missing"
        click.echo(f"left out, since {why}: {', '.join(made.left_out)}")
    if made.expired:
        click.echo(f"left out, since their approval has ended: {', '.join(made.expired)}")
    if made.release.trial:
        then = f"preceptor serve --trial --release {made.release.id} --upstream URL"
    else:
        then = f"preceptor release publish {made.release.id}"
    click.echo(f"next: {in_project(then, folder)}")


@command.command("list")
@project_options
@json_option
def list_releases(folder: Path, sets: tuple[str, ...], as_json: bool) -> None:
    """List releases, oldest first."""
    with _open(folder, sets) as releases:
        found = releases.list()
    if as_json:
        write_json({"releases": [_json(row) for row in found]})
        return
    if not found:
        click.echo("no releases")
        return
    rows = [
        (
            line(r.id, style="bold"),
            "current" if r.current else "trial" if r.trial else "",
            r.strategies,
            r.created_at[:19].replace("T", " "),
            r.created_by,
            line(r.reason, 60),
        )
        for r in found
    ]
    columns = ["release", "", "strategies", "made (UTC)", "by", "why"]
    console().print(table(columns, rows, right=["strategies"], whole=["release"]))


@command.command("show")
@click.argument("id")
@project_options
@json_option
def show(id: str, folder: Path, sets: tuple[str, ...], as_json: bool) -> None:
    """Show one release with its strategies. The beginning of the ID is enough."""
    with _open(folder, sets) as releases:
        row, release, withdrawn = releases.find(id), releases.read(id), releases.withdrawn(id)
    held = list(release.strategies().all())
    if as_json:
        told = {"coach": plain(release.manifest.coach), "strategy_list": [plain(r) for r in held]}
        write_json({**_json(row), **told, "withdrawn": list(withdrawn)})
        return
    out = console()
    mark = " (trial: not reviewed)" if row.trial else " (current)" if row.current else ""
    out.print(line(f"{row.id}{mark}: {_sizes(row)}", style="bold"))
    out.print(line(f"made {row.created_at[:19]} by {row.created_by}" + (f": {row.reason}" if row.reason else "")))
    out.print(
        table(["strategy", "version", "rule"], [_row(r) for r in held], right=["version"], whole=["strategy"])
    )
    if withdrawn and not row.trial:
        out.print(line(f"not releasable any more (edited, withdrawn or expired since): {', '.join(withdrawn)}"))


@command.command("diff")
@click.argument("a")
@click.argument("b")
@project_options
@json_option
def show_diff(a: str, b: str, folder: Path, sets: tuple[str, ...], as_json: bool) -> None:
    """Show what became of release A in release B."""
    with _open(folder, sets) as releases:
        found = diff(releases.read(a), releases.read(b))
    if as_json:
        write_json(found)
        return
    rows = [("-", *_row(r)) for r in found.removed]
    for one in found.changed:
        rows += [("<", *_row(one.before)), (">", *_row(one.after))]
    rows += [("+", *_row(r)) for r in found.added]
    if rows:
        console().print(table(["", "strategy", "version", "rule"], rows, right=["version"]))
    settings = f"; other settings: {', '.join(found.settings)}" if found.settings else ""
    counts = f"{len(found.added)} added, {len(found.changed)} changed, {len(found.removed)} removed"
    click.echo(f"{counts}, {found.same} the same{settings}")


@command.command("publish")
@click.argument("id")
@acting_options
@project_options
@json_option
def publish(id: str, by: str | None, reason: str, folder: Path, sets: tuple[str, ...], as_json: bool) -> None:
    """Make a release current, in every running proxy."""
    project = Project.open(folder, flags=flags(sets, {}))
    with open_releases(project) as releases:
        done = releases.publish(id, author=author(project, by), reason=reason)
    _write(done, as_json)


@command.command("rollback")
@acting_options
@project_options
@json_option
def rollback(by: str | None, reason: str, folder: Path, sets: tuple[str, ...], as_json: bool) -> None:
    """Make current again what was current before."""
    project = Project.open(folder, flags=flags(sets, {}))
    with open_releases(project) as releases:
        done = releases.rollback(author=author(project, by), reason=reason)
    _write(done, as_json)


@command.command("log")
@project_options
@json_option
def log(folder: Path, sets: tuple[str, ...], as_json: bool) -> None:
    """Show who made, published and rolled back what, when and why."""
    with _open(folder, sets) as releases:
        acts = releases.log()
    if as_json:
        write_json({"acts": [plain(act) for act in acts]})
        return
    rows = [(a.at[:19].replace("T", " "), a.act, a.release or "none", a.author, line(a.reason, 80)) for a in acts]
    console().print(table(["when (UTC)", "act", "release", "by", "why"], rows, whole=["release"]))


def _open(folder: Path, sets: tuple[str, ...]) -> Releases:
    return open_releases(Project.open(folder, flags=flags(sets, {})))


def _write(done: Published, as_json: bool) -> None:
    if as_json:
        write_json(
            {
                "current": done.current.id if done.current else None,
                "previous": done.previous.id if done.previous else None,
                "withdrawn": list(done.withdrawn),
            }
        )
        return
    click.echo(f"current: {done.current.id if done.current else 'none; requests go on uncoached'}")
    if done.previous:
        click.echo(f"before: {done.previous.id}")
    if done.withdrawn:
        click.echo(f"warning: no longer approved, but in this release: {', '.join(done.withdrawn)}")


def _json(row: ReleaseRow) -> dict[str, Any]:
    return plain(row)


def _sizes(row: ReleaseRow) -> str:
    size = f"{row.bytes / 1e6:.1f} MB" if row.bytes >= 100_000 else f"{row.bytes / 1e3:.0f} kB"
    return f"{counted(row.strategies, 'strategy')}, {counted(row.scenarios, 'scenario')}, {size}"


def _row(released: Released) -> tuple[Any, ...]:
    return line(released.strategy.id, style="bold"), released.version, line(released.strategy.text())
