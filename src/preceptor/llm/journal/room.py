"""Room on the disk that is kept for the moment when there is none left: answers under way are paid for."""

from __future__ import annotations

import os
from pathlib import Path

_BYTES = 4 * 2**20
"""Some hundred answers, with what the database writes beside them."""


class Ballast:
    """A file of nothing beside the journal, given back when the disk is full.

    Raises:
        OSError: there is no room for it: then there is none for answers either.
    """

    def __init__(self, journal: Path) -> None:
        self._path = journal.with_name(f"{journal.name}-room")
        self._kept = True
        handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            _fill(handle)
        except OSError:
            self.drop()
            raise
        finally:
            os.close(handle)

    def drop(self) -> bool:
        """Gives the room back; False where that was done before."""
        was, self._kept = self._kept, False
        if was:
            self._path.unlink(missing_ok=True)
        return was


def _fill(handle: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(handle, 0, _BYTES)
    else:
        os.write(handle, bytes(_BYTES))
