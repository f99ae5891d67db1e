"""From an answer's text to the shape that was asked for, or to a complaint that the model can act on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ValidationError

from preceptor.core.errors import BadAnswerError
from preceptor.core.untrusted import clean, one_line
from preceptor.llm.answers import refuses, repeats, usable
from preceptor.llm.extract import DuplicateKeyError, candidates
from preceptor.llm.model import ChatReply

T = TypeVar("T", bound=BaseModel)

_ENVELOPES = (
    {"name", "arguments"},
    {"name", "parameters"},
    {"name", "input"},
    {"role", "content"},
)
_INNER = ("arguments", "parameters", "input", "content")
_MOST_DEEP = 40


def fitted(reply: ChatReply, shape: type[T], limit: int) -> T:
    """The answer as a ``shape``: one JSON object, found in whatever the model wrote around it.

    Harmless differences of type pass ("3.5" for 3.5); missing values are never made up, truth values never
    become numbers, and of two objects that both fit neither is taken.

    Raises:
        BadAnswerError: ``kind`` and message say what is wrong, in words that the model can be told.
    """
    text = usable(reply, limit)
    try:
        found = candidates(text)
    except DuplicateKeyError as error:
        raise BadAnswerError(str(error), kind="ambiguous") from error
    fits: list[T] = []
    complaint = ""
    for value in found:
        one, why = _first_fit(_cleaned(value), shape)
        complaint = complaint or why
        if one is not None and one not in fits:
            fits.append(one)
    if len(fits) == 1:
        return _without_loops(fits[0])
    if fits:
        raise BadAnswerError("there is more than one JSON object, and they differ", kind="ambiguous")
    raise _unfit(reply, text, complaint)


def _unfit(reply: ChatReply, text: str, complaint: str) -> BadAnswerError:
    if complaint and complaint != _NO_OBJECT:
        return BadAnswerError(complaint, kind="wrong-shape")
    opened = text.count("{") > text.count("}") or text.count("[") > text.count("]")
    if reply.finish == "length" or (opened and not complaint):
        return BadAnswerError("the JSON is cut off before its end", kind="truncated")
    if complaint:
        return BadAnswerError(complaint, kind="wrong-shape")
    if "{" not in text and refuses(text):
        return BadAnswerError(f"the model refused: {one_line(text, 120)}", kind="refusal")
    return BadAnswerError("there is no valid JSON object in the answer", kind="not-json")


_NO_OBJECT = "the answer is not a JSON object"


def _first_fit(value: object, shape: type[T]) -> tuple[T | None, str]:
    """The value as a shape, as it is or unwrapped; else why it does not fit."""
    complaint = _NO_OBJECT
    for form in _forms(value, shape):
        try:
            one = shape.model_validate(form)
        except ValidationError as error:
            said = _complaint(error)
            complaint = said if complaint == _NO_OBJECT else complaint
            continue
        wrong = _changed(form, one.model_dump(by_alias=True))
        if not wrong:
            return one, ""
        complaint = wrong
    return None, complaint


def _forms(value: object, shape: type[BaseModel]) -> Sequence[dict[str, Any]]:
    """The value itself, or what a wrapper with only one thing in it holds: a list of one, a tool call, a box."""
    if isinstance(value, list):
        items = cast("list[object]", value)
        fields = list(shape.model_fields)
        only: list[dict[str, Any]] = []
        if len(items) == 1 and isinstance(items[0], dict):
            mapping = cast("dict[str, Any]", items[0])
            inner = _boxed(mapping, shape)
            only = [mapping] if inner is None else [mapping, inner]
        return [*only, {fields[0]: items}] if len(fields) == 1 else only
    if not isinstance(value, dict):
        return []
    mapping = cast("dict[str, Any]", value)
    inner = _boxed(mapping, shape)
    return [mapping] if inner is None else [mapping, inner]


def _boxed(mapping: Mapping[str, Any], shape: type[BaseModel]) -> dict[str, Any] | None:
    keys = set(mapping)
    if keys & set(shape.model_fields):
        return None
    inner: object = None
    if len(keys) == 1:
        inner = next(iter(mapping.values()))
    elif any(envelope == keys - {"id", "type"} for envelope in _ENVELOPES):
        inner = next(mapping[k] for k in _INNER if k in mapping)
    if isinstance(inner, str) and inner.lstrip().startswith("{"):
        found = candidates(inner)
        inner = found[0] if len(found) == 1 else None
    return cast("dict[str, Any]", inner) if isinstance(inner, dict) else None


def _cleaned(value: object, deep: int = 0) -> object:
    """The value with every text in it cleaned: escapes may bring back what was cleaned from the answer. What is
    nested beyond any shape is dropped."""
    if isinstance(value, str):
        return clean(value)
    if deep > _MOST_DEEP:
        return None
    if isinstance(value, dict):
        mapping = cast("dict[str, object]", value)
        return {clean(k): _cleaned(v, deep + 1) for k, v in mapping.items()}
    if isinstance(value, list):
        return [_cleaned(v, deep + 1) for v in cast("list[object]", value)]
    return value


def _complaint(error: ValidationError) -> str:
    parts = [
        f"{one_line('.'.join(str(p) for p in e['loc']), 80) or 'the object'}: {one_line(e['msg'], 160)}"
        for e in error.errors(include_url=False, include_input=False, include_context=False)[:5]
    ]
    return "; ".join(parts)


def _changed(given: object, taken: object) -> str:
    """What validation would have taken for something else than was meant: a truth value as a number, or a number
    that is none. Empty when there is nothing."""
    if isinstance(taken, float) and not math.isfinite(taken):
        return "a number is not finite"
    if isinstance(given, bool) and isinstance(taken, (int, float)) and not isinstance(taken, bool):
        return "true or false stands where a number is wanted"
    if isinstance(given, dict) and isinstance(taken, dict):
        ours, theirs = cast("dict[str, object]", taken), cast("dict[str, object]", given)
        return next((w for k, v in ours.items() if (w := _changed(theirs.get(k), v))), "")
    if isinstance(given, list) and isinstance(taken, (list, tuple)):
        pairs = zip(cast("list[object]", given), cast("Sequence[object]", taken), strict=False)
        return next((w for g, t in pairs if (w := _changed(g, t))), "")
    return ""


def _without_loops(value: T) -> T:
    for text in _texts(value.model_dump()):
        if repeats(text):
            raise BadAnswerError("a text in the answer repeats itself without end", kind="repetition")
    return value


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [t for v in cast("dict[str, object]", value).values() for t in _texts(v)]
    if isinstance(value, (list, tuple)):
        return [t for v in cast("Sequence[object]", value) for t in _texts(v)]
    return []
