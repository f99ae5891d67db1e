"""What is the same becomes one, what contradicts is told, what recurs becomes a rule for the whole domain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.learn.desk import Desk, bound, rule

from preceptor.core.errors import BadAnswerError, BudgetError
from preceptor.core.events import ItemFailed
from preceptor.core.pool import Pool
from preceptor.core.records import Strategy
from preceptor.learn.consolidate import Consolidation, consolidate
from preceptor.llm.model import ChatMessage

A = bound("a", "ask for the bag tag number first")
B = bound("b", "first ask for the number on the bag tag")
C = bound("c", "the number on the bag tag: ask for it first")
OTHER = bound("o", "offer travel credit instead of cash", when="a ticket is restricted")


def relation(word: str, merged: dict[str, str] | None = None) -> dict[str, Any]:
    return {"relation": word, "reason": f"{word}, since so.", "merged": merged}


def teacher(relations: Sequence[Any] = (), general: Any = None):
    left = list(relations)

    def answers(messages: Sequence[ChatMessage], phase: str) -> Any:
        if "Which rules recur" in messages[-1].content:
            return {"strategies": []} if general is None else general
        return left.pop(0)

    return answers


async def done(desk: Desk, fresh: Sequence[Strategy], known: Sequence[Strategy] = (), **more: Any) -> Consolidation:
    told: list[str] = []
    async with Pool(1) as pool:
        result = await consolidate(
            desk.context, 0, fresh, known, **more, pool=pool, lasts=lambda some: told.extend(s.id for s in some)
        )
    # What is told to last while it goes is what lasts in the end.
    assert sorted(told) == sorted(s.id for s in result.lasting(fresh) if s not in result.general)
    return result


def asked_of_pairs(desk: Desk) -> list[str]:
    return [t for _, t, _ in desk.teacher.asked if "Say how they relate" in t]


async def test_what_says_the_same_becomes_one_that_rests_on_all_scenarios():
    desk = Desk(teacher=teacher([relation("same", rule("ask for the tag number"))]))
    [merged] = (await done(desk, [A, OTHER, B])).merged
    assert (merged.into.do, [s.id for s in merged.of]) == ("ask for the tag number", ["a", "b"])
    assert merged.into.scenarios == ("scenario-of-a", "scenario-of-b")
    assert merged.reason == "same, since so."


async def test_the_same_words_are_merged_without_asking():
    desk = Desk(teacher=teacher())
    twin = replace(A, id="twin", do=f"{A.do.upper()}.", scenarios=("elsewhere",))
    [merged] = (await done(desk, [A, twin])).merged
    assert merged.into.scenarios == ("scenario-of-a", "elsewhere")
    assert not asked_of_pairs(desk)


async def test_three_that_say_the_same_end_as_one():
    words = relation("same", rule(A.do))
    desk = Desk(teacher=teacher([words, words]), merge_likeness=0.6)
    [merged] = (await done(desk, [A, B, C])).merged
    assert {s.id for s in merged.of} == {"a", "b", "c"}
    assert len(merged.into.scenarios) == 3


async def test_a_merge_without_words_keeps_those_of_the_first():
    desk = Desk(teacher=teacher([relation("same")]))
    [merged] = (await done(desk, [A, B])).merged
    assert (merged.into.do, merged.into.id != A.id) == (A.do, True)


async def test_what_differs_stays():
    result = await done(Desk(teacher=teacher([relation("different")])), [A, B])
    assert (result.merged, result.contradictions) == ([], [])


async def test_a_contradiction_names_both_and_the_reason():
    [found] = (await done(Desk(teacher=teacher([relation("contradict")])), [A, B])).contradictions
    assert ({s.id for s in found.between}, found.note) == ({"a", "b"}, "contradict, since so.")


async def test_a_contradiction_with_what_was_merged_away_is_not_told():
    answers = [relation("contradict"), relation("same", rule("ask for it first: the tag number"))]
    desk = Desk(teacher=teacher(answers), merge_likeness=0.6)
    result = await done(desk, [A, B, C])
    alive = {"a", "b", "c"} - {s.id for m in result.merged for s in m.of}
    assert all(s.id in alive for c in result.contradictions for s in c.between)
    assert len(result.merged) == 1


async def test_two_that_were_both_known_before_are_not_asked_about_again():
    desk = Desk(teacher=teacher())
    await done(desk, [OTHER], [A, B])
    assert not asked_of_pairs(desk)

    desk = Desk(teacher=teacher([relation("different")]), merge_likeness=0.6)
    await done(desk, [C], [A, B])
    [asked] = asked_of_pairs(desk)
    assert C.do in asked


async def test_an_unusable_answer_leaves_the_pair_as_it_is_and_is_told():
    desk = Desk(teacher=teacher([BadAnswerError("prose", kind="no-json")]))
    result = await done(desk, [A, B])
    assert result.merged == []
    [failed] = [e for e in desk.events if isinstance(e, ItemFailed)]
    assert (failed.id, failed.failure) == ("a+b", "no-json")


async def test_what_ends_the_run_goes_up():
    with pytest.raises(BudgetError):
        await done(Desk(teacher=teacher([BudgetError("cap")])), [A, B])


def recurring(*support: int) -> dict[str, Any]:
    return {"strategies": [{**rule("say what happens next", when="a customer waits"), "from": list(support)}]}


APART = [
    bound("x", "offer a later flight", when="a flight was missed"),
    bound("y", "read the name back slowly", when="a name has a typo"),
    bound("z", "ask which aid is needed", when="a wheelchair is asked for"),
]


async def test_a_rule_for_the_whole_domain_rests_on_enough_different_scenarios():
    [general] = (await done(Desk(teacher=teacher(general=recurring(1, 2, 3)), general_support=3), APART)).general
    assert general.scope == "domain"
    assert set(general.scenarios) == {"scenario-of-x", "scenario-of-y", "scenario-of-z"}


@pytest.mark.parametrize("support", [(1, 2), (1, 1, 1), (1, 2, 0), (1, 2, 99), (-1, -2, -3)])
async def test_a_rule_that_rests_on_too_few_or_on_what_is_not_there_is_left_out(support: tuple[int, ...]):
    desk = Desk(teacher=teacher(general=recurring(*support)), general_support=3)
    assert (await done(desk, APART)).general == []


async def test_many_strategies_of_one_situation_are_no_support_for_the_whole_domain():
    one = [replace(s, scenarios=("the one",)) for s in APART[:2]] + [replace(APART[2], scenarios=("two", "three"))]
    desk = Desk(teacher=teacher(general=recurring(2, 3)), general_support=2)  # the one with more stands first
    assert (await done(desk, one)).general == []


async def test_a_general_rule_that_is_known_is_not_proposed_twice():
    known = Strategy(id="g", when="a customer waits", do="say what happens next", scope="domain")
    desk = Desk(teacher=teacher(general=recurring(1, 2, 3)), general_support=3)
    assert (await done(desk, APART, [known])).general == []


async def test_where_there_is_no_room_nobody_is_asked_for_general_rules():
    known = Strategy(id="g", when="a customer waits", do="say what happens next", scope="domain")
    desk = Desk(teacher=teacher(), general=1)
    assert (await done(desk, APART, [known])).general == []
    assert not desk.teacher.asked


async def test_general_rules_are_made_from_what_was_measured_to_help_where_that_is_demanded():
    desk = Desk(teacher=teacher(general=recurring(1, 2)), general_support=2, general_evidence="helpful")
    assert len((await done(desk, APART, helpful={"x", "y"})).general) == 1
    shown = desk.teacher.asked[-1][1]
    assert "later flight" in shown
    assert "which aid" not in shown


async def test_general_rules_that_cannot_be_read_cost_only_themselves():
    desk = Desk(teacher=teacher(general=BadAnswerError("prose", kind="no-json")), general_support=3)
    assert (await done(desk, APART)).general == []
    assert [e.failure for e in desk.events if isinstance(e, ItemFailed)] == ["no-json"]
