"""An answer as it comes, for people who wait for it. Runs take whole answers."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterable, Callable
from typing import Protocol, cast, runtime_checkable

from preceptor.core.errors import BadAnswerError, ModelError
from preceptor.llm.model import ChatModel, ChatReply, ChatRequest
from preceptor.llm.tokens import estimated_usage

Hear = Callable[[ChatRequest, str | None], None]
"""Told each part of an answer as it comes; None: a try begins, and what came of one before does not count."""


@runtime_checkable
class Streams(Protocol):
    """A model that can send its answer in parts. Raises as ``complete`` does, also between parts."""

    def stream(self, request: ChatRequest) -> AsyncGenerator[str]: ...


async def streamed(model: ChatModel, request: ChatRequest) -> AsyncGenerator[str]:
    """The parts of an answer as they come; of a model that cannot stream, the whole at once.

    Raises:
        ModelError: as the model's ``complete``.
    """
    if not isinstance(model, Streams):
        yield (await model.complete(request)).text
        return
    async for part in model.stream(request):
        yield part


class Heard:
    """A model whose answers are heard while they come. Usage is estimated: streams seldom tell it."""

    def __init__(self, model: ChatModel, hear: Hear) -> None:
        self._model = model
        self._hear = hear
        self._streams = isinstance(model, Streams)

    @property
    def spec(self) -> str:
        """See :class:`~preceptor.llm.model.ChatModel`."""
        return self._model.spec

    async def complete(self, request: ChatRequest) -> ChatReply:
        """One try. A server that refuses to stream is asked for the whole, now and from then on."""
        self._hear(request, None)
        if not self._streams or request.schema is not None:
            return await self._model.complete(request)
        parts: list[str] = []
        try:
            async for part in streamed(self._model, request):
                parts.append(part)
                self._hear(request, part)
        except ModelError as error:
            if parts or error.kind != "rejected":
                raise
            self._streams = False
            return await self._model.complete(request)
        text = "".join(parts)
        return ChatReply(
            text=text,
            finish="stop",
            usage=estimated_usage(request, text),
            model=self._model.spec.rpartition("#")[2],
        )

    async def aclose(self) -> None:
        """Closes the model."""
        await self._model.aclose()


async def parts_of(lines: AsyncIterable[bytes], limit: int) -> AsyncGenerator[str]:
    """The text in the lines of an OpenAI-compatible event stream.

    Raises:
        BadAnswerError: a line is not what such a server sends, or more than ``limit`` bytes came.
    """
    size = 0
    async for line in lines:
        size += len(line)
        if size > limit:
            raise BadAnswerError(f"the server sent more than {limit} bytes", kind="too-long")
        if not line.startswith(b"data:"):
            continue
        data = line[5:].strip()
        if data == b"[DONE]":
            return
        text = _text(data)
        if text:
            yield text


def _text(data: bytes) -> str:
    try:
        value: object = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BadAnswerError("the server's stream is broken", kind="bad-envelope") from error
    choices = _field(value, "choices")
    first = cast("list[object]", choices)[0] if isinstance(choices, list) and choices else None
    content = _field(_field(first, "delta"), "content")
    return content if isinstance(content, str) else ""


def _field(value: object, name: str) -> object:
    return cast("dict[str, object]", value).get(name) if isinstance(value, dict) else None
