"""Why a run's items failed, in a screen."""

from __future__ import annotations

import io

from rich.console import Console

from preceptor.cli.failures import failure_kinds, failure_table
from preceptor.core.events import ItemFailed


def failed(failure: str, reason: str, id: str = "scenario-1") -> ItemFailed:
    return ItemFailed(kind="lesson", id=id, failure=failure, reason=reason)


EVENTS = [
    failed("truncated", "teacher (x:y), asked 3 times: the JSON is cut off"),
    failed("truncated", "teacher (x:y), asked 3 times: the JSON is cut off", "scenario-2"),
    failed("truncated", "student (x:y), asked 3 times: cut off"),
    failed("timeout", "http://host/v1#m gave no answer within 3 s (after 5 tries)"),
    failed("something-new", ""),
]


def test_failures_are_counted_by_seat_and_kind_with_an_example_and_a_next_step() -> None:
    first, *rest = failure_kinds(EVENTS)
    assert (first.seat, first.failure, first.count) == ("teacher", "truncated", 2)
    assert first.example.startswith("lesson scenario-1: teacher (x:y)")
    assert first.advice == "raise seats.teacher.max_tokens"
    assert {(k.seat, k.failure): k.count for k in rest} == {
        ("", "something-new"): 1,
        ("", "timeout"): 1,
        ("student", "truncated"): 1,
    }
    assert all(k.advice for k in rest)


def test_the_screen_holds_it_all() -> None:
    out = io.StringIO()
    Console(file=out, width=80).print(failure_table(failure_kinds(EVENTS)))
    text = out.getvalue()
    assert "raise seats.teacher.max_tokens" in text
    assert "scenario-1" in text
    assert text.count("next: ") == 4
