"""Running the server: over the standard streams, or over HTTP."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import uvicorn
from mcp.server import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

PATH = "/mcp"
Holder = Callable[[str], str | None]
"""From an ``Authorization`` header to the name of who calls; None: not let in."""
_LOCAL = ("127.0.0.1", "localhost", "[::1]")


def run_stdio(server: MCPServer[Any]) -> None:
    """Serves one client over stdin and stdout until it goes away."""
    asyncio.run(server.run_stdio_async())


def http_app(server: MCPServer[Any], *, holder: Holder | None = None) -> ASGIApp:
    """The app for HTTP, at :data:`PATH`. It keeps no sessions, so any number of replicas can stand side by side.

    Args:
        holder: who may call; None: whoever reaches the port by a local name. A web page that a browser on this
            machine shows is kept out then by the names of host and origin.
    """
    local = [f"{name}:*" for name in _LOCAL] + list(_LOCAL)
    security = TransportSecuritySettings(
        enable_dns_rebinding_protection=holder is None,
        allowed_hosts=local,
        allowed_origins=[f"http://{name}" for name in local],
    )
    app = server.streamable_http_app(
        streamable_http_path=PATH, stateless_http=True, json_response=True, transport_security=security
    )
    return app if holder is None else _guarded(app, holder)


def serve_http(app: ASGIApp, listening: socket.socket) -> None:
    """Serves until a signal ends it."""
    config = uvicorn.Config(
        app, log_config=None, access_log=False, ws="none", server_header=False, timeout_graceful_shutdown=2
    )
    uvicorn.Server(config).run(sockets=[listening])


def _guarded(app: ASGIApp, holder: Holder) -> ASGIApp:
    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = dict(scope["headers"])
            if holder(headers.get(b"authorization", b"").decode("latin-1")) is None:
                refused = JSONResponse({"error": "a key is needed"}, 401, {"WWW-Authenticate": "Bearer"})
                await refused(scope, receive, send)
                return
        await app(scope, receive, send)

    return guarded
