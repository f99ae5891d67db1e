"""Calls that were begun and not yet ended, in a small file beside the journal.

A line is handed to the operating system before its call is made, so that it outlives the process, however that is
killed. It is not forced to the disk: that would cost a flush a call. After a loss of power the calls that were in
flight may therefore be missing from the account; answers never are.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

_COMPACT = 4 * 2**20
"""Bytes from which the file is written anew without what has ended."""


@dataclass(frozen=True, slots=True)
class Begun:
    """One call under way, with its worst case."""

    mark: str
    key: str
    seat: str
    phase: str
    input: int
    output: int
    usd: float | None

    def line(self) -> str:
        """As it stands in the file: the fields in order."""
        return json.dumps([self.mark, self.key, self.seat, self.phase, self.input, self.output, self.usd])


class BegunFile:
    """Appends to ``path``. One process at a time has it, the run's lock sees to that; its threads may share it."""

    def __init__(self, path: Path, session: str) -> None:
        self._path = path
        self._session = session
        self._open: dict[str, Begun] = {}
        self._number = 0
        self._lock = threading.Lock()
        self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        self._size = os.fstat(self._handle).st_size

    def begin(self, key: str, seat: str, phase: str, worst: tuple[int, int, float | None]) -> str:
        """Note a call; returns its mark. OSError where the file cannot be written."""
        with self._lock:
            self._number += 1
            begun = Begun(f"{self._session}-{self._number}", key, seat, phase, *worst)
            self._write(begun.line())
            self._open[begun.mark] = begun
            return begun.mark

    def end(self, *marks: str) -> None:
        """Their calls have ended, and what they took is safe. OSError as :meth:`begin`."""
        with self._lock:
            ended = [mark for mark in marks if self._open.pop(mark, None) is not None]
            if not ended or self._handle < 0:
                return
            self._write("\n".join(json.dumps([mark]) for mark in ended))
            if self._size > _COMPACT:
                self._compact()

    def close(self) -> None:
        """Close it; a file in which nothing is left open is emptied."""
        with self._lock:
            if self._handle < 0:
                return
            if not self._open:
                os.ftruncate(self._handle, 0)
            os.close(self._handle)
            self._handle = -1

    def _write(self, line: str) -> None:
        text = line.encode() + b"\n"
        written = os.write(self._handle, text)
        self._size += written
        if written < len(text):  # the disk is full: what is left of the line is skipped when reading
            os.write(self._handle, b"\n")

    def _compact(self) -> None:
        new = self._path.with_name(f"{self._path.name}.new")
        new.write_text("".join(b.line() + "\n" for b in self._open.values()), encoding="utf-8")
        new.replace(self._path)
        os.close(self._handle)
        self._handle = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        self._size = os.fstat(self._handle).st_size


def left_open(path: Path) -> list[Begun]:
    """The calls that a process which is gone left under way. Lines that were cut off are skipped."""
    found: dict[str, Begun] = {}
    for row in _rows(path):
        if len(row) == 1:
            found.pop(str(row[0]), None)
        elif len(row) == 7:
            found[str(row[0])] = Begun(*row)
    return list(found.values())


def _rows(path: Path) -> Iterator[list[Any]]:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return
    for line in text.splitlines():
        try:
            value: object = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, list):
            yield cast("list[Any]", value)
