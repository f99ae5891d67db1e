"""Chat messages (OpenAI form) as turns, and advice put into them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from preceptor.core.records import Turn
from preceptor.core.untrusted import one_line

Message = Mapping[str, Any]
_CALLS: Mapping[str, str] = {"function_call": "arguments", "custom_tool_call": "input"}
"""Items of the Responses API by which the model calls a tool, and where it says what it asks."""
_OUTPUTS = ("function_call_output", "custom_tool_call_output")
_ACTION = "[action "
_ACTION_LINE = re.compile(r"\[action ([^\]\n]*)\] (.*)")
_OWN_TAG = re.compile(r"<(\s*/?\s*advice\b)", re.IGNORECASE)


def turns_of(messages: Sequence[Message]) -> tuple[Turn, ...]:
    """The conversation in ``messages``: user, assistant, and tool calls with their results as actions, in the form
    ``name(arguments) -> result`` in which logs are learned from.

    System and developer messages are instructions, not conversation, and are left out; so are empty messages
    and what is not text. A line ``[action NAME] ...`` in a user message is an action: so a dialogue of ours shows
    it to models that know no tools. Messages in a row by one speaker are one turn. Items of OpenAI's Responses API
    may stand in the place of messages.
    """
    turns: list[Turn] = []
    calls: dict[str, str] = {}
    for message in chat_form(messages):
        role = message.get("role")
        text = text_of(message.get("content"))
        if role == "user" and text:
            for turn in _user_turns(text):
                _add(turns, turn)
        elif role == "assistant":
            calls |= called(message)
            if text:
                _add(turns, Turn(speaker="agent", text=text))
        elif role in ("tool", "function"):
            call = calls.get(str(message.get("tool_call_id")), "")
            name = str(message.get("name") or call.partition("(")[0])
            outcome = f"{call} -> {text}" if call and text else call or text
            if outcome:
                turns.append(Turn(speaker="action", text=outcome, by=name))
    return tuple(turns)


def chat_form(items: Iterable[object]) -> Iterator[Message]:
    """Items of the Responses API as chat messages, and chat messages as they are; what is neither said, called nor
    returned is left out."""
    for item in items:
        entry = _mapping(item)
        if "role" in entry:
            yield entry
            continue
        kind = str(entry.get("type"))
        if kind in _CALLS:
            function = {"name": entry.get("name"), "arguments": entry.get(_CALLS[kind])}
            yield {"role": "assistant", "tool_calls": [{"id": entry.get("call_id"), "function": function}]}
        elif kind in _OUTPUTS:
            yield {"role": "tool", "tool_call_id": entry.get("call_id"), "content": entry.get("output")}


def called(message: Message) -> dict[str, str]:
    """Id to ``name(arguments)`` of the tool calls in an assistant message."""
    found: dict[str, str] = {}
    calls = message.get("tool_calls")
    for call in cast("Sequence[object]", calls) if isinstance(calls, (list, tuple)) else ():
        entry = _mapping(call)
        asked = _mapping(entry.get("function"))
        if asked:
            name = one_line(str(asked.get("name") or "tool"), 80)
            found[str(entry.get("id"))] = f"{name}({short(asked.get('arguments'))})"
    return found


def _mapping(value: object) -> Message:
    return cast("Message", value) if isinstance(value, Mapping) else {}


def short(value: object) -> str:
    """What a tool was asked, or returned, as one line."""
    if value is None:
        return ""
    return one_line(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str))


def _add(turns: list[Turn], turn: Turn) -> None:
    last = turns[-1] if turns else None
    if last is not None and last.speaker == turn.speaker != "action":
        turns[-1] = replace(last, text=f"{last.text}\n{turn.text}")
    else:
        turns.append(turn)


def _user_turns(text: str) -> list[Turn]:
    turns: list[Turn] = []
    lines = text.splitlines()
    if _ACTION not in text:
        return [Turn(speaker="customer", text="\n".join(lines))]
    for line in lines:
        match = _ACTION_LINE.fullmatch(line)
        if match:
            turns.append(Turn(speaker="action", text=match[2], by=match[1]))
        elif turns and turns[-1].speaker == "customer":
            turns[-1] = replace(turns[-1], text=f"{turns[-1].text}\n{line}")
        elif line.strip():
            turns.append(Turn(speaker="customer", text=line))
    return turns


def text_of(content: object) -> str:
    """The text of a message's content: a string, or the text parts of a list. Anything else is ``""``."""
    if isinstance(content, str):
        return content.strip()
    if not isinstance(content, (list, tuple)):
        return ""
    parts = cast("Sequence[object]", content)
    texts = [cast("Mapping[str, object]", part).get("text") for part in parts if isinstance(part, Mapping)]
    return "\n".join(t.strip() for t in texts if isinstance(t, str) and t.strip())


def with_block(messages: Sequence[Message], block: str) -> list[dict[str, Any]]:
    """Copies of ``messages`` with ``block`` at the end of the last user message; all else is the same objects.

    Where there is no user message, or no block, nothing changes.
    """
    found: list[dict[str, Any]] = [dict(m) for m in messages]
    last = next((n for n in range(len(found) - 1, -1, -1) if found[n].get("role") == "user"), None)
    if last is None or not block:
        return found
    content = found[last].get("content")
    if isinstance(content, list):
        parts = [_without_own_tag(p) for p in cast("list[object]", content)]
        kind = "input_text" if any(_kind(p) == "input_text" for p in parts) else "text"  # OpenAI's Responses form
        found[last]["content"] = [*parts, {"type": kind, "text": block}]
    else:
        found[last]["content"] = joined(content if isinstance(content, str) else "", block)
    return found


def joined(text: str, block: str) -> str:
    """A customer's text, with the block after it. A block that the customer wrote is defused."""
    return f"{defused(text)}\n\n{block}" if text else block


def defused(text: str) -> str:
    """``text`` with any ``<advice`` or ``</advice`` in it spelled with ``‹``."""
    return _OWN_TAG.sub(r"‹\1", text)


def _without_own_tag(part: object) -> object:
    if isinstance(part, dict):
        entry = cast("dict[str, object]", part)
        text = entry.get("text")
        if isinstance(text, str) and defused(text) != text:
            return {**entry, "text": defused(text)}
    return cast("object", part)


def _kind(part: object) -> object:
    return cast("dict[str, object]", part).get("type") if isinstance(part, dict) else None
