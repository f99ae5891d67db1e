"""One process at a time on a run. The lock goes with the process, however it ends."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from preceptor.core.errors import RunError

_TRIES = 5
_PAUSE = 0.02
"""Seconds. :func:`held_by` takes the lock for an instant; a starter that meets it tries again."""


@contextmanager
def locked(path: Path, run: str) -> Generator[None]:
    """Holds the lock file of ``run``.

    Raises:
        RunError: another process holds it, or the file cannot be made.
    """
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise RunError(f"{path} cannot be opened ({error.strerror})", hint="see to its rights") from error
    try:
        if not _take(handle):
            raise RunError(
                f"run {run} is under way in process {_process(path)}",
                hint="wait for it to end, or stop it with Ctrl-C there",
            )
        os.ftruncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode(), 0)
        yield
        os.ftruncate(handle, 0)
    finally:
        os.close(handle)


def held_by(path: Path) -> str:
    """The number of the process that holds the lock; empty when none does."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return _process(path)
    else:
        return ""
    finally:
        os.close(handle)


def _take(handle: int) -> bool:
    for attempt in range(_TRIES):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if attempt + 1 < _TRIES:
                time.sleep(_PAUSE)
        else:
            return True
    return False


def _process(path: Path) -> str:
    try:
        text = path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return "unknown"
    return text if text.isdigit() else "unknown"
