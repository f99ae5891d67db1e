"""The judge's seat, and the comparing that judge and teacher share. Reads text, answers with noise and bias."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass

from preceptor.core.records import AXES
from preceptor.practice.customer import profile_in
from preceptor.practice.mind import Mind
from preceptor.practice.physics import Quality, as_profile, progress, qualities, quality, satisfaction
from preceptor.practice.reading import blocks, parse_transcript

_KNOWN_TAGS = ("policy", "conversation", "profile", "issue", "goal", "assessment", "existing", "trail")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ear:
    """How exactly somebody judges."""

    rating_noise: float
    """Standard deviation of the error of one rating, in points of 1 to 5."""
    noise: float
    """Standard deviation of the error of one comparison, in units of quality."""
    first_bias: float
    """What standing first is worth in a comparison."""
    same: float
    """Difference of quality up to which two replies serve as well."""
    length_bias: float
    """Points that 40 words a reply beyond the first 40 are worth in a rating."""


AXIS_SAME = 0.1
"""Difference on one axis up to which nobody sees one."""
JUDGE = Ear(rating_noise=0.35, noise=0.1, same=0.1, first_bias=0.05, length_bias=0.2)
TEACHER_EAR = Ear(rating_noise=0.25, noise=0.05, same=0.03, first_bias=0.04, length_bias=0.0)


def rate(mind: Mind, prompt: str, ear: Ear, rng: random.Random) -> str:
    """Satisfaction with a dialogue: JSON of ``rate.md``."""
    tagged = dict(blocks(prompt))
    turns = parse_transcript(tagged.get("conversation", prompt))
    profile = profile_in(mind, prompt)
    value = satisfaction(mind, turns, profile)
    agent = [t.text for t in turns if t.speaker == "agent"]
    length = sum(len(t.split()) for t in agent) / max(1, len(agent))
    value += rng.gauss(0, ear.rating_noise) + ear.length_bias * max(-0.5, min(1.5, (length - 40) / 40))
    rated = qualities(mind, turns, profile)
    done = progress(mind, turns, profile.issue)
    reason = "The agent did what the customer needed."
    if any(r.breach for r in rated):
        reason = "The agent promised something that the policy does not give."
    elif missed := next((m for r in rated for m in r.misses[:1] if r.score < 0.7), ""):
        reason = f"The agent did not {_bare(mind, missed)}."
    return json.dumps(
        {
            "satisfaction": max(1.0, min(5.0, round(value * 2) / 2)),
            "resolved": done >= 0.75 and not any(r.breach for r in rated),
            "reason": reason,
        }
    )


def compare(mind: Mind, prompt: str, ear: Ear, rng: random.Random) -> str:
    """Which of two replies serves better: JSON of ``compare.md``."""
    tagged = blocks(prompt)
    named = dict(tagged)
    pair = [text for tag, text in tagged if tag not in _KNOWN_TAGS]
    first, second = (named.get("first", pair[0] if pair else ""), named.get("second", [*pair, "", ""][1]))
    turns = parse_transcript(named.get("conversation", ""))
    state = as_profile(mind.state(turns), None)
    one, two = (quality(mind, state, mind.made(t)) for t in (first, second))
    wobble = rng.gauss(0, ear.noise) + ear.first_bias
    axes = {axis: _side(_axis(mind, one, axis) - _axis(mind, two, axis) + wobble, AXIS_SAME) for axis in AXES}
    better = _side(one.score - two.score + wobble, ear.same)
    worse, best = (two, one) if better == "first" else (one, two)
    reason, lacks = "Both replies serve this customer about as well.", ""
    if better != "same":
        lacking = [m for m in worse.misses if m in best.hits][:2]
        lacks = " and ".join(_bare(mind, m) for m in lacking)
        faults = [_bare(mind, m) for m in worse.resented]
        reason = f"The {better} reply does more of what this customer needs now."
        if faults:
            other = "second" if better == "first" else "first"
            reason = f"The {other} reply goes wrong by {faults[0]}."
            lacks = lacks or f"leave out {faults[0]}"
        lacks = f"It does not {lacks}." if lacks else "It says the same with less care."
    return json.dumps({**axes, "better": better, "reason": reason, "lacks": lacks})


def _axis(mind: Mind, q: Quality, axis: str) -> float:
    kinds = [mind.world.moves[m].kind for m in q.hits]
    bad = [mind.world.moves[m].kind for m in q.resented]
    if axis == "accuracy":
        return 0.3 * sum(k in ("solve", "clear") for k in kinds) - 1.0 * bad.count("breach")
    if axis == "tone":
        return 0.4 * kinds.count("care") - 0.4 * bad.count("bad")
    if axis == "clarity":
        return 0.3 * kinds.count("clear") - 0.15 * q.clutter
    return 0.3 * sum(k in ("ask", "solve", "close") for k in kinds)


def _side(difference: float, same: float) -> str:
    if abs(difference) <= same:
        return "same"
    return "first" if difference > 0 else "second"


def _bare(mind: Mind, move: str) -> str:
    return mind.world.moves[move].advice[0]
