"""What happened to one request, and how log and metrics tell it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from preceptor.core.untrusted import one_line
from preceptor.serve.coaching import Coached
from preceptor.serve.intake import Intake
from preceptor.serve.log import Log
from preceptor.serve.metrics import Metrics
from preceptor.serve.record import Taking

UNCOACHED = Coached(outcome="off", body=b"", reason="")


@dataclass(slots=True)
class Story:
    """What happened to one request, for log and metrics."""

    route: str
    started: float
    status: int = 0
    coached: Coached = UNCOACHED
    user: str | None = None
    first_byte: float | None = None
    coach_seconds: float | None = None
    sent: int = 0
    end: str = "done"
    """``done``, ``client-left``, ``shut-down``, or why the answer broke off or was ours."""
    whole: bool = False
    """True from when the last byte of the answer is handed on."""
    intake: Intake | None = None
    unheard: Intake | None = None
    """Of a request that was answered before its body was whole: the rest is taken before the connection closes."""
    taking: Taking | None = None
    """What is recorded of it; None: nothing is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Teller:
    """Tells log and metrics of a request that is over."""

    log: Log
    metrics: Metrics
    timer: Callable[[], float]
    content: bool
    """Whether the log holds what was said."""

    def tell(self, story: Story) -> None:
        """A line in the log, and the counts."""
        seconds = self.timer() - story.started
        coached, metrics = story.coached, self.metrics
        outcome = coached.outcome if coached is not UNCOACHED else "-"
        route = (("route", story.route),)
        labels = (*route, ("status", str(story.status)), ("coaching", outcome))
        metrics.add("preceptor_requests_total", labels)
        metrics.observe("preceptor_request_seconds", seconds, route)
        if not story.whole:
            metrics.add("preceptor_cut_total", (("end", story.end),))
        if story.first_byte is not None:
            metrics.observe("preceptor_first_byte_seconds", story.first_byte, route)
        if story.coach_seconds is not None:
            metrics.observe("preceptor_coach_seconds", story.coach_seconds)
        if coached.advice:
            metrics.add("preceptor_strategies_total", by=len(coached.advice.chosen))
        content = self.content and coached.asked is not None
        self.log.soon(
            "request",
            route=story.route,
            status=story.status,
            end=story.end,
            ms=round(seconds * 1000, 2),
            first_byte_ms=None if story.first_byte is None else round(story.first_byte * 1000, 2),
            coach_ms=None if story.coach_seconds is None else round(story.coach_seconds * 1000, 2),
            bytes_in=story.intake.size if story.intake else 0,
            bytes_out=story.sent,
            user=story.user,
            coaching=outcome,
            reason=coached.reason or None,
            release=coached.release or None,
            strategies=coached.strategies or None,
            scores=[round(c.score, 3) for c in coached.advice.chosen] if coached.advice else None,
            model=one_line(coached.asked.model, 80) if coached.asked else None,
            said=coached.asked.content.value if content and coached.asked else None,
            advice=coached.advice.text if content and coached.advice else None,
        )
