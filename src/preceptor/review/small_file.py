"""A small SQLite file of the app's own: accounts, ratings."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from preceptor.core.errors import ConfigError


class SmallFile:
    """One connection, used by one thread at a time."""

    def __init__(self, path: Path | str, schema: str, what: str) -> None:
        """Opens the file, or makes it; ``:memory:`` for none that stays.

        Args:
            path: of the file.
            schema: a statement that makes the table, unless it is there.
            what: it holds, in the plural, for messages.

        Raises:
            ConfigError: it cannot be opened.
        """
        self._what = what
        self._lock = Lock()
        try:
            self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=10)
            self._db.execute(schema)
        except sqlite3.Error as error:
            raise ConfigError(f"{path} cannot hold {what} ({error})", hint="name another file") from error

    def close(self) -> None:
        """Closes the file."""
        self._db.close()

    @contextmanager
    def used(self) -> Generator[sqlite3.Connection]:
        """The connection, alone. ConfigError where the database fails."""
        with self._lock:
            try:
                yield self._db
            except sqlite3.Error as error:
                raise ConfigError(
                    f"the {self._what} cannot be used ({error})", hint="see to the file's rights"
                ) from error
