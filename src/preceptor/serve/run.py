"""The proxy as a process: listens, and ends in good order."""

from __future__ import annotations

import asyncio
import logging
import resource
import signal
import socket
from types import FrameType

import uvicorn

from preceptor.serve.app import App, Health
from preceptor.serve.processes import READY
from preceptor.serve.protocol import Protocol

_FILES = 65_536
"""Open files asked for: two a stream, for thousands of streams."""
WAITING = 2048
"""Connections that may wait to be taken."""


class Server(uvicorn.Server):
    """Says on ``/readyz`` that it is going, goes on for ``notice`` seconds, then takes no more connections, lets
    what is under way end, and closes."""

    def __init__(self, config: uvicorn.Config, health: Health, notice: float, keeper: socket.socket | None) -> None:
        super().__init__(config)
        self._health = health
        self._notice = notice
        self._keeper = keeper

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Says when it serves, and ends as by a signal when its keeper does."""
        await super().startup(sockets)
        if self._keeper is not None and self.started:
            self._keeper.send(READY)
            asyncio.get_running_loop().add_reader(self._keeper, self._alone, self._keeper)

    def _alone(self, keeper: socket.socket) -> None:
        asyncio.get_running_loop().remove_reader(keeper)
        self.handle_exit(signal.SIGTERM, None)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal begins the end, a second one brings it about."""
        if self._health.draining or not self._notice:
            self._health.draining = True
            super().handle_exit(sig, frame)
            return
        self._health.draining = True
        asyncio.get_running_loop().call_later(self._notice, super().handle_exit, sig, frame)


def serve(
    app: App,
    health: Health,
    listening: socket.socket,
    *,
    drain: float,
    notice: float = 0,
    keeper: socket.socket | None = None,
) -> None:
    """Serves until a signal ends it.

    Args:
        keeper: of several processes: to the one that keeps them.
        drain: seconds that requests under way have to end.
        notice: seconds between saying so on ``/readyz`` and taking no more connections.
    """
    _raise_file_limit()
    # A cut answer is told by our own log; here it would be told as a fault of the app.
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    Server(configured(app, drain=drain), health, notice, keeper).run(sockets=[listening])


def configured(app: App, *, drain: float) -> uvicorn.Config:
    """How uvicorn serves it."""
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        http=Protocol,
        lifespan="on",
        ws="none",
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=max(1, round(drain)),
        timeout_keep_alive=75,
        backlog=WAITING,
    )


def _raise_file_limit() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
