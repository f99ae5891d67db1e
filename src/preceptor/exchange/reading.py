"""Reading a file of strategies: our own JSONL, or a plain list as JSON, JSON lines or YAML.

What cannot be used is told with its place, and the rest goes on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from preceptor.core.decode import decode
from preceptor.core.errors import InputError
from preceptor.core.records import Scenario
from preceptor.core.untrusted import one_line
from preceptor.core.yaml_lines import read_yaml
from preceptor.exchange import jsonl
from preceptor.exchange.contents import Item, Taught
from preceptor.exchange.plain_form import GUIDELINES, SCENARIO, read_plain

LARGEST = 512 * 2**20
LARGEST_YAML = 16 * 2**20
LONGEST_LINE = 8 * 2**20
YAML = (".yaml", ".yml")
_FORM = "docs/carry.md shows the forms"


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """Something about one place of the file."""

    where: str
    """``line 3``, ``entry 3`` or ``entry 3 (line 14)``."""
    kind: str
    """Short stable word for counting."""
    reason: str
    lost: bool
    """True: what stands there was not taken; False: it was, but for what ``reason`` says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A strategy as the file tells it."""

    where: str
    item: Item


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a file holds."""

    name: str
    """``import-`` and 8 hex digits of the file's SHA-256: stands where a run's id stands in provenance."""
    entries: int
    """Lines or entries, blank ones not counted."""
    strategies: tuple[Found, ...]
    scenarios: tuple[Scenario, ...]
    lessons: tuple[Taught, ...]
    remarks: tuple[Remark, ...]


def read_file(path: Path) -> Reading:
    """What ``path`` holds.

    Raises:
        InputError: it cannot be read at all, is too large, or a newer preceptor wrote it.
    """
    try:
        size = path.stat().st_size
        most = LARGEST_YAML if path.suffix.lower() in YAML else LARGEST
        if size > most:
            raise InputError(f"{path} has {size} bytes; {most} at most", hint="import it in parts")
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}", hint="name a .jsonl, .json or .yaml file") from error
    reader = _Reader(path)
    for where, value in reader.values(data):
        reader.take(where, value)
    return reader.reading(f"import-{hashlib.sha256(data).hexdigest()[:8]}")


def _no_json(error: Exception) -> str:
    told = f"{error.msg.lower()} at column {error.colno}" if isinstance(error, json.JSONDecodeError) else str(error)
    return one_line(f"no JSON: {told}", 120)


