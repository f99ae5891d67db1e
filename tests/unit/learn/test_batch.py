"""Strategies are consolidated and screened side by side, and come out the same as one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

from pydantic import BaseModel
from tests.seats import FakeSeat
from tests.unit.learn.desk import Desk, bound, rule, unasked

from preceptor.core.events import PhaseStarted
from preceptor.learn.batch import settle
from preceptor.llm import Seats
from preceptor.llm.model import ChatMessage

A = bound("a", "ask for the bag tag number first")
B = bound("b", "first ask for the number on the bag tag")
OTHER = bound("o", "offer travel credit instead of cash", when="a ticket is restricted")


def teacher(messages: Sequence[ChatMessage], phase: str) -> Any:
    text = messages[-1].content
    if phase == "screen":
        return {"problems": [{"kind": "vague", "quote": "tag number", "reason": "which"}]}
    if "Which rules recur" in text:
        return {"strategies": []}
    return {"relation": "same", "reason": "both", "merged": rule("ask for the tag number")}


async def test_what_lasts_is_screened_once_and_what_is_merged_away_is_not():
    desk = Desk(teacher=teacher, screen_with_teacher=True)
    settled = await settle(replace(desk.context, concurrency=4), 0, [A, OTHER, B], scenarios={})
    [merged] = settled.consolidation.merged
    checks = {id: [f.check for f in found] for id, found in settled.findings.items()}
    assert checks == {"o": ["promise"], merged.into.id: ["teacher:vague"]}
    assert [phase for phase, _, _ in desk.teacher.asked].count("screen") == 2
    assert settled.blocked == 0
    told = [(e.name, e.total) for e in desk.events if isinstance(e, PhaseStarted)]
    assert told == [("consolidate", 1), ("screen", 2)]


async def test_a_group_that_is_asked_about_for_long_keeps_the_others_from_nothing():
    screened = asyncio.Event()

    class Slow(FakeSeat):
        async def fill(
            self, messages: Sequence[ChatMessage], shape: type[BaseModel], *, seed: int, phase: str, item: str
        ) -> Any:
            if item == "o":
                screened.set()
            elif "+" in item:
                await screened.wait()  # for ever, if the one were done after the other
            return await super().fill(messages, shape, seed=seed, phase=phase, item=item)

    desk = Desk(screen_with_teacher=True)
    seats = [cast("Any", s) for s in (Slow("teacher", teacher), FakeSeat("else", unasked))]
    context = replace(
        desk.context,
        concurrency=2,
        seats=Seats(teacher=seats[0], student=seats[1], customer=seats[1], judge=seats[1]),
    )
    async with asyncio.timeout(20):
        settled = await settle(context, 0, [A, OTHER, B], scenarios={})
    assert len(settled.findings) == 2
