"""Sampling: which conversation prefixes become scenarios."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz, process

from preceptor.core.ids import derive_seed, short_id
from preceptor.core.records import Dialogue, Scenario, Turn
from preceptor.core.untrusted import one_line
from preceptor.learn.context import Candidate

_BINS = 64
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
    seen = _Seen(100 * likeness)
    for scenario in known:
        seen.add(tail(scenario))
    kept: list[Candidate] = []
    for candidate in order:
        if len(kept) == limit:
            break
        text = tail(candidate.scenario)
        if not seen.near(text):
            kept.append(candidate)
            seen.add(text)
    return kept


class _Seen:
    """Texts, and whether another one is as like as ``cutoff`` (0 to 100) to any of them."""

    def __init__(self, cutoff: float) -> None:
        self._cutoff = cutoff
        self._texts: list[str] = []
        self._letters = np.zeros((64, _BINS), dtype=np.int32)
        """How often each text has which letters, by their number modulo the bins; with room for more texts."""

    def add(self, text: str) -> None:
        if len(self._texts) == len(self._letters):
            self._letters = np.concatenate([self._letters, np.zeros_like(self._letters)])
        self._letters[len(self._texts)] = _letters(text)
        self._texts.append(text)

    def near(self, text: str) -> bool:
        # The ratio is twice the letters in common, in order, by all letters: never more than those in any order.
        own, theirs = _letters(text), self._letters[: len(self._texts)]
        least = (self._cutoff - 1e-6) * (theirs.sum(axis=1) + own.sum())
        maybe = [self._texts[n] for n in np.flatnonzero(200.0 * np.minimum(theirs, own).sum(axis=1) >= least)]
        return process.extractOne(text, maybe, scorer=fuzz.ratio, score_cutoff=self._cutoff) is not None


def _letters(text: str) -> NDArray[np.int64]:
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    return np.bincount(codes % _BINS, minlength=_BINS)


def tail(scenario: Scenario) -> str:
    """The end of the conversation as one comparable text."""
    return "\n".join(f"{t.speaker}: {one_line(t.text).casefold()}" for t in scenario.turns[-_TAIL:])
