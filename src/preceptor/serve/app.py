"""The proxy as a Starlette app: ``/v1``, and what operators look at."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from preceptor.core.clock import Clock
from preceptor.core.errors import ConfigError
from preceptor.library.index import Embedder
from preceptor.library.release_pointer import Pointer
from preceptor.serve.coaching import Coaching
from preceptor.serve.follow import Follower
from preceptor.serve.gathered import Gathered
from preceptor.serve.keys import KeyFile, Keys
from preceptor.serve.log import Log, Write
from preceptor.serve.metrics import CONTENT_TYPE, Metrics, proxy_metrics
from preceptor.serve.processes import Replica
from preceptor.serve.proxy import Parts, Proxy
from preceptor.serve.record import Recorder
from preceptor.serve.settings import ServeSettings
from preceptor.serve.spans import NO_SPANS, Spans
from preceptor.serve.upstream import Upstream

_NEVER = "nothing was ever published here; publish a release: preceptor release publish"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """What a proxy is given."""

    settings: ServeSettings
    pointer: Pointer
    """Tells which release is current."""
    folder: Path | None
    """Where releases lie that a request may name; None: none may be."""
    clock: Clock
    timer: Callable[[], float]
    """Seconds, monotonic."""
    write: Write
    """Takes the lines of the log."""
    keys: Keys | None = None
    """Who may call; None: anyone who reaches the port."""
    embedder: Embedder | None = None
    spans: Spans = field(default=NO_SPANS)
    recorder: Recorder | None = None
    """Takes what passes; None: nothing is recorded."""
    replica: Replica | None = None
    """Which of several processes behind one port this is; None: the only one."""


@dataclass(slots=True)
class Health:
    """Whether the process should get more requests."""

    draining: bool = False


class App:
    """Takes ``/v1`` by itself: routing and middleware would be a sixth of its cost. The rest is Starlette's."""

    def __init__(self, proxy: Proxy, rest: Starlette) -> None:
        self._proxy = proxy
        self._rest = rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One ASGI call."""
        if scope["type"] == "http" and scope["path"].startswith("/v1/"):
            await self._proxy(scope, receive, send)
        else:
            await self._rest(scope, receive, send)


def build_app(wiring: Wiring, health: Health | None = None) -> App:
    """The app. Its lifespan opens the upstream's connections and looks at the pointer once before it serves."""
    state = health or Health()
    settings, metrics = wiring.settings, proxy_metrics()
    log = Log(wiring.write, wiring.clock)
    follower = Follower(
        wiring.pointer,
        wiring.folder,
        log,
        metrics,
        trial=settings.trial,
        embedder=wiring.embedder,
        student=settings.student,
    )
    upstream = Upstream(settings)
    proxy = Proxy(
        Parts(
            settings=settings,
            upstream=upstream,
            coaching=Coaching(follower, seconds=settings.coach_seconds, max_body=settings.max_body),
            log=log,
            metrics=metrics,
            timer=wiring.timer,
            keys=wiring.keys,
            spans=wiring.spans,
            recorder=wiring.recorder,
        )
    )

    mark = {"x-preceptor-trial": "true"} if settings.trial else {}
    pages = _Pages(follower, _Counted(metrics, wiring.recorder, wiring.replica), state, mark)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncGenerator[None]:
        del app
        await upstream.open()
        await pages.counted.open()
        await follower.look()
        if wiring.recorder is not None:
            wiring.recorder.start()
        following = [asyncio.create_task(follower.follow(settings.poll_seconds))]
        if isinstance(wiring.keys, KeyFile):
            following.append(asyncio.create_task(_follow_keys(wiring.keys, log, settings.poll_seconds)))
        try:
            yield
        finally:
            for task in following:
                task.cancel()
            await asyncio.gather(*following, return_exceptions=True)
            await upstream.close()
            await pages.counted.close()
            if wiring.recorder is not None:
                await asyncio.to_thread(wiring.recorder.close)
            await asyncio.to_thread(wiring.spans.close)
            log.flush()

    missing = {HTTPException: pages.nothing}
    return App(proxy, Starlette(routes=pages.routes(), exception_handlers=missing, lifespan=lifespan))


class _Counted:
    """The metrics of this process, and where there are several, of all."""

    def __init__(self, metrics: Metrics, recorder: Recorder | None, replica: Replica | None) -> None:
        self._metrics = metrics
        self._recorder = recorder
        self._all = Gathered(replica.folder, replica.number, self._now) if replica else None

    async def open(self) -> None:
        if self._all is not None:
            await self._all.open()

    async def close(self) -> None:
        if self._all is not None:
            await self._all.close()

    async def text(self) -> str:
        return await self._all.text() if self._all is not None else self._now().text()

    def _now(self) -> Metrics:
        for outcome, count in (self._recorder.counts if self._recorder else {}).copy().items():
            self._metrics.set("preceptor_recorded_total", count, (("outcome", outcome),))
        return self._metrics


async def _follow_keys(keys: KeyFile, log: Log, seconds: float) -> None:
    """Looks every ``seconds`` until cancelled. A file that cannot be used is told once; it may be half written."""
    while True:
        await asyncio.sleep(seconds)
        try:
            if await asyncio.to_thread(keys.look):
                log("keys-changed", keys=len(keys))
        except ConfigError as error:
            log("keys-refused", error=error.message)


class _Pages:
    def __init__(self, follower: Follower, counted: _Counted, health: Health, mark: dict[str, str]) -> None:
        self.counted = counted
        self._follower = follower
        self._health = health
        self._mark = mark

    def routes(self) -> list[Route]:
        """Where they are."""
        return [
            Route("/healthz", self.health),
            Route("/readyz", self.ready),
            Route("/metrics", self.metrics),
        ]

    async def health(self, request: Request) -> Response:
        """The process answers."""
        del request
        return JSONResponse({"status": "ok"}, headers=self._mark)

    async def ready(self, request: Request) -> Response:
        """200 where requests may come: it is known which release is current, it is loaded, and nothing ends."""
        del request
        follower = self._follower
        ready = follower.ready and not self._health.draining
        told = {
            "status": "draining" if self._health.draining else "ready" if ready else "not ready",
            "release": follower.current.id if follower.current else None,
            "problem": follower.problem or (None if follower.ready else _NEVER),
        }
        return JSONResponse(told, status_code=200 if ready else 503, headers=self._mark)

    async def metrics(self, request: Request) -> Response:
        """Prometheus' text format."""
        del request
        return Response(await self.counted.text(), headers={**self._mark, "content-type": CONTENT_TYPE})

    async def nothing(self, request: Request, problem: Exception) -> Response:
        """Any other path or method."""
        assert isinstance(problem, HTTPException)
        path = request.url.path
        message = (
            f"there is nothing at {path}; the API is under /v1"
            if problem.status_code == 404
            else f"{path} does not answer {request.method}"
        )
        code = "not-found" if problem.status_code == 404 else "bad-method"
        error = {"message": message, "type": "preceptor_error", "param": None, "code": code}
        headers = {**(problem.headers or {}), **self._mark}
        return JSONResponse({"error": error}, status_code=problem.status_code, headers=headers)
