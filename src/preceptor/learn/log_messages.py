"""The messages of one logged conversation as turns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from preceptor.coach.messages import called, short
from preceptor.core.records import Speaker, Turn
from preceptor.core.untrusted import clean, one_line
from preceptor.learn.log_report import Kind

Note = Callable[[Kind], None]

_SPEAKERS: Mapping[str, Speaker] = {
    "user": "customer",
    "customer": "customer",
    "assistant": "agent",
    "agent": "agent",
    "action": "action",
    "tool": "action",
    "function": "action",
}
_INSTRUCTIONS = ("system", "developer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """One logged conversation with both sides; ``line`` is where it stood in the file."""

    id: str
    line: int
    turns: tuple[Turn, ...]
    by_model: bool = False
    """Recorded from a model: its replies are no example to follow, and earlier ones have lines of their own."""


def turns_from(messages: Sequence[object], note: Note) -> tuple[Turn, ...]:
    """Turns of the usable messages; lines in a row by one speaker are one turn. What is odd goes to ``note``."""
    turns: list[Turn] = []
    calls: dict[str, str] = {}
    for entry in messages:
        if not isinstance(entry, Mapping):
            note("not-a-message")
            continue
        message = cast("Mapping[str, Any]", entry)
        asked = called(message)
        turn = _turn(message, calls, note, silent=bool(asked))
        if turn is not None and turns and turn.speaker != "action" and turns[-1].speaker == turn.speaker:
            note("merged-lines")
            turns[-1] = replace(turns[-1], text=f"{turns[-1].text}\n{turn.text}")
        elif turn is not None:
            turns.append(turn)
        calls |= asked
    _note_ends(turns, note)
    return tuple(turns)


def _note_ends(turns: Sequence[Turn], note: Note) -> None:
    speakers = [turn.speaker for turn in turns]
    if "customer" in speakers and "agent" in speakers:
        for _ in range(speakers[: speakers.index("customer")].count("agent")):
            note("opening")
        if speakers[-1] != "agent":
            note("unanswered")


def _turn(message: Mapping[str, Any], calls: Mapping[str, str], note: Note, *, silent: bool) -> Turn | None:
    role = message.get("role")
    if not isinstance(role, str):
        note("not-a-message")
        return None
    role = role.strip().lower()
    if role in _INSTRUCTIONS:
        note("system-message")
        return None
    speaker = _SPEAKERS.get(role)
    if speaker is None:
        note("unknown-role")
        return None
    text = _text(message.get("content"))
    if speaker == "action":
        return _action(message, text or "", calls, note)
    if text is None and not silent:
        note("not-a-message")
    elif not text and not silent:
        note("empty-message")
    if not text:
        return None
    return Turn(speaker=speaker, text=text, by="human" if speaker == "agent" else "customer")


def _action(message: Mapping[str, Any], text: str, calls: Mapping[str, str], note: Note) -> Turn | None:
    """An action with its outcome, one line: ``name(arguments) -> outcome``."""
    call = calls.get(str(message.get("tool_call_id")), "")
    name = message.get("name")
    name = one_line(name, 80) if isinstance(name, str) else call.partition("(")[0]
    if call:
        text = f"{call} -> {text}" if text else call
    elif not text and name:
        arguments, result = message.get("args"), message.get("result")
        text = f"{name}({short(arguments)})" + ("" if result is None else f" -> {short(result)}")
    if not text:
        note("empty-message")
        return None
    return Turn(speaker="action", text=one_line(text), by=name)


def _text(content: object) -> str | None:
    """The text of a string or of the text parts of a list; None where it is neither."""
    if isinstance(content, str):
        return clean(content)
    if not isinstance(content, list):
        return None
    parts: list[str] = []
    for part in cast("list[object]", content):
        value = cast("Mapping[str, object]", part).get("text") if isinstance(part, Mapping) else part
        if isinstance(value, str):
            parts.append(clean(value))
    return "\n".join(part for part in parts if part)
