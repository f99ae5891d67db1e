"""What is read from text: the state of a conversation, and an instruction as it was understood."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What can be read from a conversation so far. Empty strings: nothing readable."""

    issue: str = ""
    phase: str = "open"
    style: str = ""
    emotion: str = ""
    demanding: bool = False
    done: frozenset[str] = frozenset()
    """Moves that the agent has made."""
    facts: Mapping[str, str] = field(default_factory=dict[str, str])
    """Settled facts: key to value, empty where the customer could not tell."""
    agent_turns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Guide:
    """One instruction as it was understood."""

    do: Mapping[str, float]
    """Moves it asks for, with how plainly (0 to 1)."""
    avoid: Mapping[str, float]
    issue: str
    styles: frozenset[str]
    emotions: frozenset[str]
    phases: frozenset[str]
    demanding: bool
    conditional: bool
    words: int

    def names_situation(self) -> bool:
        """Whether it tells for whom or when."""
        return bool(self.issue or self.styles or self.emotions or self.phases or self.demanding)

    def fit(self, state: State) -> float:
        """How far its when-part agrees with the state, 0 to 1."""
        value = 1.0 if self.conditional else 0.85
        if self.issue and state.issue:
            value *= 1.0 if self.issue == state.issue else 0.05
        elif (
            state.issue and self.conditional and not (self.styles or self.emotions or self.phases or self.demanding)
        ):
            value *= 0.7  # nothing in the condition speaks of the matter at hand
        if self.emotions and state.emotion not in self.emotions:
            value *= 0.25
        if self.styles and state.style not in self.styles:
            value *= 0.25
        if self.phases and state.phase not in self.phases:
            value *= 0.3
        if self.demanding and not state.demanding:
            value *= 0.35
        return value
