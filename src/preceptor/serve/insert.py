"""Advice put into the bytes of a request; every other byte stays as it is.

What comes out parses to what :meth:`preceptor.coach.Coach.apply` makes of the same messages.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from preceptor.coach.messages import chat_form, defused, joined
from preceptor.serve.scan import NotJSONError, Place, array, document, members

Kind = Literal["chat", "responses"]
Message = Mapping[str, Any]

_PART: Mapping[Kind, str] = {"chat": "text", "responses": "input_text"}
"""Type of a text part in a message's content."""


class NoPlaceError(ValueError):
    """The request has nothing that advice could go into. ``reason`` is a short stable word."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that was read."""

    kind: Kind
    text: str
    model: str
    messages: tuple[Message, ...]
    """The conversation in chat form."""
    content: Place
    """What the last user message says, and where."""


def read(body: bytes, kind: Kind) -> Asked:
    """The request in ``body``.

    Raises:
        NoPlaceError: it is no UTF-8 or no JSON, or has no user message.
    """
    try:
        text = body.decode()
        return _read(text, kind)
    except UnicodeDecodeError as error:
        raise NoPlaceError("not-utf8") from error
    except NotJSONError as error:
        raise NoPlaceError("not-json") from error


def insert(asked: Asked, block: str) -> bytes:
    """The request's bytes with ``block`` at the end of the last user message."""
    place, text = asked.content, asked.text
    if isinstance(place.value, str):
        return _in_string(text, place, block)
    return _in_list(text, place, block, _PART[asked.kind])


def _read(text: str, kind: Kind) -> Asked:
    name = "messages" if kind == "chat" else "input"
    request = document(text, name)
    given = request.get(name)
    if given is None:
        raise NoPlaceError("no-messages")
    if kind == "responses" and isinstance(given.value, str):
        messages: tuple[Message, ...] = ({"role": "user", "content": given.value},)
        content = given
    elif isinstance(given.value, list):
        content = _last_content(text, given.items)
        messages = tuple(chat_form(cast("list[object]", given.value)))
    else:
        raise NoPlaceError("no-messages")
    model = request.get("model")
    return Asked(
        kind=kind,
        text=text,
        model=model.value if model is not None and isinstance(model.value, str) else "",
        messages=messages,
        content=content,
    )


def _last_content(text: str, given: Sequence[Place]) -> Place:
    last = next((place for place in reversed(given) if _role(place.value) == "user"), None)
    if last is None:
        raise NoPlaceError("no-user-message")
    content = members(text, last.start)[0].get("content")
    if content is None or not isinstance(content.value, (str, list)):
        raise NoPlaceError("no-user-content")
    return content


def _role(message: object) -> object:
    return cast("Message", message).get("role") if isinstance(message, dict) else None


def _in_string(text: str, place: Place, block: str) -> bytes:
    value = cast("str", place.value)
    if not value or defused(value) != value:
        new = json.dumps(joined(value, block))
        return _spliced(text, place.start, place.end, new)
    return _spliced(text, place.end - 1, place.end - 1, json.dumps(f"\n\n{block}")[1:-1])


def _in_list(text: str, place: Place, block: str, kind: str) -> bytes:
    part = json.dumps({"type": kind, "text": block}, separators=(",", ":"))
    edits: list[tuple[int, int, str]] = []
    parts = array(text, place.start).items
    for one in parts:
        said = members(text, one.start)[0].get("text") if isinstance(one.value, dict) else None
        if said is not None and isinstance(said.value, str) and defused(said.value) != said.value:
            edits.append((said.start, said.end, json.dumps(defused(said.value))))
    edits.append((place.end - 1, place.end - 1, f",{part}" if parts else part))
    made: list[bytes] = []
    done = 0
    for start, end, new in edits:
        made += (text[done:start].encode(), new.encode())
        done = end
    return b"".join((*made, text[done:].encode()))


def _spliced(text: str, start: int, end: int, new: str) -> bytes:
    return b"".join((text[:start].encode(), new.encode(), text[end:].encode()))
