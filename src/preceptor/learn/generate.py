"""Scenario generation: customers of the training profiles talk with teacher and student by turns."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from preceptor.core.errors import RunError
from preceptor.core.events import ItemDone, ItemFailed, PhaseStarted
from preceptor.core.ids import derive_seed, short_id
from preceptor.core.records import Dialogue, Profile, Turn
from preceptor.dialogue import Agent, Customer, play
from preceptor.learn.context import Context, Snapshot

PHASE = "generate"


async def generate(context: Context, stage: int, snapshot: Snapshot) -> list[Dialogue]:
    """The stage's dialogues, in a fixed order; failed ones included as far as they went."""
    profiles = stage_profiles(context, stage)
    context.emit(PhaseStarted(name=PHASE, stage=stage, total=len(profiles), kind="dialogue"))
    return await context.executor.run(
        Generating(stage=stage, snapshot=snapshot),
        context,
        list(enumerate(profiles)),
        concurrency=context.concurrency,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Generating:
    """What is done for each numbered profile of a stage: a :class:`~preceptor.core.executor.Work`."""

    stage: int
    snapshot: Snapshot

    def at(self, context: Context) -> Callable[[tuple[int, Profile]], Awaitable[Dialogue]]:
        """One dialogue, told when it has ended."""
        teacher = Agent(context.seats.teacher, context.domain, context.prompts)
        coach = self.snapshot.coach(context)
        student = Agent(
            context.seats.student, context.domain, context.prompts, coaching=coach.prepare, waits=coach.waits
        )

        async def one(task: tuple[int, Profile]) -> Dialogue:
            dialogue = await _dialogue(context, self.stage, task, teacher, student)
            if dialogue.end == "failed":
                kind, _, reason = dialogue.failure.partition(": ")
                context.emit(ItemFailed(kind="dialogue", id=dialogue.id, failure=kind, reason=reason))
            else:
                context.emit(ItemDone(kind="dialogue", id=dialogue.id, detail=dialogue.end))
            return dialogue

        return one


async def _dialogue(
    context: Context, stage: int, task: tuple[int, Profile], teacher: Agent, student: Agent
) -> Dialogue:
    settings = context.settings
    number, profile = task
    share = settings.teacher_share[stage]
    id = dialogue_id(context.run, stage, number, profile.id)

    async def speak(turns: Sequence[Turn], turn_seed: int) -> Turn:
        agent = teacher if random.Random(derive_seed(turn_seed, "who")).random() < share else student
        text = await agent.reply(turns, seed=turn_seed, phase=PHASE, item=id)
        return Turn(speaker="agent", text=text, by=agent.name)

    return await play(
        id=id,
        profile=profile,
        customer=Customer(context.seats.customer, context.domain, profile, context.prompts),
        agent=speak,
        max_turns=settings.max_turns,
        seed=derive_seed(settings.seed, PHASE, stage, number),
        phase=PHASE,
    )


def dialogue_id(run: str, stage: int, number: int, profile: str) -> str:
    """The id of a stage's dialogue: it follows from what it is made of."""
    return short_id("dialogue", [run, stage, number, profile])


def stage_profiles(context: Context, stage: int) -> list[Profile]:
    """The profiles that come in this stage: a seeded order of all training profiles, gone through in turn."""
    training = [p for p in context.domain.profiles if not p.heldout]
    if not training:
        raise RunError(
            "the domain has no training profiles", hint="mark some profiles with heldout: false in profiles.yaml"
        )
    random.Random(derive_seed(context.settings.seed, "profiles")).shuffle(training)
    count = context.settings.dialogues
    return [training[(stage * count + k) % len(training)] for k in range(count)]
