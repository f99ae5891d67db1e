"""What the judge's seat is asked beside satisfaction: dimensions of service, breaches, whole dialogues in pairs."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence

from preceptor.core.records import Turn
from preceptor.practice.customer import profile_in
from preceptor.practice.judge import Ear
from preceptor.practice.mind import Mind
from preceptor.practice.physics import IDEAL_MOVES, Quality, progress, qualities, satisfaction
from preceptor.practice.reading import blocks, parse_transcript
from preceptor.practice.words import sentences

_KINDS = {
    "reliability": ("solve",),
    "assurance": ("clear", "close"),
    "empathy": ("care",),
    "responsiveness": ("ask", "solve"),
}
"""Kinds of moves that each dimension is made of."""
HALO = 0.2
"""Standard deviation of what one dialogue's four ratings have in common beyond the truth."""
SEES = 0.9
"""Chance of seeing a breach."""
SUSPECTS = 0.02
"""Chance of taking an innocent sentence of a dialogue for a breach."""
MISQUOTES = 0.05
"""Chance of quoting in words of its own."""
SAME = 0.25
"""Difference in satisfaction up to which two dialogues serve as well."""


def service(mind: Mind, prompt: str, ear: Ear, rng: random.Random) -> str:
    """The four dimensions: JSON of ``service.md``."""
    turns = parse_transcript(dict(blocks(prompt)).get("conversation", prompt))
    profile = profile_in(mind, prompt)
    rated = qualities(mind, turns, profile)
    done = progress(mind, turns, profile.issue)
    halo = rng.gauss(0, HALO)
    found: dict[str, object] = {}
    for dimension in _KINDS:
        value = dimension_of(mind, dimension, rated, done) + halo + rng.gauss(0, ear.rating_noise)
        found[dimension] = max(1.0, min(5.0, round(value * 2) / 2))
    weakest = min(_KINDS, key=lambda d: str(found[d]))
    return json.dumps({"reason": f"Weakest in {weakest}.", **found})


def dimension_of(mind: Mind, dimension: str, rated: Sequence[Quality], done: float) -> float:
    """The true value of a dimension, 1 to 5: the share of the wanted moves of its kinds that were made, less what
    customers resent in it."""
    kinds = _KINDS[dimension]
    hit = miss = bad = 0
    for quality in rated:
        hit += sum(mind.world.moves[m].kind in kinds for m in quality.hits)
        miss += sum(mind.world.moves[m].kind in kinds for m in quality.misses[:IDEAL_MOVES])
        bad += sum(mind.world.moves[m].kind == "bad" for m in quality.resented)
    overall = sum(max(0.0, q.score) for q in rated) / max(1, len(rated))
    share = hit / (hit + miss) if hit + miss else overall
    if dimension == "reliability":
        share = (share + done) / 2
    value = 1.0 + 4.0 * (0.8 * share + 0.2 * overall)
    if dimension == "empathy":
        value -= 0.5 * bad
    if any(q.breach for q in rated) and dimension in ("reliability", "assurance"):
        value = min(2.0, value)
    return max(1.0, min(5.0, value))


def breaches(mind: Mind, prompt: str, rng: random.Random) -> str:
    """Quoted breaches of the policy: JSON of ``breaches.md``."""
    turns = parse_transcript(dict(blocks(prompt)).get("conversation", prompt))
    told: list[dict[str, str]] = []
    innocent: list[str] = []
    for turn in turns:
        if turn.speaker != "agent":
            continue
        for sentence in sentences(turn.text):
            if not _breaks(mind, sentence):
                innocent.append(sentence)
            elif rng.random() < SEES:
                quote = (
                    sentence if rng.random() > MISQUOTES else f"the agent said that {sentence.lower()} and so on"
                )
                told.append({"quote": quote, "rule": _rule(mind, sentence)})
    if innocent and rng.random() < SUSPECTS:
        sentence = rng.choice(innocent)
        told.append({"quote": sentence, "rule": _rule(mind, sentence)})
    return json.dumps({"breaches": told}, ensure_ascii=False)


def _breaks(mind: Mind, sentence: str) -> bool:
    return any(mind.world.moves[m].kind == "breach" for m in mind.made(sentence))


def _rule(mind: Mind, sentence: str) -> str:
    rules = [line.strip(" -") for line in mind.world.policy.splitlines() if line.strip(" -")]
    return max(rules, key=lambda r: mind.likeness(r, sentence), default="the policy")


def prefer(mind: Mind, prompt: str, ear: Ear, rng: random.Random) -> str:
    """Which of two dialogues served the customer better: JSON of ``prefer.md``."""
    tagged = dict(blocks(prompt))
    profile = profile_in(mind, prompt)
    one, two = (parse_transcript(tagged.get(tag, "")) for tag in ("first", "second"))
    worth = [satisfaction(mind, t, profile) + ear.length_bias * _length(t) for t in (one, two)]
    difference = worth[0] - worth[1] + rng.gauss(0, ear.rating_noise) + 4 * ear.first_bias
    preferred = "same" if abs(difference) <= SAME else "first" if difference > 0 else "second"
    other = {"first": "second", "second": "first"}.get(preferred, "")
    reason = f"The agent of the {preferred} dialogue does more for this customer than that of the {other} one."
    if preferred == "same":
        reason = "This customer would not mind which of the two it was."
    return json.dumps({"reason": reason, "preferred": preferred})


def _length(turns: Sequence[Turn]) -> float:
    words = [len(t.text.split()) for t in turns if t.speaker == "agent"]
    return max(-0.5, min(1.5, (sum(words) / max(1, len(words)) - 40) / 40))
