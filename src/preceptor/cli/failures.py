"""What went wrong in a run: what, how often, an example, what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from rich.console import Group, RenderableType

from preceptor.cli.out import line, table, unbroken
from preceptor.core.events import Event, ItemDone, ItemFailed, TryFailed

_SEATS = ("student", "teacher", "customer", "judge")
_STRONGER = "take a stronger model for this seat; preceptor doctor tells what it can do"
_SHOWN = 4
"""Kinds that are shown with an example: a screen holds no more."""
_ADVICE: Mapping[str, str] = {
    "truncated": "raise seats.SEAT.max_tokens; where its answers are short, take a stronger model",
    "not-json": _STRONGER,
    "wrong-shape": _STRONGER,
    "ambiguous": _STRONGER,
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
    "unreachable": "start the server, or mend its address in seats.SEAT.model",
    "outage": "see the server's log; resume when it is up again",
    "key-refused": "put a valid key into the variable that seats.SEAT.api_key_env names",
    "no-such-model": "mend the model's name in seats.SEAT.model, or load that model into the server",
    "quota": "top up the account, then resume",
    "wrong-content": "see what answers at that address: it is no chat API",
    "moved": "write the address that the server redirects to into seats.SEAT.model",
    "tls": "check the server's certificate, or use http:// on a network you trust",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureKind:
    """All failures of one kind in one seat."""

    seat: str
    """Empty where nothing tells."""
    failure: str
    tries: int
    """Tries of calls that ended so; most are made again and come out right."""
    count: int
    """Items that were lost so."""
    example: str
    call: str
    """The example's key in the journal, or its beginning; empty where no answer is kept."""
    advice: str


@dataclass(slots=True)
class _Group:
    tries: list[TryFailed] = field(default_factory=list[TryFailed])
    items: list[ItemFailed] = field(default_factory=list[ItemFailed])


def lost_items(events: Iterable[Event]) -> tuple[ItemFailed, ...]:
    """Items that failed and did not come out later, when the run was resumed; each once."""
    found: dict[tuple[str, str], ItemFailed] = {}
    for event in events:
        if isinstance(event, ItemFailed):
            found[event.kind, event.id] = event
        elif isinstance(event, ItemDone):
            found.pop((event.kind, event.id), None)
    return tuple(found.values())


def failure_kinds(events: Iterable[Event]) -> tuple[FailureKind, ...]:
    """Failures by seat and kind: what cost items first, then the most frequent."""
    events = tuple(events)
    groups: dict[tuple[str, str], _Group] = {}
    for event in events:
        if isinstance(event, TryFailed):
            groups.setdefault((event.seat, event.failure), _Group()).tries.append(event)
    for event in lost_items(events):
        groups.setdefault((_seat(event.reason), event.failure), _Group()).items.append(event)
    found = [_kind(seat, failure, group) for (seat, failure), group in groups.items()]
    return tuple(sorted(found, key=lambda k: (-k.count, -k.tries, k.seat, k.failure)))


def _seat(reason: str) -> str:
    """Reasons begin with the seat: ``teacher (SPEC), asked ...``, ``teacher: ...``."""
    first = reason.split(maxsplit=1)[0].rstrip(":") if reason else ""
    return first if first in _SEATS else ""


def _kind(seat: str, failure: str, group: _Group) -> FailureKind:
    if group.items:
        one = group.items[0]
        example = f"{one.kind} {one.id}: {one.reason}"
        call = next((t.call for t in reversed(group.tries) if t.item == one.id), "")
    else:
        told = group.tries[0]
        example, call = f"{told.phase}, {told.item}: {told.reason}", told.call
    return FailureKind(
        seat=seat,
        failure=failure,
        tries=len(group.tries),
        count=len(group.items),
        example=example,
        call=call,
        advice=_ADVICE.get(failure, "see events.jsonl").replace("SEAT", seat or "SEAT"),
    )


def failure_table(
    kinds: Iterable[FailureKind], answer_of: Callable[[str], str], typed: Callable[[str], str], *, more: str
) -> RenderableType:
    """A row a kind; below, for the foremost ones, an example, what the model answered, and the next step.

    Args:
        answer_of: from the beginning of a call's key to the words of its answer; empty where there are none.
        typed: a text with its commands as they can be typed here.
        more: the command that shows all of them.
    """
    kinds = tuple(kinds)
    rows = [(k.seat or "-", k.failure, str(k.tries), str(k.count)) for k in kinds]
    titles = ("seat", "failure", "tries", "items lost")
    parts: list[RenderableType] = [table(titles, rows[: 3 * _SHOWN], right=titles[2:])]
    for k in kinds[:_SHOWN]:
        parts.append(line(f"{k.seat or '-'}, {k.failure}: {k.example}", 240, style="yellow"))
        said = answer_of(k.call) if k.call else ""
        if said:
            parts.append(line(f"  it answered: {said}", 160, style="dim"))
        parts.append(unbroken(line(f"  next: {typed(k.advice)}")))
    if len(kinds) > _SHOWN:
        parts.append(unbroken(line(f"and {len(kinds) - _SHOWN} more kinds: {more}", style="dim")))
    return Group(*parts)
