"""Whole evaluations on scripted seats."""

from __future__ import annotations

import pytest

from preceptor.core.errors import BadAnswerError, BudgetError, ConfigError, InputError, RunError
from preceptor.core.events import Event, ItemDone, ItemFailed, PhaseStarted, ignore
from preceptor.core.records import Domain
from preceptor.core.settings import EvaluateConfig
from preceptor.evaluate.arms import Ground
from preceptor.evaluate.result import Evaluation, from_json
from preceptor.evaluate.run import evaluate
from preceptor.llm import ChatRequest
from preceptor.prompts import load_prompts

from .small_world import Scripts, coach, customer, domain, judge, student


async def run(
    scripts: Scripts | None = None, *, ground: Domain | None = None, concurrency: int = 8, **settings: object
) -> tuple[Evaluation, list[Event]]:
    events: list[Event] = []
    found = await evaluate(
        Ground(
            domain=ground or domain(), seats=(scripts or Scripts()).seats(), coach=coach(), prompts=load_prompts()
        ),
        settings=EvaluateConfig.model_validate({"aa": 0, **settings}),
        concurrency=concurrency,
        emit=events.append,
    )
    return found, events


async def test_three_arms_on_the_same_customers() -> None:
    found, events = await run(repeats=2)
    assert [a.arm for a in found.arms] == ["student", "coached", "teacher"]
    assert all((a.planned, a.rated, a.failed) == (24, 24, 0) for a in found.arms)
    by_arm = {a.arm: [(i.unit, i.seed) for i in found.items if i.arm == a.arm] for a in found.arms}
    assert by_arm["student"] == by_arm["coached"] == by_arm["teacher"]
    assert len({seed for _, seed in by_arm["student"]}) == 24
    coached = found.difference("coached")
    assert coached is not None
    assert coached.finding == "higher"
    assert (coached.estimate.n, coached.estimate.clusters) == (24, 12)
    share = found.share("coached")
    assert share is not None
    assert share.share is not None
    assert 0.3 < share.share.value < 1
    assert isinstance(events[0], PhaseStarted)
    assert events[0].total == 72
    assert sum(isinstance(e, ItemDone) for e in events) == 72


async def test_customers_hear_the_same_opening_whatever_the_arm() -> None:
    found, _ = await run()
    openings = {(i.unit, i.dialogue.turns[0].text) for i in found.items}
    assert len(openings) == 12


async def test_only_the_coached_arm_gets_advice() -> None:
    scripts = Scripts()
    found, _ = await run(scripts)
    replies = {i.arm: i.dialogue.turns[1].text for i in found.items}
    assert replies == {
        "student": "No.",
        "coached": "Sorry to hear that, here is another way.",
        "teacher": "Gladly: here is what I can do for you.",
    }
    assert not any("<advice>" in m.content for r in scripts.models["judge"].requests for m in r.messages)


async def test_figures_of_an_arm() -> None:
    found, _ = await run()
    arm = found.arm("coached")
    assert arm is not None
    assert arm.words == 8
    assert arm.replies == 2
    assert arm.resolved is not None
    assert arm.resolved.value == 1


async def test_concurrency_does_not_show_in_the_bytes() -> None:
    one, _ = await run(concurrency=1)
    many, _ = await run(concurrency=64)
    assert one.to_json() == many.to_json()


async def test_json_comes_back_as_it_was() -> None:
    found, _ = await run(profiles=4)
    assert from_json(found.to_json()) == found


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"format": 1}'])
def test_what_is_no_evaluation_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="not an evaluation"):
        from_json(text)


async def test_another_format_is_refused() -> None:
    found, _ = await run(profiles=2, arms=("student", "teacher"))
    with pytest.raises(InputError, match="format 99"):
        from_json(found.to_json().replace('"format":1,', '"format":99,'))


async def test_practice_models_are_named_as_simulated() -> None:
    assert (await run(profiles=2))[0].simulated
    assert not (await run(Scripts(spec="scripted:{}"), profiles=2))[0].simulated


