from __future__ import annotations

import random
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp.http_writer import StreamWriter
from pydantic import BaseModel, ValidationError
from tests.servers.chat_server import (
    ChatServer,
    Fault,
    bad_request,
    broken_json,
    cut,
    failing,
    moved,
    no_choices,
    no_model,
    ok,
    quota,
    rate_limited,
    refused_key,
    slow,
    too_long,
    web_page,
)

from preceptor.core.errors import (
    BadAnswerError,
    ConfigError,
    ModelBusyError,
    ModelDownError,
    ModelError,
    ModelTimeoutError,
)
from preceptor.core.events import ignore
from preceptor.core.settings import SeatConfig, SeatsConfig
from preceptor.llm import ChatMessage, Ledger, NullJournal, Seats, Timing, open_seats
from preceptor.llm.opening import open_model

KEY = "sk-secret-abcdefghijkl"
HELLO = (ChatMessage("system", "Be brief."), ChatMessage("user", "Hello"))


class Mood(BaseModel):
    mood: str


class Waits:
    """Sleeps that take no time, and the list of them."""

    def __init__(self) -> None:
        self.taken: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.taken.append(seconds)

    def now(self) -> float:
        return sum(self.taken)


@asynccontextmanager
async def opened(
    server: ChatServer | str,
    *,
    ledger: Ledger | None = None,
    waits: Waits | None = None,
    environ: Mapping[str, str] | None = None,
    **settings: Any,
) -> AsyncGenerator[Seats]:
    spec = server if isinstance(server, str) else server.spec
    waits = waits or Waits()
    one = SeatConfig(model=spec, **settings)
    async with open_seats(
        SeatsConfig(student=one, teacher=one, customer=one, judge=one),
        environ=environ or {},
        factories={},
        journal=NullJournal(),
        ledger=ledger or Ledger(),
        emit=ignore,
        timing=Timing(sleep=waits.sleep, now=waits.now, rng=random.Random(1)),
    ) as seats:
        yield seats


async def said(seats: Seats, seed: int = 1) -> str:
    return await seats.student.say(HELLO, seed=seed, phase="test", item="one")


async def test_a_call_carries_what_was_asked_and_counts_what_the_server_told() -> None:
    ledger = Ledger()
    async with (
        ChatServer(answer="Good \x1b[31mday\x1b[0m.") as server,
        opened(server, ledger=ledger, temperature=0.5, max_tokens=77) as seats,
    ):
        assert await said(seats, seed=42) == "Good day."
        assert seats.student.local
    assert server.bodies == [
        {
            "model": "test-model",
            "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}],
            "seed": 42,
            "max_tokens": 77,
            "temperature": 0.5,
        }
    ]
    (row,) = ledger.table()
    assert (row.calls, row.input, row.output, row.estimated) == (
        1,
        server.input_tokens,
        server.output_tokens,
        False,
    )
    assert "Authorization" not in server.headers[0]


async def test_usage_is_estimated_when_the_server_tells_none() -> None:
    ledger = Ledger()
    async with ChatServer(tells_usage=False) as server, opened(server, ledger=ledger) as seats:
        await said(seats)
    assert ledger.table()[0].estimated
    assert ledger.table()[0].output == 3


PASSING = {
    "429": rate_limited(),
    "500": failing(500),
    "502 as a web page": web_page(502),
    "503": failing(503),
    "408": Fault(status=408),
    "409": Fault(status=409),
    "425": Fault(status=425),
    "cut": cut(),
    "broken json": broken_json(),
}


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING)
async def test_what_may_pass_is_tried_again_with_growing_waits(fault: Fault) -> None:
    waits = Waits()
    async with ChatServer() as server:
        server.next(fault, fault, fault, ok())
        async with opened(server, waits=waits) as seats:
            assert await said(seats) == "All right."
    assert server.asked == 4
    assert server.answered == 1
    assert [low <= w <= 2 * low for w, low in zip(waits.taken, (0.25, 0.5, 1.0), strict=True)] == [True] * 3


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING)
async def test_tries_are_bounded_and_told(fault: Fault) -> None:
    ledger = Ledger()
    async with ChatServer() as server:
        server.always = fault
        async with opened(server, ledger=ledger, retries=2) as seats:
            with pytest.raises(ModelBusyError, match=r"after 3 tries") as caught:
                await said(seats)
    assert server.asked == 3
    assert not caught.value.ends_run
    assert "seats.student.concurrency" in caught.value.hint
    assert ledger.table()[0].failed == 3
    assert ledger.table()[0].calls == 0


