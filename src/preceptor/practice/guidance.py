"""Understanding guidance: any text that tells an agent what to do, whoever wrote it and wherever it stands."""

from __future__ import annotations

import re

from preceptor.practice.mind import Mind
from preceptor.practice.paraphrase import faults_meant, issue_meant, moves_meant, traits_meant
from preceptor.practice.state import Guide
from preceptor.practice.words import clauses, negated, sentences

DO_FLOOR = 0.36
"""Likeness from which an instruction is understood as a move."""
PLAIN_FLOOR = 0.55
"""The same for a sentence that does not say when."""
OWN_WORDS = 0.75
"""Likeness from which an instruction is in the world's own words; others are left to its ear, where it has one."""
TRAIT_FLOOR = 0.5
ISSUE_FLOOR = 0.42
_BULLET = re.compile(r"^\s*(?:[-*•]|\(?\d+[.)]|\[[\w-]+\])\s*")
_LABELLED = re.compile(r"^\s*(?:do|why)\s*:\s*", re.IGNORECASE)
_BEFORE = re.compile(
    r"^(?:when(?:ever)?|if|once|after|before|while|for|with|as soon as|in case|where|at|during|until|should)\b",
    re.IGNORECASE,
)
_WITHIN = re.compile(r"[,\s]+\b(?:when(?:ever)?|if|once|as soon as|in case|before|after|while)\b\s", re.IGNORECASE)
_NOT = re.compile(
    r"^(?:please\s+)?(?:avoid|never|do not|don't|refrain from|stop|skip|no\b|(?:you )?(?:should|must) not|not\b)",
    re.IGNORECASE,
)
_TURN = re.compile(
    r"\b(?:instead of|rather than|without \w+ing|(?:but|and) (?:do not|don't|never|avoid)|but not)\b"
    r"|[;,]\s*(?:do not|don't|never|avoid|not)\b",
    re.IGNORECASE,
)
_ON = re.compile(
    r"^(?:then|also|and|next|after that|finally|in addition|avoid|never|do not|don't)\b", re.IGNORECASE
)


def understand(mind: Mind, text: str) -> list[Guide]:
    """Instructions in a text, in order. Text in which no move is recognised still costs attention."""
    found: list[Guide] = []
    for line in text.splitlines():
        found.extend(_line(mind, line))
    return found


def _line(mind: Mind, raw: str) -> tuple[Guide, ...]:
    memo = mind.guides
    if raw in memo:
        return memo[raw]
    if len(memo) > 10_000:
        memo.clear()
    found: list[Guide] = []
    last_when, only_when = "", False
    for sentence in sentences(unlisted(raw)):
        when, rest = split(sentence)
        if not when and last_when and (only_when or _ON.match(sentence)):
            when = last_when
        guide = _guide(mind, when, rest, len(sentence.split()))
        # "Bag did not turn up? Ask for the report": a sentence that only names a situation holds for the next.
        only_when = not guide.do and not guide.avoid and guide.names_situation()
        last_when = (when or sentence) if only_when else when or last_when
        found.append(guide)
    memo[raw] = tuple(found)
    return memo[raw]


def unlisted(line: str) -> str:
    """A line without its bullet, number or field label."""
    return _LABELLED.sub("", _BULLET.sub("", line)).strip()


def split(sentence: str) -> tuple[str, str]:
    """The when-part and the rest of an instruction; an empty when-part where it has none."""
    if _BEFORE.match(sentence):
        head, mark, rest = sentence.partition(": ")
        if not mark:
            head, mark, rest = sentence.partition(", ")
        if mark and rest:
            return head, rest
    head, mark, rest = sentence.partition(": ")
    if mark and rest and len(head.split()) > 1:  # "Shirt too big: find out what would fit."
        return head, rest
    inner = _WITHIN.search(sentence)
    if inner and inner.start() > 8:
        return sentence[inner.start() :].strip(" ,"), sentence[: inner.start()]
    return "", sentence


def _guide(mind: Mind, when: str, rest: str, words: int) -> Guide:
    do_text, avoid_text = rest, ""
    if _NOT.match(rest):
        # "Don't recite the terms; let them see the reason": what is wanted may follow.
        avoid_text, _, do_text = rest.partition("; ")
    elif turn := _TURN.search(rest):
        do_text, avoid_text = rest[: turn.start()], rest[turn.end() :]
    # A sentence with no when-part may be anything; only plain words make it an instruction.
    floor = DO_FLOOR if when else PLAIN_FLOOR
    issue, traits = _conditions(mind, when, rest)
    warned = faults_meant(mind, rest)
    do = {move: plain for move, plain in moves_in(mind, do_text, floor).items() if move not in warned}
    return Guide(
        do=do,
        avoid={**warned, **moves_in(mind, avoid_text, floor)},
        issue=issue,
        styles=traits[0],
        emotions=traits[1],
        phases=traits[2],
        demanding=bool(traits[3]),
        conditional=bool(when),
        words=words,
    )


def moves_in(mind: Mind, text: str, floor: float = DO_FLOOR) -> dict[str, float]:
    """Moves that an instruction names, with how plainly, 0 to 1."""
    found: dict[str, float] = {}
    if not text:
        return found
    whole, score = mind.moves.best(text)
    if mind.ear is not None and score < OWN_WORDS:
        return moves_meant(mind, text)
    parts = clauses(text) if score < OWN_WORDS else ()
    for move, value in ((whole, score), *(mind.moves.best(p) for p in parts)):
        if move and value >= (floor if move == whole else floor + 0.1):
            found[move] = max(found.get(move, 0.0), min(1.0, value / 0.6))
    return found


def _conditions(mind: Mind, when: str, rest: str) -> tuple[str, tuple[frozenset[str], ...]]:
    """The issue, and the styles, emotions, phases and demand that an instruction names."""
    issues: dict[str, float] = {}
    indexes = (mind.styles, mind.emotions, mind.phases, mind.demand)
    found: tuple[set[str], ...] = (set(), set(), set(), set())
    for part in clauses(when) or ((when,) if when else ()):
        bests = [index.best(part) for index in indexes]
        issue, likeness = mind.issues.best(part)
        top = max(likeness, *(score for _, score in bests))
        if likeness >= ISSUE_FLOOR and (likeness >= OWN_WORDS or likeness >= top):
            issues[issue] = max(issues.get(issue, 0.0), likeness)
        # "The bag did not arrive" names an issue; "not in a hurry" names no hurry.
        if negated(part):
            continue
        for keys, (key, score) in zip(found, bests, strict=True):
            # Half-likenesses to several kinds of things are one thing only: the likest.
            if score >= TRAIT_FLOOR and (score >= OWN_WORDS or score >= top):
                keys.add(key)
    for keys, index in zip(found, indexes, strict=True):
        keys.update(traits_meant(mind, when or rest, frozenset(index.keys)))
    # What stands in the world's own words goes first; the whole sentence tells the issue, not only its when-part.
    issue = max(sorted(issues), key=lambda k: issues[k], default="") or issue_meant(mind, f"{when} {rest}")
    return issue, tuple(frozenset(keys) for keys in found)
