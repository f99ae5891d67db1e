"""``preceptor transfer``: the same strategies with other students and in other domains."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.console import Group, RenderableType

from preceptor.cli.options import flags, json_option, project_options, seat_options
from preceptor.cli.out import console, line, table, write_json
from preceptor.cli.progress import Progress
from preceptor.cli.screens import simulated
from preceptor.core.ids import plain
from preceptor.evaluate.statistics import Estimate
from preceptor.evaluate.transfer.matrix import Cell, Transfer, Versatile
from preceptor.project import Project
from preceptor.project.results import TransferResult

_SHOWN = 8


@click.command("transfer")
@click.option("--students", metavar="MODELS", help="For instance practice:student-small,practice:student-medium.")
@click.option("--domains", metavar="NAMES", help="Beside the project's own: practice worlds, or folders.")
@click.option("--release", metavar="ID|FILE", help="Strategies of this release; default: what runs may use.")
@click.option("--strategies/--no-strategies", default=None, help="Whether each strategy is measured by itself.")
@click.option("--profiles", metavar="N", help="Held-out customers at most, in each domain.")
@click.option("--calls", metavar="N", help="Calls to spend on strategies, for each student.")
@click.option("--resume", is_flag=True, help="Go on with the last run that did not come to its end.")
@click.option("--run", "run_id", metavar="RUN", default="", help="With --resume: which run.")
@click.option("--seed", metavar="N", help="Everything random derives from it.")
@seat_options
@project_options
@json_option
def command(resume: bool, run_id: str, as_json: bool, folder: Path, sets: tuple[str, ...], **named: Any) -> None:
    """Use the strategies with other students and domains.

    Tells the gain of each student in each domain, and which strategies help everyone. What harms one student is
    held back for it from then on.
    """
    keys = {
        "students": "transfer.students",
        "domains": "transfer.domains",
        "strategies": "transfer.strategies",
        "release": "evaluate.release",
        "profiles": "evaluate.profiles",
        "calls": "prove.calls",
    }
    given = {key: named.pop(name) for name, key in keys.items()}
    own = [f"{key}={_text(value)}" for key, value in given.items() if value is not None]
    seed = named.pop("seed", None)
    project = Project.open(folder, flags=flags([*sets, *own], named, seed=("transfer.seed", seed)))
    if run_id and not resume:
        raise click.UsageError("--run goes with --resume")
    with Progress("transfer", quiet=as_json) as progress:
        result = project.transfer(resume=run_id if resume else None, emit=progress, stopping=progress.stopping)
    if as_json:
        write_json(transferred_json(result))
    else:
        console().print(transferred_screen(result))


def transferred_json(result: TransferResult) -> dict[str, object]:
    """The stable JSON of a transfer, without its replays: these are in the run's folder."""
    told = plain(result.transfer)
    for proof in told["proofs"]:
        proof.pop("replays")
    for row, cell in zip(told["cells"], result.transfer.cells, strict=True):
        row.update(says=cell.says, says_known=cell.says_known, says_new=cell.says_new)
    told["held_back_for"] = [c.student for c in result.transfer.without_gain]
    kinds = [v.kind for v in result.transfer.versatile]
    told["versatile"] = [{**row, "kind": kind} for row, kind in zip(told["versatile"], kinds, strict=True)]
    return {"run": result.run, "folder": str(result.folder), **told, "spend": plain(result.spend)}


def transferred_screen(result: TransferResult) -> RenderableType:
    """The end of ``preceptor transfer``."""
    found = result.transfer
    what = f"release {found.release}" if found.release else "the library"
    parts: list[RenderableType] = [
        line(f"{found.strategies} strategies of {what}, learned with {found.learned_with}", style="bold"),
        _matrix(found.cells),
        line("Gain: paired difference in satisfaction, 1 to 5, with its 95% interval; p after Holm.", style="dim"),
    ]
    if found.proofs:
        parts += ["", *_strategies(found)]
    for cell in found.without_gain:
        what = "it is harmed" if cell.says_known == "harms" else "no gain was shown"
        what += " with customers of practised issues" if cell.unseen_issues is not None else ""
        then = "the strategies are held back for it" if found.proofs else "do not serve these strategies to it"
        parts.append(line(f"{cell.student}: {what}: {then}.", style="bold"))
    for cell in found.cells:
        if cell.home and cell.says_new in ("harms", "no gain shown"):
            what = "advice harms it" if cell.says_new == "harms" else "no gain was shown"
            parts.append(line(f"{cell.student}: on issues that were never practised {what}.", style="dim"))
    if found.simulated:
        parts += ["", simulated()]
    return Group(*parts)


def _matrix(cells: tuple[Cell, ...]) -> RenderableType:
    domains = dict.fromkeys(c.domain for c in cells)
    return Group(*(_row(domain, [c for c in cells if c.domain == domain]) for domain in domains))


def _row(domain: str, cells: list[Cell]) -> RenderableType:
    """One domain, a line a student."""
    rows = [
        (
            line(c.student),
            f"{c.base.value:.2f} to {c.coached.value:.2f}",
            _shown(c.gain),
            f"{c.p_holm:.3f}",
            c.says,
            f"{100 * c.advised:.0f}%",
        )
        for c in cells
    ]
    where = "learned here" if cells[0].home else "all issues are new"
    parts: list[RenderableType] = [
        line(f"{domain} ({where})"),
        table(["student", "satisfaction", "gain", "p", "", "advised"], rows, right=["p", "advised"]),
    ]
    parted = [c for c in cells if c.unseen_profiles is not None and c.unseen_issues is not None]
    if parted:
        issues = [
            (line(c.student), _shown(c.unseen_profiles), c.says_known, _shown(c.unseen_issues), c.says_new)
            for c in parted
        ]
        parts.append(table(["student", "gain, known issues", "", "gain, new issues", ""], issues))
    return Group(*parts)


def _strategies(found: Transfer) -> list[RenderableType]:
    kinds = ("helps everyone", "helps some", "harms some", "unproven")
    groups = {kind: [v for v in found.versatile if v.kind == kind] for kind in kinds}
    counts = ", ".join(f"{len(rows)} {kind}" for kind, rows in groups.items())
    parts: list[RenderableType] = [line(f"strategies, one by one: {counts}", style="bold")]
    for kind in kinds[:3]:
        if groups[kind]:
            parts.append(_versatile(kind, groups[kind][:_SHOWN]))
    return parts


def _versatile(kind: str, rows: list[Versatile]) -> RenderableType:
    cells = [
        (
            line(v.strategy, style="bold"),
            "\n".join(f"{student}: {verdict} ({v.lifts[student]:+.2f})" for student, verdict in v.verdicts.items()),
            line(v.text, 110),
        )
        for v in rows
    ]
    return table([kind, "student: verdict (lift)", "rule"], cells)


def _shown(found: Estimate | None) -> str:
    if found is None:
        return "-"
    if found.low is None or found.high is None:
        return f"{found.value:+.2f}"
    return f"{found.value:+.2f} ({found.low:+.2f} to {found.high:+.2f})"


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
