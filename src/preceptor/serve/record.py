"""Recording: what passes the proxy as a log that ``preceptor learn --logs`` reads. Off unless asked for.

A request hands over what it has and goes on. A thread of its own reads, redacts and writes; where it cannot keep
up, calls are left out and counted.
"""

from __future__ import annotations

import json
import os
import queue
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from pathlib import Path
from typing import Any, cast

from preceptor.core.clock import Clock
from preceptor.core.errors import ConfigError
from preceptor.core.ids import short_id
from preceptor.serve.encoding import unpacked
from preceptor.serve.insert import Kind, NoPlaceError, read
from preceptor.serve.redact import Redact
from preceptor.serve.reply import reply_of

LONGEST_ANSWER = 4 * 1024 * 1024
"""Bytes of an answer that are kept to be recorded; a longer one is left out."""
_WAITING = 32 * 1024 * 1024
"""Bytes that may wait to be written."""
_FILE = re.compile(r"(\d{4}-\d{2}-\d{2})\.jsonl")
_STOP = None
_LOOK_SECONDS = 600.0
"""Without calls, old days are looked for so often: they end also where nobody calls any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call as it passed."""

    kind: Kind
    body: bytes
    """As the client sent it: without advice."""
    encoding: str
    """Content encoding of ``body``."""
    answer: bytes
    answer_encoding: str
    release: str = ""
    strategies: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Bytes it holds."""
        return len(self.body) + len(self.answer)


class Taking:
    """A call that passes: its answer's bytes are taken along."""

    def __init__(self, kind: Kind, body: bytes, encoding: str) -> None:
        self._kind: Kind = kind
        self._body = body
        self._encoding = encoding
        self._parts: list[bytes] = []
        self._size = 0

    def add(self, chunk: bytes) -> None:
        """A part of the answer. Of one that is too long nothing is kept."""
        self._size += len(chunk)
        if self._size <= LONGEST_ANSWER:
            self._parts.append(chunk)
        else:
            self._parts.clear()

    def call(self, encoding: str, *, release: str, strategies: Sequence[str]) -> Call:
        """The whole call; ``encoding``: of the answer."""
        return Call(
            kind=self._kind,
            body=self._body,
            encoding=self._encoding,
            answer=b"".join(self._parts),
            answer_encoding=encoding.strip().lower(),
            release=release,
            strategies=tuple(strategies),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordSettings:
    """Where calls are recorded, and for how long."""

    folder: Path
    days: int = 30
    """A day's file is deleted when it is this many days old."""
    share: float = 1.0
    """Of calls that are recorded, 0 to 1."""

    def __post_init__(self) -> None:
        if self.days < 1:
            raise ConfigError("records must be kept for at least 1 day", hint="as in: --record-days 30")
        if not 0 < self.share <= 1:
            raise ConfigError("the share of calls to record must be above 0 and at most 1", hint="as in 0.1")


class Recorder:
    """Writes ``YYYY-MM-DD.jsonl`` (UTC) into a folder, readable by its owner alone.

    Raises:
        ConfigError: the folder cannot be written.
    """

    def __init__(
        self, settings: RecordSettings, redact: Redact, clock: Clock, trouble: Callable[[str], None]
    ) -> None:
        self._settings = settings
        self._redact = redact
        self._clock = clock
        self._trouble = trouble
        self._queue: queue.SimpleQueue[Call | None] = queue.SimpleQueue()
        self._waiting = 0
        self._lock = threading.Lock()
        self._asked = 0
        self._day: date | None = None
        self._told = ""
        self.counts: dict[str, int] = {}
        """What became of calls: ``written``, ``unreadable``, ``dropped``, ``failed``."""
        try:
            settings.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._expire(self._clock().astimezone(UTC).date())
            os.close(self._opened())
        except OSError as error:
            raise ConfigError(
                f"{settings.folder} cannot be written ({error.strerror or error})",
                hint="choose another with: --record",
            ) from error
        self._thread = threading.Thread(target=self._work, name="recorder", daemon=True)

    def start(self) -> None:
        """Begins to write."""
        self._thread.start()

    def close(self) -> None:
        """Writes what waits, and ends. Waits for that at most 10 seconds."""
        self._queue.put(_STOP)
        self._thread.join(10)

    def wanted(self) -> bool:
        """Whether the next call is one to record: evenly spread by count, so that a share needs no chance."""
        share, number = self._settings.share, self._asked
        self._asked += 1
        return int((number + 1) * share) > int(number * share)

    def put(self, call: Call) -> None:
        """Takes a call; never waits."""
        with self._lock:
            if self._waiting + call.size > _WAITING:
                self._count("dropped")
                return
            self._waiting += call.size
        self._queue.put(call)

    def _work(self) -> None:
        while True:
            try:
                call = self._queue.get(timeout=_LOOK_SECONDS)
            except queue.Empty:
                try:
                    self._expire(self._clock().astimezone(UTC).date())
                except OSError as error:
                    self._fail(error)
                continue
            if call is None:  # _STOP
                return
            try:
                self._count(self._written(call))
            except Exception as error:  # noqa: BLE001 - the boundary: one call that fails must not end the recording
                self._count("failed")
                self._fail(error)
            with self._lock:
                self._waiting -= call.size

    def _fail(self, error: Exception) -> None:
        # What went wrong with a text may quote it; an error of the system does not.
        told = str(error) if isinstance(error, OSError) else type(error).__name__
        if told != self._told:
            self._told = told
            self._trouble(told)

    def _count(self, outcome: str) -> None:
        # Two threads count, but never the same outcome.
        self.counts[outcome] = self.counts.get(outcome, 0) + 1

    def _written(self, call: Call) -> str:
        line = self._line(call)
        if line is None:
            return "unreadable"
        today = self._clock().astimezone(UTC).date()
        if today != self._day:
            self._expire(today)
        file = self._opened()
        try:
            os.write(file, line)  # one write with O_APPEND: lines of several proxies do not mix
        finally:
            os.close(file)
        return "written"

    def _line(self, call: Call) -> bytes | None:
        try:
            asked = read(unpacked(call.body, call.encoding, LONGEST_ANSWER), call.kind)
            reply = reply_of(unpacked(call.answer, call.answer_encoding, LONGEST_ANSWER), call.kind)
        except NoPlaceError:
            return None
        if reply is None:
            return None
        at = self._clock().astimezone(UTC).isoformat(timespec="milliseconds")
        messages = [m for m in map(self._kept, (*asked.messages, reply)) if m]
        line = {
            "id": short_id("call", [at, messages]),
            "at": at,
            "by": "model",
            "model": asked.model[:200],
            "release": call.release or None,
            "strategies": list(call.strategies),
            "messages": messages,
        }
        return json.dumps({k: v for k, v in line.items() if v is not None}).encode() + b"\n"

    def _kept(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """What is recorded of a message: text, and tools' names, arguments and results. Instructions are not."""
        role = message.get("role")
        if role not in ("user", "assistant", "tool", "function"):
            return {}
        kept: dict[str, Any] = {"role": role, "content": self._redact(_text(message.get("content")))}
        given = message.get("tool_call_id")
        if isinstance(given, str):
            kept["tool_call_id"] = given[:200]
        calls = message.get("tool_calls")
        if isinstance(calls, list) and role == "assistant":
            kept["tool_calls"] = [self._call(c) for c in cast("list[object]", calls)]
        return kept

    def _call(self, given: object) -> dict[str, Any]:
        call = cast("dict[str, Any]", given) if isinstance(given, dict) else {}
        function = call.get("function")
        asked = cast("dict[str, Any]", function) if isinstance(function, dict) else {}
        arguments = self._redact(str(asked.get("arguments") or ""))
        named = {"name": str(asked.get("name") or "")[:200], "arguments": arguments}
        return {"id": str(call.get("id"))[:200], "type": "function", "function": named}

    def _opened(self) -> int:
        self._day = self._clock().astimezone(UTC).date()
        path = self._settings.folder / f"{self._day.isoformat()}.jsonl"
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        os.fchmod(file, 0o600)  # also where it was there before
        return file

    def _expire(self, today: date) -> None:
        oldest = today - timedelta(days=self._settings.days)
        for path in self._settings.folder.iterdir():
            match = _FILE.fullmatch(path.name)
            if match and match[1] <= oldest.isoformat():
                path.unlink(missing_ok=True)


def _text(content: object) -> str:
    """The text of a message's content; of parts that are no text only their type."""
    if isinstance(content, str):
        return content
    texts: list[str] = []
    for part in cast("list[object]", content) if isinstance(content, list) else []:
        if isinstance(part, dict):
            entry = cast("dict[str, object]", part)
            text = entry.get("text")
            texts.append(text if isinstance(text, str) else f"[{str(entry.get('type'))[:40]}]")
    return "\n".join(texts)
