"""API keys of our own: known by their hash only.

A key is 32 random bytes, so a plain SHA-256 hides it as well as a slow hash would, and costs a request nothing.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from preceptor.core.errors import ConfigError
from preceptor.core.untrusted import one_line

PREFIX = "pk_"
_LINE = re.compile(r"([A-Za-z0-9._@-]{1,80})\s+sha256:([0-9a-f]{64})")


def new_key() -> str:
    """A key to hand out; it is shown once and never stored."""
    return PREFIX + secrets.token_urlsafe(32)


def key_line(name: str, key: str) -> str:
    """The line of a key file that lets ``key`` in, under a name for the log. ConfigError for a name with spaces."""
    line = f"{name} sha256:{_hashed(key)}"
    if not _LINE.fullmatch(line):
        raise ConfigError(f"'{one_line(name, 80)}' cannot name a key", hint="letters, digits and ._@- only")
    return line


class Keys:
    """Who may call."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = dict(names)

    def __len__(self) -> int:
        return len(self._names)

    def holder(self, authorization: str) -> str | None:
        """The name behind ``Bearer KEY``; None where there is none. Looks up a hash, so time tells nothing."""
        scheme, _, key = authorization.partition(" ")
        return self._names.get(_hashed(key.strip())) if scheme.lower() == "bearer" else None


class KeyFile(Keys):
    """The keys of a file that is followed: a line that is taken out lets its key in no more.

    Raises:
        ConfigError: the file cannot be used, or holds no key.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = _mark(path)
        super().__init__(read_names(path))
        if not self._names:
            raise ConfigError(
                f"{path} holds no key: nobody could call", hint="make one with: preceptor serve-key NAME"
            )

    def look(self) -> bool:
        """Reads the file anew where it is another than at the last look; True where it was. Without a line nobody
        may call.

        Raises:
            ConfigError: it cannot be used. The keys that it held before go on to let in.
        """
        mark = _mark(self._path)
        if mark == self._seen:
            return False
        self._seen = mark
        self._names = read_names(self._path)
        return True

    def holder_now(self, authorization: str) -> str | None:
        """:meth:`holder`, by the file as it is now; for a server that looks at no time of its own."""
        with suppress(ConfigError):
            self.look()
        return self.holder(authorization)


def _mark(path: Path) -> tuple[int, int, int] | None:
    """What tells a file from the one that was there before."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def read_names(path: Path) -> dict[str, str]:
    """Hash to name of the keys in a file: ``NAME sha256:HASH`` a line; ``#`` begins a comment.

    Raises:
        ConfigError: the file or a line cannot be used; names the line.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path} cannot be read ({error})", hint="make one with: preceptor serve-key NAME"
        ) from error
    names: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        text = line.partition("#")[0].strip()
        match = _LINE.fullmatch(text)
        if match:
            names[match[2]] = match[1]
        elif text:
            raise ConfigError(
                f"{path}:{number} is not NAME sha256:HASH", hint="make it with: preceptor serve-key NAME"
            )
    return names


def _hashed(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()
