"""One JSON object a line, and nothing of what anyone said unless asked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime

from preceptor.core.clock import Clock

Write = Callable[[str], None]

_WAIT = 0.1
"""Seconds that lines about requests are kept at most, to be written together: a write a line is a tenth of what a
request costs."""
_ENCODER = json.JSONEncoder(separators=(",", ":"), default=str)


class Log:
    """Writes lines; text in them is escaped, so that no value can begin a line of its own."""

    def __init__(self, write: Write, clock: Clock) -> None:
        self._write = write
        self._clock = clock
        self._kept: list[str] = []
        self._second: datetime | None = None
        self._shown = ""

    def __call__(self, event: str, **fields: object) -> None:
        """One event with its fields; those that are None are left out."""
        self._kept.append(self._line(event, fields))
        self.flush()

    def soon(self, event: str, **fields: object) -> None:
        """The same, written with others a little later. Needs a running event loop."""
        if not self._kept:
            asyncio.get_running_loop().call_later(_WAIT, self.flush)
        self._kept.append(self._line(event, fields))

    def flush(self) -> None:
        """Writes what is kept."""
        if self._kept:
            text = "".join(self._kept)
            self._kept.clear()
            self._write(text)

    def _line(self, event: str, fields: dict[str, object]) -> str:
        told = {name: value for name, value in fields.items() if value is not None}
        return _ENCODER.encode({"at": self._time(), "event": event, **told}) + "\n"

    def _time(self) -> str:
        """ISO 8601 to the millisecond. The part to the second is kept from the line before."""
        now = self._clock().astimezone(UTC)
        second = now.replace(microsecond=0)
        if second != self._second:
            self._second, self._shown = second, second.isoformat().removesuffix("+00:00")
        return f"{self._shown}.{now.microsecond // 1000:03}+00:00"
