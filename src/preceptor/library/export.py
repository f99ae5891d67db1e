"""The log of changes as a file for people who audit: JSON lines, or CSV for a spreadsheet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from preceptor.core.sheets import csv_line
from preceptor.library import chain
from preceptor.library.entry import Record
from preceptor.library.state import touched
from preceptor.library.store import Library

Format = Literal["jsonl", "csv"]
COLUMNS = ("seq", "at", "author", "kind", "strategies", "reason", "hash", "change")


def log_lines(library: Library, form: Format) -> Iterator[str]:
    """The log, oldest first, with line ends. CSV has a line of names first, and no cell that a spreadsheet takes
    for a formula."""
    if form == "jsonl":
        yield from (f"{chain.stored(record)}\n" for record in library.log())
        return
    yield csv_line(COLUMNS)
    for record in library.log():
        yield _row(record).encode("utf-8", "backslashreplace").decode("utf-8")


def _row(record: Record) -> str:
    strategies = " ".join(touched(record.change))
    told = (str(record.seq), record.at, record.author, record.kind, strategies, record.reason, record.hash)
    return csv_line((*told, chain.stored(record.change)))
