from __future__ import annotations

import hashlib
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from preceptor.coach import Coach, CoachSettings
from preceptor.core.ids import plain
from preceptor.core.records import Strategy, Turn
from preceptor.library.conversation_state import (
    StateWeights,
    read_state,
    situation_terms,
    state_text,
)
from preceptor.library.fitting import LEAST, Fitting, conditions
from preceptor.library.index import IndexSettings, StrategyIndex
from preceptor.library.release import Released, read_release, write_release
from preceptor.library.release_make import Contents, make_release

MATTERS = {"refund": "give back my ticket", "luggage": "my suitcase never came", "seat": "a seat that was not mine"}
MOODS = {
    "angry": ("this is outrageous", "i am furious", "what a disgrace"),
    "calm": ("no hurry", "take your time", "whenever suits"),
}
FILLING = ("about", "well", "then", "so", "maybe", "anyway", "here", "there")
DEEDS = {"angry": "say sorry before all else", "calm": "offer two ways to choose from"}


def made(count: int = 72, seed: int = 1) -> tuple[list[Strategy], dict[str, str]]:
    """A library in which matter and mood each tell what was taught, in ever other words around them."""
    rng = random.Random(seed)
    strategies: list[Strategy] = []
    states: dict[str, str] = {}
    for n in range(count):
        matter, mood = rng.choice(sorted(MATTERS)), rng.choice(sorted(MOODS))
        some = " ".join(rng.choice(FILLING) for _ in range(6))
        states[f"c{n:03}"] = f"agent: hello {n}\ncustomer: {some} {MATTERS[matter]} {rng.choice(MOODS[mood])}"
        when = f"it is about {matter}, the customer is {mood}"
        strategies.append(Strategy(id=f"s{n:03}", when=when, do=f"{DEEDS[mood]} {n}", scenarios=(f"c{n:03}",)))
    return strategies, states


def unlike(count: int = 90, seed: int = 1) -> tuple[list[Strategy], dict[str, str]]:
    """A library of words at random: no state tells what was written for it."""
    rng = random.Random(seed)

    def said(length: int) -> str:
        return " ".join(f"w{rng.randrange(400):03}" for _ in range(length))

    states = {f"c{n:03}": f"agent: {said(20)}\ncustomer: {said(20)}" for n in range(count)}
    strategies = [
        Strategy(id=f"s{n:03}", when=said(12), do=said(12), scenarios=(name,)) for n, name in enumerate(states)
    ]
    return strategies, states


def asked(text: str) -> tuple[Turn, ...]:
    return (Turn(speaker="agent", text="hello"), Turn(speaker="customer", text=text))


def terms_of(turns: tuple[Turn, ...]) -> dict[str, float]:
    return situation_terms(turns, StateWeights())


def fitting(strategies: list[Strategy], states: dict[str, str]) -> Fitting:
    names = sorted(states)
    turns = [read_state(states[name]) for name in names]
    taught = [[n for n, s in enumerate(strategies) if name in s.scenarios] for name in names]
    return Fitting(strategies, lambda at: terms_of(turns[at]), taught)


@pytest.mark.parametrize("matter", sorted(MATTERS))
@pytest.mark.parametrize("mood", sorted(MOODS))
def test_a_strategy_fits_where_all_its_conditions_hold(matter: str, mood: str) -> None:
    strategies, states = made()
    fits = fitting(strategies, states).of(
        terms_of(asked(f"well {MATTERS[matter]}, {MOODS[mood][0]}")), np.arange(len(strategies))
    )
    both = [f"it is about {matter}, the customer is {mood}" == s.when for s in strategies]
    one = [(matter in s.when) != (mood in s.when) for s in strategies]
    assert float(fits[both].mean()) > 3 * float(fits[one].mean())
    assert int(np.argmax(fits)) in np.flatnonzero(both)


def test_what_sounds_alike_but_holds_for_another_mood_goes_behind() -> None:
    strategies, states = made()
    talk = asked(f"here there {MATTERS['refund']} this is outrageous")
    right = "it is about refund, the customer is angry"

    def share(fit: bool) -> float:
        index = StrategyIndex(strategies, scenarios=states, settings=IndexSettings(fitting=fit))
        return [hit.strategy.when for hit in index.search(talk)[:4]].count(right) / 4

    assert share(True) == 1.0
    assert share(True) >= share(False)


@pytest.mark.parametrize("count", [0, 1, LEAST - 1])
def test_too_few_situations_tell_nothing_and_scores_stay_likeness(count: int) -> None:
    strategies, states = made(count)
    assert not fitting(strategies, states)
    talk = asked(MATTERS["seat"])
    one, other = (
        StrategyIndex(strategies, scenarios=states, settings=IndexSettings(fitting=fit)).search(talk)
        for fit in (True, False)
    )
    assert one == other


