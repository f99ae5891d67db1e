"""Checks by code of whether a strategy may be put before customers. Pure; run at proposal and again at approval."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from preceptor.core.records import Domain, Finding, Severity, Strategy, Turn
from preceptor.core.untrusted import one_line

_FIELDS = ("when", "do", "avoid", "why")
_WORD = re.compile(r"[^\W\d_][\w'’-]*")
_AMOUNT = r"(?<![\w.])[#$€£]?\d[\d.,:/-]*\d|(?<![\w.])[#$€£]?\d"
_REFERENCE = r"\b(?=[A-Z0-9]*\d)(?=[A-Z0-9]*[A-Z])[A-Z0-9]{4,}\b"
"""Such as QX4T7B."""
_NUMBER = re.compile(f"{_AMOUNT}|{_REFERENCE}")
_SENTENCE_START = re.compile(r"(?:^|[.!?:;\"“(]\s*)$")
_QUOTE_WORDS = 6
_MOST_WORDS = 45

_SETTING = re.compile(
    r"\b(?:good|better|best|bad|worse|ideal|first|second|other) (?:agent|repl(?:y|ies)|response|answer)s?\b"
    r"|\b(?:the|a) (?:teacher|student|scenario|sample|transcript|prompt|language model)\b"
    r"|\b(?:as|like) (?:in )?the example\b|\bsimulat(?:ed|ion)\b|\bthis (?:specific )?scenario\b",
    re.IGNORECASE,
)
_ORDER = re.compile(
    r"\b(?:ignore|disregard|forget|override|bypass)\b.{0,40}\b(?:instructions?|prompts?|polic(?:y|ies)|rules?|guidelines?)\b"
    r"|\bsystem prompt\b|\byou are now\b|\bjailbreak\b|\bdeveloper mode\b|</?\s*(?:advice|policy|system)\b",
    re.IGNORECASE,
)
_LINK = re.compile(r"https?://\S+|\bwww\.\S+|\b[\w.+-]+@[\w-]+\.\w{2,}", re.IGNORECASE)
_LIST = re.compile(r"(?:^|\s)(?:1[.)]\s.+\s2[.)]\s)|(?:^|\s)[-*•]\s.+\s[-*•]\s")
_EMPTY_ADVICE = re.compile(
    r"^(?:always )?(?:be|stay|remain|act)(?: more| very)? (?:\w+)(?:(?:,| and) \w+)*$"
    r"|^(?:help|assist)(?: the customer)?(?: well)?$|^do (?:your|a) (?:best|better|good) ?\w*$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Subject:
    strategy: Strategy
    said: str
    """What was said in the scenario, as one text."""
    lines: tuple[str, ...]
    house: str
    """The firm's own words, which a strategy may use: brief, policy, issues."""


def screen(strategy: Strategy, *, turns: Sequence[Turn], domain: Domain) -> tuple[Finding, ...]:
    """All findings of the checks by code, in the checks' order.

    Args:
        strategy: what is to be checked.
        turns: the conversation that it was learned from; empty for a general rule.
        domain: the firm's setting: its own words and numbers may appear.
    """
    house = "\n".join([domain.name, domain.brief, domain.policy, *(i.title for i in domain.issues)])
    lines = tuple(one_line(t.text) for t in turns)
    subject = _Subject(strategy, "\n".join(lines), lines, house)
    return tuple(f for check in _CHECKS for f in check(subject))


def _texts(strategy: Strategy) -> Iterable[tuple[str, str]]:
    return ((name, getattr(strategy, name)) for name in _FIELDS if getattr(strategy, name))


def _pattern(
    check: str, severity: Severity, pattern: re.Pattern[str], reason: str
) -> Callable[[_Subject], list[Finding]]:
    def run(subject: _Subject) -> list[Finding]:
        return [
            Finding(check=check, severity=severity, field=name, quote=m.group().strip(), reason=reason)
            for name, text in _texts(subject.strategy)
            for m in pattern.finditer(text)
        ]

    return run


def _names(subject: _Subject) -> list[Finding]:
    """Words that are capitalised in the middle of what was said, and are not words of the firm."""
    spoken = {w for line in subject.lines for w in _proper(line)}
    allowed = {w.casefold() for w in _WORD.findall(subject.house)}
    return [
        Finding(
            check="name",
            severity="blocking",
            field=name,
            quote=m.group(),
            reason="a name from the one conversation",
        )
        for name, text in _texts(subject.strategy)
        for m in _WORD.finditer(text)
        if m.group()[0].isupper() and m.group() in spoken and m.group().casefold() not in allowed
    ]


def _proper(line: str) -> Iterable[str]:
    for m in _WORD.finditer(line):
        word = m.group()
        capital = len(word) > 1 and word[0].isupper() and not word.isupper() and not word.startswith(("I'", "I’"))
        if capital and not _SENTENCE_START.search(line[: m.start()]):
            yield word


def _numbers(subject: _Subject) -> list[Finding]:
    house = set(_NUMBER.findall(subject.house))
    said = set(_NUMBER.findall(subject.said))
    return [
        Finding(
            check="number",
            severity="blocking" if m.group() in said else "warning",
            field=name,
            quote=m.group(),
            reason="a number from the one conversation"
            if m.group() in said
            else "a number that the policy does not name",
        )
        for name, text in _texts(subject.strategy)
        for m in _NUMBER.finditer(text)
        if m.group() not in house
    ]


def _quotes(subject: _Subject) -> list[Finding]:
    found: list[Finding] = []
    said = [_words(line) for line in subject.lines]
    grams = {tuple(w[i : i + _QUOTE_WORDS]) for w in said for i in range(len(w) - _QUOTE_WORDS + 1)}
    grams -= {tuple(w[i : i + _QUOTE_WORDS]) for w in [_words(subject.house)] for i in range(len(w))}
    for name, text in _texts(subject.strategy):
        words = _words(text)
        for i in range(len(words) - _QUOTE_WORDS + 1):
            if tuple(words[i : i + _QUOTE_WORDS]) in grams:
                quote = " ".join(words[i : i + _QUOTE_WORDS])
                found.append(
                    Finding(
                        check="quote",
                        severity="warning",
                        field=name,
                        quote=quote,
                        reason="said word for word in the one conversation",
                    )
                )
                break
    return found


def _words(text: str) -> list[str]:
    return [w.casefold() for w in _WORD.findall(text)]


def _length(subject: _Subject) -> list[Finding]:
    return [
        Finding(
            check="long",
            severity="warning",
            field=name,
            quote="",
            reason=f"{len(text.split())} words; {_MOST_WORDS} at most",
        )
        for name, text in _texts(subject.strategy)
        if len(text.split()) > _MOST_WORDS
    ]


def _vague(subject: _Subject) -> list[Finding]:
    do = subject.strategy.do.strip().rstrip(".")
    if not _EMPTY_ADVICE.match(do):
        return []
    return [
        Finding(
            check="vague", severity="warning", field="do", quote=do, reason="nothing in it can be done or checked"
        )
    ]


_CHECKS: tuple[Callable[[_Subject], list[Finding]], ...] = (
    _names,
    _numbers,
    _quotes,
    _pattern("setting", "blocking", _SETTING, "words that betray how it was learned"),
    _pattern("order", "blocking", _ORDER, "an order to the model, not a way to serve a customer"),
    _pattern("link", "blocking", _LINK, "a link or an address"),
    _pattern("list", "warning", _LIST, "more than one rule"),
    _length,
    _vague,
)
