"""Whole proving runs on scripted seats."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from tests.unit.evaluate.small_world import Scripts, customer, domain

from preceptor.coach import Coach, CoachSettings
from preceptor.core.errors import BadAnswerError, RunError
from preceptor.core.events import Event, ItemFailed
from preceptor.core.ids import canonical_json
from preceptor.core.records import Dialogue, Issue, Scenario, Strategy, Turn
from preceptor.core.settings import ProveConfig
from preceptor.evaluate.prove import Ground, Proof, evidence, prove, situations
from preceptor.evaluate.prove.pool import Pool, Situation, prefixes
from preceptor.evaluate.prove.run import budget
from preceptor.evaluate.prove.spend import Plan
from preceptor.llm import ChatRequest
from preceptor.prompts import load_prompts

WHEN = "a customer asks for a refund of a ticket"
SORRY = Strategy(id="sorry", when=WHEN, do="say sorry for the trouble first")
RUDE = Strategy(id="rude", when=WHEN, do="laugh at the customer")
IDLE = Strategy(id="idle", when=WHEN, do="mention the weather in passing")


def student(request: ChatRequest) -> str:
    asked = request.messages[-1].content
    parts = ["Sorry for that."] if "say sorry" in asked else []
    parts += ["Ha ha ha."] if "laugh" in asked else []
    parts += ["Nice weather."] if "weather" in asked else []
    return " ".join([*parts, f"Your ticket is looked at, {request.seed % 5}."])


def judge(request: ChatRequest) -> str:
    text = request.messages[0].content
    worth = []
    for tag in ("first", "second"):
        said = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)[-1]
        worth.append(2 * ("Sorry" in said) - 3 * ("Ha ha" in said))
    better = "same" if worth[0] == worth[1] else "first" if worth[0] > worth[1] else "second"
    sides = dict.fromkeys(("accuracy", "tone", "clarity", "next_step", "better"), better)
    return json.dumps({**sides, "reason": "as it felt", "lacks": ""})


def ground(scripts: Scripts | None = None, **changes: object) -> tuple[Ground, list[Event]]:
    events: list[Event] = []
    strategies = [SORRY, RUDE, IDLE]
    made = Ground(
        domain=domain(heldout=2, training=12),
        seats=(scripts or Scripts(student=student, judge=judge)).seats(),
        coach=Coach(strategies, settings=CoachSettings(floor=0)),
        strategies=strategies,
        prompts=load_prompts(),
        settings=ProveConfig(dialogues=12, max_turns=2, calls=700),
        concurrency=8,
        emit=events.append,
    )
    return replace(made, **changes), events  # type: ignore[arg-type]


def by_id(proof: Proof) -> dict[str, str]:
    return {s.strategy: s.verdict for s in proof.strategies}


async def test_help_harm_and_neither_are_told_apart() -> None:
    made, _ = ground()
    proof = await prove(made)
    assert by_id(proof) == {"sorry": "helpful", "rude": "harmful", "idle": "unproven"}
    assert [s.strategy for s in proof.strategies] == ["sorry", "idle", "rude"]
    assert proof.calls <= 700
    assert proof.noise < 0.5
    assert proof.untried == ()
    assert {r.cluster for r in proof.replays} <= {p.id for p in made.domain.profiles if not p.heldout}
    found = evidence(proof, "prove-001")
    assert [(e.strategy_id, e.verdict, e.measure) for e in found] == [
        ("idle", "unproven", "preference"),
        ("rude", "harmful", "preference"),
        ("sorry", "helpful", "preference"),
    ]


async def test_harm_is_tried_no_more_once_it_is_clear() -> None:
    made, _ = ground()
    proof = await prove(made)
    had = {s.strategy: s.n for s in proof.strategies}
    assert had["rude"] < had["idle"]


async def test_concurrency_does_not_change_the_bytes() -> None:
    one, _ = ground(concurrency=1)
    many, _ = ground(concurrency=16)
    assert canonical_json(await prove(one)) == canonical_json(await prove(many))


async def test_a_model_that_fails_spoils_its_replay_only() -> None:
    def sometimes(request: ChatRequest) -> str | Exception:
        return BadAnswerError("no", kind="empty") if request.seed % 2 == 0 else judge(request)

    made, events = ground(Scripts(student=student, judge=sometimes))
    proof = await prove(made)
    assert proof.failed > 0
    assert sum(isinstance(e, ItemFailed) and e.kind == "replay" for e in events) == proof.failed
    assert by_id(proof)["rude"] == "harmful"


async def test_nothing_to_prove_is_said() -> None:
    made, _ = ground(strategies=[])
    with pytest.raises(RunError, match="no strategies"):
        await prove(made)
    made, _ = ground(settings=ProveConfig(dialogues=0))
    with pytest.raises(RunError, match="no scenario"):
        await prove(made)
    made, _ = ground(settings=ProveConfig(dialogues=2, max_turns=1, calls=1))
    with pytest.raises(RunError, match="allows no replay"):
        await prove(made)


async def test_all_replays_spoiled_is_an_error_and_not_a_result() -> None:
    made, _ = ground(
        Scripts(student=student, customer=customer, judge=lambda _: BadAnswerError("no", kind="empty"))
    )
    with pytest.raises(RunError, match="could be judged"):
        await prove(made)


def scenario(n: int, opening: str = "I want a refund of my ticket.") -> Scenario:
    turns = (
        Turn(speaker="customer", text=opening),
        *(Turn(speaker=s, text=f"{s} {i}") for i in range(n) for s in ("agent", "customer")),
    )
    return Scenario(id=f"scenario-{n}", turns=turns, profile="t02", stage=0)  # type: ignore[arg-type]


def test_a_strategy_is_not_tried_on_the_dialogue_that_it_was_learned_from() -> None:
    own, same_dialogue, other = scenario(0), scenario(1), replace(scenario(2), profile="t03")
    learned = replace(SORRY, scenarios=(own.id,))
    made, _ = ground(strategies=[learned], scenarios={own.id: own})
    found = situations(made, [own, same_dialogue, other])
    assert [s.scenario.id for s in found] == [other.id]
    assert found[0].fits == {"sorry": 1.0}


def test_a_strategy_is_tried_first_where_customers_have_the_issue_that_it_was_learned_in() -> None:
    made, _ = ground()
    other = Issue(key="bag", title="Bag", story="My bag is lost.", goal="Find it.")
    profiles = tuple(replace(p, issue="bag") if p.id == "t04" else p for p in made.domain.profiles)
    own = scenario(0)
    learned = replace(SORRY, scenarios=(own.id,))
    moved = replace(
        made,
        domain=replace(made.domain, issues=(*made.domain.issues, other), profiles=profiles),
        strategies=[learned],
        scenarios={own.id: own},
    )
    # Its customer has another issue, though his words fit better.
    elsewhere = replace(scenario(1, "I want a refund of my ticket!"), profile="t04")
    same = replace(scenario(2, "A refund of that ticket is what I want from you now."), profile="t03")
    assert [s.scenario.id for s in situations(moved, [elsewhere, same], 1)] == [same.id]
    assert [s.scenario.id for s in situations(moved, [elsewhere, same], 1, elsewhere=1.0)] == [elsewhere.id]
    general = replace(moved, strategies=[replace(learned, scope="domain")])
    assert [s.scenario.id for s in situations(general, [elsewhere, same], 1)] == [elsewhere.id]


async def test_what_is_hardly_known_is_not_held_back_for_that() -> None:
    made, _ = ground()
    proof = await prove(replace(made, settings=made.settings.model_copy(update={"calls": 130, "risk": 0.001})))
    risky = [s for s in proof.strategies if s.risk > 0.001]
    assert {s.strategy: s.held for s in risky}["rude"]
    assert {s.strategy: s.held for s in risky}["idle"] is False
    assert all(s.lift < 0 for s in risky if s.held)


@pytest.mark.parametrize(("fit", "each"), [(1, 100), (3, 100), (4, 80), (9, 80)])
def test_where_few_strategies_meet_in_a_replay_each_has_more_calls(fit: int, each: int) -> None:
    here = tuple(replace(IDLE, id=f"idle-{n}") for n in range(fit))
    situation = Situation(scenario=scenario(0), strategies=here, fits={s.id: 1.0 for s in here})
    pool = Pool(situations=(situation, situation), dialogues=0, calls=0)
    assert budget(pool, 30, 6) == pytest.approx(30 * each, abs=1)


def test_replays_are_dealt_to_those_that_had_fewest_and_never_to_those_held() -> None:
    made, _ = ground()
    pool = situations(made, [scenario(0), replace(scenario(0), id="scenario-9", profile="t03")])
    plan = Plan(pool, most=2)
    tasks = plan.pick({}, ("rude",), 4)
    assert len(tasks) == 4
    assert all(len(t.strategies) <= 2 and RUDE not in t.strategies for t in tasks)
    assert plan.seen["sorry"] == plan.seen["idle"] == 4
    assert sorted(t.use for t in tasks) == [0, 0, 1, 1]
    assert plan.pick({"sorry": 0.0, "idle": 0.0}, ("rude",), 4) == []
    assert Plan((), most=2).pick({}, (), 3) == []


async def test_prefixes_are_where_the_agent_answered() -> None:
    made, _ = ground()
    proof = await prove(made)
    assert proof.dialogues == 12
    turns = scenario(2).turns
    dialogue = Dialogue(id="d", profile="t02", turns=turns, end="closed")
    assert [len(s.turns) for s in prefixes(dialogue)] == [1, 3]
