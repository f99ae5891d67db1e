"""The app as a process: listens, serves, ends in good order."""

from __future__ import annotations

import socket
from threading import Event
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

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
