"""What points to a person is gone from what is recorded, and the rest can still be read."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preceptor.core.errors import ConfigError
from preceptor.serve.redact import by_patterns, redactor


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("write to ann.lee+x@mail.example.co.uk, please", "write to [email], please"),
        ("call +49 (30) 1234-567 or 0171 2345678", "call [phone] or [phone]"),
        ("card 4111 1111 1111 1111 ends", "card [card] ends"),
        ("order 4711 and 123456", "order 4711 and [number]"),
        ("IBAN DE89 3704 0044 0532 0130 00.", "IBAN [account]."),
        ("booking QX4T7B, flight LH-4711", "booking [reference], flight [reference]"),
        ("born 1980-02-29 or 29.2.1980", "born [date] or [date]"),
        ("see https://x.example/u/ann?token=1 now", "see [link] now"),
        ("from 192.168.10.1", "from [address]"),
        ("my key is sk-abcdefghijklmnop1234", "my key is [key]"),
        ("My name is Ann Lee and Mr. Smith knows", "My name is [name] and Mr. [name] knows"),
        ("My name's Ann Lee.", "My name's [name]."),
        ("de89370400440532013000 is mine", "[account] is mine"),
        ("from fe80::1ff:fe23:4567:890a at 12:30:45", "from [address] at 12:30:45"),
        ("on May 12th, 2025, or 3. Mai 2025; may 2 come", "on [date], or [date]; may 2 come"),
        ("我的电话13812345678，谢谢", "我的电话[number]，谢谢"),
        ("get ftp://files.example/ann", "get [link]"),
        ("I paid 120 EUR for 2 bags in row 14A", "I paid 120 EUR for 2 bags in row 14A"),
        ("", ""),
    ],
)
def test_by_patterns(text: str, redacted: str) -> None:
    assert by_patterns(text) == redacted
    assert by_patterns(redacted) == redacted


@given(
    before=st.text(alphabet="abc .,!?", max_size=20),
    name=st.from_regex(r"[a-z]{1,10}(\.[a-z]{1,10})?", fullmatch=True),
    host=st.from_regex(r"[a-z]{2,10}\.(com|example|co\.uk)", fullmatch=True),
    digits=st.from_regex(r"\+?\d{9,14}", fullmatch=True),
)
def test_no_address_or_number_is_left(before: str, name: str, host: str, digits: str) -> None:
    found = by_patterns(f"{before} {name}@{host} {digits}")
    assert host not in found
    assert digits.lstrip("+") not in found


@pytest.mark.parametrize(
    "text",
    [
        "A-" * 100_000,
        "eyJ-" * 50_000,
        "1 " * 100_000,
        "a" * 200_000,
        "a@" * 100_000,
        "f:" * 100_000,
        "May " * 50_000,
    ],
)
def test_hostile_text_takes_no_long_time(text: str) -> None:
    by_patterns(text)  # quadratic patterns would take minutes here


def test_what_is_no_way_to_redact_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("", "none", "patterns:x", "presidio", "presidio:"):
        with pytest.raises(ConfigError):
            redactor(name)
    monkeypatch.setitem(sys.modules, "presidio_analyzer", None)
    with pytest.raises(ConfigError, match="Presidio is not installed"):
        redactor("presidio:en_core_web_sm")


def test_presidio_finds_names_and_patterns_come_after(monkeypatch: pytest.MonkeyPatch) -> None:
    """The seam alone, with a stand-in of Presidio's documented interface: spans may overlap and come unordered."""

    removed: list[str] = []

    class Engine:
        def __init__(self, **given: Any) -> None:
            assert given["supported_languages"] == ["en"]
            self.registry = SimpleNamespace(remove_recognizer=removed.append)

        def analyze(self, *, text: str, language: str) -> list[Any]:
            text.encode()  # as spaCy does, which takes no half characters
            spans = [("PERSON", "Ann Lee"), ("LOCATION", "Berlin"), ("PERSON", "Ann")]
            return [
                SimpleNamespace(entity_type=k, start=text.index(t), end=text.index(t) + len(t)) for k, t in spans
            ]

    def provider(*, nlp_configuration: dict[str, Any]) -> Any:
        assert nlp_configuration["models"] == [{"lang_code": "en", "model_name": "en_x"}]
        return SimpleNamespace(create_engine=object)

    made: dict[str, dict[str, Any]] = {
        "presidio_analyzer": {"AnalyzerEngine": Engine},
        "presidio_analyzer.nlp_engine": {"NlpEngineProvider": provider},
        "spacy": {},
        "spacy.util": {"is_package": "en_x".__eq__},
    }
    for name, members in made.items():
        module = ModuleType(name)
        vars(module).update(members)
        monkeypatch.setitem(sys.modules, name, module)
    redact = redactor("presidio:en_x")
    assert removed == ["EmailRecognizer"], "it would fetch a list from the internet"
    assert redact("Ann Lee of Berlin, a@b.example") == "[person] of [location], [email]"
    assert redact("Ann Lee of Berlin, Ann.Lee@b.example") == "[person] of [location], [email]"
    assert redact("\ud800 Ann Lee of Berlin") == "? [person] of [location]"
    with pytest.raises(ConfigError, match="en_y"):
        redactor("presidio:en_y")
