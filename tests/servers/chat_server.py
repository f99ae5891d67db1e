"""A loopback server that speaks the chat protocol, with faults on demand and an exact count of what it answered.

In a test::

    async with ChatServer(answer="All right.") as server:
        server.next(rate_limited(retry_after=2), ok())
        ... seats.student = server.spec ...
        assert server.answered == 1
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from preceptor.llm.tokens import estimate_tokens

JSON = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What a call gets instead of an answer. ``status`` 0 is an answer as usual, after ``delay`` seconds."""

    status: int = 0
    body: str = ""
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    delay: float = 0.0
    cut: bool = False
    """Breaks the connection in the middle of a good answer."""


def ok() -> Fault:
    """An answer as usual."""
    return Fault()


def slow(seconds: float) -> Fault:
    """An answer after ``seconds``."""
    return Fault(delay=seconds)


def cut() -> Fault:
    """Half an answer, then nothing."""
    return Fault(cut=True)


def refused_key(echo: str = "sk-test-1234567890") -> Fault:
    """401, with a body that repeats a key, as some servers do."""
    return _error(401, f"Incorrect API key provided: {echo}.", "invalid_api_key")


def no_model() -> Fault:
    """404: no such model."""
    return _error(404, "The model does not exist", "model_not_found")


def rate_limited(retry_after: float | None = None) -> Fault:
    """429, with ``Retry-After`` where given."""
    return _error(429, "Rate limit reached", "rate_limit_exceeded", retry_after=retry_after)


def quota() -> Fault:
    """429 that waiting does not mend: no money left."""
    return _error(429, "You exceeded your current quota", "insufficient_quota")


def failing(status: int = 500) -> Fault:
    """A 5xx with a body as servers write it."""
    return _error(status, "The server had an error", "server_error")


def too_long() -> Fault:
    """400: the messages do not fit the model's context."""
    return _error(400, "This model's maximum context length is 4096 tokens", "context_length_exceeded")


def bad_request() -> Fault:
    """400 for another reason."""
    return _error(400, "messages must alternate", "invalid_request_error")


def web_page(status: int = 200) -> Fault:
    """A web page where an answer should be."""
    return Fault(
        status=status, content_type="text/html", body="<!DOCTYPE html><html><title>Welcome</title>\x1b[31m"
    )


def broken_json() -> Fault:
    """JSON by its type, not by its content."""
    return Fault(status=200, body='{"choices": [{"message": {"content": "Hel')


def no_choices() -> Fault:
    """An envelope with nothing in it."""
    return Fault(status=200, body='{"id": "x", "choices": []}')


def moved() -> Fault:
    """A redirect: keys must not follow it."""
    return Fault(status=302, headers={"Location": "http://127.0.0.1:9/elsewhere"})


def _error(status: int, message: str, code: str, *, retry_after: float | None = None) -> Fault:
    headers = {} if retry_after is None else {"Retry-After": f"{retry_after:g}"}
    return Fault(status=status, body=json.dumps({"error": {"message": message, "code": code}}), headers=headers)


Answer = str | Mapping[str, Any]
"""The message's text, or a whole choice."""


