"""A list of guidelines, as people and models write them, into atomic rules."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from preceptor.core.untrusted import clean, one_line

_NUMBER = re.compile(
    r"(?:(?<=\s)|^)(?:\*\*|__)?(?:step |rule |guideline )?(\d{1,3})[.):](?:\*\*|__)?\s+", re.IGNORECASE
)
_BULLET = re.compile(r"^[ \t]{0,3}[-*•–+][ \t]+", re.MULTILINE)
_MARKS = re.compile(r"(\*\*|__)(.+?)\1")
_CONDITION = re.compile(r"(?:when|whenever|if|once)\s+(.{3,300}?),\s+(?:then\s+)?(.{3,})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Guideline:
    """One rule; ``when`` is empty where it does not say."""

    when: str
    do: str


@dataclass(frozen=True, slots=True)
class Guidelines:
    """The rules of a text, and the words above them that are no rule."""

    rules: tuple[Guideline, ...]
    headings: tuple[str, ...] = ()


def split(text: str) -> Guidelines:
    """The rules of a numbered or bulleted list, or of a text with neither: then the whole is one rule.

    Numbers count as such only in order from 1, so that a number inside a rule divides nothing. Words before the
    first are a heading where they end in a colon, and a rule of their own otherwise.
    """
    text = clean(text)
    starts = _numbered(text) or [(m.start(), m.end()) for m in _BULLET.finditer(text)]
    if not starts:
        return Guidelines(tuple(_rules([text])))
    lead = one_line(text[: starts[0][0]])
    ends = [start for start, _ in starts[1:]] + [len(text)]
    parts = [text[start:end] for (_, start), end in zip(starts, ends, strict=True)]
    if lead.endswith(":"):
        return Guidelines(tuple(_rules(parts)), (lead,))
    return Guidelines(tuple(_rules([lead, *parts])))


def _numbered(text: str) -> list[tuple[int, int]]:
    """Where each number and its rule begins: 1, 2, 3, ... in order; a lone 1 only at the start."""
    found: list[tuple[int, int]] = []
    for match in _NUMBER.finditer(text):
        if int(match[1]) == len(found) + 1:
            found.append((match.start(), match.end()))
    return found if len(found) > 1 or (found and found[0][0] == 0) else []


def _rules(parts: Sequence[str]) -> list[Guideline]:
    return [guideline(line) for line in (plain_line(p) for p in parts) if line]


def plain_line(text: str) -> str:
    """One line without the marks of bold and without bullets inside."""
    return one_line(_MARKS.sub(r"\2", _BULLET.sub("", clean(text))))


def guideline(line: str) -> Guideline:
    """A rule with its condition apart, where it begins with one: "If the fare is restricted, say so first"."""
    match = _CONDITION.fullmatch(line)
    return Guideline(match[1], match[2]) if match else Guideline("", line)
