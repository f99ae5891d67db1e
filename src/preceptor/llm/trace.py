"""OpenTelemetry spans of a run: the run, its phases, and every call in the conventions for generative AI.

Names and attributes after the OpenTelemetry semantic conventions for GenAI (``chat {model}``, ``gen_ai.*``).
``preceptor.item`` is the id that a strategy's scenarios have, ``preceptor.call`` the call's key in the journal:
with them a strategy is followed back to each call that made it.

A call that has ended is data (:class:`CallTold`): calls of workers come to the process that drives the run, which
makes their spans, so that workers need no exporter and all spans of a run stand in one trace.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from preceptor.core.errors import PreceptorError
from preceptor.core.events import Event, ItemFailed, PhaseStarted, RunEnded, RunStarted
from preceptor.core.spans import exporter
from preceptor.llm.calls import Tag
from preceptor.llm.model import ChatReply, ChatRequest

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span

Value = str | int | float | bool | tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallTold:
    """A call that is paid for and has ended, all its tries included."""

    name: str
    attributes: Mapping[str, Value]
    began: int
    """Nanoseconds since 1970, by the clock of the machine that made the call."""
    ended: int
    error: str = ""
    """Why no answer came; empty where one did."""


class CallSpan(Protocol):
    """One call under way."""

    def answered(self, reply: ChatReply, usd: float | None) -> None:
        """What came."""
        ...


class Trace(Protocol):
    """Where a run's spans go."""

    def listen(self, event: Event) -> None:
        """Hears every event of the run."""
        ...

    def call(self, spec: str, request: ChatRequest, key: str, tag: Tag) -> AbstractContextManager[CallSpan]:
        """Around one call that is paid for."""
        ...

    def told(self, call: CallTold) -> None:
        """A call that another process of the run made."""
        ...

    def close(self) -> None:
        """Sends what is left."""
        ...


class _NoSpan:
    def answered(self, reply: ChatReply, usd: float | None) -> None:
        del reply, usd


class NoTrace:
    """No spans."""

    def listen(self, event: Event) -> None:
        """Nothing."""
        del event

    def call(self, spec: str, request: ChatRequest, key: str, tag: Tag) -> AbstractContextManager[CallSpan]:
        """Nothing."""
        del spec, request, key, tag
        return nullcontext(_NoSpan())

    def told(self, call: CallTold) -> None:
        """Nothing."""
        del call

    def close(self) -> None:
        """Nothing."""


class CallLog(NoTrace):
    """Calls as data, for another process to make spans of."""

    def __init__(self) -> None:
        self._calls: deque[CallTold] = deque()

    def call(self, spec: str, request: ChatRequest, key: str, tag: Tag) -> AbstractContextManager[CallSpan]:
        """See :class:`Trace`."""
        return _noted(self._calls.append, spec, request, key, tag)

    def taken(self) -> tuple[CallTold, ...]:
        """The calls that have ended since this was asked last."""
        return tuple(self._calls.popleft() for _ in range(len(self._calls)))


class RunTrace:
    """Spans through ``provider``; None: to a collector, as :func:`preceptor.core.spans.exporter` says.

    Raises:
        ConfigError: the extra is not installed.
    """

    def __init__(self, provider: TracerProvider | None = None) -> None:
        self._provider = provider or exporter()
        from opentelemetry import trace  # noqa: PLC0415 - an extra

        self._api = trace
        self._tracer = self._provider.get_tracer("preceptor.run")
        self._run: Span | None = None
        self._phase: Span | None = None

    def listen(self, event: Event) -> None:
        """Opens and closes the spans of the run and its phases."""
        match event:
            case RunStarted():
                self._run = self._tracer.start_span(f"preceptor {event.job}")
                self._run.set_attribute("preceptor.run", event.run)
                self._run.set_attribute("preceptor.resumed", event.resumed)
            case PhaseStarted():
                self._end_phase()
                self._phase = self._tracer.start_span(f"{event.name}", context=self._within(self._run))
                self._phase.set_attribute("preceptor.stage", event.stage)
                self._phase.set_attribute("preceptor.items", event.total)
            case ItemFailed():
                span = self._phase or self._run
                if span is not None:
                    attributes = {"preceptor.item": event.id, "error.type": event.failure}
                    span.add_event(f"{event.kind} failed", attributes)
            case RunEnded():
                self._end_phase()
                if self._run is not None:
                    self._run.set_attribute("preceptor.status", event.status)
                    if event.status != "done":
                        self._run.set_status(self._api.StatusCode.ERROR, event.message)
                    self._run.end()
                    self._run = None
            case _:
                return

    def call(self, spec: str, request: ChatRequest, key: str, tag: Tag) -> AbstractContextManager[CallSpan]:
        """See :class:`Trace`."""
        return _noted(self.told, spec, request, key, tag)

    def told(self, call: CallTold) -> None:
        """See :class:`Trace`. Part of the phase that is under way: no phase ends before its calls were told."""
        span = self._tracer.start_span(
            call.name,
            context=self._within(self._phase or self._run),
            kind=self._api.SpanKind.CLIENT,
            attributes=call.attributes,
            start_time=call.began,
        )
        if call.error:
            span.set_status(self._api.StatusCode.ERROR, call.error)
        span.end(call.ended)

    def close(self) -> None:
        """See :class:`Trace`. An agent's provider goes on."""
        if self._provider is not self._api.get_tracer_provider():
            self._provider.shutdown()

    def _end_phase(self) -> None:
        if self._phase is not None:
            self._phase.end()
            self._phase = None

    def _within(self, span: Span | None):
        return None if span is None else self._api.set_span_in_context(span)


@contextmanager
def _noted(
    tell: Callable[[CallTold], None], spec: str, request: ChatRequest, key: str, tag: Tag
) -> Generator[CallSpan]:
    """Tells of the call when it ends, however it ends."""
    provider, _, model = spec.partition(":") if "#" not in spec else ("openai", "", spec.partition("#")[2])
    noted = _Noted(
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": provider,
            "gen_ai.request.model": model,
            "gen_ai.request.max_tokens": request.max_tokens,
            "gen_ai.request.seed": request.seed,
            "gen_ai.output.type": "text" if request.schema is None else "json",
            "preceptor.seat": tag.seat,
            "preceptor.phase": tag.phase,
            "preceptor.item": tag.item,
            "preceptor.call": key,
        }
    )
    if request.temperature is not None:
        noted.attributes["gen_ai.request.temperature"] = request.temperature
    began, timer, error = time.time_ns(), time.perf_counter_ns(), ""
    try:
        yield noted
    except PreceptorError as failed:
        noted.attributes["error.type"] = str(getattr(failed, "kind", type(failed).__name__))
        error = failed.message
        raise
    finally:
        # By the timer: a clock that is set meanwhile makes no call end before it began.
        ended = began + time.perf_counter_ns() - timer
        tell(CallTold(name=f"chat {model}", attributes=noted.attributes, began=began, ended=ended, error=error))


@dataclass(slots=True)
class _Noted:
    attributes: dict[str, Value] = field(default_factory=dict[str, Value])

    def answered(self, reply: ChatReply, usd: float | None) -> None:
        usage = reply.usage
        self.attributes |= {
            "gen_ai.response.model": reply.model,
            "gen_ai.response.finish_reasons": (reply.finish,),
            "gen_ai.usage.input_tokens": usage.input,
            "gen_ai.usage.output_tokens": usage.output,
            "gen_ai.usage.cache_read.input_tokens": usage.cached,
            "preceptor.estimated": usage.estimated,
        }
        if usd is not None:
            self.attributes["preceptor.usd"] = usd
