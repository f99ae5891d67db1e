"""What proving stands on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from preceptor.coach import Coach
from preceptor.core.events import Emit, ignore
from preceptor.core.records import Domain, Scenario, Strategy
from preceptor.core.settings import ProveConfig
from preceptor.library.embedder import Embedder
from preceptor.llm import Seats
from preceptor.prompts import PromptSet

PHASE = "prove"
"""Under which ledger and journal keep all calls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """One proving run's surroundings: nothing in it changes while the run goes."""

    domain: Domain
    seats: Seats
    coach: Coach
    """Over exactly ``strategies``, with the limits on advice that are served."""
    strategies: Sequence[Strategy]
    prompts: PromptSet
    settings: ProveConfig
    concurrency: int
    scenarios: Mapping[str, Scenario] = field(default_factory=dict[str, Scenario])
    """The library's scenarios by id: replayed for strategies that were not learned from them."""
    embedder: Embedder | None = None
    """Finds by meaning, beside their words, where strategies fit; the coach's own."""
    emit: Emit = ignore
