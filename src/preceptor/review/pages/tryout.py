"""Try it: a conversation, what fires, and both replies side by side as they come."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from preceptor.core.errors import PreceptorError
from preceptor.core.untrusted import one_line
from preceptor.review.desk import Desk
from preceptor.review.sessions import Session, Trial
from preceptor.review.talk import MOST_TEXT, read_talk
from preceptor.review.tryout import SOURCES, Said, with_source
from preceptor.review.visit import Visit, get, post


def routes() -> list[BaseRoute]:
    """The page, what fires, and the live replies."""
    return [
        get("/try", _page, "reviewer"),
        post("/try", _fire),
        Route("/try/live", _live, methods=["GET"]),
    ]


def _page(visit: Visit) -> Response:
    current = visit.desk.releases.pointed().digest
    return visit.page(
        "try.html",
        sources=SOURCES,
        source=with_source("current" if current else "next"),
        model=visit.desk.tryout.model,
        example=_example(visit.desk),
        most=MOST_TEXT,
    )


def _example(desk: Desk) -> str:
    issues = desk.domain.issues if desk.domain else ()
    return f"Customer: {one_line(issues[0].story)}" if issues else ""


def _fire(visit: Visit) -> Response:
    turns = read_talk(visit.form.get("talk", ""))
    source = with_source(visit.form.get("source", ""))
    fired = visit.desk.tryout.fire(turns, source)
    live = bool(visit.desk.tryout.model) and visit.form.get("replies", "yes") == "yes"
    visit.session.trial = Trial(turns=turns, advice=fired.advice) if live else None
    return visit.part("try_fired.html", fired=fired, turns=turns, live=live, source=SOURCES[source])


async def _live(request: Request) -> Response:
    """Server-sent events; the trial is used up, so that a reconnecting browser pays nothing twice."""
    session: Session | None = request.state.session
    if session is None or not session.account.may("reviewer"):
        return PlainTextResponse("sign in first\n", 401)
    trial, session.trial = session.trial, None
    if trial is None:
        return PlainTextResponse("there is nothing to try\n", 404)
    desk: Desk = request.app.state.desk
    return StreamingResponse(
        _events(desk, trial), media_type="text/event-stream", headers={"x-accel-buffering": "no"}
    )


async def _events(desk: Desk, trial: Trial) -> AsyncGenerator[str]:
    try:
        async for event in desk.tryout.replies(trial.turns, trial.advice):
            if isinstance(event, Said):
                yield _message("said", {"side": event.side, "text": event.text})
            else:
                yield _message("over", {"side": event.side, "problem": one_line(event.problem, 400)})
    except PreceptorError as error:
        for side in ("student", "coached"):
            yield _message("over", {"side": side, "problem": one_line(f"{error.message} {error.hint}", 400)})
    yield _message("end", {})


def _message(event: str, data: dict[str, str]) -> str:
    return f"event: {event}\ndata: {json.dumps(data)}\n\n"
