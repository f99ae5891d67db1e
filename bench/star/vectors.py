"""Sentence vectors of the dialogues, kept beside the model: making them takes minutes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from preceptor.library.embedder import Embedder, Floats


class Kept:
    """An embedder that asks for each text once, and never again once :meth:`save` was called."""

    def __init__(self, embedder: Embedder, file: Path) -> None:
        self._embedder, self._file = embedder, file
        self.name, self.dimension = embedder.name, embedder.dimension
        self._known: dict[str, Floats] = {}
        if file.is_file():
            with np.load(file) as held:
                if str(held["name"]) == embedder.name:
                    self._known = dict(zip(held["keys"].tolist(), held["rows"], strict=True))

    def embed(self, texts: Sequence[str]) -> Floats:
        """See :class:`~preceptor.library.embedder.Embedder`."""
        keys = [hashlib.sha256(text.encode()).hexdigest()[:24] for text in texts]
        new = {key: text for key, text in zip(keys, texts, strict=True) if key not in self._known}
        if new:
            self._known.update(zip(new, self._embedder.embed(list(new.values())), strict=True))
        return np.stack([self._known[key] for key in keys])

    def save(self) -> None:
        """Writes what is known."""
        np.savez(self._file, name=self.name, keys=list(self._known), rows=np.stack(list(self._known.values())))
