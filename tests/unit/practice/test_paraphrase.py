"""Guidance in words that nobody chose for the practice models."""

from __future__ import annotations

import pytest
from bench.paraphrase.__main__ import lines, tally
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.practice.ground import PROMPTS, mind

from preceptor.practice.ear import Ear
from preceptor.practice.guidance import understand
from preceptor.practice.load import parse_world
from preceptor.practice.mind import Mind
from preceptor.practice.templates import template_world
from preceptor.practice.words import Lexicon

EAR = Ear(
    {
        "do:trace": ("start looking for the bag", "get the hunt for the suitcase going", "launch the search"),
        "do:thank": ("thank them for waiting", "show gratitude for the patience", "say thanks"),
        "when:calm": ("someone relaxed", "a customer in no hurry"),
    },
    Lexicon([]),
)


def test_most_blind_lines_are_understood_and_few_mistaken() -> None:
    """The measured set itself; `python -m bench paraphrase` tells the figures. Words alone got 19 of 60."""
    count = tally(lines("guidance.jsonl"))
    assert count["move found"] >= 0.6 * count["move meant"]
    assert count["move mistaken"] <= 0.2 * count["move meant"]


def test_other_words_of_the_same_kind_are_told_apart() -> None:
    assert EAR.best("go hunting for that suitcase")[0] == "do:trace"
    assert EAR.best("some gratitude for those who wait")[0] == "do:thank"
    assert EAR.best("a relaxed one", "do:")[0] != "when:calm"
    assert EAR.best("launch the search", "do:", frozenset(["thank"]))[0] in ("", "do:thank")


def test_words_that_nobody_knows_speak_for_nothing() -> None:
    assert EAR.best("xylophone qwerty") == ("", 0.0)
    assert EAR.best("") == ("", 0.0)
    assert Ear({}, Lexicon([])).best("anything") == ("", 0.0)


@given(st.text(max_size=300))
def test_any_text_is_read_alike_twice(text: str) -> None:
    first = EAR.evidence(text).copy()
    fresh = Ear({"do:a": ("one thing", text or "x"), "do:b": ("another",)}, Lexicon([]))
    assert (EAR.evidence(text) == first).all()
    assert fresh.best(text) == fresh.best(text)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("When luggage is missing: open the search, and spare them the empty phrases that move nothing.", "filler"),
        ("When luggage is missing: no small talk, start the search at once.", "chatter"),
        ("When people want a refund, do not tell them it was their own fault.", "blame"),
    ],
)
def test_a_fault_named_in_passing_is_one_to_avoid(text: str, fault: str) -> None:
    guides = understand(mind(), text)
    assert any(fault in g.avoid for g in guides)
    assert not any(fault in g.do for g in guides)


def test_a_situation_alone_holds_for_the_next_sentence() -> None:
    first, second = understand(mind(), "Suitcase gone missing? Get a worldwide hunt for it going.")
    assert (first.issue, first.do) == ("luggage", {})
    assert second.issue == "luggage"
    assert "trace" in second.do
    assert second.conditional


@pytest.mark.parametrize("name", ["agent", "advice", "guidance", "examples"])
def test_the_frame_of_a_prompt_asks_for_nothing(name: str) -> None:
    """Our own prompts' words around advice are no advice."""
    text = PROMPTS[name].render(brief="", policy="", strategies="", text="", examples="")
    for line in text.splitlines():
        for guide in understand(mind(), line):
            assert not guide.do, line


def test_a_world_without_other_words_is_read_by_its_own_only() -> None:
    assert Mind(template_world("w", {"a": "We open at nine.", "b": "Bring the receipt."})).ear is None


def test_heard_must_name_what_the_world_has() -> None:
    text = (
        "uses: common\nname: w\nfirm: W\nbrief: b\npolicy: p\n"
        "issues:\n  lost:\n    title: t\n    story: s\n    goal: g\n    opens: [o]\n    pushes: [p]\n"
        "    words: [w]\n    signs: [lost book]\n    solve: [recap]\n"
        "heard:\n  conditions:\n    gone: [a thing is gone]\n"
    )
    with pytest.raises(Exception, match=r"heard\.conditions\.gone: the world has nothing called 'gone'") as raised:
        parse_world(text, "w.yaml")
    assert "line 18" in str(raised.value)
    assert parse_world(text.replace("gone: [", "lost: ["), "w.yaml").issues["lost"].heard == ("a thing is gone",)
