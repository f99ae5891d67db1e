"""Vectors that a run has asked for are not asked for again: not between its stages, not when it goes on."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from preceptor.core.errors import RunError
from preceptor.library.embedder import Embedder, Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What an embedder was asked over the life of a run."""

    calls: int = 0
    texts: int = 0
    letters: int = 0
    replayed: int = 0
    """Vectors that were in the run's file when it was opened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One call to an embedder, with what it brought."""

    letters: int
    rows: Mapping[str, Floats]
    """Key of a text to its vector."""


class Remembering:
    """Asks for each text once. Safe to share between threads; two that want one text at once may both ask."""

    def __init__(self, embedder: Embedder, *, tell: Callable[[Asked], object] | None = None) -> None:
        """``tell`` hears what is asked here, for another process's memory to :meth:`hear`."""
        self._tell = tell
        self.name = embedder.name
        self._embedder = embedder
        self._lock = Lock()
        self._known: dict[str, Floats] = {}
        self._file: Path | None = None
        self.taken = Taken()

    @property
    def dimension(self) -> int:
        """See :class:`~preceptor.library.embedder.Embedder`."""
        return self._embedder.dimension

    def embed(self, texts: Sequence[str]) -> Floats:
        """See :class:`~preceptor.library.embedder.Embedder`."""
        keys = [self._key(text) for text in texts]
        new = {key: text for key, text in zip(keys, texts, strict=True) if key not in self._known}
        if new:
            rows = dict(zip(new, self._embedder.embed(list(new.values())), strict=True))
            asked = Asked(letters=sum(map(len, new.values())), rows=rows)
            self.hear(asked)
            if self._tell is not None:
                self._tell(asked)
        return np.stack([self._known[key] for key in keys]) if keys else self._embedder.embed([])

    def hear(self, asked: Asked) -> None:
        """A call, of another process's memory or our own: known from now on, counted, and written.

        Raises:
            RunError: the file cannot be written.
        """
        with self._lock:
            self._known.update(asked.rows)
            self._count(asked.rows, asked.letters)
            self._write(asked.rows, asked.letters)

    def known(self) -> Mapping[str, Floats]:
        """All vectors by the keys of their texts, for another process to :meth:`begin_with`."""
        with self._lock:
            return dict(self._known)

    def begin_with(self, known: Mapping[str, Floats]) -> None:
        """Vectors that need not be asked for; they do not count."""
        with self._lock:
            self._known.update(known)

    def keep(self, file: Path) -> None:
        """Takes over what ``file`` holds, and writes there from now on, what is known already first.

        Raises:
            RunError: the file cannot be read or written.
        """
        with self._lock:
            taken, held = self._read(file)
            ours = {key: row for key, row in self._known.items() if key not in held}
            self._known = {**held, **self._known}
            self._file = file
            self._write(ours, self.taken.letters)
            self.taken = replace(
                self.taken,
                calls=self.taken.calls + taken.calls,
                texts=self.taken.texts + taken.texts,
                letters=self.taken.letters + taken.letters,
                replayed=len(held),
            )

    def _count(self, rows: Mapping[str, Floats], letters: int) -> None:
        was = self.taken
        self.taken = replace(was, calls=was.calls + 1, texts=was.texts + len(rows), letters=was.letters + letters)

    def _key(self, text: str) -> str:
        return hashlib.sha256(f"{self.name}\n{text}".encode("utf-8", "surrogatepass")).hexdigest()[:32]

    def _write(self, rows: Mapping[str, Floats], letters: int) -> None:
        if self._file is None or not rows:
            return
        told = {key: base64.b64encode(row.astype("<f4").tobytes()).decode() for key, row in rows.items()}
        try:
            with self._file.open("a", encoding="utf-8") as stream:
                # The line feed in front: what an earlier crash cut off does not spoil what follows.
                stream.write("\n" + json.dumps({"letters": letters, "rows": told}))
        except OSError as error:
            raise RunError(f"{self._file} cannot be written: {error.strerror}", hint="is the disk full?") from error

    def _read(self, file: Path) -> tuple[Taken, dict[str, Floats]]:
        taken, held = Taken(), dict[str, Floats]()
        try:
            lines = file.read_text(encoding="utf-8", errors="replace").splitlines() if file.is_file() else []
        except OSError as error:
            raise RunError(f"{file} cannot be read: {error.strerror}", hint="whose is it?") from error
        for line in lines:
            try:
                told: Any = json.loads(line)
                rows = {
                    str(key): np.frombuffer(base64.b64decode(text, validate=True), dtype="<f4")
                    for key, text in told["rows"].items()
                }
                letters = int(told["letters"])
            except (ValueError, TypeError, KeyError, AttributeError, binascii.Error):
                continue  # cut off by a crash: asked again
            held.update(rows)
            taken = replace(
                taken, calls=taken.calls + 1, texts=taken.texts + len(rows), letters=taken.letters + letters
            )
        return taken, held


def remembering(embedder: Embedder | None) -> Remembering | None:
    """The same embedder with a memory; None stays None."""
    return None if embedder is None else Remembering(embedder)
