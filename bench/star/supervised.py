"""The reference from outside: a linear SVM trained on the labels, which nothing else in here may see."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sklearn.feature_extraction import DictVectorizer
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from bench.star.data import Example
from preceptor.library.conversation_state import StateWeights, state_terms, words


def predict(training: Sequence[Example], test: Sequence[Example], *, state: bool) -> list[str]:
    """Labels by ``LinearSVC`` over TF-IDF: of both sides' last words, or with ``state`` of our whole state."""
    model: Any = make_pipeline(DictVectorizer(), TfidfTransformer(), LinearSVC(C=1.0 if state else 0.3))
    model.fit([_features(e, state) for e in training], [e.label for e in training])
    return [str(label) for label in model.predict([_features(e, state) for e in test])]


def _features(example: Example, state: bool) -> dict[str, float]:
    if state:
        return state_terms(example.turns, StateWeights())
    agent = next((t.text for t in reversed(example.turns) if t.speaker == "agent"), "")
    customer = next((t.text for t in reversed(example.turns) if t.speaker == "customer"), "")
    return {f"a:{w}": 1.0 for w in words(agent)} | {f"c:{w}": 1.0 for w in words(customer)}
