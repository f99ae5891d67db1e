"""Lists as people and models write them become atomic rules."""

from __future__ import annotations

import pytest

from preceptor.exchange.split import split


def dos(text: str) -> list[str]:
    return [r.do for r in split(text).rules]


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("1. Ask for the booking.\n2. Name the fee.", ["Ask for the booking.", "Name the fee."]),
        ("1) Ask. 2) Tell the fee. 3) Close.", ["Ask.", "Tell the fee.", "Close."]),
        ("- Ask\n- Tell\n", ["Ask", "Tell"]),
        (
            "1. **Empathise**: say sorry\n   twice if need be\n2. Go on",
            ["Empathise: say sorry twice if need be", "Go on"],
        ),
        ("1. Offer\n   - a voucher\n   - a refund\n2. Close", ["Offer a voucher a refund", "Close"]),
        ("Refund within 14. Then close.", ["Refund within 14. Then close."]),
        ("1. Refund within 7. Day counts.\n2. Close", ["Refund within 7. Day counts.", "Close"]),
        ("Step 1: Ask\nStep 2: Tell", ["Ask", "Tell"]),
        ("Be quick. 1. Ask 2. Tell", ["Be quick.", "Ask", "Tell"]),
        ("1. Only one", ["Only one"]),
        ("just one rule", ["just one rule"]),
        ("  \n ", []),
    ],
)
def test_rules(text: str, rules: list[str]):
    assert dos(text) == rules


def test_a_heading_is_told_apart():
    found = split("Guidelines for the agent:\n1. Ask\n2. Tell")
    assert found.headings == ("Guidelines for the agent:",)
    assert [r.do for r in found.rules] == ["Ask", "Tell"]


@pytest.mark.parametrize(
    ("text", "when", "do"),
    [
        ("If the fare is restricted, say so first.", "the fare is restricted", "say so first."),
        ("When a customer is upset, then apologise", "a customer is upset", "apologise"),
        ("Whenever possible offer more", "", "Whenever possible offer more"),
        ("Iffy, do not", "", "Iffy, do not"),
    ],
)
def test_a_condition_is_told_apart(text: str, when: str, do: str):
    (rule,) = split(text).rules
    assert (rule.when, rule.do) == (when, do)
