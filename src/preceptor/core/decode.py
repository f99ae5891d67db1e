"""JSON back into frozen dataclasses, strictly: the counterpart of :func:`preceptor.core.ids.plain`.

For rows and files that we wrote ourselves and that someone may have touched since. A decoder is built once
per type from its annotations; it knows text, numbers, bool, None, ``Literal``, unions with None, tuples,
mappings with text keys, and dataclasses of these.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from preceptor.core.errors import InputError

T = TypeVar("T")
Decode = Callable[[Any], Any]

_NAMES: Mapping[type[Any], str] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "an object",
    type(None): "null",
}


_TEXT = frozenset((str,))


class _WrongError(Exception):
    """Carries the path to the wrong value upwards, so that the good case pays nothing for it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.path: list[str] = []


def decode(kind: type[T], value: object) -> T:
    """``value`` (from :func:`json.loads`) as a ``kind``. Fields that have a default may be absent.

    Raises:
        InputError: something is missing, unknown or of the wrong type; the message names where.
    """
    try:
        return cast("T", _decoder(kind)(value))
    except _WrongError as wrong:
        where = ".".join(reversed(wrong.path)) or kind.__name__
        raise InputError(f"{where}: {wrong.reason}") from None


@cache
def _decoder(kind: Any) -> Decode:  # noqa: PLR0911 (one return per form of type)
    origin = get_origin(kind)
    if dataclasses.is_dataclass(kind):
        return _record(cast("type[Any]", kind))
    if origin is Literal:
        return _literal(get_args(kind))
    if origin is tuple:
        return _tuple(get_args(kind))
    if origin in (Union, types.UnionType):
        return _optional(get_args(kind))
    if origin is not None and issubclass(origin, Mapping):
        return _mapping(get_args(kind)[1])
    if kind is Any or kind is object:
        return lambda value: value
    if kind is float:
        return _number
    if kind in _NAMES:
        return _plain(kind)
    raise TypeError(f"no decoder for {kind!r}")


def _told(value: object) -> str:
    return _NAMES.get(type(value), type(value).__name__)


def _plain(kind: type[Any]) -> Decode:
    def run(value: Any) -> Any:
        if type(value) is not kind:  # bool is an int to isinstance, and not to us
            raise _WrongError(f"expected {_NAMES[kind]}, got {_told(value)}")
        return value

    return run


def _number(value: Any) -> float:
    if type(value) is float:
        return value
    if type(value) is int:
        return float(value)
    raise _WrongError(f"expected a number, got {_told(value)}")


def _literal(allowed: tuple[Any, ...]) -> Decode:
    known = frozenset(allowed)

    def run(value: Any) -> Any:
        if type(value) is not str or value not in known:
            raise _WrongError(f"expected one of {', '.join(map(str, allowed))}")
        return value

    return run


def _tuple(items: tuple[Any, ...]) -> Decode:
    if len(items) == 2 and items[1] is ...:
        return _each(_decoder(items[0]), words=items[0] is str)
    decoders = tuple(_decoder(item) for item in items)
    words = all(item is str for item in items)

    def run(value: Any) -> Any:
        if words and _all_text(value) and len(value) == len(decoders):
            return _shared(tuple(value))
        if type(value) is not list or len(cast("list[Any]", value)) != len(decoders):
            raise _WrongError(f"expected a list of {len(decoders)}")
        pairs = zip(decoders, cast("list[Any]", value), strict=True)
        return tuple(_at(str(i), one, item) for i, (one, item) in enumerate(pairs))

    return run


def _all_text(value: Any) -> bool:
    return type(value) is list and _TEXT.issuperset(map(type, cast("list[Any]", value)))


@lru_cache(maxsize=1024)
def _shared(words: tuple[str, ...]) -> tuple[str, ...]:
    """One object for equal pairs: thousands of records name the same few prompts and models."""
    return words


def _each(one: Decode, *, words: bool) -> Decode:
    def run(value: Any) -> Any:
        if words and _all_text(value):
            return tuple(value)
        if type(value) is not list:
            raise _WrongError(f"expected a list, got {_told(value)}")
        items = cast("list[Any]", value)
        try:
            return tuple([one(item) for item in items])  # a list is faster to build
        except _WrongError:
            return tuple([_at(str(i), one, item) for i, item in enumerate(items)])

    return run


def _optional(members: tuple[Any, ...]) -> Decode:
    rest = [m for m in members if m is not type(None)]
    if len(rest) != 1 or len(rest) == len(members):
        raise TypeError(f"only unions of one type with None can be decoded, not {members!r}")
    inner = _decoder(rest[0])
    return lambda value: None if value is None else inner(value)


def _mapping(inner: Any) -> Decode:
    one = _decoder(inner)

    def run(value: Any) -> Any:
        if type(value) is not dict:
            raise _WrongError(f"expected an object, got {_told(value)}")
        return {key: _at(key, one, item) for key, item in cast("dict[str, Any]", value).items()}

    return run


def _record(kind: type[Any]) -> Decode:
    hints = get_type_hints(kind)
    fields = [f for f in dataclasses.fields(kind) if f.init]
    decoders = tuple((f.name, _decoder(hints[f.name])) for f in fields)
    needed = frozenset(
        f.name for f in fields if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    )
    known = frozenset(f.name for f in fields)

    def run(value: Any) -> Any:
        if type(value) is not dict:
            raise _WrongError(f"expected an object, got {_told(value)}")
        given = cast("dict[str, Any]", value)
        if not needed <= given.keys():
            raise _WrongError(f"'{min(needed - given.keys())}' is missing")
        if not given.keys() <= known:
            raise _WrongError(f"there is no field '{min(given.keys() - known)}'")
        name = ""
        try:
            # The loop variable tells where it went wrong; a ``try`` in the loop would cost every field.
            values: dict[str, Any] = {}
            for name, one in decoders:
                if name in given:
                    values[name] = one(given[name])
        except _WrongError as wrong:
            wrong.path.append(name)
            raise
        return kind(**values)

    return run


def _at(step: str, one: Decode, value: Any) -> Any:
    try:
        return one(value)
    except _WrongError as wrong:
        wrong.path.append(step)
        raise
