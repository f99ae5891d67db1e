"""One JSON object a line, and nothing of what anyone said unless asked."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC

from preceptor.core.clock import Clock

Write = Callable[[str], None]


class Log:
    """Writes lines; text in them is escaped, so that no value can begin a line of its own."""

    def __init__(self, write: Write, clock: Clock) -> None:
        self._write = write
        self._clock = clock

    def __call__(self, event: str, **fields: object) -> None:
        """One event with its fields; those that are None are left out."""
        at = self._clock().astimezone(UTC).isoformat(timespec="milliseconds")
        told = {name: value for name, value in fields.items() if value is not None}
        self._write(json.dumps({"at": at, "event": event, **told}, separators=(",", ":"), default=str) + "\n")
