from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from preceptor.coach import CoachSettings
from preceptor.core.records import Scenario, Strategy, Turn
from preceptor.library.conversation_state import state_text
from preceptor.library.index import IndexSettings, StrategyIndex
from preceptor.library.ordinary import share
from preceptor.library.release_index import take_apart
from preceptor.library.sparse import SparseIndex


def said(*texts: str) -> tuple[Turn, ...]:
    """Customer and agent in turn, the customer last."""
    who = ("customer", "agent")
    return tuple(Turn(speaker=who[(len(texts) - 1 - n) % 2], text=t) for n, t in enumerate(texts))


def scenario(name: str, *texts: str) -> Scenario:
    return Scenario(id=name, turns=said(*texts), profile="p", stage=0)


def rule(name: str, when: str, do: str, *scenarios: str) -> Strategy:
    return Strategy(id=name, when=when, do=do, scenarios=scenarios)


SCENARIOS = {
    s.id: s
    for s in (
        scenario("c1", "my suitcase never arrived"),
        scenario("c2", "How can I help?", "I want my money back for the ticket"),
        scenario("c3", "How can I help?", "the hotel room is dirty"),
    )
}
STRATEGIES = [
    rule("s1", "luggage is lost", "ask for the tag number", "c1"),
    rule("s2", "a refund is asked for", "name the refund rules", "c2"),
    rule("s3", "a room is not clean", "apologise and offer another room", "c3"),
    rule("s4", "the customer asks for a receipt", "send the invoice by mail"),
]


def ids(index: StrategyIndex, *texts: str) -> list[str]:
    return [hit.strategy.id for hit in index.search(said(*texts))]


def test_a_strategy_is_found_through_the_situation_it_was_learned_in() -> None:
    index = StrategyIndex(STRATEGIES, scenarios=SCENARIOS)
    assert ids(index, "my suitcase never arrived, help")[0] == "s1"
    assert ids(index, "How can I help?", "give me my money back")[0] == "s2"


def test_a_strategy_is_found_through_its_own_words() -> None:
    index = StrategyIndex(STRATEGIES, scenarios=SCENARIOS)
    assert ids(index, "I need a receipt")[0] == "s4"


def test_the_same_situation_scores_one_and_an_unknown_one_nothing() -> None:
    index = StrategyIndex(STRATEGIES[:3], scenarios=SCENARIOS)
    best = index.search(said("my suitcase never arrived"))[0]
    assert best.score == pytest.approx(1.0, abs=1e-5)
    unknown = index.search((Turn(speaker="agent", text="zyx"), Turn(speaker="action", text="wvu", by="q")))
    assert unknown == []


def test_state_texts_serve_as_well_as_scenarios() -> None:
    texts = {name: state_text(s.turns) for name, s in SCENARIOS.items()}
    talk = said("How can I help?", "the room is dirty and I want my money")
    from_text = StrategyIndex(STRATEGIES, scenarios=texts).search(talk)
    assert from_text == StrategyIndex(STRATEGIES, scenarios=SCENARIOS).search(talk)


def test_ties_stand_in_order_of_id_whatever_the_order_given() -> None:
    twins = [rule(f"s{n}", "x", "wave", "c1") for n in (3, 1, 2)]
    for order in (twins, twins[::-1]):
        assert ids(StrategyIndex(order, scenarios=SCENARIOS), "my suitcase never arrived") == ["s1", "s2", "s3"]


def test_what_several_near_situations_taught_comes_before_the_single_nearest() -> None:
    scenarios = {
        "near": scenario("near", "cancel my flight please"),
        **{f"n{i}": scenario(f"n{i}", "oh cancel my flight please") for i in range(6)},
        **{f"f{i}": scenario(f"f{i}", f"another thing {i}") for i in range(30)},
    }
    strategies = [
        rule("odd", "x", "sing a song", "near"),
        *(rule(f"s{i}", "x", "check the fare rules", f"n{i}") for i in range(6)),
        *(rule(f"z{i}", "x", "do another thing", f"f{i}") for i in range(30)),
    ]
    talk = ("cancel my flight please",)
    assert ids(StrategyIndex(strategies, scenarios=scenarios), *talk)[0].startswith("s")
    alone = IndexSettings(neighbours=0)
    assert ids(StrategyIndex(strategies, scenarios=scenarios, settings=alone), *talk)[0] == "odd"


