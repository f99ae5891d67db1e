from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preceptor.core.errors import BudgetError, ConfigError, StoppedError
from preceptor.core.settings import BudgetConfig
from preceptor.llm import ChatMessage, ChatRequest, Ledger, LedgerRow, Usage
from preceptor.llm.calls import Tag
from preceptor.llm.prices import find_price, is_local
from preceptor.llm.tokens import estimate_tokens, most_input

TAG = Tag(seat="teacher", phase="teach", item="one")
REQUEST = ChatRequest(messages=(ChatMessage("user", "x" * 300),), seed=1, max_tokens=100)
SENT = most_input(REQUEST)


def cost(sent: int, cached: int, got: int) -> float:
    return (sent + got) / 1000


async def test_a_cap_of_calls() -> None:
    ledger = Ledger(BudgetConfig(calls=2))
    for _ in range(2):
        held = await ledger.reserve("teacher", REQUEST, cost)
        ledger.settle(TAG, held, Usage(input=5, output=5), cost)
    with pytest.raises(BudgetError, match="budget of 2 calls: 2 made") as caught:
        await ledger.reserve("teacher", REQUEST, cost)
    assert "budget.calls" in caught.value.hint


async def test_a_cap_of_tokens_counts_the_worst_case_before_and_the_real_one_after() -> None:
    ledger = Ledger(BudgetConfig(tokens=SENT + 100 + 19))
    held = await ledger.reserve("teacher", REQUEST, None)
    ledger.settle(TAG, held, Usage(input=10, output=9), None)
    held = await ledger.reserve("teacher", REQUEST, None)
    ledger.settle(TAG, held, Usage(input=10, output=10), None)
    with pytest.raises(BudgetError, match=rf"39 used, the next call \(teacher\) may need {SENT + 100}"):
        await ledger.reserve("teacher", REQUEST, None)


async def test_a_cap_of_dollars() -> None:
    ledger = Ledger(BudgetConfig(usd=0.3))
    held = await ledger.reserve("teacher", REQUEST, cost)
    assert ledger.settle(TAG, held, Usage(input=60, output=60), cost) == pytest.approx(0.12)
    with pytest.raises(BudgetError, match=r"budget of 0.3 USD: 0.1200 spent, the next .* may need 0.2"):
        await ledger.reserve("teacher", REQUEST, cost)
    assert ledger.spent.usd == pytest.approx(0.12)


async def test_a_call_that_only_others_in_flight_hinder_waits_for_them() -> None:
    ledger = Ledger(BudgetConfig(tokens=SENT + 120))
    first = await ledger.reserve("teacher", REQUEST, None)
    second = asyncio.create_task(ledger.reserve("teacher", REQUEST, None))
    await asyncio.sleep(0)
    assert not second.done()
    ledger.settle(TAG, first, Usage(input=10, output=5), None)
    held = await second
    third = asyncio.create_task(ledger.reserve("teacher", REQUEST, None))
    await asyncio.sleep(0)
    ledger.settle(TAG, held, Usage(input=10, output=5), None)
    with pytest.raises(BudgetError):
        await third


async def test_a_waiting_call_may_be_cancelled() -> None:
    ledger = Ledger(BudgetConfig(calls=1))
    first = await ledger.reserve("teacher", REQUEST, None)
    second = asyncio.create_task(ledger.reserve("teacher", REQUEST, None))
    await asyncio.sleep(0)
    second.cancel()
    ledger.release(first)
    with pytest.raises(asyncio.CancelledError):
        await second
    await ledger.reserve("teacher", REQUEST, None)


@given(st.lists(st.tuples(st.integers(0, 80), st.integers(0, 100)), max_size=30), st.integers(0, 3000))
async def test_the_cap_is_never_passed_while_no_answer_takes_more_than_reserved(
    answers: list[tuple[int, int]], cap: int
) -> None:
    ledger = Ledger(BudgetConfig(tokens=cap))
    refused = 0

    async def call(sent: int, got: int) -> None:
        nonlocal refused
        try:
            held = await ledger.reserve("teacher", REQUEST, None)
        except BudgetError:
            refused += 1
            return
        await asyncio.sleep(0)
        ledger.settle(TAG, held, Usage(input=sent, output=got), None)

    await asyncio.gather(*(call(*answer) for answer in answers))
    assert ledger.spent.tokens <= cap
    assert ledger.spent.calls + refused == len(answers)
    if refused:
        assert ledger.spent.tokens + SENT + 100 > cap, "refused only when there was no room"


