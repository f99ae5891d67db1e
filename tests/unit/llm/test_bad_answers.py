"""Every kind of bad answer, in a structured and in a free-text seat."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.bad_answers import BAD_ANSWERS, GOOD, BadAnswer, Reference

from preceptor.core.errors import BadAnswerError
from preceptor.core.untrusted import clean
from preceptor.llm import ChatMessage, ChatReply, ChatRequest, ScriptedModel, Seat, Usage
from preceptor.llm.model import Finish

ASKED = (ChatMessage("user", "Which reply is better?"),)
EXPECTED = Reference.model_validate_json(GOOD)
KINDS = {
    "empty",
    "refusal",
    "truncated",
    "not-json",
    "wrong-shape",
    "ambiguous",
    "repetition",
    "too-long",
    "garbled",
    "markup",
}
IDS = [bad.name for bad in BAD_ANSWERS]


def seat(text: str, finish: Finish = "stop", again: int = 2) -> tuple[Seat, ScriptedModel]:
    def answer(request: ChatRequest) -> ChatReply:
        return ChatReply(text=text, finish=finish, usage=Usage(input=1, output=1), model="test")

    model = ScriptedModel(answer)
    return Seat.plain(model, again=again), model


def test_the_table_is_large_and_its_names_and_kinds_are_sound() -> None:
    assert len(BAD_ANSWERS) >= 200
    assert len(set(IDS)) == len(IDS)
    assert {bad.fill for bad in BAD_ANSWERS} == KINDS | {"same", "data"}
    assert {bad.say for bad in BAD_ANSWERS} <= KINDS | {"same", "data"}


@pytest.mark.parametrize("bad", BAD_ANSWERS, ids=IDS)
async def test_a_structured_seat(bad: BadAnswer) -> None:
    asked, model = seat(bad.make(GOOD), bad.finish)
    if bad.fill in {"same", "data"}:
        answer = await asked.fill(ASKED, Reference, seed=1, phase="test", item="one")
        assert len(model.requests) == 1
        if bad.fill == "same":
            assert answer == EXPECTED
        else:
            assert (answer.verdict, answer.score) == (EXPECTED.verdict, EXPECTED.score)
            assert answer.reason != EXPECTED.reason
            assert answer.reason == clean(answer.reason)
        return
    with pytest.raises(BadAnswerError) as caught:
        await asked.fill(ASKED, Reference, seed=1, phase="test", item="one")
    assert caught.value.kind == bad.fill
    assert len(model.requests) == 3, "a bad answer is asked for twice again"
    assert_presentable(caught.value)


@pytest.mark.parametrize("bad", BAD_ANSWERS, ids=IDS)
async def test_a_free_text_seat(bad: BadAnswer) -> None:
    text = bad.make(GOOD)
    asked, model = seat(text, bad.finish)
    if bad.say == "data":
        answer = await asked.say(ASKED, seed=1, phase="test", item="one")
        assert answer
        assert answer == clean(answer)
        assert answer in clean(text)
        assert len(model.requests) == 1
        return
    with pytest.raises(BadAnswerError) as caught:
        await asked.say(ASKED, seed=1, phase="test", item="one")
    assert caught.value.kind == bad.say
    assert len(model.requests) == 3
    assert_presentable(caught.value)


def assert_presentable(error: BadAnswerError) -> None:
    assert str(error).startswith("student (scripted:test), asked 3 times: ")
    assert "\n" not in str(error)
    assert len(str(error)) < 1000
    assert str(error) == clean(str(error))
    assert error.hint


@pytest.mark.parametrize("bad", [b for b in BAD_ANSWERS if b.fill not in {"same", "data"}], ids=lambda b: b.name)
async def test_a_second_try_is_told_what_was_wrong_and_may_succeed(bad: BadAnswer) -> None:
    model = ScriptedModel(
        [ChatReply(text=bad.make(GOOD), finish=bad.finish, usage=Usage(input=1, output=1), model=""), GOOD]
    )
    answer = await Seat.plain(model).fill(ASKED, Reference, seed=1, phase="test", item="one")
    assert answer == EXPECTED
    first, second = model.requests
    assert second.seed != first.seed
    assert [m.role for m in second.messages] == ["user", "assistant", "user"]
    shown, complaint = second.messages[1].content, second.messages[2].content
    assert shown.startswith("<unusable_answer>")
    assert shown.endswith("</unusable_answer>")
    assert len(shown) < 1400
    inside = shown[len("<unusable_answer>") : -len("</unusable_answer>")]
    assert re.search(r"</?\s*[A-Za-z]", inside) is None, "nothing in the bad answer can pose as a fence"
    assert "cannot be used: " in complaint
    assert len(complaint) < 1200


async def test_the_complaint_names_field_and_reason() -> None:
    model = ScriptedModel(['{"verdict": "both", "score": 9}', GOOD])
    await Seat.plain(model).fill(ASKED, Reference, seed=1, phase="test", item="one")
    complaint = model.requests[1].messages[-1].content
    assert "verdict: Input should be 'first', 'second' or 'same'" in complaint
    assert "score: Input should be less than or equal to 5" in complaint
    assert "reason: Field required" in complaint


@given(st.text(max_size=600))
async def test_no_text_does_more_than_fail(text: str) -> None:
    asked, _ = seat(text, again=0)
    try:
        answer = await asked.say(ASKED, seed=1, phase="test", item="one")
    except BadAnswerError as error:
        answer, kind = "", error.kind
        assert kind in KINDS
    assert answer == clean(answer)
    with pytest.raises(BadAnswerError) as caught:
        await asked.fill(ASKED, Reference, seed=1, phase="test", item="one")
    assert caught.value.kind in KINDS


@given(st.data())
async def test_a_good_answer_with_anything_cut_out_is_never_made_up(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(GOOD)))
    end = data.draw(st.integers(start, len(GOOD)))
    asked, _ = seat(GOOD[:start] + GOOD[end:], again=0)
    try:
        answer = await asked.fill(ASKED, Reference, seed=1, phase="test", item="one")
    except BadAnswerError as error:
        kind = error.kind
        assert kind in KINDS
        return
    assert answer.verdict in GOOD
    assert answer.reason in (GOOD[:start] + GOOD[end:])
    assert f"{answer.score:g}" in (GOOD[:start] + GOOD[end:])
