from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from preceptor.core.errors import BudgetError, ConfigError, StoppedError
from preceptor.core.settings import BudgetConfig, SeatConfig
from preceptor.llm import ChatMessage, ChatRequest, Ledger, LedgerRow, Usage
from preceptor.llm.amounts import Amount
from preceptor.llm.calls import Tag
from preceptor.llm.leases import Refused
from preceptor.llm.ledger import seat_budgets
from preceptor.llm.prices import find_price, is_local
from preceptor.llm.tokens import estimate_tokens, most_input

TAG = Tag(seat="teacher", phase="teach", item="one")
REQUEST = ChatRequest(messages=(ChatMessage("user", "x" * 300),), seed=1, max_tokens=100)
SENT = most_input(REQUEST)


def cost(usage: Usage) -> float:
    return (usage.input + usage.output) / 1000


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
    assert ledger.settle(TAG, held, Usage(input=60, output=60), cost).usd == pytest.approx(0.12)
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


def test_an_unknown_price_is_an_error_unless_tokens_or_calls_are_capped_or_the_seat_tells_it() -> None:
    spec = "https://models.example.com/v1#nobody-knows"
    for budget, why in ((BudgetConfig(), "no cap on tokens"), (BudgetConfig(usd=1, tokens=9), "cap in US dollars")):
        with pytest.raises(ConfigError, match=rf"seats.judge: the price of .*nobody-knows.*{why}") as caught:
            Ledger(budget).price_of("judge", spec, local=False)
        assert "seats.judge.price_input" in caught.value.hint
        assert "budget.tokens" in caught.value.hint
    assert Ledger(BudgetConfig(tokens=9)).price_of("judge", spec, local=False) is None
    assert Ledger(by_seat={"judge": BudgetConfig(calls=9)}).price_of("judge", spec, local=False) is None
    seat = SeatConfig(model=spec, price_input=1.0, price_output=2.0, price_cached=0.1)
    own = Ledger(BudgetConfig(usd=1)).price_of("judge", spec, local=False, own=seat)
    assert own is not None
    assert own(Usage(input=1_000_000, output=500_000)) == 2.0
    assert own(Usage(input=1_000_000, cached=1_000_000, output=0)) == pytest.approx(0.1)


def test_a_price_is_whole_or_not_there() -> None:
    for wrong in ({"price_input": 1.0}, {"price_output": 1.0}, {"price_cached": 1.0}):
        with pytest.raises(ValidationError):
            SeatConfig.model_validate({"model": "openai:x", **wrong})


def test_a_local_model_costs_what_its_seat_says() -> None:
    seat = SeatConfig(model="http://127.0.0.1:1/v1#m", price_input=3.0, price_output=0.0)
    price = Ledger().price_of("student", seat.model, local=True, own=seat)
    assert price is not None
    assert price(Usage(input=1_000_000, output=9)) == 3.0


def test_known_prices_count_cached_tokens_cheaper() -> None:
    price = find_price("openai:gpt-5-mini", local=False)
    assert price is not None
    assert price(Usage(input=1_000_000, output=0)) == pytest.approx(0.25)
    assert price(Usage(input=1_000_000, cached=900_000, output=0)) < 0.1
    usual = price(Usage(input=1_000_000, output=1_000_000))
    for tier, share in (("batch", 0.5), ("flex", 0.5), ("priority", 1.8), ("fast", 1.8)):
        told = Usage(input=1_000_000, output=1_000_000, tier=tier)
        assert price(told) == pytest.approx(share * usual), tier
    assert find_price("openai:no-such-model-9", local=False) is None
    assert find_price("nobody:thing", local=False) is None
    local = find_price("practice:teacher", local=True)
    assert local is not None
    assert local(Usage(input=10**9, output=10**9)) == 0.0


async def test_what_a_dearer_tier_cost_once_is_set_aside_from_then_on() -> None:
    price = find_price("openai:gpt-5-mini", local=False)
    assert price is not None
    request = ChatRequest(messages=(ChatMessage("user", "x" * 3000),), seed=1, max_tokens=1000)
    ledger = Ledger(BudgetConfig(usd=1.0))
    tag = Tag(seat="teacher", phase="p", item="i")
    usual = (await ledger.reserve("teacher", request, price)).most.usd
    first = await ledger.reserve("teacher", request, price)
    ledger.settle(tag, first, Usage(input=1000, output=1000, tier="priority"), price)
    assert (await ledger.reserve("teacher", request, price)).most.usd == pytest.approx(1.8 * usual)
    assert (await ledger.reserve("judge", request, price)).most.usd == pytest.approx(usual)
    ledger.settle(tag, first, Usage(input=1000, output=1000, tier="batch"), price)
    assert (await ledger.reserve("teacher", request, price)).most.usd == pytest.approx(usual), "never below"


