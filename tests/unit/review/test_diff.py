from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from preceptor.review.diff import compare, joined, marked


def text_of(pieces, *kinds):
    return "".join(p.text for p in pieces if p.kind in kinds)


@given(st.text(max_size=60), st.text(max_size=60))
def test_the_pieces_are_the_texts(old: str, new: str):
    left, right = compare(old, new)
    assert text_of(left, "same", "gone") == old
    assert text_of(right, "same", "new") == new
    both = joined(old, new)
    assert text_of(both, "same", "gone") == old
    assert text_of(both, "same", "new") == new


def test_words_are_marked_whole():
    both = joined("offer a credit for the fare", "offer a voucher for the fare")
    assert [(p.kind, p.text) for p in both] == [
        ("same", "offer a "),
        ("gone", "credit"),
        ("new", "voucher"),
        ("same", " for the fare"),
    ]


def test_chance_words_are_not_called_equal():
    left, _ = compare("I am the first to say so", "We will file it for the claims team")
    assert {p.kind for p in left} == {"same"}  # next to nothing is shared: nothing is marked


def test_quotes_are_marked_without_regard_to_case():
    pieces = marked("As the Good Agent did, the good agent.", ["good agent"])
    assert [p.text for p in pieces if p.kind == "new"] == ["Good Agent", "good agent"]
    assert text_of(pieces, "same", "new") == "As the Good Agent did, the good agent."


def test_overlapping_quotes_keep_the_text():
    assert text_of(marked("abcdef", ["abcd", "cdef"]), "same", "new") == "abcdef"
