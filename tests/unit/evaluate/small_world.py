"""A domain and four scripted seats, for tests that run whole evaluations."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

from preceptor.coach import Coach, CoachSettings
from preceptor.core.records import Domain, Issue, Profile, Strategy
from preceptor.llm import ChatRequest, ScriptedModel, Seat, Seats

Script = Callable[[ChatRequest], "str | Exception"]


def domain(heldout: int = 12, training: int = 2) -> Domain:
    """Profiles ``h00``... are held out, ``t00``... are not."""
    styles = [f"style {n}" for n in range(heldout + training)]
    profiles = [
        Profile(
            id=f"{'h' if n < heldout else 't'}{n:02}",
            style=style,
            emotion="calm",
            demanding=bool(n % 2),
            issue="refund",
            heldout=n < heldout,
        )
        for n, style in enumerate(styles)
    ]
    issue = Issue(key="refund", title="Refund", story="My ticket must be refunded.", goal="Get a refund.")
    return Domain(
        name="air", brief="You are an agent.", policy="Be fair.", issues=(issue,), profiles=tuple(profiles)
    )


def coach() -> Coach:
    """One strategy that fits every customer here."""
    return Coach(
        [Strategy(id="s1", when="a customer asks for a refund of a ticket", do="say sorry and show another way")],
        settings=CoachSettings(floor=0),
    )


def customer(request: ChatRequest) -> str:
    """Asks for a refund, then leaves. The wording hangs on the seed, as chance does in a real customer."""
    spoken = sum(m.role == "assistant" for m in request.messages)
    return "Thanks, bye. [END]" if spoken >= 2 else f"I want a refund of my ticket, case {request.seed % 97}."


def student(request: ChatRequest) -> str:
    """Says sorry when advised to."""
    advised = "<advice>" in request.messages[-1].content
    return "Sorry to hear that, here is another way." if advised else "No."


def judge(request: ChatRequest) -> str:
    """Likes apologies, and teachers more."""
    text = request.messages[-1].content
    if '"breaches"' in text:
        return json.dumps({"breaches": [{"quote": "Gladly: here", "rule": "Be fair."}] if "Gladly" in text else []})
    if '"preferred"' in text:
        first, _, second = text.partition("<second>")
        worth = [("Sorry" in t) + 2 * ("Gladly" in t) for t in (first, second)]
        side = "same" if worth[0] == worth[1] else "first" if worth[0] > worth[1] else "second"
        return json.dumps({"reason": "as it felt", "preferred": side})
    noise = (zlib.crc32(text.encode()) % 5) / 10
    score = 2 + 1.5 * ("Sorry" in text) + 2 * ("Gladly" in text) + noise
    if '"reliability"' in text:
        rest = {"assurance": 3, "empathy": 1 + 3 * ("Sorry" in text), "responsiveness": 2}
        return json.dumps({"reason": "as it felt", "reliability": min(5, score), **rest})
    return json.dumps({"satisfaction": score, "resolved": score > 3, "reason": "as it felt"})


@dataclass
class Scripts:
    """Who says what; every model is kept so that tests can read its requests."""

    student: Script = student
    teacher: Script = lambda _: "Gladly: here is what I can do for you."
    customer: Script = customer
    judge: Script = judge
    spec: str = "practice:{}"
    models: dict[str, ScriptedModel] = field(default_factory=dict)

    def seats(self) -> Seats:
        """Seats straight on the scripted models."""
        for name in ("student", "teacher", "customer", "judge"):
            self.models[name] = ScriptedModel(getattr(self, name), spec=self.spec.format(name))
        return Seats(**{name: Seat.plain(model, name=name) for name, model in self.models.items()})