def test_scenarios_that_are_not_given_are_left_out() -> None:
    index = StrategyIndex([rule("s1", "luggage is lost", "ask", "gone", "c1")], scenarios=SCENARIOS)
    assert ids(index, "my suitcase never arrived") == ["s1"]


@pytest.mark.parametrize("talk", [(), said("hello")])
def test_nothing_is_found_in_nothing(talk: tuple[Turn, ...]) -> None:
    assert StrategyIndex([], scenarios={}).search(talk) == []
    assert StrategyIndex(STRATEGIES, scenarios=SCENARIOS).search(()) == []


class Topics:
    """An embedder that knows two topics, and that texts have much in common."""

    name = "topics"
    dimension = 3

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = [[3.0, "baggage" in t or "suitcase" in t, "refund" in t or "money" in t] for t in texts]
        found = np.array(rows, dtype=np.float32)
        return found / np.linalg.norm(found, axis=1, keepdims=True)


def test_an_embedder_finds_what_shares_no_word() -> None:
    talk = said("baggage?")
    lexical = StrategyIndex(STRATEGIES, scenarios=SCENARIOS).search(talk)
    fused = StrategyIndex(STRATEGIES, scenarios=SCENARIOS, embedder=Topics()).search(talk)
    assert "s1" not in [h.strategy.id for h in lexical if h.lexical > 0.2]
    assert fused[0].strategy.id == "s1"
    assert fused[0].dense > fused[1].dense
    assert all(0 <= h.score <= 1 for h in fused)


word = st.sampled_from(
    [
        "refund",
        "ticket",
        "hotel",
        "lost",
        "yes",
        "no",
        "cancel",
        "flight",
        "seat",
        "bag",
        "fee",
        "late",
        "please",
        "book",
    ]
)
text = st.lists(word, min_size=1, max_size=6).map(" ".join)


@given(st.lists(st.tuples(text, text, text), min_size=1, max_size=8), text, text)
def test_scores_stay_in_0_to_1_and_fall(rows: list[tuple[str, str, str]], first: str, last: str) -> None:
    scenarios = {f"c{n}": scenario(f"c{n}", state) for n, (_, _, state) in enumerate(rows)}
    strategies = [rule(f"s{n}", when, do, f"c{n}") for n, (when, do, _) in enumerate(rows)]
    hits = StrategyIndex(strategies, scenarios=scenarios).search(said(first, last))
    scores = [h.score for h in hits]
    assert scores == sorted(scores, reverse=True)
    assert all(0 < s <= 1 + 1e-6 for s in scores)


REFUND = "the customer wants a refund for a ticket"
FITS = (
    said("Hi, I'd like a refund for my ticket please"),
    said("How can I help?", "I want to get a refund"),
)
FOREIGN = (
    said("Hi", "What is the weather like in Oslo?"),
    said("Hello there!", "I need a hotel room for two nights, can you help me please?"),
    said("Can you please check my internet connection? I want to know why it is so slow"),
    said("Yes please, thank you"),
)
DEEDS = (
    "ask for the booking number",
    "name the rules first",
    "offer a voucher",
    "be brief",
    "say how long it takes",
)


@pytest.mark.parametrize("count", [1, 2, 5, 20, 400])
@pytest.mark.parametrize("learned", [False, True])
@pytest.mark.parametrize("of", ["", " number {n}a", " to city{n}"])
def test_however_many_strategies_share_one_when_they_are_found_where_it_fits_alone(
    count: int, learned: bool, of: str
) -> None:
    floor = CoachSettings().floor
    strategies = [
        rule(f"s{n:03}", REFUND + of.format(n=n), f"{DEEDS[n % 5]} {n // 5}x", *(["c"] if learned else []))
        for n in range(count)
    ]
    there = {"c": scenario("c", "My flight is off", "I want my money back for the ticket, I need a refund")}
    index = StrategyIndex(strategies, scenarios=there)
    assert [bool(index.search(talk, floor=floor)) for talk in FITS] == [True, True]
    assert [index.search(talk, floor=floor) for talk in FOREIGN] == [[]] * len(FOREIGN)