def test_a_strategy_of_which_no_situation_tells_keeps_its_likeness() -> None:
    strategies, states = made()
    own = Strategy(id="zz", when="quantum zebras yodel", do="xylophone")
    talk = asked("quantum zebras yodel")
    scores = [
        {
            h.strategy.id: h.score
            for h in StrategyIndex([*strategies, own], scenarios=states, settings=s).search(talk)
        }
        for s in (IndexSettings(), IndexSettings(fitting=False))
    ]
    assert scores[0]["zz"] == pytest.approx(scores[1]["zz"], abs=1e-6)


word = st.sampled_from(["refund", "seat", "angry", "calm", "hello", "please", "and", ",", "7", "é", "-"])
text = st.lists(word, max_size=8).map(" ".join)


@settings(max_examples=8, deadline=None)
@given(st.lists(st.tuples(text, text, text), min_size=LEAST, max_size=LEAST + 8), text)
def test_fits_and_scores_lie_in_their_bounds_whatever_was_written(
    rows: list[tuple[str, str, str]], said: str
) -> None:
    strategies = [Strategy(id=f"s{n:02}", when=w, do=d, scenarios=(f"c{n}",)) for n, (w, d, _) in enumerate(rows)]
    states = {f"c{n}": f"customer: {talk}" for n, (_, _, talk) in enumerate(rows)}
    fits = fitting(strategies, states).of(terms_of(asked(said)), np.arange(len(strategies)))
    assert np.all((fits <= 1) & ((fits >= 0) | (fits == -1)))
    index = StrategyIndex(strategies, scenarios=states)
    hits = index.search(asked(said))
    assert all(0 <= h.score <= 1 for h in hits)
    assert [h.score for h in hits] == sorted((h.score for h in hits), reverse=True)
    assert hits == StrategyIndex(list(reversed(strategies)), scenarios=states).search(asked(said))


def test_conditions_are_the_parts_of_when() -> None:
    rule = Strategy(id="s", when="the bag is lost, the customer is upset and in a hurry; ", do="search")
    assert conditions(rule) == ("the bag is lost", "the customer is upset", "in a hurry")
    assert conditions(replace(rule, when="?!")) == ("",)


def test_a_situation_keeps_what_was_said_earlier_and_how_far_it_is() -> None:
    turns = (*asked("i am furious"), Turn(speaker="agent", text="which booking?"), *asked("four")[1:])
    terms = terms_of(turns)
    assert terms["hc:furiou"] == terms["hc:four"] == terms["ha:booking"] == 1.0
    assert "n:3" in terms
    assert "n:1" in terms_of(turns[1:2])
    assert terms == terms_of(read_state(state_text(turns)))


def contents(strategies: list[Strategy], states: dict[str, str], **more: Any) -> Contents:
    released = [Released(strategy=s, version=1, status="approved") for s in strategies]
    coach = plain(CoachSettings())
    return Contents(strategies=released, states=states, coach=coach, template="{{ strategies }}", **more)


def test_a_release_carries_what_was_learned(tmp_path: Path) -> None:
    strategies, states = made()
    path = write_release(tmp_path, make_release(contents(strategies, states)))
    assert "index.fitting.map" in read_release(path).arrays
    talk = asked(f"{MATTERS['seat']} i am furious")
    built = Coach(strategies, states, template="{{ strategies }}").advise(talk)
    assert Coach.from_release(path).advise(talk) == built
    assert built.chosen


def test_a_release_of_before_is_read_and_learned_from_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    strategies, states = made()
    monkeypatch.setattr("preceptor.library.release_make.algorithm", lambda _: "0123456789abcdef")
    old = make_release(contents(strategies, states)).replace(b'"fitting":true,', b"")
    path = tmp_path / "old.preceptor"
    head, _, rest = old.partition(b"\n")
    line, _, body = rest.partition(b"\n")
    assert b'"fitting"' not in line
    path.write_bytes(_again(line, body.lstrip(b"\0")))
    talk = asked(f"{MATTERS['seat']} i am furious")
    assert Coach.from_release(path).advise(talk) == Coach(strategies, states, template="{{ strategies }}").advise(
        talk
    )
    assert head.startswith(b"preceptor-release 1 ")


def _again(line: bytes, body: bytes) -> bytes:
    head = b"preceptor-release 1 " + hashlib.sha256(line).hexdigest().encode() + b"\n" + line + b"\n"
    return head + bytes(-len(head) % 64) + body


def test_where_situations_do_not_tell_what_was_written_for_them_nothing_is_learned_and_likeness_stands():
    strategies, states = unlike()
    assert not fitting(strategies, states)
    index = StrategyIndex(strategies, scenarios=states)
    coach = Coach(strategies, states)
    plainly = StrategyIndex(strategies, scenarios=states, settings=IndexSettings(fitting=False))
    for state in states.values():
        turns = read_state(state)
        assert [(h.strategy.id, h.score) for h in index.search(turns)] == [
            (h.strategy.id, h.score) for h in plainly.search(turns)
        ]
        assert coach.advise(turns).chosen