async def test_a_seat_has_a_cap_of_its_own() -> None:
    ledger = Ledger(BudgetConfig(calls=9), by_seat={"teacher": BudgetConfig(tokens=SENT + 100)})
    held = await ledger.reserve("teacher", REQUEST, None)
    student = await ledger.reserve("student", REQUEST, None)
    ledger.settle(TAG, held, Usage(input=10, output=9), None)
    with pytest.raises(BudgetError, match=r"teacher's budget of .* tokens: 19 used") as caught:
        await ledger.reserve("teacher", REQUEST, None)
    assert "seats.teacher.budget_tokens" in caught.value.hint
    ledger.release(student)
    await ledger.reserve("student", REQUEST, None)


def test_seats_without_caps_have_no_purse() -> None:
    seats = {"teacher": SeatConfig(model="x:y", budget_usd=2.0), "judge": SeatConfig(model="x:y")}
    assert seat_budgets(seats) == {"teacher": BudgetConfig(usd=2.0)}


async def test_a_server_that_ignores_max_tokens_is_settled_as_it_is_and_trusted_no_more() -> None:
    ledger = Ledger(BudgetConfig(tokens=2 * (SENT + 200) + SENT + 110))
    held = await ledger.reserve("teacher", REQUEST, None)
    row = ledger.settle(TAG, held, Usage(input=SENT, output=200), None)
    assert row.over == 1
    assert ledger.spent.tokens == SENT + 200
    held = await ledger.reserve("teacher", REQUEST, None)
    assert (held.input, held.output) == (SENT, 200), "the next call is reserved in that proportion"
    ledger.settle(TAG, held, Usage(input=SENT, output=200), None)
    with pytest.raises(BudgetError, match="ignores max_tokens"):
        await ledger.reserve("teacher", REQUEST, None)
    assert ledger.table()[0].over == 1
    assert (await ledger.reserve("student", REQUEST, None)).output == 100, "others are not blamed"


class Bank:
    """Lends what it was told to, answer by answer; the last one for ever."""

    def __init__(self, *answers: Amount | Refused | None) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[Amount, Amount]] = []
        self.returned: list[Mapping[str, Amount]] = []
        self.wanted: Callable[[], None] = lambda: None

    async def lend(self, seat: str, keep: Amount, need: Amount) -> Amount | Refused | None:
        self.asked.append((keep, need))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def give_back(self, kept: Mapping[str, Amount]) -> None:
        self.returned.append(kept)

    def when_wanted(self, told: Callable[[], None]) -> None:
        self.wanted = told

    async def pause(self) -> None:
        await asyncio.sleep(0)


async def test_a_ledger_on_a_lease_asks_before_it_passes_it_and_ends_where_no_more_is_lent() -> None:
    cap = BudgetConfig(calls=2)
    two = Amount(calls=2, tokens=10**6, usd=1.0)
    bank = Bank(None, two, Refused(name="calls", whose="budget", spent=two, cap=cap))
    ledger = Ledger(cap, lender=bank)
    for _ in range(2):
        held = await ledger.reserve("teacher", REQUEST, None)
        ledger.settle(TAG, held, Usage(input=1, output=1), None)
    assert [keep.calls for keep, _ in bank.asked] == [0, 0], "asked again when it was told: not now"
    with pytest.raises(BudgetError, match="budget of 2 calls: 2 made"):
        await ledger.reserve("teacher", REQUEST, None)
    assert [keep.calls for keep, _ in bank.asked] == [0, 0, 2]


async def test_a_lease_that_others_want_is_given_back_but_for_what_is_reserved() -> None:
    bank = Bank(Amount(calls=9, tokens=10**6, usd=1.0))
    ledger = Ledger(BudgetConfig(calls=9), lender=bank)
    held = await ledger.reserve("teacher", REQUEST, None)
    bank.wanted()
    assert bank.returned == [{"teacher": held.most}]
    await ledger.reserve("teacher", REQUEST, None)
    assert len(bank.asked) == 2, "what was given back is asked for again"


async def test_without_a_cap_no_lease_is_asked_for() -> None:
    bank = Bank(None)
    await Ledger(lender=bank).reserve("teacher", REQUEST, None)
    assert not bank.asked


async def test_what_others_took_is_in_the_table_once() -> None:
    ledger = Ledger()
    row = LedgerRow(seat="teacher", phase="teach", calls=1, input=5, output=5)
    ledger.restore([row])
    ledger.elsewhere("w1", [row])
    ledger.elsewhere("w1", [row.plus(row), replace(row, phase="probe")])
    assert [(r.phase, r.calls) for r in ledger.table()] == [("probe", 1), ("teach", 3)]
    assert ledger.spent == Amount(calls=4, tokens=40)


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
