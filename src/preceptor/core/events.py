"""What a run tells while it goes: typed events, sent to whoever listens (screen, event log, review app)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Kind = Literal["dialogue", "scenario", "lesson", "attempt", "strategy", "rating", "replay"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    """A run began or went on."""

    run: str
    job: str
    resumed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseStarted:
    """A phase began: ``name`` is shown as it is, ``total`` items are to come (0: not known)."""

    name: str
    stage: int
    total: int
    kind: Kind | None = None
    """Of the items that it counts; None (as in older logs): of any but attempts, which are parts of items."""

    def counts(self, kind: Kind) -> bool:
        """Whether an item of this kind is one of its own. Others come out, or fail, while it goes on."""
        return kind == self.kind if self.kind else kind != "attempt"


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemDone:
    """One item of a kind came out; ``detail`` is its outcome in a word."""

    kind: Kind
    id: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemFailed:
    """One item failed; it is recorded and the run goes on."""

    kind: Kind
    id: str
    failure: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """A call was settled. ``usd`` is None where the price is unknown; ``replayed`` calls came from the journal.

    ``seconds``: from the moment the model was asked to its whole answer, without waiting for a turn and without
    earlier tries; None for what was replayed or never answered.
    """

    seat: str
    phase: str
    input_tokens: int
    output_tokens: int
    usd: float | None
    replayed: bool
    estimated: bool
    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TryFailed:
    """One try of a call brought no usable answer. Most are made again and come out right; else the item fails.

    A call that is replayed is not told again.
    """

    seat: str
    phase: str
    item: str
    failure: str
    reason: str
    call: str = ""
    """The beginning of its key in the journal, where there is an answer."""
    mode: str = ""
    """How a form was asked for: native, tool, object, prompt; empty for free text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnded:
    """A run ended: ``status`` as stored with the run."""

    run: str
    status: str
    message: str = ""


Event = RunStarted | PhaseStarted | ItemDone | ItemFailed | Spent | TryFailed | RunEnded
Emit = Callable[[Event], None]


def ignore(event: Event) -> None:
    """The listener for those who do not care."""
    del event