async def test_retry_after_is_honoured_by_the_whole_seat() -> None:
    waits = Waits()
    async with ChatServer() as server:
        server.next(rate_limited(retry_after=17))
        async with opened(server, waits=waits) as seats:
            await said(seats)
    assert waits.now() >= 17


async def test_a_retry_after_of_hours_is_not_waited_for() -> None:
    waits = Waits()
    async with ChatServer() as server:
        server.always = rate_limited(retry_after=7200)
        async with opened(server, waits=waits) as seats:
            with pytest.raises(ModelBusyError, match="asks to wait 7200 s"):
                await said(seats)
    assert server.asked == 1
    assert waits.taken == []


async def test_a_slow_answer_ends_in_a_timeout_after_the_tries() -> None:
    async with ChatServer() as server:
        server.always = slow(30)
        async with opened(server, timeout=0.02, retries=1) as seats:
            with pytest.raises(ModelTimeoutError, match=r"no answer within 0.02 s \(after 2 tries\)") as caught:
                await said(seats)
    assert caught.value.kind == "timeout"
    assert "seats.student.timeout" in caught.value.hint
    assert server.asked == 2


FINAL = {
    "401": (refused_key(), ModelDownError, "key-refused", "api_key_env"),
    "403": (Fault(status=403), ModelDownError, "key-refused", "api_key_env"),
    "quota": (quota(), ModelDownError, "quota", "top up"),
    "404": (no_model(), ModelDownError, "no-such-model", "it has: test-model, other-model"),
    "web page": (web_page(), ModelDownError, "wrong-content", "/v1"),
    "redirect": (moved(), ModelDownError, "moved", "address"),
    "400": (bad_request(), ModelError, "rejected", "log"),
    "422": (Fault(status=422, body='{"detail": "no"}'), ModelError, "rejected", "log"),
    "context": (too_long(), BadAnswerError, "context-length", ""),
}


@pytest.mark.parametrize(("fault", "kind_of_error", "kind", "hint"), FINAL.values(), ids=FINAL)
async def test_what_will_not_pass_is_asked_once(
    fault: Fault, kind_of_error: type[ModelError], kind: str, hint: str
) -> None:
    async with ChatServer() as server:
        server.always = fault
        async with opened(f"{server.url}#missing-model") as seats:
            with pytest.raises(kind_of_error) as caught:
                await said(seats)
    assert server.asked == 1
    assert caught.value.kind == kind
    assert hint in caught.value.hint
    assert "\x1b" not in str(caught.value)
    assert caught.value.ends_run is (kind_of_error is ModelDownError)


async def test_no_choice_is_asked_again_with_another_seed() -> None:
    async with ChatServer() as server:
        server.next(no_choices())
        async with opened(server) as seats:
            assert await said(seats) == "All right."
    assert server.bodies[0]["seed"] != server.bodies[1]["seed"]


async def test_a_server_that_is_not_there_is_named_with_what_to_do() -> None:
    async with ChatServer() as server:
        gone = server.spec
    async with opened(gone, retries=1) as seats:
        with pytest.raises(ModelDownError, match=r"127\.0\.0\.1:\d+/v1 is unreachable.*after 2 tries") as caught:
            await said(seats)
    assert "ollama serve" in caught.value.hint


async def test_a_url_without_a_chat_api_is_told_from_a_missing_model() -> None:
    async with ChatServer() as server:
        wrong = server.spec.replace("/v1", "/v9")
        async with opened(wrong) as seats:
            with pytest.raises(ModelDownError, match="there is no chat API at") as caught:
                await said(seats)
    assert "ends in /v1" in caught.value.hint


async def test_a_key_goes_only_where_it_was_named_for_and_never_into_words() -> None:
    environ = {"MY_KEY": KEY, "OPENAI_API_KEY": "sk-other-abcdefghijkl"}
    async with ChatServer() as server:
        async with opened(server, environ=environ) as seats:
            await said(seats)
        async with opened(server, environ=environ, api_key_env="MY_KEY") as seats:
            await said(seats)
            server.always = refused_key(echo=KEY)
            with pytest.raises(ModelDownError) as caught:
                await said(seats, seed=2)
            shown = f"{caught.value} {caught.value.hint} {seats} {seats.student.spec}"
    assert "Authorization" not in server.headers[0]
    assert server.headers[1]["Authorization"] == f"Bearer {KEY}"
    assert KEY not in shown
    assert "secret" not in shown
    assert "MY_KEY" in caught.value.hint


