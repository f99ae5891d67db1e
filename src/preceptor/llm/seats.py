"""Opening the four seats of a run from their seat strings."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from preceptor.core.errors import BadAnswerError
from preceptor.core.events import Emit, TryFailed
from preceptor.core.settings import SeatConfig, SeatsConfig
from preceptor.core.untrusted import one_line
from preceptor.llm.breaker import Breaker
from preceptor.llm.calls import Tag
from preceptor.llm.journal import AnyJournal
from preceptor.llm.ledger import Ledger
from preceptor.llm.limiter import Limiter, Monotonic, Sleep
from preceptor.llm.metered import Metered
from preceptor.llm.model import ChatModel, ChatReply
from preceptor.llm.modes import FORM_FAILURES, ModeMemory
from preceptor.llm.opening import Opened, open_model
from preceptor.llm.replay import InFlight, Replaying
from preceptor.llm.retry import Retrying
from preceptor.llm.seat import Ear, Seat
from preceptor.llm.streaming import Hear, Heard
from preceptor.llm.trace import NoTrace, Trace


@dataclass(frozen=True, slots=True, kw_only=True)
class Seats:
    """The four seats of a run."""

    student: Seat
    teacher: Seat
    customer: Seat
    judge: Seat


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Time and chance as limits and retries see them; tests pass their own."""

    sleep: Sleep = asyncio.sleep
    now: Monotonic = time.monotonic
    rng: random.Random = field(default_factory=random.Random)
    """Only spreads the waiting between tries: it has no part in any result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What goes on beside the calls of a run."""

    modes: ModeMemory = field(default_factory=ModeMemory)
    """How each model gives structured answers."""
    trace: Trace = field(default_factory=NoTrace)
    """Where its spans go."""
    hear: Hear | None = None
    """Who hears answers while they come; None: nobody, and they come whole."""


_KEY = 12
"""Characters of a key that are shown."""


@asynccontextmanager
async def open_seats(
    config: SeatsConfig,
    *,
    environ: Mapping[str, str],
    factories: Mapping[str, Callable[[str], ChatModel]],
    journal: AnyJournal,
    ledger: Ledger,
    emit: Emit,
    timing: Timing | None = None,
    beside: Beside | None = None,
) -> AsyncGenerator[Seats]:
    """The seats of a run, their connections closed at the end.

    ``factories`` maps a scheme such as ``practice`` to a function from what stands after the colon to a model.
    Seats with the same seat string and key share one
    model and its connections. Nothing is called yet; the ledger takes over what ``journal`` says was spent. Closing
    the journal is the caller's business.

    Raises:
        ConfigError: a seat string, a key, an extra or a price is missing or wrong.
        RunError: the journal cannot be read.
    """
    timing = timing or Timing()
    beside = beside or Beside()
    models: dict[tuple[str, str], Opened] = {}
    in_flight: InFlight = {}
    async with AsyncExitStack() as stack:
        stack.callback(beside.modes.save)

        def seat(name: str, seat_config: SeatConfig) -> Seat:
            key = (seat_config.model, seat_config.api_key_env)
            if key not in models:
                models[key] = open_model(
                    name, seat_config, environ=environ, factories=factories, modes=beside.modes
                )
                stack.push_async_callback(models[key].model.aclose)
            opened = models[key]
            model = opened.model if beside.hear is None else Heard(opened.model, beside.hear)
            limiter = Limiter(seat_config.concurrency, seat_config.per_minute, now=timing.now, sleep=timing.sleep)
            breaker = Breaker(seat_config.outage, now=timing.now)
            retrying = Retrying(model, seat_config, limiter, breaker, seat=name, sleep=timing.sleep, rng=timing.rng)
            price = ledger.price_of(name, opened.model.spec, local=opened.local, own=seat_config)
            metered = Metered(retrying, ledger, price=price, emit=emit, journal=journal, now=timing.now)
            replaying = Replaying(
                metered, journal, in_flight, spec=opened.model.spec, ledger=ledger, emit=emit, trace=beside.trace
            )
            return Seat(
                name=name,
                spec=opened.model.spec,
                local=opened.local,
                config=seat_config,
                ask=replaying.ask,
                heard=_ear(opened.model.spec, beside.modes, emit),
            )

        seats = Seats(
            student=seat("student", config.student),
            teacher=seat("teacher", config.teacher),
            customer=seat("customer", config.customer),
            judge=seat("judge", config.judge),
        )
        ledger.restore(journal.spent())
        yield seats


def _ear(spec: str, modes: ModeMemory, emit: Emit) -> Ear:
    """Tells listeners of answers that cannot be used, and the memory of modes whether an answer had its form. What
    is replayed was told before."""

    def heard(reply: ChatReply | None, tag: Tag, error: BadAnswerError | None) -> None:
        if reply is None or reply.replayed:  # a try without a reply is told where it is paid for
            return
        if error is None or error.kind in FORM_FAILURES:
            modes.told(spec, reply.mode, usable=error is None)
        if error is not None:
            emit(
                TryFailed(
                    seat=tag.seat,
                    phase=tag.phase,
                    item=tag.item,
                    failure=error.kind,
                    reason=one_line(error.message, 400),
                    call=reply.call[:_KEY],
                    mode=reply.mode,
                )
            )

    return heard
