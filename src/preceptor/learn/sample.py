"""Sampling: which conversation prefixes become scenarios."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

from rapidfuzz import fuzz, process

from preceptor.core.ids import derive_seed, short_id
from preceptor.core.records import Dialogue, Scenario, Turn
from preceptor.core.untrusted import one_line
from preceptor.learn.context import Candidate

_TAIL = 4
"""Turns at the end that make two scenarios alike or not: what came long before rarely changes the answer."""


def prefixes(dialogue: Dialogue, stage: int) -> list[Candidate]:
    """Every prefix of a dialogue in which the agent must answer, with the reply that was given, by whom it was."""
    found: list[Candidate] = []
    for end, turn in enumerate(dialogue.turns, 1):
        if turn.speaker != "customer":
            continue
        following = dialogue.turns[end] if end < len(dialogue.turns) else None
        if following is None and dialogue.end == "closed":
            continue  # the customer has said goodbye: nothing is left to answer
        said = following.text if following is not None and following.speaker == "agent" else None
        found.append(
            Candidate(
                scenario=scenario(dialogue.turns[:end], dialogue.profile, stage),
                student_reply=said if following is not None and following.by == "student" else None,
                teacher_reply=said if following is not None and following.by == "teacher" else None,
            )
        )
    return found


def scenario(turns: Sequence[Turn], profile: str, stage: int, reference: str = "") -> Scenario:
    """A scenario whose id follows from its conversation."""
    return Scenario(
        id=short_id("scenario", [[t.speaker, t.text] for t in turns]),
        turns=tuple(turns),
        profile=profile,
        stage=stage,
        reference=reference,
    )


def sample(
    candidates: Iterable[Candidate], known: Iterable[Scenario], *, limit: int, likeness: float, seed: int
) -> list[Candidate]:
    """At most ``limit`` candidates, none a near-duplicate of a known scenario or of another one.

    The order is a seeded shuffle, so that a limit takes from all dialogues and from all depths alike.

    Args:
        candidates: what was found, in a fixed order.
        known: scenarios of the library.
        limit: how many to keep.
        likeness: from this normalised edit similarity of the last turns on (0 to 1), two are the same.
        seed: of the shuffle.
    """
    order = list(candidates)
    random.Random(derive_seed(seed, "sample")).shuffle(order)
    seen = [tail(s) for s in known]
    kept: list[Candidate] = []
    for candidate in order:
        if len(kept) == limit:
            break
        text = tail(candidate.scenario)
        if process.extractOne(text, seen, scorer=fuzz.ratio, score_cutoff=100 * likeness) is None:
            kept.append(candidate)
            seen.append(text)
    return kept


def tail(scenario: Scenario) -> str:
    """The end of the conversation as one comparable text."""
    return "\n".join(f"{t.speaker}: {one_line(t.text).casefold()}" for t in scenario.turns[-_TAIL:])
