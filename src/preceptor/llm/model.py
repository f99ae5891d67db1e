"""The one seam to chat models: messages in, text out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Role = Literal["system", "user", "assistant"]
Finish = Literal["stop", "length", "refusal", "other"]


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message of a request."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """What a model is asked. Everything in it may change the answer, so all of it keys the journal."""

    messages: tuple[ChatMessage, ...]
    seed: int
    """0 to 2**31-1; sent to servers that take one. The same request with another seed is another sample."""
    max_tokens: int
    temperature: float | None = None
    """None: the server's default."""
    schema: Mapping[str, Any] | None = field(default=None, hash=False)
    """JSON schema of the wanted answer; None for free text. A model that cannot enforce it ignores it."""


def known_tier(told: object) -> str:
    """The tier that a provider told, where it is one with a price of its own; else empty."""
    return told if told in ("batch", "flex", "priority", "fast") and isinstance(told, str) else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of one call. ``cached`` and ``cache_write`` are part of ``input``, ``reasoning`` of ``output``."""

    input: int
    output: int
    cached: int = 0
    """Read from the provider's prompt cache."""
    cache_write: int = 0
    """Written to it, where the provider counts that apart."""
    reasoning: int = 0
    tier: str = ""
    """``batch``, ``flex``, ``priority``, ``fast``: where the provider told that it answered at another tier than
    usual."""
    estimated: bool = False
    """True when the server told nothing and the numbers are ours (about 4 characters a token)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatReply:
    """What a model answered: untrusted text."""

    text: str
    finish: Finish
    usage: Usage
    model: str
    """The model's name as the server told it."""
    pause: float = field(default=0.0, compare=False)
    """Seconds that the server asks to wait before the next call; never kept."""
    mode: str = field(default="", compare=False)
    """How the wanted form was asked for (:mod:`preceptor.llm.modes`); empty for free text; never kept."""
    call: str = field(default="", compare=False)
    """The call's key in the journal."""
    replayed: bool = field(default=False, compare=False)
    """Known already: from the journal, or asked by another at the same time."""


class ChatModel(Protocol):
    """A black box behind a chat API.

    ``complete`` makes exactly one attempt and raises one of the :class:`~preceptor.core.errors.ModelError`
    family; wrappers add retry, limits, ledger and journal. It must not mutate the request, may be called
    concurrently, and must stop promptly when cancelled.
    """

    @property
    def spec(self) -> str:
        """The seat string that opens this model, without secrets: ``practice:teacher``, ``http://host/v1#name``."""
        ...

    async def complete(self, request: ChatRequest) -> ChatReply: ...

    async def aclose(self) -> None: ...
