"""What each arm puts before the student."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from preceptor.coach import Coach, CoachSettings
from preceptor.core.errors import BadAnswerError, ConfigError, RunError
from preceptor.core.events import ignore
from preceptor.core.records import Attempt, Comparison, Lesson, Scenario, Strategy, Turn
from preceptor.core.settings import EvaluateConfig
from preceptor.evaluate.arms import Ground, Learned
from preceptor.evaluate.result import Evaluation
from preceptor.evaluate.run import evaluate
from preceptor.llm import ChatRequest
from preceptor.prompts import load_prompts

from .small_world import Scripts, domain

STRATEGIES = tuple(
    Strategy(
        id=f"s{n:02}",
        when=f"a customer asks for a refund of a ticket, case {n}",
        do=f"do the thing number {n}",
        scope="domain" if n == 7 else "scenario",
        scenarios=tuple(f"c{m}" for m in range(n % 3)),
    )
    for n in range(12)
)


def lesson(number: int, said: str, reply: str) -> Lesson:
    scenario = Scenario(id=f"c{number}", turns=(Turn(speaker="customer", text=said),), profile="t12", stage=0)
    tried = Attempt(
        number=0, strategies=(), reply="No.", comparison=Comparison(verdict="worse", axes=(), reason="", orders=1)
    )
    return Lesson(
        id=f"l{number}", scenario=scenario, teacher_reply=reply, attempts=(tried,), kept=0, outcome="not_taught"
    )


LESSONS = (
    lesson(1, "I want a refund of my ticket.", "Here is your refund, </examples> Maria."),
    lesson(2, "My bag is lost somewhere.", "We trace the bag."),
)


async def run(
    arm: str, scripts: Scripts, files: dict[str, str] | None = None, strategies: Sequence[Strategy] = STRATEGIES
) -> Evaluation:
    ground = Ground(
        domain=domain(),
        seats=scripts.seats(),
        coach=Coach(strategies, settings=CoachSettings(floor=0, strategies=3, general=1)) if strategies else None,
        prompts=load_prompts(),
        learned=Learned(strategies=tuple(strategies), lessons=LESSONS if strategies else ()),
        files=files or {},
    )
    arms = ("student",) if files else ("student", arm)
    settings = EvaluateConfig(arms=arms, profiles=2, aa=0, window=60, measures=())  # type: ignore[arg-type]
    return await evaluate(ground, settings=settings, concurrency=2, emit=ignore)


def asked(scripts: Scripts, mark: str) -> list[ChatRequest]:
    return [r for r in scripts.models["student"].requests if any(mark in m.content for m in r.messages)]


async def test_the_guide_is_written_once_without_any_dialogue_and_stands_in_the_system_prompt() -> None:
    scripts = Scripts(teacher=lambda _: "- When in doubt: ask.")
    found = await run("guide", scripts)
    (written,) = scripts.models["teacher"].requests
    assert "My ticket must be refunded." in written.messages[0].content
    assert "case" not in written.messages[0].content
    guided = asked(scripts, "- When in doubt: ask.")
    assert len(guided) == 2 * len(found.items[-1].words)
    assert all("- When in doubt: ask." in r.messages[0].content for r in guided)
    arm = found.arm("guide")
    assert arm is not None
    assert arm.text == "- When in doubt: ask."


async def test_no_guide_ends_the_run_with_the_reason() -> None:
    with pytest.raises(RunError, match="the teacher wrote no guide"):
        await run("guide", Scripts(teacher=lambda _: BadAnswerError("nothing came", kind="empty")))


async def test_the_whole_library_goes_in_up_to_the_window_the_widest_first() -> None:
    scripts = Scripts()
    found = await run("all", scripts)
    arm = found.arm("all")
    assert arm is not None
    lines = arm.text.splitlines()
    assert "number 7" in lines[0]
    assert "number 2." in lines[1]
    assert 2 < len(lines) < 12
    assert len(arm.text.split()) <= 60
    assert f"{len(lines)} of 12 strategies" in arm.note
    assert all(arm.text in r.messages[0].content for r in asked(scripts, "<guidance>"))


async def test_random_gives_as_many_as_the_coach_but_others() -> None:
    coached, drawn = Scripts(), Scripts()
    await run("coached", coached)
    await run("random", drawn)

    def advised(scripts: Scripts) -> list[str]:
        return [r.messages[-1].content.partition("<advice>")[2] for r in asked(scripts, "<advice>")]

    assert advised(coached)
    assert {a.count("do the thing") for a in advised(drawn)} == {a.count("do the thing") for a in advised(coached)}
    assert set(advised(drawn)) != set(advised(coached))
    again = Scripts()
    await run("random", again)
    assert sorted(advised(again)) == sorted(advised(drawn))


async def test_examples_are_the_teachers_replies_in_the_nearest_scenarios() -> None:
    scripts = Scripts()
    await run("examples", scripts)
    shown = [r.messages[-1].content for r in asked(scripts, "<examples>")]
    assert shown
    assert all("Agent: Here is your refund, ‹/examples› Maria." in text for text in shown)
    assert all(text.count("</examples>") == 1 for text in shown)


async def test_a_file_is_added_after_the_policy_or_is_the_whole_prompt() -> None:
    added, whole = Scripts(), Scripts()
    found = await run("", added, {"mine": "Say please."})
    assert [a.arm for a in found.arms] == ["student", "mine"]
    system = asked(added, "Say please.")[0].messages[0].content
    assert system.index("Be fair.") < system.index("Say please.")
    await run("", whole, {"mine": "{{brief}} Mind this: {{ policy }} Say please."})
    assert asked(whole, "Say please.")[0].messages[0].content == "You are an agent. Mind this: Be fair. Say please."


@pytest.mark.parametrize("name", ["student", "Mine", "a b", "", "../x"])
async def test_a_file_cannot_take_another_arms_name(name: str) -> None:
    with pytest.raises(ConfigError, match="cannot be called"):
        await run("", Scripts(), {name: "text"})


@pytest.mark.parametrize("arm", ["coached", "all", "random", "examples"])
async def test_what_needs_something_learned_is_refused_before_any_dialogue(arm: str) -> None:
    scripts = Scripts()
    with pytest.raises(ConfigError, match=f"the arm '{arm}' needs .* and there are none"):
        await run(arm, scripts, strategies=())
    assert not any(m.requests for m in scripts.models.values())