class ChatServer:
    """Chat completions, models and embeddings under ``/v1`` on a free loopback port, as an async context manager.

    ``answered``, ``input_tokens`` and ``output_tokens`` count good answers only, whole ones; ``asked`` counts every
    call. Faults given to :meth:`next` are used up one a call; ``always`` holds when there are none left. Prompts
    longer than ``reads_most`` tokens are cut off in silence, as some servers do.
    """

    def __init__(
        self,
        answer: Answer | Callable[[dict[str, Any]], Answer] = "All right.",
        *,
        models: tuple[str, ...] = ("test-model", "other-model"),
        takes_schema: bool = True,
        tells_usage: bool = True,
        delay: float = 0.0,
        reads_most: int = 10**9,
    ) -> None:
        self._answer = answer
        self._models = models
        self._takes_schema = takes_schema
        self._tells_usage = tells_usage
        self._delay = delay
        self._reads_most = reads_most
        self._faults: deque[Fault] = deque()
        self._runner: web.AppRunner | None = None
        self.always: Fault = ok()
        self.bodies: list[dict[str, Any]] = []
        self.embedded: list[list[str]] = []
        """The texts of each call for vectors."""
        self.headers: list[Mapping[str, str]] = []
        self.answered = 0
        self.input_tokens = 0
        self.output_tokens = 0
        self.in_flight = 0
        self.most_in_flight = 0
        self.connections: set[object] = set()
        self.url = ""

    @property
    def asked(self) -> int:
        """Calls that arrived, whatever became of them."""
        return len(self.bodies)

    @property
    def spec(self) -> str:
        """A seat string for this server's first model."""
        return f"{self.url}#{self._models[0] if self._models else 'none'}"

    def next(self, *faults: Fault) -> None:
        """What the next calls get, one each, in order of arrival."""
        self._faults.extend(faults)

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=16 * 2**20)
        app.router.add_post("/v1/chat/completions", self._chat)
        app.router.add_get("/v1/models", self._list)
        app.router.add_post("/v1/embeddings", self._embed)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}/v1"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def fault_for(self, body: dict[str, Any]) -> Fault:
        """What this call gets; others may tell by its body."""
        del body
        return self._faults.popleft() if self._faults else self.always

    async def _list(self, request: web.Request) -> web.Response:
        self.headers.append(dict(request.headers))
        return web.json_response({"object": "list", "data": [{"id": name} for name in self._models]})

    async def _embed(self, request: web.Request) -> web.Response:
        """Vectors by the bytes of words, the same for a text whatever stands beside it."""
        texts: list[str] = json.loads(await request.read())["input"]
        self.embedded.append(texts)
        data: list[dict[str, Any]] = []
        for index, text in enumerate(texts):
            row = [0.01] * 16
            for word in text.lower().split():
                row[sum(word.encode()) % 16] += 1.0
            data.append({"index": index, "embedding": row})
        return web.json_response({"object": "list", "data": data})

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body: dict[str, Any] = json.loads(await request.read())
        self.bodies.append(body)
        self.headers.append(dict(request.headers))
        self.connections.add(request.transport)
        fault = self.fault_for(body)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            if fault.delay or self._delay:
                await asyncio.sleep(fault.delay or self._delay)
        finally:
            self.in_flight -= 1
        if fault.status:
            return web.Response(
                status=fault.status,
                body=fault.body.encode(),
                headers={"Content-Type": fault.content_type, **fault.headers},
            )
        if "response_format" in body and not self._takes_schema:
            return web.Response(
                status=400,
                text=json.dumps({"error": {"message": "response_format is not supported"}}),
                content_type=JSON,
            )
        return await self._answered(request, body, fault)

    async def _answered(self, request: web.Request, body: dict[str, Any], fault: Fault) -> web.StreamResponse:
        answer = self._answer(body) if callable(self._answer) else self._answer
        choice: dict[str, Any] = (
            {"message": {"role": "assistant", "content": answer}, "finish_reason": "stop"}
            if isinstance(answer, str)
            else dict(answer)
        )
        sent = min(self._reads_most, sum(estimate_tokens(m["content"]) for m in body["messages"]))
        got = estimate_tokens(str(choice.get("message", {}).get("content") or ""))
        envelope: dict[str, Any] = {
            "id": f"chat-{self.answered}",
            "object": "chat.completion",
            "created": 0,
            "model": body["model"],
            "choices": [{"index": 0, **choice}],
        }
        if self._tells_usage:
            envelope["usage"] = {"prompt_tokens": sent, "completion_tokens": got, "total_tokens": sent + got}
        payload = json.dumps(envelope).encode()
        if fault.cut:
            return await self._cut(request, payload)
        self.answered += 1
        self.input_tokens += sent
        self.output_tokens += got
        return web.Response(body=payload, content_type=JSON)

    async def _cut(self, request: web.Request, payload: bytes) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": JSON, "Content-Length": str(len(payload))})
        await response.prepare(request)
        await response.write(payload[: len(payload) // 2])
        if request.transport is not None:
            request.transport.abort()
        return response
