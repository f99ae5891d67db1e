"""Which headers go on, and what a request may ask of the coach."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from preceptor.coach import CoachSettings
from preceptor.core.errors import InputError
from preceptor.core.untrusted import one_line

Header = tuple[bytes, bytes]
Named = Mapping[bytes, bytes]

PREFIX = b"x-preceptor-"
_HOP = frozenset(
    (
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    )
)
"""About one connection only (RFC 9110, 7.6.1)."""
_REQUEST = _HOP | {b"host", b"expect"}
_KEY = frozenset((b"authorization",))
_LENGTH = frozenset((b"content-length",))
_NONE: frozenset[bytes] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """What the headers of one request ask for."""

    off: bool = False
    release: str = ""
    strategies: int | None = None
    words: int | None = None
    floor: float | None = None
    record: bool = True
    """False: this call must not be recorded."""

    def limited(self, settings: CoachSettings) -> CoachSettings:
        """``settings``, made stricter where asked; a request cannot loosen them."""
        if self.strategies is None and self.words is None and self.floor is None:
            return settings
        return replace(
            settings,
            strategies=settings.strategies
            if self.strategies is None
            else min(self.strategies, settings.strategies),
            words=settings.words if self.words is None else min(self.words, settings.words),
            floor=settings.floor if self.floor is None else max(self.floor, settings.floor),
        )


def control(headers: Iterable[Header]) -> Control:
    """Reads ``x-preceptor-coach: on | off``, ``-release``, ``-max-strategies``, ``-max-words``, ``-floor`` and
    ``-record: on | off``.

    Raises:
        InputError: an unknown header of ours, or a value that cannot be used.
    """
    found = Control()
    for name, raw in headers:
        if not name.startswith(PREFIX):
            continue
        key, value = name[len(PREFIX) :].decode("latin-1"), raw.decode("latin-1").strip()
        match key:
            case "coach" if value in ("on", "off"):
                found = replace(found, off=value == "off")
            case "release" if value:
                found = replace(found, release=value)
            case "max-strategies" | "max-words" if value.isdecimal() and value.isascii() and len(value) < 7:
                found = replace(found, **{key.removeprefix("max-"): int(value)})
            case "record" if value in ("on", "off"):
                found = replace(found, record=value == "on")
            case "floor" if _is_share(value):
                found = replace(found, floor=float(value))
            case _:
                raise InputError(
                    f"header x-preceptor-{one_line(key, 40)}: '{one_line(value, 40)}' cannot be used",
                    hint="known: coach: on|off, release: ID, max-strategies: N, max-words: N, floor: 0 to 1, "
                    "record: on|off",
                )
    return found


def upstream_headers(headers: Sequence[Header], *, key: str, drop_key: bool, length: int | None) -> list[Header]:
    """What goes on: all but those of the connection and our own, in order.

    Args:
        key: the upstream's; it takes the place of the client's.
        drop_key: the client's key is one of ours and stays here.
        length: of the new body; None: the body goes on as it came.
    """
    dropped = _REQUEST | _named(headers)
    if key or drop_key:
        dropped |= _KEY
    if length is not None:
        dropped |= _LENGTH
    kept = [h for h in headers if h[0] not in dropped and not h[0].startswith(PREFIX)]
    if key:
        kept.append((b"authorization", b"Bearer " + key.encode()))
    if length is not None:
        kept.append((b"content-length", b"%d" % length))
    return kept


def client_headers(given: Iterable[Header], own: Iterable[Header]) -> list[Header]:
    """What goes back: all that the upstream sent (names in lower case) but those of its connection, and our own."""
    given = list(given)
    dropped = _HOP | _named(given)
    return [*(h for h in given if h[0] not in dropped and not h[0].startswith(PREFIX)), *own]


def first_values(headers: Sequence[Header]) -> Named:
    """Headers by name; of one that is there more than once, the first value."""
    return dict(reversed(headers))


def text(named: Named, name: bytes) -> str:
    """The value of a header; empty where there is none."""
    return named.get(name, b"").decode("latin-1")


def _named(headers: Iterable[Header]) -> frozenset[bytes]:
    """Headers that ``Connection`` names as its own."""
    values = [value for key, value in headers if key == b"connection"]
    return frozenset(part.strip().lower() for value in values for part in value.split(b",")) if values else _NONE


def _is_share(value: str) -> bool:
    try:
        return 0 <= float(value) <= 1 and "_" not in value  # Python takes 0_1 for 1
    except ValueError:
        return False
