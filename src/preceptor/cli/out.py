"""What commands write: JSON for programs, tables for people. Text from models and files is cleaned first."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
from collections.abc import Iterable, Sequence
from typing import IO, Any

import click
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from preceptor.core.ids import plain
from preceptor.core.untrusted import clean, one_line


class Screen(Console):
    """Cuts nothing off: what :func:`unbroken` made wider than the screen goes on in the screen's next line."""

    def print(self, *objects: Any, crop: bool = False, **options: Any) -> None:
        """See the class."""
        super().print(*objects, crop=crop, **options)

    def on_broken_pipe(self) -> None:
        """Who read has left. Without results there is nothing to go on for; work goes on without its progress."""
        self.quiet = True
        drop(self.file)
        if not self.stderr:
            raise click.exceptions.Exit(0)


def console(*, err: bool = False) -> Screen:
    """A console that leaves words as they are; plain where the output is no terminal, or NO_COLOR is set."""
    return Screen(stderr=err, highlight=False, markup=False, emoji=False, soft_wrap=False)


def drop(stream: IO[str]) -> None:
    """Nothing more is written to ``stream``, not even at exit: its pipe is closed, or its disk is full."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, stream.fileno())
    os.close(null)


def write_json(value: object) -> None:
    """One JSON value; anything that could steer a terminal is escaped."""
    click.echo(json.dumps(plain(value), indent=2, ensure_ascii=True, allow_nan=False))


def program() -> str:
    """How this command can be called again: by name, or by its path where it is not on the search path."""
    called = line(sys.argv[0] or "preceptor").plain
    if shutil.which("preceptor"):
        return "preceptor"
    # ``python -m preceptor.cli`` has the module's file there, which cannot be called.
    return shlex.quote(called) if not called.endswith(".py") else f"{shlex.quote(sys.executable)} -m preceptor.cli"


def counted(number: int, noun: str) -> str:
    """``1 strategy``, ``2 strategies``."""
    if number == 1:
        return f"1 {noun}"
    return f"{number} {noun[:-1]}ies" if noun.endswith("y") else f"{number} {noun}s"


def text(value: object, style: str = "") -> Text:
    """Untrusted text for the screen: cleaned, and never read as markup."""
    return Text(clean(str(value)), style=style)


def line(value: object, limit: int = 0, style: str = "") -> Text:
    """The same on one line."""
    return Text(one_line(str(value), limit), style=style)


def unbroken(*parts: str | Text | tuple[str, str]) -> Text:
    """A line with something to paste: it stays one line, however narrow the screen."""
    return Text.assemble(*parts, no_wrap=True, overflow="ignore")


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    right: Sequence[str] = (),
    whole: Sequence[str] = (),
) -> Table:
    """A plain table; cells that are not rich values are cleaned.

    Args:
        right: columns of numbers.
        whole: columns of what can be pasted: never broken over two lines.
    """
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for column in columns:
        made.add_column(
            column, justify="right" if column in right else "left", overflow="fold", no_wrap=column in whole
        )
    for row in rows:
        made.add_row(*(cell if isinstance(cell, (Text, Table)) else text(cell) for cell in row))
    return made
