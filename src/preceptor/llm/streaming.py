"""An answer as it comes, for people who wait for it: one try, no journal. Runs take whole answers."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterable
from typing import Protocol, cast, runtime_checkable

from preceptor.core.errors import BadAnswerError
from preceptor.llm.model import ChatModel, ChatRequest


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
