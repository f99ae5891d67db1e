"""Reading: which moves a text makes, and in which state a conversation is. The only input is text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from preceptor.core.records import Turn
from preceptor.practice.ear import Ear
from preceptor.practice.state import Guide, State
from preceptor.practice.words import Example, Index, Lexicon, clauses, idf, negated, sentences
from preceptor.practice.world import Trait, World, readings

MOVE_FLOOR = 0.42
"""Likeness from which a sentence counts as making a move."""
CUE_FLOOR = 0.5
"""Likeness from which a sentence shows a trait or names an issue."""
IDLE = "idle:"
"""The ear's key for text that asks for no move."""


class Mind:
    """A world made ready for reading. Holds memos only; nothing in it depends on what was asked before."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.lexicon = Lexicon(world.synonyms)
        generic = {k: f.generic for k, f in world.facts.items()}
        moves = [e for m in world.moves.values() for e in _examples(m.key, m.say, m.advice, m.signs, generic)]
        issues = [
            e
            for m in world.issues.values()
            for e in _examples(m.key, (*m.opens, m.story, m.title), m.words, m.signs, generic)
        ]
        self._weights = idf([e.text for e in (*moves, *issues) if e.mode == "say"], self.lexicon)
        self.moves = self._index(moves)
        self.issues = self._index(issues)
        self.styles = self._traits(world.styles.values())
        self.emotions = self._traits(world.emotions.values())
        self.demand = self._traits([world.demanding] if world.demanding else [])
        self.phases = self._traits(world.phases.values())
        self.ear = _ear(world)
        self._patterns = {k: re.compile(f.pattern) for k, f in world.facts.items() if f.pattern}
        self._kinds = {k: m.kind for k, m in world.moves.items()}
        told = [*world.brief.splitlines(), *world.policy.splitlines(), world.firm]
        told += [t for m in world.issues.values() for t in (m.story, m.goal)]
        self._landmarks = tuple(line for raw in told if len(line := raw.strip(" -")) > 5)
        self._facts: dict[str, dict[str, str]] = {}
        self._made: dict[str, tuple[str, ...]] = {}
        self.guides: dict[str, tuple[Guide, ...]] = {}
        """Memo of :func:`~preceptor.practice.guidance.understand`, bounded there."""

    def _index(self, examples: Sequence[Example]) -> Index:
        return Index(examples, self.lexicon, self._weights)

    def _traits(self, traits: Iterable[Trait]) -> Index:
        return self._index([e for t in traits for e in _examples(t.key, t.say, t.words, t.signs, {})])

    def made(self, text: str) -> tuple[str, ...]:
        """Moves that an agent's text makes, in order of appearance, each once."""
        known = self._made.get(text)
        if known is None:
            if len(self._made) > 20_000:
                self._made.clear()
            found: dict[str, None] = {}
            for sentence in sentences(text):
                for move in self._in_sentence(sentence):
                    found[move] = None
            known = self._made[text] = tuple(found)
        return known

    def _in_sentence(self, sentence: str) -> list[str]:
        whole, score = self.moves.best(sentence)
        found = [whole] if score >= MOVE_FLOOR else []
        # Free text packs several moves into a sentence; a phrasing of ours that fits as a whole is one move.
        if score < 0.8:
            for clause in clauses(sentence):
                move, part = self.moves.best(clause)
                if part >= MOVE_FLOOR + 0.08 and move not in found:
                    found.append(move)
        return [m for m in found if not (self._kinds[m] == "breach" and negated(sentence))]

    def state(self, turns: Sequence[Turn]) -> State:
        """The state in which the agent must answer after ``turns``. Only speakers and texts are read."""
        said = [t.text for t in turns if t.speaker == "customer"]
        done: set[str] = set()
        facts: dict[str, str] = {}
        asked: set[str] = set()
        agent_turns = 0
        for turn in turns:
            if turn.speaker == "agent":
                agent_turns += 1
                made = self.made(turn.text)
                done.update(made)
                asked.update(m.removeprefix("ask_") for m in made if m.startswith("ask_"))
            elif turn.speaker == "customer":
                facts.update({k: v for k, v in self.facts_in(turn.text).items() if k not in facts})
                facts.update(dict.fromkeys(asked - facts.keys(), ""))
        issue = self._most(self.issues, said, 0.3)
        matter = self.world.issues.get(issue)
        if agent_turns == 0:
            phase = "open"
        elif matter and any(n not in facts for n in matter.needs):
            phase = "detail"
        elif matter and any(m not in done for m in matter.solve):
            phase = "solve"
        else:
            phase = "close"
        return State(
            issue=issue,
            phase=phase,
            style=self._most(self.styles, said, CUE_FLOOR),
            emotion=self._most(self.emotions, said, CUE_FLOOR),
            demanding=bool(self._most(self.demand, said, CUE_FLOOR)),
            done=frozenset(done),
            facts=facts,
            agent_turns=agent_turns,
        )

    def facts_in(self, text: str) -> Mapping[str, str]:
        """Facts that a customer's text tells: by their pattern, or by a value that this world knows."""
        known = self._facts.get(text)
        if known is None:
            if len(self._facts) > 20_000:
                self._facts.clear()
            known = self._facts[text] = self._facts_in(text)
        return known

    def _facts_in(self, text: str) -> dict[str, str]:
        found: dict[str, str] = {}
        for key, fact in self.world.facts.items():
            pattern = self._patterns.get(key)
            hit = pattern.search(text) if pattern else None
            if hit:
                found[key] = hit.group(0)
            elif value := next((v for v in fact.values if v in text), ""):
                found[key] = value
        return found

    def _most(self, index: Index, texts: Sequence[str], floor: float) -> str:
        if not index.keys:
            return ""
        total = 0.0
        # Cues add up over the turns; one sentence shows at most one thing.
        tally = dict.fromkeys(index.keys, 0.0)
        for text in texts:
            for sentence in sentences(text):
                key, score = index.best(sentence)
                if score >= floor:
                    tally[key] += score
                    total += score
        return max(tally, key=lambda k: tally[k]) if total else ""

    def issue_of(self, text: str, floor: float = 0.45) -> str:
        """The issue that a text names; empty where none stands out."""
        scored = [self.issues.best(part) for s in sentences(text) for part in (s, *clauses(s))]
        key, score = max(scored, key=lambda x: x[1], default=("", 0.0))
        return key if score >= floor else ""

    def landmarks(self, text: str) -> int:
        """How many lines of this world's brief, policy and stories stand word for word in a text."""
        return sum(1 for line in self._landmarks if line in text)

    def familiar(self, text: str) -> float:
        """How much of a text is this world's vocabulary: mean likeness of its sentences to issues and moves."""
        parts = [p for p in sentences(text) if len(p.split()) >= 3][:60]
        return sum(self.issues.best(p)[1] + self.moves.best(p)[1] for p in parts) / max(1, len(parts))

    def likeness(self, first: str, second: str) -> float:
        """Weighted overlap of two texts, 0 to 1 (cosine over concepts)."""
        a, b = set(self.lexicon.concepts(first)), set(self.lexicon.concepts(second))
        weigh = {c: self._weights.get(c, 3.0) ** 2 for c in a | b}
        both = sum(weigh[c] for c in sorted(a & b))
        size = (sum(weigh[c] for c in sorted(a)) * sum(weigh[c] for c in sorted(b))) ** 0.5
        return both / size if size else 0.0


