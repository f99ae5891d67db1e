"""What an endpoint is, and how a request becomes an answer or an error of the one shape."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from preceptor.core.errors import PreceptorError, RunError
from preceptor.core.untrusted import one_line
from preceptor.review.decisions import ConflictError
from preceptor.review.desk import Desk
from preceptor.review.guard import origin_fits
from preceptor.review.people import Account, Role
from preceptor.review.sessions import Session, same

MOST_BODY = 8_000_000
"""Bytes of a request; an import of ratings is the largest."""

Shape = TypeVar("Shape", bound=BaseModel)


class MissingError(PreceptorError):
    """What the URL names is not there."""


class ApiError(PreceptorError):
    """A request that cannot be answered, with its HTTP status."""

    def __init__(self, status: int, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status


@dataclass(frozen=True, slots=True)
class Call:
    """A request that may be answered."""

    desk: Desk
    account: Account
    session: Session | None
    path: Mapping[str, str]
    query: Any
    """As the endpoint's ``query`` model has it; None where it has none."""
    body: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of a list."""

    data: tuple[Any, ...]
    total: int | None = None
    next: str | None = None
    """Pass it on as ``cursor`` for the next part; None: this is the last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One method of one path."""

    method: Literal["GET", "POST"]
    path: str
    summary: str
    answer: Callable[[Call], object]
    gives: Any
    """Type of ``data``."""
    role: Role = "viewer"
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    status: int = 200


def reads(
    path: str,
    summary: str,
    answer: Callable[[Call], object],
    gives: Any,
    *,
    query: type[BaseModel] | None = None,
) -> Endpoint:
    """A GET; for all who have an account."""
    return Endpoint(method="GET", path=path, summary=summary, answer=answer, gives=gives, query=query)


def writes(
    path: str,
    summary: str,
    answer: Callable[[Call], object],
    gives: Any,
    body: type[BaseModel] | None = None,
    *,
    role: Role = "reviewer",
    status: int = 200,
) -> Endpoint:
    """A POST."""
    return Endpoint(
        method="POST", path=path, summary=summary, answer=answer, gives=gives, body=body, role=role, status=status
    )


class ApiPath:
    """The endpoints of one path, by method. An ASGI app: a route would answer other methods in its own shape."""

    def __init__(self, endpoints: Mapping[str, Endpoint]) -> None:
        self._endpoints = endpoints

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        endpoint = self._endpoints.get(request.method)
        if endpoint is None:
            allowed = ", ".join(self._endpoints)
            problem = ApiError(405, f"{one_line(request.method, 20)} is not known here", hint=f"send {allowed}")
            answer = failed(problem, {"allow": allowed})
        else:
            try:
                answer = await _answered(request, endpoint)
            except PreceptorError as error:
                answer = failed(error)
        await answer(scope, receive, send)


async def _answered(request: Request, endpoint: Endpoint) -> Response:
    desk: Desk = request.app.state.desk
    account, session = _who(request, endpoint)
    query = read(endpoint.query, dict(request.query_params)) if endpoint.query else None
    body = read_json(endpoint.body, await _body(request)) if endpoint.body else None
    call = Call(desk, account, session, request.path_params, query, body)
    found = await run_in_threadpool(endpoint.answer, call)
    part = found if isinstance(found, Part) else None
    data = TypeAdapter(endpoint.gives).dump_python(part.data if part else found, mode="json")
    told = {"data": data, "total": part.total if part else None, "next": part.next if part else None}
    return _json(told, endpoint.status)


def _who(request: Request, endpoint: Endpoint) -> tuple[Account, Session | None]:
    session: Session | None = request.state.session
    account: Account | None = request.state.bearer or (session.account if session else None)
    if account is None:
        raise ApiError(
            401, "this needs an account", hint="Authorization: Bearer TOKEN (preceptor review-user token NAME)"
        )
    by_cookie = request.state.bearer is None and session is not None
    if by_cookie and endpoint.method != "GET":
        token = request.headers.get("x-csrf-token", "")
        if session is None or not same(token, session.csrf) or not origin_fits(request):
            raise ApiError(403, "the session's token is missing", hint="send x-csrf-token; see GET /api/me")
    if not account.may(endpoint.role):
        raise ApiError(403, f"this needs the role {endpoint.role}", hint="ask an admin for it")
    return account, session if by_cookie else None


async def _body(request: Request) -> bytes:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise ApiError(415, "the body must be JSON", hint="content-type: application/json")
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MOST_BODY:
                raise ApiError(413, "the body is too large", hint=f"{MOST_BODY} bytes at most")
    except ClientDisconnect as error:
        raise ApiError(400, "the body broke off") from error
    return bytes(body)


def read(model: type[Shape], values: object) -> Shape:
    """``values`` as the model has them; ApiError 422 where they do not fit."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise _misfit(error) from error


def read_json(model: type[Shape], body: bytes) -> Shape:
    """The same for JSON bytes."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise _misfit(error) from error


def _misfit(error: ValidationError) -> ApiError:
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or "the body"
    status = 400 if first["type"] == "json_invalid" else 422
    return ApiError(status, f"{one_line(where, 80)}: {one_line(first['msg'], 200)}", hint="see /api/openapi.json")


def failed(error: PreceptorError, headers: Mapping[str, str] | None = None) -> Response:
    """An error in the one shape. What the library refuses is a 409: another state of it might not."""
    status, kind = 409, "refused"
    if isinstance(error, ApiError):
        status, kind = error.status, KINDS[error.status]
    elif isinstance(error, ConflictError):
        kind = KINDS[409]
    elif isinstance(error, (MissingError, RunError)):
        status, kind = 404, KINDS[404]
    told = {"error": {"kind": kind, "message": one_line(error.message), "hint": one_line(error.hint)}}
    return _json(told, status, headers)


KINDS: Mapping[int, str] = {
    400: "unreadable",
    401: "who-are-you",
    403: "not-allowed",
    404: "missing",
    405: "method",
    409: "conflict",
    413: "too-large",
    415: "not-json",
    422: "invalid",
}
"""HTTP status to the stable word that programs may look at; a 409 may also be ``refused``."""


def _json(value: object, status: int, headers: Mapping[str, str] | None = None) -> Response:
    # ASCII: a lone surrogate that a model wrote stays an escape, and the bytes are valid UTF-8.
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return Response(text, status, headers=dict(headers or {}), media_type="application/json")
