"""STAR dialogues as examples: a conversation state, and the move that the human agent made in it."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from preceptor.core.records import Scenario, Turn
from preceptor.learn.log_messages import turns_from


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One agent turn: what came before, what the human said, and which move that was (empty: typed freely)."""

    dialogue: str
    flow: str
    turns: tuple[Turn, ...]
    said: str
    label: str

    @property
    def scenario(self) -> Scenario:
        """As learning reads it: the label is not in it."""
        key = hashlib.sha256(repr((self.dialogue, len(self.turns), self.turns)).encode()).hexdigest()[:16]
        return Scenario(id=f"star-{key}", turns=self.turns, profile=self.dialogue, stage=0, reference=self.said)


@dataclass(frozen=True, slots=True, kw_only=True)
class Star:
    """Examples of one file, and how many agent turns are not measured, by reason."""

    examples: tuple[Example, ...]
    left_out: Mapping[str, int]
    dialogues: int


def load(path: Path, *, most: int = 0) -> Star:
    """Examples of a file of dialogues in the common line format; the first ``most`` dialogues, 0: all."""
    examples: list[Example] = []
    left: Counter[str] = Counter()
    dialogues = 0
    for line in _lines(path):
        value = json.loads(line)
        dialogues += 1
        messages: list[dict[str, Any]] = value["messages"]
        for at, message in enumerate(messages):
            if message["role"] != "assistant":
                continue
            turns = turns_from(messages[:at], lambda _: None)
            if not any(turn.speaker == "customer" for turn in turns):
                left["before the customer spoke"] += 1
                continue
            label = message.get("label") or ""
            if not label:
                left["typed freely, so without a label"] += 1
            examples.append(
                Example(
                    dialogue=str(value["id"]),
                    flow=str(value.get("flow", "")),
                    turns=turns,
                    said=message["content"],
                    label=label,
                )
            )
        if most and dialogues >= most:
            break
    return Star(examples=tuple(examples), left_out=dict(left), dialogues=dialogues)


def folds(examples: Sequence[Example], count: int) -> Iterator[tuple[list[Example], list[Example]]]:
    """``count`` splits by dialogue into training and test; the split follows from the dialogue's id alone."""
    place = {e.dialogue: int(hashlib.sha256(e.dialogue.encode()).hexdigest(), 16) % count for e in examples}
    for fold in range(count):
        yield (
            [e for e in examples if place[e.dialogue] != fold],
            [e for e in examples if place[e.dialogue] == fold],
        )


def _lines(path: Path) -> Iterator[str]:
    if path.suffix == ".gz":
        with gzip.open(path, "rt", encoding="utf-8") as stream:
            yield from stream
    else:
        with path.open(encoding="utf-8") as stream:
            yield from stream
