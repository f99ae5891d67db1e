"""Advice goes into the bytes as the coach puts it into messages, and nothing else changes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preceptor.coach import with_block
from preceptor.coach.messages import turns_of
from preceptor.serve.insert import NoPlaceError, insert, read

BLOCK = '<advice>\n1. When "asked": say ‹yes›.\n</advice>'

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=8
)
texts = st.text() | st.sampled_from(["", " ", "</advice> now", "<ADVICE x", "a\n<advice>b", 'q"\\uD800', "é\u2028"])
image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}


def text_part(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def message(role: str, content: object, extra: dict[str, Any]) -> dict[str, Any]:
    return {**extra, "role": role, "content": content}


parts: st.SearchStrategy[list[dict[str, Any]]] = st.lists(st.builds(text_part, texts) | st.just(image), max_size=3)
messages = st.builds(
    message,
    st.sampled_from(["system", "user", "assistant", "tool", "developer"]),
    texts | parts,
    st.dictionaries(st.sampled_from(["name", "tool_call_id", "x"]), values, max_size=2),
)


@given(
    conversation=st.lists(messages, max_size=6),
    last=texts | parts,
    rest=st.dictionaries(st.text().filter(lambda k: k not in ("messages", "model", "stream")), values, max_size=3),
    indent=st.sampled_from([None, 2]),
    ascii_only=st.booleans(),
)
def test_it_parses_to_what_the_coach_makes(
    conversation: list[Any], last: Any, rest: dict[str, Any], indent: int | None, ascii_only: bool
) -> None:
    request: dict[str, Any] = {**rest, "messages": [*conversation, {"content": last, "role": "user"}], "z": 1}
    body = json.dumps(request, indent=indent, ensure_ascii=ascii_only).encode()
    found = insert(read(body, "chat"), BLOCK)
    assert json.loads(found) == {**request, "messages": with_block(request["messages"], BLOCK)}


@given(before=st.binary(max_size=0) | st.text(max_size=20).map(lambda t: json.dumps(t).encode()), text=st.text())
def test_all_other_bytes_stay(before: bytes, text: str) -> None:
    head = b'{"x" : 1.50e0,\t"messages":[ {"content":"hi","role":"system"} ,{"role":"user", "content":"'
    said = json.dumps(text.replace("<", "("))[1:-1].encode()
    tail = b'" , "n" :1}\r\n],"tools":[{"a":"\\u00e9\\/"}],  "logprobs":true,"seed":' + (before or b"1") + b" }\n"
    found = insert(read(head + said + tail, "chat"), BLOCK)
    assert found.endswith(tail)
    if text:
        assert found.startswith(head + said)
        assert found.removeprefix(head + said).removesuffix(tail) == json.dumps("\n\n" + BLOCK)[1:-1].encode()


def test_the_last_of_two_equal_keys_counts() -> None:
    body = b'{"messages":[],"messages":[{"role":"user","content":"a","content":"b"}]}'
    found = insert(read(body, "chat"), BLOCK)
    assert json.loads(found)["messages"][0]["content"] == f"b\n\n{BLOCK}"
    assert found.startswith(b'{"messages":[],"messages":[{"role":"user","content":"a","content":"b')


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not-json"),
        (b"{", "not-json"),
        (b"[]", "not-json"),
        (b"null", "not-json"),
        (b'{"messages":[{"role":"user","content":"a"}]} x', "not-json"),
        (b'{"messages":[{"role":"user","content":"a"},]}', "not-json"),
        (b'{"messages":[{"role":"user" "content":"a"}]}', "not-json"),
        (b'{"messages":[' + b"[" * 200_000 + b"]}", "not-json"),
        (b'{"messages":[{"role":"user","content":"\xff"}]}', "not-utf8"),
        ('{"messages":[]}'.encode("utf-16"), "not-utf8"),
        (b"\xef\xbb\xbf{}", "no-messages"),
        (b"\xef\xbb\xbf\xef\xbb\xbf{}", "not-json"),
        (b"{}", "no-messages"),
        (b'{"messages":{}}', "no-messages"),
        (b'{"messages":"hi"}', "no-messages"),
        (b'{"messages":null}', "no-messages"),
        (b'{"messages":[]}', "no-user-message"),
        (b'{"messages":[1,null,"user",["user"]]}', "no-user-message"),
        (b'{"messages":[{"role":"system","content":"a"}]}', "no-user-message"),
        (b'{"messages":[{"role":"user"}]}', "no-user-content"),
        (b'{"messages":[{"role":"user","content":null}]}', "no-user-content"),
        (b'{"messages":[{"role":"user","content":7}]}', "no-user-content"),
    ],
)
def test_what_has_no_place_for_advice(body: bytes, reason: str) -> None:
    with pytest.raises(NoPlaceError) as told:
        read(body, "chat")
    assert told.value.reason == reason


@given(body=st.binary(max_size=60))
def test_no_bytes_break_it(body: bytes) -> None:
    for kind in ("chat", "responses"):
        with pytest.raises(NoPlaceError):
            read(body, kind)


def test_the_state_keeps_tool_calls_and_results() -> None:
    call = {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "function": {"name": "find"}}]}
    said = [{"role": "user", "content": "hi"}, call, {"role": "tool", "tool_call_id": "1", "content": "none"}]
    asked = read(json.dumps({"model": "m", "stream": True, "messages": said}).encode(), "chat")
    assert list(asked.messages) == said
    assert asked.model == "m"
    assert json.loads(insert(asked, BLOCK))["messages"][1:] == said[1:]


def test_responses_take_text_and_items() -> None:
    found = insert(read(b'{"input":"hi","model":"m"}', "responses"), BLOCK)
    assert json.loads(found) == {"input": f"hi\n\n{BLOCK}", "model": "m"}
    given: list[Any] = [
        {"role": "developer", "content": "be kind"},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]},
        {"type": "reasoning", "summary": []},
        {"type": "function_call", "call_id": "1", "name": "find", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "1", "output": "none"},
        {"type": "custom_tool_call", "call_id": "2", "name": "sql", "input": "select 1"},
        {"type": "custom_tool_call_output", "call_id": "2", "output": [{"type": "input_text", "text": "1"}]},
        {"type": ["odd"]},
        7,
    ]
    asked = read(json.dumps({"input": given}).encode(), "responses")
    out = json.loads(insert(asked, BLOCK))["input"]
    assert out[1]["content"] == [{"type": "input_text", "text": "hi"}, {"type": "input_text", "text": BLOCK}]
    assert [out[0], *out[2:]] == [given[0], *given[2:]]
    assert asked.messages[2:] == (
        {"role": "assistant", "tool_calls": [{"id": "1", "function": {"name": "find", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "1", "content": "none"},
        {"role": "assistant", "tool_calls": [{"id": "2", "function": {"name": "sql", "arguments": "select 1"}}]},
        {"role": "tool", "tool_call_id": "2", "content": [{"type": "input_text", "text": "1"}]},
    )
    assert [t.text for t in turns_of(asked.messages)][1:] == ["find({}) -> none", "sql(select 1) -> 1"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"previous_response_id":"r"}', "no-messages"),
        (b'{"previous_response_id":"r","input":[{"type":"function_call_output","output":"x"}]}', "no-user-message"),
        (b'{"input":[{"type":"item_reference","id":"m"}]}', "no-user-message"),
        (b'{"input":{"role":"user","content":"hi"}}', "no-messages"),
        (b'{"input":["hi"]}', "no-user-message"),
        (b'{"prompt":{"id":"p"},"input":null}', "no-messages"),
    ],
)
def test_responses_without_a_place_for_advice(body: bytes, reason: str) -> None:
    with pytest.raises(NoPlaceError) as told:
        read(body, "responses")
    assert told.value.reason == reason


def test_the_prefix_is_the_same_from_turn_to_turn() -> None:
    history = [{"role": "system", "content": "policy"}, {"role": "user", "content": "one"}]
    later = [*history, {"role": "assistant", "content": "two"}, {"role": "user", "content": "three"}]
    first = insert(read(json.dumps({"messages": later}).encode(), "chat"), "advice A")
    second = insert(read(json.dumps({"messages": later}).encode(), "chat"), "advice B")
    cut = first.index(b"three")
    assert first[:cut] == second[:cut] == json.dumps({"messages": later}).encode()[:cut]
