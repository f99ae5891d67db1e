"""Fine-tuning examples: the coached reply, as the student would give it without advice."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from tests.unit.library.made import lesson, strategy

from preceptor.core.records import Attempt, Comparison, Scenario, Turn
from preceptor.exchange.contents import Taught
from preceptor.exchange.finetune import examples

GOOD = Comparison(verdict="as_good", axes=(), reason="", orders=2)
WORSE = Comparison(verdict="worse", axes=(), reason="", orders=1)


def taught(n: int, *, advice: tuple[str, ...] = (), verdict: Comparison = GOOD, **fields: Any) -> Taught:
    attempts = (
        Attempt(number=0, strategies=(), reply="Hm.", comparison=WORSE),
        Attempt(number=1, strategies=(strategy(n),), reply=f"Let me see, {n}.", comparison=verdict),
    )
    values: dict[str, Any] = {"attempts": attempts, "advice": advice, **fields}
    return Taught(lesson=lesson(n, **values), run="r", stage=0)


def every(_: str) -> bool:
    return True


def answered(scenario: Scenario) -> bool:
    return bool(scenario.reference)


def test_the_messages_form():
    found = examples([taught(1)], "Be kind.", every, answered)
    (line,) = found.lines
    assert json.loads(line) == {
        "messages": [
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": "Where is bag 1?"},
            {"role": "assistant", "content": "Let me see, 1."},
        ]
    }
    assert strategy(1).do not in line
    assert line.isascii()


def talked() -> Taught:
    """With replies of the agent before the one that was coached."""
    one = taught(1)
    turns = (
        Turn(speaker="customer", text="Hello?"),
        Turn(speaker="agent", text="What is it now.", by="student"),
        *one.lesson.scenario.turns,
    )
    return replace(one, lesson=replace(one.lesson, scenario=replace(one.lesson.scenario, turns=turns)))


def test_earlier_replies_are_read_and_not_trained_on():
    (line,) = examples([talked()], "Be kind.", every, answered).lines
    said = [m for m in json.loads(line)["messages"] if m["role"] == "assistant"]
    assert said == [
        {"role": "assistant", "content": "What is it now.", "weight": 0},
        {"role": "assistant", "content": "Let me see, 1."},
    ]


def test_the_prompt_completion_form():
    (line,) = examples([talked()], "Be kind.", every, answered, form="prompt-completion").lines
    assert json.loads(line) == {
        "prompt": [
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": "Hello?"},
            {"role": "assistant", "content": "What is it now."},
            {"role": "user", "content": "Where is bag 1?"},
        ],
        "completion": [{"role": "assistant", "content": "Let me see, 1."}],
    }


def test_actions_stand_as_the_student_sees_them():
    one = taught(1)
    turns = (*one.lesson.scenario.turns, Turn(speaker="action", text="found(1)\u2028 -> no", by="found"))
    scenario = replace(one.lesson.scenario, turns=turns, reference="I see.")
    found = examples([replace(one, lesson=replace(one.lesson, scenario=scenario))], "", every, answered)
    assert json.loads(found.lines[0])["messages"][1]["content"].startswith(
        "Where is bag 1?\n[action found] found(1)"
    )
    assert found.logged == 1


def test_only_what_was_accepted_with_approved_advice():
    lessons = [
        taught(1),
        taught(2, verdict=WORSE),
        taught(3),
        taught(4, advice=("strategy-x",)),
        taught(5, kept=0, attempts=(Attempt(number=0, strategies=(), reply="Own.", comparison=GOOD),)),
        taught(6, kept=9),
        taught(1),
    ]
    found = examples(lessons, "", lambda id: id in (strategy(1).id, strategy(4).id), answered)
    assert len(found.lines) == 1
    assert found.left_out == {"not-accepted": 2, "not-approved": 2, "uncoached": 1, "same": 1}


def test_a_reply_that_was_good_at_once_counts_where_it_was_coached():
    first = (Attempt(number=0, strategies=(), reply="Own.", comparison=GOOD),)
    one = taught(1)
    coached = replace(one, lesson=replace(one.lesson, attempts=first, kept=0, advice=("strategy-x",)))
    assert len(examples([coached], "", every, answered).lines) == 1
