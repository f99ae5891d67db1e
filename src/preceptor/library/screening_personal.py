"""Personal data in a text: addresses, telephone numbers, cards, accounts, papers, dates of birth."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

_REGIONS = ("US", "GB", "DE", "FR", "ES", "IN")
"""Countries whose national way to write a telephone number is known; others are found with their ``+`` prefix."""
_ROLES = frozenset(
    [
        "claims",
        "complaints",
        "contact",
        "customer",
        "customers",
        "desk",
        "feedback",
        "hello",
        "help",
        "helpdesk",
        "info",
        "mail",
        "no-reply",
        "noreply",
        "office",
        "post",
        "refunds",
        "reply",
        "sales",
        "service",
        "support",
        "team",
    ]
)
_EMAIL = re.compile(r"\b[\w.+%-]{1,64}@[\w-]+(?:\.[\w-]+)+", re.IGNORECASE)
_DIGITS = re.compile(r"(?<![\w.])\d(?:[ -]?\d){12,18}(?![\w-])")
_ACCOUNT = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{2,4}){3,8}")
_IP = re.compile(r"\b(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)\b")
_BORN = re.compile(
    r"\b(?:born (?:on|in)|date of birth|birthday(?: is)?|d\.?o\.?b\.?)\W+(?:is |of )?[^.;,]{0,12}\d[\w ./-]{0,18}",
    re.IGNORECASE,
)
_PAPER = re.compile(
    r"\b(?:passport|licen[cs]e|identity card|id card|social security|ssn|tax id)\b(?: (?:number|no\.?|card))?"
    r"\W{1,3}(?=[A-Z0-9-]*\d)[A-Z0-9][A-Z0-9-]{4,14}\b"
)
_STREET = re.compile(
    r"\b\d{1,5}[a-z]? (?:[A-Z][\w'’-]+ ){1,3}"
    r"(?:Street|St|Avenue|Ave|Road|Rd|Lane|Drive|Square|Court|Way|Place|Close)\b"
    r"|\b[A-Z][\w-]+(?:straße|strasse|weg|gasse|platz) \d{1,4}\b"
)


class Spot(NamedTuple):
    """Where something stands, and what it is."""

    start: int
    end: int
    what: str


def personal(text: str) -> list[Spot]:
    """Every spot, by place; none lies in another."""
    found = sorted(
        (spot for look in _LOOKS for spot in look(text)), key=lambda s: (s.start, -(s.end - s.start), s.what)
    )
    kept: list[Spot] = []
    for spot in found:
        if not kept or spot.start >= kept[-1].end:
            kept.append(spot)
    return kept


def _emails(text: str) -> Iterator[Spot]:
    for m in _EMAIL.finditer(text):
        if m.group().partition("@")[0].casefold() not in _ROLES:
            yield Spot(m.start(), m.end(), "an e-mail address of a person")


def _cards(text: str) -> Iterator[Spot]:
    from stdnum import luhn  # noqa: PLC0415 (only where there is so long a number)

    for m in _DIGITS.finditer(text):
        if luhn.is_valid(re.sub(r"\D", "", m.group())):
            yield Spot(m.start(), m.end(), "a card number")


def _accounts(text: str) -> Iterator[Spot]:
    from stdnum import iban  # noqa: PLC0415 (only where a text looks like one)

    for m in _ACCOUNT.finditer(text):
        ends = [m.end(), *(m.start() + i for i, c in enumerate(m.group()) if c == " ")]
        for end in sorted(ends, reverse=True):
            if iban.is_valid(text[m.start() : end]):
                yield Spot(m.start(), end, "a bank account")
                break


def _phones(text: str) -> Iterator[Spot]:
    if sum(c.isdigit() for c in text) < 7:  # no number is shorter, and the library is slow to load
        return
    import phonenumbers  # noqa: PLC0415

    for region in (None, *_REGIONS):
        for match in phonenumbers.PhoneNumberMatcher(text, region):
            if sum(c.isdigit() for c in match.raw_string) >= 7:
                yield Spot(match.start, match.end, "a telephone number")


def _by(pattern: re.Pattern[str], what: str) -> Callable[[str], Iterator[Spot]]:
    def look(text: str) -> Iterator[Spot]:
        return (Spot(m.start(), m.end(), what) for m in pattern.finditer(text))

    return look


_LOOKS: tuple[Callable[[str], Iterator[Spot]], ...] = (
    _emails,
    _by(_IP, "an address of a computer"),
    _cards,
    _accounts,
    _by(_BORN, "a date of birth"),
    _by(_PAPER, "the number of a paper"),
    _by(_STREET, "a postal address"),
    _phones,
)
