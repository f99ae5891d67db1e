from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest
from tests.review_app import browser, open_desk, recipe, waiting

from preceptor.core.errors import InputError, ModelDownError
from preceptor.core.settings import SeatConfig
from preceptor.llm.model import ChatReply, ChatRequest
from preceptor.review.desk import Desk
from preceptor.review.talk import read_talk
from preceptor.review.tryout import Student

TALK = "My bag is missing and my medicine is in it."


class Slow:
    """Streams in parts, and tells what it was asked; hostile in what it says."""

    spec = "test:slow"

    def __init__(self, *parts: str) -> None:
        self.parts = parts
        self.asked: list[ChatRequest] = []
        self.closed = False

    async def complete(self, request: ChatRequest) -> ChatReply:
        raise AssertionError("it can stream")

    async def stream(self, request: ChatRequest) -> AsyncGenerator[str]:
        self.asked.append(request)
        for part in self.parts:
            await asyncio.sleep(0)
            if part == "down":
                raise ModelDownError("the server is gone", hint="start it")
            yield part

    async def aclose(self) -> None:
        self.closed = True


@pytest.fixture
def model() -> Slow:
    return Slow("I will ", "<script>alert(1)</script>", " help\x1b[31m you.")


@pytest.fixture
def tried(filled, clock, model: Slow):
    student = Student(open=lambda: model, config=SeatConfig(model="test:slow"), system="Be brief.")
    with open_desk(filled, 0, clock=clock, student=student) as desk:
        yield desk


def test_what_fires_and_what_stays_below_the_floor(tried: Desk):
    fired = tried.tryout.fire(read_talk(TALK), "all")
    assert [c.chosen.strategy.id for c in fired.candidates if c.fired] == [
        c.strategy.id for c in fired.advice.chosen
    ]
    assert fired.advice.chosen
    others = [c for c in fired.candidates if not c.fired]
    assert others
    for c in others:
        assert (c.why_not == "below the floor") is (c.chosen.score < fired.floor)


def test_sources_differ(desk: Desk):
    with pytest.raises(InputError, match="no release is published"):
        desk.tryout.fire(read_talk(TALK), "current")
    assert desk.tryout.fire(read_talk(TALK), "next").strategies == 0
    for entry in waiting(desk)[:3]:
        desk.decisions.approve("mara", entry.strategy.id, expect=entry.changed_seq)
    assert desk.tryout.fire(read_talk(TALK), "next").strategies == 3
    made = desk.releases.create(recipe(), author="mara", reason="x")
    desk.releases.publish(made.release.id, author="mara", reason="x")
    assert desk.tryout.fire(read_talk(TALK), "current").strategies == 3


def events(text: str) -> list[str]:
    return [line for line in text.splitlines() if line]


def test_both_replies_come_in_parts_as_text(tried: Desk, model: Slow):
    mara = browser(tried)
    page = mara.post("/try", {"talk": TALK, "source": "all"})
    assert 'data-try="/try/live"' in page.text
    live = mara.get("/try/live")
    assert live.headers["content-type"].startswith("text/event-stream")
    lines = events(live.text)
    assert lines.count('data: {"side": "coached", "text": "<script>alert(1)</script>"}') == 1
    assert 'data: {"side": "student", "text": " help you."}' in lines
    assert lines[-2:] == ["event: end", "data: {}"]
    alone, coached = sorted((r.messages[-1].content for r in model.asked), key=len)
    assert alone == TALK
    assert coached.startswith(TALK)
    assert "<advice>" in coached
    assert model.closed
    assert mara.get("/try/live").status_code == 404  # used up: a browser that reconnects pays nothing


def test_a_failing_student_is_told(tried: Desk, model: Slow):
    model.parts = ("I wi", "down")
    mara = browser(tried)
    mara.post("/try", {"talk": "zzz", "source": "all"})
    text = mara.get("/try/live").text
    assert "the server is gone start it" in text
    assert text.count("event: over") == 1  # nothing fired: one reply


def test_over_the_api(tried: Desk):
    tried.people.add("robot", "reviewer", "long enough a password")
    client = browser(tried).client
    client.headers["authorization"] = f"Bearer {tried.people.token('robot')}"
    told = client.post("/api/try", json={"talk": TALK, "source": "all", "replies": True}).json()["data"]
    assert [r["side"] for r in told["replies"]] == ["student", "coached"]
    assert told["replies"][0]["text"] == "I will <script>alert(1)</script> help you."
    assert any(c["fired"] for c in told["candidates"])


def test_without_a_student_only_what_fires_is_shown(desk: Desk):
    page = browser(desk).post("/try", {"talk": TALK, "source": "all"})
    assert page.status_code == 200
    assert "data-try" not in page.text
