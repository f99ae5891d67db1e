"""What was spent, by seat and phase, as a table."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType

from preceptor.cli.out import line, table
from preceptor.cli.tally import short
from preceptor.llm import LedgerRow

_ALWAYS = ("calls", "input", "output")
_TITLES = {"input": "tokens in", "output": "tokens out", "reasoning": "thought"}
_ORDER = ("calls", "replayed", "lost", "input", "cached", "output", "reasoning")


def spend_table(rows: Sequence[LedgerRow]) -> RenderableType:
    """One row a seat and phase and one for all; what the figures rest on, where that matters, below.

    Columns in which nothing stands are left out.
    """
    counts = [c for c in _ORDER if c in _ALWAYS or any(getattr(r, c) for r in rows)]
    cells = [_cells(r.seat, phase, r, counts) for r, phase in zip(rows, _phases(rows), strict=True)]
    if len(rows) > 1:
        total = rows[0]
        for row in rows[1:]:
            total = total.plus(row)
        cells.append(_cells("all", "", total, counts))
    titles = ["seat", "phase", *(_TITLES.get(c, c) for c in counts), "USD"]
    return Group(table(titles, cells, right=titles[2:]), *(line(n, style="yellow") for n in _notes(rows)))


def _phases(rows: Sequence[LedgerRow]) -> list[str]:
    """Phases without what all of them begin with, as in evaluate:coached: the run's own command."""
    kind = rows[0].phase.partition(":")[0] + ":" if rows else ""
    return [r.phase.removeprefix(kind) if all(x.phase.startswith(kind) for x in rows) else r.phase for r in rows]


def usd(value: float | None) -> str:
    """Dollars for a table: cents, and more digits below one."""
    if value is None:
        return "unknown"
    return f"{value:.2f}" if value >= 0.01 or not value else f"{value:.4f}"


def _cells(seat: str, phase: str, row: LedgerRow, counts: Sequence[str]) -> tuple[str, ...]:
    return (seat, phase, *(short(getattr(row, c)) for c in counts), usd(row.usd) + ("~" if row.estimated else ""))


def _notes(rows: Sequence[LedgerRow]) -> list[str]:
    notes: list[str] = []
    if any(r.estimated for r in rows):
        notes.append("~ estimated in part: a model told no tokens, or a try without an answer may be charged")
    seats = sorted({r.seat for r in rows if r.over})
    if seats:
        notes.append(
            f"{', '.join(seats)}: answers took more tokens than were set aside (unusual text, or the server "
            "ignores max_tokens); a cap can be passed by what calls in flight take too much"
        )
    return notes
