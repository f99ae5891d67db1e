"""The agent's seat: a student or the teacher reads messages and writes the next reply."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from preceptor.core.records import Turn
from preceptor.llm.model import ChatMessage
from preceptor.practice.guidance import understand
from preceptor.practice.mind import Mind
from preceptor.practice.physics import wanted
from preceptor.practice.reading import hear
from preceptor.practice.skills import Skill
from preceptor.practice.state import Guide, State
from preceptor.practice.world import spoken

MOST = 4
"""Moves in one reply at most."""
LIKELY = 6
"""Moves among which a student picks that knows no more of a world than how its moves are said."""
FREE_WORDS = 150
"""Words of a prompt beyond brief and policy that cost no attention: about the usual frame."""
_ORDER = {"care": 0, "bad": 1, "clear": 2, "breach": 3, "solve": 3, "ask": 4, "close": 5}


@dataclass(frozen=True, slots=True)
class _Pull:
    chance: float
    guided: bool


def reply(mind: Mind, skill: Skill, messages: Sequence[ChatMessage], rng: random.Random) -> str:
    """The next message of an agent with this skill."""
    heard = hear(mind, messages)
    state = mind.state(heard.turns)
    guides = understand(mind, heard.guidance)
    made = choose(mind, skill, state, guides, rng)
    if not made and not mind.world.issues:
        made = [_likely(mind, heard.turns, rng)]
    return render(mind, state, made, rng)


def attention(skill: Skill, words: float) -> float:
    """Share of attention left for each instruction, 1 with little text, a half at ``skill.span`` words."""
    return 1.0 / (1.0 + (words / skill.span) ** 1.3)


def choose(mind: Mind, skill: Skill, state: State, guides: Sequence[Guide], rng: random.Random) -> list[str]:
    """Moves of the next reply."""
    pulls = _pulls(mind, skill, state, guides, rng)
    drawn = [(m, p) for m, p in sorted(pulls.items()) if rng.random() < p.chance]
    drawn.sort(key=lambda x: (not x[1].guided, -x[1].chance))
    kept = [m for m, _ in drawn[:MOST]]
    kinds = mind.world.moves
    return sorted(kept, key=lambda m: _ORDER[kinds[m].kind])


def _pulls(mind: Mind, skill: Skill, state: State, guides: Sequence[Guide], rng: random.Random) -> dict[str, _Pull]:
    words = max(0.0, sum(g.words for g in guides) - FREE_WORDS)
    focus = attention(skill, words)
    seen = [(g, _seen_fit(skill, g, state, rng)) for g in guides]
    idle = sum(g.words for g, fit in seen if (g.do or g.avoid) and fit < 0.3)
    base = _own(mind, skill, state)
    dulled = 1.0 / (1.0 + idle / (3.0 * skill.span))
    pulls = {m: _Pull(p * dulled, False) for m, p in base.items()}
    situation = f"{state.issue}/{state.phase}/{state.style}/{state.emotion}"
    told_to = [(g, fit) for g, fit in seen if g.do or g.avoid]
    for place, (guide, fit) in enumerate(told_to):
        here = focus * fit * max(0.6, 1.0 - 0.02 * place)
        for move, plain in sorted(guide.do.items()):
            if _settled(mind, state, move):
                continue
            able = 1.0 if mind.world.moves[move].kind in ("bad", "breach") else skill.ability(move, situation)
            told = skill.follow * able * plain * here
            own = pulls.get(move, _Pull(0.0, False)).chance
            pulls[move] = _Pull(max(own, 1 - (1 - told) * (1 - 0.5 * own)), guided=told > 0.3)
    for guide, fit in seen:
        for move, plain in guide.avoid.items():
            if move in pulls:
                held = skill.follow * plain * focus * fit
                pulls[move] = _Pull(pulls[move].chance * (1 - held), pulls[move].guided)
    return pulls


def _settled(mind: Mind, state: State, move: str) -> bool:
    """Whether making ``move`` again would be idle. Where a world has no matters, a move may come again."""
    return bool(mind.world.issues) and move in state.done and mind.world.moves[move].kind not in ("bad", "breach")


def _seen_fit(skill: Skill, guide: Guide, state: State, rng: random.Random) -> float:
    fit = guide.fit(state)
    # A weak reader does not always see that advice is meant for another situation.
    return 0.5 if fit < 0.3 and rng.random() > skill.discern else fit


def _own(mind: Mind, skill: Skill, state: State) -> dict[str, float]:
    """What it would do without guidance: chance per move."""
    moves = mind.world.moves
    chances: dict[str, float] = {}
    for move in wanted(mind, state):
        known = skill.knows_move(mind.world, move, state.phase)
        chances[move] = skill.sure if known else skill.unsure
    for key, move in moves.items():
        if move.kind == "bad":
            chances[key] = skill.slips if skill.has_habit(mind.world, key) else skill.slips / 10
        elif move.kind == "breach":
            chances[key] = skill.breach
    return chances


def render(mind: Mind, state: State, moves: Sequence[str], rng: random.Random) -> str:
    """A reply that makes ``moves``, in words that vary."""
    world = mind.world
    values: Mapping[str, str] = {k: state.facts.get(k) or f.generic for k, f in world.facts.items()}
    parts: list[str] = []
    for key in moves or _nothing(mind):
        line = spoken(rng.choice(world.moves[key].say), rng.random(), values)
        joiner = rng.choice(world.joiners) if parts and not line.endswith("?") else ""
        if joiner and not line.startswith(("I ", "I'", "PIR")):
            line = line[0].lower() + line[1:]
        parts.append(joiner + line)
    return " ".join(parts)


def _likely(mind: Mind, turns: Sequence[Turn], rng: random.Random) -> str:
    """Where a world knows moves and nothing else: one of those that sound most like the conversation."""
    scores = mind.moves.scores(" ".join(t.text for t in turns[-3:]))
    ranked = scores.argsort(kind="stable")[::-1][:LIKELY]
    return mind.moves.keys[int(rng.choice(ranked.tolist()))]


def _nothing(mind: Mind) -> tuple[str, ...]:
    if "filler" in mind.world.moves:
        return ("filler",)
    return tuple(mind.world.moves)[:1]
