"""The settings as a flat list: one source for error messages, the docs and the template of ``preceptor.toml``."""

from __future__ import annotations

import types
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, cast, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from preceptor.core.settings import Config, SeatConfig

_WORDS: dict[object, str] = {int: "whole number", float: "number", str: "text", bool: "true or false"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One leaf of ``preceptor.toml``."""

    key: str
    """Dotted: ``learn.attempts``."""
    default: Any
    kind: type
    """``int``, ``float``, ``str``, ``bool`` or ``tuple``: how text from the environment is read."""
    optional: bool
    """True: may be left empty."""
    allowed: str
    """Range or choices in words."""
    description: str

    @property
    def variable(self) -> str:
        """The environment variable that overrides it."""
        return "PRECEPTOR_" + self.key.upper().replace(".", "__")


def settings() -> tuple[Setting, ...]:
    """Every setting, in the order of :class:`~preceptor.core.settings.Config`."""
    return tuple(_walk(Config(), ""))


def sections() -> tuple[tuple[str, str], ...]:
    """Every table of ``preceptor.toml`` with its meaning, in order."""
    return tuple((name, (type(table).__doc__ or "").strip().splitlines()[0]) for name, table in Config())


def _walk(model: BaseModel, prefix: str) -> Iterator[Setting]:
    for name, info in type(model).model_fields.items():
        value: Any = getattr(model, name)
        key = f"{prefix}{name}"
        if isinstance(value, SeatConfig):
            for inner in _walk(value, f"{key}."):
                if inner.key.endswith(".model"):
                    yield _with(inner, f"{info.description}: {inner.description}")
                else:
                    yield inner
        elif isinstance(value, BaseModel):
            yield from _walk(value, f"{key}.")
        else:
            yield _setting(key, info, value)


def _with(setting: Setting, description: str) -> Setting:
    return Setting(
        key=setting.key,
        default=setting.default,
        kind=setting.kind,
        optional=setting.optional,
        allowed=setting.allowed,
        description=description,
    )


def _setting(key: str, info: FieldInfo, default: Any) -> Setting:
    shape, optional = _without_none(info.annotation)
    origin = get_origin(shape)
    if origin is Literal:
        kind: type = str
    elif origin is tuple:
        kind = tuple
    else:
        kind = cast("type", shape)
    return Setting(
        key=key,
        default=default,
        kind=kind,
        optional=optional,
        allowed=_allowed(shape, info.metadata) + (", or empty" if optional else ""),
        description=info.description or "",
    )


def _without_none(shape: Any) -> tuple[Any, bool]:
    if get_origin(shape) in (Union, types.UnionType):
        rest = [a for a in get_args(shape) if a is not type(None)]
        return rest[0], True
    return shape, False


def _allowed(shape: Any, metadata: list[Any]) -> str:
    origin = get_origin(shape)
    if origin is Annotated:
        inner, *extra = get_args(shape)
        unpacked: list[Any] = []
        for part in extra:
            unpacked += part.metadata if isinstance(part, FieldInfo) else [part]
        return _allowed(inner, unpacked)
    if origin is Literal:
        return "one of " + ", ".join(f'"{a}"' for a in get_args(shape))
    if origin is tuple:
        return f"list of: {_allowed(get_args(shape)[0], [])}"
    if any(getattr(part, "pattern", None) for part in metadata):
        return "a seat string"
    return f"{_WORDS.get(shape, 'value')}{_range(metadata)}"


def _range(metadata: list[Any]) -> str:
    bounds: dict[str, Any] = {}
    for part in metadata:
        for name in ("ge", "gt", "le", "lt"):
            if hasattr(part, name):
                bounds[name] = getattr(part, name)
    words: list[str] = []
    if "ge" in bounds and "le" in bounds:
        return f" from {bounds['ge']} to {bounds['le']}"
    for name, word in (("ge", "at least"), ("gt", "above"), ("le", "at most"), ("lt", "below")):
        if name in bounds:
            words.append(f"{word} {bounds[name]}")
    return f" {' and '.join(words)}" if words else ""
