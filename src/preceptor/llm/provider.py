"""Commercial providers by name, through pydantic-ai: each one's protocol, keys and structured output."""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any, Literal

from preceptor.core.errors import (
    BadAnswerError,
    ConfigError,
    ModelBusyError,
    ModelDownError,
    ModelError,
    ModelTimeoutError,
    install,
)
from preceptor.core.untrusted import one_line
from preceptor.llm.faults import Door, SlowDownError, status_fault
from preceptor.llm.model import ChatModel, ChatReply, ChatRequest, Finish, Usage, known_tier
from preceptor.llm.modes import Mode, ModeMemory
from preceptor.llm.pace import pause
from preceptor.llm.tokens import estimated_usage

try:
    from pydantic_ai import exceptions as raised
    from pydantic_ai import messages as parts
    from pydantic_ai.direct import model_request
    from pydantic_ai.models import (
        Model,
        ModelRequestParameters,
        create_async_http_client,
        create_async_httpx2_client,
        infer_model,
    )
    from pydantic_ai.output import OutputObjectDefinition
    from pydantic_ai.providers import infer_provider_class
    from pydantic_ai.settings import ModelSettings
    from pydantic_ai.tools import ToolDefinition
except ImportError as missing:
    raise ConfigError(
        "a model by provider needs packages that are not installed", hint=install("providers")
    ) from missing


def open_provider(
    seat: str,
    provider: str,
    model: str,
    key_env: str,
    key: str,
    environ: Mapping[str, str],
    modes: ModeMemory | None = None,
) -> ChatModel:
    """A provider's model; ``key`` is what the seat's own variable holds, else the provider's usual one is read.

    Raises:
        ConfigError: unknown provider, missing key or missing package; names the variable or the command.
    """
    usual = _usual_keys().get(provider, ())
    key_env = key_env or next((name for name in usual if environ.get(name)), usual[0] if usual else "")
    key = key or environ.get(key_env, "").strip()
    if usual and not key:
        raise ConfigError(
            f"seats.{seat}: {provider}:{model} needs a key: the environment variable {key_env} is not set",
            hint=f"export {key_env}=...",
        )
    spec = f"{provider}:{model}"

    def fresh() -> _Client:
        if not key:
            return _Client(infer_model(spec))
        made: Any = infer_provider_class(provider)
        if "http_client" not in inspect.signature(made).parameters:
            return _Client(infer_model(spec, lambda _: made(api_key=key)))
        web = _listening(provider)
        return _Client(infer_model(spec, lambda _: made(api_key=key, http_client=web)), web)

    try:
        first = fresh()
    except ImportError as error:
        extra = provider.partition("-")[0]
        raise ConfigError(
            f"seats.{seat}: {spec} needs packages that are not installed",
            hint=f"{install('providers')} 'pydantic-ai-slim[{extra}]'",
        ) from error
    except (raised.UserError, ValueError, TypeError) as error:
        door = Door(spec=spec, secrets=(key,) if key else ())
        raise ConfigError(
            f"seats.{seat}: {spec} cannot be used: {door.words(str(error))}",
            hint="write PROVIDER:MODEL, such as openai:gpt-5-mini or anthropic:claude-sonnet-4-5",
        ) from error
    door = Door(spec=spec, key_env=key_env, secrets=(key,) if key else ())
    return ProviderModel(first, fresh, door, modes or ModeMemory())


def _usual_keys() -> dict[str, tuple[str, ...]]:
    """The environment variables in which providers expect a key; others are left to pydantic-ai."""
    named = {name: (f"{name.upper()}_API_KEY",) for name in _BY_OWN_NAME}
    return {
        **named,
        "openai-chat": ("OPENAI_API_KEY",),
        "openai-responses": ("OPENAI_API_KEY",),
        "google": ("GOOGLE_API_KEY", "GEMINI_API_KEY"),
        "cohere": ("CO_API_KEY",),
    }


_BY_OWN_NAME = ("openai", "anthropic", "mistral", "groq", "deepseek", "openrouter", "xai", "cerebras", "fireworks")


_PER_CLIENT = 8
"""Calls in flight over one client. A provider's client looks at all its connections for every call, so a few small
ones cost less than a large one (with 64 calls in flight about 6 instead of 8 ms of CPU a call)."""


