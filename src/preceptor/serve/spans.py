"""OpenTelemetry spans in the conventions for generative AI, where the extra is installed and asked for.

Attributes: opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans. Nothing of what was said is among them.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Protocol

from preceptor.core.untrusted import one_line
from preceptor.serve.headers import Header
from preceptor.serve.settings import upstream_parts, upstream_socket
from preceptor.serve.story import UNCOACHED

if TYPE_CHECKING:
    from opentelemetry.trace import TracerProvider

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

    def close(self) -> None:
        """Sends what is left."""
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

    def close(self) -> None:
        return None


NO_SPANS: Spans = _NoSpans()


def open_spans(provider: TracerProvider, upstream: str) -> Spans:
    """Spans of calls to ``upstream`` (its base URL), through ``provider``."""
    from opentelemetry import propagate, trace  # noqa: PLC0415 - an extra

    tracer = provider.get_tracer("preceptor.serve")
    host, port, _ = upstream_socket(upstream_parts(upstream)[0])

    class Told:
        def __init__(self, span: trace.Span) -> None:
            self._span = span

        def tell(self, story: Story) -> None:
            coached, span = story.coached, self._span
            # As clean as in the log: a lone surrogate would cost the exporter all that it sends with it.
            model = one_line(coached.asked.model, 80) if coached.asked else ""
            operation = "chat" if story.route != "/v1" else "proxy"
            span.update_name(f"{operation} {model}".strip())
            # The value for whatever speaks OpenAI's API where it is not known who does.
            span.set_attributes({"gen_ai.operation.name": operation, "gen_ai.provider.name": "openai"})
            span.set_attributes({"server.address": host, "server.port": port})
            if model:
                span.set_attribute("gen_ai.request.model", model)
            span.set_attribute("http.response.status_code", story.status)
            if coached is not UNCOACHED:
                span.set_attribute("preceptor.coaching", coached.outcome)
            if coached.release:
                span.set_attribute("preceptor.release", coached.release)
                span.set_attribute("preceptor.strategies", coached.strategies)
            error = story.end if story.end != "done" else str(story.status) if story.status >= 400 else ""
            if error:
                span.set_attribute("error.type", error)
                span.set_status(trace.StatusCode.ERROR)

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

        def close(self) -> None:
            end = getattr(provider, "shutdown", None)
            if end is not None:
                end()

    return Opened()
