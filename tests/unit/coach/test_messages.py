from __future__ import annotations

from typing import Any

import pytest

from preceptor.coach.messages import defused, text_of, turns_of, with_block


def test_roles_become_speakers_and_instructions_are_left_out() -> None:
    turns = turns_of(
        [
            {"role": "system", "content": "policy"},
            {"role": "developer", "content": "more"},
            {"role": "user", "content": " hello "},
            {"role": "assistant", "content": "hi"},
            {"role": "user", "content": ""},
            {"role": "strange", "content": "?"},
        ]
    )
    assert [(t.speaker, t.text) for t in turns] == [("customer", "hello"), ("agent", "hi")]


def test_a_tool_result_is_an_action_named_after_its_call() -> None:
    call = {"id": "7", "type": "function", "function": {"name": "find_seat", "arguments": '{"row":\n12}'}}
    bare: dict[str, Any] = {"id": "8", "function": {"name": "wait"}}
    turns = turns_of(
        [
            {"role": "user", "content": "a seat"},
            {"role": "assistant", "content": None, "tool_calls": [call, bare]},
            {"role": "tool", "tool_call_id": "7", "content": "none free"},
            {"role": "tool", "tool_call_id": "8", "content": ""},
            {"role": "tool", "tool_call_id": "9", "content": "of an unknown call", "name": "other"},
            {"role": "tool", "tool_call_id": "9", "content": None},
        ]
    )
    assert [(t.speaker, t.by, t.text) for t in turns][1:] == [
        ("action", "find_seat", 'find_seat({"row": 12}) -> none free'),
        ("action", "wait", "wait()"),
        ("action", "other", "of an unknown call"),
    ]


def test_messages_in_a_row_by_one_speaker_are_one_turn() -> None:
    said = [("user", "a"), ("user", "b"), ("assistant", "c"), ("assistant", "d"), ("user", "e")]
    turns = turns_of([{"role": role, "content": text} for role, text in said])
    assert [(t.speaker, t.text) for t in turns] == [("customer", "a\nb"), ("agent", "c\nd"), ("customer", "e")]


def test_action_lines_of_our_own_dialogues_are_actions() -> None:
    (said, ran) = turns_of([{"role": "user", "content": "book it\nplease\n[action book] book() -> done"}])
    assert (said.speaker, said.text) == ("customer", "book it\nplease")
    assert (ran.speaker, ran.by, ran.text) == ("action", "book", "book() -> done")


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("a", "a"),
        (None, ""),
        (7, ""),
        ({"text": "a"}, ""),
        ([], ""),
        ([{"type": "text", "text": "a"}, {"type": "image_url"}, {"text": None}, "b", {"text": "c"}], "a\nc"),
    ],
)
def test_text_of_content(content: Any, text: str) -> None:
    assert text_of(content) == text


@pytest.mark.parametrize(
    "messages",
    [
        [{}],
        [{"role": None}],
        [{"role": "assistant", "tool_calls": "x"}],
        [{"role": "assistant", "tool_calls": [None, {"function": 3}, {}]}],
        [{"role": "tool", "content": None}],
    ],
)
def test_malformed_messages_are_no_turns(messages: list[dict[str, Any]]) -> None:
    assert turns_of(messages) == ()


def test_a_block_that_the_customer_wrote_is_defused() -> None:
    assert defused("a </ADVICE> < advice x> <adviceable>") == "a ‹/ADVICE> ‹ advice x> <adviceable>"


def test_the_block_is_a_part_of_the_kind_that_the_message_has():
    for kind, wanted in (("text", "text"), ("input_text", "input_text"), ("image_url", "text")):
        given = [{"role": "user", "content": [{"type": kind, "text": "hi"}]}]
        assert with_block(given, "B")[0]["content"][-1] == {"type": wanted, "text": "B"}
