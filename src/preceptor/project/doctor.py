"""Trying every seat before a run does: what works, what does not, and what to change."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from preceptor.core.errors import ConfigError, ModelError
from preceptor.core.events import ignore
from preceptor.core.records import Turn
from preceptor.core.settings import BudgetConfig, SeatConfig, SeatsConfig
from preceptor.dialogue import Agent, Customer
from preceptor.judge import Case, Pair, compare, rate
from preceptor.llm import Ledger, LedgerRow, NullJournal, Seat
from preceptor.llm.limiter import Monotonic
from preceptor.llm.modes import ModeMemory
from preceptor.llm.seats import Beside
from preceptor.project.checks import PHASE, Check, failed, good, price_check, raw_checks, warned
from preceptor.project.checks_run import run_checks
from preceptor.project.seating import opener

if TYPE_CHECKING:
    from preceptor.project.project import Project

SEATS = ("student", "teacher", "customer", "judge")
_BRUSH_OFF = "I cannot help you with that. Goodbye."
_KINDS = {
    "unreachable": "reachable",
    "tls": "reachable",
    "timeout": "reachable",
    "busy": "reachable",
    "cut": "reachable",
    "key-refused": "key",
    "quota": "key",
    "no-such-model": "model",
    "moved": "model",
    "wrong-content": "model",
}
"""Which check a failure of the way to the model belongs to; all others are about the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatReport:
    """One seat, check by check."""

    seat: str
    model: str
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """All seats."""

    seats: tuple[SeatReport, ...]
    run: tuple[Check, ...]
    """What a run needs beside its seats; empty where only some seats were asked about."""
    spend: tuple[LedgerRow, ...]
    """What finding out took."""

    @property
    def ok(self) -> bool:
        """Whether ``learn`` and ``evaluate`` can work."""
        return not any(c.state == "fail" for checks in (self.run, *(s.checks for s in self.seats)) for c in checks)


async def diagnose(project: Project, *, timer: Monotonic, seats: tuple[str, ...] = ()) -> Diagnosis:
    """Every seat does its own job once, and is asked what else is worth knowing. Makes about ten calls a seat.

    Args:
        seats: only these; empty: all, and what else a run needs.

    Raises:
        PreceptorError: the project itself (domain, prompts) cannot be used.
    """
    memory = project.modes()
    patients = [_Patient(project, name, memory, timer) for name in seats or SEATS]
    beside = () if seats else await asyncio.to_thread(run_checks, project)
    reports = await asyncio.gather(*(p.examine() for p in patients))
    spend = [row for p in patients for row in p.ledger.table()]
    return Diagnosis(seats=tuple(reports), run=beside, spend=tuple(spend))


