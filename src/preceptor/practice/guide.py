"""The teacher asked in any other form: for instance another tool's request to rewrite an agent's instruction."""

from __future__ import annotations

import random
import re

from preceptor.practice.guidance import understand
from preceptor.practice.mind import Mind
from preceptor.practice.physics import quality, wanted
from preceptor.practice.reading import parse_transcript
from preceptor.practice.state import State
from preceptor.practice.words import sentences
from preceptor.practice.writing import Draft, draft_for

MOST_RULES = 10
"""Rules added to a guide in one answer."""
_FENCE = re.compile(r"```(?:\w*\n)?(.*?)```", re.DOTALL)
_LABELS = re.compile(r"^\s*(?:customer|user|agent|assistant)\s*:", re.IGNORECASE | re.MULTILINE)


def advise(mind: Mind, prompt: str, rng: random.Random) -> str:
    """Prose guidance drawn from the conversations and remarks in a text, after what a fenced instruction said."""
    fenced = _FENCE.findall(prompt)
    old = fenced[0].strip() if fenced else ""
    said = {m for g in understand(mind, old) for m in g.do}
    drafts: dict[tuple[str, str], Draft] = {}
    for state, reply in _cases(mind, prompt):
        seen = quality(mind, state, mind.made(reply))
        for move in seen.misses[:2]:
            if move not in said:
                drafts.setdefault((move, state.issue), draft_for(mind, state, move, 1, rng))
        for move in seen.resented[:1]:
            drafts.setdefault((move, state.issue), draft_for(mind, state, move, -1, rng))
    if not drafts:
        for issue in _issues(mind, prompt):
            state = State(issue=issue, phase="solve", agent_turns=1)
            for move in list(wanted(mind, state))[:2]:
                drafts.setdefault((move, issue), draft_for(mind, state, move, 1, rng))
    lines = [d.line() for d in list(drafts.values())[:MOST_RULES]]
    base = old or f"You answer customers of {mind.world.firm or mind.world.name}. Be accurate, kind and clear."
    text = base + "\n" + "\n".join(f"- {line}" for line in lines)
    return f"```\n{text}\n```" if "```" in prompt else text


def _cases(mind: Mind, prompt: str) -> list[tuple[State, str]]:
    found: list[tuple[State, str]] = []
    first = _LABELS.search(prompt)
    if not first:
        return found
    for block in re.split(
        r"\n\s*\n(?!\s*(?:customer|user|agent|assistant)\s*:)", prompt[first.start() :], flags=re.IGNORECASE
    ):
        turns = parse_transcript(block)
        for i, turn in enumerate(turns):
            if turn.speaker == "agent" and i and turns[i - 1].speaker == "customer":
                state = mind.state(turns[:i])
                if state.issue:
                    found.append((state, turn.text))
    return found[:40]


def _issues(mind: Mind, prompt: str) -> list[str]:
    tally: dict[str, float] = {}
    for sentence in sentences(prompt):
        key, score = mind.issues.best(sentence)
        if score >= 0.5:
            tally[key] = tally.get(key, 0.0) + score
    return sorted(tally, key=lambda k: -tally[k])[:5]
