"""One request of a person: who asks, what was sent, and the ways to answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal
from urllib.parse import parse_qsl, quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from preceptor.core.errors import PreceptorError
from preceptor.core.untrusted import one_line
from preceptor.review.decisions import ConflictError
from preceptor.review.desk import Desk
from preceptor.review.guard import origin_fits
from preceptor.review.people import Account, Role
from preceptor.review.sessions import Notice, Session, same

Handler = Callable[["Visit"], Response]
_MOST_BODY = 1_000_000
_MOST_FIELDS = 200


@dataclass(frozen=True, slots=True)
class Visit:
    """A request of someone who is signed in."""

    request: Request
    desk: Desk
    session: Session
    form: Mapping[str, str]

    @property
    def account(self) -> Account:
        """Who asks."""
        return self.session.account

    @property
    def query(self) -> Mapping[str, str]:
        """The URL's query; the last of equal names."""
        return self.request.query_params

    @property
    def by_htmx(self) -> bool:
        """Whether only the main part of the page is wanted."""
        headers = self.request.headers
        return headers.get("hx-request") == "true" and headers.get("hx-history-restore-request") != "true"

    def path(self, name: str) -> str:
        """A part of the URL's path."""
        return str(self.request.path_params[name])

    def number(self, name: str) -> int:
        """A number of the URL's query, 0 where there is none."""
        text = self.query.get(name, "")
        return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else 0

    def seen(self, name: str = "expect") -> int:
        """The ``changed_seq`` that the form was made from."""
        text = self.form.get(name, "")
        return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else -1

    def page(self, template: str, *, status: int = 200, url: str = "", **values: Any) -> Response:
        """A page, or its main part where htmx asks; ``url``: its own, where an action is answered by it."""
        text = self.desk.pages.render(
            template,
            bare=self.by_htmx,
            account=self.account,
            csrf=self.session.csrf,
            notices=self.session.told(),
            here=self.request.url.path,
            waiting=self.desk.library.waiting(self.account.name),
            terms=self.desk.library.terms(),
            undo=self.desk.decisions.last(self.account.name),
            theme=self.request.cookies.get("preceptor_theme", ""),
            domain=self.desk.domain.name if self.desk.domain else "",
            **values,
        )
        headers = {"vary": "HX-Request, Cookie"}
        if self.by_htmx and self.request.headers.get("hx-target") == "main":
            headers["hx-push-url"] = url or _here(self.request)
        return HTMLResponse(text, status, headers)

    def part(self, template: str, *, status: int = 200, **values: Any) -> Response:
        """A fragment."""
        known = {"account": self.account, "csrf": self.session.csrf, "terms": self.desk.library.terms()}
        text = self.desk.pages.render(template, **known, **values)
        return HTMLResponse(text, status)

    def see(self, url: str, *, told: str = "", kind: Literal["done", "wrong"] = "done", link: str = "") -> Response:
        """Sends the browser on, to be told something there."""
        if told:
            self.tell(told, kind=kind, link=link)
        return RedirectResponse(url, 303)

    def tell(self, text: str, *, kind: Literal["done", "wrong"] = "done", link: str = "") -> None:
        """Something for the next page to tell."""
        self.session.notices.append(Notice(kind, one_line(text, 300), link))

    def wrong(self, error: PreceptorError, back: str) -> Response:
        """Back to ``back``, where the error is told."""
        return self.see(back, told=_in_one(error.message, error.hint), kind="wrong")


def get(path: str, handler: Handler, role: Role = "viewer") -> Route:
    """A page for those who have at least ``role``."""

    async def answer(request: Request) -> Response:
        return await _answered(request, handler, role, {})

    return Route(path, answer, methods=["GET"])


def post(path: str, handler: Handler, role: Role = "reviewer") -> Route:
    """An action for those who have at least ``role``; only from a form of this session."""

    async def answer(request: Request) -> Response:
        form = await read_form(request)
        session: Session | None = request.state.session
        if session is not None:
            token = form.get("csrf", "") or request.headers.get("x-csrf-token", "")
            if not same(token, session.csrf) or not origin_fits(request):
                return _problem(
                    request, session, 403, "This form is too old.", "Load the page again, then repeat it."
                )
        return await _answered(request, handler, role, form)

    return Route(path, answer, methods=["POST"])


async def missing(request: Request) -> Response:
    """There is nothing at this path: a page for who is signed in, a line for all others and for programs."""
    session: Session | None = getattr(request.state, "session", None)
    if session is None or request.method != "GET" or request.url.path.startswith(("/api/", "/static/")):
        return PlainTextResponse("there is no such page\n", 404)
    return await run_in_threadpool(_problem, request, session, 404, "There is no such page", "")


async def read_form(request: Request) -> dict[str, str]:
    """The fields of a URL-encoded form; empty where it is none, or too large."""
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > _MOST_BODY:
                return {}
    except ClientDisconnect:
        return {}
    try:
        return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except ValueError:
        return {}


async def _answered(request: Request, handler: Handler, role: Role, form: Mapping[str, str]) -> Response:
    session: Session | None = request.state.session
    if session is None:
        target = f"/login?next={quote(_here(request))}" if request.method == "GET" else "/login"
        if request.headers.get("hx-request") == "true":
            return Response(status_code=401, headers={"hx-redirect": "/login"})
        return RedirectResponse(target, 303)
    if not session.account.may(role):
        return _problem(request, session, 403, f"This needs the role {role}.", "Ask an admin for it.")
    desk: Desk = request.app.state.desk
    visit = Visit(request, desk, session, form)
    run = partial(_at_once, handler) if request.method == "GET" else handler
    try:
        return await run_in_threadpool(run, visit)
    except PreceptorError as error:
        status = 409 if isinstance(error, ConflictError) else 404 if request.method == "GET" else 422
        return _problem(request, session, status, error.message, error.hint)


def _at_once(handler: Handler, visit: Visit) -> Response:
    """A page tells of one moment."""
    with visit.desk.library.one_view():
        return handler(visit)


def _here(request: Request) -> str:
    """Path and query."""
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


def _in_one(message: str, hint: str) -> str:
    return f"{message} ({hint})" if hint else message


def _problem(request: Request, session: Session, status: int, message: str, hint: str) -> Response:
    desk: Desk = request.app.state.desk
    visit = Visit(request, desk, session, {})
    if visit.by_htmx:
        notice = Notice("wrong", one_line(_in_one(message, hint), 400))
        text = desk.pages.render("notices.html", notices=(notice,))
        return HTMLResponse(text, status, {"hx-retarget": "#notices", "hx-reswap": "innerHTML"})
    return visit.page("problem.html", status=status, message=message, hint=hint, code=status)
