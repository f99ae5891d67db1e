"""What the proxy can be told."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from preceptor.core.errors import ConfigError

MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeSettings:
    """Settings of one proxy."""

    upstream: str
    """Base URL of the OpenAI-compatible server, as in ``http://127.0.0.1:11434/v1``."""
    upstream_key: str = field(default="", repr=False)
    """Sent upstream as the bearer token in place of the client's; empty: the client's goes on."""
    student: str = ""
    """Seat string of the model behind, as evidence names it: what was measured to harm it is held back."""
    trial: bool = False
    """True: a trial release may be served, and every response says so."""
    refuse: bool = False
    """True: a request that coaching fails for is refused (503); else it goes on uncoached and says so."""
    control: bool = True
    """Whether ``x-preceptor-*`` headers of a request are heard."""
    max_body: int = 32 * MEGABYTE
    """Bytes of one request at most; more is refused (413)."""
    connect_seconds: float = 10.0
    """Longest wait for a connection to the upstream."""
    idle_seconds: float = 600.0
    """Longest silence of the upstream, before and between bytes."""
    body_seconds: float = 60.0
    """Longest silence of a client that sends its body."""
    coach_seconds: float = 3.0
    """Longest wait for advice from a large release, or with an embedder: a second more than the longest that is
    waited for one by URL, so that there is time left to find advice by words."""
    poll_seconds: float = 0.2
    """How often the pointer to the current release is looked at."""
    log_content: bool = False
    """True: the log holds what the customer said last and the advice given. Personal data: off by default."""

    def __post_init__(self) -> None:
        upstream_parts(self.upstream)
        if not re.fullmatch(r"[!-~]*", self.upstream_key):
            raise ConfigError(
                "the upstream's key has characters that no header can carry", hint="look for a line end"
            )
        if self.max_body < 1:
            raise ConfigError("max_body must be at least 1 byte", hint="for instance 33554432")


def upstream_parts(url: str) -> tuple[str, str]:
    """Origin and path of an upstream's base URL; a URL without a path gets ``/v1``.

    Raises:
        ConfigError: it is no http or https URL, or carries a key, query or fragment.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ConfigError("the upstream's URL cannot be read", hint="as in http://127.0.0.1:11434/v1") from error
    if parts.scheme not in ("http", "https") or not parts.hostname or not re.fullmatch(r"[!-~]+", url):
        raise ConfigError("the upstream must be an http:// or https:// URL", hint="as in http://127.0.0.1:11434/v1")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ConfigError(
            "the upstream's URL must not carry a user, password, query or fragment",
            hint="name the environment variable that holds the key with --upstream-key-env",
        )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    origin = f"{parts.scheme}://{host}" + (f":{port}" if port is not None else "")
    return origin, parts.path.rstrip("/") or "/v1"


def upstream_socket(origin: str) -> tuple[str, int, bool]:
    """Host, port and whether TLS is spoken, of an origin as :func:`upstream_parts` gives it."""
    parts = urlsplit(origin)
    tls = parts.scheme == "https"
    return parts.hostname or "", parts.port if parts.port is not None else 443 if tls else 80, tls
