"""From strategies to the bytes of a release."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from preceptor.core.errors import InputError
from preceptor.library.index import Embedder, IndexSettings, StrategyIndex
from preceptor.library.release import FORMAT, EmbedderMark, Manifest, Released, canonical_text, pack
from preceptor.library.release_index import algorithm, take_apart

PROBE = "customer: I bought a ticket yesterday, and now I have to change the date. What does that cost me?"
"""A text that every embedder makes its own vector of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What goes into a release."""

    strategies: Sequence[Released]
    states: Mapping[str, str]
    """Scenario id to state text (:func:`~preceptor.library.conversation_state.state_text`)."""
    coach: Mapping[str, Any]
    """Limits on advice by name; see ``CoachSettings``."""
    template: str
    """Body of the ``advice`` prompt."""
    trial: bool = False
    retrieval: IndexSettings = field(default_factory=IndexSettings)
    embedder: Embedder | None = None


def make_release(contents: Contents) -> bytes:
    """The bytes of the release: the same for the same contents, whoever makes it and when.

    Raises:
        InputError: nothing to release; an id twice; or, where it is no trial, a strategy that is not approved.
    """
    strategies = sorted(contents.strategies, key=lambda r: r.strategy.id)
    _check(strategies, trial=contents.trial)
    used = {i for r in strategies for i in r.strategy.scenarios}
    states = {i: contents.states[i] for i in sorted(used) if i in contents.states}
    index = StrategyIndex(
        [r.strategy for r in strategies],
        scenarios=states,
        embedder=contents.embedder,
        settings=contents.retrieval,
    )
    parts = take_apart(index)
    lines = [f"{canonical_text(r)}\n" for r in strategies]
    ends = np.cumsum([len(line.encode()) for line in lines], dtype=np.int64)
    sections: dict[str, str | NDArray[Any]] = {
        "strategies": "".join(lines),
        "scenarios": "".join(f"{canonical_text([i, text])}\n" for i, text in states.items()),
        "strategies.ends": ends,
        **{name: "".join(f"{term}\n" for term in terms) for name, terms in parts.texts.items()},
        **parts.arrays,
    }
    manifest = Manifest(
        format=FORMAT,
        trial=contents.trial,
        strategies=len(strategies),
        scenarios=len(states),
        coach=contents.coach,
        template=contents.template,
        retrieval=contents.retrieval,
        algorithm=algorithm(contents.retrieval),
        scalars=parts.scalars,
        embedder=None if contents.embedder is None else _mark(contents.embedder),
    )
    return pack(manifest, sections)


def _check(strategies: Sequence[Released], *, trial: bool) -> None:
    if not strategies:
        raise InputError(
            "there is nothing to release",
            hint="learn some with: preceptor learn" if trial else "approve strategies first, or try: --trial",
        )
    ids = [r.strategy.id for r in strategies]
    twice = next((a for a, b in pairwise(ids) if a == b), None)
    if twice is not None:
        raise InputError(f"strategy {twice} is there twice", hint="release one version of it")
    allowed = ("approved", "proposed") if trial else ("approved",)
    for released in strategies:
        if released.status not in allowed:
            raise InputError(
                f"strategy {released.strategy.id} is {released.status}, not approved",
                hint="approve it or leave it out; a trial release may hold proposed ones: --trial",
            )


def _mark(embedder: Embedder) -> EmbedderMark:
    vector = embedder.embed([PROBE])[0]
    return EmbedderMark(name=embedder.name, probe=PROBE, vector=tuple(round(float(v), 6) for v in vector))