@dataclass(slots=True)
class _Client:
    """One of the provider's clients and the calls in flight over it."""

    model: Model[Any]
    web: Any = None
    """The HTTP client below it, which is ours to close; None: the provider's own."""
    in_flight: int = 0
    entered: bool = False


_ASKED: ContextVar[list[float] | None] = ContextVar("asked", default=None)
"""The pauses that the answers to the call at hand asked for."""
_LEGACY = frozenset({"cohere", "groq"})
"""Providers whose packages want the older kind of HTTP client."""


def _listening(provider: str) -> Any:
    """An HTTP client that tells what the headers of each answer ask for: the provider's package keeps them back."""

    async def hear(response: Any) -> None:
        asked = _ASKED.get()
        if asked is not None:
            asked.append(pause(response.headers))

    made: Any = create_async_http_client() if provider in _LEGACY else create_async_httpx2_client()
    made.event_hooks = {**made.event_hooks, "response": [hear]}
    return made


class ProviderModel:
    """A pydantic-ai model in the seam's clothes. Its own retries are off: ours count and meter them."""

    def __init__(self, first: _Client, fresh: Callable[[], _Client], door: Door, modes: ModeMemory) -> None:
        self._fresh = fresh
        self._door = door
        self._clients = [first]
        self._modes = modes
        modes.offer(door.spec, _offered(first.model))

    def __repr__(self) -> str:
        return f"ProviderModel({self.spec!r})"

    @property
    def spec(self) -> str:
        """The seat string."""
        return self._door.spec

    async def complete(self, request: ChatRequest) -> ChatReply:
        """One try. A schema goes the way that works best with the model (:mod:`preceptor.llm.modes`), and where the
        provider rejects that, the next way.

        Raises:
            ModelError: as :mod:`preceptor.llm.faults` tells them apart.
        """
        if request.schema is None:
            return await self._asked(request, ModelRequestParameters())
        mode: Mode = self._modes.of(self.spec)
        refused: list[Mode] = []
        while True:
            try:
                reply = await self._asked(request, _parameters(request.schema, mode))
            except ModelError as error:
                refused.append(mode)
                other = self._modes.after(self.spec, refused)
                if error.kind != "rejected" or other is None:
                    raise
                mode = other
                continue
            self._modes.worked(self.spec, mode, refused)
            return replace(reply, mode=mode)

    async def _asked(self, request: ChatRequest, parameters: ModelRequestParameters) -> ChatReply:
        asked: list[float] = []
        _ASKED.set(asked)
        try:
            async with self._free_client() as model:
                response = await model_request(
                    model,
                    _messages(request),
                    model_settings=_settings(model, request),
                    model_request_parameters=parameters,
                    instrument=False,
                )
        except raised.ContentFilterError as error:
            text = one_line(str(error), 200)
            return ChatReply(text=text, finish="refusal", usage=estimated_usage(request, ""), model=self.spec)
        except raised.UnexpectedModelBehavior as error:
            raise BadAnswerError(f"{self.spec}: {self._door.words(str(error))}", kind="bad-envelope") from error
        except raised.ModelAPIError as error:
            raise self._fault(error) from error
        except raised.UserError as error:
            raise ModelDownError(f"{self.spec}: {self._door.words(str(error))}", kind="rejected") from error
        return replace(_reply(response, request), pause=max(asked, default=0.0))

    async def aclose(self) -> None:
        """Close the provider's connections."""
        for client in self._clients:
            if client.entered:
                client.entered = False
                await client.model.__aexit__(None, None, None)
            if client.web is not None:
                await client.web.aclose()

    @asynccontextmanager
    async def _free_client(self) -> AsyncGenerator[Model[Any]]:
        client = next((c for c in self._clients if c.in_flight < _PER_CLIENT), None)
        if client is None:
            client = self._fresh()
            self._clients.append(client)
        client.in_flight += 1
        try:
            if not client.entered:
                client.entered = True
                await client.model.__aenter__()
            yield client.model
        finally:
            client.in_flight -= 1

    def _fault(self, error: raised.ModelAPIError) -> ModelError:
        if isinstance(error, raised.ModelHTTPError):
            body = error.body if isinstance(error.body, str) else str(error)
            if isinstance(error, raised.ModelContextWindowExceededError):
                body = f"context length exceeded: {body}"
            wait = error.retry_after
            if wait is None and error.headers:
                wait = pause(error.headers) or None
            return status_fault(self._door, error.status_code, body, wait)
        what = f"{self.spec}: {self._door.words(str(error))}"
        if isinstance(error, raised.ModelTimeoutError):
            return ModelTimeoutError(what, kind="timeout")
        if isinstance(error, raised.ModelConnectionError):
            return ModelDownError(what, hint="is this machine online?", kind="unreachable")
        if error.retry_after is not None:
            return SlowDownError(what, retry_after=error.retry_after)
        return ModelBusyError(what, kind="busy")


