"""OpenTelemetry spans in the conventions for generative AI, where the extra is installed and asked for."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Protocol

from preceptor.core.errors import ConfigError
from preceptor.serve.headers import Header

if TYPE_CHECKING:
    from preceptor.serve.story import Story


class Span(Protocol):
    """One request's span."""

    def tell(self, story: Story) -> None:
        """What is known at its end."""
        ...


class Spans(Protocol):
    """Where spans go."""

    def request(self, headers: Sequence[Header]) -> AbstractContextManager[Span]:
        """A span around one request; the caller's trace goes on where its headers name one."""
        ...

    def onward(self) -> list[Header]:
        """The headers by which the upstream goes on with the trace."""
        ...


class _NoSpan:
    def tell(self, story: Story) -> None:
        del story

    def __enter__(self) -> _NoSpan:
        return self

    def __exit__(self, *error: object) -> None:
        return None


class _NoSpans:
    def __init__(self) -> None:
        self._span = _NoSpan()

    def request(self, headers: Sequence[Header]) -> AbstractContextManager[Span]:
        del headers
        return self._span

    def onward(self) -> list[Header]:
        return []


NO_SPANS: Spans = _NoSpans()


def open_spans() -> Spans:
    """Spans to whatever the process's OpenTelemetry is set up to export to.

    Raises:
        ConfigError: the extra is not installed.
    """
    try:
        from opentelemetry import propagate, trace  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise ConfigError(
            "OpenTelemetry is not installed", hint="install it with: pip install 'preceptor[otel]'"
        ) from error
    tracer = trace.get_tracer("preceptor.serve")

    class Told:
        def __init__(self, span: trace.Span) -> None:
            self._span = span

        def tell(self, story: Story) -> None:
            coached = story.coached
            model = coached.asked.model if coached.asked else ""
            operation = "chat" if story.route != "/v1" else "proxy"
            self._span.update_name(f"{operation} {model}".strip())
            self._span.set_attribute("gen_ai.operation.name", operation)
            if model:
                self._span.set_attribute("gen_ai.request.model", model)
            self._span.set_attribute("http.response.status_code", story.status)
            self._span.set_attribute("preceptor.coaching", coached.outcome)
            if coached.release:
                self._span.set_attribute("preceptor.release", coached.release)
                self._span.set_attribute("preceptor.strategies", coached.strategies)
            if story.end != "done":
                self._span.set_attribute("error.type", story.end)

    class Opened:
        @contextmanager
        def request(self, headers: Sequence[Header]) -> Generator[Span]:
            carrier = {k.decode("latin-1"): v.decode("latin-1") for k, v in headers}
            parent = propagate.extract(carrier)
            with tracer.start_as_current_span("proxy", context=parent, kind=trace.SpanKind.CLIENT) as span:
                yield Told(span)

        def onward(self) -> list[Header]:
            carrier: dict[str, str] = {}
            propagate.inject(carrier)
            return [(k.lower().encode(), v.encode()) for k, v in carrier.items()]

    return Opened()
