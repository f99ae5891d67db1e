"""Strategies on the screen and as JSON: what the commands of ``preceptor library`` share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click
from rich.text import Text

from preceptor.cli.next_step import where
from preceptor.cli.out import console, counted, line, program, table, write_json
from preceptor.core.ids import plain
from preceptor.library.entry import Entry
from preceptor.library.paging import Terms


def write_list(found: Sequence[Entry], terms: Terms, folder: Path, *, total: int, as_json: bool) -> None:
    """A list, or a part of one that has ``total``."""
    if as_json:
        write_json({"strategies": [entry_json(entry, terms) for entry in found], "total": total})
        return
    if not found:
        click.echo("no strategies")
        return
    rows = [(short(entry), _standing(entry, terms), line(entry.strategy.text(), 300)) for entry in found]
    console().print(table(["id", "standing", "strategy"], rows))
    click.echo(f"{_summed(found, total)}. One in full: {program()} library show ID{where(folder)}")


def _summed(found: Sequence[Entry], total: int) -> str:
    if total > len(found):
        return f"{len(found)} of {counted(total, 'strategy')}"
    kinds = Counter("blocked" if e.blocked and e.status == "proposed" else str(e.status) for e in found)
    parts = [f"{kinds[k]} {k}" for k in ("proposed", "blocked", "approved", "rejected", "retired") if kinds[k]]
    return f"{counted(total, 'strategy')}: {', '.join(parts)}"


def short(entry: Entry) -> Text:
    """The id without its kind: as much as the other commands ask for."""
    return line(entry.strategy.id.rpartition("-")[2], style="bold")


def standing(entry: Entry, terms: Terms) -> list[str]:
    """Its status and what limits it, in words."""
    told = ["expired" if terms.expired(entry) else entry.status]
    told += ["approved by one of two"] * entry.half_approved
    return told


def _standing(entry: Entry, terms: Terms) -> Text:
    parts = [*standing(entry, terms), entry.verdict]
    parts += ["general"] * (entry.strategy.scope == "domain") + ["blocked"] * entry.blocked
    return Text("\n".join(parts), style="red" if entry.blocked else "")


def entry_json(entry: Entry, terms: Terms) -> dict[str, object]:
    """A strategy for programs."""
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
        "approvals": plain(entry.approvals),
        "ends_at": entry.ends_at(terms.law),
        "expired": terms.expired(entry),
        "lesson": entry.lesson_id,
        "merged_into": entry.merged_into,
        "changed_at": entry.changed_at,
        "changed_by": entry.changed_by,
    }
