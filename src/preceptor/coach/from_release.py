"""From a release file to what a coach needs: no database, web or LLM package."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from preceptor.core.errors import ConfigError
from preceptor.library.index import Embedder, StrategyIndex
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
        _check_embedder(release.id, manifest.embedder, embedder)
    if manifest.algorithm == algorithm(manifest.retrieval):
        return put_together(release, manifest.scalars, release.strategies(), manifest.retrieval, embedder)
    return StrategyIndex(
        list(release.strategies()), scenarios=release.states(), embedder=embedder, settings=manifest.retrieval
    )


def _check_embedder(name: str, mark: EmbedderMark | None, embedder: Embedder) -> None:
    if mark is None:
        raise ConfigError(
            f"{name} was made without embeddings", hint="use it without an embedder, or make one with: --embedder"
        )
    if mark.name != embedder.name:
        raise ConfigError(
            f"{name} was made with the embedder {mark.name}, this is {embedder.name}",
            hint="use the same embedder, or make the release again",
        )
    stored = np.array(mark.vector, dtype=np.float32)
    found = embedder.embed([mark.probe])[0]
    alike = float(stored @ found) if stored.shape == found.shape else 0.0
    if alike < SAME:
        raise ConfigError(
            f"{name}: the embedder {embedder.name} is another one under the same name (probe cosine {alike:.3f})",
            hint="use the model that made the release, or make the release again",
        )
