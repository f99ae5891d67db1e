"""Providers through pydantic-ai, against the loopback server."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from pydantic import BaseModel
from tests.servers.chat_server import (
    ChatServer,
    Fault,
    cut,
    failing,
    no_model,
    ok,
    rate_limited,
    refused_key,
    too_long,
)

from preceptor.core.errors import BadAnswerError, ModelBusyError, ModelDownError
from preceptor.core.events import ignore
from preceptor.core.settings import SeatConfig, SeatsConfig
from preceptor.llm import ChatMessage, ChatRequest, Ledger, NullJournal, Seats, Timing, open_seats
from preceptor.llm.provider import ProviderModel, _tier, open_provider

KEY = "sk-secret-abcdefghijkl"
TALK = (
    ChatMessage("system", "Be brief."),
    ChatMessage("user", "Hello"),
    ChatMessage("assistant", "Hi."),
    ChatMessage("user", "And now?"),
)


FINE = {
    "id": "1",
    "object": "chat.completion",
    "created": 0,
    "model": "gpt-5-mini",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Fine."}, "finish_reason": "stop"}],
}


class Mood(BaseModel):
    mood: str


class Waits:
    def __init__(self) -> None:
        self.clock = 0.0
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.clock += seconds
        self.slept.append(seconds)

    def now(self) -> float:
        return self.clock


def seats(
    server: ChatServer,
    monkeypatch: pytest.MonkeyPatch,
    ledger: Ledger | None = None,
    waits: Waits | None = None,
) -> Any:
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    waits = waits or Waits()
    one = SeatConfig(model="openai-chat:gpt-5-mini", retries=2)
    return open_seats(
        SeatsConfig(student=one, teacher=one, customer=one, judge=one),
        environ={"OPENAI_API_KEY": KEY},
        factories={},
        journal=NullJournal(),
        ledger=ledger or Ledger(),
        emit=ignore,
        timing=Timing(sleep=waits.sleep, now=waits.now),
    )


async def said(opened: Seats) -> str:
    return await opened.student.say(TALK, seed=7, phase="test", item="one")


async def test_a_call_carries_the_conversation_and_is_priced(monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger()
    async with ChatServer(answer="Fine.") as server, seats(server, monkeypatch, ledger) as opened:
        assert await said(opened) == "Fine."
        assert not opened.student.local
    (body,) = server.bodies
    assert [(m["role"], m["content"]) for m in body["messages"]] == [
        ("system", "Be brief."),
        ("user", "Hello"),
        ("assistant", "Hi."),
        ("user", "And now?"),
    ]
    assert server.headers[0]["Authorization"] == f"Bearer {KEY}"
    (row,) = ledger.table()
    assert (row.input, row.output, row.estimated) == (server.input_tokens, server.output_tokens, False)
    assert row.usd == pytest.approx((row.input * 0.25 + row.output * 2) / 1e6)


async def test_a_schema_goes_the_model_s_way_and_comes_back_filled(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(body: dict[str, Any]) -> Any:
        call = {"type": "function", "id": "c1", "function": {"name": "answer", "arguments": '{"mood": "calm"}'}}
        if "tools" in body:
            return {
                "message": {"role": "assistant", "content": None, "tool_calls": [call]},
                "finish_reason": "tool_calls",
            }
        return '{"mood": "calm"}'

    async with ChatServer(answer=answer) as server, seats(server, monkeypatch) as opened:
        assert await opened.judge.fill(TALK, Mood, seed=1, phase="test", item="one") == Mood(mood="calm")
    assert '"mood"' in json.dumps(server.bodies[0].get("tools") or server.bodies[0].get("response_format"))


async def test_what_may_pass_is_retried_by_us_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    async with ChatServer() as server, seats(server, monkeypatch) as opened:
        server.next(rate_limited(retry_after=3), failing(503), ok())
        assert await said(opened) == "All right."
        assert server.asked == 3
        server.always = failing(500)
        with pytest.raises(ModelBusyError, match="after 3 tries"):
            await opened.student.say(TALK, seed=8, phase="test", item="two")
        assert server.asked == 6


async def test_faults_have_the_same_kinds_as_by_url(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds: dict[str, str] = {}
    async with ChatServer() as server, seats(server, monkeypatch) as opened:
        for name, fault in {"401": refused_key(echo=KEY), "404": no_model(), "context": too_long()}.items():
            server.next(fault)
            with pytest.raises((ModelDownError, BadAnswerError)) as caught:
                await said(opened)
            kinds[name] = caught.value.kind
            assert KEY not in f"{caught.value} {caught.value.hint} {opened}"
        server.always = cut()
        with pytest.raises((ModelDownError, ModelBusyError)):
            await said(opened)
    assert kinds == {"401": "key-refused", "404": "no-such-model", "context": "context-length"}


async def test_a_refusal_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    refusal = {
        "message": {"role": "assistant", "content": None, "refusal": "No."},
        "finish_reason": "content_filter",
    }
    async with ChatServer(answer=refusal) as server, seats(server, monkeypatch) as opened:
        with pytest.raises(BadAnswerError) as caught:
            await said(opened)
    assert caught.value.kind == "refusal"


async def test_many_calls_at_once_spread_over_clients_that_are_all_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    async with ChatServer(delay=0.05) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        model = open_provider("student", "openai-chat", "gpt-5-mini", "", KEY, {})
        assert isinstance(model, ProviderModel)
        requests = [ChatRequest(messages=TALK, seed=seed, max_tokens=20) for seed in range(20)]
        await asyncio.gather(*(model.complete(request) for request in requests))
        clients = list(model._clients)
        assert len(clients) == 3
        assert [client.in_flight for client in clients] == [0, 0, 0]
        await model.complete(requests[0])
        assert len(model._clients) == 3
        await model.aclose()
        assert not any(client.entered for client in clients)
        assert all(client.web.is_closed for client in clients)
    assert server.answered == 21


@pytest.mark.parametrize(("tier", "share"), [("flex", 0.5), ("priority", 1.8), ("fast", 1.8), ("default", 1.0)])
async def test_an_answer_at_another_tier_costs_what_that_tier_does(
    tier: str, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
    ledger = Ledger()
    async with ChatServer() as server, seats(server, monkeypatch, ledger) as opened:
        server.next(Fault(status=200, body=json.dumps({**FINE, "usage": usage, "service_tier": tier})))
        await said(opened)
    (row,) = ledger.table()
    assert row.usd == pytest.approx(share * (1000 * 0.25 + 100 * 2) / 1e6)


def test_google_s_names_of_its_tiers_are_known() -> None:
    told = ("ON_DEMAND_FLEX", "ON_DEMAND_PRIORITY", "ON_DEMAND")
    assert [_tier({"traffic_type": t}) for t in told] == ["flex", "priority", ""]
    assert _tier({"service_tier": "priority", "traffic_type": "ON_DEMAND"}) == "priority"
    assert _tier({"service_tier": ["flex"]}) == ""


async def test_a_limit_that_an_answer_tells_is_used_up_holds_the_whole_seat(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    used_up = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "7s"}
    waits = Waits()
    async with ChatServer() as server, seats(server, monkeypatch, waits=waits) as opened:
        server.next(Fault(status=200, body=json.dumps(FINE), headers=used_up))
        await said(opened)
        assert waits.slept == []
        await opened.student.say(TALK, seed=8, phase="test", item="two")
        assert waits.slept == [pytest.approx(7.0)]
        await opened.student.say(TALK, seed=9, phase="test", item="three")
        assert len(waits.slept) == 1, "an answer that says nothing asks for nothing"


async def test_a_refusal_that_tells_only_its_limit_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    used_up = {"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "1m4s"}
    waits = Waits()
    async with ChatServer() as server, seats(server, monkeypatch, waits=waits) as opened:
        server.next(Fault(status=429, body='{"error": {"message": "slow down"}}', headers=used_up))
        assert await said(opened) == "All right."
    assert max(waits.slept) == pytest.approx(64.0)
