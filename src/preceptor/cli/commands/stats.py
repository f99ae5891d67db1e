"""``preceptor stats``: the paired analysis of scores from outside, without running any model."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import RenderableType

from preceptor.cli.options import json_option
from preceptor.cli.out import console, line, table, write_json
from preceptor.core.ids import plain
from preceptor.evaluate.summary import Table, differences, means, remarks, sentences
from preceptor.evaluate.table import COLUMNS, analyse_table, read_table


@click.command("stats")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--baseline", metavar="ARM", default="", help="Arm to compare with; default: student, or the first.")
@click.option("--ceiling", metavar="ARM", default="", help="Arm that ends the gap to close; default: teacher.")
@click.option(
    "names",
    "--column",
    multiple=True,
    metavar="NAME=COLUMN",
    help="What the file calls a column, as in arm=model or score=rating.",
)
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=1, help="Of the bootstrap; default: 1.")
@json_option
def command(file: Path, baseline: str, ceiling: str, names: tuple[str, ...], seed: int, as_json: bool) -> None:
    """Analyse scores that you have: paired differences and intervals.

    FILE is CSV or JSONL with arm, unit, cluster, score. Scores of two arms with the same unit are a pair; units of
    one cluster hang together. No model is run.
    """
    given = read_table(file, _columns(names))
    found = analyse_table(given, baseline=baseline, ceiling=ceiling, seed=seed)
    told = {"scores": len(given.scores), "missing": len(given.missing), "sentences": list(sentences(found))}
    if as_json:
        write_json({"source": given.source, **told, "seed": seed, "analysis": plain(found)})
        return
    out = console()
    for text in sentences(found):
        out.print(line(text))
    for made in (means(found), differences(found)):
        out.print(line(made.title, style="bold"), _shown(made), sep="\n")
    for note in remarks(found):
        out.print(line(note, style="dim"))


def _shown(made: Table) -> RenderableType:
    return table(made.columns, [[line(cell) for cell in row] for row in made.rows], right=made.columns[1:])


def _columns(names: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in names:
        name, mark, column = text.partition("=")
        if not mark or name not in COLUMNS or not column:
            raise click.UsageError(f"--column {text}: write NAME=COLUMN with NAME one of {', '.join(COLUMNS)}")
        found[name] = column
    return found
