"""Four dimensions of service, each rated on its own scale."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel, Field

from preceptor.core.untrusted import one_line
from preceptor.judge.case import Case
from preceptor.llm import Seat
from preceptor.llm.model import ChatMessage
from preceptor.prompts import PromptSet

DIMENSIONS = ("reliability", "assurance", "empathy", "responsiveness")
"""After SERVQUAL (Parasuraman, Zeithaml and Berry 1988), without "tangibles": a chat has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A judge's view of the four dimensions, 1 to 5 each; the scales stand in ``service.md``."""

    reliability: float
    assurance: float
    empathy: float
    responsiveness: float
    reason: str


class ServiceAnswer(BaseModel):
    """The answer that ``service.md`` asks for."""

    reliability: float = Field(ge=1, le=5, allow_inf_nan=False)
    assurance: float = Field(ge=1, le=5, allow_inf_nan=False)
    empathy: float = Field(ge=1, le=5, allow_inf_nan=False)
    responsiveness: float = Field(ge=1, le=5, allow_inf_nan=False)
    reason: str = Field(default="", max_length=2000)


async def rate_service(seat: Seat, prompts: PromptSet, case: Case, *, seed: int, phase: str, item: str) -> Service:
    """The four dimensions of the agent's service in ``case``.

    Raises:
        ModelError: no usable rating came.
    """
    text = prompts["service"].render(**case.shown())
    got = await seat.fill([ChatMessage("user", text)], ServiceAnswer, seed=seed, phase=phase, item=item)
    return Service(
        reliability=got.reliability,
        assurance=got.assurance,
        empathy=got.empathy,
        responsiveness=got.responsiveness,
        reason=one_line(got.reason, 600),
    )
