"""What a learning run is expected to take, before anything is called."""

from __future__ import annotations

from dataclasses import dataclass

from preceptor.core.records import Domain
from preceptor.core.settings import Config, LearnConfig
from preceptor.llm.prices import find_price, is_local
from preceptor.llm.tokens import estimate_tokens
from preceptor.prompts import PromptSet

# Typical rates of runs on the practice world; each is far from its limit, which gives the upper figure.
_TURNS = 0.8
_WORSE = 0.7
_ATTEMPTS = 2.4
_ORDERS = 1.4
_KEPT = 1.3
_CONVERSATION = 260
"""Tokens of a typical conversation so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatEstimate:
    """One seat's part."""

    seat: str
    model: str
    calls: int
    """Expected."""
    most_calls: int
    """With every dialogue at its full length and every lesson at its last attempt."""
    input_tokens: int
    output_tokens: int
    usd: float | None
    """Expected cost; None where the price is not known, 0 for a local model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """All seats."""

    seats: tuple[SeatEstimate, ...]

    @property
    def calls(self) -> int:
        """Expected, over all seats."""
        return sum(s.calls for s in self.seats)

    @property
    def most_calls(self) -> int:
        """At most, but for calls repeated after failures."""
        return sum(s.most_calls for s in self.seats)

    @property
    def tokens(self) -> int:
        """Expected input and output, over all seats."""
        return sum(s.input_tokens + s.output_tokens for s in self.seats)

    @property
    def usd(self) -> float | None:
        """Expected; None where one price is not known."""
        prices = [s.usd for s in self.seats]
        return None if None in prices else sum(p for p in prices if p is not None)


@dataclass(frozen=True, slots=True)
class _Calls:
    """Calls by what they are for."""

    student: float
    teacher_reply: float
    teacher_judge: float
    teacher_write: float
    customer: float


@dataclass(frozen=True, slots=True)
class _Rates:
    turns: float
    worse: float
    attempts: float
    orders: float
    kept: float


def estimate_learn(config: Config, domain: Domain, prompts: PromptSet, *, scenarios: int | None = None) -> Estimate:
    """Calls, tokens and cost by seat.

    Args:
        scenarios: so many come from logs; None: they are simulated.
    """
    learn = config.learn
    usual = _Rates(
        learn.max_turns * _TURNS,
        _WORSE,
        min(_ATTEMPTS, learn.attempts),
        _ORDERS,
        min(_KEPT, learn.strategies_per_lesson),
    )
    limits = _Rates(learn.max_turns, 1.0, learn.attempts, 2.0, learn.strategies_per_lesson)
    expected, most = _calls(learn, usual, scenarios), _calls(learn, limits, scenarios)
    policy = estimate_tokens(domain.policy)

    def size(name: str) -> int:
        return estimate_tokens(prompts[name].body) + policy

    agent = size("agent") + estimate_tokens(domain.brief) + _CONVERSATION
    seats = (
        _seat(config, "student", most.student, [(expected.student, agent + 120, 70)]),
        _seat(
            config,
            "teacher",
            most.teacher_reply + most.teacher_judge + most.teacher_write,
            [
                (expected.teacher_reply, agent, 80),
                (expected.teacher_judge, size("compare") + _CONVERSATION + 150, 110),
                (expected.teacher_write, size("teach") + _CONVERSATION + 500, 160),
            ],
        ),
        _seat(
            config,
            "customer",
            most.customer,
            [(expected.customer, size("customer") - policy + _CONVERSATION + 150, 45)],
        ),
    )
    return Estimate(seats=seats)


def _calls(learn: LearnConfig, rates: _Rates, logged: int | None) -> _Calls:
    student = reply = judge = write = customer = 0.0
    wanted = learn.scenarios * learn.candidates
    stages = len(learn.teacher_share)
    for share in learn.teacher_share:
        spoken = learn.dialogues * rates.turns
        if logged is None:
            student += spoken * (1 - share)
            reply += spoken * share
            customer += spoken + learn.dialogues
            probed = min(spoken, wanted)
            # Who spoke in the dialogue has replied already; the other one is still to be asked.
            student += probed * share
            reply += probed * (1 - share)
        else:
            probed = min(logged / stages, wanted)
            student += probed
        taught = min(learn.scenarios, probed * rates.worse)
        tries = taught * rates.attempts
        student += tries
        judge += (probed + tries) * rates.orders
        write += tries
        kept = taught * rates.kept
        judge += kept * (1.0 if learn.screen_with_teacher else 0.0) + kept * 0.3 + 1
    return _Calls(student, reply, judge, write, customer)


def _seat(config: Config, name: str, most: float, parts: list[tuple[float, int, int]]) -> SeatEstimate:
    model = getattr(config.seats, name).model
    sent = sum(calls * tokens for calls, tokens, _ in parts)
    got = sum(calls * tokens for calls, _, tokens in parts)
    local = model.startswith("practice:") or (model.startswith("http") and is_local(model.partition("#")[0]))
    price = find_price(model, local=local, own={})
    calls = sum(c for c, _, _ in parts)
    return SeatEstimate(
        seat=name,
        model=model,
        calls=round(calls),
        most_calls=round(max(most, calls)),
        input_tokens=round(sent),
        output_tokens=round(got),
        usd=None if price is None else round(price(round(sent), 0, round(got)), 4),
    )
