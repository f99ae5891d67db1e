"""How long a decision took is measured, and kept without whose it was."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.review_app import Browser, Hands, browser, waiting

from preceptor.library.entry import Entry
from preceptor.review.desk import Desk
from preceptor.review.pace import AWAY, Pace, Took, note

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def seconds(*many: float) -> list[datetime]:
    return [NOON + timedelta(seconds=n) for n in many]


def test_the_median_of_what_was_counted_stays_and_nothing_else(tmp_path: Path):
    path = tmp_path / "pace.db"
    with closing(Pace(path)) as pace:
        assert pace.told() is None
        for decided in seconds(12.04, 9, 30, 9, AWAY.total_seconds() + 1, -1):
            pace.add(NOON, decided)
        pace.add(None, NOON)
        assert pace.told() == Took(9.0, 4)
        pace.add(NOON, NOON + timedelta(seconds=31))
        assert pace.told() == Took(12.0, 5)
    with closing(Pace(path)) as again:
        assert again.told() == Took(12.0, 5)
    with closing(sqlite3.connect(path)) as raw:
        assert raw.execute("select name from sqlite_master where type = 'table'").fetchall() == [("pace",)]
        assert raw.execute("select * from pace").fetchall() == [(90, 2), (120, 1), (300, 1), (310, 1)]


def test_a_session_waits_for_few(tmp_path: Path):
    shown: dict[str, datetime] = {}
    for n, moment in enumerate(seconds(*range(60))):
        note(shown, f"strategy-{n}", moment)
    note(shown, "strategy-10", NOON)
    assert len(shown) == 50
    assert list(shown)[-1] == "strategy-10"
    assert "strategy-9" not in shown


def test_a_decision_in_the_queue_is_timed_from_when_it_was_shown(desk: Desk, mara: Browser, clock: Hands):
    first, second, third = waiting(desk)[:3]

    def told() -> dict[str, object]:
        data = mara.get("/api/pace").json()["data"]
        return {**data, "seconds": round(data["seconds"])} if data["decisions"] else data  # the clock ticks itself

    def decide(entry: Entry, act: str, status: int = 303, **more: str) -> None:
        fields = {"expect": entry.changed_seq, **more}
        assert mara.post(f"/queue/{entry.strategy.id}/{act}", fields).status_code == status

    assert told() == {"seconds": None, "decisions": 0}
    assert "each</span>" not in mara.get("/queue").text
    mara.get(f"/queue?at={first.strategy.id}")
    clock.now += timedelta(seconds=20)
    decide(first, "approve")
    assert told() == {"seconds": 20, "decisions": 1}
    decide(second, "approve")  # by one who was never shown it here
    assert told()["decisions"] == 1
    mara.get(f"/queue?at={third.strategy.id}")
    clock.now += timedelta(seconds=14)
    decide(third, "reject", 422)  # without a reason: refused, nothing decided
    assert told()["decisions"] == 1
    decide(third, "reject", reason="Too vague")
    assert told() == {"seconds": 14, "decisions": 2}
    assert "14 s each</span>" in mara.get("/queue").text


def test_whoever_else_decided_meanwhile_does_not_count(desk: Desk, mara: Browser, clock: Hands):
    entry = waiting(desk)[0]
    mara.get(f"/queue?at={entry.strategy.id}")
    otto = browser(desk, "otto", "reviewer")
    clock.now += timedelta(seconds=5)
    otto.post(f"/strategies/{entry.strategy.id}/approve", {"expect": entry.changed_seq})
    mara.post(f"/queue/{entry.strategy.id}/approve", {"expect": entry.changed_seq})
    assert desk.pace.told() is None
