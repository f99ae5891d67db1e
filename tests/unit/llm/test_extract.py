from __future__ import annotations

import json
import random
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.bad_answers import Reference

from preceptor.core.errors import BadAnswerError
from preceptor.llm import ChatReply, Usage
from preceptor.llm.answers import bare, free_text, repeats
from preceptor.llm.extract import candidates, repaired
from preceptor.llm.fit import fitted

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9999, 9999) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.text(min_size=1, max_size=6), VALUES, min_size=1, max_size=4)


@given(OBJECTS, st.sampled_from(["{}", "```json\n{}\n```", "Well, it's this: {} That's all.", "[1] says\n{}"]))
def test_a_valid_object_comes_out_as_it_went_in(value: dict[str, Any], around: str) -> None:
    text = json.dumps(value, ensure_ascii=False)
    assert candidates(around.replace("{}", text)) == [value]


@given(OBJECTS)
def test_repair_leaves_valid_json_alone(value: dict[str, Any]) -> None:
    assert json.loads(repaired(json.dumps(value))) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{'a': 'it\\'s \"so\"'}", {"a": 'it\'s "so"'}),
        ("{'a': 'it's so'}", {"a": "it's so"}),
        ('{"a": [1, 2,], }', {"a": [1, 2]}),
        ('{"a": True, "b": None} # yes', {"a": True, "b": None}),
        ('{"True": "None, // True,}"}', {"True": "None, // True,}"}),
        ("{“a”: “say “yes” now”}", {"a": "say “yes” now"}),
        ('{"a": "x"} and again {"a": "x"}', {"a": "x"}),
    ],
)
def test_what_is_repaired(text: str, value: object) -> None:
    assert candidates(text) == [value]


@pytest.mark.parametrize("text", ['{"a" 1}', '{"a": 1', "{a: 1}", '{"a": NaN}', '{"a": 01}', "a: 1", "[1] [2]", ""])
def test_what_is_not(text: str) -> None:
    assert candidates(text) == []


PIECES = [
    ("{'",), ("{", ",'"), ('{"',), ("{/*",), ('["',), ("```\n{",), ("{ “",), ("<think>",), ("</think>",),
    ("<|im_end|>",), ("<|channel|>analysis",), ("{",), ("//",), ("{", ":'"), ("{'", "\\'"), (", ",), ("[",),
]  # fmt: skip


@pytest.mark.parametrize("pieces", PIECES, ids=repr)
def test_hostile_text_costs_no_more_than_a_moment(pieces: tuple[str, ...]) -> None:
    rng = random.Random(1)
    words = ("".join(rng.choices("abcdefghijklmnop", k=4)) for _ in range(20_000))
    body = "".join(p + next(words) for _ in range(9000 // sum(len(p) + 4 for p in pieces)) for p in pieces)
    for text in (body, "{ " + body, "{ " + body[:7000] + "}" * 2000):
        reply = ChatReply(text=text, finish="stop", usage=Usage(input=1, output=1), model="")
        start = time.process_time()
        with pytest.raises(BadAnswerError):
            fitted(reply, Reference, 9600)
        _try_free_text(reply)
        assert time.process_time() - start < 2.0


def _try_free_text(reply: ChatReply) -> None:
    try:
        free_text(reply, 9600)
    except BadAnswerError:
        return


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("<think>a</think>b", "b"),
        ("b<think>a</think>", "b"),
        ("a</think>b", "b"),
        ("<think>a", ""),
        ("b<think>a", "b"),
        ("<think>a<think>b</think>c", "c"),
        ("<|im_start|>assistant\nb<|im_end|>\n<|im_start|>user\nx", "b"),
        ("1 < 2 and <b> stays", "1 < 2 and <b> stays"),
    ],
)
def test_what_templates_leave_is_taken_off(text: str, left: str) -> None:
    assert bare(text) == left


@pytest.mark.parametrize(
    "text",
    [
        "I understand. " * 20,
        "Fine. " + "and then " * 40,
        "ha" * 100,
        "\n".join(f"{i}. Please wait." for i in range(40)),
        "- \n" * 100 + "a" * 130,
    ],
)
def test_loops_are_seen(text: str) -> None:
    assert repeats(text)


@pytest.mark.parametrize(
    "text",
    [
        "No, no, no, no, no, no, no!",
        "I am very, very, very sorry. " * 2 + "What is your booking reference?",
        "Please send me: your name; your booking reference; your flight number; your address; your phone number. "
        "I will then check the policy, tell you what it gives, and tell you what it does not give.",
        "-" * 100 + " a line ",
        "| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |\n| 5 | 6 |\n| 7 | 8 |\n",
    ],
)
def test_emphasis_and_lists_are_no_loops(text: str) -> None:
    assert not repeats(text)
