"""The student without and with a coach, on real situations. It reads and writes text; no label reaches it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.star.data import Example
from bench.star.moves import Moves
from preceptor.coach import Coach, CoachSettings, with_block
from preceptor.coach.coach import NO_ADVICE
from preceptor.core.ids import derive_seed, short_id
from preceptor.core.records import Scenario, Strategy
from preceptor.core.untrusted import one_line
from preceptor.dialogue.messages import as_chat, for_agent
from preceptor.practice import PracticeModel, World
from preceptor.practice.world import Move

BRIEF = "You are the service assistant of a small town: flights, hotels, rides, doctors, banks, flats, restaurants."
POLICY = "Help with what the customer asks for. Make one move at a time."
SETTINGS = CoachSettings(strategies=1, general=0, floor=0.05, variety=0.3)
"""Chosen by cross-validation on the folder's dialogues (docs/star.md)."""

STUDENT = "student-medium"
_SENTENCE = re.compile(r"[.!?]+\s+")

Learner = Callable[[Sequence[Scenario]], Sequence[Strategy]]
"""Scenarios with the human agent's reply as reference, in; strategies, out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a student said to one example, as a move, and how good the advice was taken to be."""

    label: str
    advised: str
    score: float


def star_world(moves: Moves) -> World:
    """A practice world whose moves are the reply templates: no issues, no customers, nothing else."""
    return World(
        name="star",
        brief=BRIEF,
        policy=POLICY,
        moves={
            label: Move(key=label, kind="solve", advice=(), say=moves.spoken(label)) for label in moves.templates
        },
    )


def learn_from_logs(scenarios: Sequence[Scenario]) -> list[Strategy]:
    """The plainest teacher there can be: say what the human said there, in one sentence, since a strategy is one
    rule. What was said alike is one strategy."""
    said: dict[str, list[str]] = defaultdict(list)
    for scenario in scenarios:
        said[one_line(scenario.reference, 300)].append(scenario.id)
    return [
        Strategy(
            id=short_id("strategy", text),
            when="the conversation stands as it did there",
            do=f'say: "{_SENTENCE.sub(" - ", text).rstrip(".!?")}"',
            scenarios=tuple(ids),
        )
        for text, ids in said.items()
    ]


def answers(
    student: PracticeModel, coach: Coach | None, test: Sequence[Example], moves: Moves, *, seed: int = 1
) -> list[Outcome]:
    """One reply per example."""
    found: list[Outcome] = []
    for number, example in enumerate(test):
        plain = for_agent(f"{BRIEF}\n\n{POLICY}", example.turns)
        advice = coach.advise(example.turns) if coach else NO_ADVICE
        reply = student.answer(as_chat(with_block(plain, advice.text)), derive_seed(seed, example.dialogue, number))
        chosen = advice.chosen
        found.append(
            Outcome(
                label=moves.label(reply, example.flow),
                advised=moves.label(chosen[0].strategy.do, example.flow) if chosen else "",
                score=chosen[0].score if chosen else 0.0,
            )
        )
    return found
