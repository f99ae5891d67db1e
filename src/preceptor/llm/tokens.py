"""Counting tokens without a tokenizer: only for budgets and for servers that tell no usage."""

from __future__ import annotations

from preceptor.llm.model import ChatRequest, Usage

_PER_MESSAGE = 8
"""Role markers and separators that chat templates put around a message."""


def estimate_tokens(text: str) -> int:
    """About how many tokens ``text`` is: its UTF-8 bytes by four, rounded up.

    Bytes rather than characters, since scripts beyond Latin take about a token per character.
    """
    return -(-_bytes(text) // 4)


def most_input(request: ChatRequest) -> int:
    """An input size that a request will hardly pass: bytes by three, room for the template and the schema."""
    text = sum(_bytes(m.content) for m in request.messages)
    schema = 0 if request.schema is None else len(str(request.schema))
    return -(-(text + schema) // 3) + _PER_MESSAGE * (len(request.messages) + 1)


def estimated_usage(request: ChatRequest, answer: str) -> Usage:
    """Usage of a call whose server told none."""
    sent = sum(estimate_tokens(m.content) + _PER_MESSAGE // 2 for m in request.messages)
    return Usage(input=sent, output=estimate_tokens(answer), estimated=True)


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
