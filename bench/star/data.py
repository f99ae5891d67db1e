"""STAR dialogues as examples: a conversation state, and the move that the human agent made in it."""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

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
    odd: Mapping[str, int]
    """What in the file is no dialogue or no message, counted."""

    def without(self, ids: Set[str]) -> tuple[Example, ...]:
        """The examples of all dialogues but these."""
        return tuple(e for e in self.examples if e.dialogue not in ids)


def load(path: Path, *, most: int = 0) -> Star:
    """Examples of a file of dialogues in the common line format, plain or gzipped; the first ``most`` dialogues,
    0: all. What cannot be used is counted and passed over."""
    examples: list[Example] = []
    left: Counter[str] = Counter()
    odd: Counter[str] = Counter()
    dialogues = 0
    for number, line in enumerate(_lines(path), 1):
        value = _dialogue(line)
        if value is None:
            odd["lines are no dialogue"] += bool(line.strip())
            continue
        dialogues += 1
        messages, ids = value["messages"], value.get("id")
        name = str(ids) if isinstance(ids, (str, int)) and str(ids) else f"line {number}"
        examples += _examples(name, str(value.get("flow", "")), messages, left, odd)
        if most and dialogues >= most:
            break
    return Star(examples=tuple(examples), left_out=dict(left), dialogues=dialogues, odd=dict(+odd))


def _dialogue(line: bytes) -> dict[str, Any] | None:
    try:
        value: object = json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None
    found = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    return found if isinstance(found.get("messages"), list) else None


def _examples(
    dialogue: str, flow: str, messages: Sequence[object], left: Counter[str], odd: Counter[str]
) -> Iterator[Example]:
    for at, entry in enumerate(messages):
        message = cast("dict[str, Any]", entry) if isinstance(entry, dict) else {}
        said, label = message.get("content"), message.get("label") or ""
        if not isinstance(message.get("role"), str):
            odd["messages have no role"] += 1
        if message.get("role") != "assistant":
            continue
        if not isinstance(said, str) or not said.strip() or not isinstance(label, str):
            odd["agent turns have no text, or a label that is none"] += 1
            continue
        turns = turns_from(messages[:at], lambda _: None)
        if not any(turn.speaker == "customer" for turn in turns):
            left["before the customer spoke"] += 1
            continue
        if not label:
            left["typed freely, so without a label"] += 1
        yield Example(dialogue=dialogue, flow=flow, turns=turns, said=said, label=label)


def folds(examples: Sequence[Example], count: int) -> Iterator[tuple[list[Example], list[Example]]]:
    """``count`` splits by dialogue into training and test; the split follows from the dialogue's id alone."""
    place = {e.dialogue: int(hashlib.sha256(e.dialogue.encode()).hexdigest(), 16) % count for e in examples}
    for fold in range(count):
        yield (
            [e for e in examples if place[e.dialogue] != fold],
            [e for e in examples if place[e.dialogue] == fold],
        )


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        packed = stream.read(2) == b"\x1f\x8b"
        stream.seek(0)
        if not packed:
            yield from stream
            return
        try:
            with gzip.open(stream) as unpacked:
                yield from unpacked
        except (EOFError, OSError, zlib.error):
            yield b"{"  # what was cut counts as one line that is no dialogue
