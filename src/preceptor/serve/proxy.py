"""One request from its head to the last byte of its answer."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field

from starlette.types import Message, Receive, Scope, Send

from preceptor.core.errors import InputError
from preceptor.serve.coaching import Coaching
from preceptor.serve.connection import CutError
from preceptor.serve.headers import (
    Header,
    Named,
    client_headers,
    control,
    first_values,
    text,
    upstream_headers,
)
from preceptor.serve.insert import Kind
from preceptor.serve.intake import GoneError, Intake, RefusedError
from preceptor.serve.keys import Keys
from preceptor.serve.log import Log
from preceptor.serve.metrics import Metrics
from preceptor.serve.record import Recorder, Taking
from preceptor.serve.settings import ServeSettings
from preceptor.serve.spans import NO_SPANS, Spans
from preceptor.serve.story import UNCOACHED, Story, Teller
from preceptor.serve.upstream import Body, Upstream, UpstreamError

COACHED: Mapping[str, Kind] = {"/v1/chat/completions": "chat", "/v1/responses": "responses"}
_DOTS = re.compile(r"(?:/|%2f|\\|%5c)(?:\.|%2e){1,2}(?:$|/|%2f|\\|%5c|;|%3b)", re.IGNORECASE)
"""Steps that a server may resolve to a path outside of ``/v1``."""
_SLASHES = re.compile("/+")
_UNWATCHED = 0.01
"""Seconds that a request is served before its client is listened to."""
_LINGER = 10.0
"""Seconds that the rest of a refused body is taken and forgotten at most, so that the client sees the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the proxy works with."""

    settings: ServeSettings
    upstream: Upstream
    coaching: Coaching
    log: Log
    metrics: Metrics
    timer: Callable[[], float]
    keys: Keys | None = None
    spans: Spans = field(default=NO_SPANS)
    recorder: Recorder | None = None


class Proxy:
    """The ASGI app behind ``/v1``."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._settings = parts.settings
        self._metrics = parts.metrics
        self._teller = Teller(
            log=parts.log, metrics=parts.metrics, timer=parts.timer, content=parts.settings.log_content
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request; a client that leaves ends the upstream's call."""
        story = Story(route=_route(scope["path"]), started=self._parts.timer())
        self._metrics.add("preceptor_in_flight")
        try:
            with self._parts.spans.request(scope["headers"]) as span:
                try:
                    await self._watched(scope, receive, send, story)
                finally:
                    span.tell(story)
        finally:
            self._metrics.add("preceptor_in_flight", by=-1)
            self._teller.tell(story)
        if story.unheard is not None:
            await story.unheard.forget(_LINGER)
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _watched(self, scope: Scope, receive: Receive, send: Send, story: Story) -> None:
        """Serves, and cancels that when the client leaves."""
        watch = _Watch(receive, story)
        try:
            await self._served(scope, receive, send, story, watch.soon)
        except GoneError:
            story.end = "client-left"
        except asyncio.CancelledError:
            if not watch.left:
                story.end = "shut-down"
                raise
            watch.serving.uncancel()
            story.end = "client-left"
        finally:
            watch.end()

    async def _served(
        self, scope: Scope, receive: Receive, send: Send, story: Story, watch: Callable[[], None]
    ) -> None:
        headers: list[Header] = scope["headers"]
        intake = story.intake = Intake(receive, limit=self._settings.max_body, seconds=self._settings.body_seconds)
        try:
            path = _path(scope)
            named = first_values(headers)
            self._admit(named, story)
            if named.get(b"upgrade", b"").strip().lower() == b"websocket":
                raise RefusedError(501, "no-websockets", "websockets are not served: use HTTP")
            intake.check_length(text(named, b"content-length"))
            kind = COACHED.get(story.route) if scope["method"] == "POST" else None
            body = await self._coached(intake, headers, named, kind, story) if kind else await _body(intake, named)
            if isinstance(body, AsyncIterator):
                body = _then(body, watch)
            else:
                watch()
            await self._forward(scope["method"], path, headers, body, send, story)
        except RefusedError as error:
            await self._answer(send, story, error.status, error.kind, error.message)
        except UpstreamError as error:
            cause = intake.failure
            if isinstance(cause, GoneError):
                raise cause from error
            status, kind, message = (
                (error.status, error.kind, error.message)
                if cause is None
                else (cause.status, cause.kind, cause.message)
            )
            await self._answer(send, story, status, kind, message)

    def _admit(self, named: Named, story: Story) -> None:
        keys = self._parts.keys
        if keys is None:
            return
        story.user = keys.holder(text(named, b"authorization"))
        if story.user is None:
            raise RefusedError(401, "invalid-api-key", "the API key is missing or unknown")

    async def _coached(
        self, intake: Intake, headers: list[Header], named: Named, kind: Kind, story: Story
    ) -> bytes:
        body = await intake.whole()
        started = self._parts.timer()
        try:
            asked = control(headers if self._settings.control else ())
            encoding = text(named, b"content-encoding").strip().lower()
            coached = await self._parts.coaching.coach(body, kind, asked, encoding)
        except InputError as error:
            raise RefusedError(400, "bad-control-header", error.message) from error
        story.coached = coached
        recorder = self._parts.recorder
        if recorder is not None and asked.record and recorder.wanted():
            story.taking = Taking(kind, body, encoding)
        story.coach_seconds = self._parts.timer() - started
        if coached.outcome == "failed" and self._settings.refuse:
            raise RefusedError(503, "coaching-failed", f"coaching failed: {coached.reason}")
        return coached.body

    async def _forward(
        self, method: str, path: str, headers: list[Header], body: Body, send: Send, story: Story
    ) -> None:
        parts = self._parts
        changed = len(body) if isinstance(body, bytes) else None
        sent = upstream_headers(
            headers, key=self._settings.upstream_key, drop_key=parts.keys is not None, length=changed
        )
        onward = parts.spans.onward()
        if onward:
            names = {name for name, _ in onward}
            sent = [*(h for h in sent if h[0] not in names), *onward]
        answer = await parts.upstream.send(method, path, sent, body)
        try:
            story.status = answer.status
            story.first_byte = parts.timer() - story.started
            told = client_headers(answer.headers, self._own(story))
            await send({"type": "http.response.start", "status": answer.status, "headers": told})
            while not story.whole:
                chunk = await answer.chunk()
                story.sent += len(chunk)
                story.whole = answer.over
                if story.taking is not None:
                    story.taking.add(chunk)
                await send({"type": "http.response.body", "body": chunk, "more_body": not story.whole})
            if story.taking is not None:
                self._record(story, text(first_values(answer.headers), b"content-encoding"))
        except CutError as error:
            # Nothing more is said: the server then breaks the connection, and the client sees a cut answer.
            story.end = error.kind
        finally:
            answer.finish()

    def _record(self, story: Story, encoding: str) -> None:
        recorder, taking = self._parts.recorder, story.taking
        if recorder is not None and taking is not None and story.status == 200:
            coached = story.coached
            recorder.put(taking.call(encoding, release=coached.release, strategies=coached.strategies))

    async def _answer(self, send: Send, story: Story, status: int, kind: str, message: str) -> None:
        """An error of ours, in the form that OpenAI clients read."""
        story.status, story.end = status, kind
        error = {"message": message, "type": "preceptor_error", "param": None, "code": kind}
        body = json.dumps({"error": error}).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            *self._own(story),
        ]
        if story.intake is not None and not story.intake.done:
            headers.append((b"connection", b"close"))
            if kind != "slow-body":
                story.unheard = story.intake
        if status == 401:
            headers.append((b"www-authenticate", b"Bearer"))
        story.sent, story.whole = len(body), True
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": story.unheard is not None})

    def _own(self, story: Story) -> list[Header]:
        told = story.coached.headers() if story.coached is not UNCOACHED else []
        if self._settings.trial:
            told.append((b"x-preceptor-trial", b"true"))
        return told


