"""Who is signed in: sessions, one-time links, and how often a login may be tried."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Literal

from preceptor.core.clock import Clock
from preceptor.core.records import Advice, Turn
from preceptor.review.people import Account

LASTS = timedelta(hours=12)
_LINK_LASTS = timedelta(minutes=15)
_TRIES = 5
_ADDRESS_TRIES = 30
_WINDOW = timedelta(minutes=5)
_MOST_KEYS = 10_000


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to tell at the next page."""

    kind: Literal["done", "wrong"]
    text: str
    link: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A conversation whose replies are about to be asked for."""

    turns: tuple[Turn, ...]
    advice: Advice


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a rater has before them; never told to the browser."""

    nonce: str
    run: str
    unit: str
    arms: tuple[str, ...]
    """One, or two in the order in which they are shown."""


@dataclass(slots=True)
class Session:
    """One browser that is signed in."""

    account: Account
    ends: datetime
    csrf: str
    """What every form must carry."""
    proof: str = ""
    """The account's proof when it signed in; empty where no account stands behind it (a link)."""
    notices: list[Notice] = field(default_factory=list[Notice])
    skipped: dict[str, int] = field(default_factory=dict[str, int])
    """Strategies that were put at the end of the queue, with the ``changed_seq`` that was seen."""
    before: dict[str, datetime] = field(default_factory=dict[str, datetime])
    """Strategies of the queue that it has before it, with the time since when; see :mod:`preceptor.review.pace`."""
    trial: Trial | None = None
    shown: Shown | None = None

    def told(self) -> tuple[Notice, ...]:
        """The notices, once."""
        found = tuple(self.notices)
        self.notices.clear()
        return found


class Sessions:
    """Sessions live in memory: they end with the process. Safe to share between threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = Lock()
        self._sessions: dict[str, Session] = {}
        self._links: dict[str, tuple[Account, datetime]] = {}

    def begin(self, account: Account, proof: str = "") -> str:
        """A new session; its token, for the cookie."""
        token = secrets.token_urlsafe(32)
        session = Session(account, self._clock() + LASTS, _hash(f"csrf {token}"), proof)
        with self._lock:
            now = self._clock()
            self._sessions = {k: s for k, s in self._sessions.items() if s.ends > now}
            self._sessions[_hash(token)] = session
        return token

    def find(self, token: str) -> Session | None:
        """The session of a cookie, unless it has ended."""
        with self._lock:
            session = self._sessions.get(_hash(token))
        return session if session and session.ends > self._clock() else None

    def end(self, token: str) -> None:
        """Signs out."""
        with self._lock:
            self._sessions.pop(_hash(token), None)

    def link(self, account: Account) -> str:
        """A key that signs ``account`` in, once, within 15 minutes."""
        key = secrets.token_urlsafe(24)
        with self._lock:
            self._links[_hash(key)] = (account, self._clock() + _LINK_LASTS)
        return key

    def enter(self, key: str) -> Account | None:
        """Uses a link's key up."""
        with self._lock:
            account, ends = self._links.pop(_hash(key), (None, self._clock()))
        return account if account and ends > self._clock() else None


class Throttle:
    """So many failures in five minutes for each key: 5 for an account, 30 for an address, since behind a proxy all
    come from one. Safe to share."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = Lock()
        self._failures: defaultdict[str, list[datetime]] = defaultdict(list)

    def wait(self, *keys: str) -> int:
        """Seconds until the next try is allowed; 0: now."""
        now = self._clock()
        with self._lock:
            recent = [[t for t in self._failures.get(key, ()) if now - t < _WINDOW] for key in keys]
        most = [_TRIES if key.startswith("account ") else _ADDRESS_TRIES for key in keys]
        waits = [
            (times[-limit] + _WINDOW - now).total_seconds()
            for times, limit in zip(recent, most, strict=True)
            if len(times) >= limit
        ]
        return max((int(w) + 1 for w in waits), default=0)

    def failed(self, *keys: str) -> None:
        """Counts a failure."""
        now = self._clock()
        with self._lock:
            if len(self._failures) > _MOST_KEYS:
                self._failures.clear()
            for key in keys:
                self._failures[key] = [*self._failures[key][-_ADDRESS_TRIES:], now]

    def passed(self, *keys: str) -> None:
        """Forgets the failures: the login was right."""
        with self._lock:
            for key in keys:
                self._failures.pop(key, None)


def same(one: str, other: str) -> bool:
    """Whether two secrets are equal, in constant time."""
    return hmac.compare_digest(one.encode(), other.encode())


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
