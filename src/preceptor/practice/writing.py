"""How the teacher words a strategy: when, do, avoid and why as prose, in several wordings of the same meaning."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from preceptor.practice.guidance import split
from preceptor.practice.mind import Mind
from preceptor.practice.physics import holds, wanted
from preceptor.practice.state import Guide, State
from preceptor.practice.words import sentences
from preceptor.practice.world import Rule, Trait


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """One strategy in words."""

    when: str
    do: str
    avoid: str = ""
    why: str = ""

    def as_dict(self) -> dict[str, str]:
        """The JSON object of a strategy."""
        return {"when": self.when, "do": self.do, "avoid": self.avoid, "why": self.why}

    def with_detail(self, detail: str) -> Draft:
        """The slip of carrying over a detail of one customer."""
        return replace(self, when=f"{self.when}, as with {detail}")

    def with_setting(self, rng: random.Random) -> Draft:
        """The slip of speaking of the setting."""
        tail = rng.choice(("as the good agent does", "like the better reply", "which the student did not do"))
        return replace(self, do=f"{self.do}, {tail}")

    def line(self) -> str:
        """As one sentence or two of prose."""
        text = f"When {self.when}, {self.do}." if self.when else f"{self.do[:1].upper()}{self.do[1:]}."
        return text + (f" Avoid {self.avoid}." if self.avoid else "")


def draft_for(
    mind: Mind,
    state: State,
    move: str,
    sign: int,
    rng: random.Random,
    *,
    plainer: bool = False,
    fault: str = "",
) -> Draft:
    """A strategy that asks for ``move`` (or, with sign -1, warns of it) in states like this one.

    Args:
        plainer: earlier wording was not followed; use the plainest.
        fault: a move that the reply in question made and should not have.
    """
    rule = next((r for r in mind.world.rules if r.move == move and r.sign == sign and holds(r, state)), None)
    known = mind.world.moves[move]
    when = _when(mind, state, rule, known.kind, rng, plainer=plainer)
    advice = known.advice[0] if plainer and rng.random() < 0.5 else rng.choice(known.advice)
    why = (rule.why if rule else "") or (rng.choice(known.why) if known.why else "")
    if sign < 0:
        instead = _instead(mind, state, rng)
        return Draft(when=when, do=instead, avoid=advice, why=why)
    avoid = rng.choice(mind.world.moves[fault].advice) if fault else ""
    if not fault and rng.random() < 0.3:
        bad = [r.move for r in mind.world.rules if r.sign < 0 and holds(r, state) and r.move != move]
        avoid = rng.choice(mind.world.moves[rng.choice(bad)].advice) if bad else ""
    return Draft(when=when, do=advice, avoid=avoid, why=why)


def draft_of_line(line: str) -> Draft:
    """A strategy from its one line of prose."""
    parts = sentences(line)
    when, do = split(parts[0]) if parts else ("", line)
    rest = " ".join(parts[1:])
    avoid = re.sub(r"^avoid:?\s*", "", rest, flags=re.IGNORECASE).rstrip(".")
    return Draft(when=re.sub(r"^when\s+", "", when, flags=re.IGNORECASE), do=do.rstrip("."), avoid=avoid)


def _instead(mind: Mind, state: State, rng: random.Random) -> str:
    want = wanted(mind, state)
    return rng.choice(mind.world.moves[next(iter(want))].advice) if want else "answer the question itself"


def _when(mind: Mind, state: State, rule: Rule | None, kind: str, rng: random.Random, *, plainer: bool) -> str:
    world = mind.world
    about_issue = rule is None or bool(rule.issue) or kind in ("ask", "solve", "breach") or rng.random() < 0.35
    parts: list[str] = []
    matter = world.issues.get(state.issue)
    if about_issue and matter:
        parts.append(rng.choice(matter.words))
    if rule and rule.emotion and state.emotion:
        parts.append(_who(world.emotions[state.emotion], rng))
    if rule and rule.style and state.style:
        parts.append(_who(world.styles[state.style], rng))
    if rule and rule.demanding and world.demanding:
        parts.append(_who(world.demanding, rng))
    if (
        (not rule or rule.phase or kind in ("ask", "solve"))
        and kind != "breach"
        and (plainer or rng.random() < 0.8)
    ):
        parts.append(rng.choice(world.phases[state.phase].words))
    return ", ".join(parts) or (rng.choice(matter.words) if matter else "the customer writes")


def _who(trait: Trait, rng: random.Random) -> str:
    return f"the customer {rng.choice(trait.words[1:] or trait.words)}"


def draft_of_guides(mind: Mind, guides: Sequence[Guide], fallback: str, rng: random.Random) -> Draft:
    """One strategy for what several have in common; their shared conditions are kept."""
    world = mind.world
    positive = [g for g in guides if g.do]
    pool: dict[str, float] = {}
    for guide in positive or guides:
        for move, value in (guide.do or guide.avoid).items():
            pool[move] = pool.get(move, 0.0) + value
    if not pool:
        return Draft(when="the situation is like this", do=fallback.strip() or "answer the question itself")
    move = max(sorted(pool), key=lambda m: pool[m])
    parts: list[str] = []
    issues = {g.issue for g in guides}
    if len(issues) == 1 and (matter := world.issues.get(next(iter(issues)))):
        parts.append(rng.choice(matter.words))
    for traits, kept in (
        (world.emotions, _shared([g.emotions for g in guides])),
        (world.styles, _shared([g.styles for g in guides])),
    ):
        parts += [_who(traits[k], rng) for k in sorted(kept)]
    if all(g.demanding for g in guides) and world.demanding:
        parts.append(_who(world.demanding, rng))
    for phase in sorted(_shared([g.phases for g in guides])):
        parts.append(rng.choice(world.phases[phase].words))
    avoided = [m for g in guides for m in g.avoid if m != move]
    known = world.moves[move]
    common = max(sorted(set(avoided)), key=avoided.count) if avoided else ""
    avoid = rng.choice(world.moves[common].advice) if common and avoided.count(common) * 2 > len(guides) else ""
    advice, why = rng.choice(known.advice), rng.choice(known.why) if known.why else ""
    when = ", ".join(parts) or "a customer writes about any matter"
    if not positive:
        return Draft(when=when, do="answer the question itself", avoid=advice, why=why)
    return Draft(when=when, do=advice, avoid=avoid, why=why)


def _shared(sets: Sequence[frozenset[str]]) -> frozenset[str]:
    found = sets[0]
    for one in sets[1:]:
        found &= one
    return found
