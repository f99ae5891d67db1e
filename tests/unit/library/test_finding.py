from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from preceptor.library.finding import ranked

TEXTS = [("a", "offer a refund in the app"), ("b", "explain the fare in the app"), ("c", "in the app, in the app")]


def test_a_rare_word_outweighs_common_ones_and_what_holds_only_these_is_left_out() -> None:
    assert ranked(["refund", "in", "the"], TEXTS, 3) == ["a"]


def test_more_words_are_better_and_equals_keep_their_order() -> None:
    assert ranked(["fare", "app"], TEXTS, 3)[0] == "b"
    assert ranked(["in", "app"], TEXTS, 3) == ["a", "b", "c"]


def test_no_text_finds_nothing() -> None:
    assert ranked(["refund"], [], 0) == []


words = st.sampled_from(["refund", "bag", "the", "delay", "seat"])


@given(asked=st.lists(words, min_size=1, unique=True), texts=st.lists(st.lists(words).map(" ".join), max_size=8))
def test_what_holds_every_word_is_always_first(asked: list[str], texts: list[str]) -> None:
    held = [(str(n), text) for n, text in enumerate(texts) if any(word in text for word in asked)]
    whole = [id for id, text in held if all(word in text for word in asked)]
    assert ranked(asked, held, len(texts))[: len(whole)] == whole
