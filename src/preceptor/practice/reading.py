"""From chat messages to what an agent must know: the conversation, and whatever else was said to it."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from preceptor.core.records import Turn
from preceptor.llm.model import ChatMessage
from preceptor.practice.mind import Mind
from preceptor.practice.words import sentences

_TAG = re.compile(r"<(/?)([A-Za-z][\w-]{0,60})(?:\s[^<>]{0,300})?>")
_LABEL = re.compile(
    r"^\s*(?:(customer|user|caller|client)|(agent|assistant|representative))\s*:\s*(.*)$", re.IGNORECASE
)
_ACTION = re.compile(r"^\s*\[action\s*([^\]]*)\]\s*(.*)$", re.IGNORECASE)
_ABOUT = re.compile(
    r"\b(?:the|a|this|your) (?:customer|user|caller|passenger|traveller|shopper|client)s?\b|\bcustomers\b",
    re.IGNORECASE,
)
_HEADING = re.compile(r"^[^.!?]{3,60}:\s*$")
_LISTED = re.compile(r"^\s*(?:[-*•]|\d+[.)])\s+\S")


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What an agent's messages hold."""

    turns: tuple[Turn, ...]
    guidance: str
    """All text beyond the conversation and the brief and policy that this world knows."""


def blocks(text: str) -> list[tuple[str, str]]:
    """Tagged blocks of a text, outermost first: (tag in lower case, content)."""
    return [(tag, text[inner[0] : inner[1]].strip()) for tag, inner, _ in _spans(text)]


def _spans(text: str) -> list[tuple[str, tuple[int, int], tuple[int, int]]]:
    """Per block its tag, the span of its content and of the whole. Linear in the text, whatever it holds."""
    closes: dict[str, list[int]] = {}
    tags = list(_TAG.finditer(text))
    for number, tag in enumerate(tags):
        if tag.group(1):
            closes.setdefault(tag.group(2).lower(), []).append(number)
    found: list[tuple[str, tuple[int, int], tuple[int, int]]] = []
    free = 0
    for number, tag in enumerate(tags):
        name = tag.group(2).lower()
        ends = closes.get(name, [])
        at = bisect_right(ends, number)
        if tag.group(1) or number < free or at == len(ends):
            continue
        end = tags[ends[at]]
        free = ends[at] + 1
        found.append((name, (tag.end(), end.start()), (tag.start(), end.end())))
    return found


def parse_transcript(text: str) -> tuple[Turn, ...]:
    """Turns from lines such as ``Customer: ...``, ``Agent: ...`` and ``[action NAME] ...``; others go on."""
    turns: list[Turn] = []
    for line in text.splitlines():
        if found := _LABEL.match(line):
            turns.append(Turn(speaker="customer" if found.group(1) else "agent", text=found.group(3)))
        elif action := _ACTION.match(line):
            turns.append(Turn(speaker="action", text=action.group(2), by=action.group(1).strip()))
        elif turns and line.strip():
            last = turns[-1]
            turns[-1] = Turn(speaker=last.speaker, text=f"{last.text}\n{line.strip()}", by=last.by)
    return tuple(turns)


def hear(mind: Mind, messages: Sequence[ChatMessage]) -> Heard:
    """The conversation and the guidance in an agent's messages."""
    turns: list[Turn] = []
    guidance: list[str] = []
    for message in messages:
        if message.role == "system":
            guidance.append(beyond(mind, message.content))
        elif message.role == "assistant":
            turns.append(Turn(speaker="agent", text=message.content))
        else:
            speech, other = apart(message.content)
            labelled = parse_transcript(speech) if len(speech) > 20 else ()
            if len(labelled) > 1 and not turns:
                turns.extend(labelled)
            else:
                turns.extend(_spoken(speech))
            if other:
                guidance.append(other)
    return Heard(turns=tuple(turns), guidance="\n".join(g for g in guidance if g))


def _spoken(speech: str) -> list[Turn]:
    """The customer's words and the actions in one user message, in order."""
    turns: list[Turn] = []
    for line in speech.splitlines():
        if action := _ACTION.match(line):
            turns.append(Turn(speaker="action", text=action.group(2), by=action.group(1).strip()))
        elif turns and turns[-1].speaker == "customer":
            turns[-1] = Turn(speaker="customer", text=f"{turns[-1].text}\n{line}")
        elif line.strip():
            turns.append(Turn(speaker="customer", text=line))
    return turns


def untagged(text: str) -> str:
    """A text without its tagged blocks: what the asker says, without the data."""
    kept: list[str] = []
    start = 0
    for _, _, (left, right) in _spans(text):
        kept.append(text[start:left])
        start = right
    return "\n\n".join([*kept, text[start:]])


@lru_cache(maxsize=2048)
def apart(text: str) -> tuple[str, str]:
    """A user message as (what the customer says, what speaks to the agent about the customer)."""
    other = [content for _, content in blocks(text)]
    rest = untagged(text)
    speech: list[str] = []
    for paragraph in re.split(r"\n\s*\n", rest):
        lines = paragraph.strip().splitlines()
        if not lines:
            continue
        listed = sum(1 for line in lines if _LISTED.match(line)) >= max(1, len(lines) - 1)
        labelled = any(_LABEL.match(line) for line in lines)
        if not labelled and (listed or _HEADING.match(lines[0]) or _ABOUT.search(paragraph)):
            other.append(paragraph.strip())
        else:
            speech.append(paragraph.strip())
    if not speech and other and not blocks(text):
        return text.strip(), ""
    return "\n".join(speech), "\n".join(other)


def beyond(mind: Mind, text: str) -> str:
    """What a system prompt says beyond the brief and the policy of the world."""
    known = known_lines(mind.world.brief, mind.world.policy)
    kept: list[str] = []
    for line in text.splitlines():
        rest = [s for s in sentences(line) if _bare(s) not in known]
        if rest and _bare(line) not in known:
            kept.append(" ".join(rest))
    return "\n".join(kept)


@lru_cache(maxsize=64)
def known_lines(*texts: str) -> frozenset[str]:
    """Sentences and lines of texts, stripped of marks: for telling the known from the new."""
    return frozenset(
        _bare(s) for t in texts for line in t.splitlines() for s in (line, *sentences(line)) if _bare(s)
    )


def _bare(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", " ", text.lower()).strip()
