"""Which release is current, as a small file beside the release files: what replicas follow without a database."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from preceptor.core.decode import decode
from preceptor.core.errors import InputError
from preceptor.core.ids import canonical_json
from preceptor.library.release import Release, file_name, read_release, write_atomic

POINTER = "current.json"
_DIGEST = re.compile(r"(?:[0-9a-f]{64})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointed:
    """What the pointer says."""

    digest: str
    """Of the current release; empty: none is."""
    seq: int
    """Number of the act that set it, in the log of releases; 0: none ever did."""


NOTHING = Pointed(digest="", seq=0)
"""Nothing was ever published."""


class Pointer(Protocol):
    """Tells which release is current, and reads it. Called from one thread at a time; raises PreceptorError."""

    def changed(self) -> bool:
        """A cheap look: whether :meth:`current` may tell something new since it was last asked."""
        ...

    def current(self) -> Pointed:
        """What is current now."""
        ...

    def read(self, pointed: Pointed) -> Release:
        """That release, checked."""
        ...


class FilePointer:
    """Follows ``current.json`` in a folder of releases."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: tuple[int, int, int] | None = None

    def changed(self) -> bool:
        """True where the file is another one than at the last :meth:`current`: one look at the folder."""
        return self._look() != self._seen

    def current(self) -> Pointed:
        """What the file says; nothing is current where there is none. InputError where it cannot be used."""
        seen = self._look()
        found = read_pointer(self._folder)
        self._seen = seen
        return found

    def read(self, pointed: Pointed) -> Release:
        """The release's file, checked against its digest. InputError where it cannot be used."""
        return read_release(self._folder / file_name(pointed.digest), digest=pointed.digest)

    def _look(self) -> tuple[int, int, int] | None:
        try:
            found = (self._folder / POINTER).stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size


def write_pointer(folder: Path, pointed: Pointed) -> None:
    """Replaces the pointer, all or nothing. InputError where it cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomic(folder / POINTER, (canonical_json(pointed) + "\n").encode())
    except OSError as error:
        raise InputError(
            f"{folder / POINTER} cannot be written: {error.strerror or error}",
            hint="make the folder writable, then publish again",
        ) from error


def read_pointer(folder: Path) -> Pointed:
    """What the pointer in ``folder`` says; nothing is current where there is none.

    Raises:
        InputError: the file cannot be used.
    """
    path = folder / POINTER
    try:
        found = decode(Pointed, json.loads(path.read_bytes()))
        if not _DIGEST.fullmatch(found.digest):
            raise ValueError("digest: expected 64 hexadecimal digits, or none")
    except FileNotFoundError:
        return NOTHING
    except (OSError, ValueError, RecursionError, InputError) as error:
        raise InputError(
            f"{path} cannot be used ({error})", hint="publish again: preceptor release publish"
        ) from error
    return found
