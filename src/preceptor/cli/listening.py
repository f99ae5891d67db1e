"""A listening socket for the commands that serve: the review app, the proxy, MCP."""

from __future__ import annotations

import ipaddress
import socket

from preceptor.core.errors import ConfigError


def near(host: str) -> bool:
    """Whether only this machine reaches what listens on ``host``."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def base_url(host: str, listening: socket.socket) -> str:
    """``http://HOST:PORT`` of what listens."""
    return f"http://{f'[{host}]' if ':' in host else host}:{listening.getsockname()[1]}"


def listen_all(host: str, port: int, count: int, *, waiting: int = 128) -> list[socket.socket]:
    """``count`` sockets on one port, over which the kernel spreads connections; else as :func:`listen`.

    Raises:
        ConfigError: they cannot be had, or this system knows no such thing.
    """
    shared = getattr(socket, "SO_REUSEPORT", None)
    if shared is None:
        raise ConfigError("this system cannot spread connections over processes", hint="leave out --processes")
    listen(host, port).close()  # somebody else's port must not be shared by mistake
    made = [listen(host, port, waiting=waiting, also=shared)]
    taken = made[0].getsockname()[1]
    return made + [listen(host, taken, waiting=waiting, also=shared) for _ in range(1, count)]


def listen(host: str, port: int, *, waiting: int = 128, also: int | None = None) -> socket.socket:
    """A socket that takes connections from now on: who connects before all is loaded waits, and is not turned away.

    Args:
        host: name or address.
        port: 0 takes a free one.
        waiting: how many connections may wait to be taken.
        also: one more option of the socket that is switched on.

    Raises:
        ConfigError: it cannot be had.
    """
    made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        for option in (socket.SO_REUSEADDR, *(() if also is None else (also,))):
            made.setsockopt(socket.SOL_SOCKET, option, 1)
        made.bind((host, port))
        made.listen(waiting)
    except OSError as error:
        made.close()
        raise ConfigError(
            f"cannot listen on {host}:{port} ({error.strerror or error})",
            hint="choose another with --port; 0 takes a free one",
        ) from error
    made.set_inheritable(True)
    return made
