"""Any OpenAI-compatible server by URL: one thin client over aiohttp."""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, cast

import aiohttp
from yarl import URL

from preceptor.core.errors import BadAnswerError, ModelBusyError, ModelDownError, ModelError
from preceptor.llm.envelope import opened
from preceptor.llm.faults import Door, status_fault, told
from preceptor.llm.model import ChatReply, ChatRequest
from preceptor.llm.modes import Mode, ModeMemory, wanted
from preceptor.llm.pace import pause, retry_after
from preceptor.llm.streaming import parts_of

_MOST_BYTES = 8_000_000
_FORM_REFUSALS = frozenset({400, 415, 422, 500, 501})
_CONNECT_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """One exchange, untrusted throughout."""

    status: int
    body: str
    kind: str
    """Content type."""
    headers: Mapping[str, str]


class HttpModel:
    """``POST {base}/chat/completions``. The session opens with the first call and belongs to that event loop."""

    def __init__(
        self, base: str, model: str, *, door: Door, key: str = "", modes: ModeMemory | None = None
    ) -> None:
        self._base = base.rstrip("/")
        self._url = URL(f"{self._base}/chat/completions")
        self._model = model
        self._door = door
        self._headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if key:
            self._headers["Authorization"] = f"Bearer {key}"
        self._session: aiohttp.ClientSession | None = None
        self._modes = modes or ModeMemory()
        self._limit_name = "max_tokens"

    def __repr__(self) -> str:
        return f"HttpModel({self.spec!r})"

    @property
    def spec(self) -> str:
        """The seat string."""
        return self._door.spec

    async def complete(self, request: ChatRequest) -> ChatReply:
        """One try. A server that rejects the form, or the name of the limit, is asked again in the next form that
        it may know (:mod:`preceptor.llm.modes`).

        Raises:
            ModelError: see :mod:`preceptor.llm.faults` for the kinds.
        """
        mode: Mode = "prompt" if request.schema is None else self._modes.of(self.spec)
        answer = await self._asked(request, mode)
        refused: list[Mode] = []
        while mode != "prompt" and self._may_mind_the_form(answer):
            refused.append(mode)
            mode = self._modes.after(self.spec, refused) or "prompt"
            answer = await self._asked(request, mode)
        if answer.status == 404:
            raise await self._not_found(answer.body)
        if answer.status != 200:
            raise status_fault(self._door, answer.status, answer.body, retry_after(answer.headers))
        if request.schema is not None:
            self._modes.worked(self.spec, mode, refused)
        reply = opened(answer.body, answer.kind, request, self._door)
        return replace(reply, pause=pause(answer.headers), mode="" if request.schema is None else mode)

    async def _asked(self, request: ChatRequest, mode: Mode) -> _Answer:
        answer = await self._post(self._payload(request, mode))
        if answer.status == 400 and "max_completion_tokens" in answer.body and self._limit_name == "max_tokens":
            self._limit_name = "max_completion_tokens"
            answer = await self._post(self._payload(request, mode))
        return answer

    async def stream(self, request: ChatRequest) -> AsyncGenerator[str]:
        """The answer's text as it comes; one try. A server that does not stream gives the whole at once.

        Raises:
            ModelError: as :meth:`complete`.
        """
        payload = self._payload(request, "prompt", stream=True)
        with self._told():
            async with self._opened_session().post(
                self._url, data=payload, headers=self._headers, allow_redirects=False
            ) as response:
                kind = response.headers.get("Content-Type", "")
                if response.status != 200:
                    body = await _read(response)
                    if response.status == 404:
                        raise await self._not_found(body)
                    raise status_fault(self._door, response.status, body)
                if "event-stream" not in kind:
                    yield opened(await _read(response), kind, request, self._door).text
                    return
                async for part in parts_of(response.content, _MOST_BYTES):
                    yield part

    async def aclose(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _may_mind_the_form(self, answer: _Answer) -> bool:
        if answer.status not in _FORM_REFUSALS:
            return False
        if answer.status == 500:
            # A grammar that cannot be compiled ends in 500 on some servers; other 500s are retried as they are.
            return re.search(r"schema|grammar|response_format|tool", answer.body, re.IGNORECASE) is not None
        fault = status_fault(self._door, answer.status, answer.body)
        return fault.kind == "rejected"

    def _payload(self, request: ChatRequest, mode: Mode, *, stream: bool = False) -> bytes:
        body: dict[str, Any] = {
            "model": self._model,
            "messages": [{"role": m.role, "content": m.content} for m in request.messages],
            "seed": request.seed,
            self._limit_name: request.max_tokens,
        }
        if request.temperature is not None:
            body["temperature"] = request.temperature
        if request.schema is not None:
            body |= wanted(mode, request.schema)
        if stream:
            body["stream"] = True
        return json.dumps(body).encode()

    async def _post(self, payload: bytes) -> _Answer:
        with self._told():
            try:
                return await self._posted(payload)
            except aiohttp.ClientOSError as error:
                if not isinstance(error.__cause__, aiohttp.ClientConnectionResetError):
                    raise
                # The connection was closed before the request was out: no server works on a part of one.
                return await self._posted(payload)

    async def _posted(self, payload: bytes) -> _Answer:
        async with self._opened_session().post(
            self._url, data=payload, headers=self._headers, allow_redirects=False
        ) as response:
            return _Answer(
                status=response.status,
                body=await _read(response),
                kind=response.headers.get("Content-Type", ""),
                headers=response.headers,
            )

    @contextmanager
    def _told(self) -> Generator[None]:
        """What the connection raises, as a ModelError that says what to do."""
        try:
            yield
        except (aiohttp.ClientConnectorCertificateError, aiohttp.ClientSSLError, ssl.SSLError) as error:
            raise ModelDownError(
                f"{self.spec}: no secure connection: {self._door.words(str(error))}",
                hint="check the server's certificate, or use http:// on a network you trust",
                kind="tls",
            ) from error
        except aiohttp.ClientConnectorError as error:
            raise self._unreachable(str(error.os_error)) from error
        except aiohttp.InvalidURL as error:
            raise self._unreachable("the URL cannot be used") from error
        except TimeoutError as error:
            raise self._unreachable("the connection was not accepted in time") from error
        except (aiohttp.ClientError, ConnectionError) as error:
            what = self._door.words(str(error)) or type(error).__name__
            raise ModelBusyError(f"{self.spec} broke the connection off: {what}", kind="cut") from error

    def _opened_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            # No limit of connections here: the seats' limiters bound the calls in flight. The whole call's timeout
            # is the retry's business.
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=300),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS),
                cookie_jar=aiohttp.DummyCookieJar(),
                max_line_size=64_000,
            )
        return self._session

    def _unreachable(self, why: str) -> ModelDownError:
        return ModelDownError(
            f"{self._base} is unreachable: {self._door.words(why)}",
            hint="is the server running? For Ollama: ollama serve",
            kind="unreachable",
        )

    async def _not_found(self, body: str) -> ModelError:
        names = await self.models()
        said = self._door.words(told(body))
        if names is not None and self._door.words(self._model, 60) in names:
            return status_fault(self._door, 404, body)
        if names is None:
            return ModelDownError(
                f"there is no chat API at {self._url}: HTTP 404" + (f": {said}" if said else ""),
                hint="the URL of an OpenAI-compatible server usually ends in /v1",
                kind="no-such-model",
            )
        listed = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
        pull = f"For Ollama: ollama pull {self._model}"
        return ModelDownError(
            f"{self._base} has no model '{self._model}'",
            hint=f"it has: {listed}. {pull}" if names else f"it has none. {pull}",
            kind="no-such-model",
        )

    async def models(self) -> list[str] | None:
        """Names of the server's models, cleaned; None where it does not tell."""
        try:
            async with self._opened_session().get(
                f"{self._base}/models", headers=self._headers, allow_redirects=False
            ) as response:
                if response.status != 200:
                    return None
                value: object = json.loads(await _read(response))
        except (aiohttp.ClientError, ConnectionError, TimeoutError, ValueError, RecursionError, ModelError):
            return None
        if not isinstance(value, dict):
            return None
        listed = cast("dict[str, object]", value).get("data")
        entries = cast("list[object]", listed) if isinstance(listed, list) else []
        ids = [cast("dict[str, object]", e).get("id") for e in entries if isinstance(e, dict)]
        return [self._door.words(name, 60) for name in ids if isinstance(name, str)]


async def _read(response: aiohttp.ClientResponse) -> str:
    """The whole body as text, up to a size that no chat answer has."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.content.iter_any():
        size += len(chunk)
        if size > _MOST_BYTES:
            raise BadAnswerError(f"the server sent more than {_MOST_BYTES} bytes", kind="too-long")
        chunks.append(chunk)
    return b"".join(chunks).decode("utf-8", "replace")
