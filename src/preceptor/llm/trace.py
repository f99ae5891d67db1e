"""OpenTelemetry spans of a run: the run, its phases, and every call in the conventions for generative AI.

Names and attributes after the OpenTelemetry semantic conventions for GenAI (``chat {model}``, ``gen_ai.*``).
``preceptor.item`` is the id that a strategy's scenarios have, ``preceptor.call`` the call's key in the journal:
with them a strategy is followed back to each call that made it.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Protocol

from preceptor.core.errors import ConfigError, PreceptorError
from preceptor.core.events import Event, ItemFailed, PhaseStarted, RunEnded, RunStarted
from preceptor.llm.calls import Tag
from preceptor.llm.model import ChatReply, ChatRequest

if TYPE_CHECKING:
    from opentelemetry.trace import Span


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
        """A span around one call that is paid for, all its tries included."""
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


class RunTrace:
    """Spans to whatever the process's OpenTelemetry is set up to export to (``OTEL_*`` variables, or an SDK).

    Raises:
        ConfigError: the extra is not installed.
    """

    def __init__(self) -> None:
        try:
            from opentelemetry import trace  # noqa: PLC0415 - an extra
        except ImportError as error:
            raise ConfigError(
                "OpenTelemetry is not installed", hint="install it with: pip install 'preceptor[otel]'"
            ) from error
        self._api = trace
        self._tracer = trace.get_tracer("preceptor.run")
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

    @contextmanager
    def call(self, spec: str, request: ChatRequest, key: str, tag: Tag) -> Generator[CallSpan]:
        """See :class:`Trace`."""
        provider, _, model = spec.partition(":") if "#" not in spec else ("openai", "", spec.partition("#")[2])
        span = self._tracer.start_span(
            f"chat {model}", context=self._within(self._phase or self._run), kind=self._api.SpanKind.CLIENT
        )
        span.set_attributes(
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
            span.set_attribute("gen_ai.request.temperature", request.temperature)
        try:
            yield _Told(span)
        except PreceptorError as error:
            kind = getattr(error, "kind", type(error).__name__)
            span.set_attribute("error.type", str(kind))
            span.set_status(self._api.StatusCode.ERROR, error.message)
            raise
        finally:
            span.end()

    def _end_phase(self) -> None:
        if self._phase is not None:
            self._phase.end()
            self._phase = None

    def _within(self, span: Span | None):
        return None if span is None else self._api.set_span_in_context(span)


class _Told:
    def __init__(self, span: Span) -> None:
        self._span = span

    def answered(self, reply: ChatReply, usd: float | None) -> None:
        usage = reply.usage
        self._span.set_attributes(
            {
                "gen_ai.response.model": reply.model,
                "gen_ai.response.finish_reasons": (reply.finish,),
                "gen_ai.usage.input_tokens": usage.input,
                "gen_ai.usage.output_tokens": usage.output,
                "gen_ai.usage.cache_read.input_tokens": usage.cached,
                "preceptor.estimated": usage.estimated,
            }
        )
        if usd is not None:
            self._span.set_attribute("preceptor.usd", usd)
