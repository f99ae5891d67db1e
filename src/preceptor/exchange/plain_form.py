"""The plain form: ``{"scenario": ..., "guidelines": ...}``, as other tools and people write it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import cast

from preceptor.core.errors import InputError
from preceptor.core.ids import short_id
from preceptor.core.records import Scenario, Scope, Speaker, Strategy, Turn
from preceptor.core.untrusted import clean, one_line
from preceptor.exchange.split import Guideline, guideline, plain_line, split

Note = Callable[[str, str], None]
"""Takes a kind and words: something was left out or understood in a certain way."""

SCENARIO, GUIDELINES = "scenario", "guidelines"
HERE = "the conversation has come to this point"
ANYWHERE = "answering a customer"
LONGEST = 4000
"""Characters of one field of a rule."""
MOST_TURNS = 400
_LONGEST_WHEN = 40
"""Words of a described situation that still make a ``when``."""
_SPEAKERS: Mapping[str, Speaker] = {
    **dict.fromkeys(("customer", "user", "client", "human", "caller"), "customer"),
    **dict.fromkeys(("agent", "assistant", "representative", "rep", "support", "model"), "agent"),
    **dict.fromkeys(("action", "tool", "function", "system action"), "action"),
}
_SAID = re.compile(r"\W{0,3}([A-Za-z]+(?: action)?)(?:\[([^\]]*)\])?\W{0,2}\s*:\W{0,2}(?:\s+|$)(.*)", re.DOTALL)
_LEAD = re.compile(r"^(?:when|if)\s+", re.IGNORECASE)


def read_plain(value: Mapping[str, object], note: Note) -> tuple[list[Strategy], Scenario | None]:
    """The strategies of one entry, and the scenario that they are bound to, if it has one.

    Raises:
        InputError: there is nothing in it that could be a rule, or a part is of the wrong kind.
    """
    for key in value:
        if key not in (SCENARIO, GUIDELINES):
            note("unknown-key", f"'{one_line(key, 60)}' was left out")
    turns, described = _scenario(value.get(SCENARIO), note)
    scenario = Scenario(id=_scenario_id(turns), turns=turns, profile="", stage=0) if turns else None
    rules = _guidelines(value.get(GUIDELINES), note)
    if not rules:
        raise InputError("there are no guidelines in it")
    otherwise = described or (HERE if scenario else ANYWHERE)
    scope: Scope = "scenario" if scenario else "domain"
    ids = (scenario.id,) if scenario else ()
    return [strategy_of(s, otherwise, scope, ids) for s in rules], scenario


def strategy_of(rule: Strategy, otherwise: str, scope: Scope, scenarios: tuple[str, ...]) -> Strategy:
    """The rule as a strategy of the library, with an id that follows from its words and scenarios.

    Raises:
        InputError: it has no ``when`` or ``do``, or a field is longer than a rule can be.
    """
    when, do, avoid, why = (one_line(t) for t in (rule.when or otherwise, rule.do, rule.avoid, rule.why))
    for name, text in (("when", when), ("do", do), ("avoid", avoid), ("why", why)):
        if len(text) > LONGEST:
            raise InputError(f"{name}: {len(text)} characters; {LONGEST} at most")
    if not when or not do:
        raise InputError(f"a rule needs a '{'do' if when else 'when'}'")
    return Strategy(
        id=short_id("strategy", [when, do, avoid, scope, *scenarios]),
        when=when,
        do=do,
        avoid=avoid,
        why=why,
        scope=scope,
        scenarios=scenarios,
    )


def _scenario_id(turns: Sequence[Turn]) -> str:
    return short_id("scenario", [[t.speaker, t.text] for t in turns])


def _guidelines(value: object, note: Note) -> list[Strategy]:
    if isinstance(value, str):
        return _split(value, note)
    if isinstance(value, Mapping):
        value = [cast("object", value)]
    if not isinstance(value, list):
        raise InputError("'guidelines' must be text or a list")
    found: list[Strategy] = []
    for part in cast("list[object]", value):
        if isinstance(part, str):
            # One item of a list is one rule, whatever number it bears, unless it holds a whole list.
            inner = _split(part, note)
            found += inner if len(inner) > 1 else [_bare(guideline(_unnumbered(plain_line(part))))]
        elif isinstance(part, Mapping):
            found.append(_fields(cast("Mapping[str, object]", part), note))
        else:
            raise InputError("a guideline must be text, or an object with when, do, avoid and why")
    return [s for s in found if s.do]


def _split(text: str, note: Note) -> list[Strategy]:
    found = split(text)
    for heading in found.headings:
        note("heading", f"'{one_line(heading, 80)}' is no rule and was left out")
    return [_bare(g) for g in found.rules]


def _unnumbered(line: str) -> str:
    return re.sub(r"^(?:\(?\d{1,3}[.):]\s+|[（(]?\d{1,3}[、．）]\s*|[①-⑳]\s*)", "", line)


def _bare(rule: Guideline) -> Strategy:
    return Strategy(id="", when=rule.when, do=rule.do)


def _fields(value: Mapping[str, object], note: Note) -> Strategy:
    known = ("when", "do", "avoid", "why")
    for key in value:
        if key not in known:
            note("unknown-key", f"'{one_line(key, 60)}' was left out")
    texts = {k: value.get(k, "") for k in known}
    wrong = next((k for k, v in texts.items() if not isinstance(v, str)), None)
    if wrong:
        raise InputError(f"'{wrong}' must be text")
    when, do, avoid, why = (clean(str(texts[k])) for k in known)
    if not do:
        raise InputError("a rule needs a 'do'")
    return Strategy(id="", when=_LEAD.sub("", when, count=1), do=do, avoid=avoid, why=why)


def _scenario(value: object, note: Note) -> tuple[tuple[Turn, ...], str]:
    """Turns, and the ``when`` that a described situation gives; empty for a conversation."""
    if value is None:
        return (), ""
    if isinstance(value, str):
        turns = _turns_of_text(value)
        described = one_line(value).rstrip(".")
        if turns is None and described:
            short = len(described.split()) <= _LONGEST_WHEN
            return (Turn(speaker="customer", text=clean(value), by="customer"),), _LEAD.sub(
                "", described, count=1
            ) if short else ""
        turns = turns or []
    elif isinstance(value, list):
        turns = [_turn(entry) for entry in cast("list[object]", value)]
    else:
        raise InputError("'scenario' must be text or a list of messages")
    turns = [t for t in turns if t is not None and t.text]
    while turns and turns[-1].speaker == "agent":
        note("after-the-customer", "what the agent said at the end of the scenario was left out")
        turns.pop()
    if not any(t.speaker == "customer" for t in turns):
        raise InputError("no customer speaks in the scenario")
    if len(turns) > MOST_TURNS:
        raise InputError(f"the scenario has {len(turns)} turns; {MOST_TURNS} at most")
    return tuple(turns), ""


def _turns_of_text(text: str) -> list[Turn] | None:
    """The turns of ``customer: ...`` lines; None where no line names a speaker."""
    found: list[Turn] = []
    for line in clean(text).splitlines():
        turn = _said(line)
        if turn is not None:
            found.append(turn)
        elif found:
            last = found[-1]
            found[-1] = Turn(speaker=last.speaker, text=clean(f"{last.text}\n{line}"), by=last.by)
        elif line.strip():
            return None
    return found or None


def _said(line: str) -> Turn | None:
    match = _SAID.fullmatch(line)
    speaker = _SPEAKERS.get(match[1].lower()) if match else None
    if match is None or speaker is None:
        return None
    return Turn(speaker=speaker, text=clean(match[3]), by=_by(speaker, match[2]))


def _turn(entry: object) -> Turn | None:
    if isinstance(entry, str):
        return _said(clean(entry)) or Turn(speaker="customer", text=clean(entry), by="customer")
    if not isinstance(entry, Mapping):
        raise InputError("a message of the scenario must be text or an object")
    message = cast("Mapping[str, object]", entry)
    role, content = message.get("role", message.get("speaker")), message.get("content", message.get("text"))
    if not isinstance(role, str) or not isinstance(content, str):
        raise InputError("a message of the scenario needs a role and a content")
    if role.lower() in ("system", "developer"):
        return None
    speaker = _SPEAKERS.get(role.strip().lower())
    if speaker is None:
        raise InputError(f"a message of the scenario has the unknown role '{one_line(role, 40)}'")
    name = message.get("name")
    return Turn(speaker=speaker, text=clean(content), by=_by(speaker, name if isinstance(name, str) else ""))


def _by(speaker: Speaker, name: str | None) -> str:
    return {"customer": "customer", "agent": "human", "action": one_line(name or "", 80)}[speaker]
