"""Trying it and rating, over the API."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import Field

from preceptor.core.errors import LibraryError
from preceptor.core.records import Advice, Turn
from preceptor.review.api.endpoint import Call, Endpoint, MissingError, Part, reads, writes
from preceptor.review.api.shapes import Given, Listing, Told
from preceptor.review.rater import BETTER, Mode, Preference
from preceptor.review.ratings import PersonRating, RatingGiven
from preceptor.review.talk import MOST_TEXT, read_talk
from preceptor.review.tryout import Ended


class Trying(Given):
    """A conversation, as it would be pasted."""

    talk: Annotated[str, Field(min_length=1, max_length=MOST_TEXT)]
    source: Literal["current", "next", "all"] = "next"
    replies: bool = Field(default=False, description="ask the student, without and with advice: two calls")


class CandidateTold(Told):
    """A strategy that came into question."""

    id: str
    when: str
    do: str
    score: float
    lexical: float
    dense: float
    fired: bool
    why_not: str


class ReplyTold(Told):
    """One reply of the student."""

    side: Literal["student", "coached"]
    text: str
    problem: str


class Tried(Told):
    """What fired and what was said."""

    turns: tuple[Turn, ...]
    floor: float
    strategies: int
    text: str
    """What the student reads."""
    candidates: tuple[CandidateTold, ...]
    replies: tuple[ReplyTold, ...]


class RatingsGiven(Given):
    """Some ratings, all or none."""

    ratings: Annotated[tuple[RatingGiven, ...], Field(min_length=1, max_length=10_000)]


class BlindQuery(Given):
    """One dialogue at a time, or two of the same customer."""

    mode: Mode = "pair"


class BlindTold(Told):
    """What to rate next, without a name on it."""

    unit: str | None
    """Names it when it is rated; None where all is done."""
    sides: tuple[tuple[Turn, ...], ...]
    """One dialogue, or the left and the right one."""
    done: int
    total: int


class BlindGiven(Given):
    """What the caller thinks of what was told as next."""

    unit: Annotated[str, Field(min_length=1, max_length=200)]
    verdict: Literal["left", "same", "right", 1, 2, 3, 4, 5] = Field(
        description="which of two served the customer better, or how satisfied the customer of one dialogue is"
    )
    note: Annotated[str, Field(max_length=2000)] = ""


class Stored(Told):
    """What became of them."""

    new: int
    same: int


class RatingQuery(Listing):
    """Of one evaluation, or all."""

    run: str = Field(default="", max_length=80)


class AgreementTold(Told):
    """The judge beside people."""

    ratings: int
    kappa: float | None
    kappa_low: float | None
    kappa_high: float | None
    bias: float | None
    """Judge minus people, in score points."""
    simulated: bool
    preferences: tuple[Preference, ...]


def endpoints() -> tuple[Endpoint, ...]:
    """Those of this module."""
    return (
        writes("/api/try", "What fires for a conversation, and what the student says", _try, Tried, Trying),
        reads(
            "/api/ratings", "Ratings by people, oldest first", _ratings, tuple[PersonRating, ...], query=RatingQuery
        ),
        writes("/api/ratings", "Rate dialogues of an evaluation", _rate, Stored, RatingsGiven),
        reads("/api/rate/{run}", "What you have yet to rate, blind", _next, BlindTold, query=BlindQuery),
        writes("/api/rate/{run}", "Rate what stood there, and see the next", _blind, BlindTold, BlindGiven),
        reads("/api/agreement/{run}", "How the judge of an evaluation stands to people", _agreement, AgreementTold),
    )


def _try(call: Call) -> object:
    given: Trying = call.body
    turns = read_talk(given.talk)
    fired = call.desk.tryout.fire(turns, given.source)
    replies = asyncio.run(_replies(call, turns, fired.advice)) if given.replies else ()
    return Tried(
        turns=turns,
        floor=fired.floor,
        strategies=fired.strategies,
        text=fired.advice.text,
        candidates=tuple(
            CandidateTold(
                id=c.chosen.strategy.id,
                when=c.chosen.strategy.when,
                do=c.chosen.strategy.do,
                score=c.chosen.score,
                lexical=c.chosen.lexical,
                dense=c.chosen.dense,
                fired=c.fired,
                why_not=c.why_not,
            )
            for c in fired.candidates
        ),
        replies=replies,
    )


async def _replies(call: Call, turns: tuple[Turn, ...], advice: Advice) -> tuple[ReplyTold, ...]:
    texts = {"student": "", "coached": ""}
    told: list[ReplyTold] = []
    async for event in call.desk.tryout.replies(turns, advice):
        if isinstance(event, Ended):
            told.append(ReplyTold(side=event.side, text=texts[event.side], problem=event.problem))
        else:
            texts[event.side] += event.text
    return tuple(sorted(told, key=lambda r: r.side != "student"))


def _ratings(call: Call) -> Part:
    asked: RatingQuery = call.query
    found = call.desk.ratings.all(run=asked.run)
    end = asked.start + asked.limit
    return Part(data=found[asked.start : end], total=len(found), next=str(end) if end < len(found) else None)


def _rate(call: Call) -> object:
    given: RatingsGiven = call.body
    ratings = [PersonRating(**r.model_dump(), by=call.account.name) for r in given.ratings]
    call.desk.rater.check(ratings)
    done = call.desk.ratings.put(ratings)
    return Stored(new=done.new, same=done.same)


def _next(call: Call) -> object:
    asked: BlindQuery = call.query
    return _standing(call, asked.mode)


def _blind(call: Call) -> object:
    given: BlindGiven = call.body
    run, verdict = _evaluated(call), given.verdict
    mode: Mode = "pair" if isinstance(verdict, str) else "single"
    task = call.desk.rater.blind(run, given.unit, mode, call.account.name)
    said: dict[str, Any] = {"run": run, "unit": task.unit, "arm": task.arms[0], "by": call.account.name}
    if isinstance(verdict, str):
        said |= {"other": task.arms[1], "better": BETTER[verdict]}
    else:
        said["score"] = verdict
    call.desk.ratings.put([PersonRating(**said, note=given.note)])
    return _standing(call, mode)


def _standing(call: Call, mode: Mode) -> BlindTold:
    task, done, total = call.desk.rater.next(_evaluated(call), mode, call.account.name)
    sides = tuple(d.turns for d in task.dialogues) if task else ()
    blind = tuple(tuple(replace(turn, by="") for turn in side) for side in sides)
    return BlindTold(unit=task.unit if task else None, sides=blind, done=done, total=total)


def _evaluated(call: Call) -> str:
    """The evaluation that the path names. MissingError where there is none."""
    run = call.path["run"]
    try:
        call.desk.rater.evaluation(run)
    except LibraryError as error:
        raise MissingError(error.message, hint="see GET /api/runs") from error
    return run


def _agreement(call: Call) -> object:
    run = _evaluated(call)
    simulated = call.desk.rater.evaluation(run).simulated
    found, count = call.desk.rater.agreement(run)
    kappa = found.kappa if found else None
    return AgreementTold(
        ratings=count,
        kappa=kappa.value if kappa else None,
        kappa_low=kappa.low if kappa else None,
        kappa_high=kappa.high if kappa else None,
        bias=found.bias.value if found else None,
        simulated=simulated,
        preferences=call.desk.rater.preferences(run),
    )
