"""A learning run's surroundings over scripted seats: what each seat answers is said by the test."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from tests.seats import Answer, FakeSeat

from preceptor.coach import CoachSettings
from preceptor.core.events import Event
from preceptor.core.records import Domain, Issue, Profile, Scenario, Strategy, Turn
from preceptor.core.settings import LearnConfig
from preceptor.learn.context import Context
from preceptor.learn.sample import scenario
from preceptor.llm import Seats
from preceptor.prompts import load_prompts

ISSUES = (
    Issue(key="bag", title="Lost bag", story="My bag is lost.", goal="Get it back."),
    Issue(key="seat", title="Lost seat", story="My seat is gone.", goal="Sit at the window."),
)
PROFILES = tuple(
    Profile(id=f"{issue.key}-{n}", style="driver", emotion="calm", demanding=False, issue=issue.key, heldout=n > 1)
    for issue in ISSUES
    for n in range(3)
)
DOMAIN = Domain(name="Air", brief="You are the desk.", policy="No cash.", issues=ISSUES, profiles=PROFILES)


def unasked(messages: object, phase: str) -> Any:
    raise AssertionError(f"nobody was to be asked in {phase}")


class Desk:
    """The seats, and all that was told as events."""

    def __init__(
        self, *, teacher: Answer = unasked, student: Answer = unasked, customer: Answer = unasked, **settings: Any
    ) -> None:
        self.teacher = FakeSeat("teacher", teacher)
        self.student = FakeSeat("student", student)
        self.customer = FakeSeat("customer", customer)
        self.events: list[Event] = []
        seats = [cast("Any", s) for s in (self.student, self.teacher, self.customer, FakeSeat("judge", unasked))]
        self.context = Context(
            run="learn-001",
            domain=DOMAIN,
            seats=Seats(student=seats[0], teacher=seats[1], customer=seats[2], judge=seats[3]),
            prompts=load_prompts(),
            settings=LearnConfig(screen_with_teacher=False).model_copy(update=settings),
            coach=CoachSettings(strategies=3),
            concurrency=1,
            emit=self.events.append,
        )


def said(text: str = "Where is my bag?") -> Scenario:
    """A scenario of one line."""
    return scenario([Turn(speaker="customer", text=text, by="customer")], "bag-0", 0)


def rule(do: str, *, when: str = "the customer's bag is lost", avoid: str = "", why: str = "") -> dict[str, str]:
    """A rule as a teacher writes it."""
    return {"when": when, "do": do, "avoid": avoid, "why": why}


def bound(id: str, do: str, *, when: str = "the customer's bag is lost", of: Sequence[str] = ()) -> Strategy:
    """A strategy of the library."""
    return Strategy(id=id, when=when, do=do, scenarios=tuple(of) or (f"scenario-of-{id}",))


def judged(side: str, *, lacks: str = "a question") -> dict[str, str]:
    """A judgement with one word on all points."""
    points = ("accuracy", "tone", "clarity", "next_step", "better")
    return {**dict.fromkeys(points, side), "reason": f"{side} it is.", "lacks": lacks}
