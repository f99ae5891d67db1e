"""What a compiled search must hold beside finding the same (``tests/property/test_search.py``): no array, however
broken, is read beyond its end, threads do not read each other's sums, and neither rounding nor odd settings tell on
what is found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from preceptor.core.records import Strategy, Turn
from preceptor.library import quick
from preceptor.library.conversation_state import StateWeights
from preceptor.library.index import IndexSettings, StrategyIndex
from preceptor.library.sparse import SparseIndex

COUNT = 60


@pytest.fixture
def index() -> StrategyIndex:
    if quick.compiled is None:
        pytest.skip("search was not compiled: there was no C compiler at the set-up")
    states = {f"c{n}": f"agent: hello w{n % 7}x\ncustomer: my w{n}x and w{n % 5}x broke" for n in range(COUNT)}
    made = [
        Strategy(id=f"s{n:02}", when=f"the w{n}x broke", do=f"ask for the w{n % 9}x", scenarios=(f"c{n}",))
        for n in range(COUNT)
    ]
    return StrategyIndex(made, scenarios=states)


def said(n: int) -> tuple[Turn, ...]:
    return (Turn(speaker="customer", text=f"the w{n}x broke and w{n % 5}x"),)


def customer(*texts: str) -> tuple[Turn, ...]:
    return tuple(Turn(speaker="customer", text=text) for text in texts)


def both_ways(
    made: Sequence[Strategy], states: Mapping[str, str], turns: Sequence[Turn], how: IndexSettings, limit: int = 40
) -> list[dict[int, float]]:
    """Scores by position in order of rank, as the compiled search finds them and as numpy does."""
    told: list[dict[int, float]] = []
    for built in (quick.compiled, None):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(quick, "compiled", built)
            index = StrategyIndex(made, scenarios=states, settings=how)
            told.append({hit.position: hit.score for hit in index.search(turns, limit=limit)})
            assert index.compiled == (built is not None)
    return told


def test_a_search_by_words_is_the_compiled_one(index: StrategyIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> Any:
        raise AssertionError("numpy was asked")

    monkeypatch.setattr(StrategyIndex, "_looked", never)
    assert index.search(said(3))[0].strategy.id == "s03"
    with pytest.raises(AssertionError, match="numpy was asked"):
        index.search(said(3), limit=1000)  # too many to keep in order as it goes


def test_ceilings_far_above_all_scores_shut_nobody_out(
    index: StrategyIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eight hundred situations said in words that many share have ceilings far above their scores. A few with a
    rare word of the question are nearer than these, below a fifth of the highest ceiling, and vote."""
    assert index.compiled
    states = {f"c{n}": "customer: " + " ".join(f"w{(n + m * 13) % 10}v{m}x" for m in range(40)) for n in range(800)}
    states |= {f"d{n}": "customer: " + " ".join(f"r{n}v{m}x" for m in range(n + 12)) for n in range(8)}
    made = [
        Strategy(id=f"s{n}", when=f"u{n}x", do=f"ask for v{n % 4}x then v{n % 3}z", scenarios=(name,))
        for n, name in enumerate(states)
    ]
    asked = [*(f"w{m}v0x" for m in range(10)), *(f"r{n}v0x" for n in range(8))]
    turns = (Turn(speaker="customer", text=" ".join(asked)),)
    found = {hit.position: hit.score for hit in StrategyIndex(made, scenarios=states).search(turns)}
    monkeypatch.setattr(quick, "compiled", None)
    wanted = {hit.position: hit.score for hit in StrategyIndex(made, scenarios=states).search(turns)}
    assert found == pytest.approx(wanted, abs=2e-6)


def test_threads_find_what_one_finds(index: StrategyIndex) -> None:
    wanted = [index.search(said(n % COUNT)) for n in range(400)]
    with ThreadPoolExecutor(8) as threads:
        asked = [threads.submit(index.search, said(n % COUNT)) for n in range(400)]
        assert [one.result() for one in asked] == wanted


BROKEN = [
    ("_asking", "_posting_documents", 10**6),
    ("_asking", "_posting_documents", -1),
    ("_asking", "_posting_start", 10**9),
    ("_asking", "_row_terms", 10**6),
    ("_asking", "_row_start", 10**9),
    ("_asking", "_row_start", -(10**9)),
    ("_deeds", "_row_terms", 10**6),
    ("_learned_in", "_right", 10**6),
    ("_learned_in", "_right", -1),
    ("_learned_in", "_start", 10**9),
    ("_taught", "_start", -5),
    ("_taught", "_right", 10**6),
    ("_vocabulary", "_numbers", 10**6),
    ("_vocabulary", "_numbers", -1),
    ("_vocabulary", "_named", 10**6),
]


@pytest.mark.parametrize(("part", "name", "value"), BROKEN)
def test_a_number_that_leads_nowhere_is_an_error_and_no_crash(
    index: StrategyIndex, part: str, name: str, value: int
) -> None:
    held = getattr(index, part)
    array = getattr(held, name).copy()
    array[1::2] = value  # of starts, every other: from a good one to a bad one, and back
    setattr(held, name, array)
    with pytest.raises(IndexError):
        index.search(said(3))


