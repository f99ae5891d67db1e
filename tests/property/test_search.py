"""The index finds what a plain reference that scores everything finds."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Generator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from random import Random

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from preceptor.core.records import Speaker, Strategy, Turn
from preceptor.library import index, postings, quick
from preceptor.library.conversation_state import (
    StateWeights,
    heard,
    plain_words,
    read_state,
    state_terms,
    state_text,
    state_words,
    summed,
    words,
)
from preceptor.library.index import IndexSettings, StrategyIndex
from preceptor.library.ordinary import ORDINARY, share
from preceptor.library.postings import Places, Postings, Query, highest
from preceptor.library.scores import best, edge_of, once
from preceptor.library.sparse import SparseIndex
from preceptor.library.vocabulary import Vocabulary

Floats = NDArray[np.float32]
CLOSE = 1e-5
WORDS = [*(f"w{n}x" for n in range(12)), "please", "you"]
"""Two of them are ordinary talk."""


@cache
def direction(seed: int) -> NDArray[np.float64]:
    """Where a word points."""
    return np.random.default_rng(seed).standard_normal(Hashed.dimension)


class Hashed:
    """An embedder: each word has a direction of its own."""

    name = "hashed"
    dimension = 80

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            row[:] = sum(direction(sum(word.encode()) % 97) for word in words(text)) + 0.05
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def cosines(
    documents: Sequence[Mapping[str, float]],
    query: Mapping[str, float],
    ordinary: float = 0.0,
    telling: Collection[str] = (),
) -> list[float]:
    """Cosine of ``(1 + ln tf) * idf``, term by term, beside so many documents of ordinary talk; those telling are
    as rare as in an index of one document, or more so."""
    seen = Counter(term for document in documents for term in document)

    def row(document: Mapping[str, float]) -> dict[str, float]:
        def idf(term: str, seen: int, count: int) -> float:
            held = seen + ordinary * share(term)
            return math.log(1 + (count + ordinary - held + 0.5) / (held + 0.5)) ** 0.75

        def rarity(term: str) -> float:
            found = idf(term, seen[term], len(documents))
            return max(found, idf(term, 1, 1)) if term in telling else found

        return {t: (1 + math.log(w) if w > 1 else w) * rarity(t) for t, w in document.items()}

    def length(row: Mapping[str, float]) -> float:
        return math.sqrt(sum(v * v for v in row.values())) or 1.0

    asked = row(query)
    found: list[float] = []
    for own in map(row, documents):
        shared = sum(asked[t] * v for t, v in own.items() if t in asked)
        found.append(shared / length(asked) / length(own))
    return found


class Reference:
    """Scores everything, in plain loops, as docs/coaching.md tells it."""

    def __init__(
        self, strategies: Sequence[Strategy], states: Mapping[str, str], embedder: Hashed | None, how: IndexSettings
    ) -> None:
        self.how, self.embedder, self.close = how, embedder, False
        self.strategies = sorted(strategies, key=lambda s: s.id)
        used = {i for s in strategies for i in s.scenarios if i in states}
        self.states = {i: states[i] for i in sorted(used)}
        self.deeds = [dict.fromkeys(words(s.do), 1.0) for s in self.strategies]

    def search(self, turns: Sequence[Turn], limit: int, floor: float) -> dict[str, float]:
        """Score by id. ``self.close`` tells whether rounding may decide who is in."""
        likes, own = self._likes(turns)
        match: dict[int, float] = {}
        for n, s in enumerate(self.strategies):
            situations = [likes[i] for i in s.scenarios if i in likes]
            top = max(situations, default=0.0)
            match[n] = top + (1 - top) * (self.how.own_words if situations else 1.0) * own[n]
        ranked = sorted((n for n in match if match[n] > 0), key=lambda n: (-match[n], n))
        found = [n for n in ranked if match[n] >= floor][:limit]
        near = sorted((i for i in likes if likes[i] > 0), key=lambda i: (-likes[i], i))
        values = [likes[i] for i in near]
        self.close = (
            any(abs(match[n] - floor) < CLOSE for n in ranked)
            or _tied([match[n] for n in ranked], limit)
            or _tied(values, self.how.neighbours)
            or any(abs(v - 0.25 * values[0]) < CLOSE for v in values)
        )
        near = near[: self.how.neighbours]
        vote: Counter[int] = Counter()
        for i in near:
            if likes[i] >= 0.25 * likes[near[0]]:
                for n, s in enumerate(self.strategies):
                    if i in s.scenarios:
                        vote[n] += likes[i] ** self.how.sharpness
        for n in found:
            if not any(i in likes for i in self.strategies[n].scenarios):
                vote[n] += match[n] ** self.how.sharpness
        support = {n: sum(w * cosines(self.deeds, self.deeds[n])[v] ** 2 for v, w in vote.items()) for n in found}
        most = max([*support.values(), 1e-9])
        trust = self.how.trust if self.how.neighbours else 0.0
        return {self.strategies[n].id: match[n] * (1 - trust * (1 - support[n] / most)) for n in found}

    def _likes(self, turns: Sequence[Turn]) -> tuple[dict[str, float], list[float]]:
        terms = state_terms(turns, self.how.weights)
        rows = [state_terms(read_state(text), self.how.weights) for text in self.states.values()]
        likes = cosines(rows, terms, ORDINARY)
        own_rows = [dict.fromkeys(words(s.do), 0.5) | dict.fromkeys(words(s.when), 1.0) for s in self.strategies]
        alone = [s for s in self.strategies if not any(i in self.states for i in s.scenarios)]
        telling = {word for s in alone for word in words(s.when)}
        own = cosines(own_rows, plain_words(state_words(turns, self.how.weights)), ORDINARY, telling)
        if self.embedder is not None:
            first = self.embedder.embed([*self.states.values()]) if self.states else np.zeros((0, 80))
            second = self.embedder.embed([s.text() for s in self.strategies])
            asked = self.embedder.embed([state_text(turns)])[0]
            likes = self._mixed(likes, first @ asked, first, first)
            own = self._mixed(own, second @ asked, first, second)
        return dict(zip(self.states, likes, strict=True)), own

    def _mixed(
        self, lexical: list[float], dense: NDArray[np.float32], first: object, second: object
    ) -> list[float]:
        one, two = np.asarray(first), np.asarray(second)
        count = min(len(one), len(two), 1000)
        base = 0.0
        if count >= 3:
            base = float(np.mean([one[n] @ np.roll(two[:count], count // 2, axis=0)[n] for n in range(count)]))
            base = min(max(base, 0.0), 0.95)
        read = [min(max((float(c) - base) / (1 - base), 0.0), 1.0) for c in dense]
        return [(1 - self.how.dense) * a + self.how.dense * b for a, b in zip(lexical, read, strict=True)]


SPEAKERS: st.SearchStrategy[Speaker] = st.sampled_from(["customer", "agent", "action"])
text = st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(" ".join)


@st.composite
def libraries(draw: st.DrawFn) -> tuple[list[Strategy], dict[str, str]]:
    states = {f"c{n}": f"agent: {draw(text)}\ncustomer: {draw(text)}" for n in range(draw(st.integers(1, 25)))}
    count = draw(st.integers(1, 25))
    linked = st.lists(st.sampled_from(sorted(states)), max_size=3, unique=True)
    return [
        Strategy(id=f"s{n:02}", when=draw(text), do=draw(text), scenarios=tuple(draw(linked))) for n in range(count)
    ], states


def _tied(values: Sequence[float], edge: int) -> bool:
    return 0 < edge < len(values) and values[edge - 1] - values[edge] < CLOSE


def talk(first: str, last: str) -> tuple[Turn, ...]:
    return (Turn(speaker="agent", text=first), Turn(speaker="customer", text=last))


WAYS = pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "numpy"])


@contextmanager
def searched(*, compiled: bool) -> Generator[None]:
    """An index that is built, and first asked, in here is searched so."""
    if compiled and quick.compiled is None:
        pytest.skip("search was not compiled: there was no C compiler at the set-up")
    with pytest.MonkeyPatch.context() as patch:
        if not compiled:
            patch.setattr(quick, "compiled", None)
        yield


@WAYS
@pytest.mark.parametrize("few", [0, 256])  # 0: never score everything where some will do
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(libraries(), st.tuples(text, text), st.sampled_from([0.0, 0.15, 0.5]), st.integers(1, 30))
def test_search_ranks_as_a_plain_reference_does(
    compiled: bool,
    few: int,
    made: tuple[list[Strategy], dict[str, str]],
    asked: tuple[str, str],
    floor: float,
    limit: int,
) -> None:
    strategies, states = made
    reference = Reference(strategies, states, None, IndexSettings())
    wanted = reference.search(talk(*asked), limit, floor)
    assume(not reference.close)
    with pytest.MonkeyPatch.context() as patch, searched(compiled=compiled):
        patch.setattr(index, "_FEW", few)
        patch.setattr(postings, "_FEW", few)
        hits = StrategyIndex(strategies, scenarios=states).search(talk(*asked), limit=limit, floor=floor)
    assert {h.strategy.id: h.score for h in hits} == pytest.approx(wanted, abs=1e-4)
    assert [h.score for h in hits] == sorted((h.score for h in hits), reverse=True)


@WAYS
@settings(max_examples=20, deadline=None)
@given(libraries(), st.tuples(text, text))
def test_fused_scores_are_those_of_a_plain_reference(
    compiled: bool, made: tuple[list[Strategy], dict[str, str]], asked: tuple[str, str]
) -> None:
    strategies, states = made
    how = IndexSettings(neighbours=0)
    wanted = Reference(strategies, states, Hashed(), how).search(talk(*asked), 99, 0.0)
    with searched(compiled=compiled):
        hits = StrategyIndex(strategies, scenarios=states, embedder=Hashed(), settings=how).search(
            talk(*asked), limit=99
        )
    # Vectors are kept in 16 bits.
    found = {h.strategy.id: h.score for h in hits}
    assert all(found.get(name, 0.0) == pytest.approx(score, abs=4e-3) for name, score in wanted.items())


def many_kinds() -> tuple[list[Strategy], dict[str, str]]:
    """Thousands of strategies, of several kinds."""
    rng = np.random.default_rng(5)
    known = np.array([f"v{n}x" for n in range(600)])
    share_of = 1 / (np.arange(600) + 3)

    def said(count: int) -> str:
        return " ".join(rng.choice(known, count, p=share_of / share_of.sum()))

    states = {f"c{n:04}": f"agent: {said(6)}\ncustomer: {said(8)}" for n in range(900)}
    ids = sorted(states)
    linked: list[list[int]] = [rng.integers(0, 900, (1, 1, 1, 0, 3, 30)[n % 6]).tolist() for n in range(2400)]
    made = [
        Strategy(
            id=f"s{n:04}",
            when=said(5),
            do=said(7),
            scenarios=tuple(ids[at] for at in sorted(set(some))),
        )
        for n, some in enumerate(linked)
    ]
    return made, states


@pytest.fixture(scope="module")
def many() -> Mapping[bool, StrategyIndex]:
    """Whether also by vectors, to an index that is searched by numpy."""
    return {fused: index_of_many(fused=fused, compiled=False) for fused in (False, True)}


@pytest.fixture(scope="module")
def many_compiled() -> Mapping[bool, StrategyIndex]:
    """The same with the compiled search."""
    return {fused: index_of_many(fused=fused, compiled=True) for fused in (False, True)}


def index_of_many(*, fused: bool, compiled: bool) -> StrategyIndex:
    made, states = many_kinds()
    with searched(compiled=compiled):
        found = StrategyIndex(made, scenarios=states, embedder=Hashed() if fused else None)
        found.search(talk("v1x", "v2x"))
    return found


def every(values: Floats, places: Places, count: int) -> Places:
    del places, count
    return np.arange(len(values))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.15, 0.4]), st.sampled_from([1, 7, 40]), st.booleans())
def test_what_is_not_looked_at_is_none_of_the_best(
    many: Mapping[bool, StrategyIndex], seed: int, floor: float, limit: int, lexical: bool
) -> None:
    rng = np.random.default_rng(seed)
    spoken = [" ".join(f"v{n}x" for n in rng.geometric(0.02, size) % 600) for size in (6, 9)]
    looked = many[not lexical].search(talk(spoken[0], spoken[1]), limit=limit, floor=floor)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index, "_of_most", every)
        wanted = many[not lexical].search(talk(spoken[0], spoken[1]), limit=limit, floor=floor)
    assert [h.score for h in looked] == pytest.approx([h.score for h in wanted], abs=1e-5)


MOVES = st.lists(
    st.tuples(SPEAKERS, st.integers(0, 2**32 - 1), st.integers(0, 14)),
    min_size=1,
    max_size=7,
)


@pytest.mark.parametrize("fused", [False, True])
@settings(max_examples=60, deadline=None)
@given(moves=MOVES, floor=st.sampled_from([0.0, 0.1, 0.3]), limit=st.sampled_from([1, 7, 40]))
def test_compiled_search_finds_what_numpy_finds(
    many: Mapping[bool, StrategyIndex],
    many_compiled: Mapping[bool, StrategyIndex],
    fused: bool,
    moves: list[tuple[Speaker, int, int]],
    floor: float,
    limit: int,
) -> None:
    told: list[Turn] = []
    for speaker, seed, size in moves:
        said = " ".join(f"v{n}x" for n in np.random.default_rng(seed).geometric(0.02, size) % 700)
        told.append(Turn(speaker=speaker, text=said, by="v3x_v7x" if speaker == "action" else ""))
    found, wanted = (one[fused].search(told, limit=limit, floor=floor) for one in (many_compiled, many))
    assert [h.score for h in found] == pytest.approx([h.score for h in wanted], abs=2e-6)
    known = {h.position: h for h in wanted}
    for hit in found:
        if hit.position in known:  # rounding may tell equal ones apart
            assert hit.lexical == pytest.approx(known[hit.position].lexical, abs=1e-6)
    both = [h.position for h in found if h.position in known]
    assert found.likeness(both, both) == pytest.approx(wanted.likeness(both, both), abs=1e-5)


@given(st.lists(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9]), max_size=40), st.integers(0, 12), st.data())
def test_the_best_are_the_highest_in_order_of_place(values: list[float], limit: int, data: st.DataObject) -> None:
    scores = np.array(values, dtype=np.float32)
    places = np.array(data.draw(st.permutations(range(len(values)))), dtype=np.int64)
    plain = sorted((n for n in range(len(values)) if scores[n] > 0), key=lambda n: (-scores[n], places[n]))
    assert best(scores, places, limit).tolist() == plain[:limit]
    assert best(scores, places, limit, 0.2).tolist() == [n for n in plain[:limit] if scores[n] >= 0.2]
    top = sorted(scores.tolist(), reverse=True)
    assert sorted(scores[highest(scores, limit)].tolist(), reverse=True) == top[:limit]
    assert edge_of(scores, limit) == ([float("inf"), *top][limit] if limit <= len(top) else 0.0)


@given(
    st.lists(st.dictionaries(st.sampled_from(WORDS), st.floats(0.2, 5), min_size=1), min_size=70, max_size=140),
    st.dictionaries(st.sampled_from([*WORDS, "never", "thank"]), st.floats(0.2, 5), min_size=1),
    st.sampled_from([0.0, ORDINARY]),
)
@settings(max_examples=20, deadline=None)
def test_scores_of_a_sparse_index_lie_below_its_ceilings(
    documents: list[dict[str, float]], asked: dict[str, float], ordinary: float
) -> None:
    built = SparseIndex(documents, ordinary=ordinary)
    query = built.query(asked)
    (ceilings,), scores = built.postings.ceilings(query), built.postings.all(query)
    assert np.all(scores <= ceilings)
    assert scores == pytest.approx(cosines(documents, asked, ordinary), abs=1e-5)
    assert built.postings.exact(query, np.arange(len(documents))) == pytest.approx(scores, abs=1e-6)


@given(
    st.lists(st.dictionaries(st.sampled_from(WORDS), st.floats(0.2, 5), min_size=1), min_size=3, max_size=90),
    st.dictionaries(st.sampled_from([*WORDS, "never", "thank"]), st.floats(0.2, 5), min_size=1),
    st.lists(st.tuples(st.integers(0, 2), st.floats(0.0, 1)), max_size=12),
    st.integers(1, 9),
)
@settings(max_examples=40, deadline=None)
def test_postings_tell_the_same_compiled(
    documents: list[dict[str, float]], asked: dict[str, float], votes: list[tuple[int, float]], most: int
) -> None:
    some = np.arange(0, len(documents), 2)
    voters = np.array([n for n, _ in votes], dtype=np.int64)
    weights = np.array([w for _, w in votes], dtype=np.float32)
    told: list[list[Floats]] = []
    for compiled in (True, False):
        with searched(compiled=compiled):
            held = SparseIndex(documents).postings
            query = SparseIndex(documents).query(asked)
            near = held.near(query, 0, most)
            sums = np.sort(held.exact(query, near))
            told.append(
                [
                    held.exact(query, some),
                    sums[:0] if len(near) == most else sums,
                    *held.support(some, voters, weights),
                ]
            )
    for found, wanted in zip(*told, strict=True):
        assert found == pytest.approx(wanted, abs=1e-5)


turns = st.lists(
    st.tuples(SPEAKERS, text, st.sampled_from(["", "find_w1x", "w2x"])),
    max_size=9,
).map(lambda rows: tuple(Turn(speaker=who, text=said, by=by if who == "action" else "") for who, said, by in rows))


@WAYS
@settings(max_examples=60, deadline=None)
@given(libraries(), st.lists(turns, min_size=1, max_size=6), turns, st.sampled_from([0.0, 0.3]))
def test_words_looked_up_once_ask_what_their_terms_would(
    compiled: bool,
    made: tuple[list[Strategy], dict[str, str]],
    known: list[tuple[Turn, ...]],
    talk: tuple[Turn, ...],
    told: float,
) -> None:
    strategies, _ = made
    weights = StateWeights(told=told)
    states = SparseIndex([state_terms(one, weights) for one in known], ordinary=ORDINARY)
    own = SparseIndex([dict.fromkeys(words(s.when), 1.0) for s in strategies], ordinary=ORDINARY)
    said = state_words(talk, weights)
    joined = Postings.joined(states.postings, own.postings)
    vocabulary = Vocabulary(states.terms, own.terms)
    with searched(compiled=compiled):
        numbered = vocabulary.native({}, joined)
        query = Query(*numbered.query(heard(talk, weights))) if numbered else vocabulary.read(said, joined)
    found = joined.all(query)
    plain = [*states.scores(state_terms(talk, weights)), *own.scores(plain_words(said))]
    assert found == pytest.approx(np.array(plain), abs=1e-5)


SIGNS = st.text(st.sampled_from("aAsSbBzZ0959_'’ \n\x07\x7fßéÉ-.\ud800"), max_size=24)
SPELLED = st.one_of(SIGNS, st.text(max_size=24), st.builds(lambda one: f"{one} x's " * 40, SIGNS))
"""Texts with all that words are told by; some are longer than what counts of a turn."""
SPOKEN = st.lists(st.tuples(SPEAKERS, SPELLED, st.one_of(st.just("get_seats"), SIGNS)), min_size=1, max_size=7).map(
    lambda rows: tuple(Turn(speaker=who, text=said, by=by if who == "action" else "") for who, said, by in rows)
)


@settings(max_examples=200, deadline=None)
@given(SPOKEN, st.randoms(use_true_random=False))
def test_words_are_read_alike_compiled(talk: tuple[Turn, ...], random: Random) -> None:
    state = heard(talk, StateWeights())
    spelled = state_terms(talk, StateWeights())
    some = [term for term in [*spelled, "c:seat", "x:none", "!:get_seats none"] if random.random() < 0.8]
    states = {term: n for n, term in enumerate(dict.fromkeys(some))}
    own = {word: n for n, word in enumerate(w for w in plain_words(summed(state)) if random.random() < 0.8)}
    rare = [random.uniform(0.1, 3) for _ in range(len(states) + len(own) + 2)]
    postings = Postings([], rare, common=0.5)
    vocabulary = Vocabulary(states, own)
    with searched(compiled=True):
        numbered = vocabulary.native({}, postings)
        assert numbered is not None
        found = Query(*numbered.query(state))
    wanted = vocabulary.read(summed(state), postings)
    assert found.sizes == wanted.sizes
    for start, end in ((0, found.sizes[0]), (found.sizes[0], sum(found.sizes))):
        told, known = (
            sorted(zip(one.terms[start:end].tolist(), one.weights[start:end].tolist(), strict=True))
            for one in (found, wanted)
        )
        assert [term for term, _ in told] == [term for term, _ in known]
        assert [weight for _, weight in told] == pytest.approx([weight for _, weight in known], rel=1e-5)


@given(st.lists(st.lists(st.integers(0, 9), max_size=12), min_size=1, max_size=3))
def test_places_stand_once_each_in_order(some: list[list[int]]) -> None:
    given_ = [np.array(places, dtype=np.int64) for places in some]
    assert once(*given_).tolist() == sorted({place for places in some for place in places})
