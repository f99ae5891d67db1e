"""What went wrong in a run, in a screen."""

from __future__ import annotations

import io

from rich.console import Console

from preceptor.cli.failures import failure_kinds, failure_table, lost_items
from preceptor.core.events import Event, ItemDone, ItemFailed, TryFailed


def lost(failure: str, reason: str, id: str) -> ItemFailed:
    return ItemFailed(kind="lesson", id=id, failure=failure, reason=reason)


def tried(seat: str, failure: str, item: str = "scenario-9", call: str = "") -> TryFailed:
    return TryFailed(seat=seat, phase="teach", item=item, failure=failure, reason="it is cut off", call=call)


EVENTS: list[Event] = [
    *(tried("teacher", "truncated", "scenario-1", call) for call in ("aaa", "bbb", "ccc")),
    lost("truncated", "teacher (x:y), asked 3 times: the JSON is cut off", "scenario-1"),
    lost("truncated", "teacher (x:y), asked 3 times: the JSON is cut off", "scenario-2"),
    lost("truncated", "student (x:y), asked 3 times: cut off", "scenario-3"),
    lost("timeout", "judge: http://host/v1#m gave no answer within 3 s (after 5 tries)", "scenario-4"),
    lost("something-new", "", "scenario-5"),
    *(tried("judge", "busy") for _ in range(7)),
]


def test_failures_are_counted_by_seat_and_kind_with_an_example_and_a_next_step() -> None:
    first, *rest = failure_kinds(EVENTS)
    assert (first.seat, first.failure, first.tries, first.count) == ("teacher", "truncated", 3, 2)
    assert first.example.startswith("lesson scenario-1: teacher (x:y)")
    assert first.call == "ccc", "the last try of the item that was lost"
    assert first.advice.startswith("raise seats.teacher.max_tokens")
    assert {(k.seat, k.failure): (k.tries, k.count) for k in rest} == {
        ("", "something-new"): (0, 1),
        ("judge", "timeout"): (0, 1),
        ("student", "truncated"): (0, 1),
        ("judge", "busy"): (7, 0),
    }
    assert all(k.advice for k in rest)


def test_an_item_that_came_out_when_the_run_was_resumed_is_not_lost_and_none_counts_twice() -> None:
    events: list[Event] = [
        *(lost("timeout", "teacher: no answer", id) for id in ("a", "b", "a")),
        ItemDone(kind="lesson", id="b", detail="taught"),
    ]
    assert [e.id for e in lost_items(events)] == ["a"]
    (kind,) = failure_kinds(events)
    assert kind.count == 1


def test_the_screen_holds_it_all_and_what_the_model_answered() -> None:
    out = io.StringIO()
    answers = {"ccc": 'Sure! {"strategies": [\x1b[31m'}
    shown = failure_table(
        failure_kinds(EVENTS), lambda call: answers.get(call, ""), str.upper, more="preceptor runs show X --json"
    )
    Console(file=out, width=100).print(shown)
    text = out.getvalue()
    assert "RAISE SEATS.TEACHER.MAX_TOKENS" in text, "as it can be typed"
    assert "scenario-1" in text
    assert 'it answered: Sure! {"strategies": [' in text
    assert "\x1b" not in text
    assert text.count("next: ") == 4
    assert "and 1 more kinds: preceptor runs show X --json\n" in text
    assert len(text.splitlines()) < 30
