"""The teacher asked for strategies before anybody has talked: it knows what it would put into a guide, no more."""

from __future__ import annotations

import json
import random
import re

from preceptor.practice.mind import Mind
from preceptor.practice.physics import wanted
from preceptor.practice.reading import blocks, parse_transcript, untagged
from preceptor.practice.state import State
from preceptor.practice.teacher import blemished
from preceptor.practice.world import PHASES
from preceptor.practice.writing import draft_for

_MOST = re.compile(r"at most (\d+)", re.IGNORECASE)
_TALK = ("conversation", "transcript", "dialogue")
_MATTER = ("issue", "matter", "topic", "request")


def nothing_said(prompt: str) -> bool:
    """Whether there is no conversation in a text, tagged or plain."""
    talk = any(w in tag for tag, _ in blocks(prompt) for w in _TALK)
    return not talk and not any(t.speaker != "action" for t in parse_transcript(prompt))


def first_strategies(mind: Mind, prompt: str, rng: random.Random) -> str:
    """Strategies for the one matter that a tagged block names, else for any matter: JSON of ``primer.md``.

    Of a matter it tells, as in a guide (:mod:`preceptor.practice.guide`), what solves it, weightiest first; of all
    of them what every customer wants at some point. How a customer feels nobody has told it.
    """
    most = int(found.group(1)) if (found := _MOST.search(untagged(prompt))) else 3
    matter = next((text for tag, text in blocks(prompt) if tag in _MATTER), "")
    issue = mind.issue_of(matter) if matter else ""
    states = [State(issue=issue, phase=p, agent_turns=1) for p in (("solve",) if issue else PHASES)]
    ranked = sorted(
        ((weight, move, state) for state in states for move, weight in wanted(mind, state).items()),
        key=lambda found: -found[0],
    )
    drafts = [
        blemished(mind, draft_for(mind, state, move, 1, rng), state, (), rng) for _, move, state in ranked[:most]
    ]
    return json.dumps({"strategies": [d.as_dict() for d in drafts]}, ensure_ascii=False)
