"""What goes over the wire. Everything in it that others wrote is one clean line a field."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from preceptor.core.records import Advice, Chosen
from preceptor.core.untrusted import one_line
from preceptor.library.entry import Entry

MOST_MESSAGES = 1000


class Message(BaseModel):
    """One message of a conversation, as OpenAI's chat form has it."""

    model_config = ConfigDict(extra="ignore")
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[dict[str, Any]] | None = ""
    name: str | None = None
    tool_calls: list[dict[str, Any]] | None = None
    tool_call_id: str | None = None


Messages = Annotated[
    list[Message], Field(max_length=MOST_MESSAGES, description="The conversation so far, oldest first.")
]


class Rule(BaseModel):
    """A strategy in words."""

    id: str
    when: str
    do: str
    avoid: str
    why: str
    scope: Literal["scenario", "domain"] = Field(description="Bound to situations, or domain-wide.")


class Fitting(Rule):
    """A strategy that fits, and why: scores from 0 to 1, comparable within one conversation state only."""

    score: float
    lexical: float
    dense: float


class Advised(BaseModel):
    """Advice for one conversation state."""

    text: str = Field(description="The block for the end of the last user message; empty: nothing fits.")
    strategies: list[Fitting]
    source: str = Field(description="Id of the release, or 'library'.")
    reviewed: bool = Field(description="False: not all of these strategies were approved by a person.")


class Held(Rule):
    """A strategy as the library holds it."""

    version: int
    status: Literal["proposed", "approved", "rejected", "retired"]
    evidence: Literal["unproven", "helpful", "harmful"]
    tainted: bool = Field(description="Derived from others' text, and no person has approved it.")


class Found(BaseModel):
    """What a search found, best first."""

    strategies: list[Held]


def advised(advice: Advice, source: str, *, reviewed: bool) -> Advised:
    """Advice as it goes over the wire."""
    return Advised(
        text=advice.text, strategies=[_fitting(c) for c in advice.chosen], source=source, reviewed=reviewed
    )


def held(entry: Entry) -> Held:
    """An entry as it goes over the wire."""
    s = entry.strategy
    return Held(
        id=s.id,
        when=one_line(s.when),
        do=one_line(s.do),
        avoid=one_line(s.avoid),
        why=one_line(s.why),
        scope=s.scope,
        version=entry.version,
        status=entry.status,
        evidence=entry.verdict,
        tainted=entry.tainted,
    )


def _fitting(chosen: Chosen) -> Fitting:
    s = chosen.strategy
    return Fitting(
        id=s.id,
        when=one_line(s.when),
        do=one_line(s.do),
        avoid=one_line(s.avoid),
        why=one_line(s.why),
        scope=s.scope,
        score=round(chosen.score, 4),
        lexical=round(chosen.lexical, 4),
        dense=round(chosen.dense, 4),
    )
