"""The app as a process: listens, serves, ends in good order."""

from __future__ import annotations

import socket
from threading import Event
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from preceptor.core.errors import ConfigError

_DRAIN_SECONDS = 2
"""How long pages under way have at the end."""


class Server(uvicorn.Server):
    """Tells live pages when the end has come, so that they close by themselves."""

    def __init__(self, config: uvicorn.Config, closing: Event) -> None:
        super().__init__(config)
        self._closing = closing

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal begins the end, a second one brings it about."""
        self._closing.set()
        super().handle_exit(sig, frame)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one. ConfigError where it cannot be had."""
    made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
        made.listen()  # before the link is told, so that it works from then on
    except OSError as error:
        made.close()
        raise ConfigError(
            f"cannot listen on {host}:{port} ({error.strerror or error})", hint="choose another with: --port"
        ) from error
    made.set_inheritable(True)
    return made


def serve(app: ASGIApp, listening: socket.socket, closing: Event) -> None:
    """Serves until a signal ends it; ``closing`` is set then."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="none",
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_DRAIN_SECONDS,
    )
    Server(config, closing).run(sockets=[listening])
