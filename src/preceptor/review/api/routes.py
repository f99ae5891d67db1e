"""All endpoints as routes, with the document that describes them."""

from __future__ import annotations

from functools import cache
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from preceptor.review.api import audit, law, releases, runs, strategies, tryout
from preceptor.review.api.endpoint import ApiError, ApiPath, Endpoint, failed
from preceptor.review.api.openapi import document


def routes() -> list[BaseRoute]:
    """The API; anything else under ``/api`` is an error of its shape."""
    by_path: dict[str, dict[str, Endpoint]] = {}
    for endpoint in every():
        by_path.setdefault(endpoint.path, {})[endpoint.method] = endpoint
    return [
        *(Route(path, ApiPath(methods)) for path, methods in by_path.items()),
        Route("/api/openapi.json", _document, methods=["GET"]),
        Route("/api/{rest:path}", _Missing()),
    ]


def every() -> tuple[Endpoint, ...]:
    """All endpoints."""
    return tuple(e for module in (strategies, releases, runs, audit, law, tryout) for e in module.endpoints())


@cache
def _told() -> dict[str, Any]:
    return document(every())


async def _document(request: Request) -> Response:
    del request
    return JSONResponse(_told())


class _Missing:
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = failed(ApiError(404, "there is no such endpoint", hint="see /api/openapi.json"))
        await answer(scope, receive, send)
