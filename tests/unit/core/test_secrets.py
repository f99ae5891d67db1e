"""Secrets are known by their form and by the name of what holds them; what is shown holds none."""

from __future__ import annotations

import pytest

from preceptor.core.secrets import MASK, holds_secret, masked, masked_word

KEY = "sk-" + "a1B2" * 6
SECRETS = [
    (KEY, MASK),
    (f"openai:gpt {KEY} and more", f"openai:gpt {MASK} and more"),
    ("Bearer abcdefgh12", f"Bearer {MASK}"),
    ("http://me:hunter2@127.0.0.1:8000/v1#m", f"http://me:{MASK}@127.0.0.1:8000/v1#m"),
    ("postgresql://me:hunter2@host/db", f"postgresql://me:{MASK}@host/db"),
    ("postgresql+psycopg://me:hun#t/er@2@host/db", f"postgresql+psycopg://me:{MASK}@host/db"),
    ("postgresql://:hunter2@host/db", f"postgresql://:{MASK}@host/db"),
    ("https://host/v1?api_key=hunter2&n=1#m", f"https://host/v1?api_key={MASK}&n=1#m"),
]


@pytest.mark.parametrize(("text", "shown"), SECRETS)
def test_what_holds_a_secret_is_shown_without_it(text: str, shown: str) -> None:
    assert holds_secret(text)
    assert masked(text) == shown
    assert masked_word(f"--set=x.y={text}") == f"--set=x.y={shown}"


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://me@host:5432/db",
        "http://127.0.0.1:11434/v1#hf.co/me/model:q4",
        "practice:student-small",
        "task-1",
    ],
)
def test_what_holds_none_is_shown_as_it_is(text: str) -> None:
    assert not holds_secret(text)
    assert masked(text) == masked_word(f"library.path={text}").partition("=")[2] == text


@pytest.mark.parametrize(
    ("word", "shown"),
    [
        ("seats.student.api_key=hunter2", f"seats.student.api_key={MASK}"),
        ("--set=seats.judge.password=a=b", f"--set=seats.judge.password={MASK}"),
        ("seats.student.api_key_env=3f2a-99", f"seats.student.api_key_env={MASK}"),
        ("seats.student.api_key_env=EXAMPLE_KEY", "seats.student.api_key_env=EXAMPLE_KEY"),
        ("seats.student.api_key=", "seats.student.api_key="),
        ("budget.tokens=5", "budget.tokens=5"),
        ("--resume", "--resume"),
    ],
)
def test_what_a_name_says_is_a_secret_is_not_shown(word: str, shown: str) -> None:
    assert masked_word(word) == shown
