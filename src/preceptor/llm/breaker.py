"""Is a model down for everybody, or did one call have bad luck? Told apart by what other calls meet meanwhile."""

from __future__ import annotations

from preceptor.llm.limiter import Monotonic

_DISTINCT = 3
"""Different calls that must have failed, with no answer to any in between, before a model counts as down."""


class Breaker:
    """What the calls to one seat's model met of late."""

    def __init__(self, outage: float, *, now: Monotonic) -> None:
        self._outage = outage
        self._now = now
        self._answered = False
        self._failing: set[str] = set()
        self._since = 0.0

    def answered(self) -> None:
        """A call was answered: the model is up."""
        self._answered = True
        self._failing.clear()

    def failed(self, key: str) -> None:
        """A try of the call ``key`` failed in a way that may pass."""
        if not self._failing:
            self._since = self._now()
        self._failing.add(key)

    @property
    def down(self) -> bool:
        """Whether no call gets an answer."""
        return len(self._failing) >= _DISTINCT

    @property
    def worth_waiting(self) -> bool:
        """Whether the model answered before and has not been down for longer than may be waited for."""
        return self._answered and self.seconds < self._outage

    @property
    def seconds(self) -> float:
        """For how long no call has been answered."""
        return self._now() - self._since if self._failing else 0.0
