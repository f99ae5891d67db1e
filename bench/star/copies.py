"""What plain copying reaches: the next move of the nearest known situation, and votes over several."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

import bm25s
import numpy as np
from numpy.typing import NDArray

from bench.star.data import Example
from preceptor.core.records import Turn
from preceptor.library.conversation_state import StateWeights, state_terms, state_text, words
from preceptor.library.index import Embedder
from preceptor.library.ordinary import ORDINARY
from preceptor.library.sparse import SparseIndex

Scores = NDArray[np.float32]
Search = Callable[[tuple[Turn, ...]], Scores]


def plain_bm25(training: Sequence[Example]) -> Search:
    """BM25 over the words of the last agent and customer turn: the usual first try."""
    retriever = bm25s.BM25()
    retriever.index([_last_words(e.turns) for e in training], show_progress=False)
    return lambda turns: retriever.get_scores(_last_words(turns))


def lexical(training: Sequence[Example]) -> Search:
    """Preceptor's conversation state, as the coach searches it."""
    index = SparseIndex([state_terms(e.turns, StateWeights()) for e in training], ordinary=ORDINARY)
    return lambda turns: index.scores(state_terms(turns, StateWeights()))


def dense(training: Sequence[Example], embedder: Embedder) -> Search:
    """Cosine of the embedded state text."""
    vectors = embedder.embed([state_text(e.turns) for e in training])
    return lambda turns: vectors @ embedder.embed([state_text(turns)])[0]


def fused(first: Search, second: Search, share: float = 0.4) -> Search:
    """Both, each scaled to its best score for this state."""

    def search(turns: tuple[Turn, ...]) -> Scores:
        one, two = first(turns), second(turns)
        scaled = (1 - share) * one / max(float(one.max()), 1e-9) + share * two / max(float(two.max()), 1e-9)
        return np.asarray(scaled, dtype=np.float32)

    return search


def vote(scores: Scores, labels: Sequence[str], count: int, power: float = 4.0) -> tuple[str, float]:
    """The label that the nearest ``count`` vote for by ``score ** power``, and the best score. Ties by place."""
    edge = np.partition(scores, len(scores) - count)[len(scores) - count]
    near = np.flatnonzero(scores >= edge)
    near = near[np.lexsort((near, -scores[near]))][:count]
    tally: dict[str, float] = defaultdict(float)
    top = max(float(scores[near[0]]), 1e-9)
    for at in near:
        tally[labels[at]] += max(float(scores[at]) / top, 0.0) ** power
    return max(tally, key=lambda label: tally[label]), float(scores[near[0]])


def _last_words(turns: Sequence[Turn]) -> list[str]:
    agent = next((t.text for t in reversed(turns) if t.speaker == "agent"), "")
    customer = next((t.text for t in reversed(turns) if t.speaker == "customer"), "")
    return words(f"{agent} {customer}") or ["-"]
