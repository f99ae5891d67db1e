"""Rules as a teacher writes them, and strategies made of them."""

from __future__ import annotations

from pydantic import BaseModel, Field

from preceptor.core.ids import short_id
from preceptor.core.records import Scope, Strategy
from preceptor.core.untrusted import one_line


class Rule(BaseModel):
    """One rule of an answer."""

    when: str = Field(min_length=3, max_length=600)
    do: str = Field(min_length=3, max_length=600)
    avoid: str = Field(default="", max_length=600)
    why: str = Field(default="", max_length=600)


class Rules(BaseModel):
    """The answer that ``teach.md`` and ``primer.md`` ask for."""

    strategies: list[Rule] = Field(max_length=20)


def strategy(rule: Rule, *, scope: Scope, scenarios: tuple[str, ...]) -> Strategy:
    """A rule as a strategy of the library: cleaned, with an id that follows from its text and its scenarios."""
    when, do, avoid, why = (one_line(t) for t in (rule.when, rule.do, rule.avoid, rule.why))
    return Strategy(
        id=short_id("strategy", [when, do, avoid, scope, *scenarios]),
        when=_without(when, "when "),
        do=do,
        avoid=_without(avoid, "avoid "),
        why=why,
        scope=scope,
        scenarios=scenarios,
    )


def _without(text: str, lead: str) -> str:
    # Models often repeat the field's name; Strategy.text() adds it again.
    return text[len(lead) :].lstrip(" :") if text.casefold().startswith(lead) else text
