"""In which of two dialogues was the same customer served better? Asked in both orders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, Field

from preceptor.core.ids import derive_seed
from preceptor.core.records import Turn
from preceptor.core.untrusted import fence, one_line
from preceptor.judge.case import Case
from preceptor.llm import Seat
from preceptor.llm.model import ChatMessage
from preceptor.prompts import PromptSet
from preceptor.prompts.transcript import transcript

Side = Literal["first", "second", "same"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferred:
    """What a judge prefers, ``first`` being the case that was given first."""

    winner: Literal["first", "second", "tie"]
    """A tie where the two orders contradict each other, or both say "same"."""
    shown: tuple[Side, Side]
    """The raw answers, by place in the prompt: with the first case in front, and with the second one in front."""
    reason: str


class PreferAnswer(BaseModel):
    """The answer that ``prefer.md`` asks for."""

    preferred: Side
    reason: str = Field(default="", max_length=2000)


async def prefer(
    seat: Seat, prompts: PromptSet, case: Case, other: Sequence[Turn], *, seed: int, phase: str, item: str
) -> Preferred:
    """Whether ``case`` or ``other``, another dialogue of the same customer, is preferred.

    An order that says "same" leaves the word to the other one; orders that name different dialogues are a tie.

    Raises:
        ModelError: no usable answer came.
    """

    async def ask(first: Sequence[Turn], second: Sequence[Turn], order: int) -> PreferAnswer:
        text = prompts["prefer"].render(
            **case.about(), first=fence("first", transcript(first)), second=fence("second", transcript(second))
        )
        return await seat.fill(
            [ChatMessage("user", text)],
            PreferAnswer,
            seed=derive_seed(seed, "order", order),
            phase=phase,
            item=item,
        )

    one, two = await ask(case.turns, other, 0), await ask(other, case.turns, 1)
    total = _value(one.preferred) - _value(two.preferred)
    return Preferred(
        winner="first" if total > 0 else "second" if total < 0 else "tie",
        shown=(one.preferred, two.preferred),
        reason=one_line(one.reason, 600),
    )


def _value(side: Side) -> int:
    return {"first": 1, "second": -1, "same": 0}[side]
