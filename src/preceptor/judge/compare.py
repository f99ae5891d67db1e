"""Is one reply as good as another for this customer? Asked in both orders, so that position does not decide."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, Field

from preceptor.core.ids import derive_seed
from preceptor.core.records import AXES, Comparison, Turn
from preceptor.core.untrusted import fence, one_line
from preceptor.llm import Seat
from preceptor.llm.model import ChatMessage
from preceptor.prompts import PromptSet
from preceptor.prompts.transcript import conversation

Side = Literal["first", "second", "same"]
_POSITION = re.compile(r"\b(?:the )?(?P<place>first|second) (?:reply|response|answer|agent|one)\b", re.IGNORECASE)


class Judgement(BaseModel):
    """The answer that ``compare.md`` asks for."""

    accuracy: Side
    tone: Side
    clarity: Side
    next_step: Side
    better: Side
    reason: str = Field(max_length=2000)
    lacks: str = Field(default="", max_length=2000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two replies to one customer."""

    policy: str
    turns: Sequence[Turn]
    """The conversation that both replies answer."""
    candidate: str
    reference: str


async def compare(
    seat: Seat,
    prompts: PromptSet,
    pair: Pair,
    *,
    seed: int,
    phase: str,
    item: str,
    thorough: bool = False,
) -> Comparison:
    """How the pair's candidate stands against its reference.

    The candidate is shown first in the first call, where position bias, if there is any, favours it in most
    models (arXiv 2306.05685). If it loses even there it is worse, and the second order is not paid for unless
    ``thorough``. "As good" and "better" are only said after both orders. Orders that contradict each other
    count as a tie.

    Raises:
        ModelError: no usable judgement came.
    """
    candidate, reference = pair.candidate, pair.reference
    if one_line(candidate).casefold() == one_line(reference).casefold():
        return Comparison(verdict="as_good", axes=tuple((a, 0.0) for a in AXES), reason="the same words", orders=0)

    async def ask(swapped: bool) -> Judgement:
        return await judgement(seat, prompts, pair, swapped=swapped, seed=seed, phase=phase, item=item)

    judged = [(await ask(False), 1)]
    if judged[0][0].better != "second" or thorough:
        judged.append((await ask(True), -1))
    overall = sum(sign * _value(j.better) for j, sign in judged)
    axes = tuple((a, sum(sign * _value(getattr(j, a)) for j, sign in judged) / len(judged)) for a in AXES)
    telling, side = next(((j, s) for j, s in judged if s * _value(j.better) < 0), judged[0])
    return Comparison(
        verdict="worse" if overall < 0 else "better" if overall == len(judged) else "as_good",
        axes=axes,
        reason=one_line(_placed(f"{telling.reason} {telling.lacks}", candidate_first=side > 0), 600),
        orders=len(judged),
    )


async def judgement(
    seat: Seat, prompts: PromptSet, pair: Pair, *, swapped: bool, seed: int, phase: str, item: str
) -> Judgement:
    """One order: the candidate is shown first or, ``swapped``, second. ModelError as :func:`compare`."""
    shown = (pair.reference, pair.candidate) if swapped else (pair.candidate, pair.reference)
    text = prompts["compare"].render(
        policy=pair.policy.strip(),
        conversation=conversation(pair.turns),
        first=fence("first", shown[0]),
        second=fence("second", shown[1]),
    )
    order = derive_seed(seed, "order", int(swapped))
    return await seat.fill([ChatMessage("user", text)], Judgement, seed=order, phase=phase, item=item)


async def prefer_reply(
    seat: Seat, prompts: PromptSet, pair: Pair, *, swapped: bool, seed: int, phase: str, item: str
) -> tuple[float, int]:
    """1 where the candidate serves better, -1 where the reference does, 0 for neither; and the calls it took.

    One order is asked, ``swapped`` or not: over many pairs whose order is drawn by a coin, what standing first is
    worth cancels, at half the price of both orders for each pair. The same words are 0 without a call.

    Raises:
        ModelError: no usable judgement came.
    """
    if one_line(pair.candidate).casefold() == one_line(pair.reference).casefold():
        return 0.0, 0
    said = await judgement(seat, prompts, pair, swapped=swapped, seed=seed, phase=phase, item=item)
    return float(-_value(said.better) if swapped else _value(said.better)), 1


def _placed(reason: str, *, candidate_first: bool) -> str:
    """Who reads the reason later has not seen the order: say which reply is meant instead."""

    def named(match: re.Match[str]) -> str:
        the_candidate = (match["place"].lower() == "first") == candidate_first
        words = "this reply" if the_candidate else "the reference reply"
        return words[:1].upper() + words[1:] if match[0][0].isupper() else words

    return _POSITION.sub(named, reason)


def _value(side: Side) -> int:
    return {"first": 1, "second": -1, "same": 0}[side]
