"""What points to a person is taken out of a text before it is recorded."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import import_module
from typing import Any

from preceptor.core.errors import ConfigError, install
from preceptor.core.untrusted import one_line

Redact = Callable[[str], str]
"""Text in, the same text with placeholders such as ``[email]`` out. Called by one thread; must not raise."""

_EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")
_LINK = re.compile(r"\b(?:https?://|ftp://|www\.)[^\s\"'<>]+", re.IGNORECASE)
_IBAN = re.compile(
    r"\b(?:[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{4}){2,7}(?:[ -]?[A-Z0-9]{1,4})?|[a-z]{2}\d{2}[a-z]{0,4}\d{7,26})\b"
)
_HEX = "[0-9A-Fa-f]{1,4}"
_ADDRESS = re.compile(
    rf"\b\d{{1,3}}(?:\.\d{{1,3}}){{3}}\b|(?<![\w:])(?:(?:{_HEX}:){{5,7}}{_HEX}|(?:{_HEX}:){{1,6}}(?::{_HEX}){{1,6}})(?![\w:])"
)
_MONTH = (
    "(?:January|February|March|April|May|June|July|August|September|October|November|December|Jan|Feb|Mar|Apr|Jun|Jul|"
    "Aug|Sept?|Oct|Nov|Dec|Januar|Februar|März|Mai|Juni|Juli|Oktober|Dezember)"
)
_DATE = re.compile(
    r"\b(?:\d{4}-\d{2}-\d{2}|\d{1,2}[./]\d{1,2}[./](?:\d{4}|\d{2})"
    rf"|\d{{1,2}}(?:st|nd|rd|th|\.)? (?:of )?{_MONTH}(?:,? \d{{4}})?"
    rf"|{_MONTH}\.? \d{{1,2}}(?:st|nd|rd|th)?(?:,? \d{{4}})?)\b"
)
_DIGITS = re.compile(r"(?<![A-Za-z0-9_])\+?\(?\d(?:[\s().\-/]{0,2}\d){4,24}(?![A-Za-z0-9_])")
"""Next to letters of a script that sets no spaces they are a number all the same."""
_SECRET = re.compile(
    r"(?<![\w-])(?:(?:sk|pk|rk|ghp|gho|xox[abps])[-_][A-Za-z0-9_-]{12,}|eyJ[\w-]{10,}\.[\w-]+\.[\w-]+)"
)
_REFERENCE = re.compile(r"(?<![\w-])(?=[A-Z0-9-]*\d)(?=[A-Z0-9-]*[A-Z])[A-Z0-9]+(?:-[A-Z0-9]+)*(?![\w-])")
_TITLED = re.compile(
    r"\b((?:Mr|Mrs|Ms|Miss|Dr|Prof|Herr|Frau)\.? |(?:[Mm]y name(?: is|['’]s)|I am called|[Tt]his is) )"
    r"([A-ZÀ-Þ][\w'’-]+(?: [A-ZÀ-Þ][\w'’-]+){0,3})"
)
_LONGEST = 200_000
"""Characters of one text that are looked at; what follows is cut off."""


def by_patterns(text: str) -> str:
    """E-mail addresses, links, account, card, phone and reference numbers, dates, keys, and names after a title or
    "my name is" as placeholders. Names elsewhere stay: patterns cannot know them."""
    text = text[:_LONGEST]
    for pattern, placeholder in (
        (_SECRET, "[key]"),
        (_LINK, "[link]"),
        (_EMAIL, "[email]"),
        (_IBAN, "[account]"),
        (_ADDRESS, "[address]"),
        (_DATE, "[date]"),
    ):
        text = pattern.sub(placeholder, text)
    text = _DIGITS.sub(_number, text)
    text = _REFERENCE.sub(lambda m: "[reference]" if len(m[0]) > 3 else m[0], text)
    return _TITLED.sub(r"\1[name]", text)


def _number(match: re.Match[str]) -> str:
    digits = [int(c) for c in match[0] if c.isdigit()]
    if 13 <= len(digits) <= 19 and _luhn(digits):
        return "[card]"
    return "[phone]" if match[0].startswith(("+", "(", "0")) and len(digits) >= 7 else "[number]"


def _luhn(digits: list[int]) -> bool:
    """The check digit of payment cards (ISO/IEC 7812-1, annex B)."""
    doubled = [d if n % 2 == 0 else d * 2 - 9 * (d > 4) for n, d in enumerate(reversed(digits))]
    return sum(doubled) % 10 == 0


def by_presidio(model: str) -> Redact:
    """Microsoft Presidio with a spaCy model, which knows names and places too; patterns after it.

    Raises:
        ConfigError: the extra or the model is not installed.
    """
    try:
        analyzer = import_module("presidio_analyzer")
        engines = import_module("presidio_analyzer.nlp_engine")
        spacy = import_module("spacy.util")
    except ImportError as error:
        raise ConfigError("Presidio is not installed", hint=install("redact")) from error
    if not spacy.is_package(model):  # Presidio would try to download it
        shown = one_line(model, 80)
        raise ConfigError(f"the spaCy model '{shown}' is not installed", hint=f"python -m spacy download {shown}")
    language = model.partition("_")[0]
    conf = {"nlp_engine_name": "spacy", "models": [{"lang_code": language, "model_name": model}]}
    engine = analyzer.AnalyzerEngine(
        nlp_engine=engines.NlpEngineProvider(nlp_configuration=conf).create_engine(), supported_languages=[language]
    )
    # It fetches a list of domains from the internet at the first address, and our pattern knows addresses.
    engine.registry.remove_recognizer("EmailRecognizer")

    def redact(text: str) -> str:
        text = text[:_LONGEST].encode("utf-8", "replace").decode()  # spaCy takes no lone surrogates
        found: list[Any] = engine.analyze(text=text, language=language)
        places = [(int(f.start), int(f.end), str(f.entity_type).lower()) for f in found]
        places += [(*m.span(), "email") for m in _EMAIL.finditer(text)]
        kept: list[tuple[int, int, str]] = []
        for place in sorted(places, key=_longest_first):
            if all(place[1] <= start or end <= place[0] for start, end, _ in kept):
                kept.append(place)
        for start, end, kind in sorted(kept, reverse=True):
            text = f"{text[:start]}[{kind}]{text[end:]}"
        return by_patterns(text)

    return redact


def _longest_first(place: tuple[int, int, str]) -> tuple[int, int]:
    return place[0] - place[1], place[0]


def redactor(name: str) -> Redact:
    """``patterns``, or ``presidio:MODEL``.

    Raises:
        ConfigError: there is no such, or it is not installed.
    """
    kind, _, model = name.partition(":")
    if kind == "patterns" and not model:
        return by_patterns
    if kind == "presidio" and model:
        return by_presidio(model)
    raise ConfigError(f"'{one_line(name, 40)}' is no way to redact", hint="patterns, or presidio:en_core_web_sm")
