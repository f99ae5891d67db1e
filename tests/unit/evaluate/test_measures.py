"""Measures beside satisfaction: service, policy, length, preferences, A/A, and stopping when precise."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from preceptor.core.errors import BadAnswerError, BudgetError, ConfigError
from preceptor.core.events import ignore
from preceptor.core.settings import EvaluateConfig
from preceptor.evaluate import sections
from preceptor.evaluate.arms import Ground
from preceptor.evaluate.markdown import markdown
from preceptor.evaluate.result import Evaluation, from_json
from preceptor.evaluate.run import evaluate
from preceptor.evaluate.sections import told
from preceptor.evaluate.summary import headline
from preceptor.llm import ChatRequest
from preceptor.prompts import load_prompts

from .small_world import Scripts, coach, domain, judge


async def run(scripts: Scripts | None = None, **settings: object) -> Evaluation:
    ground = Ground(domain=domain(), seats=(scripts or Scripts()).seats(), coach=coach(), prompts=load_prompts())
    config = EvaluateConfig.model_validate({"aa": 0, **settings})
    return await evaluate(ground, settings=config, concurrency=8, emit=ignore)


async def test_dimensions_are_measures_of_their_own() -> None:
    found = await run()
    empathy, assurance = found.measure("empathy"), found.measure("assurance")
    assert empathy is not None
    assert assurance is not None
    assert {a.arm: a.estimate.value for a in empathy.arms} == {"student": 1, "coached": 4, "teacher": 1}
    assert {d.arm: d.finding for d in empathy.differences} == {"coached": "higher", "teacher": "unclear"}
    assert all(d.finding == "unclear" for d in assurance.differences)
    assert "| coached |" in markdown(found)
    assert "4.00 (+3.00*)" in markdown(found)


async def test_breaches_are_quoted_or_dropped() -> None:
    def lying(request: ChatRequest) -> str | Exception:
        text = request.messages[-1].content
        if '"breaches"' in text and "Sorry" in text:
            return json.dumps({"breaches": [{"quote": "I promise you gold", "rule": "Be fair."}]})
        return judge(request)

    found = await run(Scripts(judge=lying))
    arms = {a.arm: a for a in found.arms}
    assert {n: (a.breaches, a.unfounded) for n, a in arms.items()} == {
        "student": (0, 0),
        "coached": (0, 12),
        "teacher": (12, 0),
    }
    assert arms["teacher"].kept is not None
    assert arms["teacher"].kept.value == 0
    assert arms["coached"].kept is not None
    assert arms["coached"].kept.value == 1
    text = markdown(found)
    assert "| teacher | h00/0 | Gladly: here | Be fair. |" in text
    assert "gold" not in text


async def test_a_further_rating_that_fails_leaves_the_dialogue_standing() -> None:
    def broken(request: ChatRequest) -> str | Exception:
        if '"reliability"' in request.messages[0].content:
            return BadAnswerError("no numbers", kind="not-json")
        return judge(request)

    found = await run(Scripts(judge=broken), profiles=3)
    assert all(a.failed == 0 for a in found.arms)
    assert all(i.service is None and i.lost[0].startswith("not-json: ") for i in found.items)
    assert found.measure("empathy") is None
    assert found.measure("kept") is not None


async def test_measures_can_be_left_out_and_then_cost_nothing() -> None:
    scripts = Scripts()
    found = await run(scripts, measures=(), profiles=4)
    assert len(scripts.models["judge"].requests) == 12
    assert {m.name for m in found.measures} == {"resolved"}


async def test_length_stands_beside_the_score() -> None:
    found = await run()
    assert {x.arm: round(x.adjusted.ratio) for x in found.lengths} == {"coached": 8, "teacher": 9}
    assert all(x.adjusted.adjusted is None and x.adjusted.reason for x in found.lengths)
    assert "cannot be told" in markdown(found)


async def test_preferences_in_both_orders() -> None:
    scripts = Scripts()
    found = await run(scripts, pairwise=True, profiles=6, measures=())
    p = found.preferences
    assert p is not None
    assert len(p.pairs) == 18
    assert {(r.arm, r.other): (r.wins, r.ties, r.losses) for r in p.rates} == {
        ("coached", "student"): (6, 0, 0),
        ("teacher", "student"): (6, 0, 0),
        ("coached", "teacher"): (0, 0, 6),
    }
    assert [s.arm for s in p.strengths] == ["teacher", "coached", "student"]
    assert p.strengths[-1].score == 0
    assert (p.first_shown, p.contradicted) == (0.5, 0)
    assert "won/tied/lost" in markdown(found)
    assert from_json(found.to_json()) == found


async def test_a_judge_who_always_names_the_first_gives_ties_and_is_found_out() -> None:
    def first(request: ChatRequest) -> str | Exception:
        if '"preferred"' in request.messages[-1].content:
            return json.dumps({"reason": "", "preferred": "first"})
        return judge(request)

    p = (await run(Scripts(judge=first), pairwise=True, profiles=4, measures=())).preferences
    assert p is not None
    assert all(r.ties == 4 for r in p.rates)
    assert (p.first_shown, p.contradicted) == (1.0, 1.0)


async def test_aa_meets_the_same_customers_again_with_other_chance() -> None:
    scripts = Scripts()
    found = await run(scripts, aa=100, measures=())
    again = found.again
    assert again is not None
    assert (again.arm, again.difference.estimate.n) == ("student", 12)
    first = {i.unit: i for i in found.items if i.arm == "student"}
    assert all(i.dialogue.turns[0] == first[i.unit].dialogue.turns[0] for i in found.again_items)
    seeds = [r.seed for r in scripts.models["student"].requests if "<advice>" not in r.messages[-1].content]
    assert len(seeds) == len(set(seeds))
    assert again.as_large["coached"] == 0
    assert again.passed <= 0.12
    assert "A/A: student against itself with 12 customers" in told(found)[0]


async def test_aa_counts_in_no_other_figure() -> None:
    without, with_it = await run(profiles=6), await run(profiles=6, aa=4)
    assert with_it.analysis == without.analysis
    assert with_it.items == without.items
    assert without.again is None


async def test_customers_are_added_until_it_is_precise_and_the_bounds_say_so() -> None:
    wide, narrow = await run(until_precise=0.6), await run(until_precise=0.3)
    assert wide.stopping is not None
    assert narrow.stopping is not None
    for found, target in ((wide, 0.6), (narrow, 0.3)):
        s = found.stopping
        assert s is not None
        assert s.ended == "precise"
        last = s.looks[-1]
        assert (last.high - last.low) / 2 <= target
        assert all((x.high - x.low) / 2 > target for x in s.looks[:-1])
        assert f"{last.low:+.2f} to {last.high:+.2f}" in headline(found)
    assert wide.stopping.looks[-1].n < narrow.stopping.looks[-1].n
    units = [i.unit for i in narrow.items if i.arm == "student"]
    assert len(units) == len(set(units)) == narrow.stopping.looks[-1].n
    assert from_json(narrow.to_json()) == narrow


async def test_it_ends_at_the_budget_with_whole_batches() -> None:
    calls = 0

    def capped(request: ChatRequest) -> str | Exception:
        nonlocal calls
        calls += 1
        return BudgetError("the cap is reached") if calls > 130 else judge(request)

    found = await run(Scripts(judge=capped), until_precise=0.05, measures=(), pairwise=True, aa=5)
    s = found.stopping
    assert s is not None
    assert (s.ended, s.looks[-1].n) == ("budget", 32)
    assert len(found.items) == 96
    assert found.preferences is None
    assert "the budget ended" in told(found)[0]


async def test_a_budget_that_ends_before_the_first_look_ends_the_run() -> None:
    with pytest.raises(BudgetError):
        await run(Scripts(judge=lambda _: BudgetError("the cap is reached")), until_precise=0.2)


async def test_precision_of_one_arm_is_refused() -> None:
    with pytest.raises(ConfigError, match="two arms"):
        await run(until_precise=0.2, arms=("student",))


async def test_customers_of_issues_that_learning_never_met_stand_apart() -> None:
    whole = domain()
    known = whole.issues[0]
    new = replace(known, key="brand-new", title="Something else")
    late = [p.id for p in whole.profiles if p.heldout][:5]
    profiles = tuple(replace(p, issue="brand-new") if p.id in late else p for p in whole.profiles)
    apart = replace(whole, issues=(*whole.issues, new), profiles=profiles)
    settings = EvaluateConfig(aa=0, measures=(), arms=("student", "coached"))
    ground = Ground(domain=apart, seats=Scripts().seats(), coach=coach(), prompts=load_prompts())
    found = await evaluate(ground, settings=settings, concurrency=8, emit=ignore)
    assert {c.profile for c in found.customers if not c.practised} == set(late)
    assert [u.arm for u in found.unseen] == ["coached"]
    told = found.unseen[0]
    assert told.issues is not None
    assert told.profiles is not None
    assert (told.issues.clusters, told.profiles.clusters) == (5, 7)
    assert sections.unseen(found).rows[0][0] == "coached"
    assert sections.unseen_note(found) == ""
    ground = replace(ground, domain=whole)
    same = await evaluate(ground, settings=settings, concurrency=8, emit=ignore)
    assert same.unseen == ()
    assert "nothing is known" in sections.unseen_note(same)
