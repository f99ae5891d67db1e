"""Differences of two texts, by word, as people read them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

Kind = Literal["same", "gone", "new"]

_TOKEN = re.compile(r"\w+(?:['’]\w+)*|\s+|[^\w\s]")
_WORD = re.compile(r"\s*(?:\w+(?:['’]\w+)*|[^\w\s])|\s+")
_LEAST_KEPT = 2
"""Words that a run of equal words needs to be shown as equal: less is chance, and reads like confetti."""

_SENTENCE = re.compile(r"(?<=[.!?…])(?=\s)|(?<=[。！？\n])")
_ALIKE = 0.5
"""Dice's coefficient of two sentences' words from which one is the other in new words."""
_MOST_PAIRS = 10_000

_LEAST_SHARED = 0.25
"""Share of the longer text that must be in both for marks to help."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Some words of a text and what became of them."""

    kind: Kind
    text: str


def compare(old: str, new: str) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
    """``old`` with what is gone and ``new`` with what is new; the pieces of each joined are the text itself.

    Nothing is marked where the two share next to nothing: all marked says no more than none, and reads worse.
    """
    return _by_word(old, new) or (_plain(old), _plain(new))


def _by_word(old: str, new: str) -> tuple[tuple[Piece, ...], tuple[Piece, ...]] | None:
    """None where they share next to nothing."""
    before, after = _words(old), _words(new)
    left: list[Piece] = []
    right: list[Piece] = []
    matcher = SequenceMatcher(None, [_key(w) for w in before], [_key(w) for w in after], autojunk=False)
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        same = tag == "equal" and (_counts(before[i1:i2]) or (i1 == 0 and i2 == len(before)))
        _add(left, "same" if same else "gone", before[i1:i2])
        _add(right, "same" if same else "new", after[j1:j2])
    kept = sum(len(p.text) for p in left if p.kind == "same")
    if kept < _LEAST_SHARED * max(len(old), len(new)):
        return None
    return tuple(left), tuple(right)


def retold(old: str, new: str) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
    """Two replies compared as :func:`compare` does, but sentence by sentence: each sentence is held against the one
    that it is most like, wherever that stands, and what has no counterpart is gone, or new, as a whole.

    Nothing is marked where no sentence has one.
    """
    return _by_sentence(old, new) or (_plain(old), _plain(new))


def taken(old: str, new: str) -> tuple[Piece, ...]:
    """``old``; as ``new``: words of it that also stand in a sentence of the other text that is like theirs."""
    both = _by_sentence(old, new)
    if both is None:
        return _plain(old)
    found: list[Piece] = []
    for piece in both[0]:
        held = piece.text.rstrip() if piece.kind == "same" and any(map(str.isalnum, piece.text)) else ""
        _add(found, "new", [held])
        _add(found, "same", [piece.text[len(held) :]])
    return tuple(found)


def _by_sentence(old: str, new: str) -> tuple[tuple[Piece, ...], tuple[Piece, ...]] | None:
    """None where no sentence has a counterpart."""
    before, after = _SENTENCE.split(old), _SENTENCE.split(new)
    if len(before) * len(after) > _MOST_PAIRS:
        return _by_word(old, new)
    had, has = ([_content(sentence) for sentence in part] for part in (before, after))
    likeness = [(_dice(one, other), -i, -j) for i, one in enumerate(had) for j, other in enumerate(has)]
    was: dict[int, tuple[Piece, ...]] = {}
    now: dict[int, tuple[Piece, ...]] = {}
    for score, i, j in sorted(likeness, reverse=True):
        if score < _ALIKE:
            break
        if -i not in was and -j not in now and (both := _by_word(before[-i], after[-j])):
            was[-i], now[-j] = both
    if not was:
        return None
    return _whole(before, was, "gone"), _whole(after, now, "new")


def joined(old: str, new: str) -> tuple[Piece, ...]:
    """Both texts as one: what is gone stands before what is new."""
    if old == new:
        return _plain(old)
    before, after = _TOKEN.findall(old), _TOKEN.findall(new)
    found: list[Piece] = []
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            _put(found, "same", "".join(before[i1:i2]))
        else:
            _put(found, "gone", "".join(before[i1:i2]))
            _put(found, "new", "".join(after[j1:j2]))
    return tuple(found)


def marked(text: str, quotes: Sequence[str]) -> tuple[Piece, ...]:
    """``text`` with the places of the quotes as ``new`` pieces; case is not regarded."""
    spans = sorted(
        (m.start(), m.end()) for q in quotes if q.strip() for m in re.finditer(re.escape(q), text, re.IGNORECASE)
    )
    pieces: list[Piece] = []
    at = 0
    for start, end in spans:
        if end <= at:
            continue
        if start > at:
            pieces.append(Piece("same", text[at:start]))
        pieces.append(Piece("new", text[max(start, at) : end]))
        at = end
    if at < len(text):
        pieces.append(Piece("same", text[at:]))
    return tuple(pieces)


def _words(text: str) -> list[str]:
    """Words and signs, each with the blanks before it; blanks at the end stand alone."""
    return _WORD.findall(text)


def _key(word: str) -> str:
    return word.strip().casefold()


def _plain(text: str) -> tuple[Piece, ...]:
    return (Piece("same", text),) if text else ()


def _content(text: str) -> Counter[str]:
    return Counter(key for key in map(_key, _words(text)) if key[:1].isalnum())


def _dice(one: Counter[str], other: Counter[str]) -> float:
    size = one.total() + other.total()
    return 2 * (one & other).total() / size if size else 0.0


def _whole(sentences: Sequence[str], paired: Mapping[int, Sequence[Piece]], otherwise: Kind) -> tuple[Piece, ...]:
    """All sentences again, those without a counterpart as one piece of the other kind."""
    found: list[Piece] = []
    for number, sentence in enumerate(sentences):
        for piece in paired.get(number, (Piece(otherwise, sentence),)):
            _add(found, piece.kind, [piece.text])
    return tuple(found)


def _counts(tokens: Sequence[str]) -> bool:
    return sum(t.strip()[:1].isalnum() for t in tokens) >= _LEAST_KEPT


def _add(pieces: list[Piece], kind: Kind, words: Sequence[str]) -> None:
    text = "".join(words)
    if pieces and pieces[-1].kind == "same" and kind != "same":  # a blank before what is marked is not marked
        bare = text.lstrip()
        _put(pieces, "same", text[: len(text) - len(bare)])
        text = bare
    _put(pieces, kind, text)


def _put(pieces: list[Piece], kind: Kind, text: str) -> None:
    if pieces and pieces[-1].kind == kind:
        pieces[-1] = Piece(kind, pieces[-1].text + text)
    elif text:
        pieces.append(Piece(kind, text))