async def test_a_stopped_ledger_lets_no_call_begin_and_settles_those_under_way() -> None:
    ledger = Ledger(BudgetConfig(calls=1))
    first = await ledger.reserve("teacher", REQUEST, None)
    waiting = asyncio.create_task(ledger.reserve("teacher", REQUEST, None))
    await asyncio.sleep(0)
    ledger.stop()
    with pytest.raises(StoppedError):
        await waiting
    ledger.settle(TAG, first, Usage(input=1, output=1), None)
    assert ledger.spent.calls == 1


async def test_restored_spending_counts_against_the_cap() -> None:
    ledger = Ledger(BudgetConfig(calls=5))
    ledger.restore([LedgerRow(seat="student", phase="talk", calls=5, input=50, output=5, usd=0.0)])
    with pytest.raises(BudgetError, match="5 made"):
        await ledger.reserve("teacher", REQUEST, None)


async def test_the_table_has_a_row_a_seat_and_phase() -> None:
    ledger = Ledger()
    held = await ledger.reserve("teacher", REQUEST, cost)
    ledger.settle(TAG, held, Usage(input=10, output=5, estimated=True), cost)
    ledger.note(TAG, replayed=2)
    ledger.note(Tag(seat="judge", phase="rate", item="x"), failed=1)
    held = await ledger.reserve("teacher", REQUEST, cost)
    ledger.lose(TAG, held, cost)
    judge, teacher = ledger.table()
    assert (judge.seat, judge.failed, judge.calls) == ("judge", 1, 0)
    assert (teacher.calls, teacher.replayed, teacher.failed, teacher.estimated) == (1, 2, 1, True)
    assert (teacher.input, teacher.output) == (10 + SENT, 5 + 100)
    assert teacher.usd == pytest.approx((15 + SENT + 100) / 1000)


def test_an_unknown_price_is_an_error_only_under_a_cap_in_dollars() -> None:
    spec = "https://models.example.com/v1#nobody-knows"
    assert Ledger().price_of("judge", spec, local=False) is None
    with pytest.raises(ConfigError, match=r"the price of .*nobody-knows") as caught:
        Ledger(BudgetConfig(usd=1)).price_of("judge", spec, local=False)
    assert "budget.tokens" in caught.value.hint
    own = Ledger(BudgetConfig(usd=1), prices={spec: (1.0, 2.0)}).price_of("judge", spec, local=False)
    assert own is not None
    assert own(1_000_000, 0, 500_000) == 2.0


def test_known_prices_count_cached_tokens_cheaper() -> None:
    price = find_price("openai:gpt-5-mini", local=False, own={})
    assert price is not None
    assert price(1_000_000, 0, 0) == pytest.approx(0.25)
    assert price(1_000_000, 900_000, 0) < 0.1
    assert find_price("openai:no-such-model-9", local=False, own={}) is None
    assert find_price("nobody:thing", local=False, own={}) is None
    local = find_price("practice:teacher", local=True, own={})
    assert local is not None
    assert local(10**9, 0, 10**9) == 0.0


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://127.0.0.1:8080/v1", True),
        ("http://[::1]:8080/v1", True),
        ("http://localhost/v1", True),
        ("http://10.1.2.3/v1", True),
        ("http://192.168.1.9/v1", True),
        ("http://gpu-box:8000/v1", True),
        ("http://host.docker.internal/v1", True),
        ("https://api.openai.com/v1", False),
        ("http://8.8.8.8/v1", False),
        ("https://localhost.evil.example/v1", False),
    ],
)
def test_which_hosts_are_local(url: str, local: bool) -> None:
    assert is_local(url) is local


@given(st.text(max_size=200))
def test_estimates_grow_with_the_text_and_stay_below_what_is_reserved(text: str) -> None:
    assert estimate_tokens(text) <= estimate_tokens(text + "more")
    assert (estimate_tokens(text) == 0) == (text == "")
    request = ChatRequest(messages=(ChatMessage("user", text),), seed=1, max_tokens=1)
    assert most_input(request) > estimate_tokens(text)
