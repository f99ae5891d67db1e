"""What a reviewer waits for after a key, in statements to the database: no clock, and a bound all the same."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event
from tests.review_app import Browser, waiting

from preceptor.review.desk import Desk

MOST = 24
"""A decision of one change, and the page of the strategy that follows."""
MOST_TO_SHOW = 8
"""The page of a strategy alone."""


@contextmanager
def told() -> Generator[list[str]]:
    """Statements, as they are sent."""
    sent: list[str] = []

    def send(connection: Any, cursor: Any, statement: str, *more: Any) -> None:
        sent.append(statement)

    event.listen(Engine, "before_cursor_execute", send)
    try:
        yield sent
    finally:
        event.remove(Engine, "before_cursor_execute", send)


def decided(desk: Desk, mara: Browser, csrf: str) -> list[str]:
    entry = waiting(desk)[0]
    headers = {"hx-request": "true", "hx-target": "main"}
    with told() as sent:
        answer = mara.client.post(
            f"/queue/{entry.strategy.id}/approve?severity=clean",
            data={"csrf": csrf, "expect": str(entry.changed_seq)},
            headers=headers,
        )
    assert (answer.status_code, answer.history) == (200, [])  # one request: the answer is what follows
    following = waiting(desk)[0].strategy.id
    assert answer.headers["hx-push-url"] == f"/queue?severity=clean&at={following}"
    assert f'aria-label="Strategy {following}"' in answer.text
    assert "Approved." in answer.text
    assert desk.library.entry(entry.strategy.id).status == "approved"
    return sent


def test_the_next_item_takes_few_statements_however_much_is_alike(desk: Desk, mara: Browser):
    csrf = mara.csrf
    mara.get("/queue?severity=clean")
    for _ in range(4):
        sent = decided(desk, mara, csrf)
        assert len(sent) <= MOST, "\n".join(sent)
    documents = [s for s in sent if s.startswith("SELECT strategies.id, strategies.doc")]
    assert len(documents) <= 6


def test_a_page_of_the_queue_reads_nothing_twice_and_counts_no_list(desk: Desk, mara: Browser):
    at = waiting(desk)[3].strategy.id
    mara.get("/queue?severity=clean")
    with told() as sent:
        assert f'aria-label="Strategy {at}"' in mara.get(f"/queue?severity=clean&at={at}").text
    assert len(sent) <= MOST_TO_SHOW, "\n".join(sent)
    assert sum("FROM law" in s for s in sent) == 1
    counts = [s for s in sent if "count(*)" in s]
    assert len(counts) == 1  # what stands before it, by the index
    assert "(strategies.rank, strategies.first_seq) < (own.rank, own.first_seq)" in counts[0]
