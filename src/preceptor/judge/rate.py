"""How satisfied a customer is with a whole dialogue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, Field

from preceptor.core.records import Domain, Profile, Turn
from preceptor.core.untrusted import one_line
from preceptor.llm import Seat
from preceptor.llm.model import ChatMessage
from preceptor.prompts import PromptSet
from preceptor.prompts.transcript import conversation


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
    *,
    domain: Domain,
    profile: Profile,
    turns: Sequence[Turn],
    seed: int,
    phase: str,
    item: str,
) -> Rating:
    """The satisfaction of ``profile`` with the agent in ``turns``.

    Raises:
        ModelError: no usable rating came.
    """
    issue = domain.issue(profile.issue)
    text = prompts["rate"].render(
        profile=describe(profile),
        issue=f"{issue.story}\nGoal: {issue.goal}",
        policy=domain.policy.strip(),
        conversation=conversation(turns),
    )
    answer = await seat.fill([ChatMessage("user", text)], RatingAnswer, seed=seed, phase=phase, item=item)
    return Rating(satisfaction=answer.satisfaction, resolved=answer.resolved, reason=one_line(answer.reason, 600))


def describe(profile: Profile) -> str:
    """A profile's grid cell in words."""
    demanding = "yes" if profile.demanding else "no"
    return f"Communication style: {profile.style}\nEmotion: {profile.emotion}\nDemanding: {demanding}"
