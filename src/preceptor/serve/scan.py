"""Where values stand in a JSON text, so that a few characters can be put in and all others stay as they are.

Objects and arrays are walked one level at a time; what is not of interest is passed over by the parser of the
standard library, which is C.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

_SPACE = " \t\n\r"


class NotJSONError(ValueError):
    """The text is not the JSON that was expected."""


@dataclass(frozen=True, slots=True)
class Place:
    """A value and where it stands: ``text[start:end]``. Of an array that was walked, ``items`` are the places."""

    value: Any
    start: int
    end: int
    items: tuple[Place, ...] = ()


def document(text: str, walked: str) -> dict[str, Place]:
    """The members of the object that is all of ``text``; the array under the key ``walked`` item by item.

    Raises:
        NotJSONError: the text is no JSON object, or more follows.
    """
    found, end = members(text, _past_space(text, 0), walked)
    if _past_space(text, end) != len(text):
        raise NotJSONError("more text after the JSON value")
    return found


def members(text: str, at: int, walked: str = "") -> tuple[dict[str, Place], int]:
    """The members of the object that starts at ``at``, and where it ends; the array under ``walked`` item by item.

    Where a key is there twice the last one counts, as all common parsers have it.
    """
    found: dict[str, Place] = {}
    at = _past_space(text, _past(text, at, "{"))
    if text[at : at + 1] == "}":
        return found, at + 1
    while True:
        key = _value(text, at)
        if not isinstance(key.value, str):
            raise NotJSONError(f"expected a key at character {at}")
        start = _past_space(text, _past(text, _past_space(text, key.end), ":"))
        walk = key.value == walked and text[start : start + 1] == "["
        place = found[key.value] = array(text, start) if walk else _value(text, start)
        at = _past_space(text, place.end)
        if text[at : at + 1] == "}":
            return found, at + 1
        at = _past_space(text, _past(text, at, ","))


def array(text: str, at: int) -> Place:
    """The array that starts at ``at``, with the places of its items."""
    found: list[Place] = []
    start = at
    at = _past_space(text, _past(text, at, "["))
    while text[at : at + 1] != "]":
        if found:
            at = _past_space(text, _past(text, at, ","))
        found.append(_value(text, at))
        at = _past_space(text, found[-1].end)
    return Place([place.value for place in found], start, at + 1, tuple(found))


def _value(text: str, at: int) -> Place:
    try:
        value, end = _DECODER.raw_decode(text, at)
    except ValueError as error:
        raise NotJSONError(str(error)) from error
    except RecursionError as error:
        raise NotJSONError("nested too deep") from error
    return Place(value, at, end)


def _past_space(text: str, at: int) -> int:
    while text[at : at + 1] and text[at] in _SPACE:
        at += 1
    return at


def _past(text: str, at: int, mark: str) -> int:
    if text[at : at + 1] != mark:
        raise NotJSONError(f"expected '{mark}' at character {at}")
    return at + 1


_DECODER = json.JSONDecoder()
