"""Playing the dialogues of an evaluation and having them judged."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from preceptor.core.errors import ModelError
from preceptor.core.events import Emit, ItemDone, ItemFailed
from preceptor.core.executor import Executor, InProcess
from preceptor.core.ids import derive_seed
from preceptor.core.records import Dialogue, Profile, Turn
from preceptor.core.settings import EvaluateConfig
from preceptor.core.untrusted import one_line
from preceptor.dialogue import Customer, Speak, play
from preceptor.evaluate.arms import Arm, Ground, phase_of
from preceptor.evaluate.result import Item
from preceptor.judge import Case, PolicyCheck, Rating, Service, find_breaches, rate, rate_service

Found = TypeVar("Found")
AGAIN = "again"
"""What the second time of an A/A is called, in seeds, ids and phases."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One dialogue to be had."""

    arm: Arm
    profile: Profile
    repeat: int
    seed: int
    again: bool = False
    """The second time of an A/A: the same customer, other chance in the agent and the judge."""

    @property
    def unit(self) -> str:
        """The same in every arm."""
        return f"{self.profile.id}/{self.repeat}"

    @property
    def id(self) -> str:
        """Unlike that of any other dialogue of the run."""
        return f"{self.arm.name}:{self.unit}" + (f":{AGAIN}" if self.again else "")

    @property
    def phase(self) -> str:
        """Under which ledger and journal keep its calls."""
        return phase_of(AGAIN if self.again else self.arm.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where dialogues are played."""

    ground: Ground
    settings: EvaluateConfig
    concurrency: int
    emit: Emit
    executor: Executor = field(default_factory=InProcess)
    arms: Mapping[str, Arm] = field(default_factory=dict[str, Arm])
    """The arms that speak, by name."""


def task(arm: Arm, profile: Profile, repeat: int, settings: EvaluateConfig, *, again: bool = False) -> Task:
    """The seed derives from profile and repeat, not from the arm: all arms meet the same customers."""
    seed = derive_seed(settings.seed, "evaluate", profile.id, repeat)
    return Task(arm=arm, profile=profile, repeat=repeat, seed=seed, again=again)


async def play_all(stage: Stage, tasks: Sequence[Task]) -> list[Item]:
    """All of them, at most ``stage.concurrency`` at once, in the order of ``tasks``.

    Raises:
        PreceptorError: what ends a run.
    """

    arms = {t.arm.name: t.arm for t in tasks}
    items = [Meeting(arm=t.arm.name, profile=t.profile, repeat=t.repeat, seed=t.seed, again=t.again) for t in tasks]
    return await stage.executor.run(Playing(), replace(stage, arms=arms), items, concurrency=stage.concurrency)


@dataclass(frozen=True, slots=True, kw_only=True)
class Meeting:
    """A :class:`Task` as it can be sent to another process: the arm by its name."""

    arm: str
    profile: Profile
    repeat: int
    seed: int
    again: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Playing:
    """What is done with each meeting: a :class:`~preceptor.core.executor.Work`."""

    def at(self, stage: Stage) -> Callable[[Meeting], Awaitable[Item]]:
        """The dialogue, rated, and told."""

        async def one(meeting: Meeting) -> Item:
            return await _told(
                stage,
                Task(
                    arm=stage.arms[meeting.arm],
                    profile=meeting.profile,
                    repeat=meeting.repeat,
                    seed=meeting.seed,
                    again=meeting.again,
                ),
            )

        return one


async def _told(stage: Stage, one: Task) -> Item:
    item = await _played(stage, one)
    if item.rating is None:
        failure, _, reason = item.failure.partition(": ")
        stage.emit(ItemFailed(kind="dialogue", id=one.id, failure=failure, reason=reason))
    else:
        for told in item.lost:
            failure, _, reason = told.partition(": ")
            stage.emit(ItemFailed(kind="rating", id=one.id, failure=failure, reason=reason))
        stage.emit(ItemDone(kind="dialogue", id=one.id, detail=f"{item.rating.satisfaction:g}"))
    return item


async def _played(stage: Stage, one: Task) -> Item:
    ground, speaker = stage.ground, one.arm.speaker(one.id, one.phase)
    dialogue = await play(
        id=one.id,
        profile=one.profile,
        customer=Customer(ground.seats.customer, ground.domain, one.profile, ground.prompts),
        agent=_turned(speaker) if one.again else speaker,
        max_turns=stage.settings.max_turns,
        seed=one.seed,
        phase=one.phase,
    )
    judged = _Judged(failure=dialogue.failure)
    if dialogue.end != "failed":
        judged = await _judged(stage, one, dialogue)
    return Item(
        arm=one.arm.name,
        unit=one.unit,
        profile=one.profile.id,
        repeat=one.repeat,
        seed=one.seed,
        dialogue=dialogue,
        rating=judged.rating,
        failure=one_line(judged.failure, 400),
        service=judged.service,
        policy=judged.policy,
        lost=judged.lost,
        advised=_advised(one.arm, dialogue.turns),
    )


def _advised(arm: Arm, turns: Sequence[Turn]) -> tuple[tuple[str, ...], ...]:
    """What the coach gave, reply by reply: it is pure, so asked again it says the same."""
    if arm.advised is None:
        return ()
    return tuple(arm.advised(turns[:n]) for n, turn in enumerate(turns) if turn.speaker == "agent")


def _turned(speak: Speak) -> Speak:
    """The same agent with other chance."""

    async def again(turns: Sequence[Turn], seed: int) -> Turn:
        return await speak(turns, derive_seed(seed, AGAIN))

    return again


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    rating: Rating | None = None
    service: Service | None = None
    policy: PolicyCheck | None = None
    failure: str = ""
    lost: tuple[str, ...] = ()


async def _judged(stage: Stage, one: Task, dialogue: Dialogue) -> _Judged:
    if not any(turn.speaker == "agent" for turn in dialogue.turns):
        return _Judged(failure="no-reply: the customer left before the agent could say a word")
    ground, judge = stage.ground, stage.ground.seats.judge
    case = Case(domain=ground.domain, profile=one.profile, turns=dialogue.turns)
    tag = {"phase": one.phase, "item": one.id}
    lost: list[str] = []

    def seed(measure: str) -> int:
        return derive_seed(one.seed, measure, *([AGAIN] if one.again else []))

    async def asked(ask: Callable[[], Awaitable[Found]]) -> Found | None:
        try:
            return await ask()
        except ModelError as error:
            if error.ends_run:
                raise
            lost.append(one_line(f"{error.kind}: {error}", 400))
            return None

    rating = await asked(lambda: rate(judge, ground.prompts, case, seed=seed("judge"), **tag))
    if rating is None:
        return _Judged(failure=lost[0])
    service = policy = None
    if "service" in stage.settings.measures:
        service = await asked(lambda: rate_service(judge, ground.prompts, case, seed=seed("service"), **tag))
    if "policy" in stage.settings.measures:
        policy = await asked(lambda: find_breaches(judge, ground.prompts, case, seed=seed("policy"), **tag))
    return _Judged(rating=rating, service=service, policy=policy, lost=tuple(lost))
