import pytest
from tests.seats import FakeSeat

from preceptor.core.errors import BadAnswerError, BudgetError
from preceptor.core.records import Domain, Issue, Profile, Turn
from preceptor.dialogue import Agent, Customer, play
from preceptor.prompts import load_prompts

ISSUE = Issue(key="bag", title="Lost bag", story="My bag is lost.", goal="Get it back.")
PROFILE = Profile(id="p1", style="driver", emotion="frustrated", demanding=True, issue="bag")
DOMAIN = Domain(name="Air", brief="You are the desk.", policy="No cash.", issues=(ISSUE,), profiles=(PROFILE,))


def customer(*texts: object) -> tuple[Customer, FakeSeat]:
    left = iter(texts)
    seat = FakeSeat("customer", lambda m, p: next(left))
    return Customer(seat, DOMAIN, PROFILE, load_prompts()), seat


async def echo(turns: object, seed: int) -> Turn:
    return Turn(speaker="agent", text=f"answer {len(list(turns))}", by="student")


async def played(who: Customer, *, max_turns: int = 3):
    return await play(
        id="d", profile=PROFILE, customer=who, agent=echo, max_turns=max_turns, seed=5, phase="generate"
    )


async def test_the_customer_opens_and_ends():
    dialogue = await played(customer("hello", "thanks, bye\n[END]")[0])
    assert [t.text for t in dialogue.turns] == ["hello", "answer 1", "thanks, bye"]
    assert dialogue.end == "closed"


async def test_after_max_turns_the_customer_has_the_last_word():
    dialogue = await played(customer("a", "b", "c")[0], max_turns=2)
    assert [t.speaker for t in dialogue.turns] == ["customer", "agent"] * 2 + ["customer"]
    assert dialogue.end == "max_turns"


async def test_a_bare_end_mark_adds_no_turn():
    dialogue = await played(customer("a", "[end]")[0])
    assert [t.text for t in dialogue.turns] == ["a", "answer 1"]


async def test_a_models_failure_ends_this_dialogue_with_its_reason():
    dialogue = await played(customer("a", BadAnswerError("nothing came", kind="empty"))[0])
    assert (dialogue.end, dialogue.failure) == ("failed", "empty: nothing came")
    assert len(dialogue.turns) == 2


async def test_what_ends_the_run_passes_through():
    with pytest.raises(BudgetError):
        await played(customer(BudgetError("cap"))[0])


async def test_the_customers_seeds_do_not_depend_on_the_agent():
    one, first = customer("a", "b", "c", "d")
    two, second = customer("a", "b", "c", "d")
    await played(one)

    async def other(turns: object, seed: int) -> Turn:
        return Turn(speaker="agent", text="something else", by="teacher")

    await play(id="e", profile=PROFILE, customer=two, agent=other, max_turns=3, seed=5, phase="evaluate")
    assert [seed for *_, seed in first.asked] == [seed for *_, seed in second.asked]


async def test_the_agent_reads_brief_and_policy_first_and_actions_as_text():
    seen: list[object] = []
    seat = FakeSeat("student", lambda m, p: seen.append(m) or "ok")
    turns = [
        Turn(speaker="customer", text="hi", by="customer"),
        Turn(speaker="action", text="found: 1 bag", by="search"),
    ]
    await Agent(seat, DOMAIN, load_prompts()).reply(turns, seed=1, phase="p", item="i")
    system, user = seen[0]
    assert DOMAIN.brief in system.content
    assert DOMAIN.policy in system.content
    assert user.content == "hi\n[action search] found: 1 bag"
