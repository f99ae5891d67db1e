"""Chat messages (OpenAI form) as turns, and advice put into them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from preceptor.core.records import Turn

Message = Mapping[str, Any]
_ACTION_LINE = re.compile(r"\[action ([^\]\n]*)\] (.*)")
_OWN_TAG = re.compile(r"<(\s*/?\s*advice\b)", re.IGNORECASE)


def turns_of(messages: Sequence[Message]) -> tuple[Turn, ...]:
    """The conversation in ``messages``: user, assistant, and tool calls with their results as actions.

    System and developer messages are instructions, not conversation, and are left out; so are empty messages
    and what is not text. A line ``[action NAME] ...`` in a user message is an action: so a dialogue of ours shows
    it to models that know no tools.
    """
    turns: list[Turn] = []
    names: dict[str, str] = {}
    for message in messages:
        role = message.get("role")
        text = text_of(message.get("content"))
        if role == "user" and text:
            turns.extend(_user_turns(text))
        elif role == "assistant":
            names |= _called(message)
            if text:
                turns.append(Turn(speaker="agent", text=text))
        elif role in ("tool", "function") and text:
            name = names.get(str(message.get("tool_call_id"))) or str(message.get("name") or "")
            turns.append(Turn(speaker="action", text=text, by=name))
    return tuple(turns)


def _user_turns(text: str) -> list[Turn]:
    turns: list[Turn] = []
    for line in text.splitlines():
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


def _called(message: Message) -> dict[str, str]:
    """Tool call id to function name."""
    names: dict[str, str] = {}
    calls = message.get("tool_calls")
    if not isinstance(calls, (list, tuple)):
        return names
    for call in cast("Sequence[object]", calls):
        if isinstance(call, Mapping):
            entry = cast("Mapping[str, object]", call)
            function = entry.get("function")
            if isinstance(function, Mapping):
                names[str(entry.get("id"))] = str(cast("Mapping[str, object]", function).get("name") or "")
    return names
