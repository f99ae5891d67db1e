"""The moves: reply templates of ``tasks.json``, and which of them a text is."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from bench.star.data import Example
from preceptor.library.conversation_state import words
from preceptor.library.sparse import SparseIndex

_SLOT = re.compile(r"\{[^}]*\}")


class Moves:
    """Templates by label, and the label of a text: that of the template whose words it shares most."""

    def __init__(self, templates: Mapping[str, tuple[str, ...]]) -> None:
        self.templates = templates
        self._rows = [(label, text) for label, texts in templates.items() for text in texts]
        self._index = SparseIndex([_bag(text) for _, text in self._rows])
        self._common: Counter[tuple[str, str, str]] = Counter()
        self._labels: dict[str, set[str]] = {}
        self._known: dict[str, tuple[str, float]] = {}

    def learn(self, training: Iterable[Example]) -> None:
        """Where one text stands for several labels (two ways to say goodbye), count which of them a flow uses.

        STAR's workers picked among buttons with the same words; a reply in text cannot tell them apart.
        """
        self._common.clear()
        self._labels.clear()
        for example in training:
            key, score = self._nearest(example.said)
            if score < 0.75 or not example.label:
                continue
            self._common[example.flow, key, example.label] += 1
            self._labels.setdefault(key, set()).add(example.label)

    def spoken(self, label: str) -> tuple[str, ...]:
        """The templates of a label with their slots cut out: ways to say that move."""
        return tuple(" ".join(_SLOT.sub(" ", text).split()) for text in self.templates[label])

    def label(self, reply: str, flow: str) -> str:
        """The label of a reply; empty where it shares no word with any template."""
        key, _ = self._nearest(reply)
        labels = self._labels.get(key, set())
        best = max(sorted(labels), key=lambda label: self._common[flow, key, label], default="")
        if best and self._common[flow, key, best]:
            return best
        return key

    def _nearest(self, text: str) -> tuple[str, float]:
        if text not in self._known:
            scores = self._index.scores(_bag(text))
            at = int(scores.argmax())
            self._known[text] = (self._rows[at][0], float(scores[at])) if scores.any() else ("", 0.0)
        return self._known[text]


def load_moves(path: Path) -> Moves:
    """Moves of a ``tasks.json``. Nodes of the flow graphs that are no replies ("Query", "Yes") are left out."""
    found: dict[str, dict[str, None]] = {}
    for task in json.loads(path.read_text(encoding="utf-8")).values():
        for label, text in task["replies"].items():
            if text.lower() != label.replace("_", " "):
                found.setdefault(label, {})[text] = None
    return Moves({label: tuple(texts) for label, texts in sorted(found.items())})


def _bag(text: str) -> dict[str, float]:
    return dict.fromkeys(words(_SLOT.sub(" ", text)), 1.0)
