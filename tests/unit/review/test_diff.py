from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from preceptor.review.diff import compare, joined, marked, retold, taken


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


SPOKEN = st.lists(
    st.sampled_from(["I file it now.", " I file it now!", " Soon?", "\n", "的。", " wait", "…", " a b"])
)


@given(SPOKEN.map("".join), SPOKEN.map("".join))
def test_the_pieces_of_replies_are_the_replies(old: str, new: str):
    left, right = retold(old, new)
    assert text_of(left, "same", "gone") == old
    assert text_of(right, "same", "new") == new


def test_a_sentence_that_moved_is_the_same_and_one_that_came_is_new_as_a_whole():
    left, right = retold(
        "I am sorry to hear that. Which report number did you get?",
        "Which report number did you get? The search runs now, every station has it. I am sorry to hear that.",
    )
    assert text_of(left, "gone") == ""
    assert [p.text for p in right if p.kind == "new"] == ["The search runs now, every station has it."]


def test_within_a_sentence_the_words_are_marked():
    left, right = retold("I pay it back by card. Wait here.", "Fine then. I pay it back by voucher.")
    assert [p.text for p in left if p.kind == "gone"] == ["card. Wait here."]
    assert [p.text for p in right if p.kind == "new"] == ["Fine then.", "voucher."]


def test_what_was_taken_over_is_marked():
    teacher = "Thank you. The search runs now, every station has it."
    assert [p.text for p in taken(teacher, "Well, the search runs now!") if p.kind == "new"] == [
        "The search runs now"
    ]
    assert {p.kind for p in taken(teacher, "No idea.")} == {"same"}
    assert {p.kind for p in taken(teacher, teacher)} == {"new"}
    assert taken("", "x") == ()


def test_replies_that_share_no_sentence_are_not_marked():
    left, right = retold("I pay it back. Wait here.", "The claims team has the file. You will hear on Monday.")
    assert {p.kind for p in (*left, *right)} == {"same"}


def test_a_reply_without_end_is_compared_all_the_same():
    left, right = retold("No. " * 400, "Yes. " * 400 + "No.")
    assert text_of(left, "same", "gone") == "No. " * 400
    assert text_of(right, "same", "new").endswith("No.")


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
