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


def listen(host: str, port: int, *, waiting: int = 128) -> socket.socket:
    """A socket that takes connections from now on: who connects before all is loaded waits, and is not turned away.

    Args:
        host: name or address.
        port: 0 takes a free one.
        waiting: how many connections may wait to be taken.

    Raises:
        ConfigError: it cannot be had.
    """
    made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
        made.listen(waiting)
    except OSError as error:
        made.close()
        raise ConfigError(
            f"cannot listen on {host}:{port} ({error.strerror or error})", hint="choose another with: --port"
        ) from error
    made.set_inheritable(True)
    return made
