"""What the model said, read from any form of answer."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preceptor.serve.reply import data_of, reply_of

CALL = {"id": "c1", "type": "function", "function": {"name": "find", "arguments": '{"a":1}'}}


def chunk(**delta: Any) -> str:
    return "data: " + json.dumps({"choices": [{"index": 0, "delta": delta}]})


STREAM = "\n\n".join(
    [
        ": ping",
        chunk(role="assistant", content="Hel"),
        "data: " + json.dumps({"choices": [{"index": 1, "delta": {"content": "other"}}]}),
        chunk(content="lo"),
        chunk(tool_calls=[{"index": 0, "id": "c1", "function": {"name": "find", "arguments": ""}}]),
        chunk(tool_calls=[{"index": 0, "function": {"arguments": '{"a"'}}]),
        chunk(tool_calls=[{"index": 0, "function": {"arguments": ":1}"}}]),
        'data: {"choices":[],"usage":{}}',
        "data: [DONE]",
        "",
    ]
)
RESPONSE: dict[str, Any] = {
    "output": [
        {"type": "reasoning", "summary": []},
        {"type": "message", "content": [{"type": "output_text", "text": "Hello"}, {"type": "refusal"}]},
        {"type": "function_call", "call_id": "c1", "name": "find", "arguments": '{"a":1}'},
    ]
}
HELLO = {"role": "assistant", "content": "Hello", "tool_calls": [CALL]}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_stream_is_put_together(end: str) -> None:
    assert reply_of(STREAM.replace("\n", end).encode(), "chat") == HELLO
    done = "data: " + json.dumps({"type": "response.completed", "response": RESPONSE})
    text = f"event: response.created\ndata: {{}}\n\nevent: response.completed\n{done}\n\n"
    assert reply_of(text.replace("\n", end).encode(), "responses") == HELLO


def test_json_answers() -> None:
    choices = [
        {"index": 1, "message": {"content": "second"}},
        {"index": 0, "message": {"content": "Hello", "tool_calls": [CALL, None, {"function": 7}]}},
    ]
    assert reply_of(json.dumps({"choices": choices}).encode(), "chat") == HELLO
    assert reply_of(json.dumps(RESPONSE).encode(), "responses") == HELLO
    custom = {"type": "custom_tool_call", "call_id": "c2", "name": "sql", "input": "select 1"}
    found = reply_of(json.dumps({"output": [custom]}).encode(), "responses")
    assert found is not None
    assert found["tool_calls"] == [
        {"id": "c2", "type": "function", "function": {"name": "sql", "arguments": "select 1"}}
    ]


@pytest.mark.parametrize("end", ["response.completed", "response.incomplete"])
def test_the_last_event_of_a_stream_of_responses_tells_all(end: str) -> None:
    events: list[dict[str, Any]] = [
        {"type": "response.output_text.delta", "delta": "Hel"},
        {"type": end, "response": RESPONSE},
    ]
    stream = "".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in events)
    assert reply_of(stream.encode(), "responses") == HELLO
    assert reply_of(stream.replace(end, "response.failed").encode(), "responses") is None


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"choices":[]}',
        b'{"choices":[{"message":null}]}',
        b'{"choices":[{"message":{"content":null}}]}',
        b'{"choices":7,"output":7}',
        b"<html>",
        b"data: [DONE]\n\n",
        chunk(content="Hel").encode() + b'\n\nevent: error\ndata: {"error":{"message":"late"}}\n\n',
        b"\xff\xfe",
    ],
)
def test_what_is_no_reply(answer: bytes) -> None:
    assert reply_of(answer, "chat") is None
    assert reply_of(answer, "responses") is None


@given(
    answer=st.binary(max_size=80)
    | st.recursive(
        st.none() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(
                st.sampled_from(
                    ["choices", "message", "delta", "content", "tool_calls", "output", "type", "index"]
                ),
                inner,
                max_size=3,
            )
        ),
        max_leaves=8,
    ).map(lambda v: b"data: " + json.dumps(v).encode() + b"\n\n")
)
def test_no_answer_breaks_it(answer: bytes) -> None:
    for kind in ("chat", "responses"):
        found = reply_of(answer, kind)
        assert found is None or found["role"] == "assistant"


@given(
    events=st.lists(st.lists(st.text(alphabet="ab: ", max_size=6), min_size=1, max_size=3), max_size=5),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_events_come_out_as_they_went_in(events: list[list[str]], end: str) -> None:
    text = "".join(f": note{end}" + "".join(f"data: {line}{end}" for line in lines) + end for lines in events)
    assert list(data_of(text)) == ["\n".join(lines) for lines in events]
