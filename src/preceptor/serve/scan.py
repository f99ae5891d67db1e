"""Where values stand in a JSON text, so that a few characters can be put in and all others stay as they are.

Objects and arrays are walked one level at a time; what is not of interest is passed over by the parser of the
standard library, which is C.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple, cast

_SPACE = re.compile(r"[ \t\n\r]*")
_START = re.compile(r"\ufeff?[ \t\n\r]*")
"""A byte order mark may stand before it, as common servers have it (RFC 8259, 8.1)."""
_OPEN = re.compile(r"\{[ \t\n\r]*")
_LIST = re.compile(r"\[[ \t\n\r]*")
_COLON = re.compile(r"[ \t\n\r]*:[ \t\n\r]*")
_NEXT = re.compile(r"[ \t\n\r]*([,}])[ \t\n\r]*")
_NEXT_ITEM = re.compile(r"[ \t\n\r]*([,\]])[ \t\n\r]*")
_SCAN = cast("Callable[[str, int], tuple[Any, int]]", json.JSONDecoder().scan_once)  # type: ignore[attr-defined]
"""Reads one value; StopIteration where there is none. What ``raw_decode`` calls, without its frame."""


class NotJSONError(ValueError):
    """The text is not the JSON that was expected."""


class Place(NamedTuple):
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
    found, end = members(text, _past(_START, text, 0).end(), walked)
    if _past(_SPACE, text, end).end() != len(text):
        raise NotJSONError("more text after the JSON value")
    return found


def members(text: str, at: int, walked: str = "") -> tuple[dict[str, Place], int]:
    """The members of the object that starts at ``at``, and where it ends; the array under ``walked`` item by item.

    Where a key is there twice the last one counts, as all common parsers have it.
    """
    found: dict[str, Place] = {}
    at = _past(_OPEN, text, at).end()
    if text.startswith("}", at):
        return found, at + 1
    while True:
        key, end = _value(text, at)
        if not isinstance(key, str):
            raise NotJSONError(f"expected a key at character {at}")
        start = _past(_COLON, text, end).end()
        walk = key == walked and text.startswith("[", start)
        place = found[key] = array(text, start) if walk else _place(text, start)
        mark = _past(_NEXT, text, place.end)
        if mark[1] == "}":
            return found, mark.end(1)
        at = mark.end()


def array(text: str, at: int) -> Place:
    """The array that starts at ``at``, with the places of its items."""
    found: list[Place] = []
    start, at = at, _past(_LIST, text, at).end()
    if text.startswith("]", at):
        return Place([], start, at + 1)
    while True:
        found.append(_place(text, at))
        mark = _past(_NEXT_ITEM, text, found[-1].end)
        if mark[1] == "]":
            return Place([place.value for place in found], start, mark.end(1), tuple(found))
        at = mark.end()


def _place(text: str, at: int) -> Place:
    value, end = _value(text, at)
    return Place(value, at, end)


def _value(text: str, at: int) -> tuple[Any, int]:
    try:
        return _SCAN(text, at)
    except (StopIteration, ValueError) as error:
        raise NotJSONError(f"no value at character {at}") from error
    except RecursionError as error:
        raise NotJSONError("nested too deep") from error


def _past(form: re.Pattern[str], text: str, at: int) -> re.Match[str]:
    match = form.match(text, at)
    if match is None:
        raise NotJSONError(f"expected other than what is at character {at}")
    return match
