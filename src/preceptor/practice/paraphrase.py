"""What guidance in others' words means: the moves, faults and conditions that a world's ear makes out.

The thresholds were chosen on ``bench/paraphrase/tuning.jsonl``, never on the lines that ``python -m bench
paraphrase`` measures. All evidence is in natural logarithms (:class:`~preceptor.practice.ear.Ear`).
"""

from __future__ import annotations

import re

from preceptor.practice.mind import IDLE, Mind
from preceptor.practice.words import clauses, negated

NAMED = 8.0
"""Evidence from which a text names a move."""
ALSO = 11.0
"""The same for one clause that names another move than the whole."""
CLEAR = 10.0
"""Evidence from which an instruction is as plain as in the world's own words."""
ISSUE = 7.0
"""Evidence from which a sentence speaks of an issue."""
TRAIT = 5.0
"""Evidence from which a clause names a style, an emotion, a phase or demand."""
_WARNS = re.compile(
    r"\b(?:avoid|never|nor|no|none|not|nothing|nobody|without|instead|rather than|worth more than|skip|spare|save"
    r"|leave out|off limits|refrain|resist|steer clear|hold back)\b|n't\b",
    re.IGNORECASE,
)
_FAULTS = ("bad", "breach")


def moves_meant(mind: Mind, text: str) -> dict[str, float]:
    """Moves that an instruction names, with how plainly, 0 to 1."""
    found: dict[str, float] = {}
    whole, clearest = _best(mind, "do:", text)
    if clearest >= NAMED:
        found[whole] = min(1.0, clearest / CLEAR)
        for part in clauses(text):
            key, evidence = _best(mind, "do:", part)
            if evidence >= ALSO:
                found[key] = min(1.0, evidence / CLEAR)
    return found


def faults_meant(mind: Mind, text: str) -> dict[str, float]:
    """Faults that an instruction warns of in passing ("spare them the small print"), with how plainly, 0 to 1."""
    if mind.ear is None or not _WARNS.search(text):
        return {}
    faults = frozenset(k for k, m in mind.world.moves.items() if m.kind in _FAULTS)
    found: dict[str, float] = {}
    for part in (text, *clauses(text)):
        if not _WARNS.search(part):
            continue
        key, evidence = _best(mind, "do:", part, faults)
        # A whole text may warn of one thing and ask for another: it warns only where nothing else is likelier.
        if evidence >= NAMED and (part != text or key == _best(mind, "do:", part)[0]):
            found[key] = min(1.0, evidence / CLEAR)
    return found


def issue_meant(mind: Mind, text: str) -> str:
    """The issue that a sentence speaks of, empty where none stands out."""
    key, evidence = _best(mind, "when:", text, frozenset(mind.issues.keys))
    return key if evidence >= ISSUE else ""


def traits_meant(mind: Mind, text: str, keys: frozenset[str]) -> set[str]:
    """Of the styles, emotions or phases ``keys`` those that the clauses of a text name."""
    found: set[str] = set()
    for part in (text, *clauses(text)):
        key, evidence = _best(mind, "when:", part, keys)
        if evidence >= TRAIT and not negated(part):
            found.add(key)
    return found


def _best(mind: Mind, kind: str, text: str, among: frozenset[str] | None = None) -> tuple[str, float]:
    """The likeliest key of a kind; none where the text is likelier to be a frame that asks for nothing."""
    if mind.ear is None:
        return "", 0.0
    key, evidence = mind.ear.best(text, kind, among)
    if evidence < mind.ear.best(text, IDLE)[1]:
        return "", 0.0
    return key.removeprefix(kind), evidence