async def test_a_schema_is_sent_and_a_server_that_rejects_it_is_asked_without_from_then_on() -> None:
    async with ChatServer(answer='{"mood": "calm"}') as server, opened(server) as seats:
        await seats.judge.fill(HELLO, Mood, seed=1, phase="test", item="one")
    sent = server.bodies[0]["response_format"]
    assert sent["type"] == "json_schema"
    assert sent["json_schema"]["schema"]["properties"]["mood"]["type"] == "string"

    async with ChatServer(answer='{"mood": "calm"}', takes_schema=False) as server, opened(server) as seats:
        for seed in (1, 2, 3):
            answer = await seats.judge.fill(HELLO, Mood, seed=seed, phase="test", item="one")
            assert answer == Mood(mood="calm")
    assert ["response_format" in body for body in server.bodies] == [True, False, False, False]


async def test_a_server_that_wants_the_other_name_of_the_limit_gets_it() -> None:
    async with ChatServer() as server:
        server.next(Fault(status=400, body='{"error": {"message": "use max_completion_tokens"}}'))
        async with opened(server) as seats:
            await said(seats)
            await said(seats, seed=2)
    assert ["max_completion_tokens" in body for body in server.bodies] == [False, True, True]


async def test_seats_on_one_server_share_connections_and_keep_their_own_limits() -> None:
    async with ChatServer() as server, opened(server, concurrency=1) as seats:
        for number in range(3):
            for seat in (seats.student, seats.teacher, seats.customer, seats.judge):
                await seat.say(HELLO, seed=number, phase="test", item=str(number))
    assert len(server.connections) == 1
    assert server.answered == 3, "the same request by another seat is the same call"


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("http://127.0.0.1:1/v1", "lacks a model"),
        ("http:///v1#m", "lacks a host"),
        ("http://user:hunter2@127.0.0.1/v1#m", "holds a key or password"),
        ("http://127.0.0.1/v1?api_key=hunter2#m", "holds a key or password"),
        ("http://127.0.0.1:99999/v1#m", "out of range"),
        ("nosuch:thing", "cannot be used"),
        ("openai:gpt-5-mini", "OPENAI_API_KEY is not set"),
        ("anthropic:claude-sonnet-4-5", "ANTHROPIC_API_KEY is not set"),
    ],
)
async def test_a_seat_that_cannot_be_opened_says_why(spec: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        async with opened(spec):
            pass
    assert "hunter2" not in f"{caught.value} {caught.value.hint}"
    assert caught.value.hint


@pytest.mark.parametrize("spec", ["nonsense", "nonsense:", ":m"])
def test_what_is_no_seat_string_is_refused_in_settings_and_where_it_is_opened(spec: str) -> None:
    with pytest.raises(ValidationError, match="model"):
        SeatConfig(model=spec)
    named_later = SeatConfig(model="a:b").model_copy(update={"model": spec})  # as the students of a transfer are
    with pytest.raises(ConfigError, match="no seat string"):
        open_model("student", named_later, environ={}, factories={})


async def test_a_named_variable_must_be_set() -> None:
    with pytest.raises(ConfigError, match="MY_KEY is not set"):
        async with opened("http://127.0.0.1:1/v1#m", api_key_env="MY_KEY"):
            pass


async def test_a_connection_that_closes_before_the_request_is_out_costs_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sent = StreamWriter.write
    closing = [True]

    async def write(self: StreamWriter, *args: Any, **more: Any) -> None:
        if closing.pop() if closing else False:
            raise aiohttp.ClientConnectionResetError("Cannot write to closing transport")
        await sent(self, *args, **more)

    monkeypatch.setattr(StreamWriter, "write", write)
    ledger, waits = Ledger(), Waits()
    async with ChatServer() as server, opened(server, ledger=ledger, waits=waits) as seats:
        assert await said(seats)
    (row,) = ledger.table()
    assert (server.asked, row.calls, row.lost, row.failed, waits.taken) == (1, 1, 0, 0, [])