async def test_only_heldout_profiles_are_met() -> None:
    found, _ = await run()
    assert {i.profile for i in found.items} == {f"h{n:02}" for n in range(12)}


async def test_a_limit_draws_profiles_by_seed() -> None:
    drawn = [{i.profile for i in (await run(profiles=5, seed=s))[0].items} for s in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert all(len(d) == 5 for d in drawn)


async def test_a_domain_without_heldout_profiles_is_refused_before_any_call() -> None:
    scripts = Scripts()
    with pytest.raises(InputError, match="memory, not skill"):
        await run(scripts, ground=domain(heldout=0))
    assert not any(m.requests for m in scripts.models.values())


async def test_a_failed_dialogue_drops_its_pairs_and_nothing_is_invented() -> None:
    def sometimes(request: ChatRequest) -> str | Exception:
        if "case 1" in request.messages[-1].content and "<advice>" in request.messages[-1].content:
            return BadAnswerError("not usable", kind="empty")
        return student(request)

    found, events = await run(Scripts(student=sometimes), repeats=4)
    failed = [i for i in found.items if i.failure]
    assert failed
    assert {i.arm for i in failed} == {"coached"}
    assert all(i.rating is None and i.failure.startswith("empty: ") for i in failed)
    coached, teacher = found.difference("coached"), found.difference("teacher")
    assert coached is not None
    assert teacher is not None
    assert (coached.dropped, coached.estimate.n) == (len(failed), 48 - len(failed))
    assert teacher.dropped == 0
    told = [e for e in events if isinstance(e, ItemFailed)]
    assert [(e.kind, e.failure) for e in told] == [("dialogue", "empty")] * len(failed)


async def test_a_failed_rating_is_recorded_with_its_dialogue() -> None:
    def sometimes(request: ChatRequest) -> str | Exception:
        if "Gladly" in request.messages[0].content:
            return BadAnswerError("no rating", kind="not-json")
        return judge(request)

    found, events = await run(Scripts(judge=sometimes), profiles=3)
    teacher = found.arm("teacher")
    assert teacher is not None
    assert (teacher.rated, teacher.failed, teacher.resolved, teacher.words) == (0, 3, None, None)
    assert found.difference("teacher") is None
    assert found.share("coached") is None
    assert all(i.dialogue.turns for i in found.items)
    lost = [e for e in events if isinstance(e, ItemFailed)]
    assert {(e.kind, e.failure) for e in lost} == {("dialogue", "not-json")}, "a dialogue without it does not count"


async def test_a_customer_who_leaves_at_once_is_no_rating() -> None:
    def silent(request: ChatRequest) -> str:
        return "[END]" if request.seed % 3 == 0 else customer(request)

    found, _ = await run(Scripts(customer=silent), repeats=2)
    empty = [i for i in found.items if not any(t.speaker == "agent" for t in i.dialogue.turns)]
    assert empty
    assert all(i.rating is None and i.failure for i in empty)


async def test_nothing_rated_at_all_ends_with_the_first_reason() -> None:
    with pytest.raises(RunError, match="'student' could be rated; the first failed with: empty: "):
        await run(Scripts(student=lambda _: BadAnswerError("nothing came", kind="empty")))


async def test_what_ends_a_run_ends_it() -> None:
    calls = 0

    def capped(request: ChatRequest) -> str | Exception:
        nonlocal calls
        calls += 1
        return BudgetError("the cap is reached") if calls > 5 else judge(request)

    with pytest.raises(BudgetError, match="the cap is reached"):
        await run(Scripts(judge=capped), concurrency=4)
    assert calls <= 5 + 4


async def test_coached_without_strategies_is_refused() -> None:
    with pytest.raises(ConfigError, match="needs strategies"):
        await evaluate(
            Ground(domain=domain(), seats=Scripts().seats(), coach=None, prompts=load_prompts()),
            settings=EvaluateConfig(),
            concurrency=1,
            emit=ignore,
        )


async def test_without_the_student_the_first_arm_is_the_baseline() -> None:
    found, _ = await run(arms=("coached", "teacher"), profiles=4)
    assert found.analysis.baseline == "coached"
    assert found.difference("teacher") is not None
