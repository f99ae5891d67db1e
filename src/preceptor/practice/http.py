"""The practice models behind HTTP: ``/v1/chat/completions`` and ``/v1/models``, as OpenAI-compatible servers speak.

So other tools run on the same ground. The text is the same as in process.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from preceptor.core.errors import ModelError
from preceptor.core.ids import short_id
from preceptor.llm.model import ChatMessage, ChatReply, ChatRequest, Role
from preceptor.practice.models import NAMES, PracticeModel, open_practice

_ROLES: Mapping[str, Role] = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}


class _Message(BaseModel):
    model_config = ConfigDict(extra="ignore")
    role: str
    content: str | list[dict[str, Any]] | None = None


class _Body(BaseModel):
    model_config = ConfigDict(extra="ignore")
    model: str
    messages: list[_Message] = Field(min_length=1)
    seed: int | None = None
    max_tokens: int | None = Field(default=None, ge=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    stream: bool = False


def practice_app(*, world: str = "", latency: float = 0.0) -> Starlette:
    """An app that serves every practice model under its name (``practice:`` before it is allowed).

    Args:
        world: path of a user's world; empty: the shipped ones.
        latency: seconds from the request to the answer, for load tests.

    Raises:
        WorldError: the world's file is wrong; names file and line.
    """
    at = f"@{world}" if world else ""
    models = {name: open_practice(name + at, latency=latency) for name in NAMES}
    return app_over(models)


def app_over(models: Mapping[str, PracticeModel]) -> Starlette:
    """An app that serves the given models, by name."""

    async def complete(request: Request) -> Response:
        try:
            body = _Body.model_validate_json(await request.body())
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(p) for p in first["loc"])
            return _error(400, f"{where}: {first['msg']}" if where else first["msg"], "invalid_request_error")
        model = models.get(body.model.removeprefix("practice:"))
        if model is None:
            return _error(404, f"there is no model '{body.model}'; models: {', '.join(models)}", "model_not_found")
        asked = _request(body)
        try:
            reply = await model.complete(asked)
        except ModelError as error:
            return _error(400, error.message, error.kind)
        answer = _answer(body.model, reply, asked)
        if body.stream:
            return StreamingResponse(_events(answer), media_type="text/event-stream")
        return JSONResponse(answer)

    async def listed(request: Request) -> Response:
        del request
        data = [{"id": n, "object": "model", "created": 0, "owned_by": "preceptor-practice"} for n in models]
        return JSONResponse({"object": "list", "data": data})

    return Starlette(
        routes=[
            Route("/v1/chat/completions", complete, methods=["POST"]),
            Route("/v1/models", listed, methods=["GET"]),
        ]
    )


def _request(body: _Body) -> ChatRequest:
    messages = tuple(
        ChatMessage(_ROLES[m.role], _text(m.content)) for m in body.messages if m.role in _ROLES and m.content
    )
    limit = body.max_completion_tokens or body.max_tokens or 4096
    return ChatRequest(messages=messages, seed=body.seed or 0, max_tokens=limit)


def _text(content: str | Sequence[Mapping[str, Any]] | None) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    return "\n".join(str(part.get("text", "")) for part in content if part.get("type", "text") == "text")


def _answer(name: str, reply: ChatReply, asked: ChatRequest) -> dict[str, Any]:
    usage = reply.usage
    return {
        "id": short_id("chatcmpl", [name, asked.seed, [[m.role, m.content] for m in asked.messages]]),
        "object": "chat.completion",
        "created": 0,
        "model": name,
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": reply.text}, "finish_reason": reply.finish}
        ],
        "usage": {
            "prompt_tokens": usage.input,
            "completion_tokens": usage.output,
            "total_tokens": usage.input + usage.output,
        },
    }


async def _events(answer: dict[str, Any]) -> AsyncIterator[str]:
    choice = answer["choices"][0]
    head = {k: answer[k] for k in ("id", "created", "model")} | {"object": "chat.completion.chunk"}
    parts: list[tuple[Any, Any]] = [(choice["message"], None), ({}, choice["finish_reason"])]
    for delta, finish in parts:
        chunk = {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
        yield f"data: {json.dumps(chunk)}\n\n"
    yield "data: [DONE]\n\n"


def _error(status: int, message: str, kind: str) -> JSONResponse:
    return JSONResponse({"error": {"message": message, "type": kind, "code": status}}, status_code=status)
