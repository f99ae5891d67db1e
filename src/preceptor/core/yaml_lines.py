"""YAML as plain values, with the line on which each stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

from preceptor.core.errors import InputError, unreadable
from preceptor.core.untrusted import one_line

_MOST_NODES = 500_000
"""Aliases can make a small file huge; no honest domain comes near this."""
_DEEPEST = 100
"""Levels that libyaml is trusted with."""

Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file."""

    path: Path
    value: Any
    lines: Mapping[Place, int]
    """Place of a value (keys and list positions from the top) to its line, counted from 1."""

    def wrong(self, place: Place, message: str, *, hint: str) -> InputError:
        """The error for the value at ``place``: names file and line."""
        while place and place not in self.lines:
            place = place[:-1]
        return InputError(f"{self.path}:{self.lines.get(place, 1)}: {message}", hint=hint)


def read_yaml(path: Path) -> Document:
    """The document in ``path``.

    Raises:
        InputError: not there, not UTF-8, not YAML, or a key given twice; names file and line.
    """
    text = read_text(path)
    try:
        node = _composed(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise InputError(
            f"{path}:{line}: not valid YAML: {one_line(str(error.problem or error.context or error), 160)}",
            hint="check indentation and quotes there",
        ) from error
    except yaml.YAMLError as error:
        raise InputError(f"{path}: not valid YAML: {one_line(str(error), 160)}", hint="save it as UTF-8") from error
    except RecursionError as error:
        raise _too_deep(path) from error
    reader = _Reader(path)
    try:
        value = None if node is None else reader.read(node, ())
    except RecursionError as error:
        raise _too_deep(path) from error
    return Document(path, value, reader.lines)


def _composed(text: str) -> Any:
    """By libyaml where PyYAML has it, which takes a tenth of the time; what it refuses is told by PyYAML itself."""
    yaml_ = cast("Any", yaml)
    fast = getattr(yaml, "CSafeLoader", None)
    if fast is not None:
        try:
            if _shallow(yaml_.parse(text, Loader=fast)):
                return yaml_.compose(text, Loader=fast)
        except yaml.YAMLError:
            pass
    return yaml_.compose(text, Loader=yaml.SafeLoader)


def _shallow(events: Iterable[Any]) -> bool:
    """libyaml composes on the stack of C, which nothing guards."""
    depth = 0
    for event in events:
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            return False
    return True


def _too_deep(path: Path) -> InputError:
    return InputError(f"{path}: nested too deep to be read", hint="see docs/config.md for the form of the file")


def read_text(path: Path) -> str:
    """The text of a file of the user's.

    Raises:
        InputError: not there or not UTF-8; names the file.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist", hint="see docs/config.md for the files of a domain") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {unreadable(error)}", hint="save it as UTF-8 text") from error


class _Reader:
    def __init__(self, path: Path) -> None:
        self.lines: dict[Place, int] = {}
        self._path = path
        self._loader = yaml.SafeLoader("")
        self._open: set[int] = set()
        self._count = 0

    def read(self, node: Any, place: Place) -> Any:
        self._count += 1
        line = int(node.start_mark.line) + 1
        if self._count > _MOST_NODES or id(node) in self._open:
            raise InputError(f"{self._path}:{line}: too many or circular aliases", hint="write the values out")
        self.lines[place] = line
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, line)
        self._open.add(id(node))
        value = self._mapping(node, place) if isinstance(node, yaml.MappingNode) else self._sequence(node, place)
        self._open.discard(id(node))
        return value

    def _sequence(self, node: Any, place: Place) -> list[Any]:
        return [self.read(child, (*place, index)) for index, child in enumerate(node.value)]

    def _mapping(self, node: Any, place: Place) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in cast("list[tuple[Any, Any]]", node.value):
            key = str(key_node.value)
            line = int(key_node.start_mark.line) + 1
            if key in result:
                raise InputError(
                    f"{self._path}:{line}: '{one_line(key, 60)}' is given twice", hint="remove one of them"
                )
            result[key] = self.read(value_node, (*place, key))
            self.lines[(*place, key)] = line
        return result

    def _scalar(self, node: yaml.ScalarNode, line: int) -> Any:
        try:
            return self._loader.construct_object(node)  # pyright: ignore[reportUnknownMemberType]
        except (yaml.YAMLError, ValueError) as error:
            raise InputError(
                f"{self._path}:{line}: {one_line(str(error), 120)}", hint="put it in quotes"
            ) from error
