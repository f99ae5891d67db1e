"""Did the agent keep the policy? Every breach must be quoted, and the quote must be there."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, Field

from preceptor.core.records import Turn
from preceptor.core.untrusted import one_line
from preceptor.judge.case import Case
from preceptor.llm import Seat
from preceptor.llm.model import ChatMessage
from preceptor.prompts import PromptSet

_NOT_WORDS = re.compile(r"[\W_]+")
_SHORTEST = 2
"""Words of a quote at least: one word can be found in any talk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """Words of the agent that break the policy."""

    quote: str
    rule: str
    """The rule that they break, in the judge's words."""
    turn: int
    """Place of the quoted turn in the dialogue, 0 for the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyCheck:
    """What a judge found. The policy was kept where no breach is left."""

    breaches: tuple[Breach, ...]
    unfounded: int
    """Breaches that were dropped, since no reply of the agent holds the quoted words."""

    @property
    def kept(self) -> bool:
        """True: no quoted breach."""
        return not self.breaches


class BreachAnswer(BaseModel):
    """One entry of the answer."""

    quote: str = Field(max_length=2000)
    rule: str = Field(default="", max_length=2000)


class BreachesAnswer(BaseModel):
    """The answer that ``breaches.md`` asks for."""

    breaches: list[BreachAnswer] = Field(max_length=50)


async def find_breaches(
    seat: Seat, prompts: PromptSet, case: Case, *, seed: int, phase: str, item: str
) -> PolicyCheck:
    """Breaches of the policy by the agent in ``case``, each found again in one of the agent's turns.

    Raises:
        ModelError: no usable answer came.
    """
    text = prompts["breaches"].render(**case.shown())
    got = await seat.fill([ChatMessage("user", text)], BreachesAnswer, seed=seed, phase=phase, item=item)
    return checked([(b.quote, b.rule) for b in got.breaches], case.turns)


def checked(told: Sequence[tuple[str, str]], turns: Sequence[Turn]) -> PolicyCheck:
    """``told`` (quote, rule) against the agent's turns. Case, spaces and punctuation do not count; a quote that is
    told twice counts once."""
    said = [(n, _bare(t.text)) for n, t in enumerate(turns) if t.speaker == "agent"]
    found: dict[tuple[int, str], Breach] = {}
    unfounded = 0
    for quote, rule in told:
        bare = _bare(quote)
        at = next((n for n, text in said if f" {bare} " in f" {text} "), None)
        if at is None or len(bare.split()) < _SHORTEST:
            unfounded += 1
            continue
        found.setdefault((at, bare), Breach(quote=one_line(quote, 300), rule=one_line(rule, 300), turn=at))
    return PolicyCheck(breaches=tuple(found.values()), unfounded=unfounded)


def _bare(text: str) -> str:
    return _NOT_WORDS.sub(" ", unicodedata.normalize("NFKC", text).casefold()).strip()
