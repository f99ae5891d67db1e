"""What the layers around a model hand to each other."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from preceptor.llm.model import ChatReply, ChatRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """Who calls, and for what. Never part of the journal's key."""

    seat: str
    phase: str
    item: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Paid:
    """An answer with what it cost; ``usd`` is None where the price is unknown."""

    reply: ChatReply
    usd: float | None


Ask = Callable[[ChatRequest, Tag], Awaitable[ChatReply]]
"""The whole stack as a seat sees it."""
