"""A run's events as JSON lines: appended while it goes, followed by whoever looks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO, cast, get_args

from preceptor.core.decode import decode
from preceptor.core.errors import InputError, RunError
from preceptor.core.events import Event
from preceptor.core.ids import canonical_json, plain

_BY_NAME: Mapping[str, type[Any]] = {kind.__name__: kind for kind in get_args(Event)}


@dataclass(frozen=True, slots=True)
class Told:
    """One event with its time."""

    at: str
    """ISO 8601, UTC."""
    event: Event
    cursor: int
    """Pass it as ``since`` to get what came after this event."""


class EventLog:
    """Appends to one file; every event is with the operating system before :meth:`append` returns."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        self._file: BinaryIO | None = None
        self._closed = False

    def append(self, event: Event, at: str) -> None:
        """Writes one event. RunError where the file cannot be written."""
        try:
            line = canonical_json({"at": at, "event": type(event).__name__, "data": plain(event)})
        except ValueError as error:
            raise RunError(
                f"{self._path}: {event} cannot be written ({error})", hint="its numbers must be finite"
            ) from error
        with self._lock:
            try:
                if self._file is None:
                    self._file = _opened(self._path)
                self._file.write(line.encode("utf-8", "backslashreplace") + b"\n")
                self._file.flush()
                if self._closed:
                    self._file.close()
                    self._file = None
            except OSError as error:
                raise RunError(
                    f"{self._path} cannot be written ({error.strerror})", hint="see to space and rights there"
                ) from error

    def close(self) -> None:
        """Closes the file. A later event (of a call that outlasts its run) is still written."""
        with self._lock:
            self._closed = True
            if self._file is not None:
                self._file.close()
                self._file = None

    def read(self, since: int = 0) -> tuple[Told, ...]:
        """Events after the cursor ``since``; a line that is still being written is left for next time.

        Raises:
            RunError: a line is damaged; the message names file and place.
        """
        try:
            with self._path.open("rb") as file:
                file.seek(since)
                text = file.read()
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise RunError(f"{self._path} cannot be read ({error.strerror})", hint="see to its rights") from error
        found: list[Told] = []
        cursor = since
        for line in text.splitlines(keepends=True):
            if not line.endswith(b"\n"):
                break
            cursor += len(line)
            found.append(_told(self._path, line, cursor))
        return tuple(found)


def _opened(path: Path) -> BinaryIO:
    """The file, ready to append; half a line that a killed process left is cut off."""
    file = path.open("a+b")
    end = file.seek(0, 2)
    if end:
        file.seek(max(0, end - 2**20))
        tail = file.read()
        rest = len(tail) - (tail.rfind(b"\n") + 1)
        file.truncate(end - rest)
        file.seek(0, 2)
    return file


def _told(path: Path, line: bytes, cursor: int) -> Told:
    try:
        value = json.loads(line)
        kind = _BY_NAME[value["event"]]
        return Told(str(value["at"]), cast("Event", decode(kind, value["data"])), cursor)
    except (InputError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise RunError(
            f"{path}: the line that ends at byte {cursor} is damaged ({error})", hint="remove that line"
        ) from error
