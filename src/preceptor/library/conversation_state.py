"""The state that advice is matched to: the end of a conversation, as text and as weighted terms.

Whole histories look all alike to a retriever (in the published data of arXiv 2408.07238 the mean cosine to the
nearest scenario is 0.986), so only the end counts: what the customer said last, what the agent said before that,
and the last action with its outcome. Speakers stay apart: "yes" from a customer is not "yes" from an action.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from preceptor.core.records import Turn
from preceptor.core.untrusted import one_line

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_APART = "".join(chr(n) if chr(n).isalnum() else " " for n in range(128))
_LINE = re.compile(r"(customer|agent|action)(?:\[([^\]]*)\])?: ?(.*)")
_NEWS = 12
"""Words of a new outcome that count: what it is stands first, long lists follow."""
LONGEST = 600
"""Characters of one turn that count; the end of a long customer turn says more than its start."""
FAR = 2.0
"""Weight, in a situation, of how far the conversation is."""
_KEPT_TURNS = 512
_KEPT_LENGTH = 2000
"""Turns whose words are remembered: with each request a conversation brings its earlier turns again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StateWeights:
    """How much each part of the state counts. Chosen on STAR by cross-validation (docs/star.md)."""

    customer: float = 1.2
    """What the customer said."""
    agent: float = 1.0
    """What the agent said."""
    action: float = 1.0
    """Which action ran after the customer's last words, or that none did."""
    outcome: float = 2.0
    """What came out of an action that nobody has spoken of yet."""
    arguments: float = 0.5
    """What that action was asked."""
    told: float = 0.3
    """What came out of actions before it."""
    earlier: float = 0.6
    """Factor for each step further back."""
    steps: int = 3
    """Exchanges that count at all."""


def state_turns(turns: Sequence[Turn], steps: int = 3) -> tuple[Turn, ...]:
    """The end of ``turns``: the last ``steps`` customer turns, the agent turn before them, and all that follows."""
    seen = 0
    for at in range(len(turns) - 1, -1, -1):
        if turns[at].speaker == "customer":
            seen += 1
        elif turns[at].speaker == "agent" and seen >= steps:
            return tuple(turns[at:])
    return tuple(turns)


def state_text(turns: Sequence[Turn], steps: int = 3) -> str:
    """The state as text, one line a turn (``customer: ...``, ``action[name]: ...``): what is embedded, and
    what a release carries in place of whole scenarios. :func:`read_state` turns it back."""
    return "\n".join(_line(turn) for turn in state_turns(turns, steps))


def read_state(text: str) -> tuple[Turn, ...]:
    """The turns of a :func:`state_text`. A line without a speaker is taken as the customer's."""
    found: list[Turn] = []
    for line in text.splitlines():
        match = _LINE.fullmatch(line)
        if match is None:
            found.append(Turn(speaker="customer", text=line.strip()))
        elif match[1] == "action":
            found.append(Turn(speaker="action", text=match[3], by=match[2] or ""))
        else:
            found.append(Turn(speaker="agent" if match[1] == "agent" else "customer", text=match[3]))
    return tuple(found)


def words(text: str) -> list[str]:
    """Lower-case words, plurals and digits folded: "Tickets 4711" gives ``ticket`` and ``0``."""
    low = text.lower()
    if not low.isascii():
        return list(map(_fold, _WORD.findall(low)))
    # The same, faster: without an apostrophe words are what stands between other signs, and most of them end in no
    # "s" and begin with no digit.
    found = _WORD.findall(low) if "'" in low else low.translate(_APART).split()
    return [w if w[-1] != "s" and w[0] > "9" else _fold(w) for w in found]


CUSTOMER, AGENT, TOLD, ASKED = range(4)
"""Parts of a state that words play."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A state taken apart. That a payment "failed" is not that a search did, and news is not what was told."""

    spoken: list[tuple[int, str | tuple[str, ...], float]] = field(default_factory=list[Any])
    """The part that it plays, what was said, as a text (:func:`spoken_words`) or as words, and its weight."""
    actions: dict[str, float] = field(default_factory=dict[str, float])
    """Names of actions; ``-``: none ran after the customer's last words."""
    news: dict[str, float] = field(default_factory=dict[str, float])
    """What came out of the last action, where nobody has spoken of it yet: its name and a word."""
    far: int = 0
    """How far the conversation is: customer turns that the state holds, one more where something came before."""


def heard(turns: Sequence[Turn], weights: StateWeights) -> Heard:
    """The state at the end of ``turns``."""
    end = state_turns(turns, weights.steps)
    if not end:
        return Heard()
    far = sum(turn.speaker == "customer" for turn in end) + (end[0].speaker == "agent")
    found = Heard(far=far)
    for back, turn in _from_end(end):
        share = weights.earlier**back
        if turn.speaker == "customer":
            found.spoken.append((CUSTOMER, turn.text, weights.customer * share))
        elif turn.speaker == "agent":
            found.spoken.append((AGENT, turn.text, weights.agent * share))
        else:
            read = _read_action(turn)
            _add(found.actions, (read.name,), weights.action * share)
            found.spoken.append((TOLD, read.outcome, weights.told * share))
    if end[-1].speaker == "action":
        read = _read_action(end[-1])
        _add(found.news, [f"{read.name} {word}" for word in read.outcome[:_NEWS]], weights.outcome)
        found.spoken.append((ASKED, read.arguments, weights.arguments))
    else:
        _add(found.actions, ("-",), weights.action)
    return found