def test_after_an_error_sums_begin_anew(index: StrategyIndex) -> None:
    wanted = index.search(said(3))
    asking = index._asking  # pyright: ignore[reportPrivateUsage] - what a search adds up in
    held = asking.native
    assert held is not None
    there = asking._row_terms[0]  # pyright: ignore[reportPrivateUsage] - a term that documents hold
    query = (np.array([there, 10**6], dtype=np.int32), np.array([9.0, 9.0], dtype=np.float32))
    with pytest.raises(IndexError):
        held.exact(*query, np.array([1], dtype=np.int64))
    with pytest.raises(IndexError):
        held.gathered(*query, 4)
    assert index.search(said(3)) == wanted


def test_a_floor_below_all_scores_is_none(index: StrategyIndex) -> None:
    unknown = (Turn(speaker="action", text="zebra", by="quagga"),)
    for turns in (unknown, said(3)):
        assert index.search(turns, floor=-1.0) == index.search(turns)


def test_a_broken_cosine_is_no_error(index: StrategyIndex) -> None:
    """Not even the one that else tells of an error."""
    assert index.compiled
    postings = SparseIndex([{"tap": 1.0}]).postings
    postings._row_values = -postings._row_values  # pyright: ignore[reportPrivateUsage] - as in a broken file
    query = (np.zeros(1, dtype=np.int32), np.ones(1, dtype=np.float32))
    assert postings.native is not None
    assert postings.native.exact(*query, np.zeros(1, dtype=np.int64)).tolist() == [-1.0]


def test_of_equal_ones_the_first_is_found_however_long_the_texts(index: StrategyIndex) -> None:
    """Sums of thousands of equal 32-bit numbers lie further below the score than those of a few."""
    assert index.compiled
    said = [
        " ".join(f"{chr(97 + n)}{chr(97 + m)}{chr(97 + k)}x" for n in range(25) for m in range(4))
        for k in range(24)
    ]
    talk = "\n".join(f"customer: {text}" for text in said)
    states = {"c0": talk, "c1": talk}
    made = [Strategy(id=f"s{n}", when="u", do="v", scenarios=(f"c{1 - n}",)) for n in range(2)]
    for neighbours in (0, 1):
        found, wanted = both_ways(made, states, customer(*said), IndexSettings(neighbours=neighbours), limit=1)
        assert list(found) == list(wanted) == [0]


def test_the_nearest_state_votes_however_far_it_is(index: StrategyIndex) -> None:
    assert index.compiled
    how = IndexSettings(weights=StateWeights(earlier=1e-6, action=0.0), sharpness=0.5)
    one = Strategy(id="s", when="the kettle whistles", do="ask which", scenarios=("c0",))
    states = {"c0": "customer: zebra\nagent: yes?\ncustomer: other"}
    found, wanted = both_ways([one], states, customer("kettle zebra whistles"), how)
    assert found == pytest.approx(wanted, abs=2e-6)
    assert found[0] > 0.15


def test_any_number_of_neighbours_may_vote(index: StrategyIndex) -> None:
    assert index.compiled
    states = {f"c{n}": f"customer: my w{n}x broke" for n in range(5)}
    made = [Strategy(id=f"s{n}", when=f"w{n}x", do=f"ask w{n % 2}x", scenarios=(f"c{n}",)) for n in range(5)]
    found, wanted = both_ways(made, states, said(3), IndexSettings(neighbours=10**12))
    assert found == pytest.approx(wanted, abs=2e-6)
    assert len(found) == 5


def test_many_votes_are_added_up_as_exactly_as_few(index: StrategyIndex) -> None:
    assert index.compiled
    held = SparseIndex([{"tap": 1.0}]).postings.native
    assert held is not None
    votes = np.full(30_000, 0.1, dtype=np.float32)
    support, _ = held.support(np.zeros(1, np.int64), np.zeros(len(votes), np.int64), votes)
    assert support.tolist() == pytest.approx([3000], rel=1e-6)


@pytest.mark.parametrize("states", [0, 1])
def test_the_smallest_indexes(index: StrategyIndex, states: int) -> None:
    assert len(index) == COUNT
    one = Strategy(id="s", when="the tap drips", do="ask which tap", scenarios=("c0",) * states)
    found = StrategyIndex([one], scenarios={"c0": "customer: my tap drips"}).search(
        (Turn(speaker="customer", text="it drips, the tap"),)
    )
    assert [hit.strategy for hit in found] == [one]
    assert found[0].score > 0.3


@pytest.mark.parametrize("scenarios", [{"c0": "customer: ?"}, {}])
def test_what_has_no_words_is_searched_like_all_else(
    index: StrategyIndex, monkeypatch: pytest.MonkeyPatch, scenarios: dict[str, str]
) -> None:
    one = Strategy(id="s", when="!!!", do="...", scenarios=("c0",))
    asked = [said(3), (Turn(speaker="customer", text="?!"),)]
    empty = StrategyIndex([one], scenarios=scenarios)
    assert empty.compiled
    assert index.compiled
    found = [[(hit.position, round(hit.score, 5)) for hit in empty.search(turns)] for turns in asked]
    monkeypatch.setattr(quick, "compiled", None)
    plain = StrategyIndex([one], scenarios=scenarios)
    assert found == [[(hit.position, round(hit.score, 5)) for hit in plain.search(turns)] for turns in asked]
