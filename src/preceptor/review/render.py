"""Templates to HTML: everything is escaped, nothing undefined passes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cached_property
from importlib.resources import files
from typing import Any

from preceptor.core.clock import Clock
from preceptor.core.errors import ConfigError, install
from preceptor.core.untrusted import clean
from preceptor.review.timeline import past

STATIC = files("preceptor.review") / "static"
PAGES = (
    ("/queue", "Queue", "inbox", "q"),
    ("/strategies", "Strategies", "list", "s"),
    ("/releases", "Releases", "box", "l"),
    ("/runs", "Runs", "pulse", "r"),
    ("/try", "Try it", "play", "t"),
    ("/rate", "Rate", "star", "e"),
    ("/audit", "Audit log", "chain", "a"),
    ("/law", "Law", "scale", "w"),
)
"""Path, name, icon and key of each page in the menu."""

_STEPS = ((60, 1, "s"), (3600, 60, "min"), (86400, 3600, "h"), (14 * 86400, 86400, "d"))


class Pages:
    """Renders templates. ConfigError, with the line that installs it, where Jinja is missing."""

    def __init__(self, clock: Clock, typed: Callable[[str], str]) -> None:
        try:
            from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415 - an extra
        except ImportError as error:
            raise ConfigError(
                "the review app needs packages that are not installed", hint=install("review")
            ) from error
        self._clock = clock
        self._environment = Environment(
            loader=PackageLoader("preceptor.review"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        own: dict[str, Any] = {"ago": self._ago, "until": self._until, "when": _when, "day": _day, "shown": _shown}
        own |= {
            "size": _size,
            "past": past,
            "typed": typed,
            "shown_raw": _shown_raw,
            "signed": _signed,
            "number": _number,
            "money": _money,
            "seconds": _seconds,
        }
        self._environment.filters.update(own)
        self._environment.tests["practised"] = _practised
        self._environment.globals["menu"] = PAGES  # pyright: ignore[reportArgumentType]
        self._environment.globals["asset"] = self._asset  # pyright: ignore[reportArgumentType]

    def render(self, template: str, **values: Any) -> str:
        """The template with these values."""
        return self._environment.get_template(template).render(**values)

    @cached_property
    def _hashes(self) -> dict[str, str]:
        return {p.name: hashlib.sha256(p.read_bytes()).hexdigest()[:10] for p in STATIC.iterdir() if p.is_file()}

    def _asset(self, name: str) -> str:
        """URL of a static file, which changes with its content: so browsers may keep it."""
        return f"/static/{name}?{self._hashes[name]}"

    def _ago(self, moment: str) -> str:
        try:
            seconds = (self._clock() - datetime.fromisoformat(moment)).total_seconds()
        except ValueError:
            return clean(moment)
        for below, unit, name in _STEPS:
            if seconds < below:
                return f"{max(0, int(seconds // unit))} {name} ago"
        return _when(moment)[:10]

    def _until(self, start: str, end: str | None) -> str:
        """How long something took, or takes until now."""
        try:
            now = datetime.fromisoformat(end) if end else self._clock()
            return _span((now - datetime.fromisoformat(start)).total_seconds())
        except (ValueError, TypeError):
            return ""


def _span(seconds: float) -> str:
    minutes, rest = divmod(round(max(0.0, seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _when(moment: str) -> str:
    try:
        return datetime.fromisoformat(moment).astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    except ValueError:
        return clean(moment)


def _day(moment: str) -> str:
    """The last day on which something that ends at this moment still holds all day, or the day it ends in."""
    try:
        return (datetime.fromisoformat(moment).astimezone(UTC) - timedelta(microseconds=1)).date().isoformat()
    except (ValueError, OverflowError):
        return clean(moment)


def _shown(value: object) -> str:
    """Untrusted text without what could disguise it; escaped by the template."""
    return clean(str(value))


def _shown_raw(value: object) -> str:
    """The same for a part of a text, whose blanks at the ends count."""
    text = str(value)
    inner = clean(text)
    if not inner:
        return " " if text.isspace() else ""
    return f"{' ' if text[:1].isspace() else ''}{inner}{' ' if text[-1:].isspace() else ''}"


def _practised(value: object) -> bool:
    return str(value).startswith("practice:")


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")


def _number(value: float) -> str:
    return f"{value:,.0f}"


def _size(count: int) -> str:
    return f"{count / 1e6:,.1f} MB" if count >= 1e6 else f"{max(1, round(count / 1000))} kB"


def _seconds(value: float) -> str:
    return f"{value:.1f} s" if value < 10 else _span(value)


def _money(value: float | None) -> str:
    if value is None:
        return "unknown"
    return f"${value:,.2f}" if value >= 0.01 or not value else f"${value:.4f}"
