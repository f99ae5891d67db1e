"""Reading logs of real conversations: JSONL in chat-message form, plain or gzipped, one conversation a line.

``{"id": ..., "messages": [{"role": "user" | "assistant" | "action" | "tool" | "system", "content": ...}, ...]}``.
Logs come as they are. Whatever cannot be used is told apart, counted and reported, and the rest goes on.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from preceptor.core.errors import InputError
from preceptor.core.ids import short_id
from preceptor.core.records import Scenario
from preceptor.core.untrusted import one_line
from preceptor.learn.log_messages import Conversation, turns_from
from preceptor.learn.log_report import Report, Tally

LONGEST_LINE = 8 * 1024 * 1024
"""Bytes of one line that are read at most."""


class LogReading:
    """Scenarios of a log, in file order, made as they are asked for: the file is never held in memory.

    Iterating again reads the file again. ``report`` tells about the latest reading, so far.
    """

    def __init__(self, path: Path, *, longest_line: int = LONGEST_LINE) -> None:
        self.path = path
        self._longest = longest_line
        self._tally = Tally()

    @property
    def report(self) -> Report:
        """What the latest reading found; complete once it has come to its end."""
        return self._tally.report()

    def __iter__(self) -> Iterator[Scenario]:
        for conversation in self.conversations():
            for found in scenarios_of(conversation):
                self._tally.scenarios += 1
                yield found

    def conversations(self) -> Iterator[Conversation]:
        """The conversations that have both sides, with their turns cleaned and merged.

        Raises:
            InputError: the file cannot be opened or is no gzip file though it begins or is named like one.
        """
        self._tally = tally = Tally()
        seen: set[str] = set()
        with _opened(self.path) as stream:
            for number, line in self._lines(stream, tally):
                value = _parsed(line, number, tally)
                if value is None:
                    continue
                conversation = self._conversation(value, number, tally, seen)
                if conversation is not None:
                    yield conversation

    def _lines(self, stream: IO[bytes], tally: Tally) -> Iterator[tuple[int, bytes]]:
        """Numbered lines that are not blank and not too long."""
        number = 0
        while line := self._next(stream, number + 1, tally):
            number += 1
            tally.lines = number
            if len(line) > self._longest:
                tally.note("line-too-long", number)
                while line and not line.endswith(b"\n"):
                    line = self._next(stream, number, tally)
            elif line.removeprefix(b"\xef\xbb\xbf").strip():
                yield number, line
            else:
                tally.note("blank-line", number)

    def _next(self, stream: IO[bytes], number: int, tally: Tally) -> bytes:
        try:
            return stream.readline(self._longest + 1)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            if number == 1:
                raise InputError(
                    f"{self.path}: not a readable gzip file: {error}", hint="give a .jsonl or .jsonl.gz file"
                ) from error
            tally.note("cut-file", number)
            return b""

    def _conversation(
        self, value: dict[str, Any], number: int, tally: Tally, seen: set[str]
    ) -> Conversation | None:
        messages = value.get("messages")
        if not isinstance(messages, list):
            tally.note("not-a-conversation", number)
            return None
        name = value.get("id")
        if not isinstance(name, (str, int)) or isinstance(name, bool) or not one_line(str(name)):
            tally.note("no-id", number)
            name = short_id("log", messages)
        name = one_line(str(name), 200)
        if name in seen:
            tally.note("duplicate-id", number)
            return None
        seen.add(name)
        tally.conversations += 1
        entries = cast("Sequence[object]", messages)
        tally.messages += len(entries)
        turns = turns_from(entries, lambda kind: tally.note(kind, number))
        speakers = {turn.speaker for turn in turns}
        if not turns:
            tally.note("no-usable-message", number)
        elif "agent" not in speakers:
            tally.note("only-customer", number)
        elif "customer" not in speakers:
            tally.note("only-agent", number)
        else:
            return Conversation(id=name, line=number, turns=turns, by_model=value.get("by") == "model")
        return None


def read_logs(path: Path | str, *, longest_line: int = LONGEST_LINE) -> LogReading:
    """The log at ``path``: iterate for its scenarios, then look at its ``report``.

    Raises (while iterating):
        InputError: the file cannot be read at all; names it.
    """
    return LogReading(Path(path), longest_line=longest_line)


def scenarios_in(path: Path) -> tuple[list[Scenario], Report]:
    """All scenarios of a log, and what was met while it was read.

    Raises:
        InputError: the file cannot be read, or there is no scenario in it.
    """
    reading = read_logs(path)
    scenarios = list(reading)
    if not scenarios:
        raise InputError(
            f"{path}: no scenario in it: {'; '.join(reading.report.text().splitlines())}",
            hint="docs/logs.md shows the form: one conversation a line, with messages of both sides",
        )
    return scenarios, reading.report


def scenarios_of(conversation: Conversation) -> Iterator[Scenario]:
    """One scenario per agent turn that answers a customer, or an action after one. ``reference`` is what the human
    agent said, ``profile`` the conversation's id; the same conversation always gives the same ids.

    Of a call that was recorded from a model (``"by": "model"``) only the last reply gives one, with no reference:
    the teacher says what would have been good."""
    turns = conversation.turns
    first = len(turns) - 1 if conversation.by_model else 0
    heard = False
    for at, turn in enumerate(turns):
        if turn.speaker == "agent" and heard and at >= first:
            yield Scenario(
                id=short_id("scenario", [conversation.id, at, [[t.speaker, t.text] for t in turns[:at]]]),
                turns=turns[:at],
                profile=conversation.id,
                stage=0,
                reference="" if conversation.by_model else turn.text,
            )
        heard = heard or turn.speaker == "customer"


@contextmanager
def _opened(path: Path) -> Generator[IO[bytes]]:
    try:
        stream = path.open("rb")
    except OSError as error:
        raise InputError(
            f"{path}: {error.strerror or error}", hint="give the path of a .jsonl or .jsonl.gz file"
        ) from error
    with stream:
        packed = stream.read(2) == b"\x1f\x8b"
        stream.seek(0)
        if packed:
            with gzip.open(stream) as unpacked:
                yield cast("IO[bytes]", unpacked)
        else:
            yield stream


def _parsed(line: bytes, number: int, tally: Tally) -> dict[str, Any] | None:
    try:
        value: object = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError:
        tally.note("bad-encoding", number)
        return None
    except (ValueError, RecursionError):
        tally.note("bad-json", number)
        return None
    if not isinstance(value, dict):
        tally.note("not-a-conversation", number)
        return None
    return cast("dict[str, Any]", value)
