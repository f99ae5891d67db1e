"""The metrics of all processes behind one port: whichever is asked tells those of all."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from preceptor.serve.metrics import Metrics

_SECONDS = 1.0
"""How long is waited for another process, which may stand still or be on its way out."""


class Gathered:
    """Tells the other processes of the metrics here, and asks them for theirs.

    Args:
        folder: where each process has a local socket, named by its number.
        own: the metrics here, as they are now.
    """

    def __init__(self, folder: Path, number: int, own: Callable[[], Metrics]) -> None:
        self._folder = folder
        self._number = number
        self._own = own
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Begins to tell. Needs a running event loop."""
        place = self._folder / str(self._number)
        place.unlink(missing_ok=True)  # of the process before, which was killed
        self._server = await asyncio.start_unix_server(self._tell, place)

    async def close(self) -> None:
        """Ends that."""
        if self._server is not None:
            self._server.close()
            (self._folder / str(self._number)).unlink(missing_ok=True)

    async def text(self) -> str:
        """All of them as Prometheus reads it, each series with its process: a process that ended and began anew
        counts from 0, and no other's counts with it."""
        numbers = sorted(int(place.name) for place in self._folder.iterdir() if place.name.isdigit())
        parts = await asyncio.gather(*map(self._asked, numbers))
        own = self._own()
        told = own.blank()
        for number, part in zip(numbers, parts, strict=True):
            if part is not None:
                told.take(part, (("process", str(number)),))
        return told.text()

    async def _asked(self, number: int) -> Mapping[str, Any] | None:
        if number == self._number:
            return self._own().snapshot()
        try:
            async with asyncio.timeout(_SECONDS):
                reader, writer = await asyncio.open_unix_connection(self._folder / str(number))
                try:
                    return json.loads(await reader.read())
                finally:
                    writer.close()
        except (OSError, TimeoutError, ValueError):
            return None  # it ended, or is about to: its next one tells again

    async def _tell(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        del reader
        try:
            writer.write(json.dumps(self._own().snapshot()).encode())
            await writer.drain()
        except OSError:
            return  # who asked has gone
        finally:
            writer.close()
