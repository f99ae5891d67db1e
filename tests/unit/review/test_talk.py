from __future__ import annotations

import pytest

from preceptor.core.errors import InputError
from preceptor.review.talk import read_talk


def told(text: str) -> list[tuple[str, str, str]]:
    return [(t.speaker, t.by, t.text) for t in read_talk(text)]


def test_lines_with_speakers():
    text = "Customer: Hello\nthere\nAGENT: Hi: you?\n[action lookup] found: 3\nuser: ok"
    assert told(text) == [
        ("customer", "", "Hello\nthere"),
        ("agent", "", "Hi: you?"),
        ("action", "lookup", "found: 3"),
        ("customer", "", "ok"),
    ]


def test_words_alone_are_the_customers():
    assert told("my bag is gone\nhelp") == [("customer", "", "my bag is gone\nhelp")]


@pytest.mark.parametrize("whole", ["[%s]", '{"messages": [%s]}'])
def test_openai_messages(whole: str):
    inner = '{"role": "system", "content": "x"}, {"role": "user", "content": "Hi"}'
    assert told(whole % inner) == [("customer", "", "Hi")]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no conversation"),
        ("Agent: hello", "agent spoke last"),
        ("[action x] y", "no customer"),
        ("{broken", "not JSON"),
        ("x" * 40_001, "characters"),
        ("Customer: a\nAgent: b\n" * 101 + "Customer: c", "turns"),
    ],
)
def test_what_cannot_be_tried_is_told(text: str, words: str):
    with pytest.raises(InputError, match=words):
        read_talk(text)