@dataclass(frozen=True, slots=True)
class Said:
    """Words of a state, each with the sum of its weights, by the part they play in it."""

    customer: dict[str, float] = field(default_factory=dict[str, float])
    agent: dict[str, float] = field(default_factory=dict[str, float])
    told: dict[str, float] = field(default_factory=dict[str, float])
    """What came out of actions."""
    asked: dict[str, float] = field(default_factory=dict[str, float])
    """What the last action was asked, where nobody has spoken of it yet."""
    actions: dict[str, float] = field(default_factory=dict[str, float])
    news: dict[str, float] = field(default_factory=dict[str, float])
    far: int = 0
    """These as in :class:`Heard`."""


def summed(state: Heard) -> Said:
    """Each word of a state once."""
    found = Said(actions=state.actions, news=state.news, far=state.far)
    parts = (found.customer, found.agent, found.told, found.asked)
    for part, spoken, weight in state.spoken:
        _add(parts[part], spoken_words(spoken) if isinstance(spoken, str) else spoken, weight)
    return found


def state_words(turns: Sequence[Turn], weights: StateWeights) -> Said:
    """The words of the state at the end of ``turns``."""
    return summed(heard(turns, weights))


PARTS: Mapping[str, str] = MappingProxyType(
    {"c:": "customer", "a:": "agent", "r:": "told", "?:": "asked", "x:": "actions", "!:": "news"}
)
"""How the terms of each part of a state begin."""


def state_terms(turns: Sequence[Turn], weights: StateWeights) -> dict[str, float]:
    """Terms of the state with weights: its words, each behind what :data:`PARTS` has for its part."""
    return _terms_of(state_words(turns, weights))


def _terms_of(said: Said) -> dict[str, float]:
    return {start + word: w for start, name in PARTS.items() for word, w in getattr(said, name).items()}


def situation_terms(turns: Sequence[Turn], weights: StateWeights, said: Said | None = None) -> dict[str, float]:
    """Terms of the state (:func:`state_terms`) and, whenever it was said in it, each word (``hc:`` by the customer,
    ``ha:`` by the agent); and how far the conversation is (``n:`` turns of customers that the state holds, one more
    where something came before). A mood shown at first still holds; what was asked is done. ``said``: the state
    taken apart, where it is there already."""
    said = said or state_words(turns, weights)
    found = _terms_of(said)
    found.update(dict.fromkeys(["hc:" + word for word in said.customer], 1.0))
    found.update(dict.fromkeys(["ha:" + word for word in said.agent], 1.0))
    found[f"n:{said.far}"] = FAR
    return found


def plain_words(said: Said) -> dict[str, float]:
    """Words of the state whoever said them: what a strategy's own words are matched to."""
    found = dict(said.customer)
    for part in (said.agent, said.told, said.asked):
        for word, weight in part.items():
            if weight > found.get(word, -1.0):
                found[word] = weight
    for part in (said.actions, said.news):
        for name, weight in part.items():
            for word in name.replace("_", " ").split():
                if weight > found.get(word, -1.0):
                    found[word] = weight
    return found


def _add(terms: dict[str, float], keys: Sequence[str], weight: float) -> None:
    for key in keys:
        terms[key] = terms.get(key, 0.0) + weight


def spoken_words(text: str) -> tuple[str, ...]:
    """The :func:`words` of one turn that count."""
    return _words_kept(text) if len(text) <= _KEPT_LENGTH else _words_of(text)


def _read_action(turn: Turn) -> Action:
    return _action_kept(turn) if len(turn.text) <= _KEPT_LENGTH else _action_of(turn)


def _words_of(text: str) -> tuple[str, ...]:
    if len(text) > LONGEST or not (text.isascii() and text.isprintable()):
        text = one_line(text)[-LONGEST:]
    return tuple(words(text))


def _action_of(turn: Turn) -> Action:
    return read_action(_tidy(turn))


_words_kept = lru_cache(_KEPT_TURNS)(_words_of)
_action_kept = lru_cache(_KEPT_TURNS)(_action_of)


@dataclass(frozen=True, slots=True)
class Action:
    """An action taken apart: its name, the words of what was asked, the words of what came out."""

    name: str
    arguments: tuple[str, ...]
    outcome: tuple[str, ...]


def read_action(turn: Turn) -> Action:
    """``name(arguments) -> outcome`` taken apart. Text without ``->`` is all outcome."""
    call, arrow, outcome = turn.text.partition(" -> ")
    name = turn.by or call.partition("(")[0]
    asked = call.partition("(")[2] if arrow else ""
    came = outcome if arrow else call
    return Action(name.strip().lower(), tuple(words(asked[:LONGEST])), tuple(words(came[:LONGEST])))


def _from_end(turns: Sequence[Turn]) -> Iterator[tuple[int, Turn]]:
    """Turns from the last to the first, each with how many exchanges back it stands."""
    back = -1
    later = "agent"
    for turn in reversed(turns):
        if turn.speaker == "customer" and later != "customer":
            back += 1
        if turn.speaker != "action":
            later = turn.speaker
        yield max(0, back), turn


def _tidy(turn: Turn) -> Turn:
    """The turn as it stands in a state text."""
    return Turn(speaker=turn.speaker, text=one_line(turn.text), by=one_line(turn.by, 80).replace("]", ")"))


def _line(turn: Turn) -> str:
    tidy = _tidy(turn)
    return f"{tidy.speaker}[{tidy.by}]: {tidy.text}" if tidy.speaker == "action" else f"{tidy.speaker}: {tidy.text}"


@lru_cache(8192)
def _fold(word: str) -> str:
    if word[0].isdigit():
        return "0"
    if len(word) > 3 and word.endswith("s") and not word.endswith("ss"):
        return word[:-1]
    return word