class _Watch:
    """Hears whether the client leaves, and then cancels what serves it."""

    def __init__(self, receive: Receive, story: Story) -> None:
        serving = asyncio.current_task()
        assert serving is not None
        self.serving = serving
        self.left = False
        self._receive = receive
        self._story = story
        self._timer: asyncio.TimerHandle | None = None
        self._listener: asyncio.Future[Message] | None = None

    def soon(self) -> None:
        """Begins to listen, unless all is over before: an answer that comes at once needs no listener."""
        self._timer = asyncio.get_running_loop().call_later(_UNWATCHED, self._listen)

    def end(self) -> None:
        """Listens no more."""
        if self._timer is not None:
            self._timer.cancel()
        if self._listener is not None:
            self._listener.remove_done_callback(self._heard)
            self._listener.cancel()

    def _listen(self) -> None:
        self._listener = asyncio.ensure_future(self._receive())
        self._listener.add_done_callback(self._heard)

    def _heard(self, done: asyncio.Future[Message]) -> None:
        # After a whole answer the server tells the same of itself; then nothing is left to cancel.
        if self._story.whole or done.cancelled() or done.exception() is not None:
            return
        if done.result()["type"] == "http.disconnect":
            self.left = True
            self.serving.cancel()


async def _body(intake: Intake, named: Named) -> Body:
    """The body of a request that is not coached: whole where it is small, else as it comes."""
    told = text(named, b"content-length")
    if not told and b"transfer-encoding" not in named:
        return await intake.whole() or None
    if told and int(told) <= 1_000_000:
        return await intake.whole()
    return intake.parts()


async def _then(parts: AsyncIterator[bytes], after: Callable[[], None]) -> AsyncIterator[bytes]:
    async for part in parts:
        yield part
    after()


def _route(path: str) -> str:
    """What is coached at ``path``, else ``/v1``. A slash too many, as of a base URL that ends in one, changes
    nothing: whether it is an error the upstream decides."""
    known = _SLASHES.sub("/", path).rstrip("/")
    return known if known in COACHED else "/v1"


def _path(scope: Scope) -> str:
    """What follows ``/v1``, with the query, as it came. RefusedError where it could lead out of ``/v1``."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    path = raw.partition(b"?")[0].decode("latin-1")
    if not path.startswith("/v1") or _DOTS.search(path):
        raise RefusedError(400, "bad-path", "the path has steps that could lead out of /v1")
    query: bytes = scope["query_string"]
    return path[3:] + (f"?{query.decode('latin-1')}" if query else "")
