"""What servers say about their limits, in the headers of an answer or a refusal: seconds to wait.

``Retry-After`` in seconds or as a date; ``retry-after-ms``; ``x-ratelimit-*`` as OpenAI, Groq and others send it
(``remaining`` and ``reset`` for requests and for tokens); ``anthropic-ratelimit-*``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_KINDS = ("requests", "tokens", "input-tokens", "output-tokens")
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_LONGEST = 1e6


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a refusal asks to wait, by itself or by the limit that is used up; None: it does not say."""
    text = headers.get("retry-after-ms", "")
    if text:
        return _sane(_number(text), 0.001)
    text = headers.get("Retry-After", "")
    if not text:
        return pause(headers) or None
    seconds = _number(text)
    return _sane(seconds) if seconds is not None else _until(text, _date(headers))


def pause(headers: Mapping[str, str]) -> float:
    """Seconds to wait before the next call, since this answer used the limit up; 0 where there is room."""
    found = 0.0
    for kind in _KINDS:
        for left, reset in (
            (f"x-ratelimit-remaining-{kind}", f"x-ratelimit-reset-{kind}"),
            (f"anthropic-ratelimit-{kind}-remaining", f"anthropic-ratelimit-{kind}-reset"),
        ):
            if _number(headers.get(left, "")) == 0:
                found = max(found, _duration(headers.get(reset, ""), _date(headers)) or 0.0)
    return found


def _duration(text: str, date: str) -> float | None:
    """``6m0s``, ``250ms``, ``12.5``, or a moment as ISO 8601 or an HTTP date."""
    seconds = _number(text)
    if seconds is not None:
        return _sane(seconds)
    parts = _PART.findall(text)
    if parts and "".join(a + b for a, b in parts) == text:
        return _sane(sum(float(a) * _UNITS[b] for a, b in parts))
    return _until(text, date)


def _until(text: str, date: str) -> float | None:
    """Seconds from the server's own ``Date`` to a moment: our clock and theirs need not agree."""
    moment, now = _moment(text), _moment(date)
    if moment is None or now is None:
        return None
    return _sane(max(0.0, (moment - now).total_seconds()))


def _date(headers: Mapping[str, str]) -> str:
    """The server's own; packages of providers hand headers on in lower case."""
    return headers.get("Date", "") or headers.get("date", "")


def _moment(text: str) -> datetime | None:
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            found = read(text)
        except (ValueError, TypeError):
            continue
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    return None


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _sane(seconds: float | None, unit: float = 1.0) -> float | None:
    return seconds * unit if seconds is not None and 0 <= seconds * unit < _LONGEST else None
