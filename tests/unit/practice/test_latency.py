"""What a set latency means: an answer's work is part of it, as it is of a real server's."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from preceptor.llm.model import ChatMessage, ChatRequest
from preceptor.practice import open_practice

ASKED = ChatRequest(messages=(ChatMessage("user", "Where is my bag?"),), seed=1, max_tokens=100)


@pytest.mark.parametrize(("work", "waits"), [(0.0, [0, 1.0]), (0.25, [0, 0.75]), (3.0, [0, 0.0])])
async def test_the_work_on_an_answer_is_part_of_its_latency(
    monkeypatch: pytest.MonkeyPatch, work: float, waits: list[float]
):
    model = open_practice("teacher", latency=1.0)
    now, slept = [100.0], list[float]()

    def answer(messages: Any, seed: int) -> str:
        now[0] += work
        return "Here it is."

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(model, "answer", answer)
    monkeypatch.setattr(asyncio, "sleep", sleep)
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: now[0])
    assert (await model.complete(ASKED)).text == "Here it is."
    assert slept == waits


async def test_without_a_latency_nobody_waits(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delattr(asyncio, "sleep")
    assert (await open_practice("teacher").complete(ASKED)).text
