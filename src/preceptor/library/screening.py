"""Checks by code of whether a strategy may be put before customers. Pure; run at proposal and again at approval."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from preceptor.core.records import Domain, Finding, Severity, Strategy, Turn
from preceptor.core.untrusted import one_line
from preceptor.library import screening_words as patterns
from preceptor.library.screening_alike import opponents, twins
from preceptor.library.screening_personal import Spot, personal

FIELDS = ("when", "do", "avoid", "why")
_QUOTE_WORDS = 6
_MOST_WORDS = 45
_MOST_EACH = 3
ALIKE = frozenset({"duplicate", "contradiction"})
"""Checks that compare with approved strategies."""

CHECKS: dict[str, str] = {
    "name": "a name from the one conversation",
    "number": "a number or reference from the one conversation, or one that the policy does not name",
    "quote": "six words in a row from the one conversation",
    "personal": "personal data: e-mail, telephone, card, bank account, papers, date of birth, postal address",
    "setting": "words that betray how it was learned",
    "order": "an order to the model",
    "link": "a link or an address",
    "promise": "a promise of money or of an exception",
    "list": "more than one rule",
    "long": f"a field of more than {_MOST_WORDS} words",
    "vague": "nothing in it can be done or checked",
    "duplicate": "says the same as an approved strategy",
    "contradiction": "says the opposite of an approved strategy",
}
"""Every check by code, with what it finds. Those of the teacher begin with ``teacher:``."""


@dataclass(frozen=True, slots=True)
class _Talk:
    """What was said in the scenario, as far as checks ask about it."""

    names: frozenset[str]
    """Words that are capitalised in the middle of a sentence."""
    numbers: frozenset[str]
    grams: frozenset[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class _House:
    """The firm's own words, which a strategy may use: brief, policy, issues."""

    text: str
    words: frozenset[str]
    numbers: frozenset[str]
    grams: frozenset[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class _Subject:
    strategy: Strategy
    said: _Talk
    house: _House
    others: Sequence[Strategy]


def screen(
    strategy: Strategy, *, turns: Sequence[Turn], domain: Domain, others: Sequence[Strategy] = ()
) -> tuple[Finding, ...]:
    """All findings of the checks by code, in the checks' order.

    Args:
        strategy: what is to be checked.
        turns: the conversation that it was learned from; empty for a general rule.
        domain: the firm's setting: its own words and numbers may appear.
        others: approved strategies, which it should neither repeat nor contradict.
    """
    house = "\n".join([domain.name, domain.brief, domain.policy, *(i.title for i in domain.issues)])
    subject = _Subject(strategy, _talk(tuple(t.text for t in turns)), _house(house), others)
    return tuple(f for check in _CHECKS for f in check(subject))


@lru_cache(maxsize=512)
def _talk(texts: tuple[str, ...]) -> _Talk:
    """Remembered, since a scenario is learned from in several tries with several strategies each."""
    lines = [one_line(text) for text in texts]
    return _Talk(
        names=frozenset(w for line in lines for w in _proper(line)) - patterns.NO_NAMES,
        numbers=frozenset(patterns.NUMBER.findall("\n".join(lines))),
        grams=frozenset(gram for line in lines for gram in _grams(_words(line))),
    )


@lru_cache(maxsize=16)
def _house(text: str) -> _House:
    words = _words(text)
    return _House(text, frozenset(words), frozenset(patterns.NUMBER.findall(text)), frozenset(_grams(words)))


def _grams(words: Sequence[str]) -> Iterator[tuple[str, ...]]:
    return (tuple(words[i : i + _QUOTE_WORDS]) for i in range(len(words) - _QUOTE_WORDS + 1))


def _texts(strategy: Strategy) -> Iterable[tuple[str, str]]:
    return ((name, getattr(strategy, name)) for name in FIELDS if getattr(strategy, name))


def _found(check: str, severity: Severity, field: str, at: tuple[str, int, int], reason: str) -> Finding:
    text, start, end = at
    start += len(text[start:end]) - len(text[start:end].lstrip())
    quote = text[start:end].rstrip()
    return Finding(check=check, severity=severity, field=field, quote=quote, start=start, reason=reason)


def _pattern(
    check: str, severity: Severity, pattern: re.Pattern[str], reason: str
) -> Callable[[_Subject], list[Finding]]:
    def run(subject: _Subject) -> list[Finding]:
        return [
            _found(check, severity, name, (text, m.start(), m.end()), reason)
            for name, text in _texts(subject.strategy)
            for m in pattern.finditer(text)
        ]

    return run


def _names(subject: _Subject) -> list[Finding]:
    """Words that are capitalised in the middle of what was said, and are not words of the firm."""
    spoken, allowed = subject.said.names, subject.house.words
    return [
        _found("name", "blocking", name, (text, m.start(), m.end()), "a name from the one conversation")
        for name, text in _texts(subject.strategy)
        for m in patterns.WORD.finditer(text)
        if m.group() in spoken and m.group().casefold() not in allowed
    ]


def _proper(line: str) -> Iterable[str]:
    for m in patterns.WORD.finditer(line):
        word = m.group()
        capital = len(word) > 1 and word[0].isupper() and not word.isupper() and not word.startswith(("I'", "I’"))
        if capital and not patterns.SENTENCE_START.search(line[: m.start()]):
            yield word


def _numbers(subject: _Subject) -> list[Finding]:
    house, said = subject.house.numbers, subject.said.numbers
    found: list[Finding] = []
    for name, text in _texts(subject.strategy):
        told = [(s.start, s.end) for s in _personal_spots(text)]
        told += [m.span() for p in (patterns.LINK, patterns.POINT) for m in p.finditer(text)]
        for m in patterns.NUMBER.finditer(text):
            if m.group() in house or any(start <= m.start() < end for start, end in told):
                continue
            if m.group() in said:
                reason, severity = "a number from the one conversation", "blocking"
            else:
                reason, severity = "a number that the policy does not name", "warning"
            found.append(_found("number", severity, name, (text, m.start(), m.end()), reason))
    return found


def _quotes(subject: _Subject) -> list[Finding]:
    found: list[Finding] = []
    said, house = subject.said.grams, subject.house.grams
    for name, text in _texts(subject.strategy):
        spots = list(patterns.WORD.finditer(text))
        words = [m.group().casefold() for m in spots]
        hits = [i for i, gram in enumerate(_grams(words)) if gram in said and gram not in house]
        if hits:
            last = hits[0]
            while last + 1 in hits:
                last += 1
            at = (text, spots[hits[0]].start(), spots[last + _QUOTE_WORDS - 1].end())
            found.append(_found("quote", "warning", name, at, "said word for word in the one conversation"))
    return found


def _words(text: str) -> list[str]:
    return [w.casefold() for w in patterns.WORD.findall(text)]


def _personal(subject: _Subject) -> list[Finding]:
    return [
        _found("personal", "blocking", name, (text, spot.start, spot.end), spot.what)
        for name, text in _texts(subject.strategy)
        for spot in _personal_spots(text)
        if text[spot.start : spot.end] not in subject.house.text
    ]


@lru_cache(maxsize=4096)
def _personal_spots(text: str) -> tuple[Spot, ...]:
    return tuple(personal(text))


def _setting(subject: _Subject) -> Iterator[Finding]:
    for name, text in _texts(subject.strategy):
        for m in patterns.SETTING.finditer(text):
            if name == "when" and patterns.CUSTOMERS_WORD.search(text[: m.start()]):
                continue  # a customer may speak of agents and answers
            at = (text, m.start(), m.end())
            yield _found("setting", "blocking", name, at, "words that betray how it was learned")


def _orders(subject: _Subject) -> Iterator[Finding]:
    for name, text in _texts(subject.strategy):
        for m in patterns.ORDER.finditer(text):
            if name in ("when", "avoid") and not m.group().startswith("<"):
                continue  # what a customer wrote, and what is to be avoided, orders nothing
            at = (text, m.start(), m.end())
            yield _found("order", "blocking", name, at, "an order to the model, not a way to serve a customer")


def _promises(subject: _Subject) -> Iterator[Finding]:
    text = subject.strategy.do
    for m in patterns.PROMISE.finditer(text):
        clause = patterns.CLAUSE.split(text[: m.start()])[-1]
        if not patterns.NEGATED.search(clause):
            at = (text, m.start(), m.end())
            yield _found("promise", "warning", "do", at, "a promise of money or of an exception")


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
    do = subject.strategy.do
    if set(_words(do)) - patterns.GENERIC:
        return []
    return [_found("vague", "warning", "do", (do, 0, len(do)), "nothing in it can be done or checked")]


def alike_findings(strategy: Strategy, others: Sequence[Strategy]) -> Iterator[tuple[Finding, Strategy]]:
    """What is found beside approved strategies, each finding with the one that it speaks of; three of each kind."""
    for other in islice(twins(strategy, others), _MOST_EACH):
        at = (strategy.do, 0, len(strategy.do))
        yield _found("duplicate", "warning", "do", at, f"says the same as {other.id}"), other
    for other, field in islice(opponents(strategy, others), _MOST_EACH):
        text = getattr(strategy, field)
        at = (text, 0, len(text))
        yield _found("contradiction", "warning", field, at, f"says the opposite of {other.id}"), other


def _alike(subject: _Subject) -> Iterable[Finding]:
    return (found for found, _ in alike_findings(subject.strategy, subject.others))


_CHECKS: tuple[Callable[[_Subject], Iterable[Finding]], ...] = (
    _names,
    _numbers,
    _quotes,
    _personal,
    _setting,
    _orders,
    _pattern("link", "blocking", patterns.LINK, "a link or an address"),
    _promises,
    _pattern("list", "warning", patterns.LIST, "more than one rule"),
    _length,
    _vague,
    _alike,
)