@lru_cache(maxsize=8)
def mind_of(world: World) -> Mind:
    """The mind over a world, made once: every seat's model reads with the same, and it takes a while to make."""
    return Mind(world)


@lru_cache(maxsize=8)
def _ear(world: World) -> Ear | None:
    """A reader of moves (``do:``) and conditions (``when:``) in others' words, where the world lists some."""
    named = [*world.issues.values(), *world.styles.values(), *world.emotions.values(), *world.phases.values()]
    if not any(m.heard for m in (*world.moves.values(), *named)):
        return None
    ways: dict[str, tuple[str, ...]] = {f"do:{k}": (*m.advice, *m.signs, *m.heard) for k, m in world.moves.items()}
    for one in (*named, *([world.demanding] if world.demanding else [])):
        ways[f"when:{one.key}"] = (*ways.get(f"when:{one.key}", ()), *one.words, *one.signs, *one.heard)
    return Ear({**ways, IDLE: world.idle} if world.idle else ways, Lexicon(world.synonyms))


def _examples(
    key: str, say: Sequence[str], advice: Sequence[str], signs: Sequence[str], generic: Mapping[str, str]
) -> list[Example]:
    found: list[Example] = []
    for text in (*say, *advice):
        for reading in readings(text):
            filled = reading
            for name, value in generic.items():
                filled = filled.replace("{" + name + "}", value)
            found.append(Example(key, filled))
    return found + [Example(key, s, "sign") for s in signs]
