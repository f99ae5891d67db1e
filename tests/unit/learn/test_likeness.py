from preceptor.core.records import Strategy
from preceptor.learn.likeness import Likeness, groups


def strategy(id: str, when: str, do: str) -> Strategy:
    return Strategy(id=id, when=when, do=do)


SAME_A = strategy("a", "the customer asks about a lost bag", "ask for the bag tag number first")
SAME_B = strategy("b", "the customer asks about a lost bag", "first ask for the number on the bag tag")
OTHER = strategy("c", "a ticket is restricted", "offer travel credit instead of cash")


def test_strategies_in_nearly_the_same_words_are_found_and_others_are_not():
    assert Likeness([SAME_A, OTHER, SAME_B]).pairs(0.8) == [(0, 2)]


def test_no_strategies_have_no_pairs():
    assert Likeness([]).pairs(0.5) == []


def test_groups_join_chains_and_leave_single_ones_out():
    assert groups(6, [(0, 2), (2, 4), (3, 5)]) == [[0, 2, 4], [3, 5]]
