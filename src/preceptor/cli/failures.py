"""Why items of a run failed: what, how often, an example, what to do."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rich.console import Group, RenderableType

from preceptor.cli.out import line, table
from preceptor.core.events import ItemFailed

_SEATS = ("student", "teacher", "customer", "judge")
_ADVICE: Mapping[str, str] = {
    "truncated": "raise seats.SEAT.max_tokens",
    "not-json": "take a stronger model for this seat; preceptor doctor tells what it can do",
    "wrong-shape": "take a stronger model for this seat; preceptor doctor tells what it can do",
    "ambiguous": "take a stronger model for this seat",
    "empty": "raise seats.SEAT.max_tokens (a model may spend them on its thoughts), or take another model",
    "refusal": "the model will not talk about this: see the domain's brief, or take another model",
    "repetition": "raise seats.SEAT.temperature a little, or take a stronger model",
    "too-long": "lower seats.SEAT.max_tokens, or take a model that stops",
    "garbled": "see whether the server loads the right tokenizer and chat template",
    "markup": "see what answers at that address: it sends web pages",
    "bad-envelope": "see the server's log: its answers are malformed",
    "context-length": "give the server a larger context, or lower learn.max_turns",
    "rejected": "see the server's log: it refuses what it is asked",
    "timeout": "raise seats.SEAT.timeout, or lower seats.SEAT.concurrency",
    "busy": "lower seats.SEAT.concurrency, or set seats.SEAT.per_minute",
    "cut": "see the server's log, or a proxy's between: connections break",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureKind:
    """All failures of one kind in one seat."""

    seat: str
    """Empty where the reason does not tell."""
    failure: str
    count: int
    example: str
    advice: str


def failure_kinds(failed: Iterable[ItemFailed]) -> tuple[FailureKind, ...]:
    """Failures by seat and kind, the most frequent first."""
    groups: dict[tuple[str, str], list[ItemFailed]] = defaultdict(list)
    for event in failed:
        first = event.reason.split(maxsplit=1)[0] if event.reason else ""
        groups[first if first in _SEATS else "", event.failure].append(event)
    found = [
        FailureKind(
            seat=seat,
            failure=failure,
            count=len(events),
            example=f"{events[0].kind} {events[0].id}: {events[0].reason}",
            advice=_ADVICE.get(failure, "see events.jsonl").replace("SEAT", seat or "SEAT"),
        )
        for (seat, failure), events in groups.items()
    ]
    return tuple(sorted(found, key=lambda k: (-k.count, k.seat, k.failure)))


def failure_table(kinds: Iterable[FailureKind]) -> RenderableType:
    """A row a kind, with an example and the next step below each."""
    kinds = tuple(kinds)
    rows = [(k.seat or "-", k.failure, str(k.count)) for k in kinds]
    parts: list[RenderableType] = [table(("seat", "failure", "items"), rows, right=("items",))]
    for k in kinds[:6]:
        parts.append(line(f"{k.failure}: {k.example}", 240, style="yellow"))
        parts.append(line(f"next: {k.advice}"))
    return Group(*parts)
