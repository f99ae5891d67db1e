"""The web app: routes, the guard around them, and what is static."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from preceptor.review.api.routes import routes as api_routes
from preceptor.review.desk import Desk
from preceptor.review.guard import HEADERS, Guard
from preceptor.review.pages import access, audit, law, queue, rate, releases, runs, strategies, tryout
from preceptor.review.visit import missing


def create_app(desk: Desk) -> Starlette:
    """The ASGI app over ``desk``."""
    routes: list[BaseRoute] = [
        Route("/", _home, methods=["GET"]),
        Route("/healthz", _health, methods=["GET"]),
        *access.routes(),
        *queue.routes(),
        *strategies.routes(),
        *releases.routes(),
        *runs.routes(),
        *tryout.routes(),
        *rate.routes(),
        *audit.routes(),
        *law.routes(),
        *api_routes(),
        Mount("/static", _Static(packages=[("preceptor.review", "static")])),
    ]
    guard = Middleware(Guard, access=desk.access, sessions=desk.sessions, people=desk.people)
    app = Starlette(routes=routes, middleware=[guard], exception_handlers={404: _missing, 500: _broken})
    app.state.desk = desk
    return app


class _Static(StaticFiles):
    """URLs carry a hash of the content, so browsers may keep the files."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["cache-control"] = "public, max-age=31536000, immutable"
        return response


async def _home(request: Request) -> Response:
    del request
    return RedirectResponse("/queue", 303)


async def _health(request: Request) -> Response:
    del request
    return PlainTextResponse("ok\n")


async def _missing(request: Request, error: Exception) -> Response:
    del error
    return await missing(request)


async def _broken(request: Request, error: Exception) -> Response:
    """What goes wrong in here is told in the server's log, and answered outside the guard."""
    del request, error
    return PlainTextResponse("something went wrong here; the log of the app tells what\n", 500, headers=HEADERS)
