"""Several processes behind one port, each with a core of its own: started, kept alive and ended together."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from asyncio.subprocess import Process
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from preceptor.core.errors import ConfigError
from preceptor.serve.log import Log

_AGAIN_SECONDS = 1.0
"""How long after its end a process is started again: one that cannot live must not burn a core."""
_LONGEST_PATH = 90
"""Bytes in the name of a folder in which local sockets can be made."""
READY = b"r"


@dataclass(frozen=True, slots=True, kw_only=True)
class Replica:
    """What one of the processes is told by the one that keeps them."""

    number: int
    """From 0 on."""
    listening: int
    """Descriptor of its own listening socket: the kernel spreads connections over all of them."""
    line: int
    """Descriptor of a socket to the keeper: :data:`READY` is said on it, and it ends when the keeper does."""
    greets: bool
    """Whether it says where they serve, once it knows that they can."""
    folder: Path
    """Where the processes meet; nobody else's."""

    def told(self) -> str:
        """As one word of a command line."""
        return f"{self.number}:{self.listening}:{self.line}:{self.greets:d}:{self.folder}"

    @classmethod
    def read(cls, told: str) -> Self:
        """From :meth:`told`. ValueError where it is none."""
        *numbers, folder = told.split(":", 4)
        number, listening, line, greets = map(int, numbers)
        return cls(number=number, listening=listening, line=line, greets=bool(greets), folder=Path(folder))


class Keeper:
    """Keeps one process for each listening socket.

    Args:
        command: what each is started with; ``--replica`` and what it is told follow.
        folder: where the processes meet: readable by their owner alone.

    Raises:
        ConfigError: no local socket can be made in the folder.
    """

    def __init__(
        self,
        command: Sequence[str],
        listening: Sequence[socket.socket],
        folder: Path,
        log: Log,
    ) -> None:
        if len(os.fsencode(folder)) > _LONGEST_PATH:
            raise ConfigError(
                "the folder for temporary files has too long a name for sockets", hint="as in: TMPDIR=/tmp"
            )
        self._command = command
        self._listening = listening
        self._folder = folder
        self._log = log
        self._running: dict[int, Process] = {}
        self._ending = asyncio.Event()
        self.signal: signal.Signals | None = None
        """The last one that asked for the end."""

    async def keep(self) -> int:
        """Runs until a signal ends it, or until the first process ends before it serves: then with its exit code,
        for what it told holds for all."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._end, number)
        first = asyncio.create_task(self._kept(0, ready := asyncio.Event()))
        ready_first = asyncio.create_task(ready.wait())
        await asyncio.wait((first, ready_first), return_when=asyncio.FIRST_COMPLETED)
        ready_first.cancel()
        if first.done():
            return first.result()
        others = [self._kept(n, asyncio.Event()) for n in range(1, len(self._listening))]
        codes = await asyncio.gather(first, *others)
        return max(codes)

    def _end(self, number: signal.Signals) -> None:
        """Every signal goes on to all: the first begins the end, the next brings it about. What a terminal's Ctrl-C
        means is said here alone."""
        self.signal = number
        self._ending.set()
        for process in self._running.values():
            if process.returncode is None:
                process.terminate()

    async def _kept(self, number: int, ready: asyncio.Event) -> int:
        """One process after the other; the last one's exit code, 0 where a signal ended it as it should."""
        while True:
            code = await self._once(number, ready)
            if self._ending.is_set():
                return 0 if code in (0, -signal.SIGTERM) else 1
            if not ready.is_set() and not number:
                return code or 1
            self._log("process-ended", process=number, code=code)
            try:
                async with asyncio.timeout(_AGAIN_SECONDS):
                    await self._ending.wait()
            except TimeoutError:
                continue
            return 0

    async def _once(self, number: int, ready: asyncio.Event) -> int:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            listening = self._listening[number].fileno()
            told = Replica(
                number=number,
                listening=listening,
                line=theirs.fileno(),
                greets=not number and not ready.is_set(),
                folder=self._folder,
            )
            # In a group of its own: Ctrl-C in a terminal comes through the keeper, and so only once.
            process = await asyncio.create_subprocess_exec(
                *self._command,
                "--replica",
                told.told(),
                pass_fds=(listening, theirs.fileno()),
                process_group=0,
            )
            self._running[number] = process
            theirs.close()
            ours.setblocking(False)
            if await asyncio.get_running_loop().sock_recv(ours, 1) == READY:
                self._log("process-started", process=number, pid=process.pid)
                ready.set()
            return await process.wait()
