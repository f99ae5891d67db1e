from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from preceptor.core.records import Turn
from preceptor.library.conversation_state import (
    Said,
    StateWeights,
    plain_words,
    read_action,
    read_state,
    state_terms,
    state_text,
    state_turns,
    words,
)


def customer(text: str) -> Turn:
    return Turn(speaker="customer", text=text, by="customer")


def agent(text: str) -> Turn:
    return Turn(speaker="agent", text=text, by="human")


def action(text: str, name: str = "book") -> Turn:
    return Turn(speaker="action", text=text, by=name)


TALK = (
    customer("first"),
    agent("a0"),
    customer("second"),
    agent("a1"),
    customer("third"),
    agent("a2"),
    customer("fourth"),
)
turns = st.lists(
    st.builds(
        Turn,
        speaker=st.sampled_from(["customer", "agent", "action"]),
        text=st.text(min_size=1, max_size=40),
        by=st.text(max_size=12),
    ),
    max_size=9,
).map(tuple)


def test_the_state_is_the_end_with_the_agent_turn_before_it() -> None:
    assert state_turns(TALK, 1) == TALK[-2:]
    assert state_turns(TALK, 2) == TALK[-4:]
    assert state_turns(TALK, 9) == TALK


def test_speakers_stay_apart() -> None:
    asked = state_terms((agent("refund"), customer("yes")), StateWeights())
    told = state_terms((agent("yes"), customer("refund")), StateWeights())
    assert {"a:refund", "c:yes"} <= asked.keys()
    assert not {"a:refund", "c:yes"} & told.keys()


def test_what_was_said_last_weighs_more_than_what_was_said_before() -> None:
    terms = state_terms(TALK, StateWeights())
    assert terms["c:fourth"] > terms["c:third"] > terms["c:second"]
    assert "c:first" not in terms


def test_lines_in_a_row_by_the_customer_are_one_step() -> None:
    terms = state_terms((agent("hello"), customer("one"), customer("two")), StateWeights())
    assert terms["c:one"] == terms["c:two"]


def test_a_new_outcome_is_told_apart_from_one_that_was_spoken_of() -> None:
    ran = action('book(day="Monday") -> {"status": "failed"}')
    news = state_terms((customer("book it"), ran), StateWeights())
    told = state_terms((customer("book it"), ran, agent("It failed."), customer("oh")), StateWeights())
    assert {"!:book failed", "?:monday", "r:failed", "x:book"} <= news.keys()
    assert "!:book failed" not in told
    assert {"r:failed", "x:book", "x:-"} <= told.keys()
    assert "x:-" not in news


def test_the_same_outcome_of_another_action_is_something_else() -> None:
    paid = state_terms((customer("x"), action("pay() -> failed", "pay")), StateWeights())
    found = state_terms((customer("x"), action("search() -> failed", "search")), StateWeights())
    assert {t for t in paid if t.startswith("!")} == {"!:pay failed"}
    assert {t for t in found if t.startswith("!")} == {"!:search failed"}


def test_an_action_is_taken_apart() -> None:
    read = read_action(action('book(id=276) -> {"Message": "Available"}', ""))
    assert (read.name, read.arguments, read.outcome) == ("book", ("id", "0"), ("message", "available"))
    assert read_action(action("all was paid", "Pay")).outcome == ("all", "was", "paid")


def test_numbers_and_plurals_are_folded() -> None:
    assert words("Tickets 4711, 2nd class!") == ["ticket", "0", "0", "class"]


def test_plain_words_lose_their_speaker_and_keep_the_greater_weight() -> None:
    said = Said(agent={"refund": 1.0}, customer={"refund": 2.0}, actions={"get_seat": 0.5})
    assert plain_words(said) == {"refund": 2.0, "get": 0.5, "seat": 0.5}


def test_no_conversation_has_no_terms() -> None:
    assert state_terms((), StateWeights()) == {}


@given(turns)
def test_a_state_text_read_back_gives_the_same_terms(talk: tuple[Turn, ...]) -> None:
    weights = StateWeights()
    assert state_terms(read_state(state_text(talk)), weights) == state_terms(talk, weights)


@given(turns)
def test_no_text_can_pose_as_another_turn(talk: tuple[Turn, ...]) -> None:
    read = read_state(state_text(talk))
    assert [t.speaker for t in read] == [t.speaker for t in state_turns(talk)]
