"""What people think of dialogues: 1 to 5, and which of two is better; in a small SQLite file."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, field_validator, model_validator

from preceptor.core.clock import Clock
from preceptor.core.errors import InputError
from preceptor.core.untrusted import clean, one_line
from preceptor.review.small_file import SmallFile

Better = Literal["first", "second", "same"]
_SCHEMA = """
create table if not exists ratings (
    run text not null, unit text not null, arm text not null, other text not null, by text not null,
    score real, better text not null, note text not null, at text not null,
    primary key (run, unit, arm, other, by)
)
"""
_COLUMNS = ("run", "unit", "arm", "other", "by", "score", "better", "note", "at")
_INSERT = """
insert into ratings values (?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict do update
set score = excluded.score, better = excluded.better, note = excluded.note, at = excluded.at
where score is not excluded.score or better is not excluded.better or note is not excluded.note
"""
_SELECT = """
select run, unit, arm, other, by, score, better, note, at from ratings
where (? = '' or run = ?) and (? = '' or by = ?) order by at, run, unit, arm, other, by
"""
_MOST_LINES = 50_000
Name = Annotated[str, Field(min_length=1, max_length=200)]
_NONE: dict[str, JsonValue] = {"const": ""}
_EITHER: dict[str, JsonValue] = {
    "oneOf": [
        {
            "required": ["score"],
            "properties": {"score": {"type": "number"}, "other": _NONE, "better": _NONE},
        },
        {
            "required": ["other", "better"],
            "properties": {"score": {"type": "null"}, "other": {"minLength": 1}, "better": {"minLength": 1}},
        },
    ]
}
"""What the model's own check asks for, for readers of its schema."""


class RatingGiven(BaseModel):
    """A view of one dialogue, or of two of the same customer."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra=_EITHER)

    run: Name
    """The evaluation."""
    unit: Name
    """``<profile>/<repeat>``."""
    arm: Name
    other: Annotated[str, Field(max_length=200)] = ""
    """The second arm of a pair; empty for a single dialogue."""
    score: Annotated[float, Field(ge=1, le=5, allow_inf_nan=False)] | None = None
    """1 (very dissatisfied) to 5, for a single dialogue."""
    better: Better | Literal[""] = ""
    """Which of a pair: ``first`` is ``arm``, ``second`` is ``other``."""
    note: Annotated[str, Field(max_length=2000)] = ""

    @model_validator(mode="after")
    def _either(self) -> Self:
        if bool(self.other) != bool(self.better) or bool(self.other) == (self.score is not None):
            raise ValueError("either a score, or another arm and which is better")
        return self


class PersonRating(RatingGiven):
    """The same with who gave it and when. Its JSON is a line of the export."""

    by: Annotated[str, Field(min_length=1, max_length=64)]
    at: Annotated[str, Field(max_length=40)] = ""
    """ISO 8601, UTC; empty: when it is stored."""

    @field_validator("at")
    @classmethod
    def _time(cls, text: str) -> str:
        if text:
            datetime.fromisoformat(text)
        return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What became of an import."""

    new: int
    same: int


class Ratings:
    """The ratings in one file. A person's second rating of the same replaces the first. Safe to share."""

    def __init__(self, path: Path | str, *, clock: Clock) -> None:
        self._clock = clock
        self._file = SmallFile(path, _SCHEMA, "ratings")

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def put(self, ratings: Iterable[PersonRating]) -> Imported:
        """Stores all of them, or none. Pairs are kept in the order of their arms' names."""
        rows = [self._row(_ordered(r)) for r in ratings]
        with self._file.used() as db:
            before = db.total_changes
            db.execute("begin immediate")
            try:
                db.executemany(_INSERT, rows)
            except sqlite3.Error:
                db.execute("rollback")
                raise
            db.execute("commit")
            new = db.total_changes - before
        return Imported(new=new, same=len(rows) - new)

    def all(self, run: str = "", by: str = "") -> tuple[PersonRating, ...]:
        """Those of a run, or of a person, by time."""
        with self._file.used() as db:
            found = db.execute(_SELECT, (run, run, by, by)).fetchall()
        return tuple(PersonRating.model_construct(**dict(zip(_COLUMNS, row, strict=True))) for row in found)

    def _row(self, rating: PersonRating) -> tuple[object, ...]:
        at = rating.at or self._clock().isoformat(timespec="seconds")
        values = rating.model_dump() | {"at": one_line(at), "note": clean(rating.note), "by": one_line(rating.by)}
        return tuple(values[name] for name in _COLUMNS)


def _ordered(rating: PersonRating) -> PersonRating:
    if not rating.other or rating.arm < rating.other:
        return rating
    turned: dict[str, Better | Literal[""]] = {"first": "second", "second": "first"}
    better = turned.get(rating.better, rating.better)
    return rating.model_copy(update={"arm": rating.other, "other": rating.arm, "better": better})


def read_lines(text: str) -> tuple[PersonRating, ...]:
    """Ratings from JSON lines. InputError: names the first line that cannot be one."""
    return tuple(_lines(text))


def _lines(text: str) -> Iterator[PersonRating]:
    # Not splitlines(): a note may hold U+2028, which JSON leaves as it is.
    lines = [(n, line) for n, line in enumerate(text.split("\n"), 1) if line.strip()]
    if len(lines) > _MOST_LINES:
        raise InputError(f"{len(lines)} lines", hint=f"{_MOST_LINES} at most in one import")
    for number, line in lines:
        try:
            yield PersonRating.model_validate(json.loads(line))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(p) for p in first["loc"]) or "the rating"
            raise InputError(f"line {number}: {where}: {first['msg']}", hint="nothing was imported") from error
        except (ValueError, RecursionError) as error:
            raise InputError(f"line {number} is not JSON", hint="nothing was imported") from error