def test_of_strategies_that_share_one_when_those_come_first_that_do_what_is_asked_for() -> None:
    strategies = [rule(f"s{n:03}", REFUND, f"do{n}x thing{n}x first") for n in range(400)]
    strategies[77] = rule("s077", REFUND, "explain cancellation insurance")
    hits = StrategyIndex(strategies, scenarios={}).search(
        said("I want a refund for my ticket, I have a cancellation insurance")
    )
    assert hits[0].strategy.id == "s077"
    assert hits[0].score > hits[1].score > CoachSettings().floor


@given(st.integers(1, 300), st.sampled_from(FITS))
@settings(max_examples=20, deadline=None)
def test_a_fit_means_much_the_same_in_a_small_library_as_in_a_large_one(count: int, talk: tuple[Turn, ...]) -> None:
    """What else is in a library changes by how much its best strategy fits, but not whether it does."""
    own = rule("own", REFUND, "name the rules first")
    others = [
        rule(f"o{n:03}", f"a question about topic{n % 97} comes", f"answer it with fact{n}") for n in range(count)
    ]

    def best(*strategies: Strategy) -> float:
        return StrategyIndex(strategies, scenarios={}).search(talk)[0].score

    alone = best(own)
    assert alone >= 0.2
    assert best(own, *others) == pytest.approx(alone, rel=0.35)


def test_ordinary_words_tell_little_and_a_trades_much() -> None:
    assert share("please") == share("c:please") == share("a:please") > 0.1
    assert share("x:-") == 0.5
    assert share("refund") == share("r:please") == share("c:refund") == 0


@given(st.lists(st.dictionaries(word, st.floats(0.1, 5), min_size=1), min_size=1, max_size=80))
def test_a_sparse_index_gives_cosines(documents: list[dict[str, float]]) -> None:
    index = SparseIndex(documents)
    for place in (0, len(documents) - 1):
        scores = index.scores(documents[place])
        assert scores[place] == pytest.approx(1.0, abs=1e-4)
        assert float(scores.max()) <= 1
        alike = index.likeness([place], list(range(len(documents))))[0]
        assert alike == pytest.approx(scores, abs=1e-4)


def test_common_terms_score_as_rare_ones_do() -> None:
    documents = [{"common": 1.0, f"t{n % 7}": 1.0, f"u{n}": 2.0} for n in range(1000)]
    scores = SparseIndex(documents).scores(documents[3])
    alike = SparseIndex(documents).likeness([3], list(range(1000)))[0]
    assert scores == pytest.approx(alike, abs=1e-5)


@pytest.mark.parametrize("embedder", [None, Topics()])
def test_above_the_exact_limit_the_same_strategy_comes_first(embedder: Topics | None) -> None:
    pytest.importorskip("faiss")
    few = IndexSettings(exact=1)
    for texts in (("my suitcase never arrived",), ("How can I help?", "the hotel room is dirty")):
        exact = StrategyIndex(STRATEGIES, scenarios=SCENARIOS, embedder=embedder).search(said(*texts))
        near = StrategyIndex(STRATEGIES, scenarios=SCENARIOS, embedder=embedder, settings=few).search(said(*texts))
        assert near[0] == exact[0]


def parts(thing: object) -> set[str]:
    """All that an index holds, by the way to it."""
    found: set[str] = set()
    for name, value in vars(thing).items():
        found.add(name)
        if type(value).__module__.startswith("preceptor.library.") and hasattr(value, "__dict__"):
            found |= {f"{name}.{part}" for part in parts(value)}
    return found


@pytest.mark.parametrize("embedder", [None, Topics()])
@pytest.mark.parametrize("exact", [1, 1000])
def test_who_asks_first_waits_for_nothing_and_an_index_that_was_asked_can_be_released(
    embedder: Topics | None, exact: int
) -> None:
    index = StrategyIndex(STRATEGIES, scenarios=SCENARIOS, embedder=embedder, settings=IndexSettings(exact=exact))
    released = take_apart(index)
    index.ready()
    before = parts(index)
    assert index.search(said("my suitcase never arrived"))
    assert parts(index) == before
    again = take_apart(index)
    assert (list(again.arrays), again.texts, again.scalars) == (
        list(released.arrays),
        released.texts,
        released.scalars,
    )
