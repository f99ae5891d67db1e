"""The journal in a real PostgreSQL: what is kept, who makes a call, what a dead session leaves, what is lent."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import asyncio
from contextlib import ExitStack

import pytest
from sqlalchemy import create_engine, text
from tests.worker_schedules import die

from preceptor.core.errors import ConfigError, RunError
from preceptor.core.settings import BudgetConfig
from preceptor.llm import ChatReply, Usage
from preceptor.llm.amounts import Amount, LedgerRow, Reservation
from preceptor.llm.calls import Paid, Tag
from preceptor.llm.journal.pg import PostgresJournal
from preceptor.llm.journal.pg_clerk import Pace
from preceptor.llm.journal.pg_lend import Caps
from preceptor.llm.leases import Refused

TAG = Tag(seat="student", phase="teach", item="one\0\ud800")
HELD = Reservation(seat="student", most=Amount(calls=1, tokens=30), input=20, output=10)
FAST = Pace(beat=0.02, lease=30.0)


def paid(text: str = "Hello") -> Paid:
    usage = Usage(input=10, output=5, cached=3, reasoning=2)
    return Paid(reply=ChatReply(text=text, finish="stop", usage=usage, model="m"), usd=0.5)


def joined(place: str, session: str) -> PostgresJournal:
    return PostgresJournal.open(place, "learn-001", session=session, lead=False, pace=FAST)


def led(place: str, passphrase: str = "") -> PostgresJournal:
    return PostgresJournal.open(place, "learn-001", passphrase=passphrase, pace=FAST)


async def test_an_answer_is_there_for_every_session_and_for_the_next_run_of_it(place: str):
    with led(place) as lead, joined(place, "w1") as worker:
        assert await worker.get("a") is None
        mark = worker.begin("a", TAG, HELD, 0.9)
        await worker.begun(mark)
        await worker.put("a", paid("Hi \ud800\0"), spec="s", tag=TAG, mark=mark)
        assert await lead.get("a") == paid("Hi \ud800\0")
        assert worker.spent() == lead.spent_of("w1")
    with led(place) as again:
        assert await again.get("a") == paid("Hi \ud800\0")
        assert again.spent() == [
            LedgerRow(seat="student", phase="teach", calls=1, input=10, output=5, cached=3, reasoning=2, usd=0.5)
        ]
    with PostgresJournal.open(place, "learn-002") as other:
        assert await other.get("a") is None, "journals of other runs are others"


async def test_a_call_that_another_session_makes_is_waited_for(place: str):
    with led(place), joined(place, "w1") as one, joined(place, "w2") as two:
        assert await one.get("a") is None
        waiting = asyncio.ensure_future(two.get("a"))
        assert await two.get("b") is None, "others go on meanwhile"
        assert not waiting.done()
        await one.put("a", paid(), spec="s", tag=TAG)
        assert await waiting == paid()


async def test_a_call_that_its_session_gives_up_is_the_next_ones(place: str):
    with led(place), joined(place, "w1") as one, joined(place, "w2") as two:
        assert await one.get("a") is None
        waiting = asyncio.ensure_future(two.get("a"))
        one.leave("a")
        assert await waiting is None
        assert await one.get("b") is None
        one.leave("b")
        assert await one.get("b") is None, "and may be taken up again"


async def test_the_calls_of_a_dead_session_count_at_their_worst_and_are_made_by_others(place: str):
    with led(place) as lead, joined(place, "w2") as two:
        one = joined(place, "w1")
        assert await one.get("a") is None
        await one.begun(one.begin("a", TAG, HELD, 0.9))
        die(one)
        waiting = asyncio.ensure_future(two.get("a"))
        lead.fence("w1")
        assert await waiting is None
        assert [(r.lost, r.input, r.output, r.usd) for r in lead.spent()] == [(1, 20, 10, 0.9)]
        lead.fence("w1")
        assert [r.lost for r in lead.spent()] == [1], "once"


async def test_a_session_that_is_not_heard_of_is_ended_by_who_waits_for_it(place: str):
    with led(place) as lead, joined(place, "w2") as two:
        one = PostgresJournal.open(place, "learn-001", session="w1", lead=False, pace=Pace(beat=60.0, lease=0.1))
        assert await one.get("a") is None
        await one.begun(one.begin("a", TAG, HELD, None))
        assert await two.get("a") is None
        assert [r.lost for r in lead.spent()] == [1]
        with pytest.raises(RunError, match="lease has ended"):
            await one.get("b")
        with pytest.raises(RunError, match="lease has ended"):
            await one.begun(one.begin("b", TAG, HELD, None))
        one.close()


async def test_what_an_ended_session_is_still_told_takes_the_place_of_its_worst_case(place: str):
    with led(place) as lead, joined(place, "w1") as one:
        assert await one.get("a") is None
        mark = one.begin("a", TAG, HELD, 0.9)
        await one.begun(mark)
        lead.fence("w1")
        await one.put("a", paid(), spec="s", tag=TAG, mark=mark)
        assert [(r.calls, r.lost, r.input, r.usd) for r in lead.spent()] == [(1, 0, 10, 0.5)]
        assert await lead.get("a") == paid()


async def test_a_second_answer_to_a_call_is_counted_and_not_kept(place: str):
    with led(place) as lead, joined(place, "w1") as one:
        await lead.put("a", paid("first"), spec="s", tag=TAG)
        await one.put("a", paid("second"), spec="s", tag=TAG)
        assert await one.get("a") == paid("first")
        assert sum(r.calls for r in lead.spent()) == 2
        assert sum(r.input for r in lead.spent()) == 20


async def test_who_leads_anew_ends_what_was_left(place: str):
    dead = led(place)
    assert await dead.get("a") is None
    await dead.begun(dead.begin("a", TAG, HELD, 0.9))
    die(dead)
    with led(place) as again:
        assert [r.lost for r in again.spent()] == [1]
        assert await again.get("a") is None
        with pytest.raises(RunError, match="lease has ended"):
            joined(place, dead.who.session)


async def test_a_try_that_came_to_nothing_costs_nothing_and_a_lost_one_its_worst(place: str):
    with led(place) as lead:
        lead.end(lead.begin("a", TAG, HELD, None))
        row = LedgerRow(seat="student", phase="teach", lost=1, failed=1, input=20, output=10, usd=None)
        await lead.lose(lead.begin("a", TAG, HELD, None), row)
        assert [(r.calls, r.lost, r.input, r.usd) for r in lead.spent()] == [(0, 1, 20, None)]


async def test_leases_come_from_one_cap_and_go_back_to_it(place: str):
    caps = Caps(total=BudgetConfig(calls=20), seats={"judge": BudgetConfig(tokens=100)})
    need, none = Amount(calls=1, tokens=30), Amount()
    with ExitStack() as stack:
        stack.enter_context(led(place))
        one, two = (stack.enter_context(joined(place, name)) for name in ("w1", "w2"))
        first = await one.lender(caps).lend("student", none, need)
        assert isinstance(first, Amount)
        assert 1 <= first.calls <= 20
        total = first.calls
        while isinstance(more := await two.lender(caps).lend("student", Amount(calls=20 - total), need), Amount):
            total = first.calls + more.calls
            assert total <= 20
        assert more is None, "what the other one holds and does not use may come back"
        wanted = asyncio.Event()
        one.when_wanted(wanted.set)
        await asyncio.wait_for(wanted.wait(), 10)
        one.lender(caps).give_back({"student": none})
        async with asyncio.timeout(10):  # it is given back when its turn comes in the other's queue
            while not isinstance(await two.lender(caps).lend("student", Amount(calls=19), need), Amount):
                await two.lender(caps).pause()
        judge = two.lender(caps)
        assert await judge.lend("judge", Amount(tokens=90), need) is None, "its own cap, and no call of all left"
        await two.lender(caps).lend("student", none, need)
        for _ in range(6):
            await two.put(f"k{_}", paid(), spec="s", tag=Tag(seat="judge", phase="p", item="i"))
        refused = await judge.lend("judge", Amount(calls=6, tokens=90), need)
        assert isinstance(refused, Refused)
        assert (refused.name, refused.whose, refused.spent.tokens) == ("tokens", "seats.judge.budget", 90)


async def test_the_lease_of_a_dead_session_is_free_again_but_for_what_it_spent(place: str):
    caps = Caps(total=BudgetConfig(calls=10))
    need = Amount(calls=1, tokens=30)
    with led(place) as lead, joined(place, "w2") as two:
        one = PostgresJournal.open(place, "learn-001", session="w1", lead=False, pace=Pace(beat=60.0, lease=0.1))
        assert await one.lender(caps).lend("student", Amount(calls=8), need) is not None
        await one.put("a", paid(), spec="s", tag=TAG)
        die(one)
        lender = two.lender(caps)
        while (lent := await lender.lend("student", Amount(calls=8), need)) is None:
            await lender.pause()
        assert isinstance(lent, Amount)
        assert lent.calls == 9
        assert isinstance(await two.lender(caps).lend("student", Amount(calls=9), need), Refused | None)
        assert sum(r.calls for r in lead.spent()) == 1


async def test_encrypted_answers_open_under_the_same_passphrase_only(place: str):
    pytest.importorskip("cryptography")
    with led(place, passphrase="correct horse") as lead:
        await lead.put("a", paid("secret words"), spec="s", tag=TAG)
    engine = create_engine(place)
    with engine.connect() as connection:
        assert b"secret" not in connection.execute(text("SELECT reply FROM journal_answers")).scalar_one()
    engine.dispose()
    with led(place, passphrase="correct horse") as lead:
        assert await lead.get("a") == paid("secret words")
    for wrong in ("", "battery"):
        with pytest.raises(RunError, match=r"encrypted|decrypted"):
            led(place, passphrase=wrong)


async def test_an_answer_that_was_altered_is_told(place: str):
    engine = create_engine(place)
    with led(place) as lead:
        await lead.put("a", paid(), spec="s", tag=TAG)
        with engine.begin() as connection:
            connection.execute(text("UPDATE journal_answers SET reply = 'other'"))
        with pytest.raises(RunError, match="not what was written"):
            await lead.get("a")
        with engine.begin() as connection:
            connection.execute(text("DROP TABLE journal_answers"))
        with pytest.raises(RunError, match="does not exist"):
            await lead.put("b", paid(), spec="s", tag=TAG)
    engine.dispose()


def test_a_database_that_cannot_be_had_is_told(place: str):
    with pytest.raises(ConfigError, match="no URL of PostgreSQL"):
        PostgresJournal.open("sqlite:///x.db", "learn-001")
    with pytest.raises(RunError, match="cannot be reached"):
        PostgresJournal.open("postgresql://nobody@127.0.0.1:1/none", "learn-001")
    with led(place):
        pass
    engine = create_engine(place)
    with engine.begin() as connection:
        connection.execute(text("UPDATE journal_revision SET revision = '99'"))
    engine.dispose()
    with pytest.raises(RunError, match="newer Preceptor"):
        led(place)
