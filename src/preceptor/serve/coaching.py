"""One request's advice: what was asked, what was given, and why not where it was not."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Literal

from preceptor.coach import Coach
from preceptor.core.errors import InputError
from preceptor.core.records import Advice
from preceptor.serve.encoding import packed, unpacked
from preceptor.serve.follow import Follower, InUse
from preceptor.serve.headers import Control, Header
from preceptor.serve.insert import Asked, Kind, NoPlaceError, insert, read

Outcome = Literal["applied", "none", "off", "failed"]

INLINE = 20_000
"""Strategies up to which advice is chosen in the event loop: a thread would cost more than it saves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coached:
    """What became of coaching, and the body that goes on."""

    outcome: Outcome
    body: bytes
    reason: str = ""
    """A short stable word: why there is no advice."""
    release: str = ""
    trial: bool = False
    advice: Advice | None = None
    asked: Asked | None = None

    @property
    def strategies(self) -> list[str]:
        """Ids of the strategies given."""
        return [c.strategy.id for c in self.advice.chosen] if self.advice else []

    def headers(self) -> list[Header]:
        """What the response tells of it."""
        told = [(b"x-preceptor-coaching", self.outcome.encode())]
        if self.reason:
            told.append((b"x-preceptor-reason", self.reason.encode()))
        if self.release:
            told.append((b"x-preceptor-release", self.release.encode()))
        if self.advice and self.advice.chosen:
            ids = ",".join(self.strategies)
            told.append((b"x-preceptor-strategies", ids.encode("ascii", "replace")))
        return told


class Coaching:
    """Chooses and inserts advice. A problem with the request or the release is an outcome, not an error."""

    def __init__(self, follower: Follower, *, seconds: float, max_body: int) -> None:
        self._follower = follower
        self._seconds = seconds
        self._max_body = max_body

    async def coach(self, body: bytes, kind: Kind, control: Control, encoding: str) -> Coached:
        """The body with advice in it, where there is a place for it and something fits.

        Raises:
            InputError: the request names a release that cannot be used.
        """
        if control.off:
            return Coached(outcome="off", body=body, reason="asked")
        release: InUse | None = None
        try:
            release = await self._follower.named(control.release) if control.release else self._follower.current
            if release is None:
                # One that could not be used is a failure; that none is published is not.
                broken = bool(self._follower.problem)
                return _without(None, body, "failed" if broken else "none", "not-ready" if broken else "no-release")
            return await self._coached(release, body, kind, control, encoding)
        except NoPlaceError as error:
            outcome: Outcome = "none" if error.reason.startswith("no-") else "failed"
            return _without(release, body, outcome, error.reason)
        except Exception as error:  # the boundary: whatever goes wrong, the customer gets an answer
            if release is None and isinstance(error, InputError):
                raise  # of the release that the request names
            reason = "timeout" if isinstance(error, TimeoutError) else f"error-{type(error).__name__}"
            return _without(release, body, "failed", reason)

    async def _coached(self, release: InUse, body: bytes, kind: Kind, control: Control, encoding: str) -> Coached:
        plain = unpacked(body, encoding, self._max_body)
        asked = read(plain, kind)
        settings = control.limited(release.coach.settings)
        coach = release.coach if settings is release.coach.settings else release.coach.with_settings(settings)
        advice = await self._advice(coach, asked)
        if not advice.text:
            return Coached(
                outcome="none",
                body=body,
                reason="nothing-fits-by-words" if advice.fallback else "nothing-fits",
                release=release.id,
                trial=release.trial,
                asked=asked,
            )
        made = insert(asked, advice.text)
        return Coached(
            outcome="applied",
            body=packed(made, encoding),
            reason="by-words" if advice.fallback else "",
            release=release.id,
            trial=release.trial,
            advice=advice,
            asked=asked,
        )

    async def _advice(self, coach: Coach, asked: Asked) -> Advice:
        if len(coach) <= INLINE and not coach.waits:
            return coach.advise(asked.messages)
        return await asyncio.wait_for(asyncio.to_thread(coach.advise, asked.messages), self._seconds)


def _without(release: InUse | None, body: bytes, outcome: Outcome, reason: str) -> Coached:
    """No advice; and from which release, where that is known."""
    if release is None:
        return Coached(outcome=outcome, body=body, reason=reason)
    return Coached(outcome=outcome, body=body, reason=reason, release=release.id, trial=release.trial)
