"""Around every request: the host it was sent to, headers that bind the browser, who asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request, cookie_parser
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from preceptor.review.people import Account, People
from preceptor.review.sessions import Session, Sessions

HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Who may come in, and how."""

    hosts: tuple[str, ...]
    """Names under which the app may be asked for, without port: others are refused (DNS rebinding)."""
    cookie: str = "preceptor_review"
    secure: bool = False
    """True: the app is reached by https, and the cookie never goes over anything else."""
    passwords: bool = False
    """True: accounts sign in with passwords; else only once there is one, and before with one-time links."""
    proxy_header: str = ""
    """Header in which a reverse proxy names the account it has checked; empty: none."""
    proxies: tuple[str, ...] = ("127.0.0.1", "::1")
    """Addresses from which that header is believed."""


class Guard:
    """ASGI middleware. Leaves the session, or None, in ``request.state.session``."""

    def __init__(self, app: ASGIApp, access: Access, sessions: Sessions, people: People) -> None:
        self._app = app
        self._access = access
        self._sessions = sessions
        self._people = people
        self._proxied: dict[str, str] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        static = scope["path"].startswith("/static/")

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    own[name] = value
                if not static and "cache-control" not in own:
                    own["cache-control"] = "no-store"
            await send(message)

        if _host(headers.get("host", "")) not in self._access.hosts:
            await PlainTextResponse("this name is not served here\n", 400)(scope, receive, guarded)
            return
        state = scope.setdefault("state", {})
        state["token"] = token = cookie_parser(headers.get("cookie", "")).get(self._access.cookie, "")
        state["session"] = self._by_cookie(token)
        state["bearer"] = self._bearer(headers)
        if self._access.proxy_header:
            state["session"] = self._by_proxy(scope, headers) or state["session"]
        await self._app(scope, receive, guarded)

    def _by_cookie(self, token: str) -> Session | None:
        """The session, unless its account was removed or changed since."""
        session = self._sessions.find(token) if token else None
        if session is not None and session.proof and session.proof != self._people.proof(session.account.name):
            self._sessions.end(token)
            return None
        return session

    def _bearer(self, headers: Headers) -> Account | None:
        kind, _, token = headers.get("authorization", "").partition(" ")
        return self._people.by_token(token.strip()) if kind.casefold() == "bearer" and token else None

    def _by_proxy(self, scope: Scope, headers: Headers) -> Session | None:
        client = scope.get("client")
        if client is None or client[0] not in self._access.proxies:
            return None
        names = headers.getlist(self._access.proxy_header)
        account = self._people.get(names[0].strip().casefold()) if len(names) == 1 else None
        if account is None:
            return None
        session = self._sessions.find(self._proxied.get(account.name, ""))
        if session is None or session.account != account:
            self._proxied[account.name] = token = self._sessions.begin(account)
            session = self._sessions.find(token)
        return session


def origin_fits(request: Request) -> bool:
    """Whether a request that changes something comes from a page of this app, as far as the browser tells."""
    site = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin", "")
    own = request.headers.get("host", "")
    return site in {"same-origin", "none"} and (not origin or origin.partition("://")[2] == own)


def local_hosts(host: str, more: Sequence[str] = ()) -> tuple[str, ...]:
    """The names under which an app that listens on ``host`` is asked for."""
    return tuple(dict.fromkeys((host.strip("[]"), "127.0.0.1", "localhost", "::1", *more)))


def _host(header: str) -> str:
    name = header.rsplit(":", 1)[0] if not header.endswith("]") else header
    return name.strip("[]").casefold()
