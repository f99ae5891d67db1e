from hypothesis import given
from hypothesis import strategies as st

from preceptor.core.records import Dialogue, Turn
from preceptor.learn.sample import prefixes, sample, scenario


def customer(text: str) -> Turn:
    return Turn(speaker="customer", text=text, by="customer")


def agent(text: str, by: str = "student") -> Turn:
    return Turn(speaker="agent", text=text, by=by)


def test_prefixes_end_where_the_agent_must_answer_and_carry_the_reply_already_paid_for():
    dialogue = Dialogue(
        id="d",
        profile="p",
        turns=(customer("hi"), agent("hello"), customer("lost bag"), agent("oh no", "teacher"), customer("so?")),
        end="max_turns",
    )
    found = prefixes(dialogue, 2)
    assert [len(c.scenario.turns) for c in found] == [1, 3, 5]
    assert [c.student_reply for c in found] == ["hello", None, None]
    assert [c.teacher_reply for c in found] == [None, "oh no", None]
    assert {c.scenario.stage for c in found} == {2}


def test_a_goodbye_is_no_scenario():
    turns = (customer("hi"), agent("hello"), customer("thanks, bye"))
    assert len(prefixes(Dialogue(id="d", profile="p", turns=turns, end="closed"), 0)) == 1


def test_near_duplicates_of_known_scenarios_and_of_each_other_are_dropped():
    known = scenario([customer("My bag never arrived, where is it now?")], "p", 0)
    dialogue = Dialogue(
        id="d",
        profile="p",
        turns=(
            customer("My bag never arrived, where is it now?!"),
            agent("a" * 80),
            customer("I want a refund for my ticket, please help me with it."),
            agent("b" * 80),
        ),
        end="max_turns",
    )
    twice = [*prefixes(dialogue, 0), *prefixes(dialogue, 0)]
    kept = sample(twice, [known], limit=10, likeness=0.9, seed=1)
    assert [len(c.scenario.turns) for c in kept] == [3]


@given(st.lists(st.text(min_size=1, max_size=40), max_size=12), st.integers(1, 6), st.integers(0, 99))
def test_sampling_keeps_at_most_the_limit_and_never_the_same_words_twice(texts: list[str], limit: int, seed: int):
    turns = tuple(t for text in texts for t in (customer(text), agent("ok")))
    found = prefixes(Dialogue(id="d", profile="p", turns=turns, end="max_turns"), 0)
    kept = sample(found, [], limit=limit, likeness=1.0, seed=seed)
    assert len(kept) <= limit
    assert len({c.scenario.id for c in kept}) == len(kept)
    assert kept == sample(found, [], limit=limit, likeness=1.0, seed=seed)