class _Reader:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._entries = 0
        self._strategies: list[Found] = []
        self._scenarios: dict[str, Scenario] = {}
        self._lessons: dict[str, Taught] = {}
        self._remarks: list[Remark] = []

    def reading(self, name: str) -> Reading:
        return Reading(
            name=name,
            entries=self._entries,
            strategies=tuple(self._strategies),
            scenarios=tuple(self._scenarios.values()),
            lessons=tuple(self._lessons.values()),
            remarks=tuple(self._remarks),
        )

    def values(self, data: bytes) -> Iterator[tuple[str, object]]:
        """Place and value of each entry; what is no value is told and counted here."""
        if self._path.suffix.lower() in YAML:
            document = read_yaml(self._path)
            for number, (_, value) in enumerate(self._listed(document.value)):
                yield f"entry {number + 1} (line {document.lines.get((number,), 1)})", value
            return
        if self._path.suffix.lower() == ".json":
            try:
                yield from self._listed(_parsed(data))
                return
            except (ValueError, RecursionError, InputError) as error:
                if data.count(b"\n") == 0:
                    raise InputError(
                        f"{self._path} is no JSON ({one_line(str(error), 160)})", hint=_FORM
                    ) from error
        yield from self._lines(data)

    def _lines(self, data: bytes) -> Iterator[tuple[str, object]]:
        for number, line in enumerate(data.split(b"\n"), 1):
            where = f"line {number}"
            if not line.removeprefix(b"\xef\xbb\xbf").strip():
                continue
            if len(line) > LONGEST_LINE:
                self._lose(where, "line-too-long", f"{len(line)} bytes; {LONGEST_LINE} at most")
                continue
            try:
                yield where, _parsed(line)
            except UnicodeDecodeError:
                self._lose(where, "bad-encoding", "not UTF-8")
            except InputError as error:
                self._lose(where, "twice", error.message)
            except (ValueError, RecursionError) as error:
                self._lose(where, "bad-json", _no_json(error))

    def _listed(self, value: object) -> Iterator[tuple[str, object]]:
        values = cast("list[object]", value) if isinstance(value, list) else [value]
        for number, entry in enumerate(values, 1):
            yield f"entry {number}", entry

    def take(self, where: str, value: object) -> None:
        """One entry, whatever its form."""
        if not isinstance(value, dict):
            self._lose(where, "not-an-object", "it is no object")
            return
        entry = cast("dict[str, object]", value)
        try:
            if entry.get("kind") == jsonl.HEADER:
                self._header(entry)
            elif "kind" in entry:
                self._own(where, entry)
            elif GUIDELINES in entry or SCENARIO in entry:
                self._plain(where, entry)
            else:
                self._lose(where, "unknown-form", "it has neither a 'kind' nor 'guidelines'")
                return
            self._entries += 1
        except _WrongHeaderError as error:
            raise InputError(f"{self._path}: {error.message}", hint=error.hint) from error
        except InputError as error:
            self._lose(where, "wrong-entry", one_line(error.message, 200))

    def _header(self, entry: Mapping[str, object]) -> None:
        version = entry.get("format")
        if not isinstance(version, int) or version > jsonl.FORMAT:
            raise _WrongHeaderError(
                f"it has the form {one_line(str(version), 20)}, this preceptor reads {jsonl.FORMAT}",
                hint="upgrade preceptor, or export it again",
            )

    def _own(self, where: str, entry: Mapping[str, object]) -> None:
        kind = entry["kind"]
        if kind == jsonl.STRATEGY:
            line = decode(jsonl.StrategyLine, entry)
            item = Item(
                strategy=line.strategy,
                version=line.version,
                status=line.status,
                lesson_id=line.lesson_id,
                evidence=line.evidence,
                findings=line.findings,
                provenance=line.provenance,
            )
            self._strategies.append(Found(where=where, item=item))
        elif kind == jsonl.LESSON:
            found = decode(jsonl.LessonLine, entry)
            _check_stages(found.stage, found.lesson.scenario.stage)
            if self._lessons.setdefault(found.lesson.id, _taught(found)) != _taught(found):
                raise InputError(f"another lesson {one_line(found.lesson.id, 60)} stands before it")
        elif kind == jsonl.SCENARIO:
            scenario = decode(jsonl.ScenarioLine, entry).scenario
            _check_stages(scenario.stage)
            if self._scenarios.setdefault(scenario.id, scenario) != scenario:
                raise InputError(f"another scenario {one_line(scenario.id, 60)} stands before it")
        else:
            raise InputError(f"unknown kind '{one_line(str(kind), 40)}'")

    def _plain(self, where: str, entry: Mapping[str, object]) -> None:
        def note(kind: str, reason: str) -> None:
            self._remarks.append(Remark(where=where, kind=kind, reason=reason, lost=False))

        strategies, scenario = read_plain(entry, note)
        if scenario is not None:
            self._scenarios.setdefault(scenario.id, scenario)
        for strategy in strategies:
            item = Item(strategy=strategy, version=1, status="proposed")
            self._strategies.append(Found(where=where, item=item))

    def _lose(self, where: str, kind: str, reason: str) -> None:
        self._entries += 1
        self._remarks.append(Remark(where=where, kind=kind, reason=reason, lost=True))


class _WrongHeaderError(InputError):
    """The whole file cannot be read."""


def _check_stages(*stages: int) -> None:
    if not all(0 <= stage < 10**6 for stage in stages):
        raise InputError("a stage is out of range")


def _taught(line: jsonl.LessonLine) -> Taught:
    return Taught(lesson=line.lesson, run=line.run, stage=line.stage)


def _parsed(data: bytes) -> Any:
    """JSON in which no key stands twice: the second would silently replace the first."""
    return json.loads(data.decode("utf-8-sig"), object_pairs_hook=_once, parse_constant=_no_number)


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise InputError(f"'{one_line(key, 60)}' is given twice")
        found[key] = value
    return found
