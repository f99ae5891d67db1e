"""Runs: a list, and each one's page, live while it goes."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncGenerator
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from preceptor.core.errors import InputError, PreceptorError
from preceptor.review.desk import Desk
from preceptor.review.progress import Progress
from preceptor.review.run_story import OUTCOMES, result_of
from preceptor.review.visit import Visit, get, post
from preceptor.runs.run import Run

_EVERY = 0.5
"""Seconds between two looks at a run's events."""
_QUIET = 30
"""Looks without news after which a line is sent, so that the connection is not taken for dead."""


def routes() -> list[BaseRoute]:
    """The pages, the live stream and the stop button."""
    return [
        get("/runs", _list),
        get("/runs/{id}", _page),
        Route("/runs/{id}/live", _live, methods=["GET"]),
        post("/runs/{id}/stop", _stop, "publisher"),
    ]


def _list(visit: Visit) -> Response:
    runs = [(run, run.process) for run in reversed(visit.desk.runs.list())]
    results = {run.id: result_of(run) for run, _ in runs}
    return visit.page("runs.html", runs=runs, results=results, broken=visit.desk.runs.broken())


def _page(visit: Visit) -> Response:
    run = visit.desk.runs.open(visit.path("id"))
    progress, story = visit.desk.stories.of(run)
    values: dict[str, Any] = {"run": run, "process": run.process, "progress": progress, "models": run.info.models}
    return visit.page("run.html", outcome_names=OUTCOMES, result=result_of(run), **values, **story)


async def _live(request: Request) -> Response:
    if request.state.session is None:
        return PlainTextResponse("sign in first\n", 401)
    desk: Desk = request.app.state.desk
    try:
        run = await run_in_threadpool(desk.runs.open, request.path_params["id"])
    except PreceptorError as error:
        return PlainTextResponse(f"{error.message}\n", 404)
    headers = {"x-accel-buffering": "no"}
    return StreamingResponse(_events(request, desk, run), media_type="text/event-stream", headers=headers)


async def _events(request: Request, desk: Desk, run: Run) -> AsyncGenerator[str]:
    """The live part of the page, anew whenever something happened; ends with the run."""
    told = Progress()
    quiet = 0
    while not desk.closing.is_set() and not await request.is_disconnected():
        try:
            news = await run_in_threadpool(run.events, told.cursor)
        except PreceptorError:
            return
        for event in news:
            told.add(event)
        quiet = 0 if news else quiet + 1
        if news:
            process = await run_in_threadpool(lambda: run.process)
            html = desk.pages.render("run_live.html", progress=told, process=process, models=run.info.models)
            yield _message("progress", html)
        elif quiet % _QUIET == 0:
            yield ": still here\n\n"
        if told.status != "running":
            yield _message("ended", told.status)
            return
        await asyncio.sleep(_EVERY)


def _message(event: str, data: str) -> str:
    lines = "".join(f"data: {line}\n" for line in data.splitlines() if line.strip())
    return f"event: {event}\n{lines}\n"


def _stop(visit: Visit) -> Response:
    run = visit.desk.runs.open(visit.path("id"))
    stop(run)
    return visit.see(f"/runs/{run.id}", told="Asked to stop: the calls under way end first, nothing paid is lost.")


def stop(run: Run) -> None:
    """Asks the process that works on the run to stop. InputError where none does, or it cannot be asked."""
    process = run.process
    if not process.isdigit() or int(process) in (os.getpid(), 0, 1):
        raise InputError(f"run {run.id} is not under way here", hint="stop it where it was started")
    try:
        os.kill(int(process), signal.SIGINT)
    except OSError as error:
        raise InputError(
            f"run {run.id} cannot be stopped from here ({error.strerror})", hint="stop it there"
        ) from error
