"""``preceptor prove``: which strategies help, by how much, and which do harm."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Group, RenderableType

from preceptor.cli.next_step import where
from preceptor.cli.options import flags, json_option, project_options, seat_options
from preceptor.cli.out import console, line, program, table, unbroken, write_json
from preceptor.cli.progress import Progress
from preceptor.cli.screens import simulated
from preceptor.core.ids import plain
from preceptor.evaluate.prove.result import Proof, Proved
from preceptor.project import Project
from preceptor.project.results import ProveResult

_SHOWN = 8


@click.command("prove")
@click.option("--resume", is_flag=True, help="Go on with the last run that did not come to its end.")
@click.option("--run", "run_id", metavar="RUN", default="", help="With --resume: which run.")
@click.option("--seed", metavar="N", help="Everything random derives from it.")
@click.option("--calls", metavar="N", help="Calls to spend; default: 80 a strategy, beside fresh dialogues.")
@click.option("--all", "everything", is_flag=True, help="Show every strategy.")
@seat_options
@project_options
@json_option
def command(
    resume: bool,
    run_id: str,
    everything: bool,
    as_json: bool,
    folder: Path,
    sets: tuple[str, ...],
    **named: str | None,
) -> None:
    """Measure each strategy: replays with and without it.

    Writes lift, interval and verdict (helpful, unproven, harmful) into the library. What harms is used no more,
    and what may well harm is held back until it is shown not to.
    """
    seed, calls = named.pop("seed", None), named.pop("calls", None)
    given = [*sets, *([f"prove.calls={calls}"] if calls is not None else [])]
    project = Project.open(folder, flags=flags(given, named, seed=("prove.seed", seed)))
    if run_id and not resume:
        raise click.UsageError("--run goes with --resume")
    with Progress("proving", quiet=as_json) as progress:
        result = project.prove(resume=run_id if resume else None, emit=progress, stopping=progress.stopping)
    if as_json:
        write_json(proved_json(result))
    else:
        console().print(proved_screen(result, folder, everything=everything))


def proved_json(result: ProveResult) -> dict[str, object]:
    """The stable JSON of a proving run, without its replays: these are in the run's folder."""
    told = plain(result.proof)
    told.pop("replays")
    return {
        "run": result.run,
        "folder": str(result.folder),
        **told,
        "written": result.written,
        "changed": list(result.changed),
        "spend": plain(result.spend),
    }


def proved_screen(result: ProveResult, folder: Path, *, everything: bool = False) -> RenderableType:
    """The end of ``preceptor prove``."""
    proof = result.proof
    parts: list[RenderableType] = [line(headline(proof), style="bold"), ""]
    if everything:
        parts.append(_table(proof.strategies))
    else:
        helpful, harmful = proof.having("helpful"), proof.having("harmful")
        if helpful:
            parts += [line(f"most helpful of {len(helpful)}"), _table(helpful[:_SHOWN])]
        if harmful:
            worst = tuple(reversed(harmful))
            parts += [line(f"most harmful of {len(harmful)}: used no more"), _table(worst[:_SHOWN])]
        if proof.held:
            title = f"riskiest of {len(proof.held)} that may do harm: held back until they are shown not to"
            parts += [line(title), _table(proof.held[:_SHOWN])]
    if proof.untried:
        parts.append(
            line(f"{len(proof.untried)} strategies fit no scenario that came up: nothing is known of them.")
        )
    if result.changed:
        parts.append(line(f"changed meanwhile, evidence not kept: {', '.join(result.changed)}"))
    luck = f"With the sides of every replay swapped at random there are {proof.noise:g} verdicts on average."
    parts.append(line(luck, style="dim"))
    if proof.simulated:
        parts += ["", simulated()]
    parts += ["", unbroken(line(f"next: {program()} library list{where(folder)}"))]
    return Group(*parts)


def headline(proof: Proof) -> str:
    """What came out, in one sentence."""
    counts = [f"{len(proof.having(v))} {v}" for v in ("helpful", "unproven", "harmful")]
    counts[1] += f" ({len(proof.held)} of them held back)" if proof.held else ""
    replays = len(proof.replays) - proof.failed
    return (
        f"{len(proof.strategies)} strategies measured with {proof.student}: {', '.join(counts)} "
        f"({replays} replays of {proof.situations} scenarios, {proof.calls} calls)."
    )


def _table(rows: Sequence[Proved]) -> RenderableType:
    cells = [
        (
            line(s.strategy, style="bold"),
            s.verdict,
            f"{s.lift:+.2f}",
            f"{s.low:+.2f} to {s.high:+.2f}",
            s.n,
            line(s.text, 110),
        )
        for s in rows
    ]
    return table(["strategy", "verdict", "lift", "95%", "replays", "rule"], cells, right=["lift", "replays"])
