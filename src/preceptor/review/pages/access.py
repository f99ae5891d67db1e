"""Coming in and going out: one-time link, password, sign out."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from preceptor.core.untrusted import one_line
from preceptor.review.desk import Desk
from preceptor.review.guard import origin_fits
from preceptor.review.people import Account
from preceptor.review.sessions import LASTS
from preceptor.review.visit import Visit, post, read_form


def routes() -> list[BaseRoute]:
    """Those that need no session, and signing out."""
    return [
        Route("/enter", _enter, methods=["GET"]),
        Route("/login", _login, methods=["GET"]),
        Route("/login", _try, methods=["POST"]),
        post("/logout", _logout, "viewer"),
    ]


async def _enter(request: Request) -> Response:
    desk: Desk = request.app.state.desk
    account = desk.sessions.enter(request.query_params.get("key", ""))
    if account is None:
        return _form(request, "This link was used already, or is older than 15 minutes.", status=403)
    return _in(request, account, "/queue")


async def _login(request: Request) -> Response:
    if request.state.session is not None:
        return RedirectResponse(local_path(request.query_params.get("next", "")), 303)
    return _form(request, "")


async def _try(request: Request) -> Response:
    desk: Desk = request.app.state.desk
    form = await read_form(request)
    name, password = form.get("name", "").strip().casefold()[:64], form.get("password", "")
    if not _passwords(desk) or not origin_fits(request):
        return _form(request, "Passwords are not used here.", status=403, form=form)
    address = request.client.host if request.client else "?"
    keys = (f"account {name}", f"address {address}")
    seconds = desk.throttle.wait(*keys)
    if seconds:
        answer = _form(request, f"Too many tries. Wait {seconds} seconds.", status=429, form=form)
        answer.headers["retry-after"] = str(seconds)
        return answer
    account = await run_in_threadpool(desk.people.check, name, password)
    if account is None:
        desk.throttle.failed(*keys)
        return _form(request, "Name or password is wrong.", status=403, form=form)
    desk.throttle.passed(keys[0])
    return _in(request, account, local_path(form.get("next", "")), desk.people.proof(account.name))


def _logout(visit: Visit) -> Response:
    visit.desk.sessions.end(visit.request.state.token)
    response = RedirectResponse("/login", 303)
    response.delete_cookie(visit.desk.access.cookie)
    return response


def local_path(text: str) -> str:
    """``text`` where it is a path of this app, else the queue: no one is sent elsewhere."""
    parts = urlsplit(text)
    plain = text.startswith("/") and not text.startswith("//") and "\\" not in text and text.isprintable()
    return text if plain and not parts.scheme and not parts.netloc else "/queue"


def _in(request: Request, account: Account, url: str, proof: str = "") -> Response:
    """Under a new token, always: one that somebody put into the browser before never becomes the account's."""
    desk: Desk = request.app.state.desk
    desk.sessions.end(request.state.token)
    response = RedirectResponse(url, 303)
    response.set_cookie(
        desk.access.cookie,
        desk.sessions.begin(account, proof),
        max_age=int(LASTS.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=desk.access.secure,
    )
    return response


def _passwords(desk: Desk) -> bool:
    """An account that is made while the app runs counts at once."""
    return desk.access.passwords or bool(desk.people.list())


def _form(request: Request, problem: str, status: int = 200, form: Mapping[str, str] | None = None) -> Response:
    desk: Desk = request.app.state.desk
    known = form or request.query_params
    text = desk.pages.render(
        "login.html",
        problem=problem,
        passwords=_passwords(desk),
        next=local_path(known.get("next", "")),
        name=one_line(known.get("name", ""), 64) if form else "",
        theme=request.cookies.get("preceptor_theme", ""),
    )
    return HTMLResponse(text, status)
