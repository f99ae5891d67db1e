"""Lists as people and models write them become atomic rules."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
        ("1. Offer\n   - a voucher\n   - a refund\n2. Close", ["Offer: a voucher; a refund", "Close"]),
        ("Refund within 14. Then close.", ["Refund within 14. Then close."]),
        ("1. Refund within 7. Day counts.\n2. Close", ["Refund within 7. Day counts.", "Close"]),
        ("Step 1: Ask\nStep 2: Tell", ["Ask", "Tell"]),
        ("Be quick. 1. Ask 2. Tell", ["Be quick.", "Ask", "Tell"]),
        ("1. Only one", ["Only one"]),
        ("just one rule", ["just one rule"]),
        ("  \n ", []),
        ("(1) Ask\n(2) Tell", ["Ask", "Tell"]),
        ("a) Ask\nb) Tell\nc) Close", ["Ask", "Tell", "Close"]),
        ("i. Ask\nii. Tell\niii. Close\niv. Thank", ["Ask", "Tell", "Close", "Thank"]),
        ("A. Smith decides about refunds.", ["A. Smith decides about refunds."]),
        ("1. Ask\n1. Tell\n1. Close", ["Ask", "Tell", "Close"]),
        ("1. Pay within\n7. Day counts.\n2. Close", ["Pay within 7. Day counts.", "Close"]),
        ("1. Ask; 2. Tell; 3. Close", ["Ask", "Tell", "Close"]),
        ("- [ ] Ask\n- [x] Tell", ["Ask", "Tell"]),
        ("1. Ask\n2. Tell\n\nBe kind.", ["Ask", "Tell", "Be kind."]),
        ("1. **Refunds**\n   - Ask why\n   - Name the fee", ["Refunds: Ask why", "Refunds: Name the fee"]),
        ("1. Refunds:\n   a. Ask why\n   b. Tell\n2. Bags", ["Refunds: Ask why", "Refunds: Tell", "Bags"]),
        ("1. Refunds\n1.1 Ask why\n1.2 Tell\n2. Bags", ["Refunds: Ask why", "Refunds: Tell", "Bags"]),
        ("1、询问编号\n2、告知地点", ["询问编号", "告知地点"]),
        ("1.询问编号 2.告知地点", ["询问编号", "告知地点"]),
        ("（1）询问编号\n（2）告知 2、3 天", ["询问编号", "告知 2、3 天"]),
        ("一、询问编号\n二、告知地点\n\n三、道歉", ["询问编号", "告知地点", "道歉"]),
        ("①询问编号②告知地点", ["询问编号", "告知地点"]),
        ("第一，询问编号；第二，告知地点", ["询问编号", "告知地点"]),
        ("十、道歉", ["十、道歉"]),
    ],
)
def test_rules(text: str, rules: list[str]):
    assert dos(text) == rules


WORDS = st.lists(
    st.sampled_from(["ask", "tell", "close", "name", "the", "fee", "first", "kindly"]), min_size=1, max_size=5
)


@given(
    rules=st.lists(WORDS.map(" ".join), min_size=2, max_size=9),
    mark=st.sampled_from(
        ["{n}. ", "{n}) ", "({n}) ", "{n}: ", "{n}、", "- ", "* ", "• ", "**{n}.** ", "Step {n}: "]
    ),
    between=st.sampled_from(["\n", "\n\n", "\r\n", ";\n"]),
    title=st.sampled_from(["", "## Rules\n", "The rules:\n\n"]),
)
def test_whatever_the_marks_the_rules_come_back(rules: list[str], mark: str, between: str, title: str):
    found = split(title + between.join(mark.format(n=n) + rule for n, rule in enumerate(rules, 1)))
    assert [r.do for r in found.rules] == rules
    assert found.headings == tuple({"": [], "#": ["Rules"], "T": ["The rules:"]}[title[:1]])


@given(
    text=st.text(max_size=300)
    | st.lists(st.sampled_from(["1. ", "- ", "a) ", "\n", "  ", "x", "①", "一、", ":"])).map("".join)
)
def test_any_text_is_read(text: str):
    found = split(text)
    assert all(r.do for r in found.rules)


def test_headings_between_points_begin_a_list_anew():
    found = split("## Tone\n1. Be warm\n2. Be brief\n\n**Steps**\n1. Ask\n2. Tell")
    assert found.headings == ("Tone", "Steps")
    assert [r.do for r in found.rules] == ["Be warm", "Be brief", "Ask", "Tell"]


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
        ("如果客户很生气，请先道歉", "客户很生气", "先道歉"),
        ("当行李丢失时，先询问编号", "行李丢失", "先询问编号"),
    ],
)
def test_a_condition_is_told_apart(text: str, when: str, do: str):
    (rule,) = split(text).rules
    assert (rule.when, rule.do) == (when, do)
