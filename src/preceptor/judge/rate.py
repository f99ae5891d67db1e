"""How satisfied a customer is with a whole dialogue."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel, Field

from preceptor.core.untrusted import one_line
from preceptor.judge.case import Case
from preceptor.llm import Seat
from preceptor.llm.model import ChatMessage
from preceptor.prompts import PromptSet


@dataclass(frozen=True, slots=True, kw_only=True)
class Rating:
    """A judge's view of one dialogue."""

    satisfaction: float
    """1 (very dissatisfied) to 5 (very satisfied)."""
    resolved: bool
    reason: str


class RatingAnswer(BaseModel):
    """The answer that ``rate.md`` asks for."""

    satisfaction: float = Field(ge=1, le=5, allow_inf_nan=False)
    resolved: bool
    reason: str = Field(default="", max_length=2000)


async def rate(
    seat: Seat,
    prompts: PromptSet,
    case: Case,
    *,
    seed: int,
    phase: str,
    item: str,
) -> Rating:
    """The satisfaction of the customer with the agent in ``case``.

    Raises:
        ModelError: no usable rating came.
    """
    text = prompts["rate"].render(**case.shown())
    answer = await seat.fill([ChatMessage("user", text)], RatingAnswer, seed=seed, phase=phase, item=item)
    return Rating(satisfaction=answer.satisfaction, resolved=answer.resolved, reason=one_line(answer.reason, 600))
