"""``preceptor`` in processes that can be killed at any moment and start at once: forked from one that has imported
everything. Nothing that is imported writes, so that no kill point is lost by it."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from time import monotonic, sleep

_PRELOADED = (
    "tests.killable",
    "preceptor.cli.commands.journal",
    "preceptor.cli.commands.learn",
    "preceptor.cli.commands.library",
    "preceptor.cli.commands.release",
    "preceptor.library.migrations",
    "preceptor.llm.http",
    "preceptor.project.jobs",
)


@dataclass(frozen=True, slots=True)
class Started:
    """One command under way."""

    process: ForkServerProcess

    @property
    def code(self) -> int | None:
        """The exit code; negative for a signal; None while it runs."""
        return self.process.exitcode

    def wait(self) -> int:
        """Waits for its end; returns the exit code."""
        self.process.join(120)
        assert self.process.exitcode is not None, "it does not end"
        return self.process.exitcode

    def kill_when(self, ready: Callable[[], bool], delay: float = 0.0) -> bool:
        """SIGKILL, ``delay`` seconds after ``ready``; False where the process ended by itself before."""
        deadline = monotonic() + 120
        while not ready():
            if not self.process.is_alive():
                return False
            assert monotonic() < deadline, "no progress"
            sleep(0.0005)
        sleep(delay)
        self.process.kill()
        return self.wait() < 0


def start(folder: Path, words: Sequence[str], environ: Mapping[str, str]) -> Started:
    """``preceptor WORDS -C folder``, with these variables set, its output thrown away."""
    process = _context().Process(target=_run, args=([*words, "-C", str(folder)], dict(environ)), daemon=True)
    process.start()
    return Started(process)


@cache
def _context() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(_PRELOADED))
    return context


def _run(words: list[str], environ: dict[str, str]) -> None:
    from preceptor.cli import boundary  # noqa: PLC0415 - only in the child

    os.environ.update(environ)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nowhere, number)
    with suppress(SystemExit):
        os._exit(boundary.run(words))
