"""The values that rooms hand to each other. They know nothing of storage, prompts or models.

All are frozen and compare by content. Ids are derived from content (:mod:`preceptor.core.ids`), so the
same run produces the same ids whatever its concurrency.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Speaker = Literal["customer", "agent", "action"]
Scope = Literal["scenario", "domain"]
Status = Literal["proposed", "approved", "rejected", "retired"]
Severity = Literal["info", "warning", "blocking"]
Verdict = Literal["worse", "as_good", "better"]
Outcome = Literal["already_good", "taught", "improved", "not_taught"]

AXES = ("accuracy", "tone", "clarity", "next_step")
"""Axes of a comparison: accuracy and policy, tone and empathy, clarity, next step (after arXiv 2408.07238)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One contribution to a dialogue. An ``action`` is a tool call with its result, kept as readable text."""

    speaker: Speaker
    text: str
    by: str = ""
    """Which seat spoke: ``customer``, ``student``, ``teacher``, ``human``; the tool's name for an action."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Who a simulated customer is. ``style`` x ``emotion`` x ``demanding`` is the paper's grid."""

    id: str
    style: str
    emotion: str
    demanding: bool
    issue: str
    """Key of the :class:`Issue` that brings this customer."""
    known: str = ""
    """Facts the customer can tell when asked, in words."""
    unknown: str = ""
    """Facts the customer does not have."""
    heldout: bool = False
    """True: never used in learning, only in evaluation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """What customers come with: a key, a title, the story in the customer's words, and what they want."""

    key: str
    title: str
    story: str
    goal: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """One firm's setting."""

    name: str
    brief: str
    """Who the agent is and what its job is; goes into the agent's system prompt."""
    policy: str
    """Markdown. Always ranks above any strategy."""
    issues: tuple[Issue, ...]
    profiles: tuple[Profile, ...]

    def issue(self, key: str) -> Issue:
        """The issue named ``key``; KeyError where there is none."""
        for issue in self.issues:
            if issue.key == key:
                return issue
        raise KeyError(key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialogue:
    """One whole conversation."""

    id: str
    profile: str
    """Profile id, or the log's conversation id."""
    turns: tuple[Turn, ...]
    end: Literal["closed", "max_turns", "failed"]
    """``closed``: the customer ended it; ``failed``: a model did, see ``failure``."""
    failure: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A conversation prefix in which the agent must answer: ends with a customer turn, or with the action
    that ran after it."""

    id: str
    turns: tuple[Turn, ...]
    profile: str
    stage: int
    reference: str = ""
    """What the human agent said next, when the scenario comes from a log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    """One rule in plain words. Atomic: one rule, not a list."""

    id: str
    when: str
    do: str
    avoid: str = ""
    why: str = ""
    scope: Scope = "scenario"
    """``scenario``: bound to the situations it was learned in; ``domain``: a general rule."""
    scenarios: tuple[str, ...] = ()
    """Ids of the scenarios it was learned from, in order of discovery."""

    def text(self) -> str:
        """When, do and avoid as one line of prose: what the student reads."""
        parts = [f"When {self.when.rstrip('.')}: {self.do.rstrip('.')}."]
        if self.avoid:
            parts.append(f"Avoid: {self.avoid.rstrip('.')}.")
        return " ".join(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How one reply stands against a reference reply for the same customer."""

    verdict: Verdict
    axes: tuple[tuple[str, float], ...]
    """Per axis, -1 (worse) to 1 (better); the mean over the orders that were asked."""
    reason: str
    """What the worse reply lacks, in words that a strategy can be made from."""
    orders: int
    """How many presentation orders were asked: 1 is enough to say "worse", 2 are needed for "as good"."""

    @property
    def margin(self) -> float:
        """Mean over the axes, -1 to 1: how attempts are ranked."""
        return sum(score for _, score in self.axes) / max(1, len(self.axes))


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try of the student at a scenario. Attempt 0 has no new strategies: the student as it came."""

    number: int
    strategies: tuple[Strategy, ...]
    reply: str
    comparison: Comparison


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """What teaching one scenario produced, with the whole trail."""

    id: str
    scenario: Scenario
    teacher_reply: str
    attempts: tuple[Attempt, ...]
    kept: int
    """Number of the attempt whose strategies are kept; 0 keeps none."""
    outcome: Outcome
    """``already_good`` before any teaching; ``taught``: as good as the teacher; ``improved``: better than
    before but not as good; ``not_taught``: no better."""
    advice: tuple[str, ...] = ()
    """Ids of the library strategies that the student had from the start."""

    @property
    def strategies(self) -> tuple[Strategy, ...]:
        """The strategies of the kept attempt."""
        return next((a.strategies for a in self.attempts if a.number == self.kept), ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a screening check has against a strategy, where, and why."""

    check: str
    severity: Severity
    field: str
    """``when``, ``do``, ``avoid``, ``why`` or ``""`` for the whole."""
    quote: str
    """The offending words, as they stand in the field."""
    reason: str
    start: int = -1
    """Where ``quote`` begins in the field, in characters; -1 where it was found by other means."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A strategy chosen for a state, with the scores that say why."""

    strategy: Strategy
    score: float
    """Likeness and fit in one, 0 to 1, comparable within one state only."""
    lexical: float
    dense: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """The strategies chosen for one conversation state and the text that goes into the prompt."""

    chosen: tuple[Chosen, ...]
    text: str
    """Empty when nothing fits: no advice is better than wrong advice."""
    fallback: str = ""
    """Why it was found by words alone although there is an embedder; empty: it was not."""
