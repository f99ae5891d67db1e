"""A conversation as people paste it, as turns."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from preceptor.coach.messages import turns_of
from preceptor.core.errors import InputError
from preceptor.core.records import Speaker, Turn
from preceptor.core.untrusted import clean

MOST_TEXT = 40_000
_MOST_TURNS = 200
_SAID = re.compile(r"\s*(customer|user|client|guest|agent|assistant|bot)\s*:\s?(.*)", re.IGNORECASE)
_ACTION = re.compile(r"\s*\[(?:action\s+)?([^\]\n]{1,60})\]\s?(.*)")
_CUSTOMER = frozenset({"customer", "user", "client", "guest"})


def read_talk(text: str) -> tuple[Turn, ...]:
    """Turns from ``Customer:`` and ``Agent:`` lines (with ``[action NAME] ...`` between), from OpenAI messages as
    JSON, or from the customer's words alone.

    Raises:
        InputError: nothing in it, too long, or it does not end where the agent must answer.
    """
    if len(text) > MOST_TEXT:
        raise InputError(f"the conversation has {len(text)} characters", hint=f"{MOST_TEXT} at most")
    text = clean(text)
    turns = _messages(text) if text.startswith(("[{", "{")) else _lines(text)
    if not turns:
        raise InputError("there is no conversation", hint="write what the customer says")
    if len(turns) > _MOST_TURNS:
        raise InputError(f"the conversation has {len(turns)} turns", hint=f"{_MOST_TURNS} at most")
    if turns[-1].speaker == "agent":
        raise InputError("the agent spoke last", hint="end with what the customer says")
    if not any(t.speaker == "customer" for t in turns):
        raise InputError("no customer speaks", hint="begin a line with 'Customer:'")
    return turns


def _messages(text: str) -> tuple[Turn, ...]:
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"not JSON: {error}", hint="paste OpenAI messages, or lines such as 'Customer: ...'"
        ) from error
    if isinstance(value, dict):
        value = cast("dict[str, object]", value).get("messages")
    items = cast("list[object]", value) if isinstance(value, list) else []
    return turns_of([cast("Mapping[str, Any]", m) for m in items if isinstance(m, Mapping)])


def _lines(text: str) -> tuple[Turn, ...]:
    turns: list[Turn] = []
    for line in text.splitlines():
        said, acted = _SAID.fullmatch(line), _ACTION.fullmatch(line)
        if said:
            speaker: Speaker = "customer" if said[1].lower() in _CUSTOMER else "agent"
            turns.append(Turn(speaker=speaker, text=said[2].strip()))
        elif acted:
            turns.append(Turn(speaker="action", text=acted[2].strip(), by=acted[1].strip()))
        elif turns:
            turns[-1] = replace(turns[-1], text=f"{turns[-1].text}\n{line}".strip())
        elif line.strip():
            turns.append(Turn(speaker="customer", text=line.strip()))
    return tuple(t for t in turns if t.text)
