"""Trying it and rating, over the API."""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal

from pydantic import Field

from preceptor.core.errors import LibraryError
from preceptor.core.records import Advice, Turn
from preceptor.review.api.endpoint import Call, Endpoint, MissingError, Part, reads, writes
from preceptor.review.api.shapes import Given, Listing, Told
from preceptor.review.rater import Preference
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


def _agreement(call: Call) -> object:
    run = call.path["run"]
    try:
        simulated = call.desk.rater.evaluation(run).simulated
    except LibraryError as error:
        raise MissingError(error.message, hint="see GET /api/runs") from error
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
