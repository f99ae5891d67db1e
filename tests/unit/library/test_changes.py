"""Changes go to JSON and come back the same; anything else is refused."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.core.any_value import any_value
from tests.unit.library.made import evidence, one_of_each

from preceptor.core.errors import InputError
from preceptor.library.chain import normal, stored
from preceptor.library.changes import Change, from_json, kind_of, to_json


@pytest.mark.parametrize("kind", get_args(Change))
@given(data=st.data())
def test_round_trip_of_any_change(kind: Any, data: st.DataObject) -> None:
    change = data.draw(any_value(kind))
    text = stored(to_json(change))
    text.encode("utf-8")
    back = from_json(kind_of(change), json.loads(text))
    assert type(back) is kind
    assert normal(change) == back
    assert normal(back) == back


def test_kinds_are_stable_words() -> None:
    assert sorted(kind.__name__.lower() for kind in get_args(Change)) == [
        "approve",
        "checkpoint",
        "edit",
        "evidence",
        "flag",
        "merge",
        "override",
        "propose",
        "recordlesson",
        "recordscenario",
        "reject",
        "reopen",
        "retire",
        "screen",
        "setlaw",
    ]


@pytest.mark.parametrize("change", one_of_each(), ids=kind_of)
def test_strict_reading(change: Change) -> None:
    good = to_json(change)
    with pytest.raises(InputError, match="there is no field 'surprise'"):
        from_json(kind_of(change), {**good, "surprise": 1})
    for name in good:
        with pytest.raises(InputError):
            from_json(kind_of(change), {**good, name: {"not": "this"}})


def test_unknown_kinds_and_verdicts() -> None:
    with pytest.raises(InputError, match="unknown kind of change 'publish'"):
        from_json("publish", {})
    with pytest.raises(InputError, match="verdict: expected one of unproven, helpful, harmful"):
        from_json("evidence", {**to_json(evidence(1)), "verdict": "great"})
