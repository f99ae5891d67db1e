"""What the model said, read from an answer: JSON or an event stream, of the chat or the Responses API.

For recording only: an answer that goes to a client is never parsed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

from preceptor.serve.insert import Kind

Message = dict[str, Any]
_LINE_END = re.compile(r"\r\n|\n|\r")
_CALLS = 128
"""Tool calls of one answer that are read."""
_ENDS = ("response.completed", "response.incomplete")
"""Events that carry the whole answer; the second one is of an answer that grew too long."""


def reply_of(answer: bytes, kind: Kind) -> Message | None:
    """The first choice as an assistant message; None where there is none, or the stream ends in an error."""
    text = answer.decode("utf-8", "replace").lstrip("\ufeff")
    if text.lstrip().startswith("{"):
        value = _object(text)
        return None if value is None else _chat(value) if kind == "chat" else _responses(value)
    events = [e for e in map(_object, data_of(text)) if e is not None]
    if any("error" in e and e["error"] for e in events):
        return None
    return _chat_stream(events) if kind == "chat" else _responses_stream(events)


def data_of(text: str) -> Iterator[str]:
    """The ``data`` of each event (HTML standard, 9.2.6); lines end in CRLF, LF or CR, a colon begins a comment."""
    lines: list[str] = []
    for line in (*_LINE_END.split(text), ""):
        name, _, value = line.partition(":")
        if name == "data":
            lines.append(value.removeprefix(" "))
        elif not line and lines:
            yield "\n".join(lines)
            lines = []


def _object(text: str) -> dict[str, Any] | None:
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def _first_choice(value: Mapping[str, Any]) -> dict[str, Any]:
    choices = value.get("choices")
    for choice in cast("list[object]", choices) if isinstance(choices, list) else []:
        if isinstance(choice, dict) and cast("dict[str, Any]", choice).get("index", 0) == 0:
            return cast("dict[str, Any]", choice)
    return {}


def _message(text: str, calls: list[Message]) -> Message | None:
    if not text and not calls:
        return None
    return {"role": "assistant", "content": text, **({"tool_calls": calls} if calls else {})}


def _chat(value: Mapping[str, Any]) -> Message | None:
    message = _first_choice(value).get("message")
    if not isinstance(message, dict):
        return None
    said = cast("dict[str, Any]", message)
    content, calls = said.get("content"), said.get("tool_calls")
    kept = [_call(c) for c in cast("list[object]", calls)[:_CALLS]] if isinstance(calls, list) else []
    return _message(content if isinstance(content, str) else "", [c for c in kept if c])


def _call(call: object) -> Message:
    entry = cast("dict[str, Any]", call) if isinstance(call, dict) else {}
    function = entry.get("function")
    if not isinstance(function, dict):
        return {}
    named = cast("dict[str, Any]", function)
    asked = {"name": str(named.get("name") or ""), "arguments": str(named.get("arguments") or "")}
    return {"id": str(entry.get("id")), "type": "function", "function": asked}


def _chat_stream(events: list[dict[str, Any]]) -> Message | None:
    texts: list[str] = []
    calls: dict[int, Message] = {}
    for event in events:
        delta = _first_choice(event).get("delta")
        if not isinstance(delta, dict):
            continue
        part = cast("dict[str, Any]", delta)
        if isinstance(part.get("content"), str):
            texts.append(part["content"])
        given = part.get("tool_calls")
        for one in cast("list[object]", given) if isinstance(given, list) else []:
            _add(calls, one)
    return _message("".join(texts), [calls[n] for n in sorted(calls)])


def _add(calls: dict[int, Message], delta: object) -> None:
    """A piece of a tool call, put to the pieces before it."""
    entry = cast("dict[str, Any]", delta) if isinstance(delta, dict) else {}
    at, function = entry.get("index", 0), entry.get("function")
    if not isinstance(at, int) or not isinstance(function, dict) or (at not in calls and len(calls) >= _CALLS):
        return
    named = cast("dict[str, Any]", function)
    call = calls.setdefault(at, {"id": "", "type": "function", "function": {"name": "", "arguments": ""}})
    call["id"] = call["id"] or str(entry.get("id") or "")
    call["function"]["name"] += str(named.get("name") or "")
    call["function"]["arguments"] += str(named.get("arguments") or "")


def _responses(value: Mapping[str, Any]) -> Message | None:
    texts: list[str] = []
    calls: list[Message] = []
    output = value.get("output")
    for item in cast("list[object]", output) if isinstance(output, list) else []:
        entry = cast("dict[str, Any]", item) if isinstance(item, dict) else {}
        if entry.get("type") in ("function_call", "custom_tool_call") and len(calls) < _CALLS:
            asked = {"name": entry.get("name"), "arguments": entry.get("arguments") or entry.get("input")}
            calls.append(_call({"id": entry.get("call_id"), "function": asked}))
        elif entry.get("type") == "message" and isinstance(entry.get("content"), list):
            parts = (cast("dict[str, Any]", p) for p in entry["content"] if isinstance(p, dict))
            texts += [str(p["text"]) for p in parts if isinstance(p.get("text"), str)]
    return _message("\n".join(texts), calls)


def _responses_stream(events: list[dict[str, Any]]) -> Message | None:
    """The last event of a stream carries the whole answer."""
    for event in reversed(events):
        if event.get("type") in _ENDS and isinstance(event.get("response"), dict):
            return _responses(cast("dict[str, Any]", event["response"]))
    return None