class _Patient:
    """One seat under examination."""

    def __init__(self, project: Project, name: str, memory: ModeMemory, timer: Monotonic) -> None:
        config: SeatConfig = getattr(project.config.seats, name)
        self.project = project
        self.name = name
        self.config = config.model_copy(update={"retries": min(1, config.retries), "outage": 0.0})
        self.memory = memory
        self.timer = timer
        # A cap on tokens, so that an unknown price is a finding here and no error.
        self.ledger = Ledger(BudgetConfig(tokens=10**9))
        self.checks: list[Check] = []

    async def examine(self) -> SeatReport:
        """All checks, as far as they can be made."""
        self.checks.append(price_check(self.name, self.config, self.project.config.budget))
        try:
            one = SeatsConfig.model_validate(dict.fromkeys(SEATS, self.config))
            open_with = opener(
                self.project.environ,
                journal=NullJournal(),
                ledger=self.ledger,
                emit=ignore,
                beside=Beside(modes=self.memory),
            )
            async with open_with(one) as seats:
                seat: Seat = getattr(seats, self.name)
                if await self._job(seat):
                    await self._more(seat)
        except ConfigError as error:
            self.checks.append(failed("opens", error.message, error.hint))
        return SeatReport(seat=self.name, model=self.config.model, checks=tuple(self.checks))

    async def _job(self, seat: Seat) -> bool:
        """What the seat is there for; False where no call can work."""
        began = self.timer()
        try:
            said = await _doing(self.project, seat)
        except ModelError as error:
            self._not_done(error)
            return not error.ends_run and error.kind not in _KINDS
        seconds = self.timer() - began
        self.checks += [
            good("reachable", "answers"),
            good("key", "accepted or not needed"),
            good("model", seat.spec),
        ]
        self.checks.append(good("job", f"{_JOBS[self.name]}: {said}"))
        slow = seconds > self.config.timeout / 4
        told = f"{seconds:.1f} s for its job"
        advice = f"raise seats.{self.name}.timeout, or take a faster model: busy servers are slower still"
        self.checks.append(warned("latency", told, advice) if slow else good("latency", told))
        return True

    def _not_done(self, error: ModelError) -> None:
        check = _KINDS.get(error.kind, "job")
        order = ("reachable", "key", "model")
        if check in order:
            self.checks += [good(name, "yes") for name in order[: order.index(check)]]
        else:
            self.checks += [good("reachable", "answers"), good("key", "accepted"), good("model", self.config.model)]
        self.checks.append(failed(check, error.message, error.hint or "see the server's log"))

    async def _more(self, seat: Seat) -> None:
        if self.name == "teacher":
            self.checks.append(await _orders(self.project, seat))
        if self.name in ("teacher", "judge") and not seat.spec.startswith("practice:"):
            self.checks.append(await self._structured(seat))
        usage = self._usage()  # before a stream, whose tokens are always estimated
        if not seat.spec.startswith("practice:"):
            self.checks += await raw_checks(self.project, self.name, self.config, self.ledger)
        self.checks.append(usage)

    async def _structured(self, seat: Seat) -> Check:
        kinds: list[str] = []
        for number in range(3):
            try:
                await _rated(self.project, seat, seed=100 + number)
            except ModelError as error:
                kinds.append(error.kind)
        mode = self.memory.of(seat.spec)
        told = f"{3 - len(kinds)} of 3 usable, by {_MODES[mode]}"
        if len(kinds) == 3:
            return failed(
                "structured",
                f"{told}: {', '.join(sorted(set(kinds)))}",
                "take a stronger model, or a larger max_tokens",
            )
        if kinds:
            return warned(
                "structured",
                f"{told}: {', '.join(sorted(set(kinds)))}",
                "expect lost items; a stronger model loses fewer",
            )
        return good("structured", told)

    def _usage(self) -> Check:
        rows = self.ledger.table()
        if any(r.estimated and not r.lost for r in rows) and not self.config.model.startswith("practice:"):
            return warned(
                "usage",
                "the server does not say how many tokens it took",
                "spend is estimated: cap budget.calls too",
            )
        return good("usage", "reported")


_JOBS = {
    "student": "answered a customer",
    "teacher": "answered a customer",
    "customer": "opened a dialogue",
    "judge": "rated a dialogue",
}
_MODES = {
    "native": "JSON schema",
    "tool": "tool call",
    "object": "JSON object",
    "prompt": "the prompt's words alone",
}


async def _doing(project: Project, seat: Seat) -> str:
    """The seat's job, once; a few words of what it said."""
    domain = project.domain
    profile = domain.profiles[0]
    turns = _opening(project)
    if seat.name == "customer":
        customer = Customer(seat, domain, profile, project.prompts)
        said, _ = await customer.speak((), seed=1, phase=PHASE, item="job")
    elif seat.name == "judge":
        said = await _rated(project, seat, seed=1)
    else:
        said = await Agent(seat, domain, project.prompts).reply(turns, seed=1, phase=PHASE, item="job")
    return said if len(said) <= 60 else f"{said[:57]}..."


async def _rated(project: Project, seat: Seat, *, seed: int) -> str:
    turns = (*_opening(project), Turn(speaker="agent", text=_BRUSH_OFF, by="student"))
    case = Case(domain=project.domain, profile=project.domain.profiles[0], turns=turns)
    found = await rate(seat, project.prompts, case, seed=seed, phase=PHASE, item="rating")
    return f"{found.satisfaction:g} of 5 for a brush-off"


async def _orders(project: Project, seat: Seat) -> Check:
    """A brush-off beside a real answer, shown in both orders: the brush-off must lose in both."""
    turns = _opening(project)
    try:
        real = await Agent(seat, project.domain, project.prompts).reply(turns, seed=2, phase=PHASE, item="orders")
        pair = Pair(policy=project.domain.policy, turns=turns, candidate=_BRUSH_OFF, reference=real)
        found = await compare(seat, project.prompts, pair, seed=2, phase=PHASE, item="orders", thorough=True)
    except ModelError as error:
        return failed("orders", error.message, error.hint or "take a stronger teacher")
    if found.verdict == "worse":
        return good("orders", "tells a good reply from a bad one, shown first or second")
    if found.verdict == "better":
        return failed("orders", "prefers a brush-off to its own answer, in both orders", "take a stronger teacher")
    return warned(
        "orders",
        "its judgement hangs on which reply is shown first",
        "few gaps will be found; take a stronger teacher",
    )


def _opening(project: Project) -> tuple[Turn, ...]:
    issue = project.domain.issue(project.domain.profiles[0].issue)
    return (Turn(speaker="customer", text=issue.story, by="customer"),)
