"""A person talks to the student and to the coached student, side by side."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal

from preceptor.coach import with_block
from preceptor.core.errors import ModelError
from preceptor.core.events import ignore
from preceptor.core.ids import derive_seed
from preceptor.core.records import Advice, Turn
from preceptor.core.settings import SeatsConfig
from preceptor.dialogue.messages import Plain, as_chat, for_agent
from preceptor.llm import ChatMessage, ChatRequest, Ledger, NullJournal, Seat
from preceptor.llm.answers import bare
from preceptor.llm.ledger import seat_budgets
from preceptor.llm.seats import Beside
from preceptor.project.advising import Advisor
from preceptor.project.project import Project
from preceptor.project.seating import opener

NO_ADVICE = Advice(chosen=(), text="")
PHASE = "chat"
Side = Literal["student", "coached"]
Hear = Callable[[Side, str], None]
"""Told a side's reply so far, whenever more of it came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One side's reply; ``problem`` instead of it where the model failed."""

    reply: str
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A customer's message, and what came of it on both sides."""

    number: int
    """From 1."""
    customer: str
    student: Said
    coached: Said
    same: bool
    """True: both sides were asked the very same, so it was asked once."""
    advice: Advice
    source: str
    """Where the advice came from: a release's id, or ``library``; empty while advice is off."""
    reviewed: bool


class Ears:
    """From the parts of two answers to each side's reply so far."""

    def __init__(self, hear: Hear) -> None:
        self._hear = hear
        self._sides: dict[tuple[ChatMessage, ...], Side] = {}
        self._said: dict[Side, str] = {}

    def expect(self, sides: dict[tuple[ChatMessage, ...], Side]) -> None:
        """From now on these requests are whose."""
        self._sides = sides

    def __call__(self, request: ChatRequest, part: str | None) -> None:
        """See :data:`preceptor.llm.streaming.Hear`."""
        side = self._sides.get(request.messages)
        if side is not None:
            self._said[side] = "" if part is None else self._said.get(side, "") + part
            self._hear(side, bare(self._said[side]))


class Chat:
    """Two conversations over the same customer messages; each side hears its own replies only.

    Args:
        seat: the student's.
        system: the agent's system prompt.
        advisor: tells the coach at each message, so that a release published meanwhile takes effect.
        ears: hear the replies while they come.
    """

    def __init__(
        self, seat: Seat, system: str, advisor: Advisor, *, seed: int = 1, ears: Ears | None = None
    ) -> None:
        self._ears = ears
        self._seat = seat
        self._system = system
        self._advisor = advisor
        self._seed = seed
        self._exchanges: list[Exchange] = []
        self.coaching = True
        """False: the coached side gets no advice either."""

    @property
    def model(self) -> str:
        """The student's seat string."""
        return self._seat.spec

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """All so far."""
        return tuple(self._exchanges)

    async def say(self, customer: str) -> Exchange:
        """Both sides' replies to the customer's next message. A side whose model fails says so in its place.

        Raises:
            PreceptorError: no call to the model can work, or a cap was reached; the message is then not kept.
        """
        alone, coached = self._turns(customer, "student"), self._turns(customer, "coached")
        advising = self._advisor.now() if self.coaching else None
        advice = await advising.coach.advise_async(coached) if advising else NO_ADVICE
        plain = for_agent(self._system, alone)
        guided = with_block(for_agent(self._system, coached), advice.text)
        same = plain == guided
        if self._ears is not None:
            self._ears.expect({tuple(as_chat(guided)): "coached", tuple(as_chat(plain)): "student"})
        tasks = [asyncio.create_task(self._reply(plain, "student"))]
        tasks += [] if same else [asyncio.create_task(self._reply(guided, "coached"))]
        try:
            said = await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
        found = Exchange(
            number=len(self._exchanges) + 1,
            customer=customer,
            student=said[0],
            coached=said[-1],
            same=same,
            advice=advice,
            source=advising.source if advising else "",
            reviewed=advising.reviewed if advising else True,
        )
        self._exchanges.append(found)
        return found

    def undo(self) -> Exchange | None:
        """Takes back the last message with its replies; None where there is none."""
        return self._exchanges.pop() if self._exchanges else None

    def _turns(self, customer: str, side: str) -> list[Turn]:
        turns: list[Turn] = []
        for past in self._exchanges:
            turns.append(Turn(speaker="customer", text=past.customer, by="customer"))
            reply = (past.student if side == "student" else past.coached).reply
            if reply:
                turns.append(Turn(speaker="agent", text=reply, by="student"))
        return [*turns, Turn(speaker="customer", text=customer, by="customer")]

    async def _reply(self, messages: list[Plain], item: str) -> Said:
        # The same seed on both sides: what differs is the advice, not chance.
        seed = derive_seed(self._seed, PHASE, len(self._exchanges))
        try:
            return Said(reply=await self._seat.say(as_chat(messages), seed=seed, phase=PHASE, item=item))
        except ModelError as error:
            if error.ends_run:
                raise
            return Said(reply="", problem=f"{error.message} {error.hint}".strip())


@asynccontextmanager
async def open_chat(
    project: Project, advisor: Advisor, *, seed: int = 1, hear: Hear | None = None
) -> AsyncGenerator[Chat]:
    """A chat with the project's student, under the project's caps.

    Args:
        hear: told the replies while they come; then tokens are estimated, since streams seldom tell them.

    Raises:
        ConfigError: the student's seat cannot be opened.
    """
    domain, student = project.domain, project.config.seats.student
    system = project.prompts["agent"].render(brief=domain.brief.strip(), policy=domain.policy.strip())
    # Only the student speaks; the other seats are not opened, so their keys are not asked for.
    seats = SeatsConfig(student=student, teacher=student, customer=student, judge=student)
    ears = None if hear is None else Ears(hear)
    open_with = opener(
        project.environ,
        journal=NullJournal(),
        ledger=Ledger(project.config.budget, by_seat=seat_budgets({"student": student})),
        emit=ignore,
        beside=Beside(hear=ears),
    )
    async with open_with(seats) as opened:
        yield Chat(opened.student, system, advisor, seed=seed, ears=ears)
