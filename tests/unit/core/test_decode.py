"""Dataclasses come back from JSON as they went, and nothing else does."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.core.any_value import any_value, joined

from preceptor.core.decode import decode
from preceptor.core.errors import InputError
from preceptor.core.ids import plain
from preceptor.core.records import Finding, Lesson, Scenario, Strategy, Turn


@pytest.mark.parametrize("kind", [Turn, Strategy, Scenario, Finding, Lesson])
@given(data=st.data())
def test_round_trip(kind: type, data: st.DataObject) -> None:
    value = data.draw(any_value(kind))
    assert decode(kind, json.loads(json.dumps(plain(value)))) == joined(value)


@dataclass(frozen=True)
class Sample:
    word: str
    count: int
    share: float
    sure: bool
    pair: tuple[float, float]
    mode: Literal["a", "b"] = "a"
    note: str | None = None
    table: Mapping[str, tuple[int, ...]] | None = None


GOOD = {"word": "w", "count": 1, "share": 0.5, "sure": True, "pair": [1, 2.5]}


def test_defaults_and_whole_numbers_as_floats() -> None:
    assert decode(Sample, GOOD) == Sample("w", 1, 0.5, True, (1.0, 2.5))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"word": 1}, "word: expected text, got a whole number"),
        ({"word": None}, "word: expected text, got null"),
        ({"count": True}, "count: expected a whole number, got true or false"),
        ({"count": 1.0}, "count: expected a whole number"),
        ({"share": "1"}, "share: expected a number, got text"),
        ({"share": True}, "share: expected a number"),
        ({"sure": 1}, "sure: expected true or false"),
        ({"pair": [1]}, "pair: expected a list of 2"),
        ({"pair": [1, "x"]}, "pair.1: expected a number"),
        ({"pair": {"0": 1}}, "pair: expected a list of 2"),
        ({"mode": "c"}, "mode: expected one of a, b"),
        ({"mode": ["a"]}, "mode: expected one of"),
        ({"note": 3}, "note: expected text"),
        ({"table": []}, "table: expected an object, got a list"),
        ({"table": {"k": [1, "x"]}}, "table.k.1: expected a whole number"),
        ({"other": 1}, "Sample: there is no field 'other'"),
    ],
)
def test_what_is_wrong_is_named(change: dict[str, object], words: str) -> None:
    with pytest.raises(InputError) as caught:
        decode(Sample, {**GOOD, **change})
    assert words in str(caught.value)


def test_missing_field_and_wrong_whole() -> None:
    with pytest.raises(InputError, match="'count' is missing"):
        decode(Sample, {k: v for k, v in GOOD.items() if k != "count"})
    for value in (None, [], "x", 3):
        with pytest.raises(InputError, match="Sample: expected an object"):
            decode(Sample, value)
