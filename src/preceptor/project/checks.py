"""Single checks of a seat's model, below the seat: price, usage, context, streaming, limits."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from preceptor.core.errors import ModelError
from preceptor.core.events import ignore
from preceptor.core.settings import BudgetConfig, SeatConfig
from preceptor.llm import Ledger, NullJournal
from preceptor.llm.breaker import Breaker
from preceptor.llm.calls import Tag
from preceptor.llm.limiter import Limiter
from preceptor.llm.metered import Metered
from preceptor.llm.model import ChatMessage, ChatModel, ChatReply, ChatRequest, Usage
from preceptor.llm.opening import open_model
from preceptor.llm.prices import find_price, is_local
from preceptor.llm.retry import Retrying
from preceptor.llm.streaming import Heard
from preceptor.llm.tokens import estimate_tokens

if TYPE_CHECKING:
    from preceptor.project.project import Project

PHASE = "doctor"
"""What finding out takes stands in the table under this name."""
Asking = Callable[[ChatRequest], Awaitable[ChatReply]]
State = Literal["ok", "warn", "fail"]
_FILLER = "The customer waited at the desk and the agent looked the booking up again. "
_SHORT = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One finding. ``fail``: ``learn`` would fail, or be of no use."""

    name: str
    state: State
    told: str
    advice: str = ""
    """What to change; empty where nothing is."""


def good(name: str, told: str) -> Check:
    """All is well."""
    return Check(name=name, state="ok", told=told)


def warned(name: str, told: str, advice: str) -> Check:
    """It works, with a drawback."""
    return Check(name=name, state="warn", told=told, advice=advice)


def failed(name: str, told: str, advice: str) -> Check:
    """It does not work."""
    return Check(name=name, state="fail", told=told, advice=advice)


def price_check(seat: str, config: SeatConfig, budget: BudgetConfig) -> Check:
    """Whether the price is known, and what follows where it is not."""
    model = config.model
    local = model.startswith("practice:") or (model.startswith("http") and is_local(model.partition("#")[0]))
    price = find_price(model, local=local, own=config)
    if price is not None:
        per = [price(Usage(input=10**6, output=0)), price(Usage(input=0, output=10**6))]
        return good("price", "free" if not any(per) else f"{per[0]:g} USD in, {per[1]:g} USD out, a million tokens")
    advice = f"set seats.{seat}.price_input and price_output"
    if budget.usd is not None or (budget.tokens is None and budget.calls is None):
        return failed("price", "unknown, and no cap on tokens or calls holds", f"{advice}, or cap budget.tokens")
    return warned("price", "unknown: the table will not tell US dollars", advice)


async def raw_checks(project: Project, seat: str, config: SeatConfig, ledger: Ledger) -> list[Check]:
    """Context length, ``max_tokens`` and streaming, asked of the model itself; counted in ``ledger``."""
    opened = open_model(seat, config, environ=project.environ, factories={})
    price = ledger.price_of(seat, opened.model.spec, local=opened.local, own=config)
    parts: list[str] = []

    def asking(model: ChatModel) -> Asking:
        limiter, breaker = (
            Limiter(1, None, now=time.monotonic, sleep=asyncio.sleep),
            Breaker(0.0, now=time.monotonic),
        )
        patient = Retrying(model, config, limiter, breaker, seat=seat, sleep=asyncio.sleep, rng=random.Random(0))
        metered = Metered(patient, ledger, price=price, emit=ignore, journal=NullJournal())

        async def ask(request: ChatRequest) -> ChatReply:
            answered = await metered.complete(request, PHASE, Tag(seat=seat, phase=PHASE, item="limits"))
            answered.settle()
            return answered.paid.reply

        return ask

    def hear(_: ChatRequest, part: str | None) -> None:
        parts.extend([] if part is None else [part])

    try:
        plain = asking(opened.model)
        return [
            await _context(project, plain, config),
            await _limit(plain, seat),
            await _streaming(asking(Heard(opened.model, hear)), parts),
        ]
    finally:
        await opened.model.aclose()


async def _context(project: Project, ask: Asking, config: SeatConfig) -> Check:
    """A prompt as long as this domain's longest: taken whole, cut off in silence, or refused."""
    need = _longest_prompt(project)
    text = _FILLER * (4 * need // len(_FILLER) + 1)
    request = ChatRequest(messages=(ChatMessage("user", f"{text}\nSay: ready."),), seed=1, max_tokens=_SHORT)
    try:
        reply = await ask(request)
    except ModelError as error:
        if error.kind == "context-length":
            return failed(
                "context",
                f"a prompt of {need} tokens is too long",
                "give the server a larger context (num_ctx, --ctx-size)",
            )
        return warned("context", f"could not be told: {error.message}", "look the model's context length up")
    taken = reply.usage.input
    if reply.usage.estimated:
        return good("context", f"a prompt of {need} tokens is taken; the server does not tell how much of it")
    if taken < estimate_tokens(text) // 2:
        return failed(
            "context",
            f"of a prompt of {need} tokens the server read {taken}",
            "it cuts prompts off in silence: give it a larger context (Ollama: num_ctx)",
        )
    return good("context", f"a prompt of {taken} tokens is taken; with {config.max_tokens} for the answer")


def _longest_prompt(project: Project) -> int:
    """Tokens of about the longest prompt that a run of this project makes."""
    rows = project.estimate().phases
    return round(1.3 * max(row.input_tokens / max(1, row.calls) for row in rows))


async def _limit(ask: Asking, seat: str) -> Check:
    asked = "Write all numbers from one to three hundred in words."
    request = ChatRequest(messages=(ChatMessage("user", asked),), seed=1, max_tokens=_SHORT)
    try:
        reply = await ask(request)
    except ModelError as error:
        return warned("max_tokens", f"could not be told: {error.message}", "see the server's log")
    got = max(reply.usage.output, 0 if reply.usage.estimated else estimate_tokens(reply.text) // 2)
    if got > 2 * _SHORT:
        return warned(
            "max_tokens",
            f"asked for {_SHORT} tokens at most, it took {got}",
            f"a cap can be passed by what calls in flight take too much; lower seats.{seat}.concurrency",
        )
    return good("max_tokens", "obeyed")


async def _streaming(ask: Asking, parts: Sequence[str]) -> Check:
    request = ChatRequest(messages=(ChatMessage("user", "Say: ready."),), seed=1, max_tokens=_SHORT)
    try:
        await ask(request)
    except ModelError as error:
        return warned("streaming", f"fails: {error.message}", "only live views need it")
    return good("streaming", "works" if len(parts) > 1 else "the answer comes in one piece")
