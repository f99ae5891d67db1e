"""How fast a seat calls, when a model counts as down, what a server's headers ask for."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preceptor.core.errors import BudgetError, ModelBusyError, ModelDownError, ModelError
from preceptor.core.events import ignore
from preceptor.core.settings import BudgetConfig, SeatConfig, SeatsConfig
from preceptor.llm import ChatMessage, ChatReply, ChatRequest, Ledger, NullJournal, Seats, Timing, Usage, open_seats
from preceptor.llm.breaker import Breaker
from preceptor.llm.faults import SlowDownError
from preceptor.llm.limiter import Limiter
from preceptor.llm.pace import pause, retry_after

HELLO = (ChatMessage("user", "Hello"),)
DATE = "Wed, 21 Oct 2026 07:28:00 GMT"


class Clock:
    """Sleeps that take no time, on a clock that goes on by them."""

    def __init__(self) -> None:
        self.at = 0.0
        self.slept: list[float] = []

    def now(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += seconds
        await asyncio.sleep(0)


def limiter(clock: Clock, concurrency: int = 8, per_minute: int | None = None) -> Limiter:
    return Limiter(concurrency, per_minute, now=clock.now, sleep=clock.sleep)


class TestAdditiveIncreaseMultiplicativeDecrease:
    def test_it_begins_with_all_that_is_allowed(self) -> None:
        assert limiter(Clock(), 8).room == 8

    async def test_a_busy_server_halves_what_was_in_flight_and_good_rounds_add_one_each(self) -> None:
        clock = Clock()
        limit = limiter(clock, 8)
        async with limit.slot(), limit.slot(), limit.slot(), limit.slot():
            began = limit.began()
            clock.at += 1
            limit.busy(began)
        assert limit.room == 2, "half of the four that were in flight, not of the eight allowed"
        rooms: list[int] = []
        for _ in range(4):
            for _ in range(limit.room):  # one round: as many answers as may be in flight
                limit.good()
            rooms.append(limit.room)
        assert rooms[0] in (2, 3)
        assert all(0 <= later - earlier <= 1 for earlier, later in pairwise(rooms))
        for _ in range(500):
            limit.good()
        assert limit.room == 8, "never more than allowed"

    async def test_tries_that_were_under_way_together_halve_it_once(self) -> None:
        clock = Clock()
        limit = limiter(clock, 8)
        slots = [limit.slot() for _ in range(8)]
        for slot in slots:
            await slot.__aenter__()
        began = [limit.began() for _ in slots]
        clock.at += 1
        for each in began:
            limit.busy(each)
        assert limit.room == 4
        clock.at += 1
        limit.busy(limit.began())
        assert limit.room == 2, "a try that began later halves it again"
        for slot in slots:
            await slot.__aexit__(None, None, None)

    def test_at_least_one_call_may_always_be_made(self) -> None:
        clock = Clock()
        limit = limiter(clock, 4)
        for _ in range(20):
            clock.at += 1
            limit.busy(limit.began())
        assert limit.room == 1

    async def test_who_waits_is_let_in_first_come_first_served_when_room_grows(self) -> None:
        clock = Clock()
        limit = limiter(clock, 2)
        limit.busy(limit.began())
        order: list[int] = []
        gates = [asyncio.Event() for _ in range(4)]

        async def call(number: int) -> None:
            async with limit.slot():
                order.append(number)
                await gates[number].wait()

        tasks = [asyncio.create_task(call(n)) for n in range(4)]
        await turns()
        assert order == [0]
        limit.good()
        await turns()
        assert order == [0, 1]
        for gate in gates:
            gate.set()
        await asyncio.gather(*tasks)
        assert order == [0, 1, 2, 3]

    async def test_a_waiting_call_that_is_cancelled_takes_no_room(self) -> None:
        limit = limiter(Clock(), 1)
        async with limit.slot():
            waiting = asyncio.create_task(limit.slot().__aenter__())
            await turns()
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
        async with asyncio.timeout(5), limit.slot():
            pass


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def until(ready: Callable[[], bool]) -> None:
    for _ in range(4000):
        if ready():
            return
        await asyncio.sleep(0.005)
    raise TimeoutError


class TestPauses:
    async def test_a_pause_holds_every_later_try_and_the_longest_counts(self) -> None:
        clock = Clock()
        limit = limiter(clock)
        limit.pause(5)
        limit.pause(2)
        await asyncio.gather(*(limit.turn() for _ in range(3)))
        assert clock.at == 5

    async def test_a_pause_that_comes_while_waiting_holds_as_well(self) -> None:
        clock = Clock()
        limit = limiter(clock)
        limit.pause(1)
        waiting = asyncio.create_task(limit.turn())
        await asyncio.sleep(0)
        limit.pause(9)
        await waiting
        assert clock.at >= 9

    async def test_no_minute_holds_more_calls_than_allowed(self) -> None:
        clock = Clock()
        limit = limiter(clock, per_minute=30)
        at: list[float] = []
        for _ in range(90):
            await limit.turn()
            at.append(clock.at)
        assert all(sum(start <= t < start + 60 for t in at) <= 30 for start in at)


class TestBreaker:
    def test_a_model_is_down_when_three_different_calls_fail_with_no_answer_between(self) -> None:
        clock = Clock()
        breaker = Breaker(60, now=clock.now)
        for key in ("a", "a", "a", "b"):
            breaker.failed(key)
            assert not breaker.down, "one call, or two, may have bad luck"
        breaker.failed("c")
        assert breaker.down
        breaker.answered()
        assert not breaker.down
        assert breaker.seconds == 0

    def test_a_model_that_never_answered_is_not_waited_for(self) -> None:
        breaker = Breaker(60, now=Clock().now)
        breaker.failed("a")
        assert not breaker.worth_waiting

    def test_one_that_answered_is_waited_for_as_long_as_is_set(self) -> None:
        clock = Clock()
        breaker = Breaker(60, now=clock.now)
        breaker.answered()
        for at in (10.0, 30.0, 69.0):
            clock.at = at
            breaker.failed(str(at))
            assert breaker.worth_waiting
        clock.at = 70.0
        assert breaker.seconds == 60, "from its first failure on"
        assert not breaker.worth_waiting


class TestHeaders:
    @pytest.mark.parametrize(
        ("headers", "seconds"),
        [
            ({"Retry-After": "20"}, 20.0),
            ({"Retry-After": "0.5"}, 0.5),
            ({"Retry-After": "Wed, 21 Oct 2026 07:28:30 GMT", "Date": DATE}, 30.0),
            ({"Retry-After": "Wed, 21 Oct 2026 07:27:00 GMT", "Date": DATE}, 0.0),
            ({"Retry-After": "Wed, 21 Oct 2026 07:28:30 GMT"}, None),
            ({"retry-after-ms": "250", "Retry-After": "9"}, 0.25),
            ({"Retry-After": "soon", "Date": DATE}, None),
            ({"Retry-After": "-3"}, None),
            ({"Retry-After": "1e30"}, None),
            ({"Retry-After": "nan"}, None),
            ({}, None),
        ],
    )
    def test_retry_after_in_both_forms(self, headers: dict[str, str], seconds: float | None) -> None:
        assert retry_after(headers) == (None if seconds is None else pytest.approx(seconds))

    @pytest.mark.parametrize(
        ("reset", "seconds"),
        [
            ("6m0s", 360.0),
            ("1h2m3s", 3723.0),
            ("250ms", 0.25),
            ("1.5s", 1.5),
            ("12", 12.0),
            ("2026-10-21T07:28:45Z", 45.0),
            ("2026-10-21T07:20:00Z", 0.0),
            ("6m0s!", 0.0),
            ("whenever", 0.0),
            ("", 0.0),
        ],
    )
    @pytest.mark.parametrize(
        ("remaining", "named"),
        [
            ("x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
            ("x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"),
            ("anthropic-ratelimit-output-tokens-remaining", "anthropic-ratelimit-output-tokens-reset"),
        ],
    )
    def test_a_limit_that_is_used_up_holds_until_its_reset(
        self, remaining: str, named: str, reset: str, seconds: float
    ) -> None:
        used_up = {remaining: "0", named: reset, "Date": DATE}
        assert pause(used_up) == pytest.approx(seconds)
        assert pause({**used_up, remaining: "1"}) == 0

    def test_a_refusal_that_tells_only_its_limit_asks_to_wait_for_it(self) -> None:
        used_up = {"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "20s"}
        assert retry_after(used_up) == pytest.approx(20)
        assert retry_after({**used_up, "Retry-After": "3"}) == pytest.approx(3), "its own word goes first"
        assert retry_after({**used_up, "x-ratelimit-remaining-tokens": "8"}) is None

    def test_the_longest_of_several_counts(self) -> None:
        headers = {
            "x-ratelimit-remaining-requests": "0",
            "x-ratelimit-reset-requests": "1s",
            "x-ratelimit-remaining-tokens": "0",
            "x-ratelimit-reset-tokens": "7.66s",
        }
        assert pause(headers) == pytest.approx(7.66)

    @given(st.dictionaries(st.sampled_from(["Retry-After", "retry-after-ms", "Date"]), st.text(max_size=40)))
    def test_no_header_breaks_it_or_asks_for_more_than_is_sane(self, headers: dict[str, str]) -> None:
        found = retry_after(headers)
        assert found is None or 0 <= found < 1e6


class Model:
    """A model that does what its script says, call by call; after that it answers."""

    def __init__(self, spec: str, script: Callable[[int], ModelError | None] = lambda _: None) -> None:
        self.spec = spec
        self.calls = 0
        self.in_flight = 0
        self.most = 0
        self.hold: asyncio.Event | None = None
        self._script = script

    async def complete(self, request: ChatRequest) -> ChatReply:
        del request
        self.calls += 1
        error = self._script(self.calls)
        self.in_flight += 1
        self.most = max(self.most, self.in_flight)
        try:
            if self.hold is not None:
                await self.hold.wait()
            await asyncio.sleep(0)
        finally:
            self.in_flight -= 1
        if error is not None:
            raise error
        return ChatReply(text="Hello there.", finish="stop", usage=Usage(input=5, output=5), model=self.spec)

    async def aclose(self) -> None: ...


def seats(clock: Clock, models: dict[str, Model], ledger: Ledger | None = None, **settings: object):
    """Four seats; student and teacher have models of their own."""
    base = {"retries": 3, **settings}
    config = {name: SeatConfig.model_validate({"model": f"test:{name}", **base}) for name in ("student", "teacher")}
    rest = {name: SeatConfig(model="test:rest") for name in ("customer", "judge")}
    return open_seats(
        SeatsConfig.model_validate({**config, **rest}),
        environ={},
        factories={"test": lambda name: models.get(name) or Model("test:rest")},
        journal=NullJournal(),
        ledger=ledger or Ledger(),
        emit=ignore,
        timing=Timing(sleep=clock.sleep, now=clock.now, rng=random.Random(1)),
    )


async def say(opened: Seats, seat: str, number: int) -> str:
    return await getattr(opened, seat).say(HELLO, seed=number, phase="teach", item=str(number))


async def test_one_seats_limits_never_starve_another() -> None:
    """The teacher's server asks for a long pause; the student's calls go on, all of them, in no time."""
    clock = Clock()
    asked = asyncio.Event()

    async def sleep(seconds: float) -> None:
        if seconds >= 100:  # the teacher's pause: it lasts for as long as the student works
            await asked.wait()
        await clock.sleep(0 if seconds >= 100 else seconds)

    slow = SlowDownError("busy", retry_after=200.0)
    models = {
        "teacher": Model("test:teacher", lambda n: slow if n <= 20 else None),
        "student": Model("test:student"),
    }
    timed = Clock()
    timed.sleep = sleep  # type: ignore[method-assign]
    timed.now = clock.now  # type: ignore[method-assign]
    async with seats(timed, models, concurrency=4) as opened:
        waiting = [asyncio.create_task(say(opened, "teacher", n)) for n in range(20)]
        await turns()
        async with asyncio.timeout(20):
            await asyncio.gather(*(say(opened, "student", n) for n in range(200)))
        assert models["student"].calls == 200
        assert models["student"].most == 4
        assert clock.at < 100
        assert not any(task.done() for task in waiting)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


async def test_a_model_that_is_down_in_one_seat_leaves_the_other_its_patience() -> None:
    clock = Clock()
    models = {
        "teacher": Model("test:teacher", lambda n: ModelBusyError("busy", kind="busy")),
        "student": Model("test:student", lambda n: ModelBusyError("busy", kind="busy") if n == 1 else None),
    }
    async with seats(clock, models, retries=1) as opened:
        lost = await asyncio.gather(*(say(opened, "teacher", n) for n in range(5)), return_exceptions=True)
        assert any(isinstance(error, ModelDownError) and error.kind == "outage" for error in lost)
        assert "teacher: " in str(next(e for e in lost if isinstance(e, ModelDownError)))
        assert await say(opened, "student", 1) == "Hello there."


async def test_a_seat_that_answered_and_is_down_for_too_long_ends_clearly() -> None:
    clock = Clock()
    models = {
        "student": Model("test:student", lambda n: None if n == 1 else ModelBusyError("HTTP 503", kind="busy"))
    }
    async with seats(clock, models, retries=1, outage=120) as opened:
        await say(opened, "student", 0)
        found = await asyncio.gather(*(say(opened, "student", n) for n in range(1, 5)), return_exceptions=True)
    down = [e for e in found if isinstance(e, ModelDownError)]
    assert down, "the run ends"
    assert down[0].hint == "when it is up again, resume"
    assert clock.at >= 120, "after it was waited for"


class TestHedging:
    async def test_the_second_try_is_reserved_too_and_a_cap_that_has_room_for_one_is_never_passed(self) -> None:
        clock = Clock()
        models = {"student": Model("test:student")}
        models["student"].hold = asyncio.Event()
        ledger = Ledger(BudgetConfig(calls=1))
        async with seats(clock, models, ledger, hedge=0.01, retries=0) as opened:
            call = asyncio.create_task(say(opened, "student", 0))
            await until(lambda: models["student"].in_flight == ledger.reserved.calls == 1)
            for _ in range(10):
                await asyncio.sleep(0.01)
            assert models["student"].calls == 1, "there is no room for a second one"
            models["student"].hold.set()
            assert await call == "Hello there."
            with pytest.raises(BudgetError):
                await say(opened, "student", 1)
        assert (ledger.spent.calls, ledger.reserved.calls) == (1, 0)

    @pytest.mark.parametrize("cap", [1, 2, 3, 5])
    async def test_whatever_is_hedged_the_cap_holds_and_every_call_is_counted(self, cap: int) -> None:
        clock = Clock()
        models = {"student": Model("test:student")}
        models["student"].hold = asyncio.Event()
        ledger = Ledger(BudgetConfig(calls=cap))
        async with seats(clock, models, ledger, hedge=0.001, retries=0) as opened:
            calls = [asyncio.create_task(say(opened, "student", n)) for n in range(4)]
            await until(lambda: models["student"].calls == cap)
            models["student"].hold.set()
            await asyncio.gather(*calls, return_exceptions=True)
        assert models["student"].calls <= cap
        assert ledger.spent.calls + ledger.table()[0].lost <= cap
        assert ledger.spent.calls + ledger.table()[0].lost == models["student"].calls

    async def test_both_are_counted_when_both_answer(self) -> None:
        models = {"student": Model("test:student")}
        models["student"].hold = asyncio.Event()
        ledger = Ledger(BudgetConfig(calls=10))
        async with seats(Clock(), models, ledger, hedge=0.001) as opened:
            call = asyncio.create_task(say(opened, "student", 0))
            await until(lambda: models["student"].calls == 2)
            models["student"].hold.set()
            assert await call == "Hello there."
        (row,) = ledger.table()
        assert row.calls + row.lost == 2