def _settings(model: Model[Any], request: ChatRequest) -> ModelSettings:
    settings = ModelSettings(max_tokens=request.max_tokens, seed=request.seed)
    if "max_retries" not in model.unsupported_settings:
        settings["max_retries"] = 0
    if request.temperature is not None:
        settings["temperature"] = request.temperature
    return settings


def _messages(request: ChatRequest) -> list[parts.ModelMessage]:
    made: list[parts.ModelMessage] = []
    for message in request.messages:
        if message.role == "assistant":
            made.append(parts.ModelResponse(parts=[parts.TextPart(content=message.content)]))
            continue
        system = message.role == "system"
        part = parts.SystemPromptPart(message.content) if system else parts.UserPromptPart(message.content)
        if made and isinstance(made[-1], parts.ModelRequest):
            made[-1] = parts.ModelRequest(parts=[*made[-1].parts, part])
        else:
            made.append(parts.ModelRequest(parts=[part]))
    return made


def _offered(model: Model[Any]) -> tuple[Mode, ...]:
    """The modes that a model can do, by pydantic-ai's own table; first the one that it holds for the best."""
    can: list[Mode] = ["prompt"]
    if model.profile.get("supports_tools", True):
        can.insert(0, "tool")
    if model.profile.get("supports_json_schema_output", False):
        can.insert(0, "native")
    best = model.profile.get("default_structured_output_mode", "tool")
    return tuple(sorted(can, key=lambda mode: _NAMES[mode] != best))


_NAMES: Mapping[Mode, Literal["native", "tool", "prompted"]] = {
    "native": "native",
    "tool": "tool",
    "object": "prompted",
    "prompt": "prompted",
}
"""Our modes as pydantic-ai calls them; it asks for a JSON object beside the prompt's words where it can."""


def _parameters(wanted: Mapping[str, Any], mode: Mode) -> ModelRequestParameters:
    schema = deepcopy(dict(wanted))  # what a provider makes of it stays there
    return ModelRequestParameters(
        output_mode=_NAMES[mode],
        output_object=OutputObjectDefinition(json_schema=schema, name="answer"),
        output_tools=[
            ToolDefinition(
                name="answer", description="Give the answer.", parameters_json_schema=schema, kind="output"
            )
        ],
        allow_text_output=False,
    )


def _reply(response: parts.ModelResponse, request: ChatRequest) -> ChatReply:
    called = [p.args_as_json_str() for p in response.parts if isinstance(p, parts.ToolCallPart)]
    text = called[0] if called else "".join(p.content for p in response.parts if isinstance(p, parts.TextPart))
    known: dict[str | None, Finish] = {
        "stop": "stop",
        "tool_call": "stop",
        "length": "length",
        "content_filter": "refusal",
    }
    return ChatReply(
        text=text,
        finish=known.get(response.finish_reason, "other"),
        usage=_usage(response, request, text),
        model=one_line(response.model_name or "", 120),
    )


def _usage(response: parts.ModelResponse, request: ChatRequest, text: str) -> Usage:
    usage = response.usage
    if usage.unmeasured_requests or not usage.input_tokens:
        return estimated_usage(request, text)
    return Usage(
        input=usage.input_tokens,
        output=usage.output_tokens,
        cached=usage.cache_read_tokens,
        cache_write=usage.cache_write_tokens,
        reasoning=usage.output_reasoning_tokens,
        tier=_tier(response.provider_details or {}),
    )


_TRAFFIC = {"ON_DEMAND_FLEX": "flex", "ON_DEMAND_PRIORITY": "priority"}
"""What Google Cloud calls the tiers that an answer was had at."""


def _tier(details: Mapping[str, Any]) -> str:
    return known_tier(details.get("service_tier")) or _TRAFFIC.get(str(details.get("traffic_type")), "")
