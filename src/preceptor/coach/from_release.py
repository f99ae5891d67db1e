"""From a release file to what a coach needs: no database, web or LLM package."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from preceptor.core.errors import ConfigError, ModelError
from preceptor.library.embedder import Embedder
from preceptor.library.index import StrategyIndex
from preceptor.library.postings import Floats
from preceptor.library.release import EmbedderMark, Release, read_release
from preceptor.library.release_index import algorithm, put_together

SAME = 0.999
"""Cosine of two vectors of the probe from which the embedders are taken to be the same; rounding leaves more."""


def opened(release: Release | str | Path) -> Release:
    """The release itself, or the one in that file, checked. InputError where it cannot be used."""
    return release if isinstance(release, Release) else read_release(release)


def index_of(release: Release, embedder: Embedder | None = None) -> StrategyIndex:
    """The release's index: as it was stored, or built from its text where another version built it.

    Without ``embedder`` a release with embeddings is searched by words alone.

    Raises:
        ConfigError: ``embedder`` is not the one that the release was made with.
    """
    manifest = release.manifest
    if embedder is not None:
        if manifest.embedder is None:
            raise ConfigError(
                f"{release.id} was made without embeddings",
                hint="use it without an embedder, or set embedder.model and make it again",
            )
        embedder = Checked(embedder, manifest.embedder, release.id)
        with suppress(ModelError):
            embedder.check()
    if manifest.algorithm == algorithm(manifest.retrieval):
        return put_together(release, manifest.scalars, release.strategies(), manifest.retrieval, embedder)
    return StrategyIndex(
        list(release.strategies()), scenarios=release.states(), embedder=embedder, settings=manifest.retrieval
    )


class Checked:
    """An embedder of which it is known, before its first vector is used, that it is the one that made the release.

    One that cannot be asked just now is checked when it can be again: until then there is advice by words.
    """

    def __init__(self, embedder: Embedder, mark: EmbedderMark, release: str) -> None:
        if mark.name != embedder.name:
            raise ConfigError(
                f"{release} was made with the embedder {mark.name}, this is {embedder.name}",
                hint="use the same embedder, or make the release again",
            )
        self._embedder, self._mark, self._release = embedder, mark, release
        self._checked = False
        self.name, self.dimension = embedder.name, len(mark.vector)

    def check(self) -> None:
        """Raises ConfigError where it makes another vector of the probe, ModelError where it makes none."""
        if self._checked:
            return
        stored = np.array(self._mark.vector, dtype=np.float32)
        found = self._embedder.embed([self._mark.probe])[0]
        alike = float(stored @ found) if stored.shape == found.shape else 0.0
        if alike < SAME:
            raise ConfigError(
                f"{self._release}: the embedder {self.name} is another one under the same name"
                f" (probe cosine {alike:.3f})",
                hint="use the model that made the release, or make the release again",
            )
        self._checked = True

    def embed(self, texts: Sequence[str]) -> Floats:
        """See :class:`~preceptor.library.embedder.Embedder`."""
        self.check()
        return self._embedder.embed(texts)
